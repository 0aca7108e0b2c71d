"""keyreel bluescale, as users type it, at a library in this process."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from target.library.library import Library
from tests.harness.operators import FIRST, KEY_PASSWORD, SECOND, THIRD, Keyreel, password_file


@pytest.mark.req("BS-02")
def test_the_encryption_password_is_a_gate_of_its_own(su: Keyreel, tower: Library) -> None:
    assert "keyreel bluescale authorize" in su("bluescale keys", status=1).err
    assert "not the encryption password" in su("bluescale authorize", "x\n", status=1).err
    assert "wrong encryption password" in tower.messages.since()[-1].text
    assert "keyreel bluescale authorize" in su("bluescale keys", status=1).err
    su("bluescale authorize", "\n")
    su("bluescale keys")
    su("bluescale password", f"\n{FIRST}\n")
    su("library login", "\n")
    su("bluescale authorize", "\n", status=1)
    su("bluescale authorize", f"{FIRST}\n")
    assert su("bluescale status --json").rows["blank"] is False
    told = su("bluescale password", f"{FIRST}\nwith a space\n", status=1).err
    assert "with a space" not in told


@pytest.mark.req("BS-04")
def test_secure_initialization(screens: Keyreel) -> None:
    screens("bluescale secure-initialization on")
    screens("library power-cycle")
    assert re.search("encryption +locked", screens("library status").out)
    screens("bluescale keys", status=1)
    screens("bluescale authorize", "\n")
    assert re.search("encryption +ready", screens("library status").out)
    screens("bluescale secure-initialization off")
    assert screens("bluescale status --json").rows["secure_initialization"] is False


@pytest.mark.req("BS-06")
@pytest.mark.req("BS-07")
def test_keys_are_made_and_assigned(professional: Keyreel) -> None:
    assert "Export a copy" in professional("bluescale create first").out
    professional("bluescale create second")
    professional("bluescale assign finance first --decrypt-only second")
    rows = professional("bluescale keys --json").rows
    assert [(row["moniker"], row["primary_of"], row["decrypts_for"]) for row in rows] == [
        ("first", ["finance"], []), ("second", [], ["finance"]),
    ]  # fmt: skip
    professional("bluescale unassign finance")
    assert professional("bluescale status --json").rows["partitions"][0]["primary"] is None
    assert "there is a key 'first'" in professional("bluescale create first", status=1).err


@pytest.mark.req("BS-10")
@pytest.mark.req("BS-11")
@pytest.mark.req("BS-12")
def test_keys_are_exported_deleted_and_imported(screens: Keyreel, folder: Path) -> None:
    screens("bluescale create first")
    file = password_file(folder, KEY_PASSWORD)
    screens(f"bluescale export first --password-file {file} --location safe")
    exported = folder / "first.bsk"
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    data = exported.read_bytes()
    assert data
    told = screens(f"bluescale export first --password-file {file}", status=1).err
    assert "is there already" in told
    assert exported.read_bytes() == data
    screens("bluescale export first --output other", f"{KEY_PASSWORD}\n")
    assert screens("bluescale keys --json").rows[0]["copies"] == 2
    assert sorted(path.name for path in folder.iterdir()) == ["first.bsk", "other", "password"]
    # The moniker once more, or nothing is deleted.
    assert "type the moniker" in screens("bluescale delete first", "frist\n", status=1).err
    screens("bluescale delete first --confirm firts", status=1)
    screens("bluescale delete first", "first\n")
    assert screens("bluescale keys --json").rows == []
    assert "does not open" in screens("bluescale import first.bsk", "wrong\n", status=1).err
    assert screens("bluescale keys --json").rows == []
    assert "was imported" in screens("bluescale import first.bsk", f"{KEY_PASSWORD}\n").out
    assert "was there already" in screens(f"bluescale import other --password-file {file}").out
    assert "cannot be read" in screens("bluescale import none.bsk", "x\n", status=1).err


def test_nothing_is_exported_where_no_file_can_be(screens: Keyreel, folder: Path) -> None:
    screens("bluescale create first")
    told = screens("bluescale export first --output none/x", f"{KEY_PASSWORD}\n", status=1).err
    assert "none/x cannot be written" in told
    told = screens("bluescale export second", f"{KEY_PASSWORD}\n", status=1).err
    assert "no key 'second'" in told
    (folder / "link").symlink_to(folder / "nowhere")
    told = screens("bluescale export first --output link", f"{KEY_PASSWORD}\n", status=1).err
    assert "is there already" in told
    assert [path.name for path in folder.iterdir()] == ["link"]


@pytest.mark.req("BS-03")
def test_two_of_three_passwords_move_keys(professional: Keyreel, folder: Path) -> None:
    professional("bluescale create first")
    same = f"\n{FIRST}\n{FIRST}\n{THIRD}\n"
    assert "different" in professional("bluescale mode multi", same, status=1).err
    professional("bluescale mode multi", f"\n{FIRST}\n{SECOND}\n{THIRD}\n")
    professional("library login", "\n")
    professional("bluescale authorize", f"{SECOND}\n")
    one = f"{FIRST}\n{FIRST}\n{KEY_PASSWORD}\n"
    assert "different ones" in professional("bluescale export first", one, status=1).err
    two = f"{THIRD}\n{FIRST}\n{KEY_PASSWORD}\n"
    professional("bluescale export first", two)
    professional("bluescale import first.bsk", two)
    first, third = password_file(folder, FIRST), folder / "third"
    third.write_text(THIRD)
    third.chmod(0o600)
    files = f"--authorization-file {first} --authorization-file {third}"
    professional(f"bluescale import first.bsk {files}", f"{KEY_PASSWORD}\n")
    one_file = f"--authorization-file {third}"
    professional(f"bluescale import first.bsk {one_file}", f"{KEY_PASSWORD}\n", status=2)
    professional("bluescale password", f"{FIRST}\na1\na2\na3\n")
    professional("bluescale mode single", "a2\n\n", status=1)
    professional("bluescale mode single", f"a2\n{FIRST}\n")
    assert professional("bluescale status --json").rows["user_mode"] == "single"


@pytest.mark.req("BS-18")
def test_tracking(screens: Keyreel) -> None:
    screens("bluescale create first")
    assert screens("bluescale copy add first vault").out == "copy 1\n"
    screens("bluescale copy add first desk")
    screens("bluescale copy move first 2 bank")
    screens("bluescale copy remove first 1")
    screens("bluescale plan first --expires 2031-01-01 --shares 3")
    (row,) = screens("bluescale tracking --json").rows
    assert [copy["location"] for copy in row["copies"]] == ["bank"]
    assert (row["expires"], row["shares"]) == ("2031-01-01", 3)
    assert "bank" in screens("bluescale tracking").out
    assert "no date" in screens("bluescale plan first --expires soon", status=1).err


@pytest.mark.req("BS-13")
def test_backup_and_restore(screens: Keyreel, folder: Path) -> None:
    screens("bluescale create first")
    screens("library backup all.backup", f"{KEY_PASSWORD}\n")
    assert stat.S_IMODE((folder / "all.backup").stat().st_mode) == 0o600
    assert "is there" in screens("library backup all.backup", f"{KEY_PASSWORD}\n", status=1).err
    screens("bluescale delete first --confirm first")
    screens("library restore all.backup", "wrong.1\n", status=1)
    assert screens("bluescale keys --json").rows == []
    screens("library restore all.backup", f"{KEY_PASSWORD}\n")
    screens("bluescale authorize", "\n")
    assert [row["moniker"] for row in screens("bluescale keys --json").rows] == ["first"]

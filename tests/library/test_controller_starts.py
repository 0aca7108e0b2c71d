"""A library that starts again: what it remembers, what the rig file may change, what it refuses."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from target.library.errors import OperatorError
from target.library.inventory import Inventory
from target.library.state import State
from target.plan import LibraryPlan
from target.scsi import sense as s
from tests.library.tower import FINANCE, SALES, encrypted, plan_of, powered, secret
from tests.tape.host import GOOD


def refused(folder: Path, plan: LibraryPlan | None = None) -> str:
    """What a library that cannot start says."""
    with pytest.raises(ValueError) as raised, powered(folder, plan):
        pass
    return str(raised.value)


def test_it_finds_everything_where_it_was(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        su.move("KRL001L9", "drive1")
        su.insert("KRL004L9")
        assert tower.host("drive1").write(b"data").status == GOOD
    with powered(tmp_path) as tower:
        assert {one.barcode: one.place for one in tower.login().inventory()} == {
            "KRL001L9": "drive:2",
            "KRL002L9": "slot:2",
            "KRL003L9": "slot:5",
            "KRL004L9": "mail:1",
        }
        assert tower.loaded() == ["drive1"]
        host = tower.host("drive1")
        assert host.read(10, sili=True).data == b"data"
        assert tower.login().move("KRL001L9", "home").destination == "slot:1"


def test_hosts_are_told_of_power_and_medium(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        tower.login().move("KRL001L9", "drive0")
    with powered(tmp_path) as tower:
        assert tower.drives["drive0"].since_power_on == [s.POWER_ON, s.MEDIUM_MAY_HAVE_CHANGED]
        assert tower.drives["drive1"].since_power_on == [s.POWER_ON]


def test_what_the_rig_adds_is_free(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        tower.login().set_partition("finance", drives=["drive1"])
    more = plan_of(
        tmp_path, replace(FINANCE, drives=("drive9", "drive0", "drive1"), slots=6), SALES
    )
    with powered(tmp_path, more) as tower:
        su = tower.login()
        assert [(one.name, one.place, one.partition) for one in su.status().drives] == [
            ("drive0", "drive:1", ""),
            ("drive1", "drive:2", "finance"),
            ("drive2", "drive:3", "sales"),
            ("drive9", "drive:4", ""),
        ]
        assert [(one.name, one.slots) for one in su.partitions()] == [("finance", 4), ("sales", 3)]
        view = su.set_partition("finance", drives=["drive1", "drive9"], slots=6)
        assert (view.drives, view.slots) == (["drive1", "drive9"], 6)
    less = plan_of(tmp_path, replace(FINANCE, drives=("drive1", "drive9"), slots=6), SALES)
    with powered(tmp_path, less) as tower:
        assert [one.name for one in tower.login().status().drives] == ["drive1", "drive2", "drive9"]


@pytest.mark.parametrize(
    ("finance", "why"),
    [
        ({"drives": ("drive1",)}, "drive drive0 in partition finance, and the rig has it in none"),
        ({"slots": 3, "cartridges": ()}, "partition sales has more slots than the library"),
        ({"mail_slots": 1}, "partition finance has more slots than the library"),
    ],
)
def test_the_rig_still_has_what_partitions_have(
    finance: Mapping[str, Any], why: str, tmp_path: Path
) -> None:
    with powered(tmp_path):
        pass
    said = refused(tmp_path, plan_of(tmp_path, replace(FINANCE, **finance), SALES))
    assert why in said
    assert f"remove {tmp_path}/tower/library.json" in said


def test_the_rig_still_has_the_cartridges(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        tower.login().move("KRL003L9", "slot:4")
    fewer = plan_of(tmp_path, replace(FINANCE, slots=2), replace(SALES, slots=1))
    (tmp_path / "tower" / "library.json").unlink()
    assert "KRL003L9 is in slot:4, and the rig's library has no such place" in refused(
        tmp_path, fewer
    )
    Inventory(tmp_path / "tower" / "inventory.json").change({})
    path = tmp_path / "tower" / "inventory.json"
    path.write_text('{"drive:1": ["GONE01L9", null]}')
    assert "GONE01L9 in drive drive0, and the rig has no such cartridge" in refused(tmp_path)


def test_files_that_say_nothing(tmp_path: Path) -> None:
    with powered(tmp_path):
        pass
    for name in ("library.json", "inventory.json"):
        path = tmp_path / "tower" / name
        good = path.read_text()
        for text in ("", "[]", "{}", good[:-3], good.replace('"version": 1', '"version": 2')):
            if name == "inventory.json" and text in ("{}", good):
                continue
            path.write_text(text)
            assert f"{path} does not say" in refused(tmp_path), text
        path.write_text(good)
    with powered(tmp_path):
        pass


def test_a_rig_that_cannot_be(tmp_path: Path) -> None:
    full = replace(SALES, slots=0)
    assert "partition sales of library tower has 0 slots and 1 cartridges" in refused(
        tmp_path, plan_of(tmp_path, FINANCE, full)
    )
    unknown = replace(plan_of(tmp_path), model="acme/one")
    assert "no library model 'acme/one'" in refused(tmp_path, unknown)
    (tmp_path / "password").write_text("not allowed!")
    (tmp_path / "password").chmod(0o600)
    password = replace(plan_of(tmp_path), password_file=str(tmp_path / "password"))
    assert "password has only the characters" in refused(tmp_path, password)


def test_a_full_file_system_changes_nothing(tmp_path: Path) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with powered(tmp_path) as tower, pytest.MonkeyPatch().context() as patch:
        su, host = tower.login(), tower.host("sales")
        su.move("KRL003L9", "mail:1")
        host.hear()
        before = (su.partitions(), su.users(), su.inventory(empty=True))
        patch.setattr(State, "save", full)
        patch.setattr(Inventory, "change", full)
        for act in (
            lambda: su.set_partition("sales", slots=1),
            lambda: su.set_encryption("sales", "bluescale"),
            lambda: su.delete_partition("sales"),
            lambda: su.add_user("ann", "operator", secret("")),
            lambda: su.insert("KRL004L9"),
            lambda: su.remove("mail:1"),
            lambda: su.move("KRL001L9", "sales"),
        ):
            with pytest.raises(OperatorError, match=r"(make room|write)"):
                act()
        assert (su.partitions(), su.users(), su.inventory(empty=True)) == before
        assert {one.status.method for one in tower.library.ports.values()} == {"disabled"}
        assert host.hear() == []


def test_nothing_secret_is_in_clear(tmp_path: Path) -> None:
    with powered(tmp_path, encrypted(plan_of(tmp_path))) as tower:
        su = tower.login()
        su.set_password("su", secret("S3cret.login"))
        desk = su.encryption(secret(""))
        desk.set_passwords(secret(""), "single", [secret("S3cret.access")])
        desk.create("books")
        desk.assign("finance", "books")
        su.move("KRL001L9", "drive0")
        assert tower.host("drive0").write(b"x").status == GOOD
        with pytest.raises(OperatorError):
            tower.login("su", "S3cret.wrong")
        data = su.backup(secret("S3cret.backup"))
        key = bytes(tower.library.safe.store.secret("bluescale:0123456789", "books").reveal())
        words = (b"S3cret", key, key.hex().encode())
        shown = repr([vars(one) for one in tower.library.messages.since()]) + repr(
            tower.library.configuration
        )
        folder = tower.library.folder
        everything = [data, shown.encode(), *(path.read_bytes() for path in folder.iterdir())]
        assert len(everything) > 5
        for text in everything:
            assert not any(word in text for word in words)
        for path in folder.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path

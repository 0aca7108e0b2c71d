"""keyreel library and keyreel bluescale, as users type them, at a library in this process."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from harness.bluescale_cli import bluescale
from harness.cli import main
from harness.control import Control
from harness.library_cli import library
from harness.operator_cli import Call
from harness.rig import Rig
from keymgr import kdf
from target.control_calls import CALLS, SECRET_TYPES
from target.library import options
from target.library.library import Library
from target.library.users import Cost
from target.serve import Service
from target.shelf import stock

ROOT = Path(__file__).parents[2]
FAR = 60.0
RIG = """
[rig]
name = "tower"
transport = "iscsi"
[iscsi]
port = 0
[[cartridge]]
barcode = "KRL001L9"
[[cartridge]]
barcode = "KRL002L9"
[[cartridge]]
barcode = "OUT001L9"
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
[[drive]]
name = "drive1"
model = "ibm/ult3580-td9"
[[library]]
name = "tower"
model = "spectra/t950"
[[library.partition]]
name = "finance"
drives = ["drive0"]
slots = 5
mail_slots = 2
encryption = "bluescale"
cartridges = ["KRL001L9", "KRL002L9"]
[[library.partition]]
name = "archive"
drives = ["drive1"]
slots = 3
"""
FIRST, SECOND, THIRD = "first.password-like-no@other", "second_one.9", "third-one@8"
KEY_PASSWORD = "of-the.file@17"


@dataclass
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> Any:
        """Its output, which is JSON."""
        return json.loads(self.out)


Keyreel = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands are typed in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


@pytest.fixture
def service(folder: Path, state: Path) -> Iterator[Service]:
    """A rig that is served; its passwords cost little."""
    file = folder.parent / "tower.toml"
    file.write_text(RIG, encoding="utf-8")
    state.mkdir()
    plan = Rig.load(file).plan(state)
    stock(plan)
    served = Service(plan)
    tower = served.libraries["tower"]
    tower.cost = Cost(2, 1, 1)
    tower.bluescale.cost = kdf.Cost(8, 1, 1)
    yield served
    served.close()


@pytest.fixture
def tower(service: Service) -> Library:
    return service.libraries["tower"]


@pytest.fixture
def keyreel(service: Service, state: Path, monkeypatch: pytest.MonkeyPatch) -> Keyreel:
    """Type a keyreel command: ``keyreel("library move a b", stdin="", status=0)``."""
    monkeypatch.setenv("KEYREEL_CONTROL", str(state / "run" / "control"))

    def typed(words: str, stdin: str = "", status: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["keyreel", *words.split()])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        out, err, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0
        done = Done(code, out.getvalue(), err.getvalue())
        assert code == status, done
        if status:
            assert done.err.startswith("keyreel: "), done
            assert done.err.count("\n") == 1, done
        return done

    return typed


@pytest.fixture
def su(keyreel: Keyreel) -> Keyreel:
    """The same, logged in as the superuser."""
    keyreel("library login", "\n")
    return keyreel


@pytest.fixture
def screens(su: Keyreel) -> Keyreel:
    """The same, with the encryption screens open."""
    su("bluescale authorize", "\n")
    return su


@pytest.fixture
def professional(screens: Keyreel, tower: Library) -> Keyreel:
    """The same, in Professional Edition."""
    screens(f"library option add {options.issue(options.PROFESSIONAL, tower.serial)}")
    return screens


# --- the commands and the table --------------------------------------------------------------


def all_commands(group: click.Group) -> Iterator[Call]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from all_commands(command)
        else:
            assert isinstance(command, Call)
            yield command


COMMANDS = [*all_commands(library), *all_commands(bluescale)]


def test_each_call_has_a_command() -> None:
    assert {call for command in COMMANDS for call in command.calls} == set(CALLS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.callback.__name__)
def test_commands_take_what_their_call_takes_and_no_passwords(command: Call) -> None:
    """Passwords would be in the list of processes."""
    call = CALLS[command.calls[0]]
    names = {parameter.name for parameter in command.params}
    others = {"data": "file", "typed": "confirm", "on": "setting"}
    secrets = [one for one in call.arguments if one.type in SECRET_TYPES]
    for argument in call.arguments:
        # keyreel bluescale password keeps the mode that there is.
        if argument not in secrets and (command.name, argument.name) != ("password", "mode"):
            assert others.get(argument.name, argument.name) in names, argument
    files = {str(name) for name in names if str(name).endswith("_file")}
    assert bool(files) == bool(secrets)
    assert not names & {one.name for one in secrets}
    assert command.help


def test_help_is_quick_because_it_imports_little() -> None:
    code = "import sys, harness.cli; print({'harness.operating', 'socket'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "set()\n"


# --- logging in ------------------------------------------------------------------------------


def test_a_login_holds_for_the_commands_that_follow(keyreel: Keyreel, state: Path) -> None:
    assert "log in first" in keyreel("library status", status=1).err
    assert keyreel("library login", "\n").out == "su has logged in to tower\n"
    (token,) = (state / "run").glob("*.token")
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert re.search(r"^model +spectra/t950$", keyreel("library status").out, re.MULTILINE)
    assert keyreel("library logout").out == ""
    assert "log in first" in keyreel("library status", status=1).err


def test_a_session_that_has_ended_is_forgotten(su: Keyreel, state: Path) -> None:
    (file,) = (state / "run").glob("*.token")
    file.write_text('{"tower": "an old one"}')
    assert "the session has ended" in su("library status", status=1).err
    assert json.loads(file.read_text()) == {}
    file.write_text("no JSON")
    assert "log in first" in su("library status", status=1).err


def test_wrong_passwords_and_users(keyreel: Keyreel, tower: Library) -> None:
    for user, password in (("su", "wrong\n"), ("nobody", "\n")):
        assert "do not belong" in keyreel(f"library login {user}", password, status=1).err
    assert len(tower.messages.since()) == 2
    assert "the password of su is missing" in keyreel("library login", "", status=1).err


def test_where_the_library_is(
    keyreel: Keyreel, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYREEL_CONTROL")
    keyreel(f"library login --state {state}", "\n")
    keyreel(f"library --state {state} status --library tower")
    assert "--state DIR" in keyreel("library status", status=2).err
    assert "start the rig" in keyreel(f"library status --state {tmp_path}", status=1).err
    told = keyreel(f"library status --library shed --state {state}", status=1).err
    assert "log in first" in told
    told = keyreel(f"library login --library shed --state {state}", "\n", status=1).err
    assert "there is no library shed: use one of tower" in told


@pytest.mark.req("BS-02")
def test_roles(su: Keyreel) -> None:
    su("library user add op --role operator", "daily.1\n")
    assert su("library users --json").rows == [
        {"name": "su", "role": "superuser"}, {"name": "op", "role": "operator"},
    ]  # fmt: skip
    su("library login op", "daily.1\n")
    su("library move KRL001L9 slot:3")
    for words in ("bluescale authorize", "library users", "library power-cycle"):
        assert "takes a user with role" in su(words, "\n", status=1).err
    assert "encryption takes a user" in su("bluescale keys", status=1).err
    su("library password", "daily.1\ndaily.2\n")
    assert "do not belong" in su("library login op", "daily.1\n", status=1).err
    su("library login", "\n")
    su("library user role op administrator")
    su("library user password op", "daily.3\n")
    su("library login op", "daily.3\n")
    su("library login", "\n")
    su("library user remove op")
    assert [user["name"] for user in su("library users --json").rows] == ["su"]


# --- passwords -------------------------------------------------------------------------------


def password_file(folder: Path, password: str, mode: int = 0o600) -> Path:
    file = folder / "password"
    file.unlink(missing_ok=True)
    file.write_text(password)
    file.chmod(mode)
    return file


def test_a_password_in_a_file(su: Keyreel, folder: Path) -> None:
    su("library user add op --role operator", "daily.1\n")
    for text in ("daily.1\n", "daily.1"):
        file = password_file(folder, text)
        su(f"library login op --password-file {file}")
    file = password_file(folder, "daily.1\n", 0o400)
    su(f"library login op --password-file {file}")
    for text in ("daily.1\n\n", "daily.1\nmore", "x" * 5000):
        file = password_file(folder, text)
        su(f"library login op --password-file {file}", status=1)


def test_files_that_others_can_read_are_refused(keyreel: Keyreel, folder: Path) -> None:
    for mode in (0o640, 0o604, 0o700, 0o602):
        file = password_file(folder, "\n", mode)
        told = keyreel(f"library login --password-file {file}", status=1).err
        assert f"chmod 600 {file}" in told
    os.mkfifo(folder / "pipe", 0o600)
    told = keyreel(f"library login --password-file {folder}/pipe", status=1).err
    assert "no regular file" in told
    told = keyreel(f"library login --password-file {folder}", status=1).err
    assert "no regular file" in told
    told = keyreel(f"library login --password-file {folder}/none", status=1).err
    assert "cannot be read" in told


def test_a_terminal_shows_no_password(su: Keyreel, state: Path) -> None:
    """Nor does the list of processes, while it asks."""
    su("library user add op --role operator", f"{FIRST}\n")
    ours, theirs = os.openpty()
    name = os.ttyname(theirs)
    words = "library login op"
    process = subprocess.Popen(
        # The leader of a session opens the terminal, so that it is the session's.
        ["sh", "-c", f'exec "$0" -m harness {words} <{name} >{name} 2>&1', sys.executable],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    os.close(theirs)
    seen = bytearray()

    def see(wanted: bytes) -> None:
        while wanted not in seen:
            seen.extend(os.read(ours, 4096))

    watchdog = threading.Timer(FAR, process.kill)
    watchdog.start()
    try:
        see(b"Password of op: ")
        for file in ("cmdline", "environ"):
            assert FIRST.encode() not in Path(f"/proc/{process.pid}/{file}").read_bytes()
        os.write(ours, FIRST.encode() + b"\n")
        see(b"op has logged in to tower")
        assert FIRST.encode() not in seen
        assert process.wait(FAR) == 0
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        os.close(ours)


# --- cartridges, drives, partitions ----------------------------------------------------------


def test_cartridges_move(su: Keyreel) -> None:
    assert su("library move KRL001L9 drive0").out == "KRL001L9: slot:1 -> drive:1\n"
    assert su("library move drive0 home").out == "KRL001L9: drive:1 -> slot:1\n"
    assert su("library insert OUT001L9").out == "OUT001L9: outside -> mail:1\n"
    assert su("library move mail:1 archive").out == "OUT001L9: mail:1 -> slot:6\n"
    assert su("library inventory archive").out.splitlines()[1].split()[:3] == [
        "slot:6", "archive", "OUT001L9",
    ]  # fmt: skip
    su("library move OUT001L9 mail:2")
    assert su("library remove mail:2").out == "OUT001L9: mail:2 -> outside\n"
    rows = su("library inventory --json --empty").rows
    assert {row["place"]: row["barcode"] for row in rows}["slot:2"] == "KRL002L9"
    assert len(rows) == 12
    assert "slot:1 is full" in su("library move slot:2 slot:1", status=1).err
    assert "no place" in su("library move slot:2 shelf:1", status=1).err
    assert su("library move slot:2", status=2).err


def test_what_was_done_is_in_the_messages(su: Keyreel) -> None:
    su("library door open")
    assert "door" in su("library move KRL001L9 drive0", status=1).err
    su("library door close")
    su("library drive reset drive0")
    su("library drive power-cycle drive0")
    su("library power-cycle")
    told = su("library messages").out
    for words in ("su opened the door", "closed the door", "reset drive drive0", "off and on"):
        assert words in told
    rows = su("library messages --json").rows
    assert rows == su("bluescale messages --json").rows
    last = rows[-1]["number"]
    assert su(f"library messages --since {last}").out == ""
    assert "no drive 'drive9'" in su("library drive reset drive9", status=1).err


def test_partitions(su: Keyreel) -> None:
    su("library partition set scratch --slots 4 --mail-slots 0 --drives ", status=2)
    told = su("library partition set scratch --slots 4 --mail-slots 1", status=1)
    assert "slots" in told.err
    su("library partition set finance --slots 3 --mail-slots 1")
    su("library partition set scratch --slots 2 --mail-slots 1")
    su("library partition set archive --drives=")
    su("library partition set scratch --drives drive1")
    rows = {row["name"]: row for row in su("library partitions --json").rows}
    assert (rows["finance"]["slots"], rows["scratch"]["slots"]) == (3, 2)
    assert (rows["archive"]["drives"], rows["scratch"]["drives"]) == ([], ["drive1"])
    assert "bluescale" in su("library encryption scratch bluescale").out
    assert "no encryption method" in su("library encryption scratch magic", status=1).err
    su("library partition delete scratch")
    assert "scratch" not in su("library partitions").out
    assert {row["name"] for row in su("library methods --json").rows} >= {"disabled", "bluescale"}


def test_options(su: Keyreel, tower: Library) -> None:
    assert "no option key" in su("library option add NONE", status=1).err
    su(f"library option add {options.issue(options.PROFESSIONAL, tower.serial)}")
    rows = {row["name"]: row["enabled"] for row in su("library options --json").rows}
    assert rows[options.PROFESSIONAL] is True


def test_lists_have_a_form_for_people_and_one_for_programs(screens: Keyreel) -> None:
    screens("bluescale create first")
    for command in COMMANDS:
        if any(parameter.name == "as_json" for parameter in command.params):
            group = "library" if command in [*all_commands(library)] else "bluescale"
            words = f"{group} {command.name}"
            assert isinstance(screens(f"{words} --json").rows, list | dict), words
            assert "{" not in screens(words).out, words


# --- encryption ------------------------------------------------------------------------------


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


# --- from Python, and secrets ----------------------------------------------------------------


def test_the_same_from_python(su: Keyreel, state: Path) -> None:
    with Control(state / "run" / "control") as control:
        control.login("su", "")
        moved = control.call("move", source="KRL001L9", destination="drive0")
        assert moved == {"barcode": "KRL001L9", "source": "slot:1", "destination": "drive:1"}
        control.call("authorize", password=b"")
        control.call("bluescale.create", moniker="first")
        password = KEY_PASSWORD
        told = control.call(
            "bluescale.export", moniker="first", password=password, confirm=password
        )
        assert isinstance(told["data"], bytes)


def test_no_password_is_left_anywhere(
    screens: Keyreel, service: Service, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = []
    for words, stdin, status in (
        ("library user add op --role operator", SECOND, 0),
        ("library login op", SECOND, 0),
        ("library login op", THIRD, 1),
        ("library login", "", 0),
        ("bluescale authorize", THIRD, 1),
        ("bluescale authorize", "", 0),
        ("bluescale create first", "", 0),
        ("bluescale password", f"\n{FIRST}", 0),
        ("bluescale export first", KEY_PASSWORD, 0),
        ("bluescale import first.bsk", THIRD, 1),
        ("library backup all", KEY_PASSWORD, 0),
        ("library messages", "", 0),
        ("bluescale tracking", "", 0),
    ):
        done = screens(words, f"{stdin}\n", status)
        said.append(done.out + done.err)
    service.close()
    files = [path for path in folder.parent.rglob("*") if path.is_file()]
    assert any(path.name == "messages" for path in files)
    everything = b"".join(path.read_bytes() for path in files)
    everything += "".join(said).encode() + caplog.text.encode()
    for password in (FIRST, SECOND, THIRD, KEY_PASSWORD):
        assert password.encode() not in everything

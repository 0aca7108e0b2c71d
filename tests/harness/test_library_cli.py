"""keyreel library, as users type it, at a library in this process."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.control import Control
from harness.operator_cli import Call
from target.control_calls import CALLS, SECRET_TYPES
from target.library import options
from target.library.library import Library
from target.serve import Service
from tests.harness.operators import (
    BENCH,
    COMMANDS,
    FIRST,
    KEY_PASSWORD,
    LIBRARY,
    SECOND,
    THIRD,
    Keyreel,
    password_file,
)

ROOT = Path(__file__).parents[2]
FAR = 60.0


# --- the commands and the table --------------------------------------------------------------


def test_each_call_has_a_command() -> None:
    faults = {"rig.faults", "rig.add_fault", "rig.remove_fault"}  # keyreel fault takes them apart
    assert {call for command in COMMANDS for call in command.calls} == set(CALLS) - faults


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
    assert "start it, or say" in keyreel(f"library status --state {tmp_path}", status=1).err
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
        # Not earlier: a terminal that nobody has open has nothing to read.
        os.close(theirs)
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
            group = "library" if command in LIBRARY else "rig" if command in BENCH else "bluescale"
            words = f"{group} {command.name}"
            assert isinstance(screens(f"{words} --json").rows, list | dict), words
            assert "{" not in screens(words).out, words


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

"""keyreel keys: the keystore at the user's interface."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness.state import open_state
from keymgr.keystore import New, open_keystore
from keymgr.keystore.places import store_url
from tests.keymgr.stores import SqlitePlace

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run keyreel keys; its exit status, output and errors."""

    def run(command: str, *more: object) -> tuple[int, str, str]:
        arguments = ["keyreel", "keys", *shlex.split(command), *map(str, more)]
        monkeypatch.setattr("sys.argv", arguments)
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with the keystore of a library."""
    state = tmp_path / "state"
    with open_state(state):
        fill(state / "libraries" / "tower")
    return state


def fill(folder: Path) -> None:
    store = open_keystore(folder, now=lambda: 1_700_000_000)
    store.add("bluescale:1", "finance", state="active", attributes={"barcode": "KRL001L9"})
    store.add("bluescale:1", "legal")
    store.add("bluescale:2", "other")
    store.close()


def test_list(run: Run, state: Path) -> None:
    status, out, err = run("list --state", state)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        'bluescale:1 finance active 2023-11-14T22:13:20+00:00 {"barcode": "KRL001L9"}',
        "bluescale:1 legal - 2023-11-14T22:13:20+00:00 -",
        "bluescale:2 other - 2023-11-14T22:13:20+00:00 -",
    ]
    status, out, _ = run("list --json --realm bluescale:2 --state", state)
    (line,) = out.splitlines()
    assert json.loads(line) == {
        "realm": "bluescale:2",
        "name": "other",
        "state": "",
        "created": "2023-11-14T22:13:20+00:00",
        "attributes": {},
        "number": 3,
    }


def test_audit(run: Run, state: Path) -> None:
    assert run("audit verify --state", state) == (0, "4 entries, each as it was written\n", "")
    status, out, _ = run("audit show --after 3 --state", state)
    assert (status, out) == (
        0,
        '4 2023-11-14T22:13:20+00:00 bluescale:2 add {"name": "other", "state": ""}\n',
    )
    status, out, _ = run("audit show --json --state", state)
    assert [json.loads(line)["number"] for line in out.splitlines()] == [1, 2, 3, 4]


def test_a_log_that_was_changed(run: Run, state: Path) -> None:
    place = SqlitePlace(state / "libraries" / "tower")
    place.sql("UPDATE audit SET realm = 'x' WHERE number = 3")
    status, out, err = run("audit verify --state", state)
    assert (status, out, err) == (1, "", "keyreel: entry 3 of the audit log was changed\n")
    place.sql("DELETE FROM audit WHERE number > 2")
    status, out, err = run("audit verify --state", state)
    assert (status, err) == (1, "keyreel: entries 3 to 4 of the audit log were cut off\n")


def test_migrate(run: Run, state: Path) -> None:
    place = SqlitePlace(state / "libraries" / "tower")
    assert run("migrate --state", state)[1].endswith("has version 2: nothing was to do\n")
    place.sql("DROP INDEX keys_by_name")
    place.sql("DROP INDEX keys_by_state")
    place.sql("UPDATE schema_version SET version = 1")
    assert run("migrate --state", state)[1].endswith(": version 1 was made version 2\n")
    assert run("audit verify --state", state)[1].startswith("5 entries")
    place.sql("UPDATE schema_version SET version = 3")
    status, _, err = run("migrate --state", state)
    assert status == 2
    assert "install the later keyreel" in err


def test_by_url(run: Run, tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("right\n")
    passphrase.chmod(0o600)
    open_keystore(tmp_path / "a", passphrase_file=passphrase).close()
    where = f"audit verify --store {store_url(tmp_path / 'a')}"
    assert run(where, "--passphrase-file", passphrase)[0] == 0
    passphrase.write_text("wrong\n")
    status, out, err = run(where, "--passphrase-file", passphrase)
    assert (status, out) == (2, "")
    assert err == "keyreel: the passphrase is not that of this keystore: give the right one\n"
    open_keystore(tmp_path / "b").close()
    where = f"audit verify --store {store_url(tmp_path / 'b')}"
    assert run(where)[0] == 0
    (tmp_path / "b" / "master.key").rename(tmp_path / "moved")
    assert "bring the file back" in run(where)[2]
    assert run(where, "--master-key", tmp_path / "moved")[0] == 0


def test_what_cannot_be_is_one_sentence(run: Run, state: Path, tmp_path: Path) -> None:
    fill(state / "libraries" / "second")
    none = tmp_path / "none"
    for command, said in {
        "list": "give either --store URL or --state DIR",
        f"list --state {state} --store sqlite:///x": "give either",
        f"list --state {state}": "say --library, of second, tower",
        f"list --state {state} --library third": "no library third in",
        f"list --state {none}": "has a keystore of its own",
        f"list --store sqlite:///{none}": "there is no keystore",
        "list --store postgresql://user:hidden@nowhere/x": "--passphrase-file or --master-key",
    }.items():
        status, out, err = run(command)
        assert (status, out) == (2, ""), command
        assert said in err
        assert err.count("\n") == 1
        assert "hidden" not in err
    assert not none.exists()
    assert run(f"list --state {state} --library second")[0] == 0


def test_a_rig_that_runs_keeps_others_out(run: Run, state: Path) -> None:
    url = store_url(state / "libraries" / "tower")
    with open_state(state):
        for where in (f"--state {state}", f"--store {url}"):
            status, out, err = run(f"list {where}")
            assert (status, out) == (2, "")
            assert "another run uses the state folder" in err
    assert run(f"list --store {url}")[0] == 0


def test_no_value_is_shown(run: Run, state: Path) -> None:
    store = open_keystore(state / "libraries" / "tower")
    store.add_many("bluescale:1", (New(f"{number}") for number in range(20)))
    values = [
        bytes(store.secret(realm, record.name).reveal())
        for realm in store.realms()
        for record in store.records(realm)
    ]
    store.close()
    shown = ""
    for command in ("list", "list --json", "audit show", "audit show --json", "migrate"):
        shown += "".join(map(str, run(f"{command} --state", state)))
    assert len(values) == 23
    for value in values:
        assert value.hex() not in shown.lower()
        assert repr(value)[2:-1] not in shown

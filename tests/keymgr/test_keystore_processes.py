"""Several processes at one keystore, and servers that go away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from keymgr.errors import StoreUnusable
from tests.keymgr.postgresql import Server
from tests.keymgr.stores import Place, PostgresqlPlace, SqlitePlace

REALM = "bluescale:123"

WORKER = """
import sys
from keymgr.keystore import Keystore, MasterKey
url, master, name, count = sys.argv[1:]
store = Keystore.open(url, MasterKey.from_file(master))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    store.add("shared", f"{name}-{number}", state="unused")
    with store.transaction():
        (first,) = store.records("shared", "unused", limit=1)
        store.change("shared", first.name, state="used by " + name)
    store.audit("shared", "took", by=name, key=first.name)
store.close()
"""


def test_processes_share_a_keystore(place: Place) -> None:
    """Several make it, add to it, take from it; each key is taken once, the log is whole."""
    count, names = 20, ("first", "second", "third")
    workers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                WORKER,
                place.url,
                place.folder / "master.key",
                name,
                str(count),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.communicate("go\n")
        assert worker.returncode == 0
    store = place.open()
    assert store.count("shared") == count * len(names)
    for name in names:
        assert store.count("shared", f"used by {name}") == count
    took = [entry.details["key"] for entry in store.audit_entries() if entry.event == "took"]
    assert len(set(took)) == len(took) == count * len(names)
    assert store.verify_audit() == 1 + 3 * count * len(names)
    store.close()


def test_a_keystore_that_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keymgr.keystore.database.PATIENCE", 0.01)
    place = SqlitePlace(tmp_path)
    first, second = place.open(), place.open()
    with first.transaction():
        first.add(REALM, "one")
        with pytest.raises(StoreUnusable, match=r"another process kept the keystore .* busy"):
            second.add(REALM, "two")
    second.add(REALM, "two")
    assert second.count(REALM) == 2
    first.close()
    second.close()


def test_a_server_that_was_started_again(tmp_path: Path, server: Server) -> None:
    place = PostgresqlPlace(tmp_path, server)
    store = place.open()
    store.add(REALM, "one")
    place.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    store.add(REALM, "two")
    assert store.count(REALM) == 2
    store.close()

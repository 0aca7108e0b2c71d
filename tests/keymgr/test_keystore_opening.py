"""Opening a keystore: master keys, files and their modes, versions, damage, other processes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from keymgr.errors import (
    Damaged,
    KeyManagerError,
    StoreTooNew,
    StoreUnusable,
    WrongPassword,
)
from keymgr.kdf import Cost
from keymgr.keystore import Keystore, MasterKey, migrations, open_keystore, tables
from tests.keymgr.postgresql import Server
from tests.keymgr.stores import Place, PostgresqlPlace, SqlitePlace, secret, value
from tests.runs import Say

CHEAP = Cost(memory=8, passes=1, lanes=1)
REALM = "bluescale:123"


# --- master keys ---


def test_a_passphrase(place: Place) -> None:
    store = place.open(MasterKey.from_passphrase(secret("right")))
    store.add(REALM, "one", secret("value"))
    store.close()
    with pytest.raises(WrongPassword, match="passphrase is not that of this keystore") as raised:
        place.open(MasterKey.from_passphrase(secret("wrong"), CHEAP))
    assert raised.value.__cause__ is None
    again = place.open(MasterKey.from_passphrase(secret("right"), CHEAP))
    assert value(again, REALM, "one") == b"value"
    again.close()


def test_a_master_key_file(place: Place) -> None:
    path = place.folder / "master.key"
    store = place.open()
    store.add(REALM, "one", secret("value"))
    store.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == 32
    assert [file.name for file in place.folder.glob("master.key*")] == ["master.key"]
    with pytest.raises(WrongPassword, match="leave the passphrase out"):
        place.open(MasterKey.from_passphrase(secret("right"), CHEAP))
    key = path.read_bytes()
    path.write_bytes(bytes(32))
    with pytest.raises(WrongPassword, match=r"master\.key is not the master key"):
        place.open()
    path.write_bytes(key[:31])
    with pytest.raises(StoreUnusable, match="no master key"):
        place.open()
    path.write_bytes(key)
    path.chmod(0o640)
    with pytest.raises(StoreUnusable, match="chmod 600"):
        place.open()
    path.unlink()
    # No other one is made for keys that it would not open.
    with pytest.raises(StoreUnusable, match="bring the file back"):
        place.open()
    assert not path.exists()


def test_a_passphrase_where_a_file_is_named(place: Place) -> None:
    place.open(MasterKey.from_passphrase(secret("right"), CHEAP)).close()
    with pytest.raises(WrongPassword, match="name the file with the passphrase"):
        place.open()


def test_keystores_may_share_a_master_key(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        place = SqlitePlace(tmp_path / name)
        place.open(MasterKey.from_file(tmp_path / "master.key")).close()
    wrapped = [SqlitePlace(tmp_path / name).sql("SELECT * FROM keystore") for name in "ab"]
    assert wrapped[0] != wrapped[1]


def test_the_keystore_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("right\n")
    with pytest.raises(StoreUnusable, match="chmod 600"):
        open_keystore(folder, passphrase_file=passphrase)
    passphrase.chmod(0o600)
    open_keystore(folder, passphrase_file=passphrase).close()
    passphrase.write_text("")
    with pytest.raises(StoreUnusable, match="is empty"):
        open_keystore(folder, passphrase_file=passphrase)
    with pytest.raises(StoreUnusable, match="cannot be read"):
        open_keystore(folder, passphrase_file=tmp_path / "none")
    passphrase.write_text("right")
    again = open_keystore(folder, passphrase_file=passphrase)
    assert again.was == again.version
    again.close()


# --- files ---


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.rglob("*")}


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    before = os.umask(0)
    try:
        store = open_keystore(folder)
        with store.transaction():
            store.add(REALM, "one")
            during = modes(tmp_path)
        store.close()
    finally:
        os.umask(before)
    assert during == {
        "b": 0o700,
        "keys.sqlite": 0o600,
        "keys.sqlite-journal": 0o600,
        "master.key": 0o600,
    }
    for name in ("keys.sqlite", "keys.sqlite-journal"):
        (folder / name).chmod(0o644)
    open_keystore(folder).close()
    assert set(modes(folder).values()) == {0o600}


def test_what_the_database_promises(tmp_path: Path) -> None:
    store = open_keystore(tmp_path)
    with store._database.reading() as connection:
        asked = ("journal_mode", "synchronous", "secure_delete")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    store.close()
    assert found == ["truncate", 2, 1]  # 2: FULL


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nothing", "URL is none"),
        ("sqlite://", "a keystore is a file"),
        ("sqlite:///:memory:", "a keystore is a file"),
        ("mysql://user:hidden@host/db", "'mysql' is not supported"),
        ("sqlite:////proc/nothing/keys", "cannot be opened"),
        ("postgresql://user:hidden@/db?host=/nowhere", r"postgresql://user:\*\*\*@/db cannot be"),
    ],
)
def test_urls_that_cannot_be(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=said) as raised:
        Keystore.open(url, MasterKey.from_file(tmp_path / "master.key"))
    assert "hidden" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_only_one_that_is_there(place: Place) -> None:
    with pytest.raises(StoreUnusable, match="there is no keystore"):
        place.open(create=False)
    assert not (place.folder / "master.key").exists()
    place.open().close()
    place.open(create=False).close()


def test_a_file_of_something_else(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    place.path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreUnusable, match="is damaged"):
        place.open()
    place.path.unlink()
    place.sql("CREATE TABLE bookmarks (id INTEGER)")
    before = place.path.read_bytes()
    with pytest.raises(StoreUnusable, match="of something else"):
        place.open()
    assert place.path.read_bytes() == before


def test_a_server_s_database_with_other_tables(server: Server, tmp_path: Path) -> None:
    place = PostgresqlPlace(tmp_path, server)
    place.sql("CREATE TABLE bookmarks (id INTEGER)")
    place.open().close()
    taken = PostgresqlPlace(tmp_path, server)
    taken.sql("CREATE TABLE keys (id INTEGER)")
    with pytest.raises(StoreUnusable, match="of something else"):
        taken.open()


# --- versions ---


def as_version_one(place: Place) -> None:
    """Take back what came later, and that it was made so."""
    for index in ("keys_by_name", "keys_by_state"):
        place.sql(f"DROP INDEX {index}")
    place.sql("UPDATE schema_version SET version = 1")


def indexes(place: Place) -> set[str | None]:
    url = place.url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    found = {index["name"] for index in inspect(engine).get_indexes("keys")}
    engine.dispose()
    return found


def test_a_keystore_of_version_one_is_brought_up_to_date(place: Place) -> None:
    store = place.open()
    store.add(REALM, "one", secret("value"), state="old")
    store.close()
    as_version_one(place)
    assert not indexes(place)
    upgraded = place.open(create=False)
    assert (upgraded.was, upgraded.version) == (1, migrations.VERSION)
    assert indexes(place) == {"keys_by_name", "keys_by_state"}
    assert value(upgraded, REALM, "one") == b"value"
    last = list(upgraded.audit_entries())[-1]
    assert (last.event, last.details) == ("migrate", {"from": 1, "to": migrations.VERSION})
    upgraded.verify_audit()
    upgraded.close()
    again = place.open()
    assert again.was == migrations.VERSION
    again.close()


def test_version_one_as_it_was_made(tmp_path: Path) -> None:
    """The tables by what made them then, whatever the package says of them now."""
    place = SqlitePlace(tmp_path)
    made = place.open()
    made.add(REALM, "one", secret("value"))
    made.close()
    names = ("keystore", "head", "keys", "settings", "audit")
    rows = {name: place.sql(f"SELECT * FROM {name}") for name in names}
    place.path.unlink()
    with closing(sqlite3.connect(place.path)) as connection:
        connection.executescript(VERSION_ONE)
        for name, some in rows.items():
            for row in some:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {name} VALUES ({marks})", row)
        connection.commit()
    upgraded = place.open(create=False)
    assert upgraded.was == 1
    assert value(upgraded, REALM, "one") == b"value"
    upgraded.verify_audit()
    upgraded.close()


VERSION_ONE = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (1);
CREATE TABLE keystore (id INTEGER PRIMARY KEY, master TEXT NOT NULL, data_key BLOB NOT NULL);
CREATE TABLE head (id INTEGER PRIMARY KEY, entries INTEGER NOT NULL, last_mac BLOB NOT NULL,
    keys_made INTEGER NOT NULL, mac BLOB NOT NULL);
CREATE TABLE keys (id INTEGER PRIMARY KEY, realm TEXT NOT NULL, name TEXT NOT NULL,
    state TEXT NOT NULL, created DOUBLE PRECISION NOT NULL, attributes TEXT NOT NULL,
    sealed BLOB NOT NULL);
CREATE TABLE settings (realm TEXT NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (realm, name));
CREATE TABLE audit (number INTEGER PRIMARY KEY, time DOUBLE PRECISION NOT NULL,
    realm TEXT NOT NULL, event TEXT NOT NULL, details TEXT NOT NULL, mac BLOB NOT NULL);
"""


def test_an_upgrade_with_another_master_key_changes_nothing(place: Place) -> None:
    place.open().close()
    as_version_one(place)
    (place.folder / "master.key").write_bytes(bytes(32))
    with pytest.raises(WrongPassword):
        place.open()
    assert place.sql("SELECT version FROM schema_version") == [(1,)]
    assert not indexes(place)


def test_an_upgrade_that_fails_changes_nothing(place: Place) -> None:
    store = place.open()
    store.add(REALM, "one")
    store.close()
    as_version_one(place)
    # Two of a name, which the index of the second version does not allow.
    place.sql(
        "INSERT INTO keys SELECT 2, realm, name, state, created, attributes, sealed FROM keys"
    )
    with pytest.raises(KeyManagerError):
        place.open()
    assert place.sql("SELECT version FROM schema_version") == [(1,)]
    assert not indexes(place)


def test_a_later_version_is_refused(place: Place) -> None:
    place.open().close()
    place.sql("UPDATE schema_version SET version = 99")
    with pytest.raises(StoreTooNew, match=r"version 99.*install the later keyreel"):
        place.open()


def test_the_steps_make_what_the_code_expects(place: Place) -> None:
    place.open().close()
    url = place.url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    found = inspect(engine)
    for table in tables.metadata.sorted_tables:
        columns = found.get_columns(table.name)
        assert [column["name"] for column in columns] == table.columns.keys()
        for column in columns:
            assert not column["nullable"] or column.get("primary_key")
        primary = found.get_pk_constraint(table.name)["constrained_columns"]
        assert primary == table.primary_key.columns.keys()
    assert {
        (index["name"], *index["column_names"], bool(index["unique"]))
        for index in found.get_indexes("keys")
    } == {(index.name, *index.columns.keys(), bool(index.unique)) for index in tables.keys.indexes}
    engine.dispose()


# --- damage ---

SWAPS = {
    "values of two keys": "UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE id = 2)"
    " WHERE id = 1",
    "its state": "UPDATE keys SET state = 'active' WHERE id = 1",
    "its attributes": """UPDATE keys SET attributes = '{"barcode":"X"}' WHERE id = 1""",
    "its number": "UPDATE keys SET id = 7 WHERE id = 1",
    "its realm": "UPDATE keys SET realm = 'other' WHERE id = 1",
    "its time": "UPDATE keys SET created = 5 WHERE id = 1",
    "nothing left of it": "UPDATE keys SET sealed = (SELECT last_mac FROM head) WHERE id = 1",
}


@pytest.mark.parametrize("what", SWAPS)
def test_a_row_that_was_changed_gives_no_key(place: Place, what: str) -> None:
    store = place.open()
    for name in ("one", "two"):
        store.add(REALM, name, state="compromised")
    place.sql(SWAPS[what])
    realm = "other" if what == "its realm" else REALM
    with pytest.raises(Damaged, match="'one' is not as it was stored"):
        store.secret(realm, "one")
    with pytest.raises(Damaged):
        store.change(realm, "one", state="active")
    with pytest.raises(Damaged):
        store.seal(realm, secret("password"))
    assert len(store.secret(REALM, "two")) == 32
    store.verify_audit()
    store.close()


def test_names_that_were_swapped(store: Keystore, place: Place) -> None:
    for name in ("one", "two"):
        store.add(REALM, name)
    for old, new in (("one", "x"), ("two", "one"), ("x", "two")):
        place.sql("UPDATE keys SET name = ? WHERE name = ?", new, old)
    for name in ("one", "two"):
        with pytest.raises(Damaged):
            store.secret(REALM, name)


def test_a_setting_that_was_changed(store: Keystore, place: Place) -> None:
    store.set_setting(REALM, "secure", True)
    store.set_setting(REALM, "other", False)
    place.sql(
        "UPDATE settings SET sealed = (SELECT sealed FROM settings WHERE name = 'other')"
        " WHERE name = 'secure'"
    )
    with pytest.raises(Damaged, match="setting 'secure' is not as it was stored"):
        store.setting(REALM, "secure")


# --- start-up ---

FAR = 60.0
"""Seconds that nothing here comes near to, on any machine."""

IMPORT = """
import sys, time
began = time.perf_counter()
import keymgr.api, keymgr.errors, keymgr.secret
without = time.perf_counter()
assert "sqlalchemy" not in sys.modules
import keymgr.keystore
print(without - began, time.perf_counter() - without)
"""


def test_start_up(tmp_path: Path, say: Say) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True
    )
    without, imported = map(float, done.stdout.split())
    open_keystore(tmp_path).close()
    began = time.perf_counter()
    open_keystore(tmp_path).close()
    took = time.perf_counter() - began
    say(
        f"import of keymgr.api {without * 1e3:.0f} ms, of keymgr.keystore {imported * 1e3:.0f} ms;"
        f" an SQLite keystore opened in {took * 1e3:.1f} ms"
    )
    assert imported < FAR
    assert took < FAR

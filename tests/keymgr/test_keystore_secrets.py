"""No key, passphrase or master key is in clear anywhere but in the Secret that was asked for."""

from __future__ import annotations

import base64
import io
import logging
import pickle
import random
import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from keymgr.errors import KeyManagerError
from keymgr.keystore import Keystore, MasterKey, New
from keymgr.secret import Secret
from tests.keymgr.stores import Place, SqlitePlace, secret, value

REALM = "bluescale:123"
PASSPHRASE = random.randbytes(20).hex().encode()
SETTING = random.randbytes(20).hex()
WINDOW = 8
"""Bytes in a row that no file may have in common with a key."""


def windows(key: bytes) -> Iterator[bytes]:
    """Parts of the key, as such and as text."""
    yield key[:WINDOW]
    yield key[-WINDOW:]
    yield key.hex().encode()[: 2 * WINDOW]
    yield base64.b64encode(key)[:WINDOW]


def assert_clean(data: bytes, secrets: list[bytes], what: object) -> None:
    for number, one in enumerate(secrets):
        for part in windows(one):
            assert part not in data, f"secret {number} in {what}"


def test_the_test_finds_a_key() -> None:
    key = random.randbytes(32)
    for form in (key, key.hex().encode(), base64.b64encode(key)):
        with pytest.raises(AssertionError):
            assert_clean(b"..." + form, [key], "here")


def use(store: Keystore, folder: Path, place: Place) -> list[bytes]:
    """Do everything that there is; the secrets that took part."""
    keys = [random.randbytes(32) for _ in range(20)]
    for number, key in enumerate(keys[:10]):
        store.add(REALM, f"{number}", Secret(key), state="new")
    store.add_many(REALM, (New(f"many {n}", Secret(key)) for n, key in enumerate(keys[10:])))
    store.add(REALM, "random")
    keys.append(value(store, REALM, "random"))
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.add(REALM, "undone", Secret(keys[0]))
        raise ZeroDivisionError
    store.set_setting(REALM, "password", SETTING)
    store.change(REALM, "1", state="changed", attributes={"barcode": "KRL001L9"})
    store.destroy(REALM, "2")
    store.destroy(REALM, "3", keep="destroyed")
    sealed = store.seal(REALM, Secret(PASSPHRASE))
    (folder / "sealed").write_bytes(sealed)
    store.unseal(REALM, sealed, Secret(PASSPHRASE))
    return [*keys, PASSPHRASE, SETTING.encode()]


@pytest.mark.parametrize("master", ["file", "passphrase"])
def test_nothing_in_the_files(place: Place, master: str) -> None:
    """Looked at while the keystore is open, in a transaction, and when it was closed."""
    how = place.master if master == "file" else MasterKey.from_passphrase(Secret(PASSPHRASE))
    store = place.open(how)
    data_key = store_secrets(store)
    secrets = [*data_key, *use(store, place.folder, place)]
    if master == "file":
        secrets.append((place.folder / "master.key").read_bytes())
    with store.transaction():
        store.change(REALM, "5", state="changed")
        look(place, secrets)
    look(place, secrets)
    store.close()
    look(place, secrets)


def store_secrets(store: Keystore) -> list[bytes]:
    """What the keystore itself keeps secret."""
    return [bytes(store._vault._audit.reveal())]


def look(place: Place, secrets: list[bytes]) -> None:
    files = [*place.files(), *place.folder.glob("sealed*")]
    assert files
    for path in files:
        try:
            # A server has tens of megabytes that it made before this test, and empty ones.
            if path.stat().st_mtime < place.made:
                continue
            data = b"".join(part for part in path.read_bytes().split(bytes(512)) if part)
        except OSError:  # a socket; or the server has removed it meanwhile
            continue
        assert_clean(data, secrets, path)


def test_destroyed_keys_leave_no_trace(tmp_path: Path) -> None:
    """Not even encrypted: who has the master key later does not have the key."""
    place = SqlitePlace(tmp_path)
    store = place.open()
    store.add_many(REALM, (New(f"{number}") for number in range(200)))
    sealed = {name: blob for name, blob in place.sql("SELECT name, sealed FROM keys ORDER BY id")}
    for name in ("5", "77", "199"):
        assert sealed[name] in place.path.read_bytes()
    store.destroy(REALM, "5")
    store.destroy(REALM, "77", keep="destroyed")
    store.change(REALM, "199", state="new value")
    for path in place.files():
        data = path.read_bytes()
        for name in ("5", "77", "199"):
            assert sealed[name][12:28] not in data, (name, path)
    store.close()


def test_nothing_is_shown(
    place: Place,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In repr, exceptions, logs, what SQLAlchemy says of statements, pickles, the audit log."""
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "psycopg"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    master = MasterKey.from_passphrase(Secret(PASSPHRASE))
    store = place.open(master)
    secrets = [*store_secrets(store), *use(store, place.folder, place)]
    heard = io.StringIO()
    for thing in (store, master, place.master, store._vault, New("x", Secret(PASSPHRASE))):
        print(repr(thing), str(thing), file=heard)
    print([*store.audit_entries(), *store.records(REALM)], file=heard)
    place.sql("UPDATE keys SET state = 'x' WHERE name = '1'")
    for action in (
        lambda: store.add(REALM, "4", Secret(PASSPHRASE)),
        lambda: store.secret(REALM, "1"),
        lambda: store.unseal(REALM, b"KREALM01" + bytes(100), Secret(PASSPHRASE)),
        lambda: place.open(MasterKey.from_passphrase(Secret(PASSPHRASE[1:]))),
    ):
        try:
            action()
        except KeyManagerError:
            traceback.print_exc(file=heard)
        else:
            raise AssertionError("it was to fail")
    for thing in (store, master):
        with pytest.raises((TypeError, AttributeError)):
            pickle.dumps(thing)
    # The database itself fails in the middle of a statement with values.
    place.sql("ALTER TABLE settings RENAME TO gone")
    try:
        store.set_setting(REALM, "more", SETTING)
    except KeyManagerError:
        traceback.print_exc(file=heard)
    store.close()
    shown = capfd.readouterr()
    text = heard.getvalue() + caplog.text + shown.out + shown.err
    assert "INSERT INTO" in caplog.text
    assert "settings" in heard.getvalue()
    assert_clean(text.encode(), secrets, "what was shown")


def test_the_data_key_is_under_the_master_key_alone(tmp_path: Path) -> None:
    """The same master key with another database opens nothing of it."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    master = MasterKey.from_file(tmp_path / "master.key")
    places = SqlitePlace(one), SqlitePlace(two)
    for place in places:
        store = place.open(master)
        store.add(REALM, "one", secret("value"))
        store.close()
    ((sealed,),) = places[0].sql("SELECT sealed FROM keys")
    with closing(sqlite3.connect(places[1].path)) as connection:
        connection.execute("UPDATE keys SET sealed = ?", (sealed,))
        connection.commit()
    store = places[1].open(master)
    with pytest.raises(KeyManagerError, match="not as it was stored"):
        store.secret(REALM, "one")
    store.close()

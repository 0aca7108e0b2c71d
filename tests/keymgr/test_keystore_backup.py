"""A realm sealed for a backup, and brought back: all of it, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keymgr.errors import Damaged, KeyDestroyed, KeyManagerError, WrongPassword
from keymgr.kdf import Cost
from keymgr.keystore import Keystore, New, backup
from keymgr.secret import Secret
from tests.keymgr.stores import Place, secret, value

REALM = "bluescale:123"
PASSWORD = "correct horse"
CHEAP = Cost(memory=8, passes=1, lanes=1)


def fill(store: Keystore) -> None:
    store.add(REALM, "one", secret("value of one"), state="active", attributes={"ü": [1, None]})
    store.add(REALM, "two", secret("2" * 99))
    store.add(REALM, "gone")
    store.destroy(REALM, "gone", keep="destroyed")
    store.set_setting(REALM, "mode", {"secure": True})
    store.set_setting(REALM, "none", None)
    store.add("other", "one", secret("of the other"))
    store.set_setting("other", "mode", "of the other")


def state(store: Keystore, realm: str) -> Any:
    """Everything of a realm but the numbers of its keys."""
    keys = []
    for record in store.records(realm):
        try:
            key = value(store, realm, record.name)
        except KeyDestroyed:
            key = None
        keys.append((record.name, record.state, record.created, record.attributes, key))
    return keys, {name: store.setting(realm, name, "absent") for name in ("mode", "none", "new")}


def test_everything_of_a_realm_comes_back(place: Place) -> None:
    store = place.open(now=lambda: 99.25)
    fill(store)
    before, other = state(store, REALM), state(store, "other")
    data = store.seal(REALM, secret(PASSWORD))
    store.destroy(REALM, "two")
    store.change(REALM, "one", state="changed", attributes={})
    store.add_many(REALM, [New("three"), New("gone too")])
    store.set_setting(REALM, "mode", "changed")
    store.set_setting(REALM, "new", 1)
    assert state(store, REALM) != before
    store.unseal(REALM, data, secret(PASSWORD))
    assert state(store, REALM) == before
    assert state(store, "other") == other
    assert store.setting(REALM, "none", "absent") is None
    store.verify_audit()
    store.close()


def test_in_another_keystore_and_realm(place: Place, store: Keystore) -> None:
    fill(store)
    data = store.seal(REALM, secret(PASSWORD))
    store.unseal("new library", data, secret(PASSWORD))
    assert state(store, "new library") == state(store, REALM)


def test_an_empty_realm(store: Keystore) -> None:
    data = store.seal("empty", secret(""), CHEAP)
    store.add("empty", "one")
    store.unseal("empty", data, secret(""))
    assert store.count("empty") == 0


def test_a_wrong_password_changes_nothing(store: Keystore) -> None:
    fill(store)
    data = store.seal(REALM, secret(PASSWORD), CHEAP)
    store.change(REALM, "one", state="later")
    before, entries = state(store, REALM), store.verify_audit()
    with pytest.raises(WrongPassword, match="password is not that of the backup") as raised:
        store.unseal(REALM, data, secret("wrong battery"))
    assert "battery" not in str(raised.value)
    assert state(store, REALM) == before
    assert store.verify_audit() == entries


@pytest.mark.parametrize(
    "at", [0, 7, 8, 12, 16, 17, 40, 64, 70, 90, 150, -17, -1], ids=lambda at: f"byte {at}"
)
def test_damage_changes_nothing(store: Keystore, at: int) -> None:
    fill(store)
    data = bytearray(store.seal(REALM, secret(PASSWORD), CHEAP))
    data[at] ^= 0x40
    before, entries = state(store, REALM), store.verify_audit()
    with pytest.raises((Damaged, WrongPassword)):
        store.unseal(REALM, bytes(data), secret(PASSWORD))
    assert state(store, REALM) == before
    assert store.verify_audit() == entries


def test_what_is_cut_off_or_more(store: Keystore) -> None:
    data = store.seal(REALM, secret(PASSWORD), CHEAP)
    for damaged in (b"", b"KREALM01", data[:60], data[:100], data[:-1], data + b"\0"):
        with pytest.raises(Damaged, match="take another copy"):
            store.unseal(REALM, damaged, secret(PASSWORD))


def test_two_keys_of_a_name_change_nothing(store: Keystore) -> None:
    fill(store)
    before = state(store, REALM)
    twice = [backup.Kept("new", "", 1, {}, secret("value")) for _ in range(2)]
    data = backup.pack(REALM, twice, {}, secret(PASSWORD), CHEAP)
    with pytest.raises(Damaged):
        store.unseal(REALM, data, secret(PASSWORD))
    assert state(store, REALM) == before


names = st.text(min_size=1, max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
kept = st.tuples(
    names,
    names,
    st.floats(allow_nan=False),
    st.dictionaries(names, json_values, max_size=2),
    st.binary(max_size=50),
)


@given(st.lists(kept, max_size=5), st.dictionaries(names, json_values, max_size=3), st.binary())
def test_any_content(keys: list[Any], settings: dict[str, Any], password: bytes) -> None:
    listed = [backup.Kept(n, s, c, a, Secret(key)) for n, s, c, a, key in keys]
    data = backup.pack("realm", listed, settings, Secret(password), CHEAP)
    contents = backup.unpack(data, Secret(password))
    assert contents.realm == "realm"
    assert contents.settings == settings
    assert [(*key[:4], bytes(key.key.reveal())) for key in contents.keys] == keys


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_a_sentence(data: bytes, with_magic: bool) -> None:
    start = backup.MAGIC + backup.COST.pack(*CHEAP) if with_magic else b""
    with pytest.raises(KeyManagerError):
        backup.unpack(start + data, Secret(b"password"))


def test_a_file_may_not_ask_for_any_cost() -> None:
    for cost in (Cost(1 << 31, 1, 1), Cost(8, 1 << 31, 1), Cost(8, 1, 200), Cost(7, 1, 1)):
        data = backup.MAGIC + backup.COST.pack(*cost) + bytes(200)
        with pytest.raises(Damaged):
            backup.unpack(data, Secret(b""))

"""Keys, settings and transactions of a keystore, on both databases."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from keymgr.errors import KeyDestroyed, KeyExists, KeyManagerError, KeyMissing, StoreUnusable
from keymgr.keystore import Keystore, New, Record
from keymgr.secret import Secret
from tests.keymgr.stores import Place, secret, value

REALM = "bluescale:123"


def test_a_key_comes_back(place: Place) -> None:
    with_attributes = {"barcode": "KRL001L9", "writes": 3, "more": [1, None, "ü"]}
    store = place.open(now=lambda: 1234.5678)
    made = store.add(
        REALM, "finance", secret("the value"), state="active", attributes=with_attributes
    )
    assert made == Record(REALM, "finance", "active", 1234.5678, with_attributes, 1)
    store.close()
    again = place.open()
    assert again.record(REALM, "finance") == made
    assert value(again, REALM, "finance") == b"the value"
    again.close()


def test_a_clock_of_whole_seconds(place: Place) -> None:
    store = place.open(now=lambda: 1_700_000_000)
    store.add(REALM, "one", secret("value"))
    assert value(store, REALM, "one") == b"value"
    assert store.verify_audit() == 2
    store.close()


def test_a_key_without_a_value_is_256_random_bits(place: Place) -> None:
    store = place.open(random=random.Random(5).randbytes)
    store.add(REALM, "one")
    store.add_many(REALM, [New("two"), New("three", secret("three"))])
    expected = random.Random(5)
    assert value(store, REALM, "one") == expected.randbytes(32)
    assert value(store, REALM, "two") == expected.randbytes(32)
    assert value(store, REALM, "three") == b"three"
    store.close()


def test_each_secret_is_new(store: Keystore) -> None:
    store.add(REALM, "one", secret("value"))
    store.secret(REALM, "one").wipe()
    assert value(store, REALM, "one") == b"value"


def test_a_closed_keystore_is_closed(place: Place) -> None:
    store = place.open()
    store.add(REALM, "one")
    store.close()
    store.close()
    for call in (lambda: store.secret(REALM, "one"), lambda: store.add(REALM, "two")):
        with pytest.raises(StoreUnusable, match="was closed: open it again"):
            call()


def test_realms_are_apart(store: Keystore) -> None:
    store.add("a", "name", secret("in a"))
    store.add("b", "name", secret("in b"))
    store.destroy("a", "name")
    assert value(store, "b", "name") == b"in b"
    assert [record.realm for record in store.records("b")] == ["b"]
    assert not list(store.records("a"))
    assert store.realms() == ["b"]


@pytest.mark.parametrize("names", [["one"], ["new", "one"], ["new", "new"]])
def test_no_two_of_a_name(store: Keystore, names: list[str]) -> None:
    store.add(REALM, "one", secret("first"))
    with pytest.raises(KeyExists, match="already: choose another name"):
        store.add_many(REALM, [New(name, secret("second")) for name in names])
    with pytest.raises(KeyExists, match="there is a key 'one' already"):
        store.add(REALM, "one")
    assert value(store, REALM, "one") == b"first"
    assert store.count(REALM) == 1
    store.verify_audit()


CALLS: dict[str, Callable[[Keystore], object]] = {
    "record": lambda store: store.record(REALM, "none"),
    "secret": lambda store: store.secret(REALM, "none"),
    "change": lambda store: store.change(REALM, "none", state="x"),
    "destroy": lambda store: store.destroy(REALM, "none"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_key_that_is_not_there(store: Keystore, call: str) -> None:
    with pytest.raises(KeyMissing, match="there is no key 'none'"):
        CALLS[call](store)
    assert store.verify_audit() == 1


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb", "\ud800", "x" * 1025, "ü" * 513])
def test_names_that_cannot_be(store: Keystore, name: str) -> None:
    for realm, key in ((REALM, name), (name, "name")):
        with pytest.raises(KeyManagerError, match="name"):
            store.add(realm, key)
        with pytest.raises(KeyManagerError, match="name"):
            store.set_setting(realm, key, 1)
    # Tapes may say anything.
    with pytest.raises(KeyMissing):
        store.secret(REALM, name)


def test_states_that_cannot_be(store: Keystore) -> None:
    store.add(REALM, "one", state="")
    for action in (
        lambda: store.add(REALM, "two", state="a\0b"),
        lambda: store.change(REALM, "one", state="\ud800"),
        lambda: store.destroy(REALM, "one", keep="a\nb"),
    ):
        with pytest.raises(KeyManagerError, match="cannot be shown: use another word"):
            action()
    assert len(store.secret(REALM, "one")) == 32
    assert store.verify_audit() == 2


def test_long_names(store: Keystore) -> None:
    realm, name = ("".join(random.choices("aäπ☃", k=300)) for _ in range(2))
    store.add(realm, name, secret("long"))
    assert value(store, realm, name) == b"long"


def test_an_empty_key_is_refused(store: Keystore) -> None:
    with pytest.raises(KeyManagerError, match="'one' is empty"):
        store.add(REALM, "one", Secret(b""))


def test_states_and_attributes_change(store: Keystore) -> None:
    made = store.add(REALM, "one", secret("value"), state="new", attributes={"a": 1})
    changed = store.change(REALM, "one", state="old")
    assert (changed.state, changed.attributes) == ("old", {"a": 1})
    changed = store.change(REALM, "one", attributes={"b": 2})
    assert (changed.state, changed.attributes) == ("old", {"b": 2})
    assert store.record(REALM, "one") == changed
    assert changed.created == made.created
    assert value(store, REALM, "one") == b"value"


def test_destroyed_keys(store: Keystore) -> None:
    numbers = [store.add(REALM, name).number for name in ("gone", "kept")]
    store.destroy(REALM, "gone")
    store.destroy(REALM, "kept", keep="destroyed")
    with pytest.raises(KeyMissing, match="there is no key 'gone'"):
        store.record(REALM, "gone")
    with pytest.raises(KeyDestroyed, match="'kept' was destroyed"):
        store.secret(REALM, "kept")
    assert store.record(REALM, "kept").state == "destroyed"
    assert store.change(REALM, "kept", state="forgotten").state == "forgotten"
    with pytest.raises(KeyDestroyed):
        store.secret(REALM, "kept")
    assert store.add(REALM, "gone").number > max(numbers)


def test_pages_of_a_state(store: Keystore) -> None:
    store.add_many(REALM, (New(f"{n:05}", state=("ready", "used")[n % 2]) for n in range(3003)))
    assert (store.count(REALM), store.count(REALM, "used")) == (3003, 1501)
    assert [record.name for record in store.records(REALM)] == [f"{n:05}" for n in range(3003)]
    ready = list(store.records(REALM, "ready"))
    assert [record.name for record in ready] == [f"{n:05}" for n in range(0, 3003, 2)]
    page = list(store.records(REALM, "ready", after=ready[9].number, limit=5))
    assert page == ready[10:15]
    assert not list(store.records(REALM, "ready", limit=0))
    assert len(list(store.records(REALM, limit=1000))) == 1000


def test_the_next_unused_key_is_given_once(store: Keystore) -> None:
    """A set of keys, several that take from it: as key managers do it."""
    store.add_many(REALM, (New(f"{n}", state="unused") for n in range(40)))
    taken: list[str] = []

    def take() -> None:
        for _ in range(10):
            with store.transaction():
                (record,) = store.records(REALM, "unused", limit=1)
                store.change(REALM, record.name, state="used")
            taken.append(record.name)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=int) == [f"{n}" for n in range(40)]
    assert store.count(REALM, "unused") == 0
    store.verify_audit()


def test_settings(place: Place) -> None:
    store = place.open()
    assert store.setting(REALM, "mode") is None
    assert store.setting(REALM, "mode", "standard") == "standard"
    for setting in ({"a": [1, 2.5, None, True]}, None, "text"):
        store.set_setting(REALM, "mode", setting)
        assert store.setting(REALM, "mode", "default") == setting
    assert store.setting("other", "mode") is None
    store.close()
    again = place.open()
    assert again.setting(REALM, "mode") == "text"
    with pytest.raises(TypeError):
        again.set_setting(REALM, "mode", secret("hidden"))
    assert again.setting(REALM, "mode") == "text"
    again.close()


def test_a_transaction_is_all_or_nothing(store: Keystore) -> None:
    store.add(REALM, "there", state="old")
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.add(REALM, "one")
        store.add_many(REALM, [New("two")])
        store.change(REALM, "there", state="new")
        store.set_setting(REALM, "a", 1)
        store.audit(REALM, "seen")
        assert store.count(REALM) == 3
        assert store.setting(REALM, "a") == 1
        raise ZeroDivisionError
    assert [(record.name, record.state) for record in store.records(REALM)] == [("there", "old")]
    assert store.setting(REALM, "a") is None
    assert store.verify_audit() == 2


def test_a_refusal_inside_a_transaction_can_be_met(store: Keystore) -> None:
    store.add(REALM, "one")
    with store.transaction():
        with pytest.raises(KeyExists):
            store.add(REALM, "one")
        with pytest.raises(KeyExists):
            store.add_many(REALM, [New("two"), New("one")])
        store.add(REALM, "three")
    assert [record.name for record in store.records(REALM)] == ["one", "three"]
    store.verify_audit()


def test_a_transaction_inside_another_is_undone_alone(store: Keystore) -> None:
    with store.transaction():
        store.add(REALM, "one")
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.add(REALM, "two")
            raise ZeroDivisionError
        store.add(REALM, "three")
    assert [record.name for record in store.records(REALM)] == ["one", "three"]
    store.verify_audit()


def test_others_see_a_transaction_when_it_has_ended(store: Keystore) -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(store.count(REALM))

    with store.transaction():
        store.add(REALM, "one")
        for _ in range(2):
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
    look()
    assert seen == [0, 0, 1]


def test_threads_call_at_the_same_time(store: Keystore) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(15):
                name = f"{number}-{turn}"
                store.add(REALM, name, secret(name))
                assert value(store, REALM, name) == name.encode()
                store.change(REALM, name, state="used")
                store.set_setting(REALM, "last", name)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert store.count(REALM, "used") == 90
    assert store.verify_audit() == 1 + 90 * 3

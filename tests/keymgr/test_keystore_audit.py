"""The audit log of a keystore: what is in it, and that nobody changes it unnoticed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from keymgr.errors import AuditDamaged
from keymgr.keystore import Keystore, New
from tests.keymgr.stores import Place, SqlitePlace, secret

REALM = "bluescale:123"
COUNT = 12
"""Entries of the keystore that tests tamper with; the first says that it was made."""


@pytest.fixture
def log(place: Place) -> Place:
    """A place with a keystore of COUNT entries, closed."""
    store = place.open(now=lambda: 1234.5)
    for number in range(2, COUNT + 1):
        store.audit(REALM, "seen", number=number)
    store.close()
    return place


def found(place: Place) -> tuple[int, str]:
    """The entry that is named, and what is said of it."""
    store = place.open()
    try:
        with pytest.raises(AuditDamaged) as raised:
            store.verify_audit()
        return raised.value.entry, str(raised.value)
    finally:
        store.close()


def test_every_change_is_an_entry(place: Place) -> None:
    store = place.open(now=lambda: 1234.5)
    store.add(REALM, "one", state="new")
    store.add_many(REALM, [New("two"), New("three"), New("four")])
    store.change(REALM, "one", state="old", attributes={"barcode": "KRL001L9"})
    store.destroy(REALM, "one", keep="gone")
    store.destroy(REALM, "one")
    store.set_setting(REALM, "mode", "secret word")
    store.audit(REALM, "export", moniker="two", file="two.bsk")
    store.unseal("other", store.seal(REALM, secret("p")), secret("p"))
    entries = list(store.audit_entries())
    assert [entry.number for entry in entries] == list(range(1, 11))
    assert {entry.time for entry in entries} == {1234.5}
    assert [(entry.realm, entry.event, entry.details) for entry in entries] == [
        ("", "make", {"from": 0, "to": store.version}),
        (REALM, "add", {"name": "one", "state": "new"}),
        (REALM, "add many", {"count": 3, "first": "two", "last": "four"}),
        (
            REALM,
            "change",
            {"name": "one", "from": "new", "to": "old", "attributes": ["barcode"]},
        ),
        (REALM, "destroy", {"name": "one", "from": "old", "to": "gone"}),
        (REALM, "destroy", {"name": "one", "from": "gone", "to": None}),
        (REALM, "set", {"name": "mode"}),
        (REALM, "export", {"moniker": "two", "file": "two.bsk"}),
        (REALM, "seal", {"keys": 3, "settings": 1}),
        ("other", "unseal", {"of": REALM, "keys": 3, "settings": 1}),
    ]
    assert [entry.number for entry in store.audit_entries(8)] == [9, 10]
    assert store.verify_audit() == 10
    store.close()


def test_what_is_refused_is_no_entry(store: Keystore) -> None:
    with pytest.raises(TypeError):
        store.audit(REALM, "seen", key=secret("hidden"))
    with pytest.raises(ValueError, match="JSON"):
        store.audit(REALM, "seen", number=float("nan"))
    assert store.verify_audit() == 1


CHANGES = {
    "time": "UPDATE audit SET time = 1 WHERE number = ?",
    "realm": "UPDATE audit SET realm = 'other' WHERE number = ?",
    "event": "UPDATE audit SET event = 'nothing' WHERE number = ?",
    "details": "UPDATE audit SET details = '{}' WHERE number = ?",
    "mac of another": "UPDATE audit SET mac = (SELECT mac FROM audit WHERE number = 6)"
    " WHERE number = ?",
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("number", [1, 5, COUNT])
def test_a_changed_entry(log: Place, what: str, number: int) -> None:
    log.sql(CHANGES[what], number)
    assert found(log) == (number, f"entry {number} of the audit log was changed")


@pytest.mark.parametrize("number", [1, 5, COUNT - 1])
def test_a_missing_entry(log: Place, number: int) -> None:
    log.sql("DELETE FROM audit WHERE number = ?", number)
    assert found(log) == (number, f"entry {number} of the audit log is missing")


def renumber(place: Place, first: int, by: int) -> None:
    place.sql("UPDATE audit SET number = -number WHERE number >= ?", first)
    place.sql("UPDATE audit SET number = -number + ? WHERE number < 0", by)


def test_a_missing_entry_and_all_behind_renumbered(log: Place) -> None:
    log.sql("DELETE FROM audit WHERE number = 5")
    renumber(log, 6, -1)
    assert found(log) == (5, "entry 5 of the audit log was changed")


INSERT = "INSERT INTO audit SELECT ?, time, realm, event, details, mac FROM audit WHERE number = ?"


@pytest.mark.parametrize("number", [1, 5, COUNT])
def test_an_entry_that_was_put_in(log: Place, number: int) -> None:
    renumber(log, number, 1)
    log.sql(INSERT, number, 3 if number > 3 else 7)
    # Behind the last one that should be there is one more now, but that is not the first.
    assert found(log)[0] == number


@pytest.mark.parametrize("number", [0, -7, COUNT + 1, COUNT + 5])
def test_an_entry_outside(log: Place, number: int) -> None:
    log.sql(INSERT, number, 3)
    named = min(number, COUNT + 1)
    assert found(log) == (named, f"entry {named} of the audit log was put in")


def test_entries_in_another_order(log: Place) -> None:
    log.sql("UPDATE audit SET number = 100 WHERE number = 4")
    log.sql("UPDATE audit SET number = 4 WHERE number = 8")
    log.sql("UPDATE audit SET number = 8 WHERE number = 100")
    assert found(log)[0] == 4


@pytest.mark.parametrize("left", [COUNT - 1, 5, 0])
def test_a_log_that_was_cut(log: Place, left: int) -> None:
    log.sql("DELETE FROM audit WHERE number > ?", left)
    text = f"entries {left + 1} to {COUNT} of the audit log were cut off"
    assert found(log) == (left + 1, text)


CUT_HEAD: dict[str, Callable[[Place], object]] = {
    "number only": lambda place: place.sql("UPDATE head SET entries = 5"),
    "number and mac of the entry": lambda place: place.sql(
        "UPDATE head SET entries = 5, last_mac = (SELECT mac FROM audit WHERE number = 5)"
    ),
    "all that can be had": lambda place: place.sql(
        "UPDATE head SET entries = 5, last_mac = (SELECT mac FROM audit WHERE number = 5),"
        " mac = (SELECT mac FROM audit WHERE number = 5)"
    ),
    "gone": lambda place: place.sql("DELETE FROM head"),
    "begun again": lambda place: place.sql("UPDATE head SET entries = 0, keys_made = 0"),
}


@pytest.mark.parametrize("how", CUT_HEAD)
def test_a_log_that_was_cut_with_its_head(log: Place, how: str) -> None:
    log.sql("DELETE FROM audit WHERE number > 5")
    CUT_HEAD[how](log)
    number, text = found(log)
    assert number == 6
    assert text == "the end of the audit log, behind entry 5, was changed"
    # And nothing is written that would make it a true end.
    store = log.open()
    with pytest.raises(AuditDamaged, match="back from a backup"):
        store.audit(REALM, "innocent")
    with pytest.raises(AuditDamaged):
        store.verify_audit()
    store.close()


def test_a_cut_log_stays_cut(log: Place) -> None:
    log.sql("DELETE FROM audit WHERE number > 5")
    store = log.open()
    store.audit(REALM, "later")
    store.close()
    assert found(log) == (6, "entry 6 of the audit log is missing")


def test_entries_of_another_keystore(log: Place, tmp_path: Path) -> None:
    """They are as true as can be, but under another master key."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = SqlitePlace(folder)
    store = other.open(now=lambda: 1234.5)
    for number in range(2, COUNT + 1):
        store.audit(REALM, "seen", number=number)
    store.close()
    for table in ("audit", "head"):
        log.sql(f"DELETE FROM {table}")
        for row in other.sql(f"SELECT * FROM {table}"):
            places = ", ".join("?" * len(row))
            log.sql(f"INSERT INTO {table} VALUES ({places})", *row)
    assert found(log) == (1, "entry 1 of the audit log was changed")


def test_a_log_that_grows_while_it_is_verified(place: Place) -> None:
    reader, writer = place.open(), place.open()
    ended = threading.Event()

    def write() -> None:
        for number in range(150):
            writer.audit(REALM, "seen", number=number)
        ended.set()

    thread = threading.Thread(target=write)
    thread.start()
    counts = []
    while not ended.is_set():
        counts.append(reader.verify_audit())
    thread.join()
    assert counts == sorted(counts)
    assert reader.verify_audit() == 151
    reader.close()
    writer.close()


def test_a_long_log(place: Place) -> None:
    """Longer than what is read at a time."""
    store = place.open()
    with store.transaction():
        for number in range(2500):
            store.audit(REALM, "seen", number=number)
    assert store.verify_audit() == 2501
    assert [entry.number for entry in store.audit_entries(999)] == list(range(1000, 2502))
    store.close()
    place.sql("DELETE FROM audit WHERE number = 2001")
    assert found(place)[0] == 2001

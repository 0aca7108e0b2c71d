"""The tracking record of each key, and what is noted in the audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from keymgr.api import Refused
from keymgr.bluescale import Copy, NotAllowed
from keymgr.errors import KeyMissing
from tests.keymgr.bluescale import START, TAPE, Site, read, secret, site, write

KEY_PASSWORD = "to-carry-1"
DAY = 24 * 60 * 60


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as one:
        yield one


@pytest.mark.req("BS-18")
def test_copies_are_recorded_at_export_and_by_hand(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    library.time += DAY
    for location in ("the bank", ""):
        desk.export("A", secret(KEY_PASSWORD), secret(KEY_PASSWORD), location=location)
    assert desk.add_copy("A", "escrow service") == 3
    desk.move_copy("A", 2, "legal counsel")
    made = START + DAY
    copies = (Copy(1, "the bank", made), Copy(2, "legal counsel", made))
    assert desk.tracking()[0].copies == (*copies, Copy(3, "escrow service", made))
    desk.remove_copy("A", 3)
    assert desk.tracking()[0].copies == copies
    assert desk.keys()[0].copies == 2
    with pytest.raises(NotAllowed, match="there is no copy 3 of this key: see the tracking"):
        desk.remove_copy("A", 3)
    with pytest.raises(NotAllowed, match="there is no copy 3 of this key"):
        desk.move_copy("A", 3, "here")
    with pytest.raises(KeyMissing, match="there is no key 'B'"):
        desk.add_copy("B", "here")


@pytest.mark.req("BS-18")
def test_expiry_and_shares(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    desk.plan("A", expires="2027-06-30", shares=3)
    assert (desk.tracking()[0].expires, desk.tracking()[0].shares) == ("2027-06-30", 3)
    for wrong in ("2027-02-30", "tomorrow", "30.6.2027"):
        with pytest.raises(NotAllowed, match=f"'{wrong}' is no date: write .* as YYYY-MM-DD"):
            desk.plan("A", expires=wrong)
    with pytest.raises(NotAllowed, match="the number of shares is 0 or more"):
        desk.plan("A", shares=-1)
    desk.plan("A")
    assert (desk.tracking()[0].expires, desk.tracking()[0].shares) == (None, 0)


@pytest.mark.req("BS-18")
def test_cartridges_are_recorded_by_the_keys_they_take(library: Site) -> None:
    desk = library.desk()
    for moniker in "AB":
        desk.create(moniker)

    def cartridges() -> list[tuple[str, ...]]:
        return [record.cartridges for record in desk.tracking()]

    desk.assign("finance", "A")
    second = TAPE.volume._replace(barcode="KRL002L9")
    library.bluescale.key_for_write(write())
    library.bluescale.key_for_write(write(volume=second))
    library.bluescale.key_for_write(write(volume=second._replace(barcode="")))
    assert cartridges() == [("KRL001L9", "KRL002L9", "0000000001"), ()]
    desk.assign("finance", "B", ["A"])
    library.bluescale.key_for_write(write(volume=second))
    assert cartridges() == [("KRL001L9", "0000000001"), ("KRL002L9",)]
    # One that comes from elsewhere is known once it was read.
    library.bluescale.key_for_read(read("B", volume=second._replace(barcode="OTH001L9")))
    assert cartridges()[1] == ("KRL002L9", "OTH001L9")


@pytest.mark.req("BS-18")
def test_the_record_outlives_the_key(library: Site) -> None:
    desk = library.desk()
    for moniker in "AB":
        desk.create(moniker)
    desk.assign("finance", "A")
    library.bluescale.key_for_write(write())
    data = desk.export("A", secret(KEY_PASSWORD), secret(KEY_PASSWORD), location="the bank").data
    desk.unassign("finance")
    desk.delete("A", "A")
    there, gone = desk.tracking()
    assert (there.moniker, gone.moniker, gone.deleted) == ("B", "A", True)
    assert (gone.copies[0].location, gone.cartridges) == ("the bank", ("KRL001L9",))
    desk.move_copy("A", 1, "the other bank")
    # The cartridge is written anew: nobody needs the key for it.
    desk.assign("finance", "B")
    library.bluescale.key_for_write(write())
    assert desk.tracking()[1].cartridges == ()
    desk.import_key(data, secret(KEY_PASSWORD))
    back = desk.tracking()[0]
    assert (back.deleted, back.created, back.copies[0].location) == (
        False,
        START,
        "the other bank",
    )


@pytest.mark.req("BS-18")
def test_the_report(library: Site) -> None:
    desk = library.desk()
    assert desk.report() == "No keys.\n"
    desk.create("finance-1")
    desk.create("old")
    desk.plan("finance-1", expires="2027-06-30", shares=2)
    desk.add_copy("finance-1", "the bank")
    desk.add_copy("finance-1", "")
    desk.assign("finance", "finance-1")
    library.bluescale.key_for_write(write())
    desk.delete("old", "old")
    assert desk.report() == (
        "Key moniker:         finance-1\n"
        "Created:             2027-01-15 08:00:00 UTC\n"
        "Planned expiration:  2027-06-30\n"
        "Shares:              2\n"
        "Copies:              2\n"
        "  1: the bank\n"
        "  2: nobody said where\n"
        "Cartridges:          KRL001L9\n"
        "\n"
        "Key moniker:         old (deleted)\n"
        "Created:             2027-01-15 08:00:00 UTC\n"
        "Planned expiration:  -\n"
        "Shares:              -\n"
        "Copies:              0\n"
        "Cartridges:          -\n"
    )
    told = json.loads(json.dumps([asdict(record) for record in desk.tracking()]))
    assert told[0] == {
        "moniker": "finance-1",
        "created": START,
        "expires": "2027-06-30",
        "shares": 2,
        "copies": [
            {"number": 1, "location": "the bank", "made": START},
            {"number": 2, "location": "", "made": START},
        ],
        "cartridges": ["KRL001L9"],
        "deleted": False,
    }


def test_every_key_that_a_drive_gets_is_audited(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    desk.assign("finance", "A")
    library.bluescale.key_for_write(write())
    library.bluescale.key_for_read(read("A"))
    with pytest.raises(Refused):
        library.bluescale.key_for_read(read("B"))
    given = [one for one in library.store.audit_entries() if one.event == "key given"]
    for one, to in zip(given, ("write", "read"), strict=True):
        assert one.details == {
            "moniker": "A",
            "to": to,
            "partition": "finance",
            "drive": "KRL0000009",
            "cartridge": "KRL001L9",
        }


def test_every_doing_is_audited(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    desk.assign("finance", "A")
    data = desk.export("A", secret(KEY_PASSWORD), secret(KEY_PASSWORD), location="the bank").data
    desk.unassign("finance")
    desk.delete("A", "A")
    desk.import_key(data, secret(KEY_PASSWORD))
    desk.add_copy("A", "escrow")
    desk.move_copy("A", 2, "home")
    desk.remove_copy("A", 2)
    desk.plan("A", expires="2027-06-30")
    desk.set_secure_initialization(True)
    desk.set_passwords(secret(), "single", [secret("one-1")])
    entries = [one for one in library.store.audit_entries() if " " in one.event]
    assert [one.event for one in entries] == [
        "password accepted",
        "key created",
        "keys assigned",
        "key exported",
        "keys unassigned",
        "key deleted",
        "key imported",
        "copy added",
        "copy moved",
        "copy removed",
        "key planned",
        "secure initialization",
        "password accepted",
        "passwords set",
    ]
    assert all(one.details["user"] == "ada" for one in entries)
    assert entries[3].details == {
        "copy": 1,
        "location": "the bank",
        "moniker": "A",
        "user": "ada",
    }
    assert library.store.verify_audit() > len(entries)

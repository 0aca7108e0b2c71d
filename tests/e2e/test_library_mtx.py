"""A library under mtx, mt and tar: two partitions, each a medium changer with drives of its own."""

from __future__ import annotations

import pytest

from tests.e2e.library import MAIL, Shelf

pytestmark = pytest.mark.guest

FIRST = {number + 1: f"KRL{number:03}L9" for number in range(16)} | {17: "CLN000CU"}
SECOND = {number - 15: f"KRL{number:03}L9" for number in range(16, 20)} | {5: "KRL100L8"}


def test_status_is_what_the_rig_says(shelf: Shelf) -> None:
    finance, research = shelf.mtx(), shelf.mtx(changer="RESEARCH_SG")
    assert finance == ({}, FIRST, (2, 43, 3))
    assert research == ({}, SECOND, (2, 21, 1))
    (_, said), (_, plain) = shelf.each(
        "mtx -f $FINANCE inquiry", "mtx -f $FINANCE nobarcode status"
    )
    assert said.splitlines()[:3] == [
        "Product Type: Medium Changer", "Vendor ID: 'SPECTRA '", "Product ID: 'PYTHON          '",
    ]  # fmt: skip
    assert plain.count(":Full") == len(FIRST)
    assert "VolumeTag" not in plain


def test_a_cartridge_goes_into_a_drive_and_back(shelf: Shelf) -> None:
    now = shelf.mtx("load 3 0", "load 4 1")
    assert now.drives == {0: ("KRL002L9", 3), 1: ("KRL003L9", 4)}
    assert not {3, 4} & now.slots.keys()
    (shelf.folder / "noise").write_bytes(bytes(range(256)) * 1000)
    said = shelf.ok("mt -f $DRIVE0 status; tar -cf $DRIVE0 noise && mt -f $DRIVE0 rewind")
    assert "BOT ONLINE" in said
    # Unloaded by the library, with no host asking the drive for it: to another slot, and the drive.
    now = shelf.mtx("unload 30 0")
    assert now.slots[30] == "KRL002L9"
    assert "DR_OPEN" in shelf.ok("mt -f $DRIVE0 status")
    shelf.mtx("unload 4 1", "load 30 1")
    shelf.ok("tar -df $DRIVE1 && mt -f $DRIVE1 offline")
    # One that a host has unloaded is still in the drive.
    now = shelf.mtx()
    assert now.drives == {1: ("KRL002L9", 30)}
    assert "DR_OPEN" in shelf.ok("mt -f $DRIVE1 status")
    shelf.mtx("unload 3 1")


def test_a_cartridge_of_an_older_format(shelf: Shelf) -> None:
    assert shelf.mtx("load 5 0", changer="RESEARCH").drives == {0: ("KRL100L8", 5)}
    assert "Density code 0x5e" in shelf.ok("mt -f $DRIVE2 status")
    assert shelf.mtx("unload 5 0", "load 5 1", changer="RESEARCH").drives == {1: ("KRL100L8", 5)}
    shelf.ok("head -c 1000 /dev/urandom | dd of=$OLDER bs=1000 && mt -f $OLDER offline")


def test_a_drive_that_cannot_use_a_cartridge_has_it_all_the_same(shelf: Shelf) -> None:
    assert shelf.mtx("load 1 1", changer="RESEARCH").drives == {1: ("KRL016L9", 1)}
    said = shelf.fails("sg_turs $OLDER_SG; sg_turs $OLDER_SG; sg_turs -v $OLDER_SG")
    assert "Incompatible medium installed" in said
    shelf.mtx("unload 1 1", changer="RESEARCH")


def test_a_cleaning_cartridge(shelf: Shelf) -> None:
    assert shelf.mtx("load 17 0").drives == {0: ("CLN000CU", 17)}
    assert shelf.mtx("unload 17 0").slots == FIRST


def test_transfers_between_slots_and_mail_slots(shelf: Shelf) -> None:
    now = shelf.mtx("transfer 1 40", f"transfer 2 {MAIL}", f"transfer 3 {MAIL + 2}")
    assert {at: now.slots[at] for at in (40, MAIL, MAIL + 2)} == {
        40: "KRL000L9", MAIL: "KRL001L9", MAIL + 2: "KRL002L9",
    }  # fmt: skip
    assert not {1, 2, 3} & now.slots.keys()
    now = shelf.mtx(f"load {MAIL} 0", f"transfer {MAIL + 2} 1")
    assert now.drives[0][0] == "KRL001L9"
    assert now.slots[1] == "KRL002L9"
    # The other partition has seen nothing of it.
    assert shelf.mtx(changer="RESEARCH").slots == SECOND


def test_an_exchange(shelf: Shelf) -> None:
    now = shelf.mtx("exchange 1 2")
    assert (now.slots[1], now.slots[2]) == ("KRL001L9", "KRL000L9")
    now = shelf.mtx("exchange 2 3 30")
    assert (now.slots.get(2), now.slots[3], now.slots[30]) == (None, "KRL000L9", "KRL002L9")


def test_one_after_the_other(shelf: Shelf) -> None:
    assert shelf.mtx("first 0").drives == {0: ("KRL000L9", 1)}
    assert shelf.mtx("next 0").drives == {0: ("KRL001L9", 2)}
    assert shelf.mtx("previous 0").drives == {0: ("KRL000L9", 1)}
    now = shelf.mtx("unload", "transfer 17 40", "last 0")
    assert now.drives == {0: ("CLN000CU", 40)}
    status, said = shelf.run("mtx -f $FINANCE next 0")
    assert (status, "No More Media" in said) == (1, True)
    assert shelf.mtx().slots[40] == "CLN000CU"


def test_what_changes_nothing(shelf: Shelf) -> None:
    now = shelf.mtx(
        "position 4", "inventory", f"eepos 1 transfer 3 {MAIL}", f"eepos 2 transfer {MAIL} 3",
        "noattach load 4 0", "noattach unload 4 0", "nobarcode load 4 1", "nobarcode unload 4 1",
    )  # fmt: skip
    assert now == ({}, FIRST, (2, 43, 3))


REFUSED = {
    "load 2 0": "Drive 0 Full (Storage Element 1 loaded)",
    "unload 5 0": "Storage Element 5 is Already Full",
    "load 30 1": "Source Element Address 4125 is Empty",
    "unload 1 1": "Data Transfer Element 1 is Empty",
    "transfer 2 3": "Destination Element Address 4098 is Already Full",
    "transfer 30 31": "Source Element Address 4125 is Empty",
    "transfer 2 90": "Invalid",
    "load 2 5": "illegal <drive-number> argument",
    # Nothing of this library can be turned over: 5/24/00 with the field pointer at INVERT.
    "invert load 2 1": "Additional Sense Code = 24",
    "invert transfer 2 30": "Field Pointer = 00 0A",
}


def test_refusals(shelf: Shelf) -> None:
    shelf.mtx("load 1 0")
    for (operation, words), said in zip(REFUSED.items(), shelf.refusals(*REFUSED), strict=True):
        assert words in said, operation


def test_a_locked_cartridge_stays(shelf: Shelf) -> None:
    shelf.mtx("load 1 0")
    shelf.ok("mt -f $DRIVE0 lock")
    (said,) = shelf.refusals("unload 1 0")
    assert "Additional Sense Code = 53" in said
    assert "Additional Sense Qualifier = 02" in said
    shelf.ok("mt -f $DRIVE0 unlock")
    assert shelf.mtx("unload 1 0").slots == FIRST


def test_locked_mail_slots(shelf: Shelf) -> None:
    """PREVENT keeps operators out, not the robot."""
    shelf.ok("sg_prevent $FINANCE")
    try:
        assert shelf.mtx(f"transfer 1 {MAIL}").slots[MAIL] == "KRL000L9"
    finally:
        shelf.ok("sg_prevent --allow $FINANCE")


def test_moves_while_a_drive_is_busy(shelf: Shelf) -> None:
    """Whoever writes to one drive is not in the way of moves to and from the others."""
    shelf.mtx("load 1 0")
    said = shelf.ok(
        "dd if=/dev/zero of=$DRIVE0 bs=64k count=600 & i=0; moved=0;"
        " while [ $i -lt 3 ]; do i=$((i+1));"
        "  mtx -f $FINANCE load 2 1 && mtx -f $FINANCE unload 2 1 && moved=$((moved+1)); done;"
        " wait $! && echo moved $moved"
    )
    assert "moved 3" in said


def test_a_killed_target_knows_where_everything_is(shelf: Shelf) -> None:
    shelf.mtx("load 1 0", f"transfer 2 {MAIL}", changer="FINANCE")
    shelf.mtx("load 2 1", changer="RESEARCH")
    (shelf.folder / "noise").write_bytes(bytes(range(256)) * 1000)
    shelf.ok("tar -cf $DRIVE0 noise && mt -f $DRIVE0 rewind")
    finance, research = shelf.mtx(), shelf.mtx(changer="RESEARCH")
    shelf.guest.restart_target()
    # A changer tells of its power-on as a drive does; mtx asks again by itself.
    assert (shelf.mtx(), shelf.mtx(changer="RESEARCH")) == (finance, research)
    shelf.ok("mt -f $DRIVE0 rewind || mt -f $DRIVE0 rewind; tar -df $DRIVE0")
    assert shelf.mtx("unload 1 0").slots[1] == "KRL000L9"

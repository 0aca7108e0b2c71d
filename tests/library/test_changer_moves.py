"""Moving cartridges: MOVE, EXCHANGE and POSITION, what is physically wrong, door, mail slots."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from target.library.inventory import Held
from target.library.personality import load
from target.library.robot import MoveFailed
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.scsi import sense as s
from target.scsi.sense import Code
from target.transports.inprocess import Reply
from tests.library.changers import (
    FAMILIES,
    GOOD,
    Host,
    Tower,
    code_of,
    drive,
    host,
    mail,
    slot,
)


def pointer(reply: Reply) -> tuple[int, int | None] | None:
    assert reply.sense is not None
    return reply.sense.pointer


def closed(tower: Tower, barcode: str) -> bool:
    """Whether nobody has a cartridge open."""
    try:
        Cartridge(Path(tower.plans[barcode].path)).close()
    except MediumError:
        return False
    return True


@pytest.mark.req("SMC-MOVE-MEDIUM")
@pytest.mark.parametrize("model", FAMILIES)
def test_a_cartridge_goes_everywhere(tmp_path: Path, model: str) -> None:
    tower, it = host(tmp_path, model)
    way = (slot(1), drive(1), drive(2), mail(2), slot(5), mail(1), slot(1))
    for source, destination in pairwise(way):
        if source in (drive(1), drive(2)):
            tower.fakes[source.number].loaded = False  # its host has unloaded it
        assert it.move(source, destination).status == GOOD
        assert it.contents()[destination].startswith("KRL001")
        assert len(it.contents()) == 2
        inside = tower.fakes[destination.number].cartridge if destination.kind == 4 else None
        assert (inside is not None) == (destination.kind == 4)
        assert closed(tower, "KRL001L9") == (inside is None)


@pytest.mark.req("SMC-MOVE-MEDIUM")
def test_the_picker_is_zero_or_itself(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    ends = bytes.fromhex("1000 1002")
    assert it.send(bytes.fromhex("a5000001") + ends + bytes(4)).status == GOOD
    other = it.send(bytes.fromhex("a5000002") + ends + bytes(4))
    assert (code_of(other), pointer(other)) == (s.INVALID_ELEMENT, (2, None))


@pytest.mark.req("SMC-MOVE-ADDRESS")
def test_what_is_no_element(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    for source, destination, byte in (
        (0x1005, 0x1000, 4),
        (0x1000, 0x0102, 6),
        (0x1000, 0xFFFF, 6),
    ):
        reply = it.move(source, destination)
        assert (code_of(reply), pointer(reply)) == (s.INVALID_ELEMENT, (byte, None))
    # The picker keeps nothing: device capabilities say so.
    assert pointer(it.move(0x0001, 0x1003)) == (4, None)
    assert pointer(it.move(0x1000, 0x0001)) == (6, None)


@pytest.mark.req("SMC-MOVE-FULL")
def test_full_and_empty(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    before = dict(tower.inventory)
    assert code_of(it.move(slot(1), slot(2))) == s.DESTINATION_FULL
    assert code_of(it.move(slot(1), slot(1))) == s.DESTINATION_FULL
    assert code_of(it.move(slot(3), slot(4))) == s.SOURCE_EMPTY
    assert code_of(it.move(drive(1), slot(4))) == s.SOURCE_EMPTY
    assert dict(tower.inventory) == before


def test_invert_is_refused(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    reply = it.send(bytes.fromhex("a5000000 1000 1003 0000 01 00"))
    assert (code_of(reply), pointer(reply)) == (s.INVALID_FIELD_IN_CDB, (10, 0))
    reply = it.send(bytes.fromhex("a6000000 1000 1001 1003 02 00"))
    assert (code_of(reply), pointer(reply)) == (s.INVALID_FIELD_IN_CDB, (10, 1))
    reply = it.send(bytes.fromhex("2b00 0000 1000 0000 01 00"))
    assert (code_of(reply), pointer(reply)) == (s.INVALID_FIELD_IN_CDB, (8, 0))


def test_mtx_writes_into_the_control_byte(tmp_path: Path) -> None:
    """The value of its eepos command is in bits 7-6, which are the vendor's."""
    _, it = host(tmp_path)
    assert it.send(bytes.fromhex("a5000000 1000 0010 0000 00 c0")).status == GOOD


# --- drives --------------------------------------------------------------------------------------


@pytest.mark.req("SMC-MOVE-DRIVE")
@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("spectra/t950", None),
        ("ibm/ts3500", None),
        ("quantum/scalar-i2000", None),
        ("stk/sl500", s.NOT_UNLOADED),
        ("stk/sl8500", s.NOT_UNLOADED),
    ],
)
def test_a_loaded_drive_is_unloaded_or_not(tmp_path: Path, model: str, code: Code | None) -> None:
    tower, it = host(tmp_path, model)
    it.move(slot(1), drive(1))
    reply = it.move(drive(1), slot(4))
    if code is None:
        assert reply.status == GOOD
    else:
        assert code_of(reply) == code
        assert not it.elements(4)[0].access
        tower.fakes[1].loaded = False
        assert it.elements(4)[0].access
        assert it.move(drive(1), slot(4)).status == GOOD


@pytest.mark.req("SMC-MOVE-DRIVE")
def test_a_host_prevents_removal_in_the_drive(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    it.move(slot(1), drive(1))
    tower.fakes[1].prevented = True
    assert code_of(it.move(drive(1), slot(4))) == s.REMOVAL_PREVENTED
    assert it.contents()[drive(1)] == "KRL001L9"
    tower.fakes[1].prevented = False
    assert it.move(drive(1), slot(4)).status == GOOD


def test_a_drive_that_cannot_load(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    tower.fakes[1].damaged = True
    assert code_of(it.move(slot(1), drive(1))) == s.LOAD_OR_EJECT_FAILED
    assert it.contents()[drive(1)] == "KRL001L9"
    assert 0x0F in it.changer.alerts.active
    assert it.move(drive(1), slot(1)).status == GOOD
    assert closed(tower, "KRL001L9")


def test_a_drive_that_cannot_eject(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    it.move(slot(1), drive(1))
    tower.fakes[1].stuck = True
    assert code_of(it.move(drive(1), slot(1))) == s.LOAD_OR_EJECT_FAILED
    assert it.contents()[drive(1)] == "KRL001L9"


@pytest.mark.req("SMC-MOVE-FIT")
def test_another_shape_does_not_fit(tmp_path: Path) -> None:
    for model, code in (
        ("spectra/t950", s.WRONG_CARTRIDGE),
        ("quantum/scalar-i500", (5, 0x3B, 0xA0)),
    ):
        folder = tmp_path / model.replace("/", "-")
        folder.mkdir()
        _, it = host(folder, model, ["KRL001JE", "KRL001L5", "CLN001CU", "CLN002CA"])
        for at in (1, 4):
            assert code_of(it.move(slot(at), drive(1)))[:3] == code[:3]
        # Of another generation it fits, and so does what cleans this kind of drive.
        assert it.move(slot(2), drive(1)).status == GOOD
        assert it.move(slot(3), drive(2)).status == GOOD


def test_a_cartridge_whose_files_are_gone(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    it.move(slot(2), drive(2))
    tower.plans["KRL001L9"] = replace(tower.plans["KRL001L9"], path=str(tmp_path / "nowhere"))
    assert code_of(it.move(slot(1), drive(1))) == s.POSITIONING_FAILED
    # An exchange puts back what it has taken out.
    assert code_of(it.exchange(slot(1), drive(2), slot(4))) == s.POSITIONING_FAILED
    assert it.contents() == {slot(1): "KRL001L9", drive(2): "KRL002L9"}
    assert tower.fakes[2].loaded
    # From slot to slot nobody need open it.
    assert it.move(slot(1), slot(4)).status == GOOD
    del tower.plans["KRL002L9"]
    assert it.move(drive(2), slot(5)).status == GOOD
    assert code_of(it.move(slot(5), drive(2))) == s.POSITIONING_FAILED


def test_a_full_disk_leaves_everything_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tower, it = host(tmp_path)
    it.move(slot(2), drive(2))

    def no_room(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", no_room)
        for source, destination in ((slot(1), drive(1)), (drive(2), slot(5)), (drive(2), drive(1))):
            assert code_of(it.move(source, destination)).key == 4
        assert code_of(it.exchange(slot(1), drive(2), slot(1))).key == 4
    assert it.contents() == {slot(1): "KRL001L9", drive(2): "KRL002L9"}
    assert tower.fakes[2].loaded
    assert not tower.fakes[1].loaded
    assert closed(tower, "KRL001L9")
    assert it.exchange(slot(1), drive(2), slot(1)).status == GOOD


def test_what_the_rig_says_of_a_cartridge_holds_in_the_drive(tmp_path: Path) -> None:
    tower, it = host(tmp_path, cartridges=["CLN001CU", "KRL001L9"])
    tower.plans["CLN001CU"] = replace(tower.plans["CLN001CU"], cleanings=3)
    tower.plans["KRL001L9"] = replace(
        tower.plans["KRL001L9"], write_protect=True, damage=("memory",)
    )
    it.move(slot(2), drive(2))
    inside = tower.fakes[2].cartridge
    assert inside is not None
    assert (inside.info["write_protect"], inside.info["damage"]) == (True, ["memory"])
    for left in (3, 2):
        it.move(slot(1), drive(1))
        inside = tower.fakes[1].cartridge
        assert inside is not None
        assert inside.info["cleanings_left"] == left
        inside.info["cleanings_left"] -= 1
        assert isinstance(inside, Cartridge)
        inside.save()
        it.move(drive(1), slot(1))


def test_power_puts_back_what_is_in_drives(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    it.move(slot(1), drive(1))
    taken = tower.fakes[1].eject()
    assert taken is not None
    taken.close()
    tower.robot.reload(drive(1))
    tower.robot.reload(drive(2))
    assert tower.fakes[1].loaded
    assert not tower.fakes[2].loaded
    tower.inventory.change({drive(2): Held("KRL404L9")})
    with pytest.raises(MediumError, match="KRL404L9: add it"):
        tower.robot.reload(drive(2))


# --- exchanging and positioning ------------------------------------------------------------------


@pytest.mark.req("SMC-MOVE-EXCHANGE")
def test_exchange(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    it.move(slot(1), drive(1))
    assert it.exchange(slot(2), drive(1), slot(4)).status == GOOD
    assert it.contents() == {drive(1): "KRL002L9", slot(4): "KRL001L9"}
    assert tower.inventory.at(drive(1)) == Held("KRL002L9", slot(2))
    # The second destination may be the source.
    assert it.exchange(slot(4), drive(1), slot(4)).status == GOOD
    assert it.contents() == {drive(1): "KRL001L9", slot(4): "KRL002L9"}
    # Two drives.
    it.move(slot(4), drive(2))
    assert it.exchange(drive(1), drive(2), drive(1)).status == GOOD
    assert it.contents() == {drive(1): "KRL002L9", drive(2): "KRL001L9"}
    assert [tower.fakes[at].loaded for at in (1, 2)] == [True, True]


@pytest.mark.req("SMC-MOVE-EXCHANGE")
def test_exchange_that_cannot_be(tmp_path: Path) -> None:
    tower, it = host(tmp_path, cartridges=["KRL001L9", "KRL002L9", "KRL003L9", "KRL004JE"])
    it.move(slot(1), drive(1))
    before = dict(tower.inventory)
    for places, code in (
        ((slot(5), drive(1), slot(1)), s.SOURCE_EMPTY),
        ((slot(2), drive(2), slot(1)), s.SOURCE_EMPTY),
        ((slot(2), drive(1), slot(3)), s.DESTINATION_FULL),
        ((slot(2), slot(2), slot(5)), s.DESTINATION_FULL),
        ((slot(2), drive(1), drive(1)), s.DESTINATION_FULL),
        ((slot(4), drive(1), slot(5)), s.WRONG_CARTRIDGE),
        ((drive(1), slot(4), drive(1)), s.WRONG_CARTRIDGE),
    ):
        assert code_of(it.exchange(*places)) == code
    tower.fakes[1].prevented = True
    assert code_of(it.exchange(slot(2), drive(1), slot(5))) == s.REMOVAL_PREVENTED
    assert dict(tower.inventory) == before
    reply = it.send(bytes.fromhex("a6000000 1000 1001 2003 00 00"))
    assert (code_of(reply), pointer(reply)) == (s.INVALID_ELEMENT, (8, None))


@pytest.mark.req("SMC-MOVE-EXCHANGE")
def test_an_exchange_that_fails_halfway_puts_back(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    it.move(slot(1), drive(1))
    it.move(slot(2), drive(2))
    tower.fakes[2].stuck = True
    assert code_of(it.exchange(drive(1), drive(2), drive(1))) == s.LOAD_OR_EJECT_FAILED
    assert it.contents() == {drive(1): "KRL001L9", drive(2): "KRL002L9"}
    assert tower.fakes[1].loaded
    assert tower.fakes[2].loaded


@pytest.mark.parametrize("model", FAMILIES)
def test_what_can_be_exchanged_is_in_device_capabilities(tmp_path: Path, model: str) -> None:
    _, it = host(tmp_path, model)
    page = it.send(bytes((0x1A, 8, 0x1F, 0, 255, 0)), size=255).data[4:]
    assert any(page[12:16]) == ("A6" in load(model).commands)
    if not any(page[12:16]):
        assert code_of(it.exchange(slot(1), slot(2), slot(1))) == s.INVALID_OPCODE


def test_position(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    assert it.send(bytes.fromhex("2b00 0001 1000 0000 00 00")).status == GOOD
    reply = it.send(bytes.fromhex("2b00 0001 1009 0000 00 00"))
    assert (code_of(reply), pointer(reply)) == (s.INVALID_ELEMENT, (4, None))


# --- door and mail slots -------------------------------------------------------------------------


@pytest.mark.req("SMC-READY-DOOR")
@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("spectra/t950", (2, 4, 0x83)),
        ("ibm/ts3500", (2, 0x3A, 2)),
        ("quantum/scalar-i500", (2, 4, 3)),
        ("stk/sl500", (2, 4, 3)),
    ],
)
def test_nothing_moves_while_the_door_is_open(
    tmp_path: Path, model: str, code: tuple[int, int, int]
) -> None:
    tower, it = host(tmp_path, model)
    tower.door_open = True
    it.changer.door_moved()
    for reply in (it.ready(), it.move(slot(1), slot(4)), it.send(bytes.fromhex("070000000000"))):
        assert code_of(reply)[:3] == code
    assert 0x10 in it.changer.alerts.active
    tower.door_open = False
    it.changer.door_moved()
    assert it.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert 0x10 not in it.changer.alerts.active
    assert it.move(slot(1), slot(4)).status == GOOD


def open_close(it: Host, address: int, action: int) -> Reply:
    return it.send(bytes((0x1B, 0)) + address.to_bytes(2) + bytes((action, 0)))


def prevented(it: Host) -> bool:
    """What operators ask."""
    return it.changer.prevents


@pytest.mark.req("SMC-READY-MAIL")
def test_mail_slots_open_and_close(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    other = Host(it.unit, "host1")
    assert other.hear() == [s.POWER_ON]
    assert open_close(it, 0x10, 0).status == GOOD
    assert [one.access for one in it.elements(3)] == [False, True]
    assert code_of(it.move(slot(1), mail(1))) == s.TRAY_OPEN
    assert code_of(it.exchange(slot(1), slot(2), mail(1))) == s.TRAY_OPEN
    assert it.move(slot(1), mail(2)).status == GOOD
    assert open_close(it, 0x10, 1).status == GOOD
    assert open_close(it, 0x10, 1).status == GOOD
    assert (it.hear(), other.hear()) == ([], [s.IMPORT_EXPORT_ACCESSED])
    assert it.move(slot(2), mail(1)).status == GOOD
    assert code_of(open_close(it, 0x1000, 0)) == s.INVALID_ELEMENT
    reply = open_close(it, 0x10, 2)
    assert (code_of(reply), pointer(reply)) == (s.INVALID_FIELD_IN_CDB, (4, 4))


@pytest.mark.req("SMC-READY-PREVENT")
def test_hosts_lock_mail_slots(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    other = Host(it.unit, "host1")
    other.hear()
    assert other.prevent(True).status == GOOD
    assert prevented(it)
    assert code_of(open_close(it, 0x10, 0)) == s.REMOVAL_PREVENTED
    # The robot may go on.
    assert it.move(slot(1), mail(1)).status == GOOD
    assert other.prevent(False).status == GOOD
    assert not prevented(it)
    assert open_close(it, 0x10, 0).status == GOOD
    reply = it.send(bytes((0x1E, 0, 0, 0, 2, 0)))
    assert (code_of(reply), pointer(reply)) == (s.INVALID_FIELD_IN_CDB, (4, 1))


@pytest.mark.req("SMC-READY-PREVENT")
def test_a_reset_closes_mail_slots_and_allows_removal(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    it.prevent(True)
    it.prevent(False)
    open_close(it, 0x10, 0)
    it.prevent(True)
    it.changer.reset()
    assert it.hear() == [s.POWER_ON]
    assert not prevented(it)
    assert it.elements(3)[0].access


@pytest.mark.req("SMC-READY-INIT")
@pytest.mark.parametrize("opcode", ["37", "e7"])
def test_initialize_with_range(tmp_path: Path, opcode: str) -> None:
    _, it = host(tmp_path)
    size = 4 if opcode == "37" else 6
    assert it.send(bytes.fromhex(f"{opcode}01 1000 0000 0000") + bytes(size - 2)).status == GOOD
    assert it.send(bytes.fromhex(f"{opcode}00 ffff 0000 0000") + bytes(size - 2)).status == GOOD
    reply = it.send(bytes.fromhex(f"{opcode}01 ffff 0000 0001") + bytes(size - 2))
    assert (code_of(reply), pointer(reply)) == (s.INVALID_ELEMENT, (2, None))


def test_a_refusal_is_a_sentence_with_its_cure(tmp_path: Path) -> None:
    tower, it = host(tmp_path, cartridges=["KRL001L9", "KRL002JE"])
    it.move(slot(1), drive(1))
    for ends, text in (
        ((slot(2), drive(2)), "KRL002JE does not fit into drive:2, a ULT3580-TD9: use"),
        ((slot(4), slot(5)), "slot:4 is empty"),
        ((drive(1), slot(2)), "slot:2 is full: empty it first"),
    ):
        with pytest.raises(MoveFailed, match=text):
            tower.robot.move(*ends)
    with pytest.raises(MoveFailed, match="drive:1 is loaded: its host has to unload it first"):
        tower.robot.move(drive(1), slot(4), unload=False)

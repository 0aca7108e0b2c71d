"""READ ELEMENT STATUS: the bytes of each family and form, what is chosen, what is unusual."""

from __future__ import annotations

from pathlib import Path

import pytest

from target.library.inventory import Held, Kind
from target.scsi import sense as s
from tests.library.changers import (
    CHECK,
    FAMILIES,
    GOOD,
    MODELS,
    code_of,
    decode,
    drive,
    host,
    mail,
    slot,
)

TAG = b"KRL002L9".ljust(32) + bytes(4)
SHORT_TAG = b"KRL002".ljust(32) + bytes(4)
NO_TAG = bytes(36)
T10_NAME = b"IBM     ULT3580-TD9     KRL0000001"
ON_TAPE = b"L9\0\0"
"""StorageTek's media domain and type."""

DESCRIPTORS = {
    # model: addresses of the drive and slot 2, then descriptors of a full drive, whose cartridge
    # is from slot 2: without and with VOLTAG, with DVCID
    "spectra/t950": (
        0x100, 0x1001,
        bytes(4), TAG + bytes(4), b"\x02\x00\x00\x0aKRL0000001",
    ),
    "quantum/scalar-i500": (
        0x100, 0x1001,
        bytes(4), TAG + bytes(4), b"\x02\x01\x00\x22" + T10_NAME + bytes(30),
    ),
    "ibm/ts3500": (
        0x101, 0x402,
        bytes(4), TAG + bytes(4), b"\x02\x01\x00\x22" + T10_NAME,
    ),
    "stk/sl500": (
        0x1F4, 0x3E9,
        bytes(4) + ON_TAPE, TAG + bytes(4) + ON_TAPE, b"\x02\x01\x00\x22" + T10_NAME + ON_TAPE,
    ),
    "stk/sl8500": (
        0x1F4, 0x3E9,
        bytes(4) + ON_TAPE, SHORT_TAG + bytes(4) + ON_TAPE,
        b"\x02\x01\x00\x22" + T10_NAME + ON_TAPE,
    ),
}  # fmt: skip


@pytest.mark.req("SMC-STATUS-FORM", "SMC-STATUS-DVCID")
@pytest.mark.parametrize("model", FAMILIES)
def test_a_full_drive_in_every_form(tmp_path: Path, model: str) -> None:
    _, it = host(tmp_path, model, natives=("LTO-9",))
    assert it.move(slot(2), drive(1)).status == GOOD
    at, home, plain, tagged, named = DESCRIPTORS[model]
    stk = model.startswith("stk")
    # ACCESS, but for StorageTek's, which do not take a loaded cartridge out; FULL; SVALID.
    head = at.to_bytes(2) + bytes((0x01 if stk else 0x09, 0, 0, 0, 0, 0, 0, 0x80 | stk))
    head += home.to_bytes(2)
    # With IBM nothing but the name is valid then.
    invalid = at.to_bytes(2) + bytes((0x04, 0, 0x81)) + bytes(7)
    bare = invalid if model == "ibm/ts3500" else head
    for voltag, dvcid, begin, tail in (
        (False, False, head, plain),
        (True, False, head, tagged),
        (False, True, bare, named),
    ):
        reply = it.status(4, voltag=voltag, dvcid=dvcid)
        body = begin + tail
        page = bytes((4, 0x80 * voltag)) + len(body).to_bytes(2) + bytes(2)
        page += len(body).to_bytes(2) + body
        assert reply.data == at.to_bytes(2) + b"\0\1\0\0" + len(page).to_bytes(2) + page


@pytest.mark.req("SMC-STATUS-FORM")
@pytest.mark.parametrize("model", FAMILIES)
def test_lengths_of_descriptors(tmp_path: Path, model: str) -> None:
    """As the makers' documents have them, see docs/changers.md."""
    _, it = host(tmp_path, model)
    tail = 4 if model.startswith("stk") else 0
    assert {len(one.raw) for one in it.elements(voltag=False)} == {16 + tail}
    assert {len(one.raw) for one in it.elements()} == {52 + tail}
    name = {"spectra/t950": 10, "quantum/scalar-i500": 64}.get(model, 34)
    assert {len(one.raw) for one in it.elements(4, voltag=False, dvcid=True)} == {16 + name + tail}
    if model == "ibm/ts3500":
        assert {len(one.raw) for one in it.elements(2, dvcid=True)} == {0x4C}
        (one, _) = it.elements(3, dvcid=True)
        assert len(one.raw) == 96
        assert one.identifier == (b"IBM     03584L23        KRL9000001  0401001\0")
    else:
        assert {len(one.raw) for one in it.elements(4, dvcid=True)} == {52 + name + tail}
        assert {len(one.raw) for one in it.elements(2, dvcid=True)} == {52 + tail}


@pytest.mark.req("SMC-STATUS-DVCID")
def test_ibm_tells_names_and_labels_apart(tmp_path: Path) -> None:
    _, it = host(tmp_path, "ibm/ts3500")
    for kind, voltag in ((4, True), (2, False), (3, False), (1, False), (0, True)):
        reply = it.status(kind, voltag=voltag, dvcid=True)
        assert code_of(reply) == s.INVALID_FIELD_IN_CDB
        assert reply.sense is not None
        assert reply.sense.pointer == (1, 4 if kind in (2, 3, 4) else 3)


def test_names_of_3592_drives_are_longer_with_ibm(tmp_path: Path) -> None:
    _, it = host(tmp_path, "ibm/ts3500", ["KRL001JE"], natives=("3592-60F",))
    (one,) = it.elements(4, voltag=False, dvcid=True)
    assert len(one.raw) == 0x34
    assert one.identifier == T10_NAME + b"  "


@pytest.mark.req("SMC-STATUS-FORM")
@pytest.mark.parametrize(
    ("model", "kinds"),
    [("spectra/t950", [1, 2, 3, 4]), ("ibm/ts3500", [1, 2, 3, 4]), ("stk/sl500", [1, 3, 4, 2])],
)
def test_all_types_come_by_type_or_by_address(tmp_path: Path, model: str, kinds: list[int]) -> None:
    _, it = host(tmp_path, model)
    found = [one.kind for one in it.elements()]
    assert sorted(set(found), key=found.index) == kinds
    assert len(found) == 1 + 5 + 2 + 2
    # The count limits them in that order.
    assert [one.kind for one in decode(it.status(count=2).data)] == kinds[:1] + kinds[1:2]


@pytest.mark.req("SMC-STATUS-RANGE")
def test_start_and_count_choose(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    addresses = [one.address for one in decode(it.status(2, 0x1002, 2).data)]
    assert addresses == [0x1002, 0x1003]
    assert [one.address for one in decode(it.status(4, 0x0050, 9).data)] == [0x100, 0x101]
    assert it.status(2, 0, 0).data == bytes(8)
    assert it.status(4, 0x1000, 9).data == bytes(8)
    beyond = it.status(0, 0x1005, 9)
    assert code_of(beyond) == s.INVALID_ELEMENT
    assert beyond.sense is not None
    assert beyond.sense.pointer == (2, None)
    unknown = it.status(5)
    assert code_of(unknown) == s.INVALID_FIELD_IN_CDB
    assert unknown.sense is not None
    assert unknown.sense.pointer == (1, 3)


@pytest.mark.req("SMC-STATUS-RANGE")
def test_a_kind_that_there_is_none_of_is_empty(tmp_path: Path) -> None:
    _, it = host(tmp_path, mails=0)
    assert it.status(3, 0x10, 0).data == bytes(8)
    assert it.status(3).data == bytes(8)


@pytest.mark.req("SMC-STATUS-COUNT")
def test_byte_counts_are_of_the_whole(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    whole = it.status().data
    for size in (0, 7, 8, 16, 100, len(whole)):
        assert it.status(size=size).data == whole[:size]


@pytest.mark.req("SMC-STATUS-EXCEPT", "SMC-TAG-LENGTH")
@pytest.mark.parametrize("model", MODELS)
def test_a_label_that_cannot_be_read(tmp_path: Path, model: str) -> None:
    tower, it = host(tmp_path, model, [])
    tower.add("KRL003L9", slot(1), "label")
    one = it.elements(2)[0]
    assert (one.full, one.tag, one.flags & 4) == (True, "", 4)
    known = {"ibm": (0x11, 0), "spectra": (0x83, 9)}
    assert one.exception == known.get(model.split("/", maxsplit=1)[0], (0x83, 1))
    assert it.move(slot(1), drive(1)).status == GOOD
    assert 0x20 in it.changer.alerts.active


@pytest.mark.req("SMC-STATUS-EXCEPT")
def test_cleaning_cartridges(tmp_path: Path) -> None:
    _, it = host(tmp_path, "stk/sl500", ["CLN001CU", "KRL001L9", "KRL002LZ"])
    assert [one.raw[9] & 7 for one in it.elements(2)] == [2, 1, 4, 0, 0]
    assert it.elements(2)[0].exception == (0, 0)
    assert it.move(slot(1), drive(1)).status == GOOD
    assert it.elements(4)[0].exception == (0x30, 3)


def test_cleaning_cartridges_are_unusual_everywhere_with_ibm(tmp_path: Path) -> None:
    _, it = host(tmp_path, "ibm/ts3500", ["CLN001CU"])
    assert it.elements(2)[0].exception == (0x30, 3)


@pytest.mark.req("SMC-STATUS-SOURCE")
def test_where_a_cartridge_comes_from(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    tower.add("KRL009L9", mail(1))
    assert [one.source for one in it.elements(2)] == [None] * 5
    put = it.elements(3)
    assert [one.flags for one in put] == [0x3B, 0x38], "IMPEXP: an operator put it there"
    for source, destination in (
        (slot(1), drive(1)), (drive(1), slot(4)), (slot(2), mail(2)), (mail(1), drive(1)),
    ):  # fmt: skip
        assert it.move(source, destination).status == GOOD
    assert it.elements(2)[3].source == 0x1000
    assert [one.flags for one in it.elements(3)] == [0x38, 0x39]
    assert it.elements(3)[1].source == 0x1001
    assert it.elements(4)[0].source is None
    # A place of another partition is no element of this one.
    tower.inventory.change({slot(5): Held("KRL777L9", slot(77))})
    assert it.elements(2)[4].source is None


def test_ibm_tells_no_source_of_storage(tmp_path: Path) -> None:
    _, it = host(tmp_path, "ibm/ts3500")
    assert it.move(slot(1), slot(4)).status == GOOD
    assert it.elements(2)[3].source is None


@pytest.mark.req("SMC-STATUS-EXCEPT")
def test_a_drive_that_is_no_more(tmp_path: Path) -> None:
    for model, code in (("ibm/ts3500", (0x83, 4)), ("quantum/scalar-i500", (0x3B, 0x1A))):
        folder = tmp_path / model.replace("/", "-")
        folder.mkdir()
        tower, it = host(folder, model)
        del tower.ports[2]
        gone = it.elements(4)[1]
        assert (gone.access, gone.full, gone.flags & 4, gone.exception) == (False, False, 4, code)
        assert len(it.elements(4, voltag=False, dvcid=True)) == 2
        assert code_of(it.move(slot(1), drive(2))) == s.DRIVE_REMOVED


@pytest.mark.req("SMC-TAG-LENGTH")
def test_six_characters(tmp_path: Path) -> None:
    _, it = host(tmp_path, "stk/sl8500")
    assert it.elements(2)[0].tag == "KRL001"


def test_the_door_hinders_no_look(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    tower.door_open = True
    assert it.ready().status == CHECK
    assert it.status().status == GOOD


def test_the_inventory_file_is_what_hosts_see(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    it.move(slot(1), drive(2))
    it.move(slot(2), mail(1))
    assert it.contents() == {drive(2): "KRL001L9", mail(1): "KRL002L9"}
    assert {at: held.barcode for at, held in tower.inventory} == it.contents()
    assert tower.inventory.at(drive(2)) == Held("KRL001L9", slot(1))
    assert tower.inventory.where("KRL002L9") == (Kind.IMPORT_EXPORT, 1)

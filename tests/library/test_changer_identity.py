"""Who a changer says it is, for every model: INQUIRY, VPD, mode and log pages, its commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from target.library import commands, mode_pages, personality
from target.library.changer import Changer
from target.library.inventory import Kind
from target.library.personality_schema import SCHEMA
from target.personality_schema import check
from target.scsi import command_table, firmware
from target.scsi import sense as s
from tests.library.changers import (
    FAMILIES,
    GOOD,
    MODELS,
    Host,
    Tower,
    code_of,
    drive,
    host,
    mail,
    partition,
    slot,
)


def inquiry(it: Host, page: int | None = None) -> bytes:
    cdb = bytes((0x12, page is not None, page or 0, 0, 255, 0))
    reply = it.send(cdb, size=255)
    assert reply.status == GOOD, reply
    return reply.data


def mode(it: Host, code: int, control: int = 0, *, dbd: bool = True) -> bytes:
    reply = it.send(bytes((0x1A, dbd << 3, control << 6 | code, 0, 255, 0)), size=255)
    assert reply.status == GOOD, reply
    assert reply.data[0] == len(reply.data) - 1
    return reply.data


# --- identity ------------------------------------------------------------------------------------

STRINGS = {
    "spectra/t950": (b"SPECTRA PYTHON          ", 36, 5),
    "quantum/scalar-i500": (b"ADIC    Scalar i500     ", 56, 3),
    "quantum/scalar-i2000": (b"ADIC    Scalar i2000    ", 56, 3),
    "ibm/3584-l32": (b"IBM     03584L32        ", 56, 3),
    "stk/sl500": (b"STK     SL500           ", 36, 5),
    "stk/sl8500": (b"STK     SL8500          ", 36, 5),
}


@pytest.mark.req("SMC-PAGE-ID")
@pytest.mark.parametrize("model", STRINGS)
def test_standard_inquiry_data(tmp_path: Path, model: str) -> None:
    _, it = host(tmp_path, model)
    names, length, version = STRINGS[model]
    data = inquiry(it)
    assert (data[0], data[1], data[2], data[3] & 0x0F) == (0x08, 0x80, version, 2)
    assert (len(data), data[4]) == (length, length - 5)
    assert data[8:32] == names


def test_texts_of_makers(tmp_path: Path) -> None:
    _, it = host(tmp_path, "ibm/3584-l32")
    data = inquiry(it)
    assert (data[6], data[36:52]) == (0x20, b"13KRL9000001  00")
    assert inquiry(it, 0x80)[4:] == b"KRL9000001  0401"
    assert inquiry(it, 0x83)[4:] == (b"\x02\x01\x00\x28IBM     03584L32        KRL9000001  0401")


@pytest.mark.req("SMC-PAGE-ID")
@pytest.mark.parametrize("model", MODELS)
def test_vital_product_data(tmp_path: Path, model: str) -> None:
    _, it = host(tmp_path, model, [])
    assert inquiry(it, 0)[4:] == bytes((0x00, 0x80, 0x83))
    for page in (0x00, 0x80, 0x83):
        data = inquiry(it, page)
        assert data[:2] == bytes((8, page))
        assert int.from_bytes(data[2:4]) == len(data) - 4
    assert b"KRL9000001" in inquiry(it, 0x80)
    assert b"KRL9000001" in inquiry(it, 0x83)
    assert code_of(it.send(bytes((0x12, 1, 0xB0, 0, 255, 0)), size=255)) == s.INVALID_FIELD_IN_CDB


# --- the files -----------------------------------------------------------------------------------


def test_the_families_that_there_are() -> None:
    assert {name.split("/")[0] for name in MODELS} == {"spectra", "quantum", "ibm", "stk"}
    with pytest.raises(ValueError, match="no library model 'spectra/t1': give one of ibm/3584"):
        personality.load("spectra/t1")


@pytest.mark.parametrize("model", MODELS)
def test_every_entry_of_a_file_means_something(model: str) -> None:
    known = personality.load(model)
    assert set(known.commands) <= {command_table.key(row) for row in commands.COMMANDS}
    assert set(known.modes) <= {page.name_in_tables for page in mode_pages.PAGES}
    s.own_codes(known.sense)
    assert len(set(known.first.values())) == len(Kind)
    assert min(known.most(kind) for kind in Kind if kind is not Kind.TRANSPORT) >= 200


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ({"inquiry": {"revision": "12345"}}, "inquiry.revision = '12345' will not do"),
        ({"status": {"order": "size"}}, "write one of type, address"),
        ({"status": {"label": "83"}}, 'write an ASC and ASCQ such as "83/09"'),
        ({"quirks": {"flies": True}}, "quirks.flies is not known"),
        ({"inquiry": {"texts": [[10, "x", 1]]}}, "write a list of \\[byte, text, width\\]"),
    ],
)
def test_wrong_files_are_refused_in_a_sentence(text: dict[str, object], wrong: str) -> None:
    with pytest.raises(ValueError, match=f"t1.toml: .*{wrong}"):
        check("t1.toml", text, SCHEMA)


def test_more_places_than_addresses_are_refused(tmp_path: Path) -> None:
    tower = Tower(tmp_path, "spectra/t950")
    assert tower.model.most(Kind.IMPORT_EXPORT) == 240
    Changer(partition(2, 5, 240), tower)
    with pytest.raises(ValueError, match="241 places of the kind mail, and spectra/t950 has addr"):
        Changer(partition(2, 5, 241), tower)


# --- mode pages ----------------------------------------------------------------------------------


@pytest.mark.req("SMC-PAGE-MODE")
@pytest.mark.parametrize("model", MODELS)
def test_element_addresses(tmp_path: Path, model: str) -> None:
    _, it = host(tmp_path, model, [])
    page = mode(it, 0x1D)[4:]
    assert page[:2] == b"\x1d\x12"
    assert len(page) == 20
    numbers = [int.from_bytes(page[at : at + 2]) for at in range(2, 18, 2)]
    places = (None, 1, slot(1), 5, mail(1), 2, drive(1), 2)
    assert numbers[0] == 1
    for number, place in zip(numbers[1:], places[1:], strict=True):
        assert number == (place if isinstance(place, int) else it.address(place))  # type: ignore[arg-type]
    # There is no block descriptor, with DBD or without.
    assert mode(it, 0x1D, dbd=False) == mode(it, 0x1D)


def test_a_kind_without_elements_has_an_address(tmp_path: Path) -> None:
    _, it = host(tmp_path, mails=0)
    assert mode(it, 0x1D)[14:18] == b"\x00\x10\x00\x00"


CAPABILITIES = {
    "spectra/t950": "1f12 0e00 000e0e0e 00000000 000e0e0e 00000000",
    "quantum/scalar-i500": "1f12 0e00 000e0e0e 00000000 00000000 00000000",
    "ibm/ts3500": "1f0e 0e00 000e0e0e 00000000 000e0e0e",
    "stk/sl500": "1f12 0e00 000e0e0e 00000000 00000000 00000000",
}


@pytest.mark.req("SMC-PAGE-MODE")
@pytest.mark.parametrize("model", CAPABILITIES)
def test_device_capabilities(tmp_path: Path, model: str) -> None:
    _, it = host(tmp_path, model)
    assert mode(it, 0x1F)[4:] == bytes.fromhex(CAPABILITIES[model])
    assert mode(it, 0x1E)[4:] == bytes.fromhex("1e020000")
    assert mode(it, 0x1F, control=1)[6:] == bytes(len(mode(it, 0x1F)) - 6)


def test_all_pages_at_once(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    data = mode(it, 0x3F)
    codes, at = [], 4
    while at < len(data):
        codes.append(data[at] & 0x3F)
        at += 2 + data[at + 1]
    assert codes == [0x0A, 0x1D, 0x1E, 0x1F]


@pytest.mark.req("SMC-PAGE-MODE")
def test_mode_select_takes_pages_back_as_they_are(tmp_path: Path) -> None:
    _, it = host(tmp_path, "ibm/ts3500")
    page = mode(it, 0x1D)[4:]

    def select(pages: bytes) -> int:
        data = bytes(4) + pages
        reply = it.send(bytes((0x15, 0x10, 0, 0, len(data), 0)), out=data)
        return 0 if reply.status == GOOD else code_of(reply).asc

    assert select(page) == 0
    assert select(page[:5] + b"\x02" + page[6:]) == 0x26
    assert select(mode(it, 0x1F)[4:]) == 0
    header = it.send(bytes.fromhex("151000000400"), out=b"\0\1\0\0")
    assert code_of(header) == s.INVALID_PARAMETER
    block = it.send(bytes.fromhex("151000000c00"), out=bytes((0, 0, 0, 8)) + bytes(8))
    assert code_of(block) == s.INVALID_PARAMETER


def test_descriptor_sense(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    page = bytearray(mode(it, 0x0A)[4:])
    page[2] |= 0x04
    data = bytes(4) + page
    assert it.send(bytes((0x15, 0x10, 0, 0, len(data), 0)), out=data).status == GOOD
    done = it.unit.execute(it.nexus, bytes.fromhex("a50000001000ffff00000000"))
    assert done.sense[:4] == bytes.fromhex("72052101")
    it.changer.reset()
    assert it.hear() == [s.POWER_ON]


# --- log pages, sense, commands ------------------------------------------------------------------


def log(it: Host, page: int) -> bytes:
    reply = it.send(bytes((0x4D, 0, 0x40 | page, 0, 0, 0, 0, 2, 0, 0)), size=512)
    assert reply.status == GOOD, reply
    return reply.data


def flags(it: Host) -> set[int]:
    data = log(it, 0x2E)[4:]
    rows = [data[at : at + 5] for at in range(0, len(data), 5)]
    assert [int.from_bytes(row[:2]) for row in rows] == list(range(1, 65))
    return {row[1] for row in rows if row[4]}


@pytest.mark.req("SMC-PAGE-ALERT")
def test_tape_alerts_of_the_library(tmp_path: Path) -> None:
    tower, it = host(tmp_path)
    assert log(it, 0)[4:] == b"\x00\x2e"
    assert flags(it) == set()
    tower.fakes[1].damaged = True
    it.move(slot(1), drive(1))
    other = Host(it.unit, "host1")
    other.hear()
    assert flags(it) == {0x0F}
    assert flags(it) == set()
    assert flags(other) == {0x0F}
    tower.door_open = True
    it.changer.door_moved()
    assert flags(it) == {0x10}
    it.changer.power_on()
    assert it.hear() == [s.POWER_ON]
    assert flags(it) == set()


def test_sense_data_in_words(tmp_path: Path) -> None:
    """Spectra's guide: 52 bytes, the last 34 of them text."""
    _, it = host(tmp_path)
    done = it.unit.execute(it.nexus, bytes.fromhex("a50000001003100400000000"))
    assert (len(done.sense), done.sense[7]) == (52, 44)
    assert done.sense[18:] == b"MEDIUM SOURCE ELEMENT EMPTY".ljust(34)
    # With the field pointer, which that guide does not have: it helps whoever wrote the CDB.
    done = it.unit.execute(it.nexus, bytes.fromhex("a50000001000ffff00000000"))
    assert done.sense[15:18] == bytes((0xC0, 0, 6))


@pytest.mark.req("SMC-CMD-TABLE")
@pytest.mark.parametrize("model", MODELS)
def test_supported_operation_codes_are_those_that_there_are(tmp_path: Path, model: str) -> None:
    _, it = host(tmp_path, model, [])
    reply = it.send(bytes.fromhex("a30c 80 00 0000 0000ffff 0000"), size=65535)
    assert reply.status == GOOD
    body, told = reply.data[4:], set()
    for at in range(0, len(body), 20):
        action = f"-{body[at + 3]:02X}" if body[at + 5] & 1 else ""
        told.add(f"{body[at]:02X}{action}")
        assert int.from_bytes(body[at + 16 : at + 20]) >= 300
    assert told == set(it.changer.model.commands)
    for opcode in range(256):
        if not any(name.startswith(f"{opcode:02X}") for name in told):
            assert code_of(it.send(bytes((opcode,)) + bytes(15))) == s.INVALID_OPCODE


def test_reserved_bits_point_at_themselves(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    for row in it.changer.commands:
        if row.service_action is None and row.size == 12:
            cdb = bytearray(12)
            cdb[0], cdb[1] = row.opcode, 0x80
            reply = it.send(bytes(cdb), size=64)
            assert code_of(reply) == s.INVALID_FIELD_IN_CDB
            assert reply.sense is not None
            assert reply.sense.pointer == (1, 7)


def test_firmware_can_be_loaded(tmp_path: Path) -> None:
    state = tmp_path / "changer.json"
    tower = Tower(tmp_path, "spectra/t950")
    it = Host(Changer(partition(), tower, state))
    it.hear()
    image = firmware.image("PYTHON", "2010")
    cdb = bytes((0x3B, 5, 0, 0, 0, 0)) + len(image).to_bytes(3) + b"\0"
    assert it.send(cdb, out=image).status == GOOD
    assert inquiry(it)[32:36] == b"2010"
    again = Host(Changer(partition(), tower, state))
    assert inquiry(again)[32:36] == b"2010"
    state.write_text("[")
    with pytest.raises(ValueError, match="is not a medium changer's state: remove it"):
        Changer(partition(), tower, state)


@pytest.mark.parametrize("model", FAMILIES)
def test_its_name_says_what_and_which(tmp_path: Path, model: str) -> None:
    _, it = host(tmp_path, model, [])
    assert str(it.changer) == f"{model} finance KRL9000001"

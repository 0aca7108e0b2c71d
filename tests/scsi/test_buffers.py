"""READ BUFFER and WRITE BUFFER: memory, echo buffers, the dump, microcode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target import personality
from target.clock import ManualClock
from target.scsi import diagnostics, firmware
from target.scsi import sense as s
from target.scsi.sense import Sense
from target.tape import commands
from target.tape.drive import Drive
from target.tape.tape_alert import Flag
from tests.scsi.cdbs import plain
from tests.tape.host import GOOD, TD9, Host, sense_of, tape

READ, WRITE = "READ BUFFER", "WRITE BUFFER"
HEADER_AND_DATA, DATA, DESCRIPTOR, ECHO, ECHO_DESCRIPTOR = 0x00, 0x02, 0x03, 0x0A, 0x0B
DOWNLOAD, DOWNLOAD_SAVE, PIECES, PIECES_SAVE = 0x04, 0x05, 0x06, 0x07
MEMORY, DUMP, ABSENT = 0x00, 0x01, 0x02
SIZE = 0x100000
PRODUCT, OLD, NEW = "ULT3580-TD9", "N9P1", "N9Q7"


def hosts(count: int = 1, state: Path | None = None, **tables: Any) -> list[Host]:
    """Nexuses to one empty drive, without pending unit attentions."""
    model = replace(personality.load(TD9), **tables)
    drive = Drive(model, "KRL1", commands.of(model), state=state, clock=ManualClock())
    made = [Host(drive, f"host{number}") for number in range(count)]
    for host in made:
        assert host.hear() == [s.POWER_ON]
    return made


def read(host: Host, mode: int, number: int = 0, offset: int = 0, length: int = 64) -> bytes:
    reply = host.send(read_cdb(mode, number, offset, length), size=length)
    assert reply.status == GOOD, reply
    return reply.data


def read_cdb(mode: int, number: int = 0, offset: int = 0, length: int = 64) -> bytes:
    fields = {"mode": mode, "buffer_id": number, "buffer_offset": offset}
    return plain(READ, allocation_length=length, **fields)


def write(host: Host, mode: int, data: bytes, number: int = 0, offset: int = 0) -> Sense | None:
    fields = {"mode": mode, "buffer_id": number, "buffer_offset": offset}
    reply = host.send(plain(WRITE, parameter_list_length=len(data), **fields), out=data)
    return None if reply.status == GOOD else sense_of(reply)


def in_cdb(byte: int, bit: int = 7) -> Sense:
    return Sense(s.INVALID_FIELD_IN_CDB, pointer=(byte, bit))


def in_list(byte: int, code: s.Code = s.INVALID_PARAMETER) -> Sense:
    return Sense(code, pointer=(byte, None), in_cdb=False)


REFUSED = (0x5, 0x82, 0x83)
"""What IBM's LTO drives say of a bad image."""


BAD_MODE, BAD_ID, BAD_OFFSET, BAD_LENGTH = in_cdb(1, 4), in_cdb(2), in_cdb(3), in_cdb(6)


# --- memory ------------------------------------------------------------------------------------


@pytest.mark.req("SSC-CMD-3B", "SSC-CMD-3C", "SSC-BUFFER-02", "SSC-BUFFER-05")
def test_what_is_written_is_read() -> None:
    host, other = hosts(2)
    assert read(host, DATA) == bytes(64)
    assert write(host, DATA, b"hello", offset=10) is None
    assert read(other, DATA, offset=8, length=9) == b"\0\0hello\0\0"
    assert write(other, DATA, b"HE", offset=10) is None
    assert read(host, DATA, offset=10, length=5) == b"HEllo"
    host.drive.reset()
    host.hear()
    assert read(host, DATA, offset=8, length=9) == bytes(9)


@pytest.mark.req("SSC-BUFFER-01")
def test_header_and_data() -> None:
    (host,) = hosts()
    assert write(host, HEADER_AND_DATA, bytes(4) + b"hello") is None
    assert read(host, HEADER_AND_DATA, length=10) == bytes.fromhex("00100000") + b"hello\0"
    assert read(host, DATA, length=5) == b"hello"
    assert read(host, HEADER_AND_DATA, length=3) == bytes.fromhex("001000")
    assert write(host, HEADER_AND_DATA, b"\0\0\1\0hello") == in_list(2)
    for length in (1, 2, 3):
        assert write(host, HEADER_AND_DATA, bytes(length)) == Sense(s.PARAMETER_LIST_LENGTH)
    assert write(host, HEADER_AND_DATA, bytes(4)) is None
    assert read(host, DATA, length=5) == b"hello", "a header alone writes nothing"


@pytest.mark.req("SSC-BUFFER-03")
def test_descriptors() -> None:
    (host,) = hosts()
    assert read(host, DESCRIPTOR, MEMORY) == bytes.fromhex("00 100000")
    size = len(diagnostics.dump(host.drive))
    assert read(host, DESCRIPTOR, DUMP) == b"\0" + size.to_bytes(3, "big")
    for number in range(ABSENT, 256):
        assert read(host, DESCRIPTOR, number) == bytes(4)
    assert read(host, DESCRIPTOR, MEMORY, length=2) == bytes.fromhex("00 10")


@pytest.mark.req("SSC-BUFFER-08")
def test_modes_and_ids_that_are_not_there() -> None:
    (host,) = hosts()
    for mode in set(range(32)) - {HEADER_AND_DATA, DATA, DESCRIPTOR, ECHO, ECHO_DESCRIPTOR}:
        assert sense_of(host.send(read_cdb(mode), size=64)) == BAD_MODE
    for mode in set(range(32)) - {HEADER_AND_DATA, DATA, *range(DOWNLOAD, PIECES_SAVE + 1), ECHO}:
        assert write(host, mode, b"x") == BAD_MODE
    for mode in (HEADER_AND_DATA, DATA):
        for number in range(ABSENT, 256):
            assert sense_of(host.send(read_cdb(mode, number), size=64)) == BAD_ID
            assert write(host, mode, b"x", number) == BAD_ID
        assert write(host, mode, b"12345", DUMP) == BAD_ID, "a dump is only read"
    for mode in range(DOWNLOAD, PIECES_SAVE + 1):
        assert write(host, mode, b"x", 1) == BAD_ID


@pytest.mark.parametrize("mode", [HEADER_AND_DATA, DATA])
def test_the_ends_of_a_buffer(mode: int) -> None:
    (host,) = hosts()
    head = 4 if mode == HEADER_AND_DATA else 0
    assert write(host, mode, bytes(head) + b"end", offset=SIZE - 3) is None
    assert read(host, mode, offset=SIZE - 3)[head:] == b"end"
    for offset in (SIZE, SIZE + 1, 0xFFFFFF):
        assert sense_of(host.send(read_cdb(mode, offset=offset), size=64)) == BAD_OFFSET
        assert write(host, mode, b"", offset=offset) == BAD_OFFSET
    assert write(host, mode, bytes(head) + b"ends", offset=SIZE - 3) == BAD_LENGTH
    assert read(host, mode, offset=SIZE - 3)[head:] == b"end"
    assert write(host, mode, b"", offset=SIZE - 1) is None, "a list of no bytes is no error"


def test_offset_boundary() -> None:
    (host,) = hosts(buffers={"00": {"size": 4096, "boundary": 9}, "05": {"size": 16}})
    assert read(host, DESCRIPTOR) == bytes.fromhex("09 001000")
    assert write(host, DATA, b"x", offset=512) is None
    assert write(host, DATA, b"x", offset=511) == BAD_OFFSET
    assert sense_of(host.send(read_cdb(DATA, offset=256), size=64)) == BAD_OFFSET
    assert write(host, DATA, b"0123456789abcdef", 0x05) is None
    assert read(host, DATA, 0x05, offset=1) == b"123456789abcdef"


def test_a_model_that_names_no_buffers() -> None:
    (host,) = hosts(buffers={})
    assert read(host, DESCRIPTOR) == bytes.fromhex("00 010000")
    assert read(host, DESCRIPTOR, DUMP) == bytes(4)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=80)), max_size=10),
    st.integers(0, 255),
    st.integers(0, 300),
)
def test_any_writes(writes: list[tuple[int, bytes]], offset: int, length: int) -> None:
    (host,) = hosts(buffers={"00": {"size": 256}})
    model = bytearray(256)
    for at, data in writes:
        fits = at + len(data) <= len(model)
        assert write(host, DATA, data, offset=at) == (None if fits else BAD_LENGTH)
        if fits:
            model[at : at + len(data)] = data
    assert read(host, DATA, offset=offset, length=length) == model[offset:][:length]


# --- echo buffers ------------------------------------------------------------------------------


@pytest.mark.req("SSC-BUFFER-04", "SSC-BUFFER-05", "SSC-SENSE-5-2C-00")
def test_each_nexus_has_an_echo_buffer() -> None:
    one, two = hosts(2)
    assert read(one, ECHO_DESCRIPTOR) == bytes.fromhex("01 00 1000")
    for host in (one, two):
        assert sense_of(host.send(read_cdb(ECHO), size=64)) == Sense(s.COMMAND_SEQUENCE)
    assert write(one, ECHO, b"from one") is None
    assert sense_of(two.send(read_cdb(ECHO), size=64)) == Sense(s.COMMAND_SEQUENCE)
    assert write(two, ECHO, b"two") is None
    assert read(one, ECHO) == b"from one"
    assert read(one, ECHO, length=4) == b"from"
    assert read(two, ECHO, number=7, offset=99) == b"two", "id and offset are ignored"
    assert write(one, ECHO, bytes(range(256)) * 16) is None
    assert read(one, ECHO, length=5000) == bytes(range(256)) * 16
    assert write(one, ECHO, bytes(4097)) == BAD_LENGTH
    assert len(read(one, ECHO, length=5000)) == 4096, "what was there stays"
    one.drive.reset()
    one.hear()
    assert sense_of(one.send(read_cdb(ECHO), size=64)) == Sense(s.COMMAND_SEQUENCE)


# --- the dump ----------------------------------------------------------------------------------


@pytest.mark.req("SSC-BUFFER-07")
def test_a_dump_is_read_in_pieces() -> None:
    """As LTFS does it: size by descriptor, a forced dump, then data from growing offsets."""
    (host,) = hosts()
    page = bytes.fromhex("80 00 0004 0160 0000")
    assert (
        host.send(plain("SEND DIAGNOSTIC", pf=1, parameter_list_length=8), out=page).sense is None
    )
    size = int.from_bytes(read(host, DESCRIPTOR, DUMP)[1:], "big")
    pieces = [read(host, DATA, DUMP, at, min(100, size - at)) for at in range(0, size, 100)]
    assert b"".join(pieces) == diagnostics.dump(host.drive)
    assert pieces[0].startswith(b"dump: forced by the host\nvendor: IBM\n")
    assert sense_of(host.send(read_cdb(DATA, DUMP, size), size=64)) == BAD_OFFSET
    assert read(host, HEADER_AND_DATA, DUMP, length=4) == size.to_bytes(4, "big")


# --- microcode ---------------------------------------------------------------------------------

IMAGE = firmware.image(PRODUCT, NEW, b"payload " * 100)


def revision(host: Host) -> str:
    return host.send(plain("INQUIRY", allocation_length=36), size=36).data[32:].decode()


def test_golden_image() -> None:
    image = firmware.image(PRODUCT, NEW, b"ab")
    body = b"KREELFW\0" + bytes.fromhex("0001 0000 00000002") + b"ULT3580-TD9     N9Q7ab"
    assert image == body + crc(body).to_bytes(4, "big")


def crc(data: bytes) -> int:
    """CRC-32C by its definition: reflected polynomial 82F63B78h."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@pytest.mark.parametrize("bad", ["N9Q", "N9Q77", "N9\0Q", "N9Ö7"])
def test_revisions_that_do_not_fit(bad: str) -> None:
    with pytest.raises(ValueError, match="revision"):
        firmware.image(PRODUCT, bad)
    with pytest.raises(ValueError, match="product"):
        firmware.image("x" * 17, NEW)


@pytest.mark.req("SSC-BUFFER-06", "SSC-SENSE-6-3F-01", "SSC-SENSE-6-3F-03")
@pytest.mark.parametrize("mode", [DOWNLOAD, DOWNLOAD_SAVE, PIECES, PIECES_SAVE])
@pytest.mark.parametrize("size", [1, 35, 36, 300, len(IMAGE) - 1, len(IMAGE)])
def test_an_image_is_taken(tmp_path: Path, mode: int, size: int) -> None:
    host, other = hosts(2, state=tmp_path / "drive.json")
    whole = mode in (DOWNLOAD, DOWNLOAD_SAVE)
    if whole:
        size = len(IMAGE)
    for at in range(0, len(IMAGE), size):
        assert revision(host) == OLD
        assert write(host, mode, IMAGE[at : at + size], offset=at) is None
    assert revision(host) == NEW
    assert host.hear() == [s.INTERNAL_RESET, s.INQUIRY_DATA_CHANGED]
    assert other.hear() == [s.INTERNAL_RESET, s.MICROCODE_CHANGED, s.INQUIRY_DATA_CHANGED]
    host.drive.reset()
    assert revision(host) == NEW, "a reset is no loss of power"
    saved = NEW if mode in (DOWNLOAD_SAVE, PIECES_SAVE) else OLD
    host.drive.power_on()
    assert revision(host) == saved
    assert revision(hosts(state=tmp_path / "drive.json")[0]) == saved


@pytest.mark.req("SSC-BUFFER-06")
def test_activation_is_a_reset() -> None:
    with tape() as host:
        host.write_tape([b"one", b"two"])
        host.space(0, 1)
        host.prevent(True)
        assert write(host, ECHO, b"x") is None
        assert write(host, DOWNLOAD, IMAGE) is None
        assert host.hear() == [s.INTERNAL_RESET, s.INQUIRY_DATA_CHANGED]
        assert host.position() == 0
        assert host.read(3).data == b"one"
        assert sense_of(host.send(read_cdb(ECHO), size=64)) == Sense(s.COMMAND_SEQUENCE)
        assert host.load(load=False).status == GOOD, "nothing prevents removal any more"


def test_another_model_does_not_take_over_the_firmware(tmp_path: Path) -> None:
    (host,) = hosts(state=tmp_path / "drive.json")
    assert write(host, DOWNLOAD_SAVE, IMAGE) is None
    inquiry = {**host.drive.personality.inquiry, "product": "ULT3580-HH9"}
    (other,) = hosts(state=tmp_path / "drive.json", inquiry=inquiry)
    assert revision(other) == OLD


def test_the_same_revision_again() -> None:
    host, other = hosts(2)
    assert write(host, DOWNLOAD_SAVE, firmware.image(PRODUCT, OLD)) is None
    assert host.hear() == [s.INTERNAL_RESET]
    assert other.hear() == [s.INTERNAL_RESET, s.MICROCODE_CHANGED]


def changed(at: int, *values: int) -> bytes:
    """The image with other bytes at an offset; its CRC is right."""
    data = bytearray(IMAGE[:-4])
    data[at : at + len(values)] = values
    return bytes(data) + crc(bytes(data)).to_bytes(4, "big")


BAD_IMAGES = {
    "magic": (changed(0, 0x6B), 0),
    "end of magic": (changed(7, 1), 0),
    "version": (changed(8, 0, 2), 8),
    "reserved": (changed(11, 1), 10),
    "shorter than it says": (changed(14, 0x0F), 12),
    "longer than it says": (changed(15, 0), 12),
    "huge": (changed(12, 1), 12),
    "another product": (firmware.image("ULT3580-TD8", NEW, bytes(800)), 16),
    "revision": (changed(32, 0x0A), 32),
    "CRC": (IMAGE[:-1] + bytes((IMAGE[-1] ^ 1,)), len(IMAGE) - 4),
    "payload": (IMAGE[:500] + b"?" + IMAGE[501:], len(IMAGE) - 4),
    "cut": (IMAGE[:-1], 12),
    "cut in the header": (IMAGE[:20], 12),
    "cut in the magic": (IMAGE[:5], 4),
    "cut where its length would be": (IMAGE[:12], 11),
    "longer": (IMAGE + b"\0", 12),
}


@pytest.mark.req("SSC-TA-34", "SSC-BUFFER-06", "SSC-SENSE-5-26-00")
@pytest.mark.parametrize("mode", [DOWNLOAD, DOWNLOAD_SAVE])
@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_is_refused(name: str, mode: int) -> None:
    data, at = BAD_IMAGES[name]
    host, other = hosts(2)
    answer = write(host, mode, data)
    assert answer is not None
    assert replace(answer, code=s.INVALID_PARAMETER) == in_list(at)
    assert answer.code[:3] == REFUSED
    assert (revision(host), host.hear(), other.hear()) == (OLD, [], [])
    assert "firmware" not in host.drive.memory
    assert Flag.DOWNLOAD_FAILED in host.drive.alerts.active
    assert write(host, mode, IMAGE) is None
    assert Flag.DOWNLOAD_FAILED not in host.drive.alerts.active
    assert revision(host) == NEW


@pytest.mark.req("SSC-TA-34")
@pytest.mark.parametrize(
    ("name", "piece", "at"),
    [
        ("magic", 100, 0),
        ("another product", 20, 0),
        ("another product", 100, 16),
        ("CRC", 100, 36),
        ("CRC", 838, 0),
        ("longer than it says", 100, 8),
    ],
)
def test_a_bad_image_in_pieces(name: str, piece: int, at: int) -> None:
    data = BAD_IMAGES[name][0]
    (host,) = hosts()
    answers = []
    for offset in range(0, len(data), piece):
        answers.append(write(host, PIECES_SAVE, data[offset : offset + piece], offset=offset))
        if answers[-1]:
            break
    assert answers[-1] is not None
    assert replace(answers[-1], code=s.INVALID_PARAMETER) == in_list(at)
    assert answers[:-1] == [None] * (len(answers) - 1)
    assert revision(host) == OLD
    assert Flag.DOWNLOAD_FAILED in host.drive.alerts.active
    rest = write(host, PIECES_SAVE, data[piece:], offset=piece)
    assert rest == BAD_OFFSET, "the download is over"


@pytest.mark.req("SSC-SENSE-0-82-83")
@pytest.mark.parametrize(
    ("model", "code", "pointed"),
    [
        ("ibm/ult3580-td9", (5, 0x82, 0x83), True),
        ("hp/ultrium-4", (0, 0x82, 0x83), False),
        ("ibm/ts1150", (5, 0x26, 0x00), True),
    ],
)
def test_each_maker_has_its_code_for_a_bad_image(
    model: str, code: tuple[int, int, int], pointed: bool
) -> None:
    known = personality.load(model)
    host = Host(Drive(known, "KRL1", commands.of(known), clock=ManualClock()))
    host.hear()
    answer = write(host, DOWNLOAD, bytes(100))
    assert answer is not None
    assert (answer.code[:3], answer.pointer is not None) == (code, pointed)


def test_a_pointer_that_would_not_fit() -> None:
    (host,) = hosts()
    image = bytearray(firmware.image(PRODUCT, NEW, bytes(70_000)))
    image[50_000] = 1
    refused = write(host, DOWNLOAD, bytes(image))
    assert refused is not None
    assert (refused.code[:3], refused.pointer) == (REFUSED, None)
    assert revision(host) == OLD


@pytest.mark.req("SSC-TA-34")
def test_pieces_out_of_their_order() -> None:
    host, other = hosts(2)
    first, second, third = IMAGE[:100], IMAGE[100:200], IMAGE[200:]

    def begin() -> None:
        host.drive.alerts.clear()
        assert write(host, PIECES, first) is None

    for data, offset in ((second, 99), (second, 101), (third, 200), (first, 100_000)):
        begin()
        assert write(host, PIECES, data, offset=offset) == BAD_OFFSET
        assert Flag.DOWNLOAD_FAILED in host.drive.alerts.active
        assert write(host, PIECES, second, offset=100) == BAD_OFFSET, "it has to begin anew"
    begin()
    assert write(other, PIECES, second, offset=100) == BAD_OFFSET, "of another nexus"
    assert write(host, PIECES, second, offset=100) == BAD_OFFSET
    begin()
    begin()
    assert write(host, PIECES, second, offset=100) is None
    assert write(host, PIECES, b"") is None, "a list of no bytes is no piece"
    assert write(host, PIECES_SAVE, third, offset=200) is None
    assert revision(host) == NEW


def test_what_ends_a_download() -> None:
    host, _ = hosts(2)

    def begin() -> None:
        assert write(host, PIECES, IMAGE[:100]) is None

    def goes_on() -> bool:
        sense = write(host, PIECES, IMAGE[100:200], offset=100)
        assert sense in (None, BAD_OFFSET)
        return sense is None

    begin()
    host.ready()
    read(host, DATA)
    host.send(plain("REQUEST SENSE", allocation_length=18), size=18)
    assert goes_on()
    for mode, data in ((DATA, b"x"), (ECHO, b"x"), (DOWNLOAD, b"")):
        begin()
        assert write(host, mode, data) is None
        assert not goes_on()
    begin()
    host.drive.reset()
    host.hear()
    assert not goes_on()


def test_a_whole_image_has_no_offset() -> None:
    (host,) = hosts()
    for mode in (DOWNLOAD, DOWNLOAD_SAVE):
        assert write(host, mode, IMAGE, offset=1) == BAD_OFFSET
        assert write(host, mode, b"") is None, "a list of no bytes is no error"
    assert revision(host) == OLD


@given(st.binary(max_size=60))
def test_any_data_is_no_image(data: bytes) -> None:
    (host,) = hosts()
    for mode in (DOWNLOAD, PIECES):
        sense = write(host, mode, data)
        assert sense is None or sense.code[:3] == REFUSED
    assert revision(host) == OLD


@given(st.integers(0, len(IMAGE) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unseen(at: int, flip: int) -> None:
    (host,) = hosts()
    data = bytearray(IMAGE)
    data[at] ^= flip
    sense = write(host, DOWNLOAD, bytes(data))
    assert sense is not None
    assert sense.code[:3] == REFUSED
    assert revision(host) == OLD

"""SPACE, LOCATE, REWIND, READ POSITION."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.tape.host import (
    BLOCKS,
    END_OF_DATA,
    EOD,
    FILE,
    FILEMARKS,
    GOOD,
    MIB,
    OBJECT,
    Host,
    sense_of,
    tape,
)
from tests.tape.model import Tape

MIXED: list[bytes | None] = [b"a", b"b", None, b"c", None, None, b"d"]


# --- SPACE -------------------------------------------------------------------------------------


@pytest.mark.req(
    "SSC-SPACE-01", "SSC-SPACE-02", "SSC-SPACE-03", "SSC-SPACE-04", "SSC-SPACE-05",
    "SSC-SPACE-07", "SSC-SPACE-08", "SSC-SPACE-09", "SSC-SPACE-10", "SSC-SENSE-0-00-04",
    "SSC-CMD-11", "SSC-CMD-91",
)  # fmt: skip
@pytest.mark.parametrize("long", [False, True], ids=["6", "16"])
@pytest.mark.parametrize(
    ("start", "code", "count", "sense", "end"),
    [
        (0, BLOCKS, 2, None, 2),
        (0, BLOCKS, 0, None, 0),
        (0, BLOCKS, 5, Sense(s.FILEMARK_DETECTED, information=3, filemark=True), 3),
        (6, BLOCKS, 3, Sense(s.END_OF_DATA, information=2), 7),
        (2, BLOCKS, -5, Sense(s.BEGINNING_OF_PARTITION, information=3, eom=True), 0),
        (4, BLOCKS, -3, Sense(s.FILEMARK_DETECTED, information=2, filemark=True), 2),
        (7, BLOCKS, -1, None, 6),
        (0, FILEMARKS, 1, None, 3),
        (0, FILEMARKS, 3, None, 6),
        (1, FILEMARKS, 0, None, 1),
        (0, FILEMARKS, 5, Sense(s.END_OF_DATA, information=2), 7),
        (7, FILEMARKS, -1, None, 5),
        (7, FILEMARKS, -3, None, 2),
        (4, FILEMARKS, -3, Sense(s.BEGINNING_OF_PARTITION, information=2, eom=True), 0),
        (3, END_OF_DATA, 0, None, 7),
        (3, END_OF_DATA, -7, None, 7),
    ],
)
def test_space(
    host: Host, long: bool, start: int, code: int, count: int, sense: Sense | None, end: int
) -> None:
    host.write_tape(MIXED)
    host.locate(start)
    assert host.space(code, count, long=long).sense == sense
    assert host.position() == end


@pytest.mark.req("SSC-SPACE-03", "SSC-SPACE-04")
@given(
    objects=st.lists(st.sampled_from((b"x", None)), max_size=12),
    moves=st.lists(st.tuples(st.booleans(), st.integers(-13, 13), st.booleans()), max_size=8),
)
@settings(max_examples=200)
def test_space_against_a_naive_model(
    objects: list[bytes | None], moves: list[tuple[bool, int, bool]]
) -> None:
    plain = Tape()
    plain.objects = list(objects)
    with tape() as host:
        host.write_tape(objects)
        for blocks, count, long in moves:
            reply = host.space(BLOCKS if blocks else FILEMARKS, count, long=long)
            model = plain.space_blocks(count) if blocks else plain.space_filemarks(count)
            assert reply.sense == model.sense
            assert host.position() == plain.at


@pytest.mark.req("SSC-SPACE-06")
@pytest.mark.parametrize("code", [2, 4, 5, 6, 7])
def test_codes_that_no_lto_drive_has(host: Host, code: int) -> None:
    assert sense_of(host.space(code, 1)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 2))
    assert sense_of(host.space(code, 1, long=True)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 3))


@pytest.mark.req("SSC-SENSE-INFO64")
def test_a_residual_that_does_not_fit_is_not_valid(host: Host) -> None:
    host.write_tape([b"x"])
    assert sense_of(host.space(BLOCKS, 1 << 40, long=True)) == Sense(s.END_OF_DATA)
    host.rewind()
    assert sense_of(host.space(BLOCKS, -(1 << 40), long=True)) == Sense(
        s.BEGINNING_OF_PARTITION, eom=True
    )
    assert host.position() == 0


@pytest.mark.req("SSC-SENSE-INFO64", "SSC-SENSE-DSENSE")
def test_a_long_residual_in_descriptor_format(host: Host) -> None:
    set_descriptor_sense(host)
    host.write_tape([b"x"])
    left = (1 << 40) - 1
    assert sense_of(host.space(BLOCKS, 1 << 40, long=True)) == Sense(
        s.END_OF_DATA, information=left
    )


def set_descriptor_sense(host: Host) -> None:
    page = bytearray(host.send(bytes((0x1A, 8, 0x0A, 0, 255, 0)), size=255).data[4:])
    page[2] |= 0x04
    reply = host.send(bytes((0x15, 0x10, 0, 0, 16, 0)), out=bytes((0, 0, 0x10, 0)) + page)
    assert reply.status == GOOD, reply


# --- LOCATE ------------------------------------------------------------------------------------


@pytest.mark.req(
    "SSC-LOCATE-01", "SSC-LOCATE-02", "SSC-LOCATE-03", "SSC-LOCATE-05", "SSC-LOCATE-06",
    "SSC-CMD-2B", "SSC-CMD-92",
)  # fmt: skip
@pytest.mark.parametrize(
    ("kind", "number", "sense", "end"),
    [
        (None, 0, None, 0),
        (None, 3, None, 3),
        (None, 7, None, 7),
        (None, 8, Sense(s.END_OF_DATA), 7),
        (None, 0xFFFFFFFF, Sense(s.END_OF_DATA), 7),
        (OBJECT, 4, None, 4),
        (OBJECT, (1 << 64) - 1, Sense(s.END_OF_DATA), 7),
        (FILE, 0, None, 0),
        (FILE, 1, None, 3),
        (FILE, 2, None, 5),
        (FILE, 3, None, 6),
        (FILE, 4, Sense(s.END_OF_DATA), 7),
        (FILE, (1 << 64) - 1, Sense(s.END_OF_DATA), 7),
        (EOD, 0, None, 7),
        (EOD, 99, None, 7),
    ],
)
def test_locate(host: Host, kind: int | None, number: int, sense: Sense | None, end: int) -> None:
    host.write_tape(MIXED)
    host.locate(1)
    assert host.locate(number, kind).sense == sense
    assert host.position() == end


@pytest.mark.req("SSC-LOCATE-04")
def test_locate_refuses(host: Host) -> None:
    assert sense_of(host.locate(0, 2)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 4))
    short = bytes((0x2B, 2, 0, 0, 0, 0, 0, 0, 1, 0))
    assert sense_of(host.send(short)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(8, 7))
    long = bytes((0x92, 2, 0, 1)) + bytes(12)
    assert sense_of(host.send(long)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(3, 7))


def test_partition_counts_only_with_cp(host: Host) -> None:
    assert host.send(bytes((0x2B, 0, 0, 0, 0, 0, 0, 0, 1, 0))).status == GOOD
    assert host.send(bytes((0x2B, 2, 0, 0, 0, 0, 0, 0, 0, 0))).status == GOOD


# --- READ POSITION -----------------------------------------------------------------------------


@pytest.mark.req(
    "SSC-RPOS-01", "SSC-RPOS-02", "SSC-RPOS-06", "SSC-RPOS-07", "SSC-RPOS-10", "SSC-CMD-34"
)
@pytest.mark.parametrize("form", [0, 1])
def test_short_form_at_each_place(host: Host, form: int) -> None:
    host.write_tape(MIXED)
    for number in range(8):
        host.locate(number)
        where = number.to_bytes(4, "big")
        golden = bytes((0x80 * (not number), 0, 0, 0)) + where + where + bytes(8)
        reply = host.send(bytes((0x34, form)) + bytes(8), size=64)
        assert (reply.status, reply.data) == (GOOD, golden)


@pytest.mark.req("SSC-RPOS-03", "SSC-RPOS-06", "SSC-RPOS-07", "SSC-RPOS-10")
def test_long_form_at_each_place(host: Host) -> None:
    host.write_tape(MIXED)
    for number, files in enumerate((0, 0, 0, 1, 1, 2, 3, 3)):
        host.locate(number)
        golden = bytes((0x80 * (not number),)) + bytes(7)
        golden += number.to_bytes(8, "big") + files.to_bytes(8, "big") + bytes(8)
        reply = host.send(bytes((0x34, 6)) + bytes(8), size=64)
        assert (reply.status, reply.data) == (GOOD, golden)


@pytest.mark.req("SSC-RPOS-06", "SSC-RPOS-08")
@pytest.mark.parametrize(
    ("model", "flags"),
    [
        # Behind early warning is behind the programmable one too, where a model knows that.
        ("ibm/ult3580-td9", 0x41),
        ("ibm/ult3580-td4", 0x40),
    ],
)
def test_end_of_partition_at_the_end_of_a_full_tape(model: str, flags: int) -> None:
    with tape(model, capacity=MIB) as host:
        host.write(bytes(MIB - 40960))
        for form, size in ((0, 20), (6, 32)):
            reply = host.send(bytes((0x34, form)) + bytes(8), size=size)
            assert reply.data[0] == flags


@pytest.mark.req("SSC-RPOS-11")
@pytest.mark.parametrize("form", [2, 5, 7, 9, 31])
def test_forms_that_are_not_there(host: Host, form: int) -> None:
    reply = host.send(bytes((0x34, form)) + bytes(8), size=32)
    assert sense_of(reply) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 4))


@pytest.mark.req("SSC-RPOS-05")
def test_an_allocation_length_is_for_the_extended_form_only(host: Host) -> None:
    reply = host.send(bytes((0x34, 6, 0, 0, 0, 0, 0, 0, 32, 0)), size=32)
    assert sense_of(reply) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(7, 7))


def test_reading_the_position_does_not_move_the_tape(host: Host) -> None:
    host.write_tape(MIXED)
    host.locate(3)
    host.position()
    assert host.read(1).data == b"c"

"""MODE SELECT: what is taken, what is refused and where, all or nothing, who hears of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.scsi.cdbs import plain
from tests.scsi.modes import (
    CHANGEABLE,
    COMPRESSION_OFF,
    COMPRESSION_ON,
    CONTROL,
    DESCRIPTOR_SENSE,
    GOLDEN,
    SELECT,
    head,
    mode_select,
    mode_sense,
    page,
)
from tests.tape.host import GOOD, Host, new_drive, sense_of, tape

BOTH = pytest.mark.parametrize("form", [6, 10])
READ_ONLY = (0x30, 0x20)
EACH = pytest.mark.parametrize(
    ("code", "subpage"),
    [pytest.param(*key, id=f"{key[0]:02X}-{key[1]:02X}") for key in GOLDEN if key != READ_ONLY],
)


@pytest.fixture
def lz4() -> Iterator[Host]:
    """A host at a drive that may compress."""
    with tape(compression="lz4") as host:
        yield host


def refusal(at: int, bit: int | None = None) -> Sense:
    return Sense(s.INVALID_PARAMETER, pointer=(at, bit), in_cdb=False)


# --- pages -------------------------------------------------------------------------------------


@BOTH
@EACH
def test_what_was_sensed_can_be_selected(lz4: Host, form: int, code: int, subpage: int) -> None:
    before = page(lz4, 0x3F, 0xFF)
    blocks = mode_sense(lz4, form, 0)[head(form) :]
    assert mode_select(lz4, form, GOLDEN[code, subpage], blocks=blocks) is None
    assert page(lz4, 0x3F, 0xFF) == before


@BOTH
def test_ps_means_nothing(lz4: Host, form: int) -> None:
    """Linux st clears it before it sends a page back, LTFS does not (from all pages)."""
    for code in (0x0F, 0x10):
        body = bytearray.fromhex(GOLDEN[code, 0])
        for bit in (0x00, 0x80):
            body[0] = body[0] & 0x7F | bit
            assert mode_select(lz4, form, bytes(body)) is None


@EACH
@pytest.mark.req("SSC-MODE-R10")
def test_each_bit_of_each_page(lz4: Host, code: int, subpage: int) -> None:
    """A bit can be turned where the changeable values say so only; else it is pointed at."""
    golden, mask = (bytes.fromhex(of[code, subpage]) for of in (GOLDEN, CHANGEABLE))
    known = lz4.drive.modes.find(code, subpage)
    assert known is not None
    for index in range(4 if subpage else 2, len(golden)):
        for bit in range(8):
            body = bytearray(golden)
            body[index] ^= 1 << bit
            sense = mode_select(lz4, 10, bytes(body))
            now = page(lz4, code, subpage)
            turned = bytes(a ^ b for a, b in zip(now, golden, strict=True))
            assert not any(a & ~b for a, b in zip(turned, mask, strict=True))
            assert page(lz4, code, subpage, 2) == golden
            lz4.drive.modes.forget(code, subpage)
            lz4.drive.modes_changed()
            if mask[index] >> bit & 1:
                assert sense is None or sense.code in (s.INVALID_PARAMETER, s.ROUNDED_PARAMETER)
                continue
            assert sense is not None
            assert (sense.code, sense.in_cdb, any(turned)) == (s.INVALID_PARAMETER, False, False)
            field = next(
                (f for f in known.layout if f.first <= index <= f.last and (
                    f.width >= 8 or f.shift <= bit < f.shift + f.width)),
                None,
            )  # fmt: skip
            where = (index, bit) if field is None else (field.first, field.top_bit)
            assert sense.pointer == (8 + where[0], where[1])


def test_a_page_that_may_only_be_read(host: Host) -> None:
    assert mode_select(host, 10, GOLDEN[READ_ONLY]) == refusal(8 + 5, 7)


@BOTH
@pytest.mark.parametrize(
    ("body", "at"),
    [("08 0a" + "00" * 10, 0), ("0f 0d" + "00" * 13, 1), ("4f 01 000c" + "00" * 12, 0),
     ("0f 10" + "00" * 16, 1), ("4a 01 001b" + "00" * 27, 2), ("0a 1c" + "00" * 28, 1),
     ("4a 00 000a" + "00" * 10, 0), ("30 02 20 40", 1)],
    ids=["unknown page", "too short", "sub-page format", "too long", "subpage too short",
         "a subpage's length", "subpage 00h", "fewer subpages"],
)  # fmt: skip
def test_pages_that_are_no_pages(host: Host, form: int, body: str, at: int) -> None:
    assert mode_select(host, form, body) == refusal(head(form) + at)


# --- the list ----------------------------------------------------------------------------------


@BOTH
@pytest.mark.req("SSC-MODE-R10")
def test_nothing_is_taken_from_a_list_with_an_error(lz4: Host, form: int) -> None:
    before = mode_sense(lz4, 10, 0x3F)
    bad = bytearray.fromhex(GOLDEN[0x0A, 0])
    bad[3] |= 0x10
    blocks = bytes.fromhex("60 000000 00 000200")
    other = Host(lz4.drive, "other")
    other.hear()
    good = bytes.fromhex(COMPRESSION_OFF)
    sense = mode_select(lz4, form, good + bad, mode=0, blocks=blocks)
    assert sense == refusal(head(form) + 8 + len(good) + 3, 7)
    assert mode_sense(lz4, 10, 0x3F) == before
    assert other.hear() == [], "nothing has changed"


@BOTH
def test_nothing_is_taken_with_a_header_that_is_refused(lz4: Host, form: int) -> None:
    sense = mode_select(lz4, form, COMPRESSION_OFF, mode=0x70)
    assert sense == refusal(2 if form == 6 else 3)
    assert page(lz4, 0x0F) == bytes.fromhex(COMPRESSION_ON)


@BOTH
@pytest.mark.req("SSC-MODE-R9", "SSC-SENSE-6-2A-01")
def test_the_other_nexuses_hear_of_a_change(lz4: Host, form: int) -> None:
    other = Host(lz4.drive, "other")
    other.hear()
    for body, mode, blocks in (
        (COMPRESSION_OFF, 0x10, b""),
        ("", 0x00, b""),
        ("", 0x00, bytes.fromhex("60 000000 00 000200")),
    ):
        for heard in ([s.MODE_PARAMETERS_CHANGED], []):
            assert mode_select(lz4, form, body, mode=mode, blocks=blocks) is None
            assert lz4.hear() == []
            assert other.hear() == heard, "the second time nothing changes"


@BOTH
@pytest.mark.req("SSC-MODE-R7")
def test_block_descriptor(host: Host, form: int) -> None:
    start = head(form)
    for density in (0x60, 0x00, 0x7F):
        blocks = bytes((density, 0, 0, 0, 0, 0, 2, 0))
        assert mode_select(host, form, b"", blocks=blocks) is None
        assert mode_sense(host, form, 0)[-8:] == bytes.fromhex("60 000000 00 000200")
    for blocks, at in (
        (bytes.fromhex("5e 000000 00 000000"), start),
        (bytes.fromhex("60 000000 00 800001"), start + 5),
    ):
        assert mode_select(host, form, b"", blocks=blocks) == refusal(at)
    assert mode_select(host, form, b"", blocks=bytes.fromhex("60 000000 00 800000")) is None
    assert mode_select(host, form, b"") is None, "no descriptor: the length stays"
    assert mode_sense(host, form, 0)[-3:] == bytes.fromhex("800000")


@BOTH
@pytest.mark.parametrize("size", [1, 4, 7, 9, 16, 200])
@pytest.mark.req("SSC-MODE-R6")
def test_block_descriptors_of_other_lengths(host: Host, form: int, size: int) -> None:
    assert mode_select(host, form, b"", blocks=bytes(size)) == refusal(3 if form == 6 else 6)


def test_long_block_descriptors_are_refused(host: Host) -> None:
    data = bytes((0, 0, 0, 0x10, 1, 0, 0, 0))
    reply = host.send(plain("MODE SELECT(10)", pf=1, parameter_list_length=8), out=data)
    assert sense_of(reply) == refusal(4, 0)


@BOTH
@pytest.mark.parametrize(
    ("mode", "buffered"), [(0x00, 0), (0x10, 1), (0x20, None), (0x70, None), (0x11, None)]
)
@pytest.mark.req("SSC-MODE-R8")
def test_buffered_mode_and_speed(host: Host, form: int, mode: int, buffered: int | None) -> None:
    at = 2 if form == 6 else 3
    sense = mode_select(host, form, b"", mode=mode)
    if buffered is None:
        assert sense == refusal(at)
    else:
        assert sense is None
        assert mode_sense(host, form, 0)[at] == buffered << 4


@BOTH
def test_truncated_lists(host: Host, form: int) -> None:
    """Cut within header, descriptor or a page: 5/1A/00."""
    pages = bytes.fromhex(GOLDEN[0x01, 0] + GOLDEN[0x0A, 0x01])
    start = head(form)
    data = bytearray(start) + bytes.fromhex("60 000000 00 000200") + pages
    data[2 if form == 6 else 3] = 0x10
    data[3 if form == 6 else 7] = 8
    whole = {0, start + 8, start + 8 + 12, len(data)}
    for length in range(len(data) + 1):
        cdb = plain(SELECT[form], pf=1, parameter_list_length=length)
        reply = host.send(cdb, out=bytes(data[:length]))
        if length in whole:
            assert reply.status == GOOD
        else:
            assert sense_of(reply) == Sense(s.PARAMETER_LIST_LENGTH), length


def test_less_data_than_announced(host: Host) -> None:
    cdb = plain("MODE SELECT(6)", pf=1, parameter_list_length=12)
    assert sense_of(host.send(cdb, out=bytes(11))) == Sense(s.DATA_PHASE_ERROR)


def test_without_page_format(host: Host) -> None:
    """Linux st tries again without PF on some errors; the bit is taken and means nothing."""
    data = bytes.fromhex("00 00 10 08 00 000000 00 000200")
    assert host.send(plain("MODE SELECT(6)", parameter_list_length=12), out=data).status == GOOD
    assert host.drive.block_length == 512


@given(body=st.binary(max_size=60), code=st.sampled_from(sorted(GOLDEN)))
def test_any_page_is_taken_or_refused(body: bytes, code: tuple[int, int]) -> None:
    host = Host(new_drive())
    host.hear()
    whole = bytes.fromhex(GOLDEN[code])[: 4 if code[1] else 2] + body
    before = page(host, *code)
    sense = mode_select(host, 10, whole)
    known = (s.INVALID_PARAMETER, s.PARAMETER_LIST_LENGTH, s.ROUNDED_PARAMETER)
    assert sense is None or sense.code in known
    if sense is not None and sense.code is not s.ROUNDED_PARAMETER:
        assert page(host, *code) == before


# --- state -------------------------------------------------------------------------------------


def test_reset_brings_the_defaults_back(lz4: Host) -> None:
    before = mode_sense(lz4, 10, 0x3F)
    blocks = bytes.fromhex("60" + "00" * 6 + "01")
    assert mode_select(lz4, 10, COMPRESSION_OFF, mode=0, blocks=blocks) is None
    assert mode_sense(lz4, 10, 0x3F) != before
    lz4.drive.reset()
    lz4.hear()
    assert mode_sense(lz4, 10, 0x3F) == before


@pytest.mark.req("SSC-SENSE-DSENSE")
def test_descriptor_sense_when_d_sense_is_set(host: Host) -> None:
    assert mode_select(host, 6, DESCRIPTOR_SENSE) is None
    done, _ = host.pieces(bytes((0xFF,)) + bytes(5))
    assert done.sense == bytes.fromhex("72 05 20 00 000000 08 02060000 c0000000")
    assert mode_select(host, 6, CONTROL) is None
    done, _ = host.pieces(bytes((0xFF,)) + bytes(5))
    assert (done.sense[0], len(done.sense)) == (0x70, host.drive.sense_length)

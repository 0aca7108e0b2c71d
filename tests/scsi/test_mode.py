"""MODE SENSE and MODE SELECT: pages, page control, block descriptors, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from target.scsi import sense as s
from target.scsi.mode import ModePage
from target.scsi.sense import Sense
from target.tape.mode_pages import pages
from tests.scsi.cdbs import plain
from tests.tape.host import GOOD, MODELS, Host, new_drive, sense_of, tape

SENSE = {6: "MODE SENSE(6)", 10: "MODE SENSE(10)"}
SELECT = {6: "MODE SELECT(6)", 10: "MODE SELECT(10)"}
BOTH = pytest.mark.parametrize("form", [6, 10])
PAGES = [pytest.param(page, id=f"{page.code:02X}") for page in pages(compresses=True)]

GOLDEN = {
    0x01: "01 0a 00 00 00 00 00 00 00 00 00 00",
    0x02: "02 0e 50 50 00 00 00 00 00 00 00 00 00 00 00 00",
    0x0A: "0a 0a 02 00 00 00 00 00 00 00 00 00",
    0x0F: "0f 0e c0 80 00 00 00 01 00 00 00 01 00 00 00 00",
    0x10: "10 0e 00 00 00 00 00 64 40 00 18 00 00 00 01 00",
    0x11: "11 08 00 00 18 03 09 00 ff ff",
    0x1C: "1c 0a 08 03 00 00 00 00 00 00 00 00",
}
CHANGEABLE = {
    0x01: "01 0a" + " 00" * 10,
    0x02: "02 0e" + " 00" * 14,
    0x0A: "0a 0a 04" + " 00" * 9,
    0x0F: "0f 0e 80" + " 00" * 13,
    0x10: "10 0e 00 00 00 00 ff ff" + " 00" * 8,
    0x11: "11 08" + " 00" * 8,
    0x1C: "1c 0a 08" + " 00" * 9,
}


@pytest.fixture
def lz4() -> Iterator[Host]:
    """A host at a drive that may compress."""
    with tape(compression="lz4") as host:
        yield host


def mode_sense(host: Host, form: int, code: int, control: int = 0, **fields: int) -> bytes:
    cdb = plain(SENSE[form], page_code=code, page_control=control, allocation_length=255, **fields)
    reply = host.send(cdb, size=255)
    assert reply.status == GOOD, reply
    return reply.data


def mode_select(host: Host, form: int, body: bytes, *, mode: int = 0x10, blocks: bytes = b"") -> (
    Sense | None
):  # fmt: skip
    """Send pages behind a header; returns the sense data."""
    size = len(blocks)
    head = bytes((0, 0, mode, size)) if form == 6 else bytes((0, 0, 0, mode, 0, 0, 0, size))
    data = head + blocks + body
    cdb = plain(SELECT[form], pf=1, parameter_list_length=len(data))
    return host.send(cdb, out=data).sense


def header(form: int) -> int:
    return 4 if form == 6 else 8


# --- MODE SENSE --------------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-R1", "SSC-MODE-R2", "SSC-CMD-1A", "SSC-CMD-5A")
@BOTH
def test_page_zero_is_header_and_block_descriptor(host: Host, form: int) -> None:
    golden = "0b 98 10 08" if form == 6 else "000e 98 10 00 00 0008"
    blocks = "60 000000 00 000000"
    assert mode_sense(host, form, 0) == bytes.fromhex(golden + blocks)
    host.set_block_length(0x10000)
    assert mode_sense(host, form, 0)[-8:] == bytes.fromhex("60 000000 00 010000")
    golden = "03 98 10 00" if form == 6 else "0006 98 10 00 00 0000"
    assert mode_sense(host, form, 0, dbd=1) == bytes.fromhex(golden)


@pytest.mark.req("SSC-MODE-R1")
@BOTH
def test_without_a_volume(form: int) -> None:
    host = Host(new_drive())
    host.hear()
    golden = "0b 00 10 08" if form == 6 else "000e 00 10 00 00 0008"
    assert mode_sense(host, form, 0) == bytes.fromhex(golden + "00" * 8)


@pytest.mark.req(
    "SSC-MODE-01", "SSC-MODE-02", "SSC-MODE-0F", "SSC-MODE-10", "SSC-MODE-1C", "SSC-MODE-R3"
)
@BOTH
@pytest.mark.parametrize("page", PAGES)
def test_golden_pages(lz4: Host, form: int, page: ModePage) -> None:
    for control, golden in ((0, GOLDEN), (1, CHANGEABLE), (2, GOLDEN)):
        data = mode_sense(lz4, form, page.code, control, dbd=1)
        assert data[header(form) :] == bytes.fromhex(golden[page.code])
        length = data[0] + 1 if form == 6 else int.from_bytes(data[:2], "big") + 2
        assert length == len(data)


@pytest.mark.req("SSC-MODE-R4")
@BOTH
@pytest.mark.parametrize("subpage", [0, 0xFF])
def test_all_pages_ascend(lz4: Host, form: int, subpage: int) -> None:
    data = mode_sense(lz4, form, 0x3F, dbd=1, subpage_code=subpage)
    golden = "".join(GOLDEN[code] for code in sorted(GOLDEN))
    assert data[header(form) :] == bytes.fromhex(golden)


@pytest.mark.req("SSC-MODE-R3", "SSC-SENSE-5-39-00")
@BOTH
def test_saved_values_are_not_kept(host: Host, form: int) -> None:
    cdb = plain(SENSE[form], page_control=3, page_code=0x0F, allocation_length=255)
    refused = Sense(s.SAVING_NOT_SUPPORTED, pointer=(2, 7))
    assert sense_of(host.send(cdb, size=255)) == refused


@BOTH
@pytest.mark.parametrize(
    ("code", "subpage", "pointer"),
    [(0x08, 0, (2, 5)), (0x0F, 1, (3, 7)), (0x3E, 0, (2, 5)), (0, 1, (3, 7)), (0x3F, 1, (3, 7))],
)
def test_pages_that_are_not_there(
    host: Host, form: int, code: int, subpage: int, pointer: tuple[int, int]
) -> None:
    cdb = plain(SENSE[form], page_code=code, subpage_code=subpage, allocation_length=255)
    assert sense_of(host.send(cdb, size=255)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)


@pytest.mark.req("SSC-MODE-0F")
def test_a_drive_without_compression_says_so(host: Host) -> None:
    page = mode_sense(host, 6, 0x0F, dbd=1)[4:]
    assert page == bytes.fromhex("0f 0e 00 80" + "00" * 12)
    assert mode_sense(host, 6, 0x0F, 1, dbd=1)[4:] == bytes.fromhex("0f 0e" + "00" * 14)


@pytest.mark.req("SSC-MODE-R1", "SSC-MODE-R2")
@pytest.mark.parametrize("model", MODELS)
def test_medium_type_and_density_of_each_model(model: str) -> None:
    generation = int(model[-1])
    with tape(model) as host:
        data = mode_sense(host, 6, 0)
        assert data[1] == generation << 4 | 8
        assert data[4] == host.drive.density.density


# --- MODE SELECT -------------------------------------------------------------------------------


@pytest.mark.req("SSC-CMD-15", "SSC-CMD-55")
@BOTH
@pytest.mark.parametrize("page", PAGES)
def test_what_was_sensed_can_be_selected(lz4: Host, form: int, page: ModePage) -> None:
    before = mode_sense(lz4, form, 0x3F)
    body = bytes.fromhex(GOLDEN[page.code])
    assert mode_select(lz4, form, body, blocks=before[header(form) :][:8]) is None
    assert mode_sense(lz4, form, 0x3F) == before


@pytest.mark.req("SSC-MODE-R3", "SSC-SENSE-5-26-00")
@BOTH
@pytest.mark.parametrize("page", PAGES)
def test_each_bit_of_each_page(lz4: Host, form: int, page: ModePage) -> None:
    """A bit can be turned exactly where the changeable values say so; else it is pointed at."""
    golden, mask = bytes.fromhex(GOLDEN[page.code]), bytes.fromhex(CHANGEABLE[page.code])
    for index in range(2, len(golden)):
        for bit in range(8):
            body = bytearray(golden)
            body[index] ^= 1 << bit
            sense = mode_select(lz4, form, bytes(body))
            if mask[index] >> bit & 1:
                assert sense is None
                now = mode_sense(lz4, form, page.code, dbd=1)[header(form) :]
                assert now == body
                assert mode_sense(lz4, form, page.code, 2, dbd=1)[header(form) :] == golden
            else:
                assert sense is not None
                assert (sense.code, sense.in_cdb) == (s.INVALID_PARAMETER, False)
                assert sense.pointer is not None
                at, high = sense.pointer
                field = next(
                    (f for f in page.layout if f.first <= index <= f.last and (
                        f.width >= 8 or f.shift <= bit < f.shift + f.width)),
                    None,
                )  # fmt: skip
                expected = (index, bit) if field is None else (field.first, field.top_bit)
                assert (at - header(form), high) == expected
            mode_select(lz4, form, golden)


@pytest.mark.req("SSC-MODE-R10")
@BOTH
def test_nothing_is_taken_from_a_list_with_an_error(lz4: Host, form: int) -> None:
    before = mode_sense(lz4, form, 0x3F)
    good = bytearray.fromhex(GOLDEN[0x0F])
    good[2] ^= 0x80
    bad = bytearray.fromhex(GOLDEN[0x01])
    bad[3] = 1
    blocks = bytes.fromhex("60 000000 00 000200")
    other = Host(lz4.drive, "other")
    other.hear()
    sense = mode_select(lz4, form, bytes(good + bad), mode=0, blocks=blocks)
    where = header(form) + 8 + len(good) + 3
    assert sense == Sense(s.INVALID_PARAMETER, pointer=(where, 7), in_cdb=False)
    assert mode_sense(lz4, form, 0x3F) == before
    assert other.hear() == [], "nothing has changed"


@pytest.mark.req("SSC-MODE-R9", "SSC-SENSE-6-2A-01")
@BOTH
def test_the_other_nexuses_hear_of_a_change(lz4: Host, form: int) -> None:
    other = Host(lz4.drive, "other")
    other.hear()
    assert mode_select(lz4, form, bytes.fromhex(GOLDEN[0x0F])) is None
    assert lz4.hear() == []
    assert other.hear() == [s.MODE_PARAMETERS_CHANGED]


@pytest.mark.req("SSC-MODE-R2", "SSC-MODE-R7")
@BOTH
def test_block_descriptor(host: Host, form: int) -> None:
    start = header(form)
    for density in (0x60, 0x00, 0x7F):
        blocks = bytes((density, 0, 0, 0, 0, 0, 2, 0))
        assert mode_select(host, form, b"", blocks=blocks) is None
        assert mode_sense(host, form, 0)[-8:] == bytes.fromhex("60 000000 00 000200")
    for blocks, at in (
        (bytes.fromhex("5e 000000 00 000000"), start),
        (bytes.fromhex("60 000000 00 800001"), start + 5),
    ):
        refused = Sense(s.INVALID_PARAMETER, pointer=(at, None), in_cdb=False)
        assert mode_select(host, form, b"", blocks=blocks) == refused
    assert mode_select(host, form, b"", blocks=bytes.fromhex("60 000000 00 800000")) is None
    assert mode_select(host, form, b"") is None, "no descriptor: the length stays"
    assert mode_sense(host, form, 0)[-3:] == bytes.fromhex("800000")


@pytest.mark.req("SSC-MODE-R6")
@BOTH
@pytest.mark.parametrize("size", [1, 4, 7, 9, 16, 200])
def test_block_descriptors_of_other_lengths(host: Host, form: int, size: int) -> None:
    at = 3 if form == 6 else 6
    refused = Sense(s.INVALID_PARAMETER, pointer=(at, None), in_cdb=False)
    assert mode_select(host, form, b"", blocks=bytes(size)) == refused


@pytest.mark.req("SSC-MODE-R8")
@BOTH
@pytest.mark.parametrize(
    ("mode", "buffered"), [(0x00, 0), (0x10, 1), (0x20, None), (0x70, None), (0x11, None)]
)
def test_buffered_mode_and_speed(host: Host, form: int, mode: int, buffered: int | None) -> None:
    at = 2 if form == 6 else 3
    sense = mode_select(host, form, b"", mode=mode)
    if buffered is None:
        assert sense == Sense(s.INVALID_PARAMETER, pointer=(at, None), in_cdb=False)
    else:
        assert sense is None
        assert mode_sense(host, form, 0)[at] == buffered << 4


@pytest.mark.req("SSC-SENSE-5-1A-00")
@BOTH
def test_truncated_lists(host: Host, form: int) -> None:
    blocks, body = bytes.fromhex("60 000000 00 000200"), bytes.fromhex(GOLDEN[0x10])
    head = header(form)
    data = bytearray(head) + blocks + body
    data[2 if form == 6 else 3] = 0x10
    data[3 if form == 6 else 7] = 8
    whole = (0, head + 8)
    for length in range(len(data)):
        cdb = plain(SELECT[form], pf=1, parameter_list_length=length)
        reply = host.send(cdb, out=bytes(data[:length]))
        if length in whole:
            assert reply.status == GOOD
        elif length < head + 8:
            assert sense_of(reply) == Sense(s.PARAMETER_LIST_LENGTH)
        else:
            assert sense_of(reply).code in (s.PARAMETER_LIST_LENGTH, s.INVALID_PARAMETER)


@pytest.mark.req("SSC-SENSE-B-4B-00")
def test_less_data_than_announced(host: Host) -> None:
    cdb = plain("MODE SELECT(6)", pf=1, parameter_list_length=12)
    assert sense_of(host.send(cdb, out=bytes(11))) == Sense(s.DATA_PHASE_ERROR)


@pytest.mark.req("SSC-MODE-R5")
@BOTH
def test_saving_is_refused(host: Host, form: int) -> None:
    refused = host.send(plain(SELECT[form], pf=1, sp=1))
    assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 0))


@BOTH
@pytest.mark.parametrize(
    ("body", "at"),
    [("08 0a" + "00" * 10, 0), ("8f 0e" + "00" * 14, 0), ("0f 0d" + "00" * 13, 1),
     ("4f 01 000c" + "00" * 12, 0), ("0f 10" + "00" * 16, 1)],
    ids=["unknown page", "PS set", "too short", "sub-page format", "too long"],
)  # fmt: skip
def test_pages_that_are_no_pages(host: Host, form: int, body: str, at: int) -> None:
    refused = Sense(s.INVALID_PARAMETER, pointer=(header(form) + at, None), in_cdb=False)
    assert mode_select(host, form, bytes.fromhex(body)) == refused


def test_long_block_descriptors_are_refused(host: Host) -> None:
    data = bytes((0, 0, 0, 0x10, 1, 0, 0, 0))
    reply = host.send(plain("MODE SELECT(10)", pf=1, parameter_list_length=8), out=data)
    assert sense_of(reply) == Sense(s.INVALID_PARAMETER, pointer=(4, 0), in_cdb=False)


def test_without_page_format(host: Host) -> None:
    """Linux st tries again without PF on some errors; the bit is taken and means nothing."""
    data = bytes.fromhex("00 00 10 08 00 000000 00 000200")
    assert host.send(plain("MODE SELECT(6)", parameter_list_length=12), out=data).status == GOOD
    assert host.drive.block_length == 512


def test_reset_brings_the_defaults_back(lz4: Host) -> None:
    before = mode_sense(lz4, 10, 0x3F)
    body = bytearray.fromhex(GOLDEN[0x0F])
    body[2] ^= 0x80
    assert (
        mode_select(lz4, 10, bytes(body), mode=0, blocks=bytes.fromhex("60" + "00" * 6 + "01"))
        is None
    )
    assert mode_sense(lz4, 10, 0x3F) != before
    lz4.drive.reset()
    lz4.hear()
    assert mode_sense(lz4, 10, 0x3F) == before


@pytest.mark.req("SSC-SENSE-DSENSE", "SSC-SENSE-LENGTH")
def test_descriptor_sense_when_d_sense_is_set(host: Host) -> None:
    assert mode_select(host, 6, bytes.fromhex("0a 0a 06" + "00" * 9)) is None
    done, _ = host.pieces(bytes((0xFF,)) + bytes(5))
    assert done.sense == bytes.fromhex("72 05 20 00 000000 08 02060000 c0000000")
    assert mode_select(host, 6, bytes.fromhex("0a 0a 02" + "00" * 9)) is None
    done, _ = host.pieces(bytes((0xFF,)) + bytes(5))
    assert (done.sense[0], len(done.sense)) == (0x70, 36)

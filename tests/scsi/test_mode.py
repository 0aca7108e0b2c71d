"""MODE SENSE: header, block descriptor, pages, page control."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.scsi import modes
from tests.scsi.cdbs import plain
from tests.scsi.modes import CHANGEABLE, GOLDEN, head, mode_sense, page
from tests.tape.host import MODELS, TD9, Host, new_drive, sense_of, tape

BOTH = pytest.mark.parametrize("form", [6, 10])
EACH = pytest.mark.parametrize(
    ("code", "subpage"), [pytest.param(*key, id=f"{key[0]:02X}-{key[1]:02X}") for key in GOLDEN]
)


@pytest.fixture
def lz4() -> Iterator[Host]:
    """A host at a drive that may compress."""
    with tape(compression="lz4") as host:
        yield host


@BOTH
@pytest.mark.req("SSC-MODE-R1", "SSC-MODE-R2")
def test_page_zero_is_header_and_block_descriptor(host: Host, form: int) -> None:
    golden = "0b 98 10 08" if form == 6 else "000e 98 10 00 00 0008"
    blocks = "60 000000 00 000000"
    assert mode_sense(host, form, 0) == bytes.fromhex(golden + blocks)
    host.set_block_length(0x10000)
    assert mode_sense(host, form, 0)[-8:] == bytes.fromhex("60 000000 00 010000")
    golden = "03 98 10 00" if form == 6 else "0006 98 10 00 00 0000"
    assert mode_sense(host, form, 0, dbd=1) == bytes.fromhex(golden)


@BOTH
def test_without_a_volume(form: int) -> None:
    host = Host(new_drive())
    host.hear()
    golden = "0b 00 10 08" if form == 6 else "000e 00 10 00 00 0008"
    assert mode_sense(host, form, 0) == bytes.fromhex(golden + "00" * 8)


@BOTH
@pytest.mark.req("SSC-MODE-R3")
def test_page_control_of_header_and_block_descriptor(host: Host, form: int) -> None:
    host.set_block_length(0x10000)
    assert modes.mode_select(host, form, b"", mode=0) is None
    at = head(form)
    specific = 2 if form == 6 else 3
    for control, buffered, blocks in (
        (modes.CURRENT, 0x00, "60 000000 00 010000"),
        (modes.CHANGEABLE_VALUES, 0x70, "00 000000 00 ffffff"),
        (modes.DEFAULT, 0x10, "60 000000 00 000000"),
        (modes.SAVED, 0x10, "60 000000 00 000000"),
    ):
        data = mode_sense(host, form, 0, control)
        assert data[specific] == buffered
        assert data[at:] == bytes.fromhex(blocks)
        assert mode_sense(host, form, 0, control, dbd=1)[specific] == buffered


@BOTH
@EACH
@pytest.mark.req("SSC-MODE-R3")
def test_golden_pages(lz4: Host, form: int, code: int, subpage: int) -> None:
    for control, golden in ((0, GOLDEN), (1, CHANGEABLE), (2, GOLDEN), (3, GOLDEN)):
        data = mode_sense(lz4, form, code, control, dbd=1, subpage_code=subpage)
        assert data[head(form) :] == bytes.fromhex(golden[code, subpage])
        length = data[0] + 1 if form == 6 else int.from_bytes(data[:2], "big") + 2
        assert length == len(data)


@pytest.mark.req("SSC-MODE-R4")
def test_all_pages_ascend(lz4: Host) -> None:
    pages = {key: bytes.fromhex(text) for key, text in GOLDEN.items()}
    pages[0x11, 0x00] = page(lz4, 0x11)
    for control in (modes.CURRENT, modes.DEFAULT, modes.SAVED):
        expected = b"".join(pages[key] for key in sorted(pages) if not key[1])
        assert page(lz4, 0x3F, 0, control) == expected
        assert page(lz4, 0x3F, 0xFF, control) == b"".join(pages[key] for key in sorted(pages))


@pytest.mark.req("SSC-MODE-R4")
@pytest.mark.parametrize("code", sorted({code for code, _ in GOLDEN}), ids=hex)
def test_all_subpages_of_a_page(lz4: Host, code: int) -> None:
    own = "".join(text for key, text in GOLDEN.items() if key[0] == code)
    assert page(lz4, code, 0xFF) == bytes.fromhex(own)


def test_a_short_list_is_cut_where_its_length_byte_ends(lz4: Host) -> None:
    """All subpages are more than MODE SENSE(6) can return."""
    short, long = (mode_sense(lz4, form, 0x3F, subpage_code=0xFF, dbd=1) for form in (6, 10))
    assert (short[0], len(short)) == (255, 255)
    assert short[4:] == long[8 : 8 + 251]


@BOTH
@pytest.mark.parametrize(
    ("code", "subpage", "pointer"),
    [(0x08, 0, (2, 5)), (0x0F, 1, (3, 7)), (0x3E, 0, (2, 5)), (0, 1, (3, 7)), (0x3F, 1, (3, 7)),
     (0x08, 0xFF, (2, 5)), (0x30, 0x41, (3, 7))],
)  # fmt: skip
def test_pages_that_are_not_there(
    host: Host, form: int, code: int, subpage: int, pointer: tuple[int, int]
) -> None:
    cdb = plain(modes.SENSE[form], page_code=code, subpage_code=subpage, allocation_length=255)
    assert sense_of(host.send(cdb, size=255)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)


@BOTH
@pytest.mark.req("SSC-MODE-R3", "SSC-SENSE-5-39-00")
def test_saved_values_where_nothing_can_be_saved(form: int) -> None:
    """Oracle's T10000 and HP's LTO drives save nothing."""
    model = replace(personality.load(TD9), modes={"0A": {}, "0F": {}})
    with tape(model) as host:
        for code in (0x00, 0x0F, 0x3F):
            cdb = plain(modes.SENSE[form], page_control=3, page_code=code, allocation_length=255)
            refused = Sense(s.SAVING_NOT_SUPPORTED, pointer=(2, 7))
            assert sense_of(host.send(cdb, size=255)) == refused


def test_a_page_that_is_not_listed(host: Host) -> None:
    """IBM's page 24h is there for who asks for it."""
    assert page(host, 0x24) == bytes.fromhex("24 06 00 00 000000 09")
    assert b"\x24\x06" not in page(host, 0x3F)


def test_llbaa_changes_nothing(host: Host) -> None:
    assert mode_sense(host, 10, 0x10, llbaa=1) == mode_sense(host, 10, 0x10)


@pytest.mark.req("SSC-MODE-0F")
def test_a_drive_without_compression_says_so(host: Host) -> None:
    for control in (modes.CURRENT, modes.DEFAULT, modes.SAVED):
        assert page(host, 0x0F, 0, control) == bytes.fromhex("0f 0e 00 80" + "00" * 12)
    assert page(host, 0x0F, 0, 1) == bytes.fromhex("0f 0e" + "00" * 14)
    assert page(host, 0x10)[14] == 0
    assert page(host, 0x10, 0, 1)[14] == 0


@pytest.mark.parametrize("model", MODELS)
def test_every_page_of_each_model(model: str) -> None:
    """In order, of the length it says, with PS where PC 11b has a meaning, and selectable."""
    with tape(model) as host:
        data = page(host, 0x3F, 0xFF)
        at, keys = 0, []
        while at < len(data):
            sub = bool(data[at] & 0x40)
            keys.append((data[at] & 0x3F, data[at + 1] if sub else 0))
            at += 4 + int.from_bytes(data[at + 2 : at + 4], "big") if sub else 2 + data[at + 1]
        assert at == len(data)
        assert keys == sorted(set(keys))
        assert {code for code, _ in keys} >= {0x0A, 0x0F, 0x10, 0x11, 0x1C}
        for key in keys:
            one = page(host, *key)
            assert data.find(one) >= 0
            if key not in {(0x30, 0x20), (0x11, 0x00)}:
                assert modes.mode_select(host, 10, one) is None, key

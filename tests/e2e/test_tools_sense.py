"""Sense data as sg_raw decodes them: what a backup program's own SCSI code depends on."""

from __future__ import annotations

import random

import pytest

from tests.e2e.tools import Tools

pytestmark = pytest.mark.guest

BLOCKS = random.Random(3).randbytes(3000)
INVALID = "Illegal Request; Invalid field in cdb; Sense Key Specific: Error in Command: "
OPCODE = "Illegal Request; Invalid command operation code; Sense Key Specific: Error in Command: "
NOTHING = "No Sense; No additional sense information; "


@pytest.fixture
def written(drive: Tools) -> Tools:
    """A tape with three blocks of 1000 bytes and a filemark, at its beginning."""
    drive.write(BLOCKS, 1000)
    drive.mt("rewind")
    return drive


def test_a_block_of_the_right_size(written: Tools) -> None:
    got = written.raw("08 00 00 03 e8 00", 1000)
    assert (got.status, got.sense, got.data) == (0, "", BLOCKS[:1000])


@pytest.mark.req("SSC-READ-08")
def test_a_short_block_has_ili_and_the_residual(written: Tools) -> None:
    got = written.raw("08 00 00 07 d0 00", 2000)
    assert got.sense == NOTHING + "Info fld=0x3e8 [1000]  ILI"
    assert got.data == BLOCKS[:1000], "the transport's residual is the same"
    assert written.object_number() == 1, "the next block is next"


@pytest.mark.req("SSC-READ-05")
def test_a_short_block_with_sili(written: Tools) -> None:
    got = written.raw("08 02 00 07 d0 00", 2000)
    assert (got.status, got.sense) == (0, "")
    assert got.data == BLOCKS[:1000], "only the residual tells how long the block is"


@pytest.mark.req("SSC-READ-08")
def test_a_long_block_has_ili_and_a_negative_number(written: Tools) -> None:
    got = written.raw("08 00 00 01 f4 00", 500)
    assert got.sense == NOTHING + f"Info fld=0xfffffe0c [{2**32 - 500}]  ILI"
    assert got.data == BLOCKS[:500]
    assert written.object_number() == 1, "what did not fit is lost"


@pytest.mark.req("SSC-READ-06")
def test_a_long_block_with_sili(written: Tools) -> None:
    got = written.raw("08 02 00 01 f4 00", 500)
    assert (got.status, got.sense, got.data) == (0, "", BLOCKS[:500])
    assert written.object_number() == 1


@pytest.mark.req("SSC-READ-02")
def test_reading_nothing(written: Tools) -> None:
    assert written.raw("08 00 00 00 00 00").status == 0
    assert written.object_number() == 0


@pytest.mark.req("SSC-READ-10", "SSC-READ-12", "SSC-SENSE-0-00-01", "SSC-SENSE-8-00-05")
def test_a_filemark_then_the_end_of_data(written: Tools) -> None:
    for number in range(3):
        got = written.raw("08 00 00 03 e8 00", 1000)
        assert got.data == BLOCKS[1000 * number :][:1000]
    mark = written.raw("08 00 00 03 e8 00", 1000)
    assert mark.sense == "No Sense; Filemark detected; Info fld=0x3e8 [1000]  FMK"
    end = written.raw("08 00 00 03 e8 00", 1000)
    assert (end.status, end.sense) == (
        3,
        "Blank Check; End-of-data detected; Info fld=0x3e8 [1000]",
    )
    assert "Error 3 occurred, no data received" in end.text
    assert written.object_number() == 4, "and there it stays"
    assert written.raw("08 00 00 03 e8 00", 1000).sense == end.sense


@pytest.mark.req("SSC-READ-11")
def test_fixed_blocks_up_to_a_filemark(written: Tools) -> None:
    """INFORMATION counts blocks, not bytes, and what came before the mark is there."""
    written.mt("setblk 1000")
    got = written.raw("08 01 00 00 05 00", 5000)
    assert got.sense == "No Sense; Filemark detected; Info fld=0x2 [2]  FMK"
    assert got.data == BLOCKS


@pytest.mark.req("SSC-READ-09")
def test_fixed_blocks_of_another_size(written: Tools) -> None:
    written.mt("setblk 512")
    got = written.raw("08 01 00 00 04 00", 2048)
    assert got.sense == NOTHING + "Info fld=0x4 [4]  ILI"


@pytest.mark.req("SSC-SPACE-07", "SSC-SPACE-08", "SSC-SPACE-09", "SSC-SENSE-0-00-04")
def test_spacing_reports_what_is_left(written: Tools) -> None:
    assert written.raw("11 00 00 00 05 00").sense == (
        "No Sense; Filemark detected; Info fld=0x2 [2]  FMK"
    )
    assert written.raw("11 01 00 00 02 00").sense == (
        "Blank Check; End-of-data detected; Info fld=0x2 [2]"
    )
    # Back over the filemark and three blocks: counted from the end of data.
    assert written.raw("11 00 ff ff fe 00").sense == (
        "No Sense; Filemark detected; Info fld=0x2 [2]  FMK"
    )
    assert written.raw("11 00 ff ff f0 00").sense == (
        "No Sense; Beginning-of-partition/medium detected; Info fld=0xd [13]  EOM"
    )
    assert written.object_number() == 0


@pytest.mark.req("SSC-LOCATE-02", "SSC-LOCATE-03", "SSC-CMD-92")
def test_locate_behind_the_end_of_data(written: Tools) -> None:
    got = written.raw("2b 00 00 00 00 00 ff 00 00 00")
    assert got.sense == "Blank Check; End-of-data detected"
    assert written.object_number() == 4
    assert written.raw("92 00 00 00 00 00 00 00 00 00 00 02 00 00 00 00").status == 0
    assert written.object_number() == 2


@pytest.mark.req(
    "SSC-READ-03", "SSC-READ-04", "SSC-LOAD-02", "SSC-CMD-R2", "SSC-VPD-R1", "SSC-LOG-R4",
    "SSC-SENSE-5-24-00",
)  # fmt: skip
@pytest.mark.parametrize(
    ("cdb", "field"),
    [
        ("08 01 00 00 01 00", "byte 1 bit 0"),  # FIXED without a block length
        ("08 03 00 00 01 00", "byte 1 bit 1"),  # SILI with FIXED
        ("08 04 00 00 01 00", "byte 1 bit 2"),  # reserved
        ("12 00 80 00 ff 00", "byte 2 bit 7"),  # a page code without EVPD
        ("12 01 99 00 ff 00", "byte 2 bit 7"),  # no such page
        ("1a 00 3e 00 ff 00", "byte 2 bit 5"),  # no such mode page
        ("4d 00 76 00 00 00 00 00 ff 00", "byte 2 bit 5"),  # no such log page
        ("1b 00 00 00 04 00", "byte 4 bit 2"),  # EOT
        ("a2 20 00 99 00 00 00 00 00 ff 00 00", "byte 2"),  # no such page of protocol 20h
        ("a2 77 00 00 00 00 00 00 00 ff 00 00", "byte 1"),  # no such protocol
    ],
)
def test_a_wrong_field_is_pointed_at(drive: Tools, cdb: str, field: str) -> None:
    got = drive.raw(cdb, 255 if cdb[:2] in ("12", "1a", "4d", "a2", "08") else 0)
    assert got.status == 5
    assert got.sense == INVALID + field or got.sense == INVALID + field + " bit 7", got.sense


@pytest.mark.req("SSC-CMD-R1", "SSC-CMD-88", "SSC-SENSE-5-20-00")
@pytest.mark.parametrize("cdb", ["0f 00 00 00 00 00", "c1 00 00 00 00 00", "88" + " 00" * 15])
def test_commands_that_are_not_there(drive: Tools, cdb: str) -> None:
    got = drive.raw(cdb)
    assert (got.status, got.sense) == (9, OPCODE + "byte 0")


@pytest.mark.req("SSC-SENSE-5-26-00")
def test_a_wrong_parameter_is_pointed_at(drive: Tools) -> None:
    # MODE SELECT with density code 00h is fine; 44h is LTO-3.
    wrong = bytes.fromhex("00000008 44000000 00000000")
    got = drive.raw("15 10 00 00 0c 00", out=wrong)
    assert got.sense == (
        "Illegal Request; Invalid field in parameter list;"
        " Sense Key Specific: Error in Data parameters: byte 4"
    )
    # Set Data Encryption with scope 3, which is reserved: bits 7-5 of byte 4.
    wrong = bytes.fromhex("0010 0010 60 00 00 00 01 00").ljust(20, b"\0")
    got = drive.raw("b5 20 00 10 00 00 00 00 00 14 00 00", out=wrong)
    assert got.sense == (
        "Illegal Request; Invalid field in parameter list;"
        " Sense Key Specific: Error in Data parameters: byte 4 bit 7"
    )


@pytest.mark.req("SSC-LOAD-06", "SSC-SENSE-5-53-02", "SSC-SENSE-2-3A-00", "SSC-CMD-1E")
def test_removal_that_is_prevented(drive: Tools) -> None:
    assert drive.raw("1e 00 00 00 01 00").status == 0
    assert drive.raw("1b 00 00 00 00 00").sense == "Illegal Request; Medium removal prevented"
    assert drive.raw("1e 00 00 00 00 00").status == 0
    assert drive.raw("1b 00 00 00 00 00").status == 0
    assert drive.raw("00 00 00 00 00 00").sense == "Not Ready; Medium not present"


def test_a_loaded_volume_is_told_once(drive: Tools) -> None:
    """28h/00h: st takes its own, so sg sees it only when st does not open in between."""
    assert drive.raw("1b 00 00 00 00 00").status == 0
    assert drive.raw("1b 00 00 00 01 00").status == 0
    first = drive.raw("00 00 00 00 00 00").sense
    assert first in ("", "Unit Attention; Not ready to ready change, medium may have changed")
    assert drive.raw("00 00 00 00 00 00").sense == ""

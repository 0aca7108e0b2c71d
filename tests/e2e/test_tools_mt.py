"""mt and the st driver: where the tape is after each operation, by st's numbers and the drive's."""

from __future__ import annotations

import random

import pytest

from tests.e2e.tools import CANNOT_READ, Tools

pytestmark = pytest.mark.guest

NOISE = random.Random(7).randbytes(1 << 18)


def write_files(tools: Tools) -> Tools:
    """Files of 3, 2 and 4 blocks of 1000 bytes, at the beginning: objects 0-2, 4-5, 7-10."""
    tools.blank()
    for blocks in (3, 2, 4):
        tools.write(NOISE[: blocks * 1000], 1000)
    tools.mt("rewind")
    return tools


@pytest.fixture
def files(tools: Tools) -> Tools:
    """Those files, for a test that changes them."""
    return write_files(tools)


@pytest.fixture(scope="module")
def lasting(tools: Tools) -> Tools:
    return write_files(tools)


@pytest.fixture
def same_files(lasting: Tools) -> Tools:
    """Those files, written once: for tests that only read, one behind the other."""
    lasting.mt("rewind")
    return lasting


def where(tools: Tools) -> tuple[int, int, int]:
    """File and block number as st counts, object number as the drive does."""
    return (*tools.position(), tools.object_number())


def test_status_at_the_beginning(drive: Tools) -> None:
    said = drive.mt("status")
    assert "File number=0, block number=0, partition=0." in said
    # mt-st 1.7 has no name for LTO-9.
    assert "Tape block size 0 bytes. Density code 0x60 (no translation)." in said
    assert "Soft error count since last status=0" in said
    assert "General status bits on (41010000):\n BOT ONLINE IM_REP_EN" in said


def test_status_after_writing(drive: Tools) -> None:
    """st writes the filemark when the device is closed, so the tape is behind it."""
    drive.write(NOISE[:3000], 1000)
    assert "(81010000):\n EOF ONLINE IM_REP_EN" in drive.mt("status")
    assert where(drive) == (1, 0, 4)


def test_status_at_the_end_of_data(files: Tools) -> None:
    files.mt("eod")
    assert "(9010000):\n EOD ONLINE IM_REP_EN" in files.mt("status")
    # SPACE to the end of data tells st nothing about blocks.
    assert where(files) == (3, -1, 12)


def test_status_without_a_volume(drive: Tools) -> None:
    """An open that may block waits 120 s for a tape (st's ST_BLOCK_SECONDS); mt status does not.

    Measured: 120 s, then ENOMEDIUM. With O_NONBLOCK the open goes well and the read says it.
    """
    drive.mt("offline")
    said = drive.mt("status")
    assert "(50000):\n DR_OPEN IM_REP_EN" in said
    assert "File number=-1, block number=-1" in said
    assert "No medium found" in drive.fails("dd if=$TAPE of=/dev/null iflag=nonblock")
    drive.mt("load")
    assert drive.flags() == {"BOT", "ONLINE", "IM_REP_EN"}
    assert where(drive) == (0, 0, 0)


@pytest.mark.req(
    "SSC-SPACE-01", "SSC-SPACE-03", "SSC-SPACE-04", "SSC-SPACE-05", "SSC-LOCATE-01", "SSC-LOAD-09"
)
@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        (["fsf 1"], (1, 0, 4)),
        (["fsf 2"], (2, 0, 7)),
        (["fsf 3"], (3, 0, 12)),
        (["fsf 2", "bsf 1"], (1, -1, 6)),
        (["fsf 2", "bsf 2"], (0, -1, 3)),
        (["fsf 2", "bsfm 1"], (2, 0, 7)),
        (["fsf 2", "bsfm 2"], (1, 0, 4)),
        (["fsfm 1"], (0, -1, 3)),
        (["fsfm 2"], (1, -1, 6)),
        (["fsr 2"], (0, 2, 2)),
        (["fsr 2", "bsr 1"], (0, 1, 1)),
        (["fsf 2", "fsr 3", "bsr 3"], (2, 0, 7)),
        (["fsf 2", "fsr 3", "rewind"], (0, 0, 0)),
        (["fsf 1", "eod", "bsf 1", "bsf 1"], (1, -1, 6)),
        (["eod", "bsfm 2", "fsr 1"], (2, 1, 8)),
        (["fsf 2", "retension"], (0, 0, 0)),
        (["asf 2"], (2, 0, 7)),
        (["asf 2", "asf 0"], (0, 0, 0)),
        (["seek 8"], (-1, -1, 8)),
        (["seek 8", "rewind"], (0, 0, 0)),
    ],
)
def test_moving(same_files: Tools, operations: list[str], expected: tuple[int, int, int]) -> None:
    for operation in operations:
        same_files.mt(operation)
    assert where(same_files) == expected


def test_tell_and_seek(same_files: Tools) -> None:
    for number in (9, 0, 4, 12):
        same_files.mt(f"seek {number}")
        assert same_files.mt("tell") == f"At block {number}.\n"
    same_files.mt("seek 8")
    assert same_files.read(1000) == NOISE[1000:4000]


@pytest.mark.req("SSC-SPACE-07", "SSC-SPACE-08", "SSC-SPACE-09")
def test_moving_too_far(same_files: Tools) -> None:
    assert CANNOT_READ in same_files.fails("mt -f $TAPE fsf 4")
    assert same_files.object_number() == 12
    assert "EOD" in same_files.flags()
    assert CANNOT_READ in same_files.fails("mt -f $TAPE bsf 4")
    assert same_files.object_number() == 0
    # Blocks do not go over filemarks.
    assert CANNOT_READ in same_files.fails("mt -f $TAPE fsr 4")
    assert where(same_files) == (1, 0, 4)
    assert CANNOT_READ in same_files.fails("mt -f $TAPE bsr 1")
    assert same_files.object_number() == 3


def test_each_file_is_what_was_written(same_files: Tools) -> None:
    for number, blocks in ((2, 4), (0, 3), (1, 2)):
        same_files.mt("rewind")
        if number:
            same_files.mt(f"fsf {number}")
        assert same_files.read(1000) == NOISE[: blocks * 1000]
        # dd has read the filemark too.
        assert same_files.position() == (number + 1, 0)


@pytest.mark.req("SSC-WFM-01", "SSC-WRITE-13")
def test_filemarks(drive: Tools) -> None:
    drive.mt("weof 3")
    assert where(drive) == (3, 0, 3)
    drive.mt("rewind")
    assert [drive.read(1000) for _ in range(3)] == [b"", b"", b""]
    assert where(drive) == (3, 0, 3)
    drive.mt("rewind")
    drive.mt("fsf 1")
    drive.write(NOISE[:1000], 1000)
    # Writing in the middle has cut off what followed.
    assert where(drive) == (2, 0, 3)
    assert CANNOT_READ in drive.fails("mt -f $TAPE fsf 1")


@pytest.mark.req("SSC-READ-01", "SSC-WRITE-01")
@pytest.mark.parametrize("size", [512, 4096])
def test_fixed_blocks(drive: Tools, size: int) -> None:
    drive.mt(f"setblk {size}")
    assert f"Tape block size {size} bytes." in drive.mt("status")
    drive.write(NOISE[:65536], 32768)
    assert where(drive) == (1, 0, 65536 // size + 1)
    drive.mt("rewind")
    assert drive.read(16384) == NOISE[:65536], "blocks of a read need not be those of a write"
    drive.mt("rewind")
    drive.mt("fsr 3")
    assert where(drive) == (0, 3, 3)
    assert drive.ok("dd if=$TAPE of=read bs=8192 count=1") is not None
    assert (drive.folder / "read").read_bytes() == NOISE[3 * size :][:8192]
    assert drive.object_number() == 3 + 8192 // size


def test_fixed_blocks_want_whole_blocks(drive: Tools) -> None:
    drive.mt("setblk 512")
    assert "Invalid argument" in drive.fails("dd if=/dev/zero of=$TAPE bs=1000 count=1")
    assert drive.object_number() == 0


def test_fixed_blocks_are_read_as_variable_ones(drive: Tools) -> None:
    drive.mt("setblk 512")
    drive.write(NOISE[:4096], 4096)
    drive.mt("rewind")
    drive.mt("setblk 0")
    assert "0+8 records in" in drive.ok("dd if=$TAPE of=read bs=10240")
    assert (drive.folder / "read").read_bytes() == NOISE[:4096]


@pytest.mark.req("SSC-ERASE-01", "SSC-ERASE-02", "SSC-CMD-19")
def test_erase_ends_the_tape_at_the_position(files: Tools) -> None:
    files.mt("fsf 1")
    files.mt("erase")
    assert files.object_number() == 4
    assert CANNOT_READ in files.fails("mt -f $TAPE fsf 1")
    files.mt("rewind")
    assert files.read(1000) == NOISE[:3000]
    files.mt("rewind")
    files.mt("erase 0")
    assert CANNOT_READ in files.fails("dd if=$TAPE of=read bs=1000")


@pytest.mark.req("SSC-LOAD-06", "SSC-SENSE-5-53-02", "SSC-CMD-1E")
def test_lock_and_unlock(drive: Tools) -> None:
    drive.mt("lock")
    assert drive.raw("1b 00 00 00 00 00").sense == "Illegal Request; Medium removal prevented"
    drive.mt("unlock")
    assert drive.raw("1b 00 00 00 00 00").status == 0
    # st unlocks before it unloads.
    drive.mt("load")
    drive.mt("lock")
    drive.mt("offline")
    assert "DR_OPEN" in drive.flags()


@pytest.mark.req("SSC-LOAD-07", "SSC-CMD-1B")
def test_offline_and_load_keep_what_is_written(files: Tools) -> None:
    files.mt("eod")
    files.mt("offline")
    files.mt("load")
    assert where(files) == (0, 0, 0)
    assert files.read(1000) == NOISE[:3000]


def test_compression_of_a_drive_that_has_none(drive: Tools) -> None:
    """Mode page 0Fh says DCC 0, so st does not even try; a rig may say compression = "lz4"."""
    assert CANNOT_READ in drive.fails("mt -f $TAPE compression 1")


@pytest.mark.req("SSC-MODE-R2")
def test_density(drive: Tools) -> None:
    drive.mt("setdensity 0x60")
    assert CANNOT_READ in drive.fails("mt -f $TAPE setdensity 0x58")
    assert "Density code 0x60" in drive.mt("status")
    # Eight of them are LTO's; the table ends with LTO-8.
    said = drive.mt("densities")
    assert all(name in said for name in ("0x58   LTO-5", "0x5a   LTO-6", "0x5e   LTO-8"))


@pytest.mark.req("SSC-MODE-R8")
def test_drive_buffer(drive: Tools) -> None:
    for buffered in (0, 1):
        drive.mt(f"drvbuffer {buffered}")
        assert f"specific param=0x{buffered}0" in drive.ok("sg_modes -p 0x0f $SG")
        drive.write(NOISE[:1000], 1000)
    drive.mt("rewind")
    assert drive.read(1000) == NOISE[:1000]


@pytest.mark.req("SSC-READ-05")
def test_sili_option(drive: Tools) -> None:
    """With it st sends SILI and believes the residual; the data are the same."""
    options = "cat /sys/class/scsi_tape/${TAPE##*/}/options"
    before = int(drive.ok(options), 16)
    drive.mt("stsetoptions sili")
    try:
        assert int(drive.ok(options), 16) == before | 0x4000
        drive.write(NOISE[:2500], 1000)
        drive.mt("rewind")
        assert "0+3 records in" in drive.ok("dd if=$TAPE of=read bs=4096")
        assert (drive.folder / "read").read_bytes() == NOISE[:2500]
        assert where(drive) == (1, 0, 4)
    finally:
        drive.mt("stclearoptions sili")
    assert int(drive.ok(options), 16) == before


def test_two_filemarks_option(drive: Tools) -> None:
    drive.mt("stsetoptions two-fms")
    try:
        drive.write(NOISE[:1000], 1000)
        # st writes two and goes back over one.
        assert drive.object_number() == 2
        drive.mt("eod")
        assert drive.object_number() == 3
    finally:
        drive.mt("stclearoptions two-fms")


def test_partitions_are_refused(drive: Tools) -> None:
    assert "Invalid argument" in drive.fails("mt -f $TAPE setpartition 1")
    assert "Invalid argument" in drive.fails("mt -f $TAPE mkpartition 1")
    assert drive.position() == (0, 0)


def test_one_at_a_time(drive: Tools) -> None:
    said = drive.ok("exec 3<$TAPE; mt -f $TAPE status || true")
    assert "Device or resource busy" in said


def test_the_rewinding_device(files: Tools) -> None:
    rewinding = files.tape.replace("nst", "st")
    files.ok(f"dd if={rewinding} of=read bs=1000")
    assert (files.folder / "read").read_bytes() == NOISE[:3000]
    assert where(files) == (0, 0, 0)

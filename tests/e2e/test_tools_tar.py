"""tar and dd: archives, block sizes, what st says of a block too large, of the end of data."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.e2e.tools import CANNOT_READ, Tools

pytestmark = pytest.mark.guest

RANDOM = random.Random(23)
NOISE = RANDOM.randbytes(4 << 20)
MIB = 1 << 20


@pytest.fixture(scope="module")
def letters(tools: Tools) -> Path:
    """A folder of files of many sizes, in the tools' folder."""
    folder = tools.folder / "letters"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").touch()
    for number, size in enumerate((1, 511, 512, 513, 10_000, 300_001)):
        (folder / f"{number}.bin").write_bytes(RANDOM.randbytes(size))
        (folder / "deep" / "er" / f"{number} copy.bin").write_bytes(RANDOM.randbytes(size))
    (folder / "link").symlink_to("0.bin")
    return folder


def unpacked(tools: Tools, options: str = "") -> None:
    """Read the archive at the position into a new folder and compare it with the letters."""
    tools.ok("rm -rf copy && mkdir copy")
    tools.ok(f"tar -xf $TAPE {options} -C copy")
    tools.ok("diff -r --no-dereference letters copy/letters")


@pytest.mark.parametrize(
    ("factor", "size"), [(1, 512), (20, 10_240), (512, 256 << 10), (2048, MIB)]
)
def test_blocking_factors(drive: Tools, letters: Path, factor: int, size: int) -> None:
    drive.ok(f"tar -b {factor} -cf $TAPE letters")
    blocks = drive.object_number() - 1
    # An archive fills its last record; the factor is the size of every block on tape.
    drive.mt("rewind")
    assert len(drive.raw(f"08 02 {size >> 16:02x} {size >> 8 & 255:02x} 00 00", size).data) == size
    drive.mt("rewind")
    drive.ok(f"tar -b {factor} -df $TAPE")
    assert drive.object_number() == blocks, "tar -d leaves the filemark"
    drive.mt("rewind")
    unpacked(drive, f"-b {factor}")


def test_tar_finds_the_record_size_out(drive: Tools, letters: Path) -> None:
    drive.ok("tar -b 64 -cf $TAPE letters")
    drive.mt("rewind")
    assert "letters/deep/er/0 copy.bin" in drive.ok("tar -b 128 -tf $TAPE")


def test_a_record_larger_than_tar_s_buffer(drive: Tools, letters: Path) -> None:
    drive.ok("tar -b 512 -cf $TAPE letters")
    drive.mt("rewind")
    assert "Cannot read: Cannot allocate memory" in drive.fails("tar -b 20 -tf $TAPE")


def test_compare_finds_a_difference(drive: Tools, letters: Path) -> None:
    drive.ok("tar -cf $TAPE letters")
    other = letters / "deep" / "other"
    other.write_bytes(b"new")
    (letters / "1.bin").rename(letters / "1.old")
    try:
        drive.mt("rewind")
        said = drive.fails("tar -df $TAPE")
        assert "letters/1.bin: Warning: Cannot stat: No such file" in said
    finally:
        (letters / "1.old").rename(letters / "1.bin")
        other.unlink()


def test_several_archives_and_one_more(drive: Tools, letters: Path) -> None:
    names = ["0.bin", "4.bin", "5.bin"]
    for name in names:
        drive.ok(f"tar -cf $TAPE letters/{name}")
    drive.mt("rewind")
    drive.mt("eod")
    drive.ok("tar -cf $TAPE letters")
    # tar stops at its own end mark; the rest of the file is left to mt fsf.
    for number in (3, 0, 2, 1):
        drive.mt("rewind")
        if number:
            drive.mt(f"fsf {number}")
        if number == 3:
            unpacked(drive)
        else:
            name = names[number]
            assert drive.ok("tar -tf $TAPE") == f"letters/{name}\n"
            drive.mt("bsfm 1" if number else "rewind")
            drive.ok(f"tar -xOf $TAPE | cmp - letters/{name}")


def test_an_archive_in_a_pipe(drive: Tools, letters: Path) -> None:
    drive.ok("tar -cf - letters | gzip -1 | dd of=$TAPE bs=64k iflag=fullblock")
    drive.mt("rewind")
    drive.ok("rm -rf copy && mkdir copy && dd if=$TAPE bs=64k | gzip -d | tar -xf - -C copy")
    drive.ok("diff -r --no-dereference letters copy/letters")


# --- dd ---


@pytest.mark.parametrize("size", [1, 100, 4096, 65_536, 65_537, 262_144, MIB - 1, MIB])
def test_variable_blocks(drive: Tools, size: int) -> None:
    blocks = 3
    data = NOISE[: size * blocks]
    drive.write(data, size)
    assert drive.position() == (1, 0)
    drive.mt("rewind")
    assert f"{blocks}+0 records in" in drive.ok(f"dd if=$TAPE of=read bs={size}")
    assert (drive.folder / "read").read_bytes() == data
    assert drive.object_number() == blocks + 1


@pytest.mark.parametrize("size", [512, 4096, 65_536, MIB])
def test_fixed_blocks(drive: Tools, size: int) -> None:
    drive.mt(f"setblk {size}")
    drive.write(NOISE, MIB)
    assert drive.object_number() == len(NOISE) // size + 1
    drive.mt("rewind")
    assert drive.read(MIB) == NOISE


def test_more_than_a_command_carries_in_fixed_blocks(drive: Tools) -> None:
    """One write of 4 MiB; the loopback host takes 1 MiB a command, so st splits it."""
    drive.mt("setblk 512")
    drive.write(NOISE, 4 * MIB)
    assert drive.object_number() == 4 * MIB // 512 + 1
    drive.mt("rewind")
    assert drive.read(4 * MIB) == NOISE


def test_a_variable_block_of_more_than_one_mib(drive: Tools) -> None:
    """The loopback host carries 1 MiB; the drive's own limit of 8 MiB cannot be reached there.

    st answers EBUSY and sends nothing, but it has been opened for writing: closing writes a
    filemark.
    """
    said = drive.fails(f"dd if=/dev/zero of=$TAPE bs={MIB + 1} count=1")
    assert "Device or resource busy" in said
    limits = drive.raw("05 00 00 00 00 00", 6).data
    assert limits == bytes.fromhex("00800000 0001")


def test_the_largest_block(drive: Tools) -> None:
    """8 MiB, where the way carries as much."""
    data = NOISE * 2
    drive.write(data, len(data))
    drive.mt("rewind")
    assert drive.object_number() == 0
    assert drive.read(len(data)) == data
    assert drive.object_number() == 2


def test_a_last_block_that_is_short(drive: Tools) -> None:
    drive.write(NOISE[:100_001], 65_536)
    drive.mt("rewind")
    assert "1+1 records in" in drive.ok("dd if=$TAPE of=read bs=65536")
    assert (drive.folder / "read").read_bytes() == NOISE[:100_001]


def test_blocks_of_many_sizes(drive: Tools) -> None:
    sizes = [RANDOM.randrange(1, 200_000) for _ in range(20)]
    for number, size in enumerate(sizes):
        (drive.folder / f"block{number}").write_bytes(NOISE[number : number + size])
    writes = "; ".join(f"dd if=block{number} bs={MIB} status=none" for number in range(len(sizes)))
    drive.ok(f"( {writes} ) >$TAPE")
    assert drive.object_number() == len(sizes) + 1
    drive.mt("rewind")
    for number, size in enumerate(sizes):
        drive.ok(f"dd if=$TAPE of=read bs={MIB} count=1")
        assert (drive.folder / "read").read_bytes() == NOISE[number : number + size]


def test_a_buffer_that_is_too_small(drive: Tools) -> None:
    """st: ENOMEM, and the tape is behind the block."""
    drive.write(NOISE[:3000], 1000)
    drive.mt("rewind")
    assert "Cannot allocate memory" in drive.fails("dd if=$TAPE of=read bs=999")
    assert drive.position() == (0, 1)
    assert drive.object_number() == 1
    assert drive.read(1000) == NOISE[1000:3000]


def test_reading_past_the_end_of_data(drive: Tools) -> None:
    """Once nothing behind a filemark, then an error each time, and the tape stays."""
    drive.write(NOISE[:1000], 1000)
    drive.mt("rewind")
    assert drive.read(1000) == NOISE[:1000]
    assert drive.read(1000) == b""
    for _ in range(2):
        assert CANNOT_READ in drive.fails("dd if=$TAPE of=read bs=1000")
        assert drive.object_number() == 2
    drive.write(NOISE[1000:2000], 1000)
    drive.mt("rewind")
    drive.mt("fsf 1")
    assert drive.read(1000) == NOISE[1000:2000]


def test_writing_in_the_middle_cuts_off(drive: Tools) -> None:
    for part in range(3):
        drive.write(NOISE[part * 1000 :][:3000], 1000)
    drive.mt("rewind")
    drive.mt("fsf 1")
    drive.mt("fsr 1")
    drive.write(b"x" * 500, 500)
    assert drive.object_number() == 4 + 1 + 1 + 1
    assert CANNOT_READ in drive.fails("mt -f $TAPE fsr 1")
    drive.mt("rewind")
    assert drive.read(1000) == NOISE[:3000]
    assert drive.read(1000) == NOISE[1000:2000] + b"x" * 500


def test_a_tape_as_a_device_with_sg_dd_s_neighbour(drive: Tools) -> None:
    """sg_read is for disks: it sends READ(10), which no tape drive knows, and says so."""
    said = drive.fails("sg_read if=$SG bs=512 count=1")
    assert "Additional sense: Invalid command operation code" in said
    assert "Error in Command: byte 0" in said

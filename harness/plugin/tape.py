"""A tape in a drive as tests see it: blocks, filemarks, positions. Anything else: `Drive.send`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.plugin.errors import CommandFailed

if TYPE_CHECKING:
    from harness.plugin.drive import Drive

__tracebackhide__ = True  # pytest shows the line of the test

LONG = 3600.0
"""Seconds that the tape may move on a physical drive."""
BLOCKS, FILEMARKS, END_OF_DATA = 0, 1, 3
"""CODE of SPACE."""


class Tape:
    """The tape that is in a drive. Blocks are of any length.

    Methods raise CommandFailed, which says in words how the drive ended the command.
    """

    def __init__(self, drive: Drive) -> None:
        self.drive = drive

    def write(self, data: bytes) -> None:
        """A block at the position (WRITE)."""
        self.drive.do("WRITE", _sized(0x0A, len(data)), out=data, timeout=LONG)

    def read(self, size: int = 1 << 18) -> bytes:
        """The next block (READ), b"" for a filemark, which is passed over.

        Raises CommandFailed for a block that is longer than ``size``, and at the end of data
        (8/00/05).
        """
        reply = self.drive.send(_sized(0x08, size), size=size, timeout=LONG)
        if not reply.status:
            return reply.data
        failed = CommandFailed("READ", reply.status, reply.sense)
        sense = failed.sense
        if sense is not None and not sense.code.key and not sense.deferred:
            if sense.filemark:
                return b""
            residue = sense.information or 0
            if sense.ili and residue > 0:
                return reply.data[: size - residue]
            if sense.ili:
                raise CommandFailed(
                    f"READ of {size} bytes from a block of {size - residue}",
                    reply.status,
                    reply.sense,
                )
        raise failed

    def filemark(self, count: int = 1) -> None:
        """Filemarks (WRITE FILEMARKS); what was written before them is durable after that. 0 of
        them do so, too."""
        self.drive.do("WRITE FILEMARKS", _sized(0x10, count, 0), timeout=LONG)

    def rewind(self) -> None:
        """To the beginning (REWIND)."""
        self.drive.do("REWIND", bytes((0x01, 0, 0, 0, 0, 0)), timeout=LONG)

    def space(self, blocks: int = 0, filemarks: int = 0) -> None:
        """Over blocks, then over filemarks, forward or, where negative, backward (SPACE)."""
        for code, count in ((BLOCKS, blocks), (FILEMARKS, filemarks)):
            if count:
                self.drive.do("SPACE", _sized(0x11, count & 0xFFFFFF, code), timeout=LONG)

    def end(self) -> None:
        """To the end of data (SPACE)."""
        self.drive.do("SPACE", _sized(0x11, 0, END_OF_DATA), timeout=LONG)

    def locate(self, number: int) -> None:
        """To a block or filemark by its number in the partition (LOCATE)."""
        cdb = bytes((0x2B, 0, 0)) + number.to_bytes(4, "big") + bytes(3)
        self.drive.do("LOCATE", cdb, timeout=LONG)

    @property
    def position(self) -> int:
        """The number of the next block or filemark (READ POSITION)."""
        data = self.drive.do("READ POSITION", bytes((0x34,)) + bytes(9), size=20)
        return int.from_bytes(data[4:8], "big")

    def erase(self) -> None:
        """Nothing is recorded from the position on (ERASE with LONG 0)."""
        self.drive.do("ERASE", bytes((0x19, 0, 0, 0, 0, 0)), timeout=LONG)


def blank(drive: Drive) -> Tape:
    """A blank tape at its beginning in the drive, put there if the drive is empty."""
    drive.rig.load(drive)
    return Tape(drive)


def _sized(opcode: int, length: int, flags: int = 0) -> bytes:
    """A 6-byte CDB with a length of 3 bytes."""
    return bytes((opcode, flags)) + length.to_bytes(3, "big") + b"\0"

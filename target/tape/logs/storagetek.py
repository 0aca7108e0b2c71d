"""StorageTek's log pages: 0Ch, 17h, 3Ah, 3Ch (Oracle T10000 Interface Reference Manual, tables 3-37
to 3-44). Of 3Ah and 3Ch the part that is told here is what public copies of the manual show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from target.scsi.log import LogPage, Reset
from target.tape.logs.rows import MOUNT, counter, kept, left, none, number, tallied, used, volume
from target.tape.logs.volume import records, used_megabytes

if TYPE_CHECKING:
    from target.tape.drive import Drive

_BLOCK = 4096

SEQUENTIAL = LogPage(
    0x0C,
    "sequential-access device",
    (
        counter(0x0000, 8, lambda d: d.counters.host_written),
        counter(0x0001, 8, lambda d: d.counters.medium_written),
        counter(0x0002, 8, lambda d: d.counters.medium_read),
        counter(0x0003, 8, lambda d: d.counters.host_read),
        kept(0x0100, 4, lambda d: any(d.cleaning().values())),
        kept(0x8000, 4, volume(lambda d: _room_ahead(d) // _BLOCK)),
    ),
    subject=tallied,
    resets=MOUNT,
)

VOLUME_STATISTICS = LogPage(
    0x17, "volume statistics", (number(0x0203, 0, records(4, used_megabytes)),), subject=tallied
)


def _room_ahead(drive: Drive) -> int:
    """Bytes of the partition behind the position."""
    which = drive.partition_number
    return left(drive, which) + used(drive, which) - drive.behind()


_COUNTS: dict[int, Callable[[Drive], int]] = {
    0x0204: lambda d: d.counters.write_errors + d.counters.read_errors,
    0x0300: lambda d: d.counters.host_read,
    0x0301: lambda d: d.counters.medium_read,
    0x0302: lambda d: d.counters.host_written,
    0x0303: lambda d: d.counters.medium_written,
    0x0304: lambda d: d.counters.blocks_read,
}
"""Permanent errors; bytes and blocks of the channel, and of the tape."""


def _statistics(code: int, retries: tuple[int, ...]) -> LogPage:
    """Data checks and retries (``retries``, none of which happen), errors, and what was moved."""
    rows = [counter(parameter, 4, none) for parameter in (*retries, *range(0x0200, 0x0204))]
    for parameter, count in _COUNTS.items():
        rows.append(counter(parameter, 4 if parameter < 0x0300 else 8, count))
    return LogPage(code, "drive statistics", tuple(rows), resets=Reset.SELECT)


STATISTICS_A = _statistics(0x3A, tuple(range(0x0100, 0x0113)))
"""T10000A and T10000B."""
STATISTICS_C = _statistics(0x3C, (*range(0x0100, 0x010F), 0x0110, 0x0111, 0x0112, 0x0114, 0x0115))
"""T10000C."""

"""Log pages of LTO drives' makers: 33h to 35h, 37h to 39h, 3Bh, 3Dh, 3Eh.

IBM's are as LTO-7 and LTO-9 drives of its make send them, HP's as its LTO-6 reference has them.
What wears out, is retried or goes wrong on the way to the host is zero here, or at its best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.scsi.layout import Layout
from target.scsi.log import LogPage, Parameter, Reset
from target.tape.logs.errors import entry
from target.tape.logs.rows import (
    KIB,
    MB,
    MOUNT,
    Value,
    capacity,
    counter,
    data_sets,
    fixed,
    info,
    kept,
    left,
    none,
    number,
    tallied,
    used,
    volume,
)
from target.tape.tape_alert import Flag

if TYPE_CHECKING:
    from target.tape.drive import Drive

# --- errors --------------------------------------------------------------------------------------

SINCE_READ = Reset.SELECT | Reset.SENSE | Reset.LOAD
WRITE_ERRORS_IBM = LogPage(
    0x33,
    "write errors",
    tuple(counter(code, 2, none) for code in range(0x12)),
    resets=SINCE_READ,
)
READ_ERRORS_IBM = LogPage(
    0x34,
    "read forward errors",
    tuple(counter(code, 2, none) for code in range(0x1F)),
    resets=SINCE_READ,
)

WELLNESS = Layout("0-3 time, 4-7 volume, 8.3-0 key, 9 asc, 10 ascq", 12)
_WELLNESS = 16


def _wellness(which: int) -> Value:
    """Seconds with power, a number that tells cartridges apart, sense; zeros without an error."""

    def value(drive: Drive) -> bytes:
        found = entry(which)(drive)
        if found is None:
            return bytes(WELLNESS.size)
        label = int.from_bytes(found.volume.encode()[:6], "big") & 0xFFFFFFFF
        fields = {"key": found.key, "asc": found.asc, "ascq": found.ascq, "volume": label}
        return bytes(WELLNESS.encode({**fields, "time": found.time // 1000 & 0xFFFFFFFF}))

    return value


WELLNESS_HP = LogPage(
    0x33,
    "device wellness",
    tuple(number(which, WELLNESS.size, _wellness(which)) for which in range(_WELLNESS)),
)

HARDWARE_ERROR = Layout(
    """0.3-0  key
    1        asc
    2        ascq
    3-4      error
    5-12     host
    13-14    power_cycles
    15-18    seconds
    19       hour
    20       minute
    21       second""",
    22,
)
_HARDWARE = 0x4


def _hardware(drive: Drive) -> bytes:
    """The last hardware error; zeros if there was none. No library tells the time of day."""
    for found in drive.diagnostic_data():
        if found.key == _HARDWARE:
            fields = {"key": found.key, "asc": found.asc, "ascq": found.ascq}
            fields["power_cycles"] = drive.lifetime.power_cycles & 0xFFFF
            fields["seconds"] = found.time // 1000 & 0xFFFFFFFF
            return bytes(HARDWARE_ERROR.encode({**fields, "error": found.fsc}))
    return bytes(HARDWARE_ERROR.size)


DEVICE_ERRORS_HP = LogPage(0x35, "DT device errors", (number(0, HARDWARE_ERROR.size, _hardware),))


def _interface(code: int, name: str) -> LogPage:
    """IBM's page of a host port: five counters of two bytes, and one of four."""
    rows = [counter(parameter, 2, none) for parameter in (0x0000, 0x0007, 0x0008, 0x0009, 0x000A)]
    return LogPage(code, name, (*rows, counter(0x0010, 4, none)), resets=Reset.SELECT)


PORT_0_ERRORS_IBM = _interface(0x39, "host port 0 interface errors")
PORT_1_ERRORS_IBM = _interface(0x3B, "host port 1 interface errors")

# --- use, of IBM's -------------------------------------------------------------------------------

BEST, UNKNOWN = 0x01, 0x00
"""An efficiency: from 01h, the best, to FFh, the worst; 00h where nobody knows."""

PERFORMANCE = LogPage(
    0x37,
    "performance characteristics",
    (
        # Efficiency of drive and medium, of ports 0 and 1, of the library's interface.
        kept(0x0000, 1, lambda d: BEST),
        kept(0x0001, 1, lambda d: BEST if d.loaded else UNKNOWN),
        kept(0x0010, 1, lambda d: BEST),
        kept(0x0011, 1, lambda d: UNKNOWN),
        kept(0x0012, 1, lambda d: UNKNOWN),
        kept(0x001A, 1, lambda d: UNKNOWN),
    ),
)
"""Nothing wears out here, so what is known is at its best (Oracle StorageTek Tape Analytics,
"IBM Drive Efficiency"; LTFS reads 0001h)."""


# Repositions per 100 MB; MB/s into the buffer, most, present and native (HP LTO-6, vol. 3).
PERFORMANCE_HP = LogPage(
    0x34,
    "performance data",
    (
        kept(0x0000, 2, none),
        kept(0x0001, 2, none),
        kept(0x0002, 2, lambda d: int(d.times.rate)),
        kept(0x0003, 2, none),
        kept(0x0004, 2, lambda d: int(d.times.rate)),
    ),
)
"""Nothing is repositioned; data rates of the moment are 0, for nothing moves while this is read."""


def _whole(drive: Drive) -> int:
    assert drive.cartridge is not None
    return sum(capacity(drive, which) for which in range(drive.partitions))


def _free(drive: Drive) -> int:
    return sum(left(drive, which) for which in range(drive.partitions))


def _fraction(taken: int, whole: int) -> int:
    """In 255ths."""
    return 255 * taken // whole if whole else 0


def _amount(code: int, name: str) -> tuple[Parameter, Parameter]:
    """Data sets, and KiB."""
    return (
        counter(code, 4, lambda d: data_sets(d, getattr(d.counters, name))),
        counter(code + 1, 6, lambda d: getattr(d.counters, name) // KIB),
    )


TRANSFERRED = LogPage(
    0x38,
    "blocks and bytes transferred",
    (
        # Blocks that came from hosts and that were carried out, that went to hosts likewise.
        counter(0x0000, 8, lambda d: d.counters.blocks_written),
        counter(0x0001, 8, lambda d: d.counters.blocks_written),
        counter(0x0002, 8, lambda d: d.counters.blocks_read),
        counter(0x0003, 8, lambda d: d.counters.blocks_read),
        # Data sets and KiB that were written to and read from tape, processed and transferred.
        *_amount(0x0004, "medium_written"),
        *_amount(0x0006, "medium_read"),
        *_amount(0x0008, "medium_written"),
        *_amount(0x000A, "medium_read"),
        # KiB of the partition and of the volume, how much of them is used, what is left.
        kept(0x000C, 8, volume(lambda d: capacity(d, d.partition_number) // KIB)),
        kept(
            0x000D,
            1,
            volume(lambda d: _fraction(used(d, d.partition_number), d.partition.capacity)),
        ),
        kept(0x000E, 8, volume(lambda d: _whole(d) // KIB)),
        kept(0x000F, 1, volume(lambda d: _fraction(_whole(d) - _free(d), _whole(d)))),
        kept(0x0010, 8, volume(lambda d: _free(d) // KIB)),
        kept(0x0011, 8, volume(lambda d: left(d, d.partition_number) // KIB)),
        # Who wrote the data set that was read last: not known.
        number(0x0100, 26, lambda d: bytes(26)),
    ),
    resets=MOUNT,
)
"""As IBM's LTO-7 and LTO-9 drives send it; what the parameters are is told by their values."""


SUBSYSTEM = LogPage(
    0x3D,
    "subsystem statistics",
    (
        kept(0x0020, 4, info("loads")),
        kept(0x0021, 8, lambda d: info("bytes_written")(d) // MB),
        kept(0x0022, 8, lambda d: info("bytes_read")(d) // MB),
        kept(0x0040, 4, lambda d: d.lifetime.load_cycles),
        kept(0x0041, 8, lambda d: d.lifetime.bytes_written // MB),
        kept(0x0042, 8, lambda d: d.lifetime.bytes_read // MB),
    ),
    subject=tallied,
)
"""Loads and megabytes over the life of the volume and of the drive: of what IBM's page has, the
part whose meaning its values tell."""

# --- LTO drives' device status -----------------------------------------------------------------

STATUS = Layout(
    """0.2    cleaning_required
    0.1      cleaning_requested
    0.0      cleaning_exhausted
    1.3-2    temperature
    1.1-0    device
    2.1-0    medium""",
    4,
)
OK, DEGRADED, FAILED = 1, 2, 3


def _status(drive: Drive) -> bytes:
    """The drive and its temperature are well; the medium as TapeAlert has it (0 without one)."""
    active = drive.alerts.active
    medium = FAILED if active & {Flag.READ_FAILURE, Flag.WRITE_FAILURE, Flag.MEDIUM} else OK
    return bytes(
        STATUS.encode(
            cleaning_required=Flag.CLEAN_NOW in active,
            cleaning_requested=Flag.CLEAN_PERIODIC in active,
            cleaning_exhausted=Flag.EXPIRED_CLEANING in active,
            temperature=OK,
            device=OK,
            medium=medium if drive.loaded else 0,
        )
    )


DEVICE_STATUS = LogPage(
    0x3E,
    "device status",
    (
        kept(0x0000, 4, none),
        number(0x0001, STATUS.size, _status),
        kept(0x0002, 4, lambda d: d.lifetime.load_cycles),
        fixed(0x0003, 4, lambda d: Flag.CLEANING_MEDIA in d.alerts.active),
        fixed(0x0004, 4, none),
    ),
    listed=False,
)
"""HP's; IBM's LTO drives answer to it and do not list it. The product number is not known."""

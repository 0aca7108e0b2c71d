"""Log pages of errors: 02h, 03h, 06h, 10h, 16h, and makers' 33h to 35h, 39h, 3Bh.

What a drive recovers by itself is zero here (see `target.tape.counters`), and so are errors of
the servo, of the interface and of the drive's own memory: none of them can happen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from target.scsi import diagnostics
from target.scsi.command import Nexus
from target.scsi.layout import Layout
from target.scsi.log import BINARY_LIST, LogPage, Parameter, Reset
from target.tape.logs.rows import MOUNT, Value, counter, none, number
from target.tape.reporting import KEPT, Entry

if TYPE_CHECKING:
    from target.tape.drive import Drive


def _counters(processed: Value, uncorrected: Value, own: int) -> tuple[Parameter, ...]:
    """Parameters 0000h to 0006h of an error counter page (SPC-4 7.3.8), and IBM's ``own``."""
    corrected = tuple(counter(code, 4, none) for code in range(5))
    makers = (counter(0x8000, 8, none), counter(0x8001, 4, none))
    return (*corrected, counter(5, 8, processed), counter(6, 4, uncorrected), *makers[:own])


WRITE_ERRORS = LogPage(
    0x02,
    "write error counters",
    _counters(lambda d: d.counters.medium_written, lambda d: d.counters.write_errors, 2),
    resets=MOUNT,
)
READ_ERRORS = LogPage(
    0x03,
    "read error counters",
    _counters(lambda d: d.counters.medium_read, lambda d: d.counters.read_errors, 1),
    resets=MOUNT,
)
OTHER_ERRORS = LogPage(
    0x06,
    "non-medium errors",
    (counter(0, 4, lambda d: d.counters.other_errors),),
    resets=Reset.SELECT,
)

# --- self-tests --------------------------------------------------------------------------------

SELF_TEST = Layout(
    """0.7-5  code
    0.3-0    result
    1        number
    2-3      hours
    4-11     address
    12.3-0   key
    13       asc
    14       ascq""",
    16,
)


def _self_test(number: int) -> Value:
    """The result of the last test but so many; zeros if there was none (SPC-4 7.3.19)."""

    def value(drive: Drive) -> bytes:
        found = diagnostics.self_tests(drive)[number : number + 1]
        data = bytes(SELF_TEST.size)
        for test in found:
            fields = {**test._asdict(), "hours": min(test.hours, 0xFFFF)}
            data = bytes(SELF_TEST.encode({**fields, "address": (1 << 64) - 1}))
        return data

    return value


SELF_TESTS = LogPage(
    0x10,
    "self-test results",
    tuple(
        Parameter(which + 1, SELF_TEST.size, _self_test(which), BINARY_LIST)
        for which in range(diagnostics.KEPT)
    ),
)

# --- tape diagnostic data ----------------------------------------------------------------------

DIAGNOSTIC = Layout(
    """2      density
    3        medium_type
    4-7      hours
    9.7      repeated
    9.3-0    key
    10       asc
    11       ascq
    12-15    vendor
    16-19    revision
    20-23    hours_since_clean
    24       opcode
    25.4-0   action
    28-59    volume
    60.2-0   origin
    62-67    time""",
    68,
)


def _entry(which: int) -> Callable[[Drive], Entry | None]:
    def value(drive: Drive) -> Entry | None:
        return next(iter(drive.diagnostic_data()[which : which + 1]), None)

    return value


def _diagnostic(which: int) -> Value:
    def value(drive: Drive) -> bytes | None:
        entry = _entry(which)(drive)
        if entry is None:
            return None
        fields = entry._asdict()
        fields["vendor"] = fields.pop("fsc") << 16
        for name in ("volume", "revision"):
            fields[name] = fields[name].encode()
        return bytes(DIAGNOSTIC.encode(fields))

    return value


def _diagnostics_read(drive: Drive, nexus: Nexus) -> None:
    drive.diagnostic_data_read(nexus)


DIAGNOSTIC_DATA = LogPage(
    0x16,
    "tape diagnostic data",
    tuple(number(which, DIAGNOSTIC.size, _diagnostic(which)) for which in range(KEPT)),
    read=_diagnostics_read,
)
"""An entry for each error, the latest first, as in the dumps of LTO drives (SSC-4 8.2.7)."""

# --- makers' own -------------------------------------------------------------------------------

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
        entry = _entry(which)(drive)
        if entry is None:
            return bytes(WELLNESS.size)
        volume = int.from_bytes(entry.volume.encode()[:6], "big") & 0xFFFFFFFF
        fields = {"key": entry.key, "asc": entry.asc, "ascq": entry.ascq, "volume": volume}
        return bytes(WELLNESS.encode({**fields, "time": entry.time // 1000 & 0xFFFFFFFF}))

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
    for entry in drive.diagnostic_data():
        if entry.key == _HARDWARE:
            fields = {"key": entry.key, "asc": entry.asc, "ascq": entry.ascq}
            fields["power_cycles"] = drive.lifetime.power_cycles & 0xFFFF
            fields["seconds"] = entry.time // 1000 & 0xFFFFFFFF
            return bytes(HARDWARE_ERROR.encode({**fields, "error": entry.fsc}))
    return bytes(HARDWARE_ERROR.size)


DEVICE_ERRORS_HP = LogPage(0x35, "DT device errors", (number(0, HARDWARE_ERROR.size, _hardware),))


def _interface(code: int, name: str) -> LogPage:
    """IBM's page of a host port: five counters of two bytes, and one of four."""
    rows = [counter(parameter, 2, none) for parameter in (0x0000, 0x0007, 0x0008, 0x0009, 0x000A)]
    return LogPage(code, name, (*rows, counter(0x0010, 4, none)), resets=Reset.SELECT)


PORT_0_ERRORS_IBM = _interface(0x39, "host port 0 interface errors")
PORT_1_ERRORS_IBM = _interface(0x3B, "host port 1 interface errors")

"""Log pages of errors: 02h, 03h, 06h, 10h, 16h.

What a drive recovers by itself is zero here, see `target.tape.counters`.
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


def entry(which: int) -> Callable[[Drive], Entry | None]:
    """The last entry of diagnostic data but so many."""

    def value(drive: Drive) -> Entry | None:
        return next(iter(drive.diagnostic_data()[which : which + 1]), None)

    return value


def _diagnostic(which: int) -> Value:
    def value(drive: Drive) -> bytes | None:
        found = entry(which)(drive)
        if found is None:
            return None
        fields = found._asdict()
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

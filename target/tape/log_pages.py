"""The log pages of an LTO drive: which parameters, and where each value comes from (SSC-4 8.2).

Counters are true of this drive; what a virtual drive cannot have (retries, corrected errors) is
zero. Parameter numbers as `sg_logs` and the drives' published references name them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from target.scsi.command import Nexus
from target.scsi.log import ASCII_LIST, COUNTER, LogPage, Parameter

if TYPE_CHECKING:
    from target.tape.drive import Drive

Value = Callable[["Drive"], int | bytes]
_MB = 10**6
_NONE = b"\xff" * 6


def _errors(bytes_done: Value, uncorrected: Value) -> tuple[Parameter, ...]:
    """The parameters that pages 02h and 03h share."""
    zero: Value = lambda drive: 0  # noqa: E731  # one value for five rows
    values = (zero, zero, zero, zero, zero, bytes_done, uncorrected)
    return tuple(
        Parameter(code, 8 if code == 5 else 4, value, COUNTER) for code, value in enumerate(values)
    )


def _status_bits(drive: Drive) -> bytes:
    """Very high frequency data: prevent, MAM, compression, write protect; medium; keys."""
    prevented = any(state.removal_prevented for state in drive.nexuses.values())
    present = drive.cartridge is not None
    protected = present and drive.cartridge is not None and drive.cartridge.write_protect
    compressing = bool(drive.modes[0x0F]["dce"])
    first = prevented << 7 | present << 5 | compressing << 4 | protected << 3 | 1
    second = present << 4 | drive.loaded << 2 | drive.loaded << 1 | drive.loaded
    keyed = drive.parameters.shared is not None and drive.parameters.shared.active
    return bytes((first, second, 0, keyed << 4))


def _partition_record(value: int | bytes, size: int = 4) -> bytes:
    """One record of page 17h parameters 0200h and up: length, partition 0, value."""
    body = (
        value if isinstance(value, bytes) else min(value, (1 << 8 * size) - 1).to_bytes(size, "big")
    )
    return bytes((len(body) + 3, 0, 0, 0)) + body


def _first_encrypted(drive: Drive) -> bytes:
    first = drive.first_encrypted() if drive.loaded else None
    return _partition_record(_NONE if first is None else first, 6)


def _volume(get: Callable[[Drive], int], per_partition: bool = False) -> Value:
    """A value of the loaded volume, zero without one."""

    def value(drive: Drive) -> int | bytes:
        number = get(drive) if drive.loaded else 0
        return _partition_record(number) if per_partition else number

    return value


def _info(drive: Drive, name: str) -> int:
    assert drive.cartridge is not None
    return int(drive.cartridge.info[name])


def _capacity(drive: Drive) -> int:
    assert drive.cartridge is not None
    return drive.cartridge.capacity


def _used(drive: Drive) -> int:
    return drive.partition.capacity - drive.remaining


def _barcode(drive: Drive) -> bytes:
    return (drive.cartridge.barcode if drive.cartridge else "").encode().ljust(32)


def _alert(flag: int) -> Parameter:
    """A TapeAlert flag, looked up among those that a nexus has not read yet."""
    return Parameter(flag, 1, lambda unread: flag in unread)


def _alerts_unread(drive: Drive, nexus: Nexus) -> set[int]:
    return drive.alerts.unread(nexus)


def _alerts_read(drive: Drive, nexus: Nexus) -> None:
    drive.alerts.read(nexus)


PAGES = (
    LogPage(
        0x02,
        "write error counters",
        _errors(lambda d: d.counters.medium_written, lambda d: d.counters.write_errors),
    ),
    LogPage(
        0x03,
        "read error counters",
        _errors(lambda d: d.counters.medium_read, lambda d: d.counters.read_errors),
    ),
    LogPage(
        0x0C,
        "sequential-access device",
        (
            Parameter(0x0000, 8, lambda d: d.counters.host_written, COUNTER),
            Parameter(0x0001, 8, lambda d: d.counters.medium_written, COUNTER),
            Parameter(0x0002, 8, lambda d: d.counters.medium_read, COUNTER),
            Parameter(0x0003, 8, lambda d: d.counters.host_read, COUNTER),
            Parameter(0x0100, 8, lambda d: 0, COUNTER),
            # Vendor parameters of LTO drives: MB since cleaning, load cycles, clean cycles.
            Parameter(0x8000, 4, lambda d: d.lifetime.bytes_since_clean // _MB, COUNTER),
            Parameter(0x8001, 4, lambda d: d.lifetime.load_cycles, COUNTER),
            Parameter(0x8002, 4, lambda d: 0, COUNTER),
        ),
    ),
    LogPage(
        0x11,
        "DT device status",
        (Parameter(0x0000, 4, _status_bits), Parameter(0x0001, 2, lambda d: 1000)),
    ),
    LogPage(
        0x17,
        "volume statistics",
        (
            Parameter(0x0000, 1, lambda d: d.loaded),
            Parameter(0x0001, 4, _volume(lambda d: _info(d, "loads"))),
            Parameter(0x0003, 4, lambda d: 0),
            Parameter(0x0004, 2, lambda d: d.counters.write_errors),
            Parameter(0x0008, 4, lambda d: 0),
            Parameter(0x0009, 2, lambda d: d.counters.read_errors),
            Parameter(0x0010, 8, _volume(lambda d: _info(d, "bytes_written") // _MB)),
            Parameter(0x0011, 8, _volume(lambda d: _info(d, "bytes_read") // _MB)),
            Parameter(0x0016, 4, _volume(lambda d: _capacity(d) // _MB)),
            Parameter(0x0017, 4, _volume(lambda d: _used(d) // _MB)),
            Parameter(0x0042, 32, _barcode, ASCII_LIST),
            Parameter(
                0x0045,
                9,
                lambda d: d.density.name.replace("LTO", "Ultrium").encode().ljust(9),
                ASCII_LIST,
            ),
            Parameter(0x0080, 1, lambda d: bool(d.mode_header()[1] & 0x80)),
            Parameter(0x0081, 1, lambda d: 0),
            Parameter(0x0200, 10, _first_encrypted),
            Parameter(0x0202, 8, _volume(lambda d: _capacity(d) // _MB, per_partition=True)),
            Parameter(0x0203, 8, _volume(lambda d: _used(d) // _MB, per_partition=True)),
            Parameter(0x0204, 8, _volume(lambda d: max(0, d.remaining) // _MB, per_partition=True)),
        ),
    ),
    LogPage(
        0x2E,
        "TapeAlert",
        tuple(_alert(flag) for flag in range(1, 65)),
        subject=_alerts_unread,
        read=_alerts_read,
    ),
)
"""Ascending by page code."""

"""Short names for the rows of the log pages, and values that several of them need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from target.scsi.command import Nexus
from target.scsi.log import ASCII_LIST, BINARY_LIST, COUNTER, DS, DU, Parameter, Reset
from target.tape import mam
from target.tape.mam_table import ATTRIBUTES

if TYPE_CHECKING:
    from target.tape.drive import Drive

Value = Callable[["Drive"], int | bytes | None]

MB = 10**6
MIB = 1 << 20
KIB = 1 << 10
HOUR = 3600

MOUNT = Reset.SELECT | Reset.LOAD
"""What resets a counter of one mount."""


def counter(
    code: int, size: int, value: Callable[[Any], Any], resets: Reset | None = None
) -> Parameter:
    """What counts. Nothing of a log is saved: DS is set, as in IBM's drives."""
    return Parameter(code, size, value, DS | COUNTER, resets=resets)


def kept(code: int, size: int, value: Callable[[Any], Any]) -> Parameter:
    """A counter that nothing resets: of the drive's life, or a state that has a number."""
    return Parameter(code, size, value, DS | COUNTER, resets=Reset.NONE)


def fixed(code: int, size: int, value: Callable[[Any], Any]) -> Parameter:
    """A number in a counter's format that the drive does not count (DU)."""
    return Parameter(code, size, value, DU | DS | COUNTER)


def number(code: int, size: int, value: Callable[[Any], Any]) -> Parameter:
    """A number, or a structure, in a list."""
    return Parameter(code, size, value, DS | BINARY_LIST)


def text(code: int, size: int, value: Callable[[Any], Any]) -> Parameter:
    """Text, padded with spaces."""
    return Parameter(code, size, value, DS | ASCII_LIST)


def none(_: object) -> int:
    """The value of what does not happen here: see `target.tape.counters`."""
    return 0


def tallied(drive: Drive, nexus: Nexus) -> Drive:
    """What a page is read from whose numbers are those of a life: settled before."""
    drive.tally()
    return drive


# --- the volume --------------------------------------------------------------------------------


def volume(get: Callable[[Drive], int]) -> Callable[[Drive], int]:
    """A number of the loaded volume, 0 without one."""
    return lambda drive: max(0, get(drive)) if drive.loaded else 0


def info(name: str) -> Callable[[Drive], int]:
    """A number that the cartridge keeps."""

    def get(drive: Drive) -> int:
        assert drive.cartridge is not None
        return int(drive.cartridge.info[name])

    return volume(get)


def attribute(drive: Drive, identifier: int, partition: int = 0) -> bytes:
    """What the cartridge's memory has, whether or not the model shows it; nothing without one."""
    if not drive.loaded or drive.cartridge is None:
        return b""
    row = _ATTRIBUTES[identifier]
    return row.encode(mam.Memory(drive, drive.cartridge, partition)) or b""


_ATTRIBUTES = {row.id: row for row in ATTRIBUTES}


def capacity(drive: Drive, partition: int) -> int:
    """Bytes of a partition of the loaded volume."""
    assert drive.cartridge is not None
    return drive.cartridge.partitions[partition].capacity


def left(drive: Drive, partition: int) -> int:
    """Bytes of it that are free."""
    assert drive.cartridge is not None
    return max(0, drive.cartridge.partitions[partition].remaining)


def used(drive: Drive, partition: int) -> int:
    """Bytes of it that are taken."""
    return capacity(drive, partition) - left(drive, partition)


DATA_SETS = {
    "LTO-1": 403_884, "LTO-2": 403_884, "LTO-3": 1_616_940, "LTO-4": 1_616_940,
    "LTO-5": 2_472_000, "LTO-6": 2_472_000, "LTO-7": 5_031_000, "LTO-M8": 5_031_000,
    "LTO-8": 5_031_000, "LTO-9": 9_805_000, "LTO-10": 9_805_000, "LTO-10P": 9_805_000,
}  # fmt: skip
"""Bytes of the host's data in a data set, by format: ECMA-319 for LTO-1; for LTO-5 to LTO-9 what
drives make of it who count both megabytes and data sets; the others are estimates. Of a format
that is not here a data set is 10**6 bytes."""


def data_sets(drive: Drive, stored: int) -> int:
    """How many data sets that many stored bytes are, the last one begun."""
    return -(-stored // DATA_SETS.get(drive.density.name, MB))


# --- the drive's port --------------------------------------------------------------------------

_PORT_NAME = 0x13
"""ASSOCIATION 01b, target port, and DESIGNATOR TYPE 3h, NAA."""


def protocol(drive: Drive) -> int:
    """PROTOCOL IDENTIFIER of the primary port (SPC-4 7.6.1)."""
    return drive.persistent.capabilities.protocol


def port_address(drive: Drive) -> int:
    """The port's own name, from the identification VPD page; 0 where that has none."""
    page, at = drive.vpd_pages.get(0x83, b""), 0
    while at + 4 <= len(page):
        if page[at + 1] & 0x3F == _PORT_NAME:
            return int.from_bytes(page[at + 4 : at + 4 + page[at + 3]], "big")
        at += 4 + page[at + 3]
    return 0

"""TapeAlert: flags that are raised by conditions and read by each nexus by itself (SSC-4 4.2.20).

A flag is active from the condition that raises it until one that clears it, and unread by a nexus
until that nexus has read it; what a nexus sees is both. A nexus that the drive does not know yet
has read nothing. Loss of power clears all; a reset none. Names and severities: SSC-4 annex A;
49 and 61 are those of LTO drives (IBM LTO SCSI Reference 6.4.18).

A flag that is never raised here is one of a thing that a drive without mechanism, fan and wear
does not have. A test (mode page 1Ch) raises any of them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from target.scsi import sense as s
from target.scsi.command import Nexus
from target.scsi.sense import Code


class Severity(enum.Enum):
    """How bad it is."""

    CRITICAL = "C"
    WARNING = "W"
    INFORMATION = "I"


class Clears(enum.Flag):
    """What clears a flag, beside LOG SELECT and loss of power."""

    NONE = 0
    LOAD = enum.auto()
    """A cartridge is loaded: the flag spoke of the last one, or of its load."""
    CLEAN = enum.auto()
    """A cleaning cartridge has cleaned."""
    DOWNLOAD = enum.auto()
    """Microcode was taken."""
    TEST = enum.auto()
    """A self-test passed."""


class Alert(NamedTuple):
    """One flag."""

    number: int
    name: str
    severity: Severity
    clears: Clears = Clears.NONE
    raised: bool = False
    """Whether this drive can come into the condition."""


_C, _W, _I = Severity.CRITICAL, Severity.WARNING, Severity.INFORMATION
_LOAD, _CLEAN = Clears.LOAD, Clears.CLEAN

ALERTS = (
    Alert(0x01, "read warning", _W, _LOAD),
    Alert(0x02, "write warning", _W, _LOAD),
    Alert(0x03, "hard error", _W, _LOAD, raised=True),
    Alert(0x04, "medium", _C, _LOAD, raised=True),
    Alert(0x05, "read failure", _C, _LOAD, raised=True),
    Alert(0x06, "write failure", _C, _LOAD, raised=True),
    Alert(0x07, "medium life", _W, _LOAD),
    Alert(0x08, "not data grade", _W, _LOAD),
    Alert(0x09, "write protect", _C, _LOAD, raised=True),
    Alert(0x0A, "volume removal prevented", _I, _LOAD, raised=True),
    Alert(0x0B, "cleaning volume", _I, _LOAD, raised=True),
    Alert(0x0C, "unsupported format", _I, _LOAD, raised=True),
    Alert(0x0D, "recoverable mechanical cartridge failure", _C, _LOAD),
    Alert(0x0E, "unrecoverable mechanical cartridge failure", _C, _LOAD, raised=True),
    Alert(0x0F, "memory chip in cartridge failure", _W, _LOAD, raised=True),
    Alert(0x10, "forced eject", _C, _LOAD, raised=True),
    Alert(0x11, "read-only format", _W, _LOAD, raised=True),
    Alert(0x12, "tape directory corrupted on load", _W, _LOAD, raised=True),
    Alert(0x13, "nearing medium life", _I, _LOAD),
    Alert(0x14, "cleaning required", _C, _CLEAN, raised=True),
    Alert(0x15, "cleaning requested", _W, _CLEAN, raised=True),
    Alert(0x16, "expired cleaning volume", _C, _LOAD, raised=True),
    Alert(0x17, "invalid cleaning volume", _C, _LOAD, raised=True),
    Alert(0x18, "retension requested", _W),
    Alert(0x19, "multi-port interface error on a primary port", _W),
    Alert(0x1A, "cooling fan failure", _W),
    Alert(0x1B, "power supply failure", _W),
    Alert(0x1C, "power consumption", _W),
    Alert(0x1D, "drive preventive maintenance required", _W),
    Alert(0x1E, "hardware A", _C),
    Alert(0x1F, "hardware B", _C),
    Alert(0x20, "primary interface", _W),
    Alert(0x21, "eject volume", _C),
    Alert(0x22, "microcode update failure", _W, Clears.DOWNLOAD, raised=True),
    Alert(0x23, "drive humidity", _W),
    Alert(0x24, "drive temperature", _W),
    Alert(0x25, "drive voltage", _W),
    Alert(0x26, "predictive failure", _C),
    Alert(0x27, "diagnostics required", _W, Clears.TEST, raised=True),
    Alert(0x31, "diminished native capacity", _I, _LOAD),
    Alert(0x32, "lost statistics", _W, _LOAD, raised=True),
    Alert(0x33, "tape directory invalid at unload", _W, _LOAD, raised=True),
    Alert(0x34, "tape system area write failure", _C, _LOAD, raised=True),
    Alert(0x35, "tape system area read failure", _C, _LOAD),
    Alert(0x36, "no start of data", _C, _LOAD),
    Alert(0x37, "loading or threading failure", _C, _LOAD, raised=True),
    Alert(0x38, "unrecoverable unload failure", _C, _LOAD, raised=True),
    Alert(0x39, "automation interface failure", _C),
    Alert(0x3A, "microcode failure", _W, raised=True),
    Alert(0x3B, "WORM medium - integrity check failed", _W, _LOAD, raised=True),
    Alert(0x3C, "WORM medium - overwrite attempted", _W, _LOAD, raised=True),
    Alert(0x3D, "encryption policy violation", _W, _LOAD),
)
"""28h to 30h are obsolete or reserved, like what is behind the last."""


class Flag(enum.IntEnum):
    """The numbers of the flags that this drive raises."""

    HARD_ERROR = 0x03
    MEDIUM = 0x04
    READ_FAILURE = 0x05
    WRITE_FAILURE = 0x06
    WRITE_PROTECT = 0x09
    NO_REMOVAL = 0x0A
    CLEANING_MEDIA = 0x0B
    UNSUPPORTED_FORMAT = 0x0C
    CARTRIDGE_FAILURE = 0x0E
    MEMORY_CHIP_FAILURE = 0x0F
    FORCED_EJECT = 0x10
    READ_ONLY_FORMAT = 0x11
    DIRECTORY_CORRUPTED = 0x12
    CLEAN_NOW = 0x14
    CLEAN_PERIODIC = 0x15
    EXPIRED_CLEANING = 0x16
    INVALID_CLEANING = 0x17
    DOWNLOAD_FAILED = 0x22
    DIAGNOSTICS_REQUIRED = 0x27
    LOST_STATISTICS = 0x32
    DIRECTORY_INVALID = 0x33
    SYSTEM_AREA_WRITE = 0x34
    LOAD_FAILED = 0x37
    UNLOAD_FAILED = 0x38
    MICROCODE_FAILURE = 0x3A
    WORM_INTEGRITY = 0x3B
    WORM_OVERWRITE = 0x3C


ALL = frozenset(range(1, 65))


def cleared_by(event: Clears) -> frozenset[int]:
    """The flags that an event clears."""
    return frozenset(alert.number for alert in ALERTS if alert.clears & event)


def name_of(flag: int) -> str:
    """What a flag is called; "" for one that is reserved."""
    return next((alert.name for alert in ALERTS if alert.number == flag), "")


def bits(flags: Iterable[int]) -> bytes:
    """A bit for each of the 64 flags, as log page 12h, VPD page B2h and the cartridge memory have
    them: flag 1 is the most significant."""
    return sum(1 << 64 - flag for flag in set(flags)).to_bytes(8, "big")


_BY_LIMIT: dict[int, str] = {Flag.CLEAN_PERIODIC: "clean_after", Flag.CLEAN_NOW: "clean_now"}
"""Flags that only a model with a limit can come to raise."""


def supported(limits: Mapping[str, int]) -> bytes:
    """TAPEALERT SUPPORTED FLAGS of VPD page B2h, for a model's limits (SSC-4 8.6.4)."""
    never = {flag for flag, limit in _BY_LIMIT.items() if limit not in limits}
    return bits(alert.number for alert in ALERTS if alert.raised and alert.number not in never)


BY_SENSE: dict[Code, tuple[Flag, ...]] = {
    s.READ_ERROR: (Flag.HARD_ERROR, Flag.READ_FAILURE),
    s.WRITE_ERROR: (Flag.HARD_ERROR, Flag.WRITE_FAILURE),
    s.FORMAT_CORRUPTED: (Flag.HARD_ERROR, Flag.MEDIUM),
    s.FORMAT_FAILED: (Flag.HARD_ERROR, Flag.WRITE_FAILURE),
    s.MEMORY_READ_ERROR: (Flag.MEMORY_CHIP_FAILURE,),
    s.MEMORY_WRITE_ERROR: (Flag.MEMORY_CHIP_FAILURE,),
    s.INTERNAL_FAILURE: (Flag.MICROCODE_FAILURE,),
    s.REMOVAL_PREVENTED: (Flag.NO_REMOVAL,),
}
"""The flags that come with the sense data of a command that failed. The others are raised where
their condition arises, whether a command is told of it or not."""


class TapeAlerts:
    """The flags of one drive."""

    def __init__(self) -> None:
        self.active: set[int] = set()
        self._read: dict[Nexus, set[int]] = {}

    def raise_(self, flag: int) -> None:
        """The condition has come, perhaps again: every nexus has yet to read of it."""
        self.active.add(flag)
        for read in self._read.values():
            read.discard(flag)

    def clear(self, flags: frozenset[int] = ALL) -> bool:
        """The conditions are over; returns whether any flag was active."""
        changed = bool(self.active & flags)
        self.active -= flags
        return changed

    def unread(self, nexus: Nexus) -> set[int]:
        """The flags that a nexus sees."""
        return self.active - self._read.get(nexus, set())

    def read(self, nexus: Nexus) -> None:
        """A nexus has seen them."""
        self._read.setdefault(nexus, set()).update(self.active)

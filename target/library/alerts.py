"""TapeAlert of libraries: the flags of a medium changer (SMC-3 annex A), raised and read as those
of drives are.

Only what can come about here is raised: an open door, labels that cannot be read, a drive that
does not load or eject. Flags of motors, fans and wear stay off.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from target.tape.tape_alert import Severity, TapeAlerts


class Flag(enum.IntEnum):
    """The numbers of the flags that are raised."""

    LOAD_RETRY = 0x0F
    DOOR = 0x10
    UNREADABLE_LABELS = 0x20


class Alert(NamedTuple):
    """One flag."""

    number: int
    name: str
    severity: Severity


_C, _W, _I = Severity.CRITICAL, Severity.WARNING, Severity.INFORMATION

ALERTS = (
    Alert(0x01, "library hardware A", _C),
    Alert(0x02, "library hardware B", _W),
    Alert(0x03, "library hardware C", _C),
    Alert(0x04, "library hardware D", _C),
    Alert(0x05, "library diagnostics required", _W),
    Alert(0x06, "library interface", _C),
    Alert(0x07, "failure prediction", _W),
    Alert(0x08, "library maintenance", _W),
    Alert(0x09, "library humidity limits", _C),
    Alert(0x0A, "library temperature limits", _C),
    Alert(0x0B, "library voltage limits", _C),
    Alert(0x0C, "library stray tape", _C),
    Alert(0x0D, "library pick retry", _W),
    Alert(0x0E, "library place retry", _W),
    Alert(0x0F, "library load retry", _W),
    Alert(0x10, "library door", _C),
    Alert(0x11, "library mailslot", _C),
    Alert(0x12, "library magazine", _C),
    Alert(0x13, "library security", _W),
    Alert(0x14, "library security mode", _I),
    Alert(0x15, "library offline", _I),
    Alert(0x16, "library drive offline", _I),
    Alert(0x17, "library scan retry", _W),
    Alert(0x18, "library inventory", _C),
    Alert(0x19, "library illegal operation", _W),
    Alert(0x1A, "dual-port interface error", _W),
    Alert(0x1B, "cooling fan failure", _W),
    Alert(0x1C, "power supply", _W),
    Alert(0x1D, "power consumption", _W),
    Alert(0x1E, "pass-through mechanism failure", _C),
    Alert(0x1F, "cartridge in pass-through mechanism", _C),
    Alert(0x20, "unreadable bar code labels", _I),
)
"""What is behind the last is reserved."""


class LibraryAlerts(TapeAlerts):
    """The flags of one changer."""

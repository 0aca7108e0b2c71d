"""TapeAlert: flags that are raised by conditions and read by each nexus by itself (SSC-4 4.2.20).

A flag is active from the condition that raises it until the one that clears it, and unread by a
nexus until that nexus has read it; what a nexus sees is both. A nexus that the drive does not
know yet has read nothing.
"""

from __future__ import annotations

from enum import IntEnum

from target.scsi.command import Nexus


class Flag(IntEnum):
    """The flags that this drive raises (SSC-4 annex A), with their numbers."""

    READ_FAILURE = 0x05
    WRITE_FAILURE = 0x06
    WRITE_PROTECT = 0x09
    NO_REMOVAL = 0x0A
    CLEANING_MEDIA = 0x0B
    UNSUPPORTED_FORMAT = 0x0C
    CARTRIDGE_FAILURE = 0x0E
    MEMORY_CHIP_FAILURE = 0x0F
    READ_ONLY_FORMAT = 0x11
    DIRECTORY_CORRUPTED = 0x12
    CLEAN_NOW = 0x14
    CLEAN_PERIODIC = 0x15
    EXPIRED_CLEANING = 0x16
    INVALID_CLEANING = 0x17
    DOWNLOAD_FAILED = 0x22
    DIAGNOSTICS_REQUIRED = 0x27
    LOAD_FAILED = 0x37
    WORM_INTEGRITY = 0x3B
    WORM_OVERWRITE = 0x3C


VOLUME = frozenset(range(0x01, 0x14)) | {0x16, 0x17, 0x33, 0x34, 0x35, 0x36, 0x3B, 0x3C}
"""Flags that speak of the volume: a new one clears them."""


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

    def clear(self, flags: frozenset[int] = frozenset(range(1, 65))) -> None:
        """The conditions are over."""
        self.active -= flags

    def unread(self, nexus: Nexus) -> set[int]:
        """The flags that a nexus sees."""
        return self.active - self._read.get(nexus, set())

    def read(self, nexus: Nexus) -> None:
        """A nexus has seen them."""
        self._read.setdefault(nexus, set()).update(self.active)

"""Sense codes of tape encryption: those of the standard, and makers' own that are public."""

from __future__ import annotations

CODES = {
    "off": ("7/74/01",),
    "clear": ("7/74/02",),
    "wrong": ("7/74/03",),
    "raw": ("7/74/0A", "7/74/00"),
    "mode": ("7/74/09",),
    "unusable": ("7/74/07",),
    "changed": ("7/2A/13",),
}
"""Sense of refused reads and writes (SSC-4 annex of additional sense codes; HP LTO-4 volume 2)."""
STORAGETEK = {"off": ("3/30/02", "7/74/01"), "wrong": ("7/74/03", "3/26/05")}
IBM = {"off": ("7/74/01", "7/EF/10")}
"""Key required, as LTFS knows it of IBM's drives."""
MAKERS = {b"STK": STORAGETEK, b"SUN": STORAGETEK, b"ORACLE": STORAGETEK, b"IBM": IBM}
PREVENTED = "5/74/21"
NOT_BY_HOSTS = (
    PREVENTED,
    "5/20/00",
    "5/24/00",
    "5/EE/00",
    "5/EE/01",
    "5/EE/02",
    "5/EE/30",
    "5/EE/FF",
)
"""Set Data Encryption where hosts may not set keys: configuration prevented; the command or its
page is not there without a licence (T10000 manual, SPIN and SPOUT notes); IBM's not enabled,
not configured, not available, prohibited."""
WHOLE_VOLUMES = ("3/30/05", "7/30/05")
"""A StorageTek drive does not write clear blocks behind encrypted ones, nor the reverse."""
INVALID_CDB, INVALID_LIST, LIST_LENGTH = "5/24/00", "5/26/00", "5/1A/00"
INCOMPLETE_KADS = "5/26/11"
FAIL_LIMIT = ("7/26/10", "5/26/10")
"""Too many wrong keys: HP and LTFS have it under DATA PROTECT."""
BY_OTHER, BY_EVENT = "6/2A/11", "6/2A/12"

"""The defects that a drive can be given, to see whether a conformance suite finds them.

`MUTATIONS` are the thirty that stand for all.
"""

from __future__ import annotations

import target.faults.defects_encryption
import target.faults.defects_keys
import target.faults.defects_scsi
import target.faults.defects_tape  # noqa: F401  # each declares its own
from target.faults.defect import DEFECTS

__all__ = ["DEFECTS", "MUTATIONS"]

MUTATIONS = (
    # Reading, writing, moving.
    "residual-missing", "ili-missing", "sili-ignored", "filemark-bit-missing",
    "early-warning-missing", "end-of-data-key", "space-wrong-side", "locate-beyond-end",
    "position-off-by-one", "erase-ignored", "write-protect-ignored", "prevent-ignored",
    # What any device has.
    "reserved-bits-accepted", "field-sense-wrong", "field-pointer-wrong",
    "additional-length-wrong", "vpd-unknown-accepted", "mode-select-ignored",
    "reservations-ignored", "attention-twice",
    # Encryption.
    "lock-ignored", "scope-ignored", "ckod-ignored", "reset-keeps-key", "stored-in-clear",
    "wrong-key-reads", "ceem-ignored", "rdmc-ignored", "key-change-silent", "kad-missing",
)  # fmt: skip

"""The defects that a drive can be given, to see whether a conformance suite finds them.

`MUTATIONS` are the thirty that stand for all.
"""

from __future__ import annotations

import target.faults.defects_encryption
import target.faults.defects_scsi
import target.faults.defects_tape  # noqa: F401  # each declares its own
from target.faults.defect import DEFECTS

__all__ = ["DEFECTS", "MUTATIONS"]

MUTATIONS: tuple[str, ...] = tuple(DEFECTS)

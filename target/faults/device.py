"""Faults that change the device itself."""

from __future__ import annotations

from collections.abc import Callable

from target.faults.fault import Fault
from target.scsi.primary import PrimaryUnit
from target.tape.drive import Drive


def defect(fault: Fault, name: str, unit: PrimaryUnit) -> Callable[[], None]:
    """The drive misbehaves in a way of its own, see `defects`."""
    from target.faults.defects import DEFECTS
    from target.faults.patches import Patches

    assert isinstance(unit, Drive)
    patches = Patches(unit)
    with unit.turn:
        DEFECTS[fault["defect"]].apply(unit, patches)
    return patches.undo

"""The bench that a rig stands on: what one does there by hand, beside hosts and operators.

Cartridges of stand-alone drives, power, and everything as it was when the rig was started. Each
public method is a call of the control socket, `rig.` before its name, see `target.control_calls`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from target.library.errors import OperatorError
from target.plan import RigPlan
from target.tape.drive import Drive

if TYPE_CHECKING:
    from target.library.library import Library


class Bench:
    """Methods raise OperatorError with one sentence; results are JSON values."""

    def __init__(
        self, plan: RigPlan, drives: Mapping[str, Drive], libraries: Mapping[str, Library]
    ) -> None:
        self._plan = plan
        self._drives = drives
        self._libraries = libraries

    def units(self) -> list[dict[str, Any]]:
        """Drives and changers: name, kind, model, serial."""
        raise OperatorError("not yet")

    def reset(self) -> None:
        """Everything as it was when the rig was started, its cartridges blank."""
        raise OperatorError("not yet")

    def power_cycle(self, unit: str) -> None:
        """Take a unit's power away and give it back."""
        raise OperatorError("not yet")

    def insert(self, drive: str, barcode: str) -> None:
        """Put a cartridge of the rig into a stand-alone drive."""
        raise OperatorError("not yet")

    def eject(self, drive: str) -> None:
        """Take the cartridge out of a stand-alone drive."""
        raise OperatorError("not yet")

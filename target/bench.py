"""The bench that a rig stands on: what one does there by hand, beside hosts and operators.

Cartridges of stand-alone drives, power, and everything as it was when the rig was started. Each
public method is a call of the control socket, `rig.` before its name, see `target.control_calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target.library.errors import OperatorError
from target.plan import RigPlan
from target.tape.drive import Drive
from target.trace.tracing import TRACE, Tracing

if TYPE_CHECKING:
    from target.faults.board import Faults
    from target.library.library import Library


class Bench:
    """Methods raise OperatorError with one sentence; results are JSON values."""

    def __init__(
        self,
        plan: RigPlan,
        drives: Mapping[str, Drive],
        libraries: Mapping[str, Library],
        tracing: Tracing | None = None,
        faults: Callable[[], Faults] | None = None,
    ) -> None:
        self._plan = plan
        self._drives = drives
        self._libraries = libraries
        self._tracing = tracing
        self._faults = faults
        self._configurations = {name: one.configuration for name, one in libraries.items()}
        """Of the libraries, as they were at the start."""

    def units(self) -> list[dict[str, Any]]:
        """Drives and changers: name, kind, model, serial, and the barcode in a drive or None."""
        drives = [
            {
                "name": name,
                "kind": "drive",
                "model": drive.personality.name,
                "serial": drive.serial,
                "cartridge": getattr(drive.cartridge, "barcode", None),
            }
            for name, drive in self._drives.items()
        ]
        changers = [
            {
                "name": name,
                "kind": "changer",
                "model": changer.model.name,
                "serial": changer.partition.serial,
                "cartridge": None,
            }
            for library in self._libraries.values()
            for name, changer in library.changers.items()
        ]
        return drives + changers

    def reset(self) -> None:
        """Everything as it was when the rig was started, its cartridges blank."""
        from target.renewal import renew

        if self._faults is not None and self._plan.disposable:
            # First: what a fault has taken out of a drive is in it again.
            self._faults().renew(self._plan.faults)
        renew(self._plan, self._drives, self._libraries, self._configurations)

    def power_cycle(self, unit: str) -> None:
        """Take a unit's power away and give it back."""
        from target.handiwork import power_cycle

        power_cycle(self._drives, self._libraries, unit)

    def insert(self, drive: str, barcode: str) -> None:
        """Put a cartridge of the rig into a stand-alone drive."""
        from target.handiwork import insert

        insert(self._plan, self._drives, self._libraries, drive, barcode)

    def eject(self, drive: str) -> None:
        """Take the cartridge out of a stand-alone drive."""
        from target.handiwork import eject

        eject(self._drives, self._libraries, drive)

    def start_trace(self, path: str | None = None) -> str:
        """Write a trace from now on, by default into the run's folder; its file."""
        file = Path(self._plan.run, path or TRACE)
        with _one_sentence():
            self._traced().start(file)
        return str(file)

    def stop_trace(self) -> str:
        """End the trace; its file."""
        with _one_sentence():
            return str(self._traced().stop())

    def faults(self) -> list[dict[str, Any]]:
        """What goes wrong on purpose: each fault's keys, how often it struck."""
        return self._set_faults().list()

    def add_fault(self, fault: dict[str, Any]) -> str:
        """Set a fault, given as a table of the rig file; its name."""
        with _one_sentence():
            return self._set_faults().add(**fault).name

    def remove_fault(self, name: str) -> None:
        """End a fault: what waits goes on, what it changed in a device is as it was."""
        with _one_sentence():
            self._set_faults().remove(name)

    def _set_faults(self) -> Faults:
        if self._faults is None:
            raise OperatorError("this bench has no faults: start one from a rig")
        return self._faults()

    def _traced(self) -> Tracing:
        if self._tracing is None:
            raise OperatorError("this bench cannot write traces: start one from a rig")
        return self._tracing


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise OperatorError(str(error)) from None

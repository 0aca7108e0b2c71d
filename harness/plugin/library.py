"""A library and a key source as tests see them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plugin.errors import RigFailed

if TYPE_CHECKING:
    from harness.plugin.drive import Drive
    from harness.plugin.rigs import Rig
    from target.plan import KeySourcePlan, LibraryPlan

__tracebackhide__ = True  # pytest shows the line of the test


class Library:
    """A library of the rig. Methods raise RigFailed with one sentence."""

    def __init__(self, rig: Rig, told: LibraryPlan) -> None:
        self.rig = rig
        self.name, self.model, self.serial = told.name, told.model, told.serial
        self._told = told

    def call(self, call: str, **arguments: Any) -> Any:
        """What an operator does (`target.library.session.Session`), as the superuser; its result,
        as JSON values."""
        return self.rig.operate(self._told, call, **arguments)

    def inventory(self) -> dict[str, str]:
        """Barcodes by place, such as slot:1 or drive:1."""
        return {one["place"]: one["barcode"] for one in self.call("inventory")}

    def move(self, source: str, destination: str) -> None:
        """Move a cartridge: a barcode, a place or a drive's name to a place or a drive's name."""
        self.call("move", source=source, destination=destination)

    def load(self, drive: Drive) -> None:
        """Put a cartridge from a slot of the drive's partition into the drive."""
        mine = next(one for one in self._told.partitions if drive.name in one.drives)
        for barcode in mine.cartridges:
            if any(
                place.startswith("slot") and have == barcode
                for place, have in self.inventory().items()
            ):
                self.move(barcode, drive.name)
                drive.hear()
                return
        raise RigFailed(
            f"partition {mine.name} of library {self.name} has no cartridge in a slot for drive"
            f" {drive.name}: add one to the rig file"
        )


class KeySource:
    """A key source of the rig. ``folder``: where it keeps what is its own."""

    def __init__(self, rig: Rig, told: KeySourcePlan) -> None:
        self.rig = rig
        self.name, self.source = told.name, told.source
        self.folder = Path(told.folder)

    @property
    def drives(self) -> tuple[str, ...]:
        """Those that ask it by themselves, and those of partitions that have it."""
        plan = self.rig.plan
        alone = [one.name for one in plan.drives if one.key_source == self.name]
        return (
            *alone,
            *(
                drive
                for library in plan.libraries
                for partition in library.partitions
                if partition.encryption == self.name
                for drive in partition.drives
            ),
        )

    def fault(self, state: str, **fault: Any) -> list[str]:
        """Let it be down, slow, wrong or flapping until the end of the test, see docs/faults.md; a
        fault's name for each drive that asks it."""
        return [
            self.rig.drive(drive).fault("key-source", state=state, **fault) for drive in self.drives
        ]

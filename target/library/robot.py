"""The robot: it carries cartridges between the places of a library, and loses none.

A cartridge that leaves a drive is durable and closed before the inventory says that it is
elsewhere, and one that goes into a drive is there by the inventory before the drive gets it: until
then no host can change it. The inventory changes in one step, so whenever the process is killed a
cartridge is in exactly one place. A kill before that step leaves it where it was, one behind it
where it is to go; whoever starts the library loads what the inventory says is in a drive.

Whoever calls holds the library's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from keymgr.api import DriveIdentity
from target.library.inventory import Held, Inventory, Kind, Location
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.medium.formats import FORMATS, CartridgeType, of_barcode
from target.plan import CartridgePlan
from target.scsi import sense as s
from target.scsi.sense import CheckCondition, Code
from target.shelf import opened
from target.tape.mount import Medium


class Port(Protocol):
    """The automation port of a drive, as far as the robot goes."""

    @property
    def identity(self) -> DriveIdentity:
        """The drive."""

    @property
    def loaded(self) -> bool:
        """Whether the cartridge is on the heads, so that nobody could pull it out."""

    def insert(self, cartridge: Medium) -> None:
        """Put a cartridge into the empty drive, which loads it. CheckCondition: it is in the drive,
        which cannot load it."""

    def eject(self) -> Medium | None:
        """Unload and take it out, still open. CheckCondition: it stays in the drive."""


class MoveFailed(Exception):
    """Nothing was moved, unless the code is LOAD_OR_EJECT_FAILED of a drive that got a cartridge
    and cannot load it. ``code``: the sense code; the text is a sentence for operators."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


class Robot:
    """The transport element of a library: it is empty between two moves.

    ``ports``: by the number of the drive's place. ``cartridges``: where those of the rig are kept,
    by barcode; whoever has it may add to it.
    """

    def __init__(
        self,
        inventory: Inventory,
        ports: Mapping[int, Port],
        cartridges: Mapping[str, CartridgePlan],
    ) -> None:
        self.inventory = inventory
        self.ports = ports
        self.cartridges = cartridges
        self._counted: set[str] = set()
        """Cleaning cartridges that have the uses left that the rig says."""

    # --- what it sees ------------------------------------------------------------------------

    def label(self, barcode: str) -> str:
        """What the scanner reads on a cartridge; empty where its label is missing or damaged."""
        plan = self.cartridges.get(barcode)
        return "" if plan is not None and "label" in plan.damage else barcode

    @staticmethod
    def type_of(barcode: str) -> CartridgeType:
        """What kind of cartridge it is: by its shape, which the gripper feels, label or not."""
        return of_barcode(barcode)

    def fits(self, barcode: str, destination: Location) -> bool:
        """Whether a cartridge has the shape of the drive's, if that is one. Of another generation
        it fits: the drive loads it and says by itself whether it can be used."""
        if destination.kind is not Kind.DRIVE:
            return True
        form = FORMATS.get(self.ports[destination.number].identity.native)
        return form is None or form.family == self.type_of(barcode).family

    def begin_anew(self) -> None:
        """Cleaning cartridges have the uses left that the rig says."""
        self._counted.clear()

    # --- what it does ------------------------------------------------------------------------

    def reload(self, location: Location) -> None:
        """Put what the inventory says is in a drive into it: when power comes, all drives are
        empty. One that the drive cannot load is in it all the same. Raises MediumError."""
        held = self.inventory.at(location)
        if held is not None:
            with suppress(CheckCondition):
                self.ports[location.number].insert(self._opened(held))

    def move(self, source: Location, destination: Location, *, unload: bool = True) -> None:
        """Carry a cartridge. ``unload``: a loaded drive is unloaded first. Raises MoveFailed."""
        if self.inventory.at(destination) is not None:
            raise MoveFailed(s.DESTINATION_FULL, f"{destination} is full: empty it first")
        self._carry({source: destination}, unload)

    def exchange(
        self, source: Location, first: Location, second: Location, *, unload: bool = True
    ) -> None:
        """Carry from ``source`` to ``first`` and what was there to ``second``, which may be the
        source. Raises MoveFailed."""
        if first in (source, second):
            raise MoveFailed(s.DESTINATION_FULL, f"{first} is full: name three places")
        if second != source and self.inventory.at(second) is not None:
            raise MoveFailed(s.DESTINATION_FULL, f"{second} is full: empty it first")
        self._carry({source: first, first: second}, unload)

    def _carry(self, ways: Mapping[Location, Location], unload: bool) -> None:
        held = self._check(ways, unload)
        taken = self._take_out(held)
        try:
            opened = {ways[at]: self._open(one) for at, one in held.items() if _drive(ways[at])}
        except MoveFailed:
            self._put_back(taken)
            raise
        changes: dict[Location, Held | None] = dict.fromkeys(ways)
        changes |= {ways[at]: _moved(at, one) for at, one in held.items()}
        try:
            self.inventory.change(changes)
        except OSError:
            for cartridge in opened.values():
                cartridge.abandon()
            self._put_back(taken)
            raise MoveFailed(
                s.POSITIONING_FAILED, "the library cannot write its inventory: make room for it"
            ) from None
        failures = [self._put_in(at, cartridge) for at, cartridge in opened.items()]
        for failure in filter(None, failures):
            raise failure

    def _check(self, ways: Mapping[Location, Location], unload: bool) -> dict[Location, Held]:
        """What is to be carried, from where; MoveFailed before anything was touched."""
        found = {}
        for source, destination in ways.items():
            held = self.inventory.at(source)
            if held is None:
                raise MoveFailed(s.SOURCE_EMPTY, f"{source} is empty: nothing can be taken from it")
            for at in (source, destination):
                if _drive(at) and at.number not in self.ports:
                    raise MoveFailed(s.DRIVE_REMOVED, f"there is no drive in {at}: use another one")
            if not self.fits(held.barcode, destination):
                drive = self.ports[destination.number].identity
                raise MoveFailed(
                    s.WRONG_CARTRIDGE,
                    f"{held.barcode} does not fit into {destination}, a {drive.product}: use a"
                    " cartridge of its kind",
                )
            if _drive(source) and not unload and self.ports[source.number].loaded:
                raise MoveFailed(
                    s.NOT_UNLOADED, f"{source} is loaded: its host has to unload it first"
                )
            found[source] = held
        return found

    def _take_out(self, held: Mapping[Location, Held]) -> dict[Location, Held]:
        """Empty the drives among the places; all of them, or MoveFailed and none."""
        taken: dict[Location, Held] = {}
        for at, one in held.items():
            if not _drive(at):
                continue
            try:
                cartridge = self.ports[at.number].eject()
                # An earlier failure may have left the drive empty: it is carried all the same.
                if cartridge is not None:
                    cartridge.close()
            except CheckCondition as condition:
                self._put_back(taken)
                raise _not_ejected(at, condition.sense.code) from None
            except (MediumError, OSError) as error:
                self._put_back({**taken, at: one})
                raise MoveFailed(
                    s.LOAD_OR_EJECT_FAILED, f"{at} cannot eject {one.barcode}: {error}"
                ) from None
            taken[at] = one
        return taken

    def _opened(self, held: Held) -> Cartridge:
        """As the rig wants it; uses of a cleaning cartridge are counted from its first."""
        plan = self.cartridges.get(held.barcode)
        if plan is None:
            raise MediumError(
                f"the rig has no cartridge {held.barcode}: add it, it is in a library"
            )
        if held.barcode in self._counted:
            plan = replace(plan, cleanings=None)
        self._counted.add(held.barcode)
        return opened(plan)

    def _open(self, held: Held) -> Cartridge:
        try:
            return self._opened(held)
        except (MediumError, OSError) as error:
            text = f"{held.barcode} cannot be carried: {error}"
            raise MoveFailed(s.POSITIONING_FAILED, text) from None

    def _put_back(self, taken: Mapping[Location, Held]) -> None:
        """Load cartridges again that were taken out for nothing; what cannot be done stays so."""
        for at, one in taken.items():
            with suppress(CheckCondition, MediumError, OSError):
                self.ports[at.number].insert(self._opened(one))

    def _put_in(self, at: Location, cartridge: Cartridge) -> MoveFailed | None:
        """Load a drive; what went wrong, if anything: the cartridge is in it all the same."""
        try:
            self.ports[at.number].insert(cartridge)
        except (CheckCondition, MediumError, OSError) as error:
            text = f"{at} cannot load {cartridge.barcode} ({error}): take it out"
            return MoveFailed(s.LOAD_OR_EJECT_FAILED, text)
        return None


def _drive(at: Location) -> bool:
    return at.kind is Kind.DRIVE


def _moved(source: Location, held: Held) -> Held:
    """It remembers the storage place that it was last taken from."""
    return Held(held.barcode, source) if source.kind is Kind.STORAGE else held


def _not_ejected(at: Location, code: Code) -> MoveFailed:
    if code == s.REMOVAL_PREVENTED:
        return MoveFailed(code, f"a host prevents that {at} is unloaded: it has to allow it first")
    return MoveFailed(s.LOAD_OR_EJECT_FAILED, f"{at} cannot eject its cartridge: {code}")

"""All faults of a rig: set, listed and removed while it runs; between transports and units.

faults = Faults(service.units, seed=7)
fault = faults.add(kind="sense", unit="drive0", command="READ(6)", nth=2, code="3/11/00")
...
assert fault.struck == 1
fault.remove()
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from target.faults.fault import Fault, Strike
from target.faults.kinds import KINDS, Standing, Undo
from target.faults.plans import FaultError, parse_command, plan_of
from target.plan import FaultPlan
from target.scsi.command import Buffers, Completion, Nexus
from target.scsi.device_server import Run
from target.scsi.primary import PrimaryUnit
from target.tape.drive import Drive


class Faults:
    """``units`` by name; ``groups``: names that stand for several of them, as a library's does.

    Units are only touched when a fault is set on them.
    """

    def __init__(
        self,
        units: Mapping[str, PrimaryUnit],
        seed: int = 0,
        groups: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.seed = seed
        self._units = units
        self._groups = {name: tuple(names) for name, names in (groups or {}).items()}
        self._guard = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._undo: dict[str, list[Undo]] = {}
        self._posts: dict[str, _Post] = {}

    def add(self, **table: Any) -> Fault:
        """Set a fault, see `plans` for its keys. Raises FaultError."""
        return self.set(plan_of(table, self._faults))

    def set(self, plan: FaultPlan) -> Fault:
        """Set a fault whose plan is right. Raises FaultError for a unit that is not there."""
        kind = KINDS[plan.kind]
        units = self._named(plan.unit, drives=kind.drives)
        matches = frozenset(map(parse_command, plan.command))
        fault = Fault(plan, units, matches, self.seed, self.remove)
        with self._guard:
            if plan.name in self._faults:
                raise FaultError("name", f"{plan.name} is used twice: give each fault its own")
            self._faults[plan.name] = fault
            self._undo[plan.name] = []
        for name, unit in units.items():
            if kind.waits:
                unit.waits = True
            if kind.stand is not None:
                self._stand(fault, name, unit, kind.stand)
            else:
                self._post(name, unit, fault)
        return fault

    def _stand(self, fault: Fault, name: str, unit: PrimaryUnit, stand: Standing) -> None:
        try:
            self._undo[fault.name].append(stand(fault, name, unit))
        except ValueError as error:
            self.remove(fault.name)
            raise FaultError("kind", f"{fault.name} cannot be set: {error}") from None
        unit.happened("fault", name=fault.name, fault=fault.plan.kind)

    def remove(self, name: str) -> None:
        """End a fault. Raises FaultError if there is none of that name."""
        with self._guard:
            fault = self._faults.pop(name, None)
            undo = self._undo.pop(name, [])
        if fault is None:
            known = ", ".join(self._faults) or "none"
            raise FaultError("name", f"there is no fault {name}: those there are: {known}")
        fault.wake()
        with self._guard:
            posts = [self._posts[unit] for unit in fault.watches if unit in self._posts]
            for post in posts:
                post.remove(fault)
        for post in posts:
            post.finish(fault)
        for change in (*reversed(fault.ends), *reversed(undo)):
            change()

    def clear(self) -> None:
        """End all of them."""
        for fault in list(self._faults.values()):
            # First: what ends another one may wait for a command that hangs by this one.
            fault.wake()
        for name in list(self._faults):
            with suppress(FaultError):  # somebody else was faster
                self.remove(name)

    def renew(self, plans: Iterable[FaultPlan]) -> None:
        """End all of them, and set those of the rig as if they had never struck."""
        self.clear()
        for plan in plans:
            self.set(plan)

    def list(self) -> list[dict[str, Any]]:
        """What they are, as JSON values: the plan's keys, ``struck`` and ``seen``."""
        return [
            {**asdict(fault.plan), "struck": fault.struck, "seen": fault.seen}
            for fault in list(self._faults.values())
        ]

    def _named(self, name: str, *, drives: bool) -> dict[str, PrimaryUnit]:
        if name == "*":
            names: tuple[str, ...] = tuple(self._units)
        elif name in self._units:
            names = (name,)
        elif name in self._groups:
            names = self._groups[name]
        else:
            known = ", ".join((*self._units, *self._groups))
            raise FaultError("unit", f"there is no {name}: use * or one of {known}")
        units = {one: self._units[one] for one in names}
        if drives:
            units = {one: unit for one, unit in units.items() if isinstance(unit, Drive)}
        if not units:
            raise FaultError("unit", f"{name} is no drive, and this is for drives")
        return units

    def _post(self, name: str, unit: PrimaryUnit, fault: Fault) -> None:
        with self._guard:
            if name not in self._posts:
                self._posts[name] = post = _Post(name, unit)
                # Innermost: whoever records what hosts see stands before it.
                unit.join(post)
            self._posts[name].add(fault)


class _Post:
    """Where the faults of a unit see its commands. It stays when they are gone."""

    def __init__(self, name: str, unit: PrimaryUnit) -> None:
        self._name = name
        self._unit = unit
        self._faults: tuple[Fault, ...] = ()
        self._later: list[_Later] = []

    def add(self, fault: Fault) -> None:
        """It sees commands from now on."""
        self._faults = (*self._faults, fault)

    def remove(self, fault: Fault) -> None:
        """It sees none any more."""
        self._faults = tuple(one for one in self._faults if one is not fault)

    def finish(self, fault: Fault) -> None:
        """What it has put off is done, between two commands."""
        if any(one.fault is fault for one in self._later):
            with self._unit.turn:
                self._due(lambda one: one.fault is fault)

    def __call__(
        self, run: Run, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers
    ) -> Completion:
        if self._later:
            self._due(_Later.counts)
        for fault in self._faults:
            if fault.strikes(self._name, nexus, cdb):
                run = partial(self._strike, fault, run)
        return run(nexus, cdb, data_out, data_in)

    def _due(self, which: Callable[[_Later], bool]) -> None:
        due = [one for one in self._later if which(one)]
        self._later = [one for one in self._later if one not in due]
        for one in due:
            one.action()

    def _strike(
        self,
        fault: Fault,
        run: Run,
        nexus: Nexus,
        cdb: bytes,
        data_out: Buffers,
        data_in: Buffers,
    ) -> Completion:
        unit = self._unit
        unit.happened("fault", name=fault.name, fault=fault.plan.kind, cdb=bytes(cdb).hex())
        struck = KINDS[fault.plan.kind].strike
        assert struck is not None

        def later(commands: int, action: Callable[[], object]) -> None:
            self._later.append(_Later(fault, commands, action))
            if fault.removed:  # meanwhile: nobody else would do it
                self._due(lambda one: one.fault is fault)

        strike = Strike(fault, self._name, unit, nexus, cdb, data_out, data_in, run, later)
        try:
            return struck(strike)
        except Exception as error:
            # As the unit does with what a command did not expect: nothing gets past here.
            return strike.check(unit.failed(error, cdb))


@dataclass(eq=False)
class _Later:
    fault: Fault
    left: int
    """Commands; 0: it waits for the end of the fault."""
    action: Callable[[], object]

    def counts(self) -> bool:
        """A command comes: whether it is time."""
        self.left -= 1
        return not self.left

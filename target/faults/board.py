"""All faults of a rig: set, listed and removed while it runs; between transports and units.

faults = Faults(service.units, seed=7)
fault = faults.add(kind="sense", unit="drive0", command="READ(6)", nth=2, code="3/11/00")
...
assert fault.struck == 1
fault.remove()
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict
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
                self._post(name, unit).add(fault)
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
        for unit in fault.watches:
            if unit in self._posts:
                self._posts[unit].remove(fault)
        for change in reversed(undo):
            change()

    def clear(self) -> None:
        """End all of them."""
        for name in list(self._faults):
            self.remove(name)

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

    def _post(self, name: str, unit: PrimaryUnit) -> _Post:
        if name not in self._posts:
            self._posts[name] = post = _Post(name, unit)
            # Innermost: whoever records what hosts see stands before it.
            unit.interpose([*unit.interposers, post])
        return self._posts[name]


class _Post:
    """Where the faults of a unit see its commands. It stays when they are gone: nothing that waits
    must end for one to be removed."""

    def __init__(self, name: str, unit: PrimaryUnit) -> None:
        self._name = name
        self._unit = unit
        self._faults: tuple[Fault, ...] = ()

    def add(self, fault: Fault) -> None:
        self._faults = (*self._faults, fault)

    def remove(self, fault: Fault) -> None:
        self._faults = tuple(one for one in self._faults if one is not fault)

    def __call__(
        self, run: Run, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers
    ) -> Completion:
        for fault in self._faults:
            if fault.strikes(self._name, nexus, cdb):
                run = partial(self._strike, fault, run)
        return run(nexus, cdb, data_out, data_in)

    def _strike(
        self,
        fault: Fault,
        run: Run,
        nexus: Nexus,
        cdb: bytes,
        data_out: Buffers,
        data_in: Buffers,
    ) -> Completion:
        self._unit.happened("fault", name=fault.name, fault=fault.plan.kind, cdb=bytes(cdb).hex())
        struck = KINDS[fault.plan.kind].strike
        assert struck is not None
        return struck(Strike(fault, self._name, self._unit, nexus, cdb, data_out, data_in, run))

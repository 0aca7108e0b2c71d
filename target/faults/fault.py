"""One fault: which commands it strikes, and what it is told when it does.

A fault on several units counts for each by itself, so that it does not matter how their commands
mingle.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from target.plan import FaultPlan
from target.scsi.command import STATUS_CHECK_CONDITION, Buffers, Completion, Nexus
from target.scsi.primary import PrimaryUnit
from target.scsi.sense import Sense


class Watch:
    """What a fault has seen and done at one unit."""

    def __init__(self, unit: PrimaryUnit, seed: str) -> None:
        self.unit = unit
        self.random = random.Random(seed)
        self.seen = 0
        """Commands that matched."""
        self.struck = 0
        self.since = unit.clock.monotonic()


class Fault:
    """A fault that has been set; `remove` ends it.

    ``units`` are those it is on by name. ``matches`` are (opcode, byte 1 under a mask or None) of
    the commands it is for; empty: all.
    """

    def __init__(
        self,
        plan: FaultPlan,
        units: dict[str, PrimaryUnit],
        matches: frozenset[tuple[int, int | None]],
        seed: int,
        remove: Callable[[str], object],
    ) -> None:
        self.plan = plan
        self.name = plan.name
        self.removed = False
        self._matches = matches
        self._remove = remove
        self._guard = threading.Lock()
        self._waiting: set[threading.Event] = set()
        self.ends: list[Callable[[], object]] = []
        """What is done when it is removed, with no lock held, the last first."""
        self.watches = {
            name: Watch(unit, f"{seed} {plan.name} {name}") for name, unit in units.items()
        }

    def __getitem__(self, option: str) -> Any:
        return self.plan.options[option]

    @property
    def struck(self) -> int:
        """How often it has struck, on all its units."""
        return sum(watch.struck for watch in self.watches.values())

    @property
    def seen(self) -> int:
        """How many commands matched."""
        return sum(watch.seen for watch in self.watches.values())

    @property
    def over(self) -> bool:
        """Whether it will not strike any more."""
        times = self.plan.times
        return self.removed or (
            bool(times) and all(watch.struck >= times for watch in self.watches.values())
        )

    def remove(self) -> None:
        """End it: what waits goes on, and what it changed in a device is as it was."""
        self._remove(self.name)

    def wake(self) -> None:
        """Let what waits go on, from now on."""
        with self._guard:
            self.removed = True
            for event in self._waiting:
                event.set()

    # --- when it strikes ---------------------------------------------------------------------

    def strikes(self, unit: str, nexus: Nexus, cdb: bytes) -> bool:
        """Whether a command is struck; it counts if it matches."""
        plan = self.plan
        if plan.nexus is not None and plan.nexus != nexus.initiator:
            return False
        if self._matches and not self._matched(cdb):
            return False
        return self.counts(unit)

    def counts(self, unit: str) -> bool:
        """Count something that matches; whether it is struck."""
        plan, watch = self.plan, self.watches[unit]
        with self._guard:
            if self.removed or watch.unit.clock.monotonic() < watch.since + plan.after:
                return False
            watch.seen += 1
            beyond = watch.seen - plan.nth
            if beyond < 0 or beyond % plan.every or (plan.times and watch.struck >= plan.times):
                return False
            if plan.probability < 1 and watch.random.random() >= plan.probability:
                return False
            watch.struck += 1
            return True

    def _matched(self, cdb: bytes) -> bool:
        return bool(cdb) and not self._matches.isdisjoint(names_of(cdb))

    # --- waiting -----------------------------------------------------------------------------

    @contextmanager
    def waiting(self) -> Iterator[threading.Event]:
        """An event that is set when the fault is removed."""
        event = threading.Event()
        with self._guard:
            self._waiting.add(event)
            if self.removed:
                event.set()
        try:
            yield event
        finally:
            with self._guard:
                self._waiting.discard(event)


PROTOCOLS = (0xA2, 0xB5)
"""Opcodes whose byte 1 is a security protocol, and not a service action."""


def names_of(cdb: bytes) -> set[tuple[int, int | None]]:
    """How a command may be named: by opcode, and by service action or security protocol."""
    second = cdb[1] if len(cdb) > 1 else 0
    return {(cdb[0], None), (cdb[0], second if cdb[0] in PROTOCOLS else second & 0x1F)}


@dataclass
class Strike:
    """A command that is struck."""

    fault: Fault
    name: str
    """The unit's."""
    unit: PrimaryUnit
    nexus: Nexus
    cdb: bytes
    data_out: Buffers
    data_in: Buffers
    run: Callable[[Nexus, bytes, Buffers, Buffers], Completion]
    """Carries it out, or has the next fault strike."""
    later: Callable[[int, Callable[[], object]], None]
    """Has something done before the so-manieth command from this one on, or when the fault is
    removed; 0: then only."""

    def __getitem__(self, option: str) -> Any:
        return self.fault[option]

    @property
    def random(self) -> random.Random:
        """The fault's own, for this unit."""
        return self.fault.watches[self.name].random

    def proceed(self) -> Completion:
        """Carry the command out."""
        return self.run(self.nexus, self.cdb, self.data_out, self.data_in)

    def check(self, sense: Sense, length: int = 0) -> Completion:
        """CHECK CONDITION with these sense data, as if the unit had come to them."""
        self.unit.told(sense, self.cdb)
        data = self.unit.encode_sense(sense, self.unit.descriptor_sense)
        return Completion(STATUS_CHECK_CONDITION, data, length)

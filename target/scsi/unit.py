"""A logical unit: what it keeps between two commands, whoever they come from.

That is a state for each I_T nexus, the reservations that shut some of them out, and the memory
that outlives the power. What becomes of all that at a reset, at a loss of power and at the loss of
a nexus is told here (SAM-5 6.3, SPC-4 5.13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from target.clock import Alarm, Clock
from target.scsi import sense as s
from target.scsi.command import Nexus, ReservationConflict, Rule
from target.scsi.registrations import Registrant, Registrations, Told
from target.scsi.sense import Code
from target.scsi.turn import Turn

Listener = Callable[[str, dict[str, Any]], None]
"""Hears that something other than a command has happened to a unit: what kind of thing, and JSON
values that say more. Never keys. It must not raise."""


ABORT_INTERVAL = 0.02
"""Seconds between two attempts to end what waits."""


class NexusState:
    """What the unit remembers about one nexus."""

    def __init__(self, attentions: Iterable[Code]) -> None:
        self.attentions = list(attentions)
        self.removal_prevented = False
        self.barrier: Rule | None = None
        """What lets a command pass where a reservation shuts this nexus out; None: nothing does."""


class LogicalUnit:
    """Nexuses, reservations and memory of a unit.

    ``clock`` is the only source of time; ``memory`` is what the unit keeps without power (JSON
    values).
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.alarm = Alarm(clock)
        """The same time, for whoever sleeps during a command, see `abort`."""
        self.turn = Turn()
        """Held while the unit does something: one command, or one event, at a time."""
        self.waits = False
        """Whether a command may wait: for time, for a key, for the robot. Where none does, nobody
        need look out for aborts meanwhile."""
        self.stuck = False
        """Whether a command stands still, and nobody knows until when."""
        self.running: Nexus | None = None
        """Whose command is running, or ran last."""
        self.commands_run = 0
        """How many there were, this one included."""
        self.memory: dict[str, Any] = {}
        self.volatile: dict[str, Any] = {}
        """What areas of the command set keep until a reset, each under its own name."""
        self.reset_at = clock.monotonic()
        """When the unit was last powered on or reset."""
        self.reservation: Nexus | None = None
        """Who holds the unit by RESERVE."""
        self.persistent = Registrations()
        self.only_if_reserved = False
        """OIR of mode page 10h: a nexus needs a reservation of either kind."""
        self.ports: list[str] = []
        """Target ports by their relative identifiers, from 1; others are added when met."""
        self.nexuses: dict[Nexus, NexusState] = {}
        self.since_power_on = [s.POWER_ON]
        """What a nexus has to hear of when it is first met."""
        self.listener: Listener | None = None

    def happened(self, kind: str, **details: Any) -> None:
        """Tell the listener, if there is one: power, reset, nexus, medium, key, alert, fault."""
        if self.listener is not None:
            self.listener(kind, details)

    # --- nexuses -----------------------------------------------------------------------------

    def meet(self, nexus: Nexus) -> NexusState:
        """First command of a nexus: it has yet to hear of the power-on."""
        state = self.nexuses[nexus] = NexusState(self.since_power_on)
        state.barrier = self._barrier(nexus)
        if nexus.target not in self.ports:
            self.ports.append(nexus.target)
        return state

    def attention(self, code: Code, but: Nexus | None = None) -> None:
        """Establish a unit attention for every known nexus except ``but``, once each."""
        for nexus in self.nexuses:
            if nexus != but:
                self.tell(nexus, code)

    def tell(self, nexus: Nexus, code: Code) -> None:
        """Establish a unit attention for one known nexus, unless the same is pending."""
        attentions = self.nexuses[nexus].attentions
        if code not in attentions:
            attentions.append(code)

    # --- reset and power ---------------------------------------------------------------------

    def abort(self, nexus: Nexus | None = None) -> bool:
        """Let the running command, if it waits for time, end at once with TASK ABORTED.

        Only one of ``nexus``, if given. Returns whether there was one. The only thing that may be
        called out of `turn`: what is not waiting is over soon.
        """
        return self.alarm.call(lambda: nexus is None or nexus == self.running)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The unit's turn: what runs ends soon, what waits, for time or for a key, is aborted."""
        while not self.turn.acquire(ABORT_INTERVAL):
            self.abort()
        try:
            yield
        finally:
            self.turn.release()

    def reset(self, attention: Code | None = s.POWER_ON, but: Nexus | None = None) -> None:
        """Hard or logical unit reset: what RESERVE reserved, prevents and attentions are gone.

        Persistent reservations stay. ``attention`` says which reset it was (29/xx); ``but`` is a
        nexus that the transport tells of the reset itself. None: it does so to all of them.
        """
        self.reservation = None
        self.volatile.clear()
        self.reset_at = self.clock.monotonic()
        for nexus, state in self.nexuses.items():
            state.attentions = [] if attention is None or nexus == but else [attention]
            state.removal_prevented = False
        self._raise_barriers()
        self.happened("reset", what="all hosts know" if attention is None else attention.name)

    def power_on(self) -> None:
        """Power was lost and is back: all that is left is the memory."""
        self.happened("power", what="lost")
        self.restore(self.memory)
        self.reset()

    def forget_attentions(self) -> None:
        """No nexus that is known has anything to hear of; others hear of the power."""
        self.since_power_on = [s.POWER_ON]
        for state in self.nexuses.values():
            state.attentions.clear()

    def restore(self, memory: dict[str, Any]) -> None:
        """Take up what was remembered when there was power before."""
        self.memory = memory
        self.persistent.restore(memory.get("reservations"))
        self.ports = list(
            dict.fromkeys([*self.ports, *(who.target for who in self.persistent.keys)])
        )
        self._raise_barriers()

    def remember(self, **values: Any) -> None:
        """Keep values over a loss of power; durable when it returns."""
        self.memory.update(values)

    def nexus_lost(self, nexus: Nexus) -> None:
        """I_T nexus loss (SAM-5 6.3.4): what it reserved by RESERVE and prevented is gone.

        It hears of that when it comes back, unless it has a reset to hear of. Its registration
        stays (SPC-4 5.13.1).
        """
        state = self.nexuses.get(nexus)
        if state is None:
            return
        self.happened("nexus", what="lost", nexus=nexus.initiator)
        resets = [code for code in state.attentions if code.asc == s.POWER_ON.asc]
        state.attentions = resets[:1] or [s.NEXUS_LOSS]
        state.removal_prevented = False
        # First what is its own: of what goes with its reservation, only others hear.
        self.nexus_gone(nexus)
        if self.reservation == nexus:
            self.release_reservation()

    # --- reservations ------------------------------------------------------------------------

    def reserve(self, nexus: Nexus) -> None:
        """RESERVE: the unit is this nexus' alone."""
        self.reservation = nexus
        self._raise_barriers()

    def release_reservation(self) -> None:
        """What RESERVE reserved is free again."""
        self.reservation = None
        self._raise_barriers()
        self.reservation_lost()

    def has_persistent(self, nexus: Nexus) -> bool:
        """Whether a persistent reservation is there, and this nexus works under it."""
        return self.persistent.admits(Registrant.of(nexus))

    def has_reservation(self, nexus: Nexus) -> bool:
        """Whether a reservation of either kind is there, and this nexus works under it."""
        return self.reservation == nexus or self.has_persistent(nexus)

    def demand_reservations(self, demanded: bool) -> None:
        """OIR is this from now on."""
        if demanded != self.only_if_reserved:
            self.only_if_reserved = demanded
            self._raise_barriers()

    def require_no_legacy(self) -> None:
        """Conflict while anybody, this nexus included, holds the unit by RESERVE."""
        if self.reservation is not None:
            raise ReservationConflict

    def persistent_changed(self, told: Told) -> None:
        """Registrations or the persistent reservation have changed; ``told``: who hears what."""
        for who, code in told:
            for nexus in self.nexuses_of({who}):
                self.tell(nexus, code)
        kept = self.persistent.to_json()
        if kept != self.memory.get("reservations"):
            self.remember(reservations=kept)
        self._raise_barriers()

    def allow_removal(self, whose: set[Registrant]) -> None:
        """As PREVENT ALLOW MEDIUM REMOVAL with PREVENT 0 on each of these nexuses."""
        for nexus in self.nexuses_of(whose):
            self.nexuses[nexus].removal_prevented = False

    def nexuses_of(self, registrants: set[Registrant]) -> list[Nexus]:
        """The known nexuses among them."""
        return [nexus for nexus in self.nexuses if Registrant.of(nexus) in registrants]

    def relative_port(self, target: str) -> int:
        """Relative target port identifier."""
        return self.ports.index(target) + 1

    def target_port(self, relative: int) -> str | None:
        """The target port of an identifier, or None."""
        return self.ports[relative - 1] if 0 < relative <= len(self.ports) else None

    def reservation_lost(self) -> None:
        """A reservation ended and none took its place."""

    def reservation_preempted(self) -> None:
        """A persistent reservation was taken from a holder by another nexus."""

    def nexus_gone(self, nexus: Nexus) -> None:
        """The nexus is lost, and with it whatever else is its own."""

    def _barrier(self, nexus: Nexus) -> Rule | None:
        if self.reservation is not None:
            return None if self.reservation == nexus else Rule.PASSES_LEGACY
        if self.only_if_reserved and self.persistent.type is None:
            return Rule.PASSES_WRITE_EXCLUSIVE | Rule.PASSES_UNRESERVED
        return self.persistent.barrier(Registrant.of(nexus))

    def _raise_barriers(self) -> None:
        for nexus, state in self.nexuses.items():
            state.barrier = self._barrier(nexus)

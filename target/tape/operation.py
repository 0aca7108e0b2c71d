"""Operations that go on after their command: what IMMED starts, and a load nobody waits for.

While one goes on, commands that need neither tape nor mechanism run as ever. Of the others some
wait for its end, as they do in LTO drives after a rewind or a locate (Quantum LTO SCSI reference,
LOAD UNLOAD; IBM LTO SCSI reference A.1); after what may take hours they are refused. TEST UNIT
READY never waits. REQUEST SENSE tells which operation it is and how far it is (SPC-4 4.5.2.4.4).

An operation that fails has no command left to tell of it: its sense data are deferred (71h, 73h)
and end the next command of the nexus that began it, which is not carried out (SPC-4 4.5.7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from target.clock import Clock, Woken
from target.scsi import sense as s
from target.scsi.command import Command, Nexus, Rule
from target.scsi.sense import CheckCondition, Code, Sense


class Kind(NamedTuple):
    """What the world notices of a kind of operation."""

    refused: Code
    """What TEST UNIT READY is told, and every command that the operation keeps from running."""
    reported: Code
    """What REQUEST SENSE is told."""
    waits: bool = False
    """Whether commands that need the tape wait for the end instead of being refused."""
    completes: bool = True
    """Whether an abort, a reset or a loss of power lets it come to its end, at once: else it has
    never begun, and the tape is where it was (IBM LTO SCSI reference, table 20, abort handling)."""


OPERATIONS = {
    "load": Kind(s.BECOMING_READY, s.BECOMING_READY),
    "optimise": Kind(s.BECOMING_READY, s.BECOMING_READY),
    "unload": Kind(s.NOT_READY, s.OPERATION_IN_PROGRESS),
    "rewind": Kind(s.NOT_READY_IN_OPERATION, s.REWIND_IN_PROGRESS, waits=True),
    "locate": Kind(s.NOT_READY_IN_OPERATION, s.LOCATE_IN_PROGRESS, waits=True, completes=False),
    "verify": Kind(s.NOT_READY_IN_OPERATION, s.VERIFY_IN_PROGRESS, completes=False),
    "erase": Kind(s.NOT_READY_IN_OPERATION, s.ERASE_IN_PROGRESS),
    "set capacity": Kind(s.NOT_READY_IN_OPERATION, s.SET_CAPACITY_IN_PROGRESS),
    "format": Kind(s.FORMAT_IN_PROGRESS, s.FORMAT_IN_PROGRESS),
    "clean": Kind(s.CLEANING, s.CLEANING),
}

_TEST_UNIT_READY, _LOAD_UNLOAD = 0x00, 0x1B
"""They need no volume to be loaded, and are about the mechanism all the same."""


class Operation:
    """One that is going on. ``finish`` is what it comes to, and runs once.

    Seconds are those of the drive's clock; ``nexus`` is None where no command began it.
    """

    def __init__(
        self,
        name: str,
        nexus: Nexus | None,
        started: float,
        seconds: float,
        finish: Callable[[], object],
    ) -> None:
        self.name = name
        self.kind = OPERATIONS[name]
        self.nexus = nexus
        self.started = started
        self.seconds = seconds
        self.finish = finish

    def left(self, now: float) -> float:
        """Seconds until its end, 0 once that is reached."""
        return max(0.0, self.started + self.seconds - now)

    def progress(self, now: float) -> int:
        """How much of it is done, in 65536ths; 65535 at most."""
        part = (now - self.started) / self.seconds if self.seconds else 1.0
        return min(0xFFFF, max(0, int(0x10000 * part)))


class Background:
    """What one drive does without a command, and what came of it.

    ``failed`` makes sense data of an exception that is no CheckCondition; ``notify`` is told of
    ``active`` when it may have changed. ``active`` is all that
    a command has to look at while there is nothing. The drive calls `settle` before it looks for
    unit attentions (the end of a load is one), then `admit`.
    """

    def __init__(
        self,
        clock: Clock,
        failed: Callable[[Exception], Sense],
        notify: Callable[[bool], object] = lambda active: None,
    ) -> None:
        self.active = False
        self._notify = notify
        self.operation: Operation | None = None
        self._clock = clock
        self._failed = failed
        self._deferred: dict[Nexus | None, Sense] = {}

    def run(
        self,
        name: str,
        nexus: Nexus | None,
        seconds: float,
        finish: Callable[[], object],
        *,
        immed: bool,
    ) -> None:
        """Carry out an operation, or with ``immed`` begin it; `admit` has seen to the one before.

        Without ``immed``, and where it takes no time, it is over when this returns, and what
        ``finish`` raises is raised here. Raises Woken when it is called from its sleep.
        """
        if immed and seconds > 0:
            assert self.operation is None, f"{name} during {self.operation.name}"
            self.operation = Operation(name, nexus, self._clock.monotonic(), seconds, finish)
            self._set_active()
        else:
            if seconds > 0:
                try:
                    self._clock.sleep(seconds)
                except Woken:
                    if OPERATIONS[name].completes:
                        finish()
                    raise
            finish()

    def settle(self) -> None:
        """End the operation if its time has come."""
        operation = self.operation
        if operation is not None and not operation.left(self._clock.monotonic()):
            self._end(operation)

    def wait(self) -> None:
        """Let the operation come to its end."""
        operation = self.operation
        if operation is not None:
            self._clock.sleep(operation.left(self._clock.monotonic()))
            self._end(operation)

    def admit(self, command: Command, nexus: Nexus) -> None:
        """Before ``command`` runs: CheckCondition if the operation, or a deferred error, ends it.

        INQUIRY, REPORT LUNS and REQUEST SENSE always run.
        """
        if command.rules & Rule.PASSES_ATTENTION:
            return
        operation = self.operation
        if operation is not None and (
            command.needs_medium or command.opcode in (_TEST_UNIT_READY, _LOAD_UNLOAD)
        ):
            if not operation.kind.waits or command.opcode == _TEST_UNIT_READY:
                raise CheckCondition(self._sense(operation, operation.kind.refused))
            self.wait()
        deferred = self._take(nexus)
        if deferred is not None:
            raise CheckCondition(deferred)

    def report(self, nexus: Nexus) -> Sense | None:
        """What REQUEST SENSE returns as data, after unit attentions: a deferred error, which is
        told with that, or the operation; None if there is neither."""
        deferred = self._take(nexus)
        if deferred is None and self.operation is not None:
            return self._sense(self.operation, self.operation.kind.reported)
        return deferred

    def reset(self) -> None:
        """A reset, or loss of power: nothing goes on, and nobody is told of what went wrong."""
        operation = self.operation
        if operation is not None:
            self.operation = None
            if operation.kind.completes:
                self._end(operation)
        self._deferred.clear()
        self._set_active()

    def _set_active(self) -> None:
        self.active = self.operation is not None or bool(self._deferred)
        self._notify(self.active)

    def _sense(self, operation: Operation, code: Code) -> Sense:
        return Sense(code, progress=operation.progress(self._clock.monotonic()))

    def _end(self, operation: Operation) -> None:
        """Run what the operation comes to, which may be the next one."""
        self.operation = None
        try:
            operation.finish()
        except Woken:
            # It waited for a key, and the command that waits for it is aborted.
            self._set_active()
            raise
        except CheckCondition as condition:
            self._defer(operation.nexus, condition.sense)
        except Exception as error:
            self._defer(operation.nexus, self._failed(error))
        self._set_active()

    def _defer(self, nexus: Nexus | None, sense: Sense) -> None:
        self._deferred.setdefault(nexus, replace(sense, deferred=True))

    def _take(self, nexus: Nexus) -> Sense | None:
        """The deferred error of a nexus; one that is nobody's is whoever's asks first."""
        whose = nexus if nexus in self._deferred else None
        sense = self._deferred.pop(whose, None)
        self._set_active()
        return sense

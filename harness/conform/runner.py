"""Runs checks against a device: each from the same state, in any order, and always to an end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic, time

from harness.conform.check import Check, Failure, NotApplicable, Outcome
from harness.conform.identity import identify, why_not_writable
from harness.conform.keys import keys
from harness.conform.known_state import KnownState
from harness.conform.results import Result, Run
from harness.conform.subject import RESERVATION_CONFLICT, Answer, Subject
from harness.initiators.api import Initiator, InitiatorError, Unsupported

NEEDS_SCRATCH = "not run: needs --scratch"
LOST = 3
"""Checks in a row without an answer after which a run ends."""

Watch = Callable[[Result, int, int], None]
"""Told after each check: its result, how many are done, how many there are."""


class Runner:
    """One run. ``seed``: of the order of the checks, None for that of declaration."""

    def __init__(
        self,
        initiator: Initiator,
        *,
        target: str = "",
        scratch: bool = False,
        timeout: float | None = None,
        seed: int | None = None,
    ) -> None:
        self.unit = Subject(initiator, scratch=scratch, timeout=timeout)
        self.state = KnownState(self.unit)
        self.seed = seed
        self.target = target or initiator.name
        self._silent = 0
        self._unwritable = ""
        self._unready = ""
        self._shared = False

    def run(self, checks: Iterable[Check], watch: Watch = lambda *_: None) -> Run:
        """Run those checks that are for the device's kind. Raises NotADevice, InitiatorError."""
        identity = identify(self.unit, self.target)
        self.unit.calibrate()
        listed = [check for check in checks if check.kind == identity.kind]
        chosen = list(listed)
        if self.seed is not None:
            random.Random(self.seed).shuffle(chosen)
        run = Run(identity, time(), self.unit.scratch, self.unit.timeout, self.seed)
        began = monotonic()
        self.state.is_tape = identity.kind == "tape"
        self.state.begin()
        self._unready = not_ready(self.unit.hear_out()) if self.state.is_tape else ""
        self._shared = registered(self.unit)
        overwrites = self.state.is_tape and any(check.scratch for check in chosen)
        if self.unit.scratch and overwrites:
            self._unwritable = why_not_writable(self.unit)
        try:
            self._all(run, chosen, watch)
        except (KeyboardInterrupt, SystemExit):
            self._leave()
            raise
        run.seconds = monotonic() - began
        # A report reads the same whatever the order was.
        place = {check.id: number for number, check in enumerate(listed)}
        run.results.sort(key=lambda result: place[result.check.id])
        return run

    def _all(self, run: Run, chosen: list[Check], watch: Watch) -> None:
        for number, check in enumerate(chosen, 1):
            result = self._one(check)
            run.results.append(result)
            watch(result, number, len(chosen))
            if self._silent >= LOST:
                run.ended_early = (
                    f"The run ended after {number} of {len(chosen)} checks: the device did not "
                    f"answer in {LOST} checks in a row."
                )
                break

    def _leave(self) -> None:
        """Put everything back after an interrupt, when nobody knows which command was under way."""
        with suppress(InitiatorError):
            for nexus in self.state.nexuses():
                nexus.initiator.reconnect()
        self._undo(everything=True)

    def _one(self, check: Check) -> Result:
        why = self._cannot(check)
        if why:
            return Result(check, Outcome.NOT_APPLICABLE, reason=why)
        unit = self.unit
        del unit.exchanges[:], unit.warnings[:], unit.cleanups[:]
        began = monotonic()
        outcome, what, expected, came, reason = self._body(check)
        if outcome is Outcome.FAIL and (reason := self._excuse()):
            outcome, what, expected, came = Outcome.NOT_APPLICABLE, "", "", ""
        exchanges = tuple(unit.exchanges)
        seconds = monotonic() - began
        lost = self._undo(what == NO_ANSWER)
        if self.state.volume_lost and not self._unready:
            self._unready = "2/3A/00"
            self._unwritable = f"{check.id} has left the drive without a volume"
        if lost and outcome is not Outcome.FAIL:
            outcome, what, expected = Outcome.FAIL, "state after the check", "an answer"
            came, exchanges = lost, tuple(unit.exchanges)
        self._silent = self._silent + 1 if lost or what == NO_ANSWER else 0
        warnings = tuple(unit.warnings)
        if warnings and outcome is Outcome.PASS:
            outcome = Outcome.WARNING
        return Result(check, outcome, what, expected, came, reason, warnings, exchanges, seconds)

    def _excuse(self) -> str:
        """Why a check that failed does not apply, or "": what its last command met is the state in
        which the device was given to us."""
        reply = self.unit.exchanges[-1].reply if self.unit.exchanges else None
        if reply is None:
            return ""
        if self._unready and Answer(reply).code.startswith((self._unready, "2/3A")):
            return f"no volume is ready ({self._unready})"
        if self._shared and reply.status == RESERVATION_CONFLICT:
            return "other hosts have registered with the device"
        return ""

    def _cannot(self, check: Check) -> str:
        if not check.scratch:
            return ""
        return self._unwritable if self.unit.scratch else NEEDS_SCRATCH

    def _body(self, check: Check) -> tuple[Outcome, str, str, str, str]:
        """Outcome, what was looked at, what was expected, what came, why it did not apply."""
        try:
            check.body(self.unit)
        except NotApplicable as error:
            return Outcome.NOT_APPLICABLE, "", "", "", str(error)
        except Failure as error:
            return Outcome.FAIL, error.what, error.expected, error.came, ""
        except Unsupported as error:
            return Outcome.NOT_APPLICABLE, "", "", "", str(error)
        except InitiatorError as error:
            return Outcome.FAIL, NO_ANSWER, "an answer", str(error), ""
        except Exception as error:
            came = f"{type(error).__name__}: {error}"
            return Outcome.FAIL, "the check", "data that can be read", came, ""
        return Outcome.PASS, "", "", "", ""

    def _undo(self, silent: bool = False, *, everything: bool = False) -> str:
        """Bring the device back to the known state; what went wrong with that, or ""."""
        unit = self.unit
        try:
            if silent:
                self._recover()
            for cleanup in reversed(unit.cleanups):
                self._clean(cleanup)
            self.state.restore(tuple(unit.exchanges), everything=everything or silent)
        except InitiatorError as error:
            with suppress(InitiatorError):
                self._recover()
                self.state.restore((), everything=True)
            return str(error)
        return ""

    def _clean(self, cleanup: Callable[[], object]) -> None:
        # What was to be undone may never have been done.
        with suppress(Failure, NotApplicable):
            cleanup()

    def _recover(self) -> None:
        """After no answer: end the nexus and make it anew, and reset the unit if that is ours."""
        for nexus in self.state.nexuses():
            with suppress(InitiatorError):
                nexus.initiator.reconnect()
            if self.unit.scratch:
                with suppress(InitiatorError):
                    nexus.initiator.reset()


def registered(unit: Subject) -> bool:
    """Whether somebody has registered a key for persistent reservations."""
    with suppress(Failure):
        return unit.has(0x5E, 0x00) and bool(keys(unit))
    return False


def not_ready(answer: Answer) -> str:
    """Why a drive is not ready, as 2/3A/00 or, with a cartridge that it cannot read, 3/30/00; or
    ""."""
    return answer.code if answer.code.startswith(("2/", "3/")) else ""


NO_ANSWER = "answer"

"""Time, passed in: a unit asks its clock, so that a test can hand it another one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Clock:
    """The machine's own time. Seconds."""

    def now(self) -> float:
        """Since the epoch, as the calendar counts."""
        return time.time()

    def monotonic(self) -> float:
        """Since some instant, never going back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let time pass until the event is set; whether it is."""
        return event.wait(seconds)


class ManualClock(Clock):
    """A clock that only moves when it is told to, or when somebody sleeps by it."""

    def __init__(self, now: float = 0.0) -> None:
        self._start = now
        self.passed = 0.0

    def now(self) -> float:
        """The start, and what has passed since."""
        return self._start + self.passed

    def monotonic(self) -> float:
        """What has passed."""
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        self.passed += seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let ``seconds`` pass at once, whoever might call."""
        self.sleep(seconds)
        return event.is_set()


class Woken(Exception):
    """Whoever slept by an `Alarm` was called before the time had passed."""


class Alarm(Clock):
    """Another clock, by which one sleeps until somebody calls from another thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._call: threading.Event | None = None
        """What ends the sleep; None while nobody sleeps."""
        self._called = False

    def now(self) -> float:
        """As the other clock has it."""
        return self._clock.now()

    def monotonic(self) -> float:
        """As the other clock has it."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass. Raises Woken when `call` comes before the end."""
        self._rest(threading.Event(), seconds, self._clock)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Until the event is set: it is somebody else's, so by the machine's own time.

        Raises Woken when `call`, which sets it as well, comes before that.
        """
        return self._rest(event, seconds, SYSTEM)

    def _rest(self, event: threading.Event, seconds: float, clock: Clock) -> bool:
        with self._guard:
            self._call, self._called = event, False
        try:
            passed = clock.wait(event, seconds)
        finally:
            with self._guard:
                self._call = None
        if self._called:
            raise Woken
        return passed

    def call(self, whoever: Callable[[], bool] = lambda: True) -> bool:
        """Wake the sleeper if there is one and ``whoever`` says that it is meant; whether so."""
        with self._guard:
            if self._call is None or not whoever():
                return False
            self._called = True
            self._call.set()
            return True


SYSTEM = Clock()

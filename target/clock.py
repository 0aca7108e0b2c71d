"""Time, passed in: a unit asks its clock, so that a test can hand it another one."""

from __future__ import annotations

import time


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


SYSTEM = Clock()

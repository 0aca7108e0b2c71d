"""What a drive counts, and since when: bytes, blocks, errors, hours, metres, passes.

Nothing is added up where data move but six numbers (`Counters`), which only grow while there is
power. Everything else is the difference to a mark: of this mount, since a reset, for the life of
the cartridge or of the drive. `Recorder.tally` settles those whenever somebody asks.

Two things are always zero, because no such thing happens here, and logs say so: what a drive had
to retry or to correct, and writes that it suspended while its head was not on the track.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Any

from target.clock import Clock
from target.tape.timing import spot


@dataclass(slots=True)
class Counters:
    """Bytes and blocks; *host* is before compression, *medium* is as stored."""

    host_written: int = 0
    host_read: int = 0
    medium_written: int = 0
    medium_read: int = 0
    blocks_written: int = 0
    blocks_read: int = 0
    write_errors: int = 0
    """Unrecovered, like the next."""
    read_errors: int = 0
    other_errors: int = 0
    """Of the hardware or an aborted command, not of the medium."""

    def since(self, mark: Counters) -> Counters:
        """What was counted since ``mark`` was made."""
        return Counters(*(getattr(self, name) - getattr(mark, name) for name in self.__slots__))

    def mark(self) -> Counters:
        """A copy to compare with later."""
        return Counters(*(getattr(self, name) for name in self.__slots__))

    def clear(self) -> None:
        """Power was lost."""
        for name in self.__slots__:
            setattr(self, name, 0)


STATISTICS = ("passes", "middle_passes", "write_errors", "read_errors")
"""What a cartridge keeps as ``info["statistics"]``: how often its beginning and its middle came to
a head, and errors that were not recovered."""


def statistics(info: dict[str, Any]) -> dict[str, int]:
    """Those of a cartridge, made where it has none yet."""
    kept: dict[str, int] = info.setdefault("statistics", dict.fromkeys(STATISTICS, 0))
    return kept


@dataclass
class Travel:
    """Tape that went over the heads: lengths of it, and passes."""

    lengths: float = 0.0
    passes: int = 0
    middle_passes: int = 0


def stream(here: float, there: float) -> Travel:
    """Reading or writing from one place to another, along the wraps.

    The tape turns at its beginning before every even wrap, and passes its middle once in each.
    """
    low, high = sorted((here, there))
    turns = floor(high / 2) - floor(low / 2)
    return Travel(high - low, turns, floor(high + 0.5) - floor(low + 0.5))


def move(here: float, there: float) -> Travel:
    """Locating or rewinding: straight to the spot, changing tracks on the way."""
    start, end = spot(here), spot(there)
    return Travel(abs(start - end), end == 0 < start, (start < 0.5) != (end < 0.5))


class Stopwatch:
    """How long something was in each of its states, in seconds since the last `restart`."""

    def __init__(self, clock: Clock, state: str) -> None:
        self._clock = clock
        self.state = state
        self._since = self.started = clock.monotonic()
        self._total: dict[str, float] = {}

    def enter(self, state: str) -> None:
        """From now on it is in ``state``."""
        now = self._clock.monotonic()
        self._total[self.state] = self.of(self.state)
        self.state, self._since = state, now

    def of(self, state: str) -> float:
        """Seconds in a state so far."""
        running = self._clock.monotonic() - self._since if state == self.state else 0.0
        return self._total.get(state, 0.0) + running

    @property
    def elapsed(self) -> float:
        """Seconds altogether."""
        return self._clock.monotonic() - self.started

    def restart(self) -> None:
        """Begin anew, in the present state."""
        self._total.clear()
        self._since = self.started = self._clock.monotonic()


class Accounts:
    """The marks of one drive.

    ``mount``: at the last load; ``reset``: at the last reset; ``pages``: when LOG SELECT reset a
    log page that is no row of counters. Times are those of the clock, None for a drive without a
    volume.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.counters = Counters()
        self.mount = Counters()
        self.reset = Counters()
        self.pages: dict[tuple[int, int], Counters] = {}
        self.watch = Stopwatch(clock, "empty")
        """States: empty, present (a cartridge that is not threaded), ready."""
        self.mounted_at: float | None = None
        self.ready_at: float | None = None
        self.moved_at_reset = 0.0
        self.place = 0.0
        """Where the heads were at the last `tally`, in wraps."""
        self._seen = Counters()
        self._on_since = clock.monotonic()

    def take(self) -> Counters:
        """What was counted since this was asked last."""
        more = self.counters.since(self._seen)
        self._seen = self.counters.mark()
        return more

    def seconds_on(self) -> float:
        """Seconds with power since this was asked last."""
        now = self._clock.monotonic()
        more, self._on_since = now - self._on_since, now
        return more

    def loaded(self) -> None:
        """A volume is ready: what counts by mount begins anew."""
        self.mount = self.counters.mark()
        self.pages.clear()
        self.place = 0.0
        self.ready_at = self._clock.monotonic()
        if self.mounted_at is None:
            self.mounted_at = self.ready_at

    def unloaded(self) -> None:
        """The volume has left the heads."""
        self.mounted_at = self.ready_at = None
        self.place = 0.0

    def since(self, page: tuple[int, int]) -> Counters:
        """What was counted in this mount, or since LOG SELECT reset the page."""
        return self.counters.since(self.pages.get(page, self.mount))

    def restart(self, moved: float) -> None:
        """A reset; ``moved``: seconds of motion in the drive's life so far."""
        self.reset = self.counters.mark()
        self.moved_at_reset = moved
        self.watch.restart()

    def power_on(self) -> None:
        """Power was lost: nothing was counted yet."""
        self.counters.clear()
        self.pages.clear()
        self._seen, self.mount, self.reset = Counters(), Counters(), Counters()

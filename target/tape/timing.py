"""How long a drive takes, where a rig asks for it: moving the tape, and writing and reading it.

The model of the tape. Data go to the end and back in wraps; a place is told in wraps from the
beginning, 2.25 being a quarter of the tape's length from the beginning in the third wrap, and 3.75
the same spot in the fourth. A move takes the time of stopping, starting and changing tracks
(``settle``) and the time of the length between the two spots at the speed of searching or
rewinding. Small cartridges fill their tape as full-size ones do.

The model of data. Tape moves at the native rate, what is stored counting, not what the host sent.
A write returns at once until the buffer is full; then, as a read does once it has caught up with
what the drive has read ahead, it waits for the tape. Nothing is modelled of backhitching: drives
match their speed to the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf
from typing import Any

from target.clock import Clock

GRAIN = 0.01
"""Seconds. Shorter waits than this are put off: sleeping is not as exact as counting."""


@dataclass(frozen=True)
class Table:
    """``[timing]`` of a personality, in seconds unless said otherwise.

    The defaults are those of a drive about which nothing is published. Raises ValueError for a
    number below zero, or no rate.
    """

    load: float = 15.0
    """From a cartridge put in to ready."""
    thread: float = 10.0
    """From a cartridge that is in, to ready."""
    unload: float = 20.0
    """From the beginning of the tape to a cartridge that can be taken."""
    rewind: float = 120.0
    """Over the whole length."""
    locate: float = 0.0
    """Over the whole length; 0: twice ``space``."""
    space: float = 60.0
    """Average from the beginning of the tape, as data sheets have it: half the length."""
    settle: float = 2.0
    """Of each of these moves: what does not depend on the length."""
    rate: float = 140.0
    """Native, 10**6 bytes a second."""
    buffer: float = 256.0
    """10**6 bytes."""
    clean: float = 120.0
    format: float = 180.0
    """FORMAT MEDIUM and SET CAPACITY."""
    optimise: float = 0.0
    """First load of a new cartridge, on top of ``load``; 0: nothing of the kind."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < inf:
                raise ValueError(f"timing: {field.name} = {value}: a number of at least 0 expected")
        if not self.rate:
            raise ValueError("timing: rate = 0: a drive has to get on")


def table(values: Mapping[str, Any]) -> Table:
    """A personality's table. ValueError names what is wrong with it."""
    known = {field.name for field in fields(Table)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"timing: {name} is none of {', '.join(sorted(known))}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"timing: {name} = {value!r}: a number expected")
    return Table(**values)


def parse(value: object) -> float:
    """What a rig says of time, as a factor: "instant" is 0, "real" 1, a number itself.

    Raises ValueError for anything else.
    """
    if value == "instant":
        return 0.0
    if value == "real":
        return 1.0
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf:
        return float(value)
    raise ValueError(f'timing = {value!r}: "instant", "real" or a factor such as 0.01 expected')


def place(used: int, before: int, capacity: int, wraps: int) -> float:
    """Where ``used`` bytes into a partition are: wraps from the beginning of the tape.

    ``before`` bytes of the cartridge's ``capacity`` are those of earlier partitions; each begins
    where the tape does, so with an even wrap.
    """
    whole = max(capacity, 1)
    return 2 * round(before / whole * wraps / 2) + used / whole * wraps


def spot(place: float) -> float:
    """How far from the beginning of the tape a place is, as a part of its length."""
    wrap, along = divmod(place, 1)
    return 1 - along if wrap % 2 else along


class Timing:
    """What one drive's mechanism is doing, by its clock. All seconds are scaled by ``factor``.

    A drive whose factor is 0 had better have none: it would count for nothing.
    """

    def __init__(self, times: Table, factor: float, clock: Clock) -> None:
        self.clock = clock
        self.load = factor * times.load
        self.thread = factor * times.thread
        self.clean = factor * times.clean
        self.format = factor * times.format
        self.optimise = factor * times.optimise
        self._unload = factor * times.unload
        self._settle = factor * times.settle
        self._rewind = max(0.0, factor * times.rewind - self._settle)
        full = times.locate or 2 * times.space - times.settle
        self._search = max(0.0, factor * full - self._settle)
        self._per_byte = factor / (times.rate * 1e6)
        self._buffer = times.buffer * 1e6 * self._per_byte
        self._busy_until = clock.monotonic()

    # --- how long -------------------------------------------------------------------------------

    def seconds_between(self, here: float, there: float) -> float:
        """A move between two places; 0 where they are the same."""
        if here == there:
            return 0.0
        return self._settle + abs(spot(here) - spot(there)) * self._search

    def seconds_to_rewind(self, here: float) -> float:
        """To the beginning of the tape, which is that of every partition."""
        return self._settle + spot(here) * self._rewind if here else 0.0

    def seconds_to_unload(self, here: float) -> float:
        """Rewind and unthread."""
        return self.seconds_to_rewind(here) + self._unload

    def seconds_to_stream(self, count: int) -> float:
        """To pass over as much tape as ``count`` bytes take: a long erase, a verify."""
        return count * self._per_byte

    # --- waiting --------------------------------------------------------------------------------

    def write(self, stored: int) -> None:
        """``stored`` bytes go to the buffer, and wait until it has room for them."""
        now = self.clock.monotonic()
        self._busy_until = max(self._busy_until, now) + stored * self._per_byte
        self._wait(self._busy_until - now - self._buffer)

    def read(self, stored: int) -> None:
        """``stored`` bytes come from the tape, or from what was read ahead meanwhile."""
        now = self.clock.monotonic()
        self._busy_until = max(self._busy_until, now - self._buffer) + stored * self._per_byte
        self._wait(self._busy_until - now)

    def _wait(self, seconds: float) -> None:
        if seconds > GRAIN:
            self.clock.sleep(seconds)

    def engage(self, seconds: float = 0.0) -> float:
        """The mechanism does something else for ``seconds``, once the buffer is on the tape.

        Returns how long that is from now: what a command has to sleep, or an operation that goes
        on after its command has to last. With 0 seconds it is a synchronise.
        """
        now = self.clock.monotonic()
        self._busy_until = max(self._busy_until, now) + seconds
        return self._busy_until - now

    def halt(self) -> None:
        """Loss of power, or a reset that ends what was going on: nothing is under way."""
        self._busy_until = self.clock.monotonic()

"""Figures over time in at most so many bins: they become twice as wide when time goes on.

So that a run of any length is read once, in little memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

MOST = 480
"""Bins there may be; about two pixels of a plot for each."""
FIRST = 1e-4
"""Seconds of a bin at first."""

T = TypeVar("T")


class Bins(Generic[T]):
    """``make`` makes a bin's figures, ``merge`` adds those of the second to the first."""

    def __init__(self, make: Callable[[], T], merge: Callable[[T, T], None]) -> None:
        self._make = make
        self._merge = merge
        self._bins: dict[int, T] = {}
        self.width = FIRST

    def at(self, t: float) -> T:
        """The bin of that time, in seconds since the start."""
        number = int(t / self.width)
        while number >= MOST:
            self._double()
            number = int(t / self.width)
        if number not in self._bins:
            self._bins[number] = self._make()
        return self._bins[number]

    def widen(self, width: float) -> None:
        """Until bins are at least that wide, so that several series have the same."""
        while self.width < width:
            self._double()

    def __iter__(self) -> Iterator[tuple[float, T]]:
        """Where each bin begins, in seconds, and its figures; empty ones are left out."""
        return ((number * self.width, self._bins[number]) for number in sorted(self._bins))

    def __len__(self) -> int:
        return len(self._bins)

    def _double(self) -> None:
        self.width *= 2
        old, self._bins = self._bins, {}
        for number in sorted(old):
            if number // 2 in self._bins:
                self._merge(self._bins[number // 2], old[number])
            else:
                self._bins[number // 2] = old[number]


@dataclass
class Busy:
    """Commands of a bin: how many began, how many failed, seconds that they took, bytes moved."""

    count: int = 0
    errors: int = 0
    took: float = 0.0
    written: int = 0
    read: int = 0

    def add(self, other: Busy) -> None:
        """Those of another bin as well."""
        self.count += other.count
        self.errors += other.errors
        self.took += other.took
        self.written += other.written
        self.read += other.read


@dataclass
class Span:
    """Where the tape was in a bin: first, lowest, highest and last object; the last partition."""

    first: int = -1
    low: int = -1
    high: int = -1
    last: int = -1
    partition: int = 0

    def add(self, other: Span) -> None:
        """Those of a later bin as well."""
        if self.first < 0:
            self.first, self.low = other.first, other.low
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        self.last, self.partition = other.last, other.partition


def busy() -> Bins[Busy]:
    """Bins of commands."""
    return Bins(Busy, Busy.add)


def spans() -> Bins[Span]:
    """Bins of positions."""
    return Bins(Span, Span.add)

"""What was measured, and the tables that say it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from typing import NamedTuple

LEGEND = {
    "a": "bare loop: AES-GCM into a kept buffer, file write",
    "b": "the drive in process",
    "c": "the drive through /dev/nst0",
    "d": "a medium that discards, through /dev/nst0",
    "e": "dd from one file to a new one, same kernel",
}


class Case(NamedTuple):
    """One thing measured: what (a letter of LEGEND), direction, block size in bytes.

    d and e never encrypt: there the flag says which measurement of c they were taken beside.
    """

    what: str
    direction: str
    encrypted: bool
    size: int


class Results:
    """Samples in bytes a second by case; a case's figure is the median of its samples."""

    def __init__(self) -> None:
        self._samples: dict[Case, list[float]] = {}
        self.notes: dict[str, float] = {}

    def add(self, case: Case, rate: float) -> None:
        """One more sample."""
        self._samples.setdefault(case, []).append(rate)

    def note(self, name: str, value: float) -> None:
        """A figure that is no throughput."""
        self.notes[name] = value

    def update(self, other: Results) -> None:
        """Take over everything from another run."""
        self._samples.update(other._samples)
        self.notes.update(other.notes)

    def __getitem__(self, case: Case) -> float:
        return statistics.median(self._samples[case])

    def ratio(self, upper: str, lower: str, direction: str, encrypted: bool, size: int) -> float:
        """How fast ``upper`` is as a part of ``lower``.

        The two were measured in turn, so each pair of samples is one ratio; the median of those.
        """
        first = self._samples[Case(upper, direction, encrypted, size)]
        second = self._samples[Case(lower, direction, encrypted, size)]
        return statistics.median(a / b for a, b in zip(first, second, strict=True))

    def dump(self) -> str:
        """As JSON."""
        rows = [[*case, samples] for case, samples in self._samples.items()]
        return json.dumps({"rows": rows, "notes": self.notes})

    @classmethod
    def load(cls, text: str) -> Results:
        """From `dump`'s JSON."""
        results = cls()
        raw = json.loads(text)
        for what, direction, encrypted, size, samples in raw["rows"]:
            results._samples[Case(what, direction, encrypted, size)] = samples
        results.notes = raw["notes"]
        return results


def size_name(size: int) -> str:
    """4 KiB, 1 MiB."""
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def rows(results: Results, sizes: Iterable[int]) -> Iterable[tuple[str, ...]]:
    """A line for each direction, encryption and size: MB/s of a to e, then the ratios."""
    for encrypted in (True, False):
        for direction in ("write", "read"):
            for size in sizes:
                where = (direction, encrypted, size)
                rates = (results[Case(what, *where)] for what in LEGEND)
                ratios = (
                    results.ratio(upper, lower, *where) for upper, lower in ("ba", "cd", "ce")
                )
                yield (
                    f"{direction} {'encrypted' if encrypted else 'clear'}",
                    size_name(size),
                    *(f"{rate / 1e6:.0f}" for rate in rates),
                    *(f"{ratio:.2f}" for ratio in ratios),
                )

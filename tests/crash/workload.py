"""A drive that is written to at random, and what someone outside knows of its tape.

The writer reports each command through a pipe: what is about to be written and where, that a cut
is over, that everything so far is durable. What a block holds follows from its number and the
seed, so a report is a few bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.medium.tape import Host, Refused, power_off, power_on

KEYS: tuple[bytes | None, ...] = (None, *(bytes([number]) * 32 for number in (7, 8, 9)))
SIZES = ((1, 100), (1000, 10_000), (1000, 10_000), (60_000, 300_000), (1 << 20, 3 << 19))
COMPRESSION = ("off", "off", "lz4", "zstd")
LARGEST = 3 << 19


class Written(NamedTuple):
    """A block: its number, bytes and which of KEYS it was written with."""

    number: int
    size: int
    key: int


Item = Written | None
"""None: a filemark."""


def content(seed: str, item: Written) -> bytes:
    """What a block holds; a third of it can be compressed."""
    noise = item.size - item.size // 3
    return random.Random(f"{seed} {item}").randbytes(noise) + bytes(item.size // 3)


def next_number(tape: list[Item]) -> int:
    """A number that no block of the tape has."""
    return 1 + max((item.number for item in tape if item), default=0)


@dataclass
class Known:
    """What may be on the tape after a kill: a part of `tape` with at least `durable` objects.

    While a cut is under way it may still be what was there before.
    """

    tape: list[Item] = field(default_factory=list)
    durable: int = 0
    before: tuple[list[Item], int] | None = None

    def begin(self, position: int, items: list[Item]) -> bool:
        """These objects are about to be written; whether that cuts."""
        cuts = position < len(self.tape)
        if cuts:
            self.before = self.tape, self.durable
        self.tape = [*self.tape[:position], *items]
        self.durable = min(self.durable, position)
        return cuts

    def hear(self, report: str) -> None:
        """Take in one line of the writer."""
        what, *numbers = report.split()
        if what == "failed":
            raise AssertionError(report)
        first, *rest = [int(number) for number in numbers or ("0",)]
        if what == "block":
            self.begin(first, [Written(rest[0], rest[1], rest[2])])
        elif what == "marks":
            self.begin(first, [None] * rest[0])
        elif what == "cut":
            self.before = None
        elif what == "durable":
            self.durable = len(self.tape)
        else:
            raise ValueError(f"the writer says {report}")

    def candidates(self) -> list[tuple[list[Item], int]]:
        """(tape, how much of it must be there) that a kill now may leave."""
        return [(self.tape, self.durable), *([self.before] if self.before else [])]


class Reader:
    """A host that reads a tape written with several keys."""

    def __init__(self, host: Host, seed: str) -> None:
        self.host = host
        self.seed = seed
        self.key = 0

    def use(self, key: int) -> None:
        """Set one of KEYS, unless it is set already."""
        if key != self.key:
            self.host.key(KEYS[key])
            self.key = key

    def expect(self, item: Item) -> None:
        """Read an object; AssertionError if it is not that one."""
        if item is not None and item.key:
            self.use(item.key)
        try:
            found = self.host.read(LARGEST)
        except Refused as refused:
            raise AssertionError(f"{refused} instead of {item}") from refused
        wanted = item and content(self.seed, item)
        assert found == wanted, f"{found and found[:20]!r} instead of {item}"


class Writer(Reader):
    """Works on a tape until it is killed."""

    def __init__(
        self, folder: Path, seed: str, chance: random.Random, known: Known,
        report: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.folder = folder
        self.chance = chance
        self.known = Known(known.tape, known.durable)
        self.next = next_number(known.tape)
        self.report = report
        self.compression = chance.choice(COMPRESSION)
        super().__init__(power_on(folder, self.compression), seed)
        self.position = 0

    def work(self, steps: int) -> None:
        """So many steps, each a few commands."""
        works = (
            self.write, self.filemarks, self.go_back,
            self.go_to_end, self.change_key, self.read_something, self.rewind, self.reload,
            self.erase, self.restart,
        )  # fmt: skip
        weights = (18, 12, 3, 4, 3, 2, 2, 1, 1, 1)
        for work in self.chance.choices(works, weights, k=steps):
            work()

    def announce(self, report: str, items: list[Item]) -> Callable[[], None]:
        """Report what comes; returns what to call when it is done."""
        self.report(report)
        cuts = self.known.begin(self.position, items)
        self.position += len(items)
        return (lambda: self.report("cut")) if cuts else (lambda: None)

    def _durable(self) -> None:
        self.known.durable = len(self.known.tape)
        self.report("durable")

    def write(self) -> None:
        for _ in range(self.chance.randint(1, 5)):
            size = self.chance.randint(*self.chance.choices(SIZES, (6, 6, 6, 3, 1))[0])
            item = Written(self.next, size, self.key)
            self.next += 1
            done = self.announce(f"block {self.position} {item.number} {size} {self.key}", [item])
            self.host.write(content(self.seed, item))
            done()

    def filemarks(self) -> None:
        count, immed = self.chance.randint(0, 3), self.chance.random() < 0.3
        if count:
            done = self.announce(f"marks {self.position} {count}", [None] * count)
            self.host.filemarks(count, immed)
            done()
        else:
            self.host.filemarks(0, immed)
        if not (count and immed):
            self._durable()

    def erase(self) -> None:
        done = self.announce(f"marks {self.position} 0", [])
        self.host.erase()
        done()
        self._durable()

    def go_back(self) -> None:
        self.position = max(0, self.position - self.chance.randint(1, 10))
        self.host.locate(self.position)

    def go_to_end(self) -> None:
        self.host.to_end()
        self.position = len(self.known.tape)

    def change_key(self) -> None:
        self.use(self.chance.randrange(len(KEYS)))

    def read_something(self) -> None:
        if self.known.tape:
            number = self.chance.randrange(len(self.known.tape))
            self.host.locate(number)
            self.expect(self.known.tape[number])
            self.position = number + 1

    def rewind(self) -> None:
        self.host.rewind()
        self._durable()
        self.position = 0
        if self.chance.random() < 0.7:
            self.go_to_end()

    def reload(self) -> None:
        self.host.unload()
        self._durable()
        self.host.load()
        self.position = 0
        self.go_to_end()

    def restart(self) -> None:
        power_off(self.host)
        self._durable()
        self.host = power_on(self.folder, self.compression)
        self.key = self.position = 0
        self.go_to_end()

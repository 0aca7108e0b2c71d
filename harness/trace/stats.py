"""A trace in figures: by command, by nexus, and what happened besides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Column, Table

from harness.counting import many
from harness.trace import names
from harness.trace.reader import Command, Record

PERCENTILES = (50, 90, 99)


@dataclass
class Figures:
    """Of some commands: how many, how many did not end with GOOD, bytes, and seconds of each."""

    count: int = 0
    errors: int = 0
    bytes: int = 0
    took: list[float] = field(default_factory=list)

    def add(self, command: Command) -> None:
        """One more."""
        self.count += 1
        self.errors += bool(command.status)
        self.bytes += command.out.length + command.data.length
        self.took.append(command.took)

    @property
    def rate(self) -> float:
        """Megabytes (10**6) a second, of the time that the commands took."""
        busy = sum(self.took)
        return self.bytes / 1e6 / busy if busy else 0.0

    def percentile(self, percent: int) -> float:
        """Milliseconds that so many of a hundred commands took at most."""
        took = sorted(self.took)
        return 1000 * took[min(len(took) * percent // 100, len(took) - 1)] if took else 0.0


@dataclass
class Stats:
    """All figures of a trace."""

    by_command: dict[str, Figures]
    by_nexus: dict[tuple[str, str], Figures]
    """By unit and initiator."""
    events: Counter[str]
    seconds: float


def count(records: Iterable[Record], changers: set[str]) -> Stats:
    """The figures of these records."""
    by_command: dict[str, Figures] = defaultdict(Figures)
    by_nexus: dict[tuple[str, str], Figures] = defaultdict(Figures)
    events: Counter[str] = Counter()
    first, last = float("inf"), 0.0
    for record in records:
        first = min(first, record.t)
        if isinstance(record, Command):
            name = names.name(record.cdb, changer=record.unit in changers)
            by_command[name].add(record)
            by_nexus[record.unit, record.nexus].add(record)
            last = max(last, record.t + record.took)
        else:
            events[f"{record.kind} {record.details.get('what', '')}".rstrip()] += 1
            last = max(last, record.t)
    return Stats(dict(by_command), dict(by_nexus), events, max(last - first, 0.0))


def show(stats: Stats, console: Console) -> None:
    """Print the tables."""
    commands = sum(one.count for one in stats.by_command.values())
    console.print(f"{many(commands, 'command')} in {stats.seconds:.3f} s")
    table = Table(_name("command"), box=None, pad_edge=False, header_style="bold")
    _columns(table)
    for name, figures in sorted(stats.by_command.items(), key=lambda one: -one[1].count):
        table.add_row(name, *_cells(figures))
    console.print(table)
    console.print()
    table = Table(_name("unit"), _name("nexus"), box=None, pad_edge=False, header_style="bold")
    _columns(table)
    for (unit, nexus), figures in sorted(stats.by_nexus.items()):
        table.add_row(unit, nexus, *_cells(figures))
    console.print(table)
    if stats.events:
        console.print()
        table = Table(_name("event"), box=None, pad_edge=False, header_style="bold")
        table.add_column("count", justify="right")
        for event, number in sorted(stats.events.items()):
            table.add_row(event, str(number))
        console.print(table)


def _name(title: str) -> Column:
    return Column(title, overflow="fold")


def _columns(table: Table) -> None:
    titles = ("count", "errors", "bytes", "MB/s", *(f"p{one} ms" for one in PERCENTILES), "max ms")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)


def _cells(figures: Figures) -> list[str]:
    rate = f"{figures.rate:.1f}" if figures.bytes else ""
    times = [figures.percentile(one) for one in PERCENTILES] + [1000 * max(figures.took)]
    cells = [str(figures.count), str(figures.errors or ""), str(figures.bytes or ""), rate]
    return cells + [f"{time:.3f}" for time in times]

"""What a report tells of a trace, gathered in one pass and in memory that does not grow with it."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

from harness.report.bins import Bins, Busy, Span, busy, spans
from harness.trace import names
from harness.trace.reader import Command, Event, Header, Trace
from harness.trace.words import changers, result, sense_of

KEPT = 200
"""Errors, and events of a kind, that are told one by one."""
SLOWEST = 20
DRAWN = 1500
"""Commands that are drawn one by one; of more, bins are."""
WRITES = frozenset({0x0A, 0x8A})
READS = frozenset({0x08, 0x88, 0x0F, 0x81})
NO_ERROR = frozenset({0x00, 0x01, 0x06})
"""Sense keys that tell of no failure: a filemark or another length, what was recovered, and what
happened since."""


@dataclass
class Figures:
    """Of some commands."""

    count: int = 0
    errors: int = 0
    took: float = 0.0
    longest: float = 0.0
    written: int = 0
    read: int = 0


@dataclass
class Lane:
    """A nexus of a unit in the timeline: bins, and the commands themselves while they are few."""

    unit: str
    nexus: str
    bins: Bins[Busy] = field(default_factory=busy)
    commands: list[tuple[float, float, bool, str]] = field(default_factory=list)
    """Start, seconds, whether it failed, words."""


@dataclass
class Digest:
    """Everything that the page shows."""

    header: Header
    seconds: float = 0.0
    commands: int = 0
    errors: int = 0
    written: int = 0
    read: int = 0
    units: dict[str, Figures] = field(default_factory=dict)
    by_command: dict[str, Figures] = field(default_factory=dict)
    lanes: dict[tuple[str, str], Lane] = field(default_factory=dict)
    moved: Bins[Busy] = field(default_factory=busy)
    positions: dict[str, Bins[Span]] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    """By kind; the first `KEPT` of each."""
    event_counts: Counter[str] = field(default_factory=Counter)
    failures: list[Command] = field(default_factory=list)
    """The first `KEPT`."""
    failure_counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By unit, command and how it ended."""
    slowest: list[tuple[float, int, Command]] = field(default_factory=list)

    @property
    def drawn_one_by_one(self) -> bool:
        """Whether every command is in its lane."""
        return self.commands <= DRAWN


def digest(trace: Trace) -> Digest:
    """Read a trace once. Raises TraceError."""
    made = Digest(trace.header)
    for unit in trace.header.units:
        made.units[unit.name] = Figures()
    special = changers(trace.header)
    for record in trace.records:
        if isinstance(record, Event):
            _event(made, record)
        else:
            _command(made, record, record.unit in special)
    made.slowest.sort(reverse=True)
    widest = max([lane.bins.width for lane in made.lanes.values()] + [made.moved.width])
    for lane in made.lanes.values():
        lane.bins.widen(widest)
    return made


def failed(command: Command) -> bool:
    """Whether it ended with an error; a filemark or a unit attention is none."""
    if command.status == 0x02:
        return sense_of(command.sense).code[0] not in NO_ERROR
    return command.status not in {0x00, 0x04}


def _event(made: Digest, event: Event) -> None:
    made.seconds = max(made.seconds, event.t)
    made.event_counts[event.kind] += 1
    kept = made.events.setdefault(event.kind, [])
    if len(kept) < KEPT:
        kept.append(event)


def _command(made: Digest, command: Command, changer: bool) -> None:
    wrong = failed(command)
    made.commands += 1
    made.errors += wrong
    made.seconds = max(made.seconds, command.t + command.took)
    opcode = command.cdb[0] if command.cdb else -1
    written = command.out.length if opcode in WRITES and not wrong else 0
    read = command.data.length if opcode in READS else 0
    made.written += written
    made.read += read
    one = Busy(1, int(wrong), command.took, written, read)
    name = names.name(command.cdb, changer=changer)
    for figures in (
        made.units.setdefault(command.unit, Figures()),
        made.by_command.setdefault(name, Figures()),
    ):
        _count(figures, one)
    lane = made.lanes.setdefault((command.unit, command.nexus), Lane(command.unit, command.nexus))
    lane.bins.at(command.t).add(one)
    if written or read:
        made.moved.at(command.t).add(one)
    if made.drawn_one_by_one:
        text = f"{names.words(command.cdb, changer=changer)}: {result(command)}"
        lane.commands.append((command.t, command.took, wrong, text))
    if command.position is not None:
        _position(made, command, *command.position)
    if wrong:
        made.failure_counts[command.unit, name, result(command)] += 1
        if len(made.failures) < KEPT:
            made.failures.append(command)
    push = heapq.heappush if len(made.slowest) < SLOWEST else heapq.heappushpop
    push(made.slowest, (command.took, -made.commands, command))


def _count(figures: Figures, one: Busy) -> None:
    figures.count += 1
    figures.errors += one.errors
    figures.took += one.took
    figures.longest = max(figures.longest, one.took)
    figures.written += one.written
    figures.read += one.read


def _position(made: Digest, command: Command, partition: int, place: int) -> None:
    series = made.positions.setdefault(command.unit, spans())
    series.at(command.t + command.took).add(Span(place, place, place, place, partition))

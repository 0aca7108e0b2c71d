"""Which records of a trace are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from harness.trace import names, words
from harness.trace.reader import Command, Record, Trace, TraceError

KINDS = ("command", "power", "reset", "nexus", "medium", "key", "alert", "fault", "message")


@dataclass(frozen=True)
class Choice:
    """What is wanted; what is empty does not matter. ``begin`` and ``end`` in seconds."""

    units: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    nexuses: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    errors: bool = False
    begin: float = 0.0
    end: float = float("inf")

    def check(self, trace: Trace) -> None:
        """See that it can be. Raises TraceError."""
        known = {unit.name for unit in trace.header.units}
        for unit in self.units:
            if unit not in known:
                there = ", ".join(sorted(known)) or "none"
                raise TraceError(f"{trace.path} has no unit {unit}: its units are {there}")
        for name in self.commands:
            if not names.is_known(name):
                raise TraceError(
                    f"no command is called {name}: write a name such as WRITE(6) or READ POSITION,"
                    " or an operation code such as 0A"
                )

    def of(self, trace: Trace) -> Iterator[tuple[str, Record]]:
        """The lines that are wanted, each with what is in it. Raises TraceError."""
        self.check(trace)
        changers = words.changers(trace.header)
        for line, record in trace.lines:
            if self._wants(record, changer=record.unit in changers):
                yield line, record

    def _wants(self, record: Record, *, changer: bool) -> bool:
        if not self.begin <= record.t <= self.end:
            return False
        if self.units and record.unit not in self.units:
            return False
        if self.kinds and record.kind not in self.kinds:
            return False
        if not isinstance(record, Command):
            return not (self.errors or self.commands or self.nexuses)
        if self.nexuses and record.nexus not in self.nexuses:
            return False
        if self.errors and not record.status:
            return False
        return not self.commands or _meant(record.cdb, self.commands, changer)


@lru_cache(4096)
def _meant(cdb: bytes, commands: tuple[str, ...], changer: bool) -> bool:
    return any(names.is_called(cdb, name, changer=changer) for name in commands)

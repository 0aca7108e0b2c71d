"""Reads a trace file, line by line: a header, then commands and events in order.

    trace = read(Path("trace.jsonl"))
    print(trace.header.rig)
    for record in trace.records:
        ...

The format is told in docs/traces.md; `target.trace` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = 1


class TraceError(Exception):
    """A file is no trace; the text is one sentence that names it."""


@dataclass(frozen=True)
class Unit:
    """A drive or changer; ``kind`` is drive or changer."""

    name: str
    kind: str
    model: str
    serial: str


@dataclass(frozen=True)
class Header:
    """Whose trace it is; ``start`` is in seconds since the epoch."""

    rig: str
    seed: int
    start: float
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Data:
    """Data-out or data-in: ``head`` is all of it, or its beginning where ``sha256`` is that of all
    ``length`` bytes."""

    length: int
    head: bytes
    sha256: str | None = None

    @property
    def complete(self) -> bool:
        """Whether all bytes are here."""
        return self.length == len(self.head)


@dataclass(frozen=True, slots=True)
class Command:
    """A command and its answer. ``t`` and ``took`` in seconds; ``redacted``: the (start, end) of
    ``out`` where keys were, which are zeros here, ``keys``: for each a text that is the same for
    the same key, within a trace; ``room``: for so many bytes of data-in; ``position``: (partition,
    object) after it."""

    n: int
    t: float
    unit: str
    nexus: str
    port: str
    took: float
    cdb: bytes
    out: Data
    data: Data
    status: int
    sense: bytes
    position: tuple[int, int] | None
    redacted: tuple[tuple[int, int], ...] = ()
    keys: tuple[str, ...] = ()
    room: int = 0

    kind = "command"


@dataclass(frozen=True, slots=True)
class Event:
    """What is no command: power, reset, nexus, medium, key, alert, fault or message."""

    n: int
    t: float
    unit: str
    kind: str
    details: dict[str, Any] = field(default_factory=dict)


Record = Command | Event


@dataclass(frozen=True)
class Trace:
    """A trace file; every use of ``records`` reads it anew. A line that was cut ends it."""

    path: Path
    header: Header

    @property
    def records(self) -> Iterator[Record]:
        """All commands and events in the order of their ends. Raises TraceError."""
        for _, record in self.lines:
            yield record

    @property
    def lines(self) -> Iterator[tuple[str, Record]]:
        """The same, each with its line."""
        with self.path.open(encoding="utf-8", errors="replace") as file:
            next(file)
            for number, line in enumerate(file, 2):
                if not line.endswith("\n"):
                    return
                try:
                    yield line, parse(line)
                except (ValueError, LookupError, TypeError, AttributeError) as error:
                    raise TraceError(f"{self.path}, line {number}: no record ({error})") from None


def read(path: Path) -> Trace:
    """A trace, its header read. Raises TraceError."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            first = json.loads(file.readline(1 << 20))
        version = first["trace"]
        units = tuple(Unit(**unit) for unit in first["units"])
        header = Header(first["rig"], first["seed"], first["start"], units)
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        raise TraceError(f"{path} is no trace: its first line is no header of one") from None
    if version != VERSION:
        raise TraceError(f"{path} is a trace of version {version}: this keyreel reads {VERSION}")
    return Trace(path, header)


def parse(line: str) -> Record:
    """The record of a line. Raises ValueError, KeyError, TypeError."""
    raw = json.loads(line)
    if raw["kind"] != "command":
        n, t, unit, kind = (raw.pop(key) for key in ("n", "t", "unit", "kind"))
        return Event(n, t, unit, kind, raw)
    position = raw["position"]
    return Command(
        raw["n"],
        raw["t"],
        raw["unit"],
        raw["nexus"],
        raw["port"],
        raw["took"],
        bytes.fromhex(raw["cdb"]),
        _data(raw["out"]),
        _data(raw["in"]),
        raw["status"],
        bytes.fromhex(raw["sense"]),
        None if position is None else (position[0], position[1]),
        tuple((start, end) for start, end in raw.get("redacted", ())),
        tuple(raw.get("keys", ())),
        raw.get("room", 0),
    )


def _data(raw: Any) -> Data:
    if isinstance(raw, str):
        head = bytes.fromhex(raw)
        return Data(len(head), head)
    return Data(raw["length"], bytes.fromhex(raw["head"]), raw["sha256"])

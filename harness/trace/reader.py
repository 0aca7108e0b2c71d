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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VERSION = 1
LONGEST = 1e10
"""Seconds, and seconds since the epoch: three hundred years."""
LARGEST = 1 << 31
"""Bytes of a command's data, and of numbers that are no seconds."""


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
        if path.is_fifo():
            raise TraceError(f"{path} is a pipe, and a trace is read more than once: name a file")
        with path.open(encoding="utf-8", errors="replace") as file:
            raw = json.loads(file.readline(1 << 20))
        if raw["trace"] != VERSION:
            raise TraceError(
                f"{path} is a trace of version {raw['trace']}: this keyreel reads {VERSION}"
            )
        return Trace(path, _header(raw))
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        raise TraceError(f"{path} is no trace: its first line is no header of one") from None


def _header(raw: dict[str, Any]) -> Header:
    units = tuple(Unit(**unit) for unit in raw["units"])
    texts = [raw["rig"], *(text for unit in units for text in asdict(unit).values())]
    _require(all(isinstance(text, str) for text in texts), "texts")
    _require(isinstance(raw["seed"], int) and 0 <= raw["start"] <= LONGEST, "seed or start")
    return Header(raw["rig"], raw["seed"], raw["start"], units)


def parse(line: str) -> Record:
    """The record of a line. Raises ValueError, KeyError, TypeError."""
    raw = json.loads(line)
    n, t, unit, kind = raw.pop("n"), raw.pop("t"), raw.pop("unit"), raw.pop("kind")
    _require(isinstance(n, int) and 0 <= t <= LONGEST, "n or t")
    _require(isinstance(unit, str) and isinstance(kind, str), "unit or kind")
    if kind != "command":
        return Event(n, t, unit, kind, raw)
    nexus, port, took, status = raw["nexus"], raw["port"], raw["took"], raw["status"]
    room, out = raw.get("room", 0), _data(raw["out"])
    _require(isinstance(nexus, str) and isinstance(port, str), "nexus or port")
    _require(0 <= took <= LONGEST and isinstance(room, int) and 0 <= room < LARGEST, "took or room")
    _require(isinstance(status, int) and 0 <= status <= 0xFF, "status")
    return Command(
        n,
        t,
        unit,
        nexus,
        port,
        took,
        bytes.fromhex(raw["cdb"]),
        out,
        _data(raw["in"]),
        status,
        bytes.fromhex(raw["sense"]),
        _position(raw["position"]),
        _redacted(raw["redacted"], out) if "redacted" in raw else (),
        tuple(map(str, raw.get("keys", ()))),
        room,
    )


def _require(right: bool, what: str) -> None:
    if not right:
        raise ValueError(f"{what} will not do")


def _position(raw: Any) -> tuple[int, int] | None:
    if raw is None:
        return None
    partition, place = raw
    _require(isinstance(partition, int) and isinstance(place, int), "position")
    return partition, place


def _redacted(raw: Any, out: Data) -> tuple[tuple[int, int], ...]:
    spans = tuple((start, end) for start, end in raw)
    _require(all(0 <= start <= end <= out.length for start, end in spans), "redacted")
    return spans


def _data(raw: Any) -> Data:
    if isinstance(raw, str):
        head = bytes.fromhex(raw)
        return Data(len(head), head)
    length, head, digest = raw["length"], bytes.fromhex(raw["head"]), raw["sha256"]
    _require(isinstance(length, int) and len(head) <= length < LARGEST, "length")
    _require(isinstance(digest, str), "sha256")
    return Data(length, head, digest)

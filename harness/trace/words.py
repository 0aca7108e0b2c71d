"""Records in words: a line for each."""

from __future__ import annotations

from typing import NamedTuple

from harness.layers import status
from harness.layers.asc import TEXTS
from harness.trace import names
from harness.trace.reader import Command, Event, Header, Record

CHECK_CONDITION = 0x02
_DESCRIPTOR = {0x72, 0x73}
_FLAGS = ((0x80, "filemark"), (0x40, "EOM"), (0x20, "ILI"))
_STREAM_COMMANDS = 4
"""Type of the sense data descriptor that has the flags."""


class Sense(NamedTuple):
    """What a line says of sense data; (-1, -1, -1) of what is too short to be any."""

    code: tuple[int, int, int]
    flags: tuple[str, ...] = ()
    deferred: bool = False

    def __str__(self) -> str:
        key, asc, ascq = self.code
        if key < 0:
            return "no sense data"
        text = TEXTS.get((asc, ascq)) or TEXTS.get((asc, None)) or ""
        said = f"{key:X}/{asc:02X}/{ascq:02X} {text}".rstrip()
        return ", ".join(("deferred " * self.deferred + said, *self.flags))


def sense_of(data: bytes) -> Sense:
    """Sense data of either format (SPC-4 4.5)."""
    response = data[0] & 0x7F if data else 0
    deferred = response in (0x71, 0x73)
    if response in _DESCRIPTOR and len(data) >= 8:
        return Sense((data[1] & 0xF, data[2], data[3]), _flags(_stream_flags(data)), deferred)
    if len(data) < 14:
        return Sense((-1, -1, -1))
    return Sense((data[2] & 0xF, data[12], data[13]), _flags(data[2]), deferred)


def _flags(byte: int) -> tuple[str, ...]:
    return tuple(word for bit, word in _FLAGS if byte & bit)


def _stream_flags(data: bytes) -> int:
    at = 8
    while at + 4 <= len(data):
        if data[at] == _STREAM_COMMANDS:
            return data[at + 3]
        at += 2 + data[at + 1]
    return 0


def changers(header: Header) -> set[str]:
    """The units of a trace that are medium changers."""
    return {unit.name for unit in header.units if unit.kind == "changer"}


def result(command: Command) -> str:
    """How it ended."""
    if command.status == CHECK_CONDITION:
        return str(sense_of(command.sense))
    return status.in_words(command.status)


def place(command: Command) -> str:
    """Partition and object."""
    return "" if command.position is None else "{}:{}".format(*command.position)


def moved(command: Command) -> str:
    """What came, of data-in."""
    return f"{command.data.length} in" if command.data.length else ""


def line(record: Record, *, changer: bool = False) -> str:
    """One line, without what is too long for it."""
    start = f"{record.t:12.6f}  {record.unit:<8} "
    if isinstance(record, Event):
        return f"{start} ** {event(record)}"
    said = names.words(record.cdb, changer=changer)
    ended = ", ".join(filter(None, (result(record), moved(record))))
    return f"{start} {record.nexus:<8} {place(record):>7}  {said:<38}  {ended}"


def event(record: Event) -> str:
    """What happened."""
    details = dict(record.details)
    what = details.pop("what", "")
    rest = ", ".join(
        f"{key} {_value(value)}" for key, value in details.items() if value or value == 0
    )
    return f"{record.kind} {what}".rstrip() + (f": {rest}" if rest else "")


def _value(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {_value(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list):
        return ":".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)

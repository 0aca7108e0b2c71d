"""Log pages: lists of parameters whose values are read when they are asked for (SPC-4 7.3).

A page is declared as rows of (parameter code, size, format, how to get the value); LOG SENSE
needs nothing else. Sizes are in bytes; a value is a number, or bytes for text and structures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

COUNTER = 0x00
"""Parameter control byte of a bounded data counter: binary, saved implicitly (FORMAT 00b)."""
ASCII_LIST = 0x01
BINARY_LIST = 0x03


class Parameter(NamedTuple):
    """One log parameter; ``value(unit)`` gives its present value."""

    code: int
    size: int
    value: Callable[[Any], int | bytes]
    control: int = BINARY_LIST

    def encode(self, unit: Any) -> bytes:
        """Parameter code, control byte, length, value. A counter that overflows stays on top."""
        value = self.value(unit)
        if isinstance(value, int):
            body = min(value, (1 << 8 * self.size) - 1).to_bytes(self.size, "big")
        else:
            body = value.ljust(self.size) if self.control == ASCII_LIST else value
        return self.code.to_bytes(2, "big") + bytes((self.control, len(body))) + body


@dataclass(frozen=True)
class LogPage:
    """A page and its parameters in ascending order of their codes."""

    code: int
    name: str
    parameters: Sequence[Parameter] = ()
    subpage: int = 0
    subject: Callable[[Any, Any], Any] | None = None
    """What the values are read from, given (unit, nexus), where that is not the unit itself."""
    read: Callable[[Any, Any], None] | None = None
    """Called with (unit, nexus) after the page was returned, where reading has an effect."""

    def encode(self, unit: Any, nexus: Any, pointer: int = 0) -> bytes:
        """The page for ``nexus`` from the first parameter whose code is at least ``pointer``."""
        subject = self.subject(unit, nexus) if self.subject else unit
        body = b"".join(p.encode(subject) for p in self.parameters if p.code >= pointer)
        return self.header(len(body)) + body

    def header(self, length: int) -> bytes:
        """DS is set: nothing is saved; SPF where there is a subpage."""
        flags = 0x80 | (0x40 if self.subpage else 0)
        return bytes((flags | self.code, self.subpage)) + length.to_bytes(2, "big")

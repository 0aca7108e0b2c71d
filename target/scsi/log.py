"""Log pages: lists of parameters whose values are read when they are asked for (SPC-4 7.3).

A page is declared as rows of (parameter code, size, how to get the value, control byte); LOG SENSE
and LOG SELECT need nothing else. Sizes are in bytes; a value is a number, or bytes for text and
structures. Example::

    LogPage(0x33, "write errors",
        (Parameter(0x0000, 4, lambda drive: drive.counters.write_errors, COUNTER),),
        resets=Reset.SELECT | Reset.SENSE | Reset.LOAD)

A counter is a parameter of number format (FORMAT 00b). What the page reads it from only ever
counts up: a reset, or a value that LOG SELECT sets, is an offset that the unit's `LogState` holds
for that one parameter, so that two pages may show one count and be reset each by itself. Nothing
is done where things are counted. ``resets`` says what resets the counters of a page; a `Parameter`
may say otherwise for itself. The unit calls `LogState.reset` when a volume is loaded.

Lists (text, structures, flags) are the same under every PAGE CONTROL and are never reset here, nor
are numbers that carry DU: those that no event counts, such as a capacity. A page whose parameters
only make sense together, such as ratios, is reset as one by what it has for ``cleared``. A value
of None says that the parameter is not there now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from functools import cached_property
from typing import Any, NamedTuple

THRESHOLD, CUMULATIVE, DEFAULT_THRESHOLD, DEFAULT_CUMULATIVE = range(4)
"""PAGE CONTROL of LOG SENSE and LOG SELECT."""

ALL_SUBPAGES = 0xFF

DU = 0x80
"""Bits of the parameter control byte (SPC-4 7.3.2.2.2): the unit does not update the value."""
DS, TSD = 0x40, 0x20
"""Not saved on LOG SELECT (DS, obsolete), nor by the unit itself (TSD)."""
ETC = 0x10
"""The value is compared with the threshold."""
TMC_EVERY, TMC_EQUAL, TMC_NOT_EQUAL, TMC_GREATER = 0x00, 0x04, 0x08, 0x0C
"""When a threshold is met."""
COUNTER, ASCII_LIST, NUMBER, BINARY_LIST = range(4)
"""FORMAT AND LINKING: bounded and unbounded data counter (00b, 10b), lists (01b, 11b)."""


class Reset(Flag):
    """What resets the counters of a page."""

    NONE = 0
    SELECT = auto()
    """LOG SELECT."""
    SENSE = auto()
    """LOG SENSE that returns the whole page."""
    LOAD = auto()
    """A volume is loaded."""


class Parameter(NamedTuple):
    """One log parameter; ``value(subject)`` gives its present value."""

    code: int
    size: int
    value: Callable[[Any], int | bytes | None]
    control: int = BINARY_LIST
    settable: bool = False
    """LOG SELECT may give it a value; ``size`` tells how long that is."""
    resets: Reset | None = None
    """What resets it, where that is not what resets its page."""

    @property
    def counts(self) -> bool:
        """Whether it is a counter, which can be reset and has a threshold."""
        return self.control & (DU | 3) == COUNTER

    @property
    def highest(self) -> int:
        """The largest number that fits; a counter that overflows stays there."""
        return (1 << 8 * self.size) - 1

    def encode(self, body: bytes) -> bytes:
        """Parameter code, control byte, length, value."""
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
    cleared: Callable[[Any, Any], bool] | None = None
    """Called with (unit, nexus) when LOG SELECT resets the page: resets what is no counter, and
    returns whether that changes anything."""
    resets: Reset = Reset.NONE
    thresholds: bool = False
    """Whether LOG SELECT may set thresholds. They are kept and never compared: ETC stays 0."""
    listed: bool = True
    """Whether the lists of supported pages name it."""

    @property
    def key(self) -> tuple[int, int]:
        """Page code and subpage code."""
        return self.code, self.subpage

    def values_of(self, unit: Any, nexus: Any) -> Any:
        """What the parameters are read from."""
        return self.subject(unit, nexus) if self.subject else unit

    @cached_property
    def counters(self) -> dict[Reset, tuple[Parameter, ...]]:
        """The counters, by what resets them."""
        return {
            why: tuple(
                row
                for row in self.parameters
                if row.counts and why & (self.resets if row.resets is None else row.resets)
            )
            for why in (Reset.SELECT, Reset.SENSE, Reset.LOAD)
        }

    def find(self, code: int) -> Parameter | None:
        """The parameter of that code, or None."""
        return next((row for row in self.parameters if row.code == code), None)

    def encode(
        self,
        unit: Any,
        nexus: Any,
        state: LogState,
        pointer: int = 0,
        control: int = CUMULATIVE,
    ) -> bytes:
        """The page for ``nexus`` from the first parameter whose code is at least ``pointer``."""
        subject = self.values_of(unit, nexus)
        body = b""
        for row in self.parameters:
            if row.code >= pointer:
                value = state.body(self, row, subject, control)
                if value is not None:
                    body += row.encode(value)
        return header(self.code, self.subpage, len(body)) + body


def header(code: int, subpage: int, length: int, saved: bool = True) -> bytes:
    """A page's header: SPF where there is a subpage, DS (nothing is saved) but for the lists."""
    flags = (0x80 if saved else 0) | (0x40 if subpage else 0)
    return bytes((flags | code, subpage)) + length.to_bytes(2, "big")


class LogState:
    """What resets and LOG SELECT have done to one unit's log parameters."""

    def __init__(self) -> None:
        self._offsets: dict[tuple[int, int, int], int] = {}
        self._thresholds: dict[tuple[int, int, int], int] = {}

    def body(self, page: LogPage, row: Parameter, subject: Any, control: int) -> bytes | None:
        """A parameter's value under a PAGE CONTROL; None: it is not there now.

        The threshold of a counter that has none set is the highest number it can reach, and its
        default is zero: so IBM's drives answer (LTO SCSI Reference 5.2.9).
        """
        if not row.counts:
            value = row.value(subject)
            if value is None:
                return None
            if isinstance(value, bytes):
                return value.ljust(row.size) if row.control & 3 == ASCII_LIST else value
            return min(value, row.highest).to_bytes(row.size, "big")
        number = row.highest
        if control == CUMULATIVE:
            number = self.number(page, row, subject)
        elif control == DEFAULT_CUMULATIVE:
            number = 0
        elif control == THRESHOLD:
            number = self._thresholds.get((*page.key, row.code), number)
        return number.to_bytes(row.size, "big")

    def number(self, page: LogPage, row: Parameter, subject: Any) -> int:
        """A counter's present value."""
        offset = self._offsets.get((*page.key, row.code), 0)
        return min(max(0, _raw(row, subject) + offset), row.highest)

    def set(self, page: LogPage, row: Parameter, subject: Any, control: int, value: int) -> bool:
        """Give a counter a value, or a threshold; returns whether that changes anything."""
        key = (*page.key, row.code)
        if control == CUMULATIVE:
            raw = _raw(row, subject)
            present = min(max(0, raw + self._offsets.get(key, 0)), row.highest)
            self._offsets[key] = value - raw
            return present != value
        changes = self._thresholds.get(key, row.highest) != value
        self._thresholds[key] = value
        return changes

    def reset(self, pages: Sequence[LogPage], unit: Any, why: Reset, nexus: Any = None) -> bool:
        """Counters that ``why`` resets begin at zero; returns whether that changes anything."""
        changed = False
        for page in pages:
            if page.cleared and why is Reset.SELECT:
                changed |= page.cleared(unit, nexus)
            rows = page.counters[why]
            if rows:
                subject = page.values_of(unit, nexus)
                for row in rows:
                    changed |= self.set(page, row, subject, CUMULATIVE, 0)
        return changed

    def reset_thresholds(self, pages: Sequence[LogPage]) -> bool:
        """Thresholds have their default values; returns whether that changes anything."""
        keys = {page.key for page in pages}
        gone = [key for key in self._thresholds if key[:2] in keys]
        for key in gone:
            del self._thresholds[key]
        return bool(gone)

    def restart(self) -> None:
        """Power was lost: what was set is forgotten."""
        self._offsets.clear()
        self._thresholds.clear()


def _raw(row: Parameter, subject: Any) -> int:
    value = row.value(subject)
    assert isinstance(value, int), "a counter is a number"
    return value

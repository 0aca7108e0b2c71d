"""Persistent reservations for checks: register, reserve, undo it (SPC-4 5.12, 6.15, 6.16)."""

from __future__ import annotations

from typing import NamedTuple

from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, ROOM, number
from harness.conform.check import Failure
from harness.conform.subject import GOOD, Answer, Subject

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_ABORT, IGNORE, MOVE = range(8)
"""Service actions of PERSISTENT RESERVE OUT."""
KEY_A, KEY_B, KEY_C = 0x4B45_5952_4545_4C01, 0x4B45_5952_4545_4C02, 0x4B45_5952_4545_4C03
TYPES = {
    1: "write exclusive",
    3: "exclusive access",
    5: "write exclusive, registrants only",
    6: "exclusive access, registrants only",
    7: "write exclusive, all registrants",
    8: "exclusive access, all registrants",
}
MASK = {1: 0x0200, 3: 0x0800, 5: 0x2000, 6: 0x4000, 7: 0x8000, 8: 0x0001}
"""PERSISTENT RESERVATION TYPE MASK of REPORT CAPABILITIES, by type."""


class Held(NamedTuple):
    """A reservation as READ RESERVATION tells it."""

    key: int
    scope: int
    kind: int


def out(
    unit: Subject, action: int, key: int = 0, new: int = 0, *, kind: int = 0, flags: int = 0
) -> Answer:
    """PERSISTENT RESERVE OUT; flags: 08h SPEC_I_PT, 04h ALL_TG_PT, 01h APTPL."""
    data = key.to_bytes(8) + new.to_bytes(8) + bytes((0, 0, 0, 0, flags, 0, 0, 0))
    return unit.do(c.reserve_out(action, kind), out=data)


def register(unit: Subject, key: int) -> None:
    """Register, until the check ends. NotApplicable without persistent reservations, and where
    other hosts have registered: what is undone here would be undone for them, too."""
    unit.need(0x5F, REGISTER)
    if any(one >> 8 != KEY_A >> 8 for one in unit.apart(lambda: keys(unit))):
        unit.skip("other hosts have registered with the device")
    unit.cleanup(lambda: undo(unit, key))
    answer = out(unit, REGISTER, new=key)
    if answer.status != GOOD:
        raise Failure("REGISTER", "GOOD", repr(answer))


def both(unit: Subject) -> Subject:
    """Both nexuses registered; returns the second."""
    other = unit.second
    register(unit, KEY_A)
    register(other, KEY_B)
    return other


def undo(unit: Subject, key: int) -> None:
    """Whatever is registered and reserved goes."""
    if out(unit, CLEAR, key).code.startswith("6/"):
        out(unit, CLEAR, key)
    unit.settle()


def reserve(unit: Subject, key: int, kind: int) -> None:
    """Reserve. NotApplicable if the device says that it has no such type."""
    if unit.has(0x5E, 2):
        data = unit.good(c.reserve_in(2), size=ROOM).data
        if number(data, 3, 1) & 0x80 and not number(data, 4, 2) & MASK[kind]:
            unit.skip(f"the device has no type {kind}")
    answer = out(unit, RESERVE, key, kind=kind)
    if answer.code == INVALID_FIELD and not unit.has(0x5E, 2):
        unit.skip(f"the device has no type {kind}")
    if answer.status != GOOD:
        raise Failure("RESERVE", "GOOD", repr(answer))


def keys(unit: Subject) -> list[int]:
    """READ KEYS."""
    data = unit.good(c.reserve_in(0), size=ROOM).data
    length = number(data, 4, 4)
    return [number(data, at, 8) for at in range(8, 8 + length, 8)]


def generation(unit: Subject) -> int:
    """PRGENERATION."""
    return number(unit.good(c.reserve_in(0), size=ROOM).data, 0, 4)


def held(unit: Subject) -> Held | None:
    """READ RESERVATION."""
    data = unit.good(c.reserve_in(1), size=ROOM).data
    if not number(data, 4, 4):
        return None
    return Held(number(data, 8, 8), data[21] >> 4, data[21] & 0x0F)

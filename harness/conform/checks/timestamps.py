"""Timestamps and identifying information (SPC-4 6.38, 6.46, 6.32, 6.43). Setting them needs
--scratch: the drive keeps them.
"""

from __future__ import annotations

from time import monotonic

from harness.conform import commands as c
from harness.conform.asking import (
    INVALID_FIELD,
    INVALID_OPCODE,
    INVALID_PARAMETER,
    LIST_LENGTH,
    mode_page,
    number,
)
from harness.conform.check import NotApplicable, check
from harness.conform.subject import GOOD, Subject

REPORT, SET, MODEL = "SPC-4 6.38", "SPC-4 6.46", "SPC-4 6.46"
TOPIC = "timestamps"
SOMETIME = 1_500_000_000_000
"""Milliseconds since 1970."""
SLACK = 60_000


def report(unit: Subject) -> tuple[int, int]:
    """Origin and milliseconds. NotApplicable without the command."""
    unit.need(0xA3, 0x0F)
    data = unit.good(c.maintenance_in(0x0F, 64), size=64).data
    unit.expect(
        "TIMESTAMP PARAMETER DATA LENGTH and length", (10, 12), (number(data, 0, 2), len(data))
    )
    return data[2] & 7, number(data, 4, 6)


def set_to(unit: Subject, milliseconds: int) -> None:
    """SET TIMESTAMP; what it was is set again when the check ends."""
    unit.need(0xA4, 0x0F)
    _, before = report(unit)
    began = monotonic()
    unit.cleanup(unit.settle)
    unit.cleanup(lambda: send(unit, before + round((monotonic() - began) * 1000)))
    answer = unit.do(setting_cdb(), out=as_list(milliseconds))
    if answer.code in (INVALID_FIELD, INVALID_OPCODE) and not precedence(unit):
        unit.skip("hosts may not set it (SCSIP of mode page 0Ah subpage 01h is 0)")
    unit.expect("status of SET TIMESTAMP", GOOD, answer.status)


def precedence(unit: Subject) -> bool:
    """SCSIP of the control extension page: SET TIMESTAMP goes before a library's own time (SPC-4
    7.5.9). True without the page."""
    try:
        page = mode_page(unit, 0x0A, 1)
    except NotApplicable:
        return True
    return bool(number(page, 4, 1) & 0x02)


def send(unit: Subject, milliseconds: int) -> None:
    """SET TIMESTAMP."""
    unit.good(setting_cdb(), out=as_list(milliseconds))


def setting_cdb() -> bytes:
    """SET TIMESTAMP with a list of its own length."""
    return c.maintenance_out(0x0F, 12)


def as_list(milliseconds: int) -> bytes:
    """Its parameter list."""
    return bytes(4) + milliseconds.to_bytes(6) + bytes(2)


@check("TIME-REPORT", REPORT, TOPIC, "REPORT TIMESTAMP")
def form(unit: Subject) -> None:
    """12 bytes, ORIGIN 000b, 010b or 011b; time does not go back."""
    origin, first = report(unit)
    unit.require("TIMESTAMP ORIGIN", origin in (0, 2, 3), "0, 2 or 3", origin)
    _, second = report(unit)
    unit.require("timestamp", second >= first, f"{first} or more", second)


@check("TIME-SET", SET, TOPIC, "SET TIMESTAMP", scratch=True)
def setting(unit: Subject) -> None:
    """The time goes on from what was set; ORIGIN is 010b."""
    set_to(unit, SOMETIME)
    origin, came = report(unit)
    unit.expect("TIMESTAMP ORIGIN", 2, origin)
    unit.require("timestamp", SOMETIME <= came < SOMETIME + SLACK, f"{SOMETIME} or later", came)


@check("TIME-ATTENTION", MODEL, TOPIC, "SET TIMESTAMP is told to others", scratch=True)
def told(unit: Subject) -> None:
    """6/2A/10 for the other nexus, none for the one that set it."""
    unit.need(0xA4, 0x0F)
    other = unit.second
    unit.settle()
    set_to(unit, SOMETIME)
    unit.expect("sense for the other", "6/2A/10", other.do(c.TEST_UNIT_READY).code)
    unit.expect("sense for itself", "", unit.do(c.TEST_UNIT_READY).code)


@check("TIME-LENGTH", SET, TOPIC, "A timestamp list that is too short", scratch=True)
def short_list(unit: Subject) -> None:
    """5/1A/00 (or 5/24/00, 5/26/00) for a list that ends inside the timestamp; time stays."""
    unit.need(0xA4, 0x0F)
    _, before = report(unit)
    codes = (LIST_LENGTH, INVALID_FIELD, INVALID_PARAMETER)
    unit.refused(c.maintenance_out(0x0F, 8), *codes, out=bytes(8))
    _, after = report(unit)
    unit.require("timestamp", before <= after < before + SLACK, f"{before} or later", after)


@check("TIME-NOTHING", SET, TOPIC, "SET TIMESTAMP without a list")
def no_list(unit: Subject) -> None:
    """A parameter list length of 0: GOOD, the timestamp goes on."""
    unit.need(0xA4, 0x0F)
    _, before = report(unit)
    unit.good(c.maintenance_out(0x0F, 0))
    _, after = report(unit)
    unit.require("timestamp", before <= after < before + SLACK, f"{before} or later", after)


# --- identifying information ---------------------------------------------------------------------


def identity(unit: Subject) -> bytes:
    """REPORT IDENTIFYING INFORMATION. NotApplicable without the command."""
    unit.need(0xA3, 0x05)
    data = unit.good(c.maintenance_in(0x05, 600), size=600).data
    unit.expect("IDENTIFYING INFORMATION LENGTH", len(data) - 4, number(data, 2, 2))
    return data[4:]


@check("IDENTITY-SET", "SPC-4 6.43", "identifying information", "Set and reported", scratch=True)
def set_identity(unit: Subject) -> None:
    """What was set is reported, to another nexus too; length 0 removes it."""
    unit.need(0xA4, 0x06)
    before = identity(unit)
    unit.cleanup(unit.settle)
    unit.cleanup(lambda: unit.do(c.maintenance_out(0x06, len(before)), out=before))
    name = b"conformance check"
    unit.good(c.maintenance_out(0x06, len(name)), out=name)
    unit.expect("information", name, identity(unit))
    unit.good(c.maintenance_out(0x06, 0))
    unit.expect("information after it was removed", b"", identity(unit))

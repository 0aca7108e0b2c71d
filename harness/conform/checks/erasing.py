"""ERASE(6) and SET CAPACITY (SSC-4 6.2, 7.11)."""

from __future__ import annotations

from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, at
from harness.conform.check import check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import at_end, go, need_short_erase, read_all, record

CLAUSE = "SSC-4 6.2"
TOPIC = "erasing"


@check("ERASE-SHORT", CLAUSE, TOPIC, "A short erase in the middle", scratch=True)
def short(unit: Subject) -> None:
    """End of data is at the position; what was before stays."""
    need_short_erase(unit)
    record(unit, b"one", b"two", None, b"three")
    go(unit, 1)
    unit.good(c.erase())
    at_end(unit)
    unit.good(c.REWIND)
    read_all(unit, b"one")


@check("ERASE-BEGINNING", CLAUSE, TOPIC, "A short erase at the beginning", scratch=True)
def beginning(unit: Subject) -> None:
    """The tape is blank: READ is BLANK CHECK, SPACE to the end of data stays at 0."""
    need_short_erase(unit)
    record(unit, b"one", None)
    unit.good(c.erase())
    unit.good(c.REWIND)
    at_end(unit)
    unit.good(c.space(c.END_OF_DATA, 0))
    at(unit, 0)


@check("ERASE-EOD", CLAUSE, TOPIC, "A short erase at the end of data", scratch=True)
def end_of_data(unit: Subject) -> None:
    """GOOD, and nothing is lost."""
    need_short_erase(unit)
    record(unit, b"one", None)
    go(unit, 2)
    unit.good(c.erase())
    unit.good(c.REWIND)
    read_all(unit, b"one", None)


@check("ERASE-STAYS", CLAUSE, TOPIC, "Where the tape is after a short erase", scratch=True)
def stays(unit: Subject) -> None:
    """The position is what it was, and writing goes on there."""
    need_short_erase(unit)
    record(unit, b"one", b"two", b"three")
    go(unit, 2)
    unit.good(c.erase())
    at(unit, 2)
    unit.write(b"new")
    unit.good(c.REWIND)
    read_all(unit, b"one", b"two", b"new")


@check("ERASE-IMMED", CLAUSE, TOPIC, "A short erase with IMMED", scratch=True)
def immediate(unit: Subject) -> None:
    """GOOD at once; when it is over the data are gone."""
    need_short_erase(unit)
    record(unit, b"one", b"two")
    go(unit, 1)
    answer = unit.do(c.erase(immed=True))
    if answer.code == INVALID_FIELD:
        unit.skip("IMMED is not supported")
    unit.expect("status", GOOD, answer.status)
    unit.hear_out()
    unit.good(c.REWIND)
    read_all(unit, b"one")


@check("SETCAP-POSITION", "SSC-4 7.11", TOPIC, "SET CAPACITY away from the beginning", scratch=True)
def capacity_position(unit: Subject) -> None:
    """5/3B/0C, and nothing is lost."""
    unit.need(0x0B)
    record(unit, b"one", b"two")
    go(unit, 1)
    unit.refused(c.set_capacity(0xFFFF), "5/3B/0C")
    unit.good(c.REWIND)
    read_all(unit, b"one", b"two")


@check("SETCAP-WHOLE", "SSC-4 7.11", TOPIC, "SET CAPACITY to the whole tape", scratch=True)
def capacity_whole(unit: Subject) -> None:
    """FFFFh: GOOD, and the tape is blank."""
    unit.need(0x0B)
    record(unit, b"one", b"two")
    answer = unit.do(c.set_capacity(0xFFFF))
    if answer.code in ("5/24/00", "5/30/00", "7/30/00"):
        unit.skip("the capacity of this volume cannot be set")
    unit.expect("status", GOOD, answer.status)
    unit.settle()
    unit.good(c.REWIND)
    at_end(unit)

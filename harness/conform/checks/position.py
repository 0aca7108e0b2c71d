"""READ POSITION: its forms, and that they agree (SSC-4 7.7)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, INVALID_OPCODE, number
from harness.conform.check import check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import go, record

CLAUSE = "SSC-4 7.7"
TOPIC = "position"
OBJECTS = (b"a", b"b", None, b"c", None)
BOP, LOLU, PERR = 0x80, 0x04, 0x02


def form(unit: Subject, action: int, size: int) -> bytes:
    """A form of READ POSITION. NotApplicable without it."""
    cdb = c.read_position(action, size if action == c.EXTENDED else 0)
    answer = unit.do(cdb, size=size)
    if answer.code in (INVALID_FIELD, INVALID_OPCODE):
        unit.skip(f"the device has no form {action}")
    if answer.code.startswith(("2/3A", "2/04")):
        unit.skip("no volume is loaded")
    unit.expect("status", GOOD, answer.status)
    unit.expect("length", size, len(answer.data))
    return answer.data


def declare_short(action: int) -> None:
    """The short forms."""

    @check(
        f"POS-SHORT-{action}",
        CLAUSE,
        TOPIC,
        f"Short form, service action {action:02X}h",
        scratch=True,
        expected="20 bytes; before each object its number, first and last alike with an empty "
        "buffer; LOLU (bit 2 of byte 0) and PERR clear, which Linux st wants.",
    )
    def short(unit: Subject) -> None:
        record(unit, *OBJECTS)
        for at in range(len(OBJECTS) + 1):
            go(unit, at)
            data = form(unit, action, 20)
            unit.expect("LOLU and PERR", 0, data[0] & (LOLU | PERR))
            unit.expect("partition", 0, data[1])
            if action == c.SHORT:
                unit.expect("first object", at, number(data, 4, 4))
            unit.expect("last object", data[4:8], data[8:12])


declare_short(c.SHORT)
declare_short(c.VENDOR)


@check("POS-LONG", CLAUSE, TOPIC, "Long form", scratch=True)
def long(unit: Subject) -> None:
    """32 bytes; partition, object number, and the number of filemarks before it."""
    record(unit, *OBJECTS)
    for at in range(len(OBJECTS) + 1):
        go(unit, at)
        data = form(unit, c.LONG, 32)
        unit.expect("MPU and LONU", 0, data[0] & 0x0C)
        unit.expect("partition", 0, number(data, 4, 4))
        unit.expect("LOGICAL OBJECT NUMBER", at, number(data, 8, 8))
        marks = sum(one is None for one in OBJECTS[:at])
        unit.expect("LOGICAL FILE IDENTIFIER", marks, number(data, 16, 8))


@check("POS-EXTENDED", CLAUSE, TOPIC, "Extended form", scratch=True)
def extended(unit: Subject) -> None:
    """32 bytes, ADDITIONAL LENGTH 1Ch; numbers of 64 bits."""
    record(unit, *OBJECTS)
    for at in (0, 3, len(OBJECTS)):
        go(unit, at)
        data = form(unit, c.EXTENDED, 32)
        unit.expect("ADDITIONAL LENGTH", 0x1C, number(data, 2, 2))
        unit.expect("first object", at, number(data, 8, 8))
        unit.expect("last object", at, number(data, 16, 8))


@check("POS-AGREE", CLAUSE, TOPIC, "All forms agree", scratch=True)
def agree(unit: Subject) -> None:
    """Short, long and extended form have the same object, partition, BOP and EOP."""
    record(unit, *OBJECTS)
    for at in (0, 2, 5):
        go(unit, at)
        short, long_form = form(unit, c.SHORT, 20), form(unit, c.LONG, 32)
        unit.expect("object", number(short, 4, 4), number(long_form, 8, 8))
        unit.expect("partition", short[1], number(long_form, 4, 4))
        unit.expect("BOP and EOP", short[0] & 0xC0, long_form[0] & 0xC0)
        answer = unit.do(c.read_position(c.EXTENDED, 32), size=32)
        if answer.status == GOOD:
            unit.expect("extended: object", number(short, 4, 4), number(answer.data, 8, 8))
            unit.expect("extended: flags", short[0] & 0xC0, answer.data[0] & 0xC0)


@check("POS-BOP", CLAUSE, TOPIC, "BOP", scratch=True)
def beginning(unit: Subject) -> None:
    """Set at the beginning of the partition, clear behind the first object; EOP clear."""
    record(unit, *OBJECTS)
    unit.require("BOP at 0", asking.position(unit).flags & BOP, "set", asking.position(unit))
    for at in (1, 3, 5):
        go(unit, at)
        flags = asking.position(unit).flags
        unit.require(f"BOP at {at}", not flags & BOP, "clear", f"{flags:02X}h")
        unit.require(f"EOP at {at}", not flags & 0x40, "clear", f"{flags:02X}h")


@check("POS-STILL", CLAUSE, TOPIC, "READ POSITION does not move the tape", scratch=True)
def does_not_move(unit: Subject) -> None:
    """What is read afterwards is what would have been read."""
    record(unit, *OBJECTS)
    go(unit, 1)
    for action, size in ((c.SHORT, 20), (c.LONG, 32)):
        unit.do(c.read_position(action), size=size)
    unit.expect("data", b"b", unit.good(c.read(1), size=1).data)


@check("POS-WRITING", CLAUSE, TOPIC, "The position moves with what is written", scratch=True)
def while_writing(unit: Subject) -> None:
    """FIRST OBJECT is the next object; LAST OBJECT, with data in the buffer, not more than it."""
    record(unit)
    for count in range(1, 5):
        unit.write(bytes(700))
        position = asking.position(unit)
        unit.expect("first object", count, position.first)
        unit.require("last object", position.last <= count, f"{count} at most", position.last)


def declare_allocation(action: int) -> None:
    """ALLOCATION LENGTH where there is none."""

    @check(
        f"POS-ALLOCATION-{action}",
        CLAUSE,
        TOPIC,
        f"An allocation length with service action {action:02X}h",
        expected="ALLOCATION LENGTH is for the extended form: 5/24/00 at byte 7, or ignored (a "
        "warning).",
    )
    def refused(unit: Subject) -> None:
        form(unit, action, 32 if action == c.LONG else 20)
        answer = unit.do(c.read_position(action, 32), size=32)
        if answer.status == GOOD:
            unit.warn("ALLOCATION LENGTH is ignored")
            return
        unit.expect("sense", INVALID_FIELD, answer.code)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 7, answer.sense.field_pointer[0])


for action in (c.SHORT, c.LONG):
    declare_allocation(action)


def declare_action(action: int) -> None:
    """Service actions that are reserved."""

    @check(
        f"POS-ACTION-{action:02X}",
        CLAUSE,
        TOPIC,
        f"Service action {action:02X}h, which is reserved",
        expected="5/24/00, at byte 1 if there is a field pointer.",
    )
    def reserved(unit: Subject) -> None:
        answer = unit.refused(c.read_position(action), INVALID_FIELD, size=32)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 1, answer.sense.field_pointer[0])


for action in (0x02, 0x03, 0x04, 0x05, 0x07, 0x09, 0x1F):
    declare_action(action)

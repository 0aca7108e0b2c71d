"""SPACE(6) and SPACE(16): every code, both directions, and what stops them (SSC-4 6.6, 7.12)."""

from __future__ import annotations

from typing import NamedTuple

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, at
from harness.conform.check import check
from harness.conform.subject import GOOD, Answer, Subject
from harness.conform.tape import (
    BEGINNING,
    END_OF_DATA,
    FILEMARK_DETECTED,
    go,
    need_short_erase,
    record,
    told,
)

TOPIC = "spacing"
OBJECTS = (b"a", b"b", None, b"c", None, None, b"d")
"""Objects 0 to 6; end of data is 7."""
BLOCKS, MARKS, EOD = c.BLOCKS, c.FILEMARKS, c.END_OF_DATA


class Row(NamedTuple):
    """A motion. ``left``: INFORMATION; ``sense``: "" for GOOD, or mark, eod, bop."""

    id: str
    words: str
    start: int
    code: int
    by: int
    end: int
    sense: str = ""
    left: int = 0


ROWS = (
    Row("BLOCKS-0", "no blocks", 1, BLOCKS, 0, 1),
    Row("BLOCKS-1", "a block", 0, BLOCKS, 1, 1),
    Row("BLOCKS-2", "two blocks", 0, BLOCKS, 2, 2),
    Row("BLOCKS-BACK-1", "a block back", 2, BLOCKS, -1, 1),
    Row("BLOCKS-BACK-2", "two blocks back, to the beginning", 2, BLOCKS, -2, 0),
    Row("BLOCKS-MARK", "blocks over a filemark", 0, BLOCKS, 5, 3, "mark", 3),
    Row("BLOCKS-MARK-1", "a block where a filemark is", 2, BLOCKS, 1, 3, "mark", 1),
    Row("BLOCKS-BACK-MARK", "blocks back over a filemark", 4, BLOCKS, -3, 2, "mark", 2),
    Row("BLOCKS-BACK-MARK-1", "a block back where a filemark is", 3, BLOCKS, -1, 2, "mark", 1),
    Row("BLOCKS-EOD", "blocks over the end of data", 6, BLOCKS, 4, 7, "eod", 3),
    Row("BLOCKS-AT-EOD", "a block at the end of data", 7, BLOCKS, 1, 7, "eod", 1),
    Row("BLOCKS-BOP", "blocks back over the beginning", 1, BLOCKS, -5, 0, "bop", 4),
    Row("BLOCKS-AT-BOP", "a block back at the beginning", 0, BLOCKS, -1, 0, "bop", 1),
    Row("MARKS-0", "no filemarks", 3, MARKS, 0, 3),
    Row("MARKS-1", "a filemark", 0, MARKS, 1, 3),
    Row("MARKS-2", "two filemarks", 0, MARKS, 2, 5),
    Row("MARKS-3", "three filemarks", 1, MARKS, 3, 6),
    Row("MARKS-BACK-1", "a filemark back", 7, MARKS, -1, 5),
    Row("MARKS-BACK-2", "two filemarks back", 7, MARKS, -2, 4),
    Row("MARKS-BACK-3", "three filemarks back", 7, MARKS, -3, 2),
    Row("MARKS-EOD", "more filemarks than there are", 0, MARKS, 5, 7, "eod", 2),
    Row("MARKS-AT-EOD", "a filemark at the end of data", 7, MARKS, 1, 7, "eod", 1),
    Row("MARKS-BOP", "more filemarks back than there are", 4, MARKS, -4, 0, "bop", 3),
    Row("MARKS-AT-BOP", "a filemark back at the beginning", 0, MARKS, -2, 0, "bop", 2),
    Row("EOD", "to the end of data", 0, EOD, 0, 7),
    Row("EOD-COUNT", "to the end of data, whatever the count", 2, EOD, 9, 7),
    Row("EOD-AGAIN", "to the end of data from there", 7, EOD, 0, 7),
)


def held(unit: Subject, row: Row, answer: Answer) -> None:
    """How the motion has to end."""
    if not row.sense:
        unit.expect("status", GOOD, answer.status)
    elif row.sense == "mark":
        told(unit, answer, FILEMARK_DETECTED, filemark=True, left=row.left)
    elif row.sense == "eod":
        told(unit, answer, *END_OF_DATA, left=row.left)
    else:
        told(unit, answer, BEGINNING, eom=True, left=row.left)
    at(unit, row.end)


def declare(row: Row, sixteen: bool) -> None:
    """A motion by SPACE(6) or SPACE(16)."""

    @check(
        f"SPACE{'16' if sixteen else ''}-{row.id}",
        "SSC-4 7.12" if sixteen else "SSC-4 6.6",
        TOPIC,
        f"SPACE({16 if sixteen else 6}): {row.words}",
        scratch=True,
        expected={
            "": "GOOD, and the tape is there.",
            "mark": "0/00/01 with FILEMARK; INFORMATION is the count that is left, without sign; "
            "the tape is beyond the mark in the direction of motion.",
            "eod": "8/00/05; INFORMATION is the count that is left; the tape is at end of data.",
            "bop": "0/00/04 with EOM; INFORMATION is the count that is left; the tape is at its "
            "beginning.",
        }[row.sense],
    )
    def spaced(unit: Subject) -> None:
        if sixteen:
            unit.need(0x91)
        record(unit, *OBJECTS)
        go(unit, row.start)
        make = c.space_16 if sixteen else c.space
        held(unit, row, unit.do(make(row.code, row.by)))


for row in ROWS:
    for sixteen in (False, True):
        declare(row, sixteen)


@check("SPACE16-BIG", "SSC-4 7.12", TOPIC, "SPACE(16): a count of more than 32 bits", scratch=True)
def big_count(unit: Subject) -> None:
    """8/00/05; INFORMATION, where it does not fit the sense data, is not VALID."""
    unit.need(0x91)
    record(unit, b"a", b"b")
    answer = unit.do(c.space_16(BLOCKS, 1 << 40))
    told(unit, answer, *END_OF_DATA)
    if answer.raw_sense[0] & 0x7F == 0x70:
        unit.require("VALID", not answer.sense.valid, "0, for it is more than 32 bits", answer)
    at(unit, 2)


def declare_code(code: int, name: str) -> None:
    """Codes that are obsolete or reserved."""

    @check(
        f"SPACE-CODE-{code}",
        "SSC-4 6.6",
        TOPIC,
        f"SPACE(6) with code {code}, {name}",
        expected="5/24/00, at byte 1 if there is a field pointer; nothing moves. Code 2 may be "
        "supported.",
    )
    def refused(unit: Subject) -> None:
        asking.need_volume(unit)
        before = asking.position(unit)
        answer = unit.do(c.space(code, 0))
        if code == c.SEQUENTIAL_FILEMARKS and answer.status == GOOD:
            unit.skip("sequential filemarks are supported")
        unit.expect("sense", INVALID_FIELD, answer.code)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 1, answer.sense.field_pointer[0])
        unit.expect("position", before, asking.position(unit))


for code, name in ((2, "sequential filemarks"), (4, "setmarks"), (5, "sequential setmarks"),
                   (6, "reserved"), (7, "reserved")):  # fmt: skip
    declare_code(code, name)


@check("SPACE-READ", "SSC-4 6.6", TOPIC, "Reading where SPACE went", scratch=True)
def read_after(unit: Subject) -> None:
    """What READ returns then is the object of that place, and not only READ POSITION says so."""
    record(unit, *OBJECTS)
    unit.good(c.space(MARKS, 1))
    unit.expect("block behind the first mark", b"c", unit.good(c.read(1), size=1).data)
    unit.good(c.space(MARKS, 2))
    unit.expect("block behind the third mark", b"d", unit.good(c.read(1), size=1).data)
    unit.good(c.space(MARKS, -1))
    told(unit, unit.do(c.read(1), size=1), FILEMARK_DETECTED, filemark=True, left=1)
    unit.good(c.REWIND)
    unit.good(c.space(BLOCKS, 1))
    unit.expect("second block", b"b", unit.good(c.read(1), size=1).data)


@check("SPACE-BLANK", "SSC-4 6.6", TOPIC, "SPACE on a tape without data", scratch=True)
def on_a_blank_tape(unit: Subject) -> None:
    """Blocks and filemarks: BLANK CHECK; to the end of data: GOOD."""
    need_short_erase(unit)
    unit.blank()
    for code in (BLOCKS, MARKS):
        told(unit, unit.do(c.space(code, 1)), *END_OF_DATA, left=1)
    unit.good(c.space(EOD, 0))
    at(unit, 0)

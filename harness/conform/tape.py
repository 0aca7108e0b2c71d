"""Tapes for checks: recording objects, reading them back, holding sense data of stream commands."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.check import Failure, NotApplicable
from harness.conform.subject import CHECK_CONDITION, Answer, Subject

FILEMARK_DETECTED = "0/00/01"
BEGINNING = "0/00/04"
NO_SENSE = "0/00/00"
END_OF_DATA = ("8/00/05", "8/14/03", "8/14/01")
"""End of data; a blank tape may be told apart (SSC-4 4.2.17, IBM)."""
LOCATE = 0x2B
STEP = 65536
"""Room for any block of a check that moves by reading."""


def pattern(length: int, seed: int = 1) -> bytes:
    """Bytes that differ from place to place and from seed to seed."""
    start = (seed * 37 + 11) % 251
    row = bytes((start + step * 7) % 256 for step in range(253))
    return (row * (length // 253 + 1))[:length]


def record(unit: Subject, *objects: bytes | None) -> None:
    """Blocks, and filemarks for None, on an empty tape in variable mode; then its beginning."""
    unit.blank()
    asking.set_block_length(unit, 0)
    append(unit, *objects)
    unit.good(c.REWIND)


def need_short_erase(unit: Subject) -> None:
    """NotApplicable where a short erase leaves the data as they are, as SHORT ERASE MODE of mode
    page 10h subpage 01h may say (SSC-4 8.3.8): 1 does nothing, 0 is the drive's own way."""
    unit.need(0x19)
    try:
        mode = asking.number(asking.mode_page(unit, 0x10, 1), 5, 1) & 0x0F
    except NotApplicable:
        return
    if mode in (0, 1):
        unit.skip(f"a short erase need not write end of data (SHORT ERASE MODE {mode})")


def append(unit: Subject, *objects: bytes | None) -> None:
    """Blocks, and filemarks for None, from where the tape is."""
    for one in objects:
        if one is None:
            unit.good(c.write_filemarks(1))
        else:
            unit.write(one)


def go(unit: Subject, number: int) -> None:
    """Before that object of the partition: by LOCATE, or step by step where there is none."""
    if unit.has(LOCATE):
        unit.good(c.locate(number))
        return
    unit.good(c.REWIND)
    for _ in range(number):
        answer = unit.do(c.read(STEP), size=STEP)
        if answer.status and not (answer.sense.filemark or answer.sense.ili):
            raise Failure("READ over an object", "a block or a filemark", repr(answer))


def read_all(unit: Subject, *objects: bytes | None) -> None:
    """From here on the tape has to have exactly these, and then end of data."""
    for at, one in enumerate(objects):
        if one is None:
            answer = unit.do(c.read(1), size=1)
            told(unit, answer, FILEMARK_DETECTED, filemark=True)
        else:
            answer = unit.good(c.read(len(one)), size=len(one))
            if answer.data != one:
                raise Failure(f"data of object {at}", one[:16].hex(), answer.data[:16].hex())
    at_end(unit)


def at_end(unit: Subject) -> None:
    """The tape has to be at the end of data: READ is BLANK CHECK, whichever its code is."""
    answer = unit.do(c.read(9), size=9)
    unit.require("READ at the end of data", answer.code.startswith("8/"), "BLANK CHECK", answer)


def told(
    unit: Subject,
    answer: Answer,
    *codes: str,
    filemark: bool = False,
    eom: bool = False,
    ili: bool = False,
    left: int | None = None,
) -> None:
    """CHECK CONDITION with one of the codes, just these bits, and that INFORMATION.

    EOM may be set beside 8/00/05: the tape may be past early warning.
    """
    if answer.status != CHECK_CONDITION:
        raise Failure("status", f"CHECK CONDITION, {' or '.join(codes)}", repr(answer))
    unit.require("sense", answer.code in codes, " or ".join(codes), answer.code)
    unit.expect("FILEMARK", filemark, bool(answer.sense.filemark))
    unit.expect("ILI", ili, bool(answer.sense.ili))
    if eom or answer.code not in END_OF_DATA:
        unit.expect("EOM", eom, bool(answer.sense.eom))
    if left is not None:
        asking.left_over(unit, answer, left)

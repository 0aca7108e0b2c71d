"""WRITE FILEMARKS(6) (SSC-4 6.9)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, at, set_block_length
from harness.conform.check import check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import at_end, go, read_all, record

CLAUSE = "SSC-4 6.9"
TOPIC = "filemarks"


def declare_count(count: int, immed: bool) -> None:
    """So many marks."""

    @check(
        f"WFM-{count}{'-IMMED' if immed else ''}",
        CLAUSE,
        TOPIC,
        f"{count} filemarks{' with IMMED' if immed else ''}",
        scratch=True,
        expected="GOOD; each mark is an object; end of data is behind the last.",
    )
    def marks(unit: Subject) -> None:
        record(unit)
        unit.write(b"data")
        unit.good(c.write_filemarks(count, immed=immed))
        at(unit, 1 + count)
        unit.good(c.REWIND)
        read_all(unit, b"data", *[None] * count)


for count in (1, 2, 5):
    for immed in (False, True):
        declare_count(count, immed)


@check("WFM-0", CLAUSE, TOPIC, "No filemarks", scratch=True)
def none(unit: Subject) -> None:
    """GOOD: nothing is written, nothing moves, nothing behind the position is lost."""
    record(unit, b"one", b"two")
    go(unit, 1)
    unit.good(c.write_filemarks(0))
    at(unit, 1)
    unit.good(c.REWIND)
    read_all(unit, b"one", b"two")


@check("WFM-0-SYNC", CLAUSE, TOPIC, "No filemarks write the buffer out", scratch=True)
def synchronize(unit: Subject) -> None:
    """After it READ POSITION has nothing in the buffer: first and last object are the same."""
    record(unit)
    unit.write(*[bytes(5000)] * 4)
    unit.good(c.write_filemarks(0))
    position = asking.position(unit)
    unit.expect("first and last object", (4, 4), (position.first, position.last))
    if unit.has(0x34):
        data = unit.good(c.read_position(), size=20).data
        unit.expect("objects and bytes in the buffer", bytes(7), data[13:20])


@check("WFM-CUTS", CLAUSE, TOPIC, "A filemark ends the data", scratch=True)
def cuts(unit: Subject) -> None:
    """What was behind the place of the mark is gone."""
    record(unit, b"one", b"two", b"three")
    go(unit, 1)
    unit.good(c.write_filemarks(1))
    at_end(unit)
    unit.good(c.REWIND)
    read_all(unit, b"one", None)


@check("WFM-BEGINNING", CLAUSE, TOPIC, "A filemark at the beginning", scratch=True)
def at_the_beginning(unit: Subject) -> None:
    """A tape may begin with a mark, and have nothing else."""
    record(unit)
    unit.good(c.write_filemarks(1))
    unit.good(c.REWIND)
    read_all(unit, None)


@check("WFM-SETMARK", CLAUSE, TOPIC, "Setmarks are obsolete")
def setmarks(unit: Subject) -> None:
    """WSMK 1: 5/24/00, at it if there is a field pointer; a warning where it is ignored."""
    asking.need_volume(unit)
    if unit.do(c.write_filemarks(0)).status:
        unit.skip("the volume cannot be written")
    if unit.do(c.write_filemarks(0, wsmk=True)).status == GOOD:
        unit.warn("WSMK is ignored")
        return
    unit.refused(c.write_filemarks(0, wsmk=True), INVALID_FIELD, field=(1, 1))


@check("WFM-FIXED", CLAUSE, TOPIC, "Filemarks between fixed blocks", scratch=True)
def among_fixed(unit: Subject) -> None:
    """The block length does not matter to marks."""
    record(unit)
    set_block_length(unit, 512)
    unit.good(c.write(2, fixed=True), out=bytes(1024))
    unit.good(c.write_filemarks(1))
    unit.good(c.write(1, fixed=True), out=bytes(512))
    at(unit, 4)


@check("WFM-16", "SSC-4 5.7", TOPIC, "WRITE FILEMARKS(16)", scratch=True)
def sixteen(unit: Subject) -> None:
    """Where there is the form of 16 bytes, it writes the same marks."""
    unit.need(0x80)
    record(unit)
    cdb = bytes((0x80, 0, 0, 0)) + bytes(8) + (2).to_bytes(3) + bytes(1)
    unit.good(cdb)
    unit.good(c.REWIND)
    read_all(unit, None, None)

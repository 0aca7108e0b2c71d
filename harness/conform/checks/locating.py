"""LOCATE(10), LOCATE(16), REWIND (SSC-4 6.3, 7.4, 7.10)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, at, position
from harness.conform.check import check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import END_OF_DATA, go, record, told

TEN, SIXTEEN = "SSC-4 6.3", "SSC-4 7.4"
TOPIC = "locating"
OBJECTS = (b"a", b"b", None, b"c", None, None, b"d")
END = len(OBJECTS)


def declare_object(number: int, sixteen: bool, immed: bool) -> None:
    """An object by its number."""
    size = 16 if sixteen else 10

    @check(
        f"LOCATE{size}-{number}{'-IMMED' if immed else ''}",
        SIXTEEN if sixteen else TEN,
        TOPIC,
        f"LOCATE({size}): object {number}{' with IMMED' if immed else ''}",
        scratch=True,
        expected="GOOD; READ POSITION says so, and READ returns what is there.",
    )
    def located(unit: Subject) -> None:
        unit.need(0x92 if sixteen else 0x2B)
        record(unit, *OBJECTS)
        go(unit, END - number)
        unit.good((c.locate_16 if sixteen else c.locate)(number, immed=immed))
        unit.hear_out()
        at(unit, number)
        if number == END:
            told(unit, unit.do(c.read(1), size=1), *END_OF_DATA)
        elif (block := OBJECTS[number]) is not None:
            unit.expect("data", block, unit.good(c.read(1), size=1).data)
        else:
            unit.require("FILEMARK", unit.do(c.read(1), size=1).sense.filemark, "set", 0)


for number in (0, 1, 2, 6, END):
    for sixteen in (False, True):
        declare_object(number, sixteen, False)
for sixteen in (False, True):
    declare_object(3, sixteen, True)


def declare_beyond(sixteen: bool) -> None:
    """An object that is not there."""
    size = 16 if sixteen else 10

    @check(
        f"LOCATE{size}-BEYOND",
        SIXTEEN if sixteen else TEN,
        TOPIC,
        f"LOCATE({size}) behind the end of data",
        scratch=True,
        expected="8/00/05, and the tape is at end of data.",
    )
    def beyond(unit: Subject) -> None:
        unit.need(0x92 if sixteen else 0x2B)
        record(unit, *OBJECTS)
        answer = unit.do((c.locate_16 if sixteen else c.locate)(END + 5))
        told(unit, answer, *END_OF_DATA)
        at(unit, END)


declare_beyond(False)
declare_beyond(True)


@check("LOCATE10-VENDOR", TEN, TOPIC, "LOCATE(10) with BT", scratch=True)
def vendor_specific(unit: Subject) -> None:
    """An address that READ POSITION gave with service action 01h is found again: what Linux st does
    without `scsi2logical`. 5/24/00 where BT is not supported (a warning)."""
    unit.need(0x2B)
    record(unit, *OBJECTS)
    go(unit, 3)
    answer = unit.do(c.read_position(c.VENDOR), size=20)
    if answer.status != GOOD:
        unit.warn("READ POSITION with service action 01h is refused: Linux st sends it")
        return
    address = asking.number(answer.data, 4, 4)
    unit.good(c.REWIND)
    if unit.do(c.locate(address, vendor=True)).code == INVALID_FIELD:
        unit.warn("BT is refused: Linux st sends it")
        return
    at(unit, 3)


@check("LOCATE10-PARTITION-0", TEN, TOPIC, "LOCATE(10) with CP to the same partition", scratch=True)
def same_partition(unit: Subject) -> None:
    """CP 1 and partition 0: GOOD, as without."""
    unit.need(0x2B)
    record(unit, *OBJECTS)
    unit.good(c.locate(3, partition=0))
    at(unit, 3)


def declare_partition(sixteen: bool, byte: int) -> None:
    """Partitions that are not there, and CP 0."""
    size, clause = (16, SIXTEEN) if sixteen else (10, TEN)

    @check(
        f"LOCATE{size}-PARTITION-NONE",
        clause,
        TOPIC,
        f"LOCATE({size}) to a partition that is not there",
        expected="5/24/00, at the partition if there is a field pointer; nothing moves.",
    )
    def missing(unit: Subject) -> None:
        unit.need(0x92 if sixteen else 0x2B)
        asking.need_volume(unit)
        before = position(unit)
        make = c.locate_16 if sixteen else c.locate
        answer = unit.refused(make(0, partition=200), INVALID_FIELD)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", byte, answer.sense.field_pointer[0])
        unit.expect("position", before, position(unit))

    @check(
        f"LOCATE{size}-PARTITION-IGNORED",
        clause,
        TOPIC,
        f"LOCATE({size}) with CP 0 and a partition",
        scratch=True,
        expected="Without CP the partition is not looked at: GOOD, or 5/24/00 (a warning).",
    )
    def ignored(unit: Subject) -> None:
        unit.need(0x92 if sixteen else 0x2B)
        record(unit, *OBJECTS)
        cdb = bytearray((c.locate_16 if sixteen else c.locate)(2))
        cdb[byte] = 9
        answer = unit.do(bytes(cdb))
        if answer.code == INVALID_FIELD:
            unit.warn("a partition is refused though CP is 0")
            return
        unit.expect("status", GOOD, answer.status)
        at(unit, 2)


declare_partition(False, 8)
declare_partition(True, 3)


@check("LOCATE16-EOD", SIXTEEN, TOPIC, "LOCATE(16) to the end of data", scratch=True)
def end_of_data(unit: Subject) -> None:
    """DEST TYPE 011b: the tape is at end of data, whatever the identifier."""
    unit.need(0x92)
    record(unit, *OBJECTS)
    for identifier in (0, 3):
        unit.good(c.REWIND)
        unit.good(c.locate_16(identifier, c.EOD))
        at(unit, END)


def declare_file(file: int, end: int) -> None:
    """A file by its number."""

    @check(
        f"LOCATE16-FILE-{file}",
        SIXTEEN,
        TOPIC,
        f"LOCATE(16) to file {file}",
        scratch=True,
        expected="DEST TYPE 001b: the tape is behind so many filemarks, and the long form of READ "
        "POSITION has that file number. Drives that stop before the mark are a warning.",
    )
    def located(unit: Subject) -> None:
        unit.need(0x92)
        record(unit, *OBJECTS)
        go(unit, END)
        answer = unit.do(c.locate_16(file, c.FILE))
        if answer.status and not file:
            unit.warn(f"file 0 is not found ({answer.code}): hosts rewind instead")
            return
        unit.expect("status", GOOD, answer.status)
        came = position(unit).first
        if came == end - 1 and file:
            unit.warn("the tape is before the filemark, not behind it")
            return
        unit.expect("position (READ POSITION)", end, came)
        answer = unit.do(c.read_position(c.LONG), size=32)
        if answer.status == GOOD:
            unit.expect("LOGICAL FILE IDENTIFIER", file, asking.number(answer.data, 16, 8))


for file, end in enumerate((0, 3, 5, 6)):
    declare_file(file, end)


@check("LOCATE16-FILE-BEYOND", SIXTEEN, TOPIC, "LOCATE(16) to a file behind the last", scratch=True)
def file_beyond(unit: Subject) -> None:
    """8/00/05, and the tape is at end of data."""
    unit.need(0x92)
    record(unit, *OBJECTS)
    told(unit, unit.do(c.locate_16(9, c.FILE)), *END_OF_DATA)
    at(unit, END)


@check("LOCATE16-KINDS", SIXTEEN, TOPIC, "LOCATE(16) to a kind of place that is reserved")
def reserved_kinds(unit: Subject) -> None:
    """DEST TYPE 010b: 5/24/00, at byte 1 if there is a field pointer; nothing moves."""
    unit.need(0x92)
    asking.need_volume(unit)
    before = position(unit)
    answer = unit.refused(c.locate_16(0, 2), INVALID_FIELD)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 1, answer.sense.field_pointer[0])
    unit.expect("position", before, position(unit))


@check("LOCATE16-BAM", SIXTEEN, TOPIC, "LOCATE(16) with BAM in implicit mode")
def address_mode(unit: Subject) -> None:
    """5/24/00 where there is no explicit address mode; ignoring it is a warning."""
    unit.need(0x92)
    asking.need_volume(unit)
    answer = unit.do(c.locate_16(0, bam=True))
    if answer.status == GOOD:
        unit.warn("BAM is ignored")
    else:
        unit.expect("sense", INVALID_FIELD, answer.code)


# --- REWIND --------------------------------------------------------------------------------------


def declare_rewind(immed: bool) -> None:
    """Back to the beginning."""

    @check(
        f"REWIND{'-IMMED' if immed else ''}",
        "SSC-4 7.10",
        TOPIC,
        f"REWIND{' with IMMED' if immed else ''}",
        scratch=True,
        expected="GOOD; the tape is at the beginning of the partition, BOP is set; READ returns "
        "the first block.",
    )
    def rewound(unit: Subject) -> None:
        record(unit, *OBJECTS)
        go(unit, END)
        unit.good(bytes((1, immed, 0, 0, 0, 0)))
        unit.hear_out()
        at(unit, 0)
        unit.require("BOP", position(unit).flags & 0x80, "set", position(unit))
        unit.expect("data", b"a", unit.good(c.read(1), size=1).data)


declare_rewind(False)
declare_rewind(True)


@check("REWIND-AGAIN", "SSC-4 7.10", TOPIC, "REWIND at the beginning")
def rewind_again(unit: Subject) -> None:
    """GOOD."""
    asking.need_volume(unit)
    unit.good(c.REWIND)
    unit.good(c.REWIND)
    at(unit, 0)

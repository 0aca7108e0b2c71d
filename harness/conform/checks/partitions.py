"""Mode page 11h, FORMAT MEDIUM and several partitions (SSC-4 7.2, 8.3.4), append-only mode.

The volume has one partition again afterwards.
"""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, INVALID_PARAMETER, mode_page, number, select
from harness.conform.check import NotApplicable, check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import END_OF_DATA, at_end, go, record, told
from harness.conform.volume import reload

FORMAT, PAGE = "SSC-4 7.2", "SSC-4 8.3.4"
TOPIC = "partitions"
FDP, SDP, IDP = 0x80, 0x40, 0x20
POSITION, SELECTED = "5/3B/0C", (2, 1)


def page(unit: Subject) -> bytes:
    """Mode page 11h. NotApplicable if the device makes no partitions."""
    unit.need(0x04)
    found = mode_page(unit, 0x11)
    if not number(found, 2, 1):
        raise NotApplicable("there can be one partition only")
    return found


def one_again(unit: Subject) -> None:
    """One partition, as before."""
    unit.do(c.locate(0, partition=0))
    unit.do(c.format_medium(0))
    unit.settle()


def two(unit: Subject) -> None:
    """Two partitions by FDP or IDP, until the check ends; NotApplicable if it cannot be."""
    body = bytearray(page(unit))
    record(unit)
    wrong = []
    for way in (FDP, IDP, SDP):
        wanted = bytearray(body)
        wanted[3] = 1
        wanted[4] = wanted[4] & ~(FDP | SDP | IDP | 0x18) | way | 0x18
        wanted[6] = wanted[6] & 0xF0 | 9
        sizes = b"\xff\xff\x00\x01" if way == IDP else b""
        wanted[8:] = sizes.ljust(max(4, len(body) - 8), b"\0") if way == IDP else body[8:]
        wanted[1] = len(wanted) - 2
        answer = select(unit, bytes(wanted))
        if answer.status != GOOD and answer.code != asking.ROUNDED:
            wrong.append(answer.code)
            continue
        unit.cleanup(lambda: one_again(unit))
        for kind in SELECTED:
            answer = unit.do(c.format_medium(kind))
            if answer.status == GOOD:
                unit.settle()
                return
            wrong.append(answer.code)
    raise NotApplicable(f"this volume cannot be divided: {', '.join(wrong)}")


@check("PART-PAGE", PAGE, TOPIC, "The medium partition page")
def medium_partitions(unit: Subject) -> None:
    """There are not more partitions than there may be; each has a size in the page."""
    body = mode_page(unit, 0x11)
    asking.need_volume(unit)
    unit.require("ADDITIONAL PARTITIONS DEFINED", body[3] <= body[2], f"{body[2]} at most", body[3])
    if body[2]:
        sizes = (len(body) - 8) // 2
        unit.require("partition sizes", sizes > body[3], f"{body[3] + 1} at least", sizes)


@check("PART-FORMAT", FORMAT, TOPIC, "FORMAT MEDIUM makes one partition", scratch=True)
def format_to_one(unit: Subject) -> None:
    """FORMAT 0h at the beginning: GOOD, one partition, no data."""
    page(unit)
    record(unit, b"one", None)
    unit.good(c.format_medium(0))
    unit.settle()
    unit.expect("ADDITIONAL PARTITIONS DEFINED", 0, mode_page(unit, 0x11)[3])
    at_end(unit)


@check("PART-FORMAT-POSITION", FORMAT, TOPIC, "FORMAT MEDIUM away from the beginning", scratch=True)
def format_elsewhere(unit: Subject) -> None:
    """5/3B/0C, and the data stay."""
    unit.need(0x04)
    record(unit, b"one", b"two")
    go(unit, 1)
    unit.refused(c.format_medium(0), POSITION)
    unit.good(c.REWIND)
    unit.expect("data", b"one", unit.good(c.read(3), size=3).data)


def declare_format(kind: int) -> None:
    """Values of FORMAT that are reserved."""

    @check(
        f"PART-FORMAT-{kind:X}",
        FORMAT,
        TOPIC,
        f"FORMAT MEDIUM with FORMAT {kind:X}h, which is reserved",
        scratch=True,
        expected="5/24/00, at byte 2 if there is a field pointer, and the data stay.",
    )
    def reserved(unit: Subject) -> None:
        unit.need(0x04)
        record(unit, b"one")
        answer = unit.refused(c.format_medium(kind), INVALID_FIELD)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 2, answer.sense.field_pointer[0])
        unit.expect("data", b"one", unit.good(c.read(3), size=3).data)


for kind in (3, 7, 0xF):
    declare_format(kind)


@check("PART-FORMAT-LENGTH", FORMAT, TOPIC, "FORMAT MEDIUM with a transfer length", scratch=True)
def format_with_data(unit: Subject) -> None:
    """5/24/00, at byte 3 if there is a field pointer."""
    unit.need(0x04)
    record(unit, b"one")
    answer = unit.refused(c.format_medium(0, length=1), INVALID_FIELD, out=b"x")
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 3, answer.sense.field_pointer[0])


@check("PART-MANY", PAGE, TOPIC, "More partitions than there may be", scratch=True)
def too_many(unit: Subject) -> None:
    """5/26/00, at byte 3 of the page if there is a field pointer; nothing changes."""
    before = page(unit)
    asking.need_volume(unit)
    if before[2] == 0xFF:
        unit.skip("there may be 256")
    wanted = bytearray(before)
    wanted[3] = before[2] + 1
    wanted[4] = wanted[4] & ~(FDP | IDP) | SDP
    answer = select(unit, bytes(wanted))
    unit.expect("sense", INVALID_PARAMETER, answer.code)
    unit.expect("page", before, mode_page(unit, 0x11))


@check("PART-TWO", FORMAT, TOPIC, "Two partitions", scratch=True)
def two_partitions(unit: Subject) -> None:
    """Mode page 11h has two; LOCATE with CP goes from one to the other; each has its own objects,
    which begin at 0, and writing one leaves the other as it is."""
    two(unit)
    unit.expect("ADDITIONAL PARTITIONS DEFINED", 1, mode_page(unit, 0x11)[3])
    unit.write(b"zero", b"more")
    unit.good(c.locate(0, partition=1))
    unit.expect("partition and object", (1, 0), asking.position(unit)[1:3])
    at_end(unit)
    unit.write(b"one")
    unit.good(c.locate(0, partition=0))
    unit.expect("data of partition 0", b"zero", unit.good(c.read(4), size=4).data)
    unit.expect("data of partition 0", b"more", unit.good(c.read(4), size=4).data)
    unit.good(c.locate(0, partition=1))
    unit.expect("data of partition 1", b"one", unit.good(c.read(3), size=3).data)


@check("PART-REWIND", FORMAT, TOPIC, "REWIND and LOAD with two partitions", scratch=True)
def rewinding(unit: Subject) -> None:
    """REWIND stays in the partition; LOAD goes to partition 0."""
    two(unit)
    unit.good(c.locate(0, partition=1))
    unit.write(b"one")
    unit.good(c.REWIND)
    unit.expect("partition and object", (1, 0), asking.position(unit)[1:3])
    unit.good(c.load_unload(1))
    unit.hear_out()
    unit.expect("partition and object", (0, 0), asking.position(unit)[1:3])


@check("PART-BOUNDS", FORMAT, TOPIC, "Spacing and reading end at the partition", scratch=True)
def bounds(unit: Subject) -> None:
    """Neither READ nor SPACE nor LOCATE without CP leaves the partition."""
    two(unit)
    unit.write(b"zero")
    unit.good(c.locate(0, partition=1))
    unit.write(b"a", b"b")
    told(unit, unit.do(c.space(c.BLOCKS, 9)), *END_OF_DATA, left=9)
    told(unit, unit.do(c.space(c.BLOCKS, -9)), "0/00/04", eom=True, left=7)
    unit.good(c.locate(1))
    unit.expect("partition and object", (1, 1), asking.position(unit)[1:3])


@check("PART-NONE", FORMAT, TOPIC, "A third partition of two", scratch=True)
def third(unit: Subject) -> None:
    """LOCATE to it is 5/24/00, and the tape stays."""
    two(unit)
    unit.refused(c.locate(0, partition=2), INVALID_FIELD)
    unit.expect("partition and object", (0, 0), asking.position(unit)[1:3])


@check("PART-ATTRIBUTES", "SPC-4 7.4.2", TOPIC, "Attributes of two partitions", scratch=True)
def attributes(unit: Subject) -> None:
    """Each partition has a maximum capacity of its own in the cartridge memory; a third has
    none."""
    two(unit)
    sizes = [asking.attributes(unit, partition=one) for one in (0, 1)]
    if any(1 not in one for one in sizes):
        unit.skip("the attribute is not there")
    found = [int.from_bytes(one[1].value) for one in sizes]
    # A short tape's smaller partition may have less than the unit, 1 MiB.
    fair = all(found) if sum(found) > 1000 else any(found)
    unit.require("maximum capacities", fair, "more than 0, both", found)
    unit.refused(c.read_attribute(partition=2), INVALID_FIELD, size=64)


# --- append-only mode ----------------------------------------------------------------------------


def append_only(unit: Subject) -> None:
    """Write mode 1 of mode page 10h subpage 01h, which a load ends."""
    body = mode_page(unit, 0x10, 1)
    if not mode_page(unit, 0x10, 1, control=1)[5] & 0x10:
        unit.skip("append-only mode cannot be set")
    unit.cleanup(lambda: reload(unit))
    asking.taken(select(unit, body[:5] + bytes((body[5] & 0x0F | 0x10,)) + body[6:]))


@check("APPEND-OVERWRITE", "SSC-4 4.2.21", "append-only mode", "Writing over data", scratch=True)
def append_overwrite(unit: Subject) -> None:
    """DATA PROTECT before the end of data (7/50/01, 7/30/0C or IBM's 7/5A/02); at its end GOOD."""
    record(unit, b"one", b"two")
    append_only(unit)
    go(unit, 1)
    answer = unit.do(c.write(3), out=b"new")
    codes = ("7/50/01", "7/30/0C", "7/5A/02")
    unit.require("sense", answer.code in codes, " or ".join(codes), answer)
    unit.good(c.space(c.END_OF_DATA, 0))
    unit.write(b"end")
    unit.good(c.REWIND)
    for block in (b"one", b"two", b"end"):
        unit.expect("data", block, unit.good(c.read(3), size=3).data)


@check("APPEND-ALLOW", "SSC-4 7.1", "append-only mode", "ALLOW OVERWRITE", scratch=True)
def append_allow(unit: Subject) -> None:
    """At the named position one write over data is allowed; at another one 5/3B/00."""
    unit.need(0x82)
    record(unit, b"one", b"two")
    append_only(unit)
    go(unit, 1)
    unit.refused(c.allow_overwrite(1, 0), "5/3B/00")
    unit.good(c.allow_overwrite(1, 1))
    unit.write(b"new")
    unit.good(c.REWIND)
    answer = unit.do(c.write(3), out=b"xxx")
    unit.require("sense", answer.code.startswith("7/"), "DATA PROTECT", answer)
    unit.good(c.REWIND)
    for block in (b"one", b"new"):
        unit.expect("data", block, unit.good(c.read(3), size=3).data)


@check("APPEND-ELSEWHERE", "SSC-4 7.1", "append-only mode", "ALLOW OVERWRITE in overwrite mode",
       scratch=True)  # fmt: skip
def append_elsewhere(unit: Subject) -> None:
    """5/20/0C: the command is not for this mode."""
    unit.need(0x82)
    record(unit, b"one")
    unit.refused(c.allow_overwrite(1, 0), "5/20/0C")


@check("APPEND-LEAVE", "SSC-4 8.3.8", "append-only mode", "Leaving it by MODE SELECT", scratch=True)
def append_leave(unit: Subject) -> None:
    """5/26/00 while the volume has data; unloading ends the mode."""
    record(unit, b"one")
    append_only(unit)
    body = mode_page(unit, 0x10, 1)
    answer = select(unit, body[:5] + bytes((body[5] & 0x0F,)) + body[6:])
    unit.expect("sense", INVALID_PARAMETER, answer.code)
    reload(unit)
    unit.write(b"new")

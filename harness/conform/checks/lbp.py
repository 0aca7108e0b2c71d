"""Logical block protection: four bytes behind each block (SSC-5 4.2.29)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, INVALID_PARAMETER, at, mode_page, select
from harness.conform.check import NotApplicable, check
from harness.conform.crc import crc32c, reed_solomon
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import NO_SENSE, pattern, record, told

CLAUSE, PAGE = "SSC-5 4.2.29", "SSC-5 8.3.9"
TOPIC = "logical block protection"
METHODS = {1: ("Reed-Solomon CRC", reed_solomon), 2: ("CRC32C", crc32c)}
WRITTEN, READ = 0x80, 0x40
WRONG = ("4/10/01", "B/10/01")


def protect(unit: Subject, method: int, flags: int) -> None:
    """Protection until the check ends. NotApplicable without the page or the method."""
    before = mode_page(unit, 0x0A, 0xF0)
    unit.cleanup(lambda: select(unit, before))
    wanted = before[:4] + bytes((method, 4 if method else 0, flags)) + before[7:]
    answer = select(unit, wanted)
    if answer.code == INVALID_PARAMETER:
        raise NotApplicable(f"the device has no method {method}")
    asking.taken(answer)
    came = mode_page(unit, 0x0A, 0xF0)
    unit.expect("method and flags", (method, flags), (came[4], came[6] & 0xC0))


def off(unit: Subject) -> None:
    """No protection."""
    protect(unit, 0, 0)


def declare_method(method: int) -> None:
    """The checks of a method."""
    name, compute = METHODS[method]

    @check(
        f"LBP-{method}-WRITE",
        CLAUSE,
        TOPIC,
        f"{name}: a block that is protected on its way in",
        scratch=True,
        expected="GOOD; without protection the block alone is read.",
    )
    def written(unit: Subject) -> None:
        record(unit)
        protect(unit, method, WRITTEN)
        block = pattern(333, method)
        unit.write(block + compute(block))
        at(unit, 1)
        off(unit)
        unit.good(c.REWIND)
        unit.expect("data", block, unit.good(c.read(333), size=333).data)

    @check(
        f"LBP-{method}-READ",
        CLAUSE,
        TOPIC,
        f"{name}: a block that is protected on its way out",
        scratch=True,
        expected="The block and the four bytes of its code.",
    )
    def read(unit: Subject) -> None:
        block = pattern(200, method)
        record(unit, block)
        protect(unit, method, READ)
        unit.expect("data", block + compute(block), unit.good(c.read(204), size=204).data)

    @check(
        f"LBP-{method}-WRONG",
        CLAUSE,
        TOPIC,
        f"{name}: a code that does not fit the block",
        scratch=True,
        expected="4/10/01 (or B/10/01), and nothing is written.",
    )
    def wrong(unit: Subject) -> None:
        record(unit)
        protect(unit, method, WRITTEN)
        block = pattern(100, method)
        for spoiled in (
            block + bytes(4),
            block[:-1] + b"\0" + compute(block),
            block + compute(block)[::-1],
        ):
            answer = unit.do(c.write(len(spoiled)), out=spoiled)
            unit.require("sense", answer.code in WRONG, " or ".join(WRONG), answer)
            at(unit, 0)

    @check(
        f"LBP-{method}-LENGTH",
        CLAUSE,
        TOPIC,
        f"{name}: the length counts block and code",
        scratch=True,
        expected="READ of the block's own length: ILI, INFORMATION -4; with four more: GOOD.",
    )
    def lengths(unit: Subject) -> None:
        block = pattern(200, method)
        record(unit, block, block)
        protect(unit, method, READ)
        told(unit, unit.do(c.read(200), size=200), NO_SENSE, ili=True, left=-4)
        unit.good(c.read(204), size=204)

    @check(
        f"LBP-{method}-FIXED",
        CLAUSE,
        TOPIC,
        f"{name}: fixed blocks",
        scratch=True,
        expected="Each block has a code behind it; the block length counts both.",
    )
    def fixed(unit: Subject) -> None:
        record(unit)
        protect(unit, method, WRITTEN | READ)
        asking.set_block_length(unit, 516)
        blocks = [pattern(512, seed) for seed in (1, 2)]
        data = b"".join(block + compute(block) for block in blocks)
        unit.good(c.write(2, fixed=True), out=data)
        at(unit, 2)
        unit.good(c.REWIND)
        unit.expect("data", data, unit.good(c.read(2, fixed=True), size=1032).data)

    @check(
        f"LBP-{method}-VERIFY",
        "SSC-5 6.7",
        TOPIC,
        f"{name}: VERIFY with VLBPM",
        scratch=True,
        expected="GOOD with protection on the way out; 5/24/00 without it.",
    )
    def verified(unit: Subject) -> None:
        unit.need(0x13)
        block = pattern(200)
        record(unit, block)
        protect(unit, method, READ)
        answer = unit.do(c.verify(204, 0x10))
        if answer.code == INVALID_FIELD:
            unit.skip("VLBPM is not supported")
        unit.expect("status", GOOD, answer.status)
        off(unit)
        unit.good(c.REWIND)
        unit.refused(c.verify(204, 0x10), INVALID_FIELD)


for method in METHODS:
    declare_method(method)


@check("LBP-UNKNOWN", PAGE, TOPIC, "A method that is not there")
def unknown(unit: Subject) -> None:
    """5/26/00, and the page stays as it was."""
    before = mode_page(unit, 0x0A, 0xF0)
    unit.cleanup(lambda: select(unit, before))
    answer = select(unit, before[:4] + bytes((0x77, 4, WRITTEN)) + before[7:])
    unit.expect("sense", INVALID_PARAMETER, answer.code)
    unit.expect("page", before, mode_page(unit, 0x0A, 0xF0))


@check("LBP-SIZE", PAGE, TOPIC, "A wrong length of protection information")
def wrong_size(unit: Subject) -> None:
    """Methods 1 and 2 have 4 bytes: others are 5/26/00."""
    before = mode_page(unit, 0x0A, 0xF0)
    protect(unit, 1, WRITTEN)
    answer = select(unit, before[:4] + bytes((1, 8, WRITTEN)) + before[7:])
    unit.expect("sense", INVALID_PARAMETER, answer.code)


@check("LBP-TOLD", PAGE, TOPIC, "MODE SENSE tells of protection")
def told_by_mode_sense(unit: Subject) -> None:
    """Method, length and both flags are what was selected, and are gone when it is off."""
    protect(unit, 1, WRITTEN | READ)
    page = mode_page(unit, 0x0A, 0xF0)
    unit.expect("method, length, flags", (1, 4, 0xC0), (page[4], page[5] & 0x3F, page[6] & 0xC0))
    off(unit)
    unit.expect("flags", 0, mode_page(unit, 0x0A, 0xF0)[6] & 0xC0)


@check("LBP-NEXUS", PAGE, TOPIC, "Protection and another nexus", scratch=True)
def of_each_nexus(unit: Subject) -> None:
    """Where mode page policy says that the page is of each nexus, blocks of another have no
    code."""
    policies = asking.vpd(unit, 0x87)[4:]
    rows = [policies[place : place + 4] for place in range(0, len(policies), 4)]
    if not any(row[:2] == b"\x0a\xf0" and row[2] & 3 == 3 for row in rows):
        unit.skip("the page is shared by all nexuses")
    other = unit.second
    block = pattern(100)
    record(unit, block)
    protect(unit, 1, READ)
    other.hear_out()
    unit.expect("data", block, other.good(c.read(100), size=100).data)


@check("LBP-METHODS", "SSC-5 8.6.7", TOPIC, "The methods of VPD page B5h")
def methods(unit: Subject) -> None:
    """Each method that the page lists can be selected, and no other of 1 and 2."""
    data = asking.vpd(unit, 0xB5)
    place, listed = 8, set()
    while place < len(data):
        listed.add(data[place + 1])
        place += 1 + data[place]
    for method in METHODS:
        try:
            protect(unit, method, WRITTEN)
            taken = True
        except NotApplicable:
            taken = False
        unit.expect(f"method {method} can be selected", method in listed, taken)

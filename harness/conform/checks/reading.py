"""READ(6): what is returned, what is reported, where the tape is afterwards (SSC-4 6.4)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, at, set_block_length
from harness.conform.check import check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import (
    BEGINNING,
    END_OF_DATA,
    FILEMARK_DETECTED,
    NO_SENSE,
    go,
    need_short_erase,
    pattern,
    read_all,
    record,
    told,
)

CLAUSE = "SSC-4 6.4"
TOPIC = "reading"


# --- variable blocks -----------------------------------------------------------------------------


def declare_exact(length: int) -> None:
    """Blocks of a length."""

    @check(
        f"READ-EXACT-{length}",
        CLAUSE,
        TOPIC,
        f"A block of {length} bytes, asked for as it is",
        scratch=True,
        expected="GOOD, and the bytes that were written.",
    )
    def exact(unit: Subject) -> None:
        _, longest, shortest = asking.limits(unit)
        if not shortest <= length <= longest:
            unit.skip(f"blocks have {shortest} to {longest} bytes")
        block = pattern(length)
        record(unit, block)
        unit.expect("data", block, unit.good(c.read(length), size=length).data)
        at(unit, 1)


for length in (1, 2, 511, 512, 4097, 65536, 262144):
    declare_exact(length)


def declare_other_length(asked: int, real: int, sili: bool) -> None:
    """A block of another length than asked for, in variable mode."""
    short = real < asked
    name = f"{'SHORT' if short else 'LONG'}{'-SILI' if sili else ''}-{asked}-{real}"

    @check(
        f"READ-{name}",
        CLAUSE,
        TOPIC,
        f"A block of {real} bytes, asked for with {asked}{' and SILI' if sili else ''}",
        scratch=True,
        expected="What there is of the block, or fits. "
        + (
            "SILI with block length 0: GOOD."
            if sili
            else "CHECK CONDITION, NO SENSE, ILI, VALID, INFORMATION is asked minus real length."
        )
        + " The tape is behind the block.",
    )
    def other_length(unit: Subject) -> None:
        block, after = pattern(real), b"next"
        record(unit, block, after)
        answer = unit.do(c.read(asked, sili=sili), size=asked)
        if sili:
            unit.expect("status", GOOD, answer.status)
        else:
            told(unit, answer, NO_SENSE, ili=True, left=asked - real)
        unit.expect("data", block[:asked], answer.data)
        at(unit, 1)
        unit.expect("next block", after, unit.good(c.read(4), size=4).data)


for asked, real in ((200, 100), (512, 1), (65536, 65535), (100, 200), (1, 512), (4096, 4097)):
    for sili in (False, True):
        declare_other_length(asked, real, sili)


@check(
    "READ-SILI-LONG-FIXED", CLAUSE, TOPIC, "SILI, a longer block, and a block length", scratch=True
)
def sili_with_block_length(unit: Subject) -> None:
    """SILI does not hide an overlong block when the block length is not 0: ILI all the same."""
    record(unit, pattern(1000), b"next")
    set_block_length(unit, 512)
    answer = unit.do(c.read(100, sili=True), size=100)
    told(unit, answer, NO_SENSE, ili=True, left=100 - 1000)
    at(unit, 1)


@check("READ-SILI-SHORT-FIXED", CLAUSE, TOPIC, "SILI, a shorter block, and a block length",
       scratch=True)  # fmt: skip
def sili_short_with_block_length(unit: Subject) -> None:
    """SILI hides a short block whatever the block length is."""
    record(unit, pattern(100), b"next")
    set_block_length(unit, 512)
    answer = unit.good(c.read(200, sili=True), size=200)
    unit.expect("data", pattern(100), answer.data)


@check("READ-NOTHING", CLAUSE, TOPIC, "A transfer length of zero", scratch=True)
def nothing(unit: Subject) -> None:
    """GOOD: no data, no motion; at a filemark and at the end of data too."""
    record(unit, b"data", None)
    for number in (0, 1, 2):
        go(unit, number)
        unit.expect("data", b"", unit.good(c.read(0), size=16).data)
        at(unit, number)


@check("READ-SEQUENCE", CLAUSE, TOPIC, "Blocks of all lengths one after the other", scratch=True)
def sequence(unit: Subject) -> None:
    """Each comes as it was written, in its place."""
    blocks = [pattern(length, length) for length in (1, 2048, 3, 512, 30000, 77)]
    record(unit, *blocks)
    read_all(unit, *blocks)


@check("READ-AGAIN", CLAUSE, TOPIC, "The same block again", scratch=True)
def again(unit: Subject) -> None:
    """After SPACE back and after REWIND the same bytes come."""
    record(unit, pattern(700, 1), pattern(700, 2))
    go(unit, 1)
    for back in (c.space(c.BLOCKS, -1), c.REWIND):
        unit.good(c.read(700), size=700) if back != c.REWIND else None
        unit.good(back)
    unit.expect("data", pattern(700, 1), unit.good(c.read(700), size=700).data)


@check("READ-LONG-LIMIT", CLAUSE, TOPIC, "More than the longest block")
def over_the_limit(unit: Subject) -> None:
    """A transfer length over the maximum of READ BLOCK LIMITS: 5/24/00, nothing moves."""
    asking.need_volume(unit)
    longest = asking.limits(unit)[1]
    if not 0 < longest < 0xFFFFFF:
        unit.skip("no transfer length is longer than the longest block")
    before = asking.position(unit)
    answer = unit.refused(c.read(longest + 1), INVALID_FIELD)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 2, answer.sense.field_pointer[0])
    unit.expect("position", before, asking.position(unit))


# --- filemarks and ends --------------------------------------------------------------------------


@check("READ-FILEMARK", CLAUSE, TOPIC, "A filemark", scratch=True)
def filemark(unit: Subject) -> None:
    """0/00/01 with FILEMARK, INFORMATION is the length asked for; the tape is behind the mark."""
    record(unit, b"before", None, b"after")
    go(unit, 1)
    answer = unit.do(c.read(100), size=100)
    told(unit, answer, FILEMARK_DETECTED, filemark=True, left=100)
    unit.expect("data", b"", answer.data)
    at(unit, 2)
    unit.expect("next block", b"after", unit.good(c.read(5), size=5).data)


@check("READ-FILEMARK-SILI", CLAUSE, TOPIC, "A filemark with SILI", scratch=True)
def filemark_with_sili(unit: Subject) -> None:
    """SILI hides lengths, not filemarks."""
    record(unit, None, b"after")
    answer = unit.do(c.read(100, sili=True), size=100)
    told(unit, answer, FILEMARK_DETECTED, filemark=True, left=100)


@check("READ-FILEMARKS", CLAUSE, TOPIC, "Two filemarks in a row", scratch=True)
def two_filemarks(unit: Subject) -> None:
    """Each is reported by a READ of its own."""
    record(unit, None, None, b"x")
    for number in (1, 2):
        told(unit, unit.do(c.read(9), size=9), FILEMARK_DETECTED, filemark=True, left=9)
        at(unit, number)


@check("READ-EOD", CLAUSE, TOPIC, "End of data", scratch=True)
def end_of_data(unit: Subject) -> None:
    """8/00/05, INFORMATION is the length asked for; no FILEMARK; the tape stays at end of data."""
    record(unit, b"last")
    go(unit, 1)
    answer = unit.do(c.read(10), size=10)
    told(unit, answer, *END_OF_DATA, left=10)
    unit.expect("data", b"", answer.data)
    at(unit, 1)


@check("READ-EOD-TWICE", CLAUSE, TOPIC, "End of data again", scratch=True)
def end_of_data_twice(unit: Subject) -> None:
    """The next READ says the same and does not run away."""
    record(unit, b"last", None)
    go(unit, 2)
    for _ in range(3):
        told(unit, unit.do(c.read(10), size=10), *END_OF_DATA, left=10)
        at(unit, 2)


@check("READ-EOD-SILI", CLAUSE, TOPIC, "End of data with SILI", scratch=True)
def end_of_data_with_sili(unit: Subject) -> None:
    """SILI hides lengths, not the end of data."""
    record(unit, b"last")
    go(unit, 1)
    told(unit, unit.do(c.read(10, sili=True), size=10), *END_OF_DATA, left=10)


@check("READ-BLANK", CLAUSE, TOPIC, "A tape without data", scratch=True)
def blank(unit: Subject) -> None:
    """BLANK CHECK, 8/00/05 or 8/14/xx, at object 0."""
    need_short_erase(unit)
    unit.blank()
    told(unit, unit.do(c.read(512), size=512), *END_OF_DATA, left=512)
    at(unit, 0)


# --- fixed blocks --------------------------------------------------------------------------------


def fixed_tape(unit: Subject, *objects: bytes | None, length: int = 512) -> None:
    """These objects on an empty tape, at its beginning, and the block length."""
    record(unit, *objects)
    set_block_length(unit, length)


@check("READ-FIXED-NO-LENGTH", CLAUSE, TOPIC, "FIXED with a block length of zero")
def fixed_without_length(unit: Subject) -> None:
    """5/24/00, at FIXED if there is a field pointer."""
    asking.need_volume(unit)
    set_block_length(unit, 0)
    unit.refused(c.read(1, fixed=True), INVALID_FIELD, size=512, field=(1, 0))


@check("READ-FIXED-SILI", CLAUSE, TOPIC, "FIXED and SILI together")
def fixed_with_sili(unit: Subject) -> None:
    """5/24/00, at SILI (or FIXED) if there is a field pointer."""
    asking.need_volume(unit)
    set_block_length(unit, 512)
    answer = unit.refused(c.read(1, fixed=True, sili=True), INVALID_FIELD, size=512)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 1, answer.sense.field_pointer[0])


def declare_fixed(count: int, length: int) -> None:
    """Several fixed blocks."""

    @check(
        f"READ-FIXED-{count}-{length}",
        CLAUSE,
        TOPIC,
        f"{count} fixed blocks of {length} bytes in one command",
        scratch=True,
        expected="GOOD, the blocks one after the other, the tape behind the last.",
    )
    def fixed(unit: Subject) -> None:
        blocks = [pattern(length, seed) for seed in range(count + 1)]
        fixed_tape(unit, *blocks, length=length)
        answer = unit.good(c.read(count, fixed=True), size=count * length)
        unit.expect("data", b"".join(blocks[:count]), answer.data)
        at(unit, count)


for count, length in ((1, 512), (2, 1024), (5, 512), (3, 10240)):
    declare_fixed(count, length)


@check("READ-FIXED-NOTHING", CLAUSE, TOPIC, "No fixed blocks", scratch=True)
def fixed_nothing(unit: Subject) -> None:
    """FIXED with a transfer length of 0: GOOD, nothing moves."""
    fixed_tape(unit, bytes(512))
    unit.expect("data", b"", unit.good(c.read(0, fixed=True), size=512).data)
    at(unit, 0)


ENDS = (
    ("SHORT", "a shorter block", (512, 512, 100, 512), 4, NO_SENSE, 2, 2, 3, True, False),
    ("LONG", "a longer block", (512, 900, 512), 3, NO_SENSE, 2, 1, 2, True, False),
    ("FIRST", "a wrong block at once", (100, 512), 2, NO_SENSE, 2, 0, 1, True, False),
    ("LAST", "a wrong block as the last", (512, 512, 4), 3, NO_SENSE, 1, 2, 3, True, False),
    ("MARK", "a filemark", (512, None, 512), 3, FILEMARK_DETECTED, 2, 1, 2, False, True),
    ("MARK-FIRST", "a filemark at once", (None, 512), 4, FILEMARK_DETECTED, 4, 0, 1, False, True),
    ("EOD", "the end of data", (512, 512), 5, END_OF_DATA, 3, 2, 2, False, False),
    ("EOD-FIRST", "the end of data at once", (), 2, END_OF_DATA, 2, 0, 0, False, False),
)
"""What fixed blocks end at: objects by length, blocks asked for, sense, residual, good blocks,
where the tape is then, ILI, FILEMARK."""


def declare_end(
    name: str,
    words: str,
    lengths: tuple[int | None, ...],
    count: int,
    code: str | tuple[str, ...],
    left: int,
    good: int,
    end: int,
    ili: bool,
    mark: bool,
) -> None:
    """Fixed blocks that end before their count."""

    @check(
        f"READ-FIXED-END-{name}",
        CLAUSE,
        TOPIC,
        f"{count} fixed blocks that end at {words}",
        scratch=True,
        expected="CHECK CONDITION with the sense of what came; INFORMATION is the number of blocks "
        "asked for less the good ones, which are returned; the tape is behind what came.",
    )
    def ends(unit: Subject) -> None:
        if not lengths:
            need_short_erase(unit)
        objects = [None if one is None else pattern(one, one) for one in lengths]
        fixed_tape(unit, *objects)
        answer = unit.do(c.read(count, fixed=True), size=count * 512)
        codes = (code,) if isinstance(code, str) else code
        told(unit, answer, *codes, ili=ili, filemark=mark, left=left)
        came = answer.data[: 512 * good]
        unit.expect("good blocks", b"".join(filter(None, objects[:good])), came)
        at(unit, end)


for row in ENDS:
    declare_end(*row)


@check(
    "READ-FIXED-OF-VARIABLE", CLAUSE, TOPIC, "Fixed blocks written as variable ones", scratch=True
)
def fixed_of_variable(unit: Subject) -> None:
    """How a block was written does not matter: its length does."""
    fixed_tape(unit, pattern(512, 1), pattern(512, 2))
    answer = unit.good(c.read(2, fixed=True), size=1024)
    unit.expect("data", pattern(512, 1) + pattern(512, 2), answer.data)


@check("READ-VARIABLE-OF-FIXED", CLAUSE, TOPIC, "Variable reads of fixed blocks", scratch=True)
def variable_of_fixed(unit: Subject) -> None:
    """With a block length set, READ without FIXED counts bytes."""
    unit.blank()
    set_block_length(unit, 512)
    unit.good(c.write(2, fixed=True), out=pattern(1024))
    unit.good(c.REWIND)
    unit.expect("data", pattern(1024)[:512], unit.good(c.read(512), size=512).data)
    at(unit, 1)


@check("READ-LENGTH-CHANGES", CLAUSE, TOPIC, "The block length changes between reads", scratch=True)
def length_changes(unit: Subject) -> None:
    """Each READ goes by the block length of its time."""
    record(unit, pattern(512, 1), pattern(1024, 2), pattern(512, 3))
    for length, seed in ((512, 1), (1024, 2), (512, 3)):
        set_block_length(unit, length)
        answer = unit.good(c.read(1, fixed=True), size=length)
        unit.expect("data", pattern(length, seed), answer.data)


# --- READ REVERSE and RECOVER BUFFERED DATA ------------------------------------------------------


@check("READ-REVERSE", "SSC-4 6.5", TOPIC, "READ REVERSE", scratch=True)
def backwards(unit: Subject) -> None:
    """With BYTORD the bytes come as they were written, and the tape is before the block."""
    unit.need(0x0F)
    record(unit, b"one", b"two")
    go(unit, 2)
    answer = unit.do(c.read_reverse(3), size=3)
    if answer.code == INVALID_FIELD:
        unit.skip("BYTORD is not supported")
    unit.expect("data", b"two", answer.data)
    at(unit, 1)


@check("READ-REVERSE-BOP", "SSC-4 6.5", TOPIC, "READ REVERSE at the beginning", scratch=True)
def backwards_at_the_beginning(unit: Subject) -> None:
    """0/00/04 with EOM; the tape stays."""
    unit.need(0x0F)
    record(unit, b"one")
    told(unit, unit.do(c.read_reverse(3, byte_order=False), size=3), BEGINNING, eom=True, left=3)
    at(unit, 0)


@check("READ-REVERSE-MARK", "SSC-4 6.5", TOPIC, "READ REVERSE at a filemark", scratch=True)
def backwards_at_a_mark(unit: Subject) -> None:
    """0/00/01 with FILEMARK; the tape is before the mark."""
    unit.need(0x0F)
    record(unit, b"one", None)
    go(unit, 2)
    answer = unit.do(c.read_reverse(3, byte_order=False), size=3)
    told(unit, answer, FILEMARK_DETECTED, filemark=True, left=3)
    at(unit, 1)


@check("READ-RECOVER", "SSC-4 7.8", TOPIC, "RECOVER BUFFERED DATA with nothing in the buffer",
       scratch=True)  # fmt: skip
def recover(unit: Subject) -> None:
    """There is nothing: 0/00/05 with EOM (SSC), 8/00/05, or 5/2C/00."""
    unit.need(0x14)
    record(unit, b"one")
    answer = unit.do(bytes((0x14, 0, 0, 0, 9, 0)), size=9)
    codes = ("0/00/05", "5/2C/00", *END_OF_DATA)
    unit.require("sense", answer.code in codes, " or ".join(codes), answer)
    unit.expect("data", b"", answer.data)

"""WRITE(6), VERIFY(6), write protection, and the end of the tape (SSC-4 6.7, 6.8, 4.2)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import (
    INVALID_FIELD,
    at,
    log_page,
    mode,
    mode_page,
    select,
    set_block_length,
)
from harness.conform.check import Failure, NotApplicable, check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import (
    END_OF_DATA,
    FILEMARK_DETECTED,
    NO_SENSE,
    append,
    at_end,
    go,
    pattern,
    read_all,
    record,
    told,
)
from harness.conform.volume import reload

CLAUSE = "SSC-4 6.8"
TOPIC = "writing"
AFFORDABLE = 64
"""MiB: a longer tape is not filled to its end."""


@check("WRITE-VARIABLE", CLAUSE, TOPIC, "A variable block", scratch=True)
def variable(unit: Subject) -> None:
    """GOOD; the tape is behind the block, where the data end."""
    record(unit)
    unit.good(c.write(1000), out=pattern(1000))
    at(unit, 1)
    at_end(unit)
    unit.good(c.REWIND)
    read_all(unit, pattern(1000))


@check("WRITE-FIXED", CLAUSE, TOPIC, "Fixed blocks", scratch=True)
def fixed(unit: Subject) -> None:
    """One command writes as many blocks of the block length as it says: each is an object."""
    record(unit)
    set_block_length(unit, 512)
    unit.good(c.write(3, fixed=True), out=pattern(1536))
    at(unit, 3)
    set_block_length(unit, 0)
    unit.good(c.REWIND)
    data = pattern(1536)
    read_all(unit, data[:512], data[512:1024], data[1024:])


@check("WRITE-NOTHING", CLAUSE, TOPIC, "A transfer length of zero", scratch=True)
def nothing(unit: Subject) -> None:
    """GOOD, nothing is written or cut off."""
    record(unit, b"one", b"two")
    go(unit, 1)
    unit.good(c.write(0))
    at(unit, 1)
    set_block_length(unit, 512)
    unit.good(c.write(0, fixed=True))
    set_block_length(unit, 0)
    unit.good(c.REWIND)
    read_all(unit, b"one", b"two")


@check("WRITE-FIXED-NO-LENGTH", CLAUSE, TOPIC, "FIXED with a block length of zero", scratch=True)
def fixed_without_length(unit: Subject) -> None:
    """5/24/00, at FIXED if there is a field pointer; nothing is written."""
    record(unit)
    unit.refused(c.write(1, fixed=True), INVALID_FIELD, out=bytes(512), field=(1, 0))
    at(unit, 0)


@check("WRITE-LONG-LIMIT", CLAUSE, TOPIC, "More than the longest block", scratch=True)
def over_the_limit(unit: Subject) -> None:
    """A transfer length over the maximum of READ BLOCK LIMITS: 5/24/00, nothing is written."""
    record(unit)
    longest = asking.limits(unit)[1]
    if not 0 < longest < 0xFFFFFF:
        unit.skip("no transfer length is longer than the longest block")
    answer = unit.refused(c.write(longest + 1), INVALID_FIELD)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 2, answer.sense.field_pointer[0])
    at(unit, 0)


@check("WRITE-SHORT-LIMIT", CLAUSE, TOPIC, "Less than the shortest block", scratch=True)
def under_the_limit(unit: Subject) -> None:
    """A transfer length under the minimum of READ BLOCK LIMITS: 5/24/00."""
    record(unit)
    shortest = asking.limits(unit)[2]
    if shortest <= 1:
        unit.skip("a block may have one byte")
    unit.refused(c.write(shortest - 1), INVALID_FIELD, out=bytes(shortest - 1))


@check("WRITE-LONGEST", "SSC-4 7.6", TOPIC, "The longest block of READ BLOCK LIMITS", scratch=True)
def longest_block(unit: Subject) -> None:
    """It can be written and read, if the way to the drive carries so much."""
    record(unit)
    longest = min(asking.limits(unit)[1] or 0xFFFFFF, 0xFFFFFF)
    block = pattern(longest)
    answer = unit.do(c.write(longest), out=block)
    if answer.status != GOOD:
        unit.expect("sense", "0/00/02", answer.code)
    unit.good(c.REWIND)
    if unit.good(c.read(longest), size=longest).data != block:
        raise Failure("data", f"{longest} bytes as written", "others")


@check(
    "WRITE-SHORTEST", "SSC-4 7.6", TOPIC, "The shortest block of READ BLOCK LIMITS", scratch=True
)
def shortest_block(unit: Subject) -> None:
    """It can be written and read."""
    shortest = max(asking.limits(unit)[2], 1)
    record(unit, pattern(shortest))
    read_all(unit, pattern(shortest))


@check("WRITE-LIMITS", "SSC-4 7.6", TOPIC, "READ BLOCK LIMITS")
def limits(unit: Subject) -> None:
    """Six bytes at least; the maximum is not less than the minimum, which is 1 at least; the same
    with a volume or without; hosts want 65536 and more (a warning)."""
    data = unit.good(c.READ_BLOCK_LIMITS, size=16).data
    unit.require("length", len(data) >= 6, "6 bytes", len(data))
    unit.expect("reserved bits", 0, data[0] & 0xE0)
    _, longest, shortest = asking.limits(unit)
    unit.require("minimum", shortest >= 1, "1 at least", shortest)
    unit.require("maximum", longest == 0 or longest >= shortest, "over the minimum", longest)
    if longest and longest < 65536:
        unit.warn("blocks of 64 KiB cannot be written")
    if longest > 0x800000:
        unit.warn("the longest block is over 8 MiB: Proxmox Backup refuses such a drive")


@check("WRITE-CUTS", CLAUSE, TOPIC, "Writing ends the data", scratch=True)
def cuts(unit: Subject) -> None:
    """What was behind the block that is written is gone: end of data is behind it."""
    record(unit, b"one", b"two", None, b"three")
    go(unit, 1)
    unit.write(b"new")
    at(unit, 2)
    at_end(unit)
    unit.good(c.REWIND)
    read_all(unit, b"one", b"new")


@check("WRITE-APPEND", CLAUSE, TOPIC, "Appending at the end of data", scratch=True)
def appending(unit: Subject) -> None:
    """What was before stays."""
    record(unit, b"one", None)
    unit.good(c.space(c.END_OF_DATA, 0))
    append(unit, b"two", None)
    unit.good(c.REWIND)
    read_all(unit, b"one", None, b"two", None)


@check("WRITE-OVER-MARK", CLAUSE, TOPIC, "Writing over a filemark", scratch=True)
def over_a_mark(unit: Subject) -> None:
    """A block takes the place of a mark."""
    record(unit, b"one", None, b"two")
    go(unit, 1)
    append(unit, b"new", None)
    unit.good(c.REWIND)
    read_all(unit, b"one", b"new", None)


@check("WRITE-BEGINNING", CLAUSE, TOPIC, "Writing anew from the beginning", scratch=True)
def from_the_beginning(unit: Subject) -> None:
    """All that was on the tape is gone."""
    record(unit, b"one", None, b"two", None)
    append(unit, b"new")
    unit.good(c.REWIND)
    read_all(unit, b"new")


CONTENTS = (
    ("ZEROS", bytes(32768)),
    ("ONES", b"\xff" * 32768),
    ("COUNT", bytes(range(256)) * 128),
    ("TEXT", b"conformance " * 2730),
    ("MIXED", pattern(32749, 5)),
)


def declare_contents(name: str, block: bytes) -> None:
    """Data of several kinds come back, compressed or not."""

    @check(
        f"WRITE-DATA-{name}",
        CLAUSE,
        TOPIC,
        f"Data come back with and without compression: {name.lower()}",
        scratch=True,
        expected="The bytes that are read are those that were written, with DCE 0 and 1 of the "
        "data compression page, if it can be changed.",
    )
    def contents(unit: Subject) -> None:
        record(unit)
        blocks = 1
        unit.write(block)
        try:
            page = mode_page(unit, 0x0F)
        except NotApplicable:
            page = b""
        if page and page[2] & 0x40:
            asking.change(unit, page[:2] + bytes((page[2] ^ 0x80,)) + page[3:])
            unit.write(block)
            blocks = 2
        unit.good(c.REWIND)
        read_all(unit, *[block] * blocks)


for contents_row in CONTENTS:
    declare_contents(*contents_row)


@check("WRITE-UNBUFFERED", "SSC-4 8.3.1", TOPIC, "Writing with buffered mode 0", scratch=True)
def unbuffered(unit: Subject) -> None:
    """The block is on the tape with GOOD: nothing is in the buffer, by READ POSITION."""
    record(unit)
    before = mode(unit, 0x3F).device & 0x7F
    unit.cleanup(lambda: select(unit, device=before))
    asking.taken(select(unit, device=before & 0x0F))
    unit.write(pattern(3000))
    position = asking.position(unit)
    unit.expect("first and last object", (1, 1), (position.first, position.last))
    unit.good(c.REWIND)
    read_all(unit, pattern(3000))


def declare_write_protect(name: str, page: int, byte: int, bit: int, clause: str) -> None:
    """Software write protection."""

    @check(
        f"WRITE-PROTECT-{name}",
        clause,
        TOPIC,
        f"Software write protection by page {page:02X}h",
        scratch=True,
        expected="With SWP set, if it can be: WRITE, WRITE FILEMARKS and ERASE are DATA PROTECT "
        "27h, WP is set in the mode parameter header, reading goes on; without it all works again.",
    )
    def protected(unit: Subject) -> None:
        before = mode_page(unit, page)
        if not mode_page(unit, page, control=1)[byte] & bit:
            unit.skip("SWP cannot be changed")
        record(unit, b"kept")
        wanted = bytearray(before)
        wanted[byte] |= bit
        asking.change(unit, bytes(wanted))
        unit.require("WP", mode(unit, 0x3F).device & 0x80, "set", mode(unit, 0x3F).device)
        for cdb, out in (
            (c.write(3), b"new"),
            (c.write_filemarks(1), b""),
            (c.erase(), b""),
        ):
            answer = unit.do(cdb, out=out)
            unit.require("sense", answer.code.startswith("7/27/"), "7/27/xx", answer)
        if unit.do(c.write_filemarks(0)).status:
            unit.warn("WRITE FILEMARKS(6) of none is refused, though it writes nothing")
        unit.good(c.REWIND)
        unit.expect("data", b"kept", unit.good(c.read(4), size=4).data)
        asking.taken(select(unit, before))
        unit.require("WP", not mode(unit, 0x3F).device & 0x80, "clear", mode(unit, 0x3F).device)
        unit.write(b"new")


declare_write_protect("CONTROL", 0x0A, 4, 0x08, "SPC-4 7.5.8")
declare_write_protect("DEVICE", 0x10, 10, 0x04, "SSC-4 8.3.3")


@check(
    "WRITE-PROTECT-ASSOCIATED", "SSC-4 8.3.3", TOPIC, "Associated write protection", scratch=True
)
def associated(unit: Subject) -> None:
    """With ASOCWP of page 10h set, if it can be, the volume is not written (7/27/xx) until it is
    unloaded; then it is."""
    before = mode_page(unit, 0x10)
    if not mode_page(unit, 0x10, control=1)[15] & 0x04:
        unit.skip("ASOCWP cannot be changed")
    record(unit, b"kept")
    unit.cleanup(lambda: reload(unit))
    asking.taken(select(unit, before[:15] + bytes((before[15] | 0x04,))))
    answer = unit.do(c.write(3), out=b"new")
    unit.require("sense", answer.code.startswith("7/27/"), "7/27/xx", answer)
    reload(unit)
    read_all(unit, b"kept")
    unit.write(b"new")


# --- the end of the tape -------------------------------------------------------------------------


def remaining(unit: Subject) -> int:
    """MiB (or MB) that are left of the tape, by the cartridge memory or log page 31h or 17h."""
    try:
        found = asking.attributes(unit)
        if 0x0000 in found:
            return int.from_bytes(found[0x0000].value)
    except NotApplicable:
        pass
    try:
        return int.from_bytes(log_page(unit, 0x31)[1])
    except (NotApplicable, KeyError):
        return AFFORDABLE + 1


def fill(unit: Subject) -> int:
    """Write until early warning; the number of blocks. NotApplicable for a tape that is long."""
    unit.blank()
    asking.set_block_length(unit, 0)
    left = remaining(unit)
    if left > AFFORDABLE:
        raise NotApplicable(f"{left} MB are too much to be filled: insert a short tape")
    unit.cleanup(unit.blank)
    try:
        page = mode_page(unit, 0x0F)
        asking.change(unit, page[:2] + bytes((page[2] & 0x7F,)) + page[3:])
    except NotApplicable:
        pass
    block = pattern(1 << 20)
    for number in range(1, 2 * AFFORDABLE):
        answer = unit.do(c.write(len(block)), out=block)
        if answer.status != GOOD:
            told(unit, answer, "0/00/02", eom=True, left=0)
            return number
    raise Failure("early warning", f"after {left} MB", "none")


@check("WRITE-EARLY-WARNING", "SSC-4 4.2.4", TOPIC, "Early warning", scratch=True)
def early_warning(unit: Subject) -> None:
    """0/00/02 with EOM, VALID and INFORMATION 0: the block is written all the same; filemarks
    likewise; READ POSITION has EOP (a warning without); what was written can be read."""
    number = fill(unit)
    at(unit, number)
    if not asking.position(unit).flags & 0x40:
        unit.warn("READ POSITION has EOP 0 past early warning")
    told(unit, unit.do(c.write_filemarks(1)), "0/00/02", eom=True)
    at(unit, number + 1)
    go(unit, number - 1)
    answer = unit.do(c.read(1 << 20), size=1 << 20)
    if answer.data != pattern(1 << 20):
        raise Failure("data of the last block", "as written", f"{len(answer.data)} other bytes")


@check("WRITE-END", "SSC-4 4.2.4", TOPIC, "The physical end of the tape", scratch=True)
def physical_end(unit: Subject) -> None:
    """After early warning blocks are written until D/00/02 with EOM; INFORMATION is what was not
    written, and the tape says so."""
    fill(unit)
    block = pattern(1 << 20)
    for _ in range(AFFORDABLE):
        before = asking.position(unit).first
        answer = unit.do(c.write(len(block)), out=block)
        if answer.code != "0/00/02":
            break
    told(unit, answer, "D/00/02", eom=True, left=len(block))
    at(unit, before)


# --- VERIFY --------------------------------------------------------------------------------------

VTE, VBF, BYTCMP = 0x20, 0x08, 0x02
VERIFY = "SSC-4 6.7"


def need_verify(unit: Subject) -> None:
    """NotApplicable without VERIFY(6)."""
    unit.need(0x13)


@check("VERIFY-BLOCK", VERIFY, "verifying", "A block of the length that is asked for", scratch=True)
def verify_block(unit: Subject) -> None:
    """GOOD; the tape is behind the block."""
    need_verify(unit)
    record(unit, pattern(300), b"next")
    unit.good(c.verify(300))
    at(unit, 1)


@check("VERIFY-LENGTH", VERIFY, "verifying", "A block of another length", scratch=True)
def verify_length(unit: Subject) -> None:
    """As READ: ILI and the residual; the tape is behind the block."""
    need_verify(unit)
    record(unit, pattern(300), pattern(300))
    for asked in (400, 200):
        told(unit, unit.do(c.verify(asked)), NO_SENSE, ili=True, left=asked - 300)
    at(unit, 2)


@check("VERIFY-MARK", VERIFY, "verifying", "A filemark", scratch=True)
def verify_mark(unit: Subject) -> None:
    """As READ: 0/00/01, FILEMARK, behind the mark."""
    need_verify(unit)
    record(unit, None, b"next")
    told(unit, unit.do(c.verify(50)), FILEMARK_DETECTED, filemark=True, left=50)
    at(unit, 1)


@check("VERIFY-EOD", VERIFY, "verifying", "The end of data", scratch=True)
def verify_end(unit: Subject) -> None:
    """As READ: 8/00/05 with what is left."""
    need_verify(unit)
    record(unit, b"last")
    go(unit, 1)
    told(unit, unit.do(c.verify(50)), *END_OF_DATA, left=50)
    at(unit, 1)


@check("VERIFY-FIXED", VERIFY, "verifying", "Fixed blocks", scratch=True)
def verify_fixed(unit: Subject) -> None:
    """FIXED counts blocks; at the end of data INFORMATION is the blocks left."""
    need_verify(unit)
    record(unit, *[bytes(512)] * 4)
    set_block_length(unit, 512)
    unit.good(c.verify(3, 0x01))
    at(unit, 3)
    told(unit, unit.do(c.verify(3, 0x01)), *END_OF_DATA, left=2)


@check("VERIFY-NOTHING", VERIFY, "verifying", "A verification length of zero", scratch=True)
def verify_nothing(unit: Subject) -> None:
    """GOOD, nothing moves."""
    need_verify(unit)
    record(unit, b"data")
    unit.good(c.verify(0))
    at(unit, 0)


@check("VERIFY-ALL", VERIFY, "verifying", "Up to the end of data (VTE)", scratch=True)
def verify_all(unit: Subject) -> None:
    """GOOD at the end of data, over blocks and filemarks; 5/24/00 where VTE is not supported."""
    need_verify(unit)
    record(unit, b"one", None, b"two", None)
    answer = unit.do(c.verify(0, VTE))
    if answer.code == INVALID_FIELD:
        unit.skip("VTE is not supported")
    unit.expect("status", GOOD, answer.status)
    at(unit, 4)


@check("VERIFY-FILES", VERIFY, "verifying", "By filemarks (VBF)", scratch=True)
def verify_files(unit: Subject) -> None:
    """The length counts filemarks: behind the second; 5/24/00 where VBF is not supported."""
    need_verify(unit)
    record(unit, b"one", None, b"two", None, b"three")
    answer = unit.do(c.verify(2, VBF))
    if answer.code == INVALID_FIELD:
        unit.skip("VBF is not supported")
    unit.expect("status", GOOD, answer.status)
    at(unit, 4)


@check("VERIFY-COMPARE", VERIFY, "verifying", "Comparing bytes (BYTCMP)", scratch=True)
def verify_compare(unit: Subject) -> None:
    """Not on most drives: 5/24/00 at BYTCMP; or equal data are GOOD and others are E/1D/00."""
    need_verify(unit)
    record(unit, b"data")
    answer = unit.do(c.verify(4, BYTCMP), out=b"data")
    if answer.status != GOOD:
        unit.expect("sense", INVALID_FIELD, answer.code)
        return
    unit.good(c.REWIND)
    unit.expect("sense of other data", "E/1D/00", unit.do(c.verify(4, BYTCMP), out=b"Data").code)

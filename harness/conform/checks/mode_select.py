"""MODE SELECT: lists that are wrong, block length, density, buffered mode (SPC-4 6.11,
SSC-4 8.3.1).
"""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import (
    INVALID_FIELD,
    INVALID_PARAMETER,
    LIST_LENGTH,
    mode,
    mode_page,
    select,
    set_block_length,
)
from harness.conform.check import Failure, check
from harness.conform.subject import GOOD, Answer, Subject

TOPIC = "mode parameters"
CLAUSE = "SPC-4 6.11"
BLOCKS = "SSC-4 8.3.1"
REFUSED = (INVALID_PARAMETER, LIST_LENGTH)


def block_descriptor(unit: Subject) -> bytes:
    """The block descriptor, 8 bytes. NotApplicable without one."""
    found = mode(unit, 0x3F).descriptor
    if len(found) != 8:
        unit.skip("the device has no block descriptor")
    return found


def refused(unit: Subject, answer: Answer) -> None:
    """5/26/00 or 5/1A/00."""
    unit.require("MODE SELECT", answer.code in REFUSED, " or ".join(REFUSED), answer)


@check("MODE-SELECT-NOTHING", CLAUSE, TOPIC, "MODE SELECT without a list")
def nothing(unit: Subject) -> None:
    """A parameter list length of 0 is GOOD and changes nothing."""
    before = mode(unit, 0x3F)
    unit.good(c.mode_select_6(0))
    if unit.has(0x55):
        unit.good(c.mode_select(0))
    unit.expect("mode parameters", before, mode(unit, 0x3F))


def declare_torn(length: int) -> None:
    """A list that ends inside header, descriptor or page header."""
    where = "the header" if length < 4 else "the block descriptor" if length < 12 else "a page"

    @check(
        f"MODE-SELECT-TORN-{length}",
        CLAUSE,
        TOPIC,
        f"A list of {length} bytes, which ends inside {where}",
        expected="5/1A/00 (or 5/26/00), and nothing changes.",
    )
    def torn(unit: Subject) -> None:
        before = mode(unit, 0x3F)
        whole = bytes((0, 0, before.device & 0x7F, 8)) + block_descriptor(unit)
        whole += mode_page(unit, 0x0A)
        answer = unit.do(c.mode_select_6(length), out=whole[:length])
        refused(unit, answer)
        unit.expect("mode parameters", before, mode(unit, 0x3F))


for length in (1, 3, 5, 8, 11, 13, 17):
    declare_torn(length)


def declare_descriptor_length(length: int) -> None:
    """A block descriptor of another length than 8."""

    @check(
        f"MODE-SELECT-DESCRIPTOR-{length}",
        BLOCKS,
        TOPIC,
        f"A block descriptor of {length} bytes",
        expected="5/26/00 (or 5/1A/00).",
    )
    def wrong_descriptor(unit: Subject) -> None:
        device = mode(unit, 0x3F).device & 0x7F
        data = bytes((0, 0, device, length)) + bytes(length)
        refused(unit, unit.do(c.mode_select_6(len(data)), out=data))


for length in (1, 7, 9, 16):
    declare_descriptor_length(length)


@check("MODE-SELECT-UNKNOWN", CLAUSE, TOPIC, "A page that is not there")
def unknown_page(unit: Subject) -> None:
    """5/26/00."""
    for page in (0x03, 0x2E, 0x3E):
        if unit.do(c.mode_sense_6(page), size=255).status == GOOD:
            continue
        answer = select(unit, bytes((page, 0x0A)) + bytes(10))
        unit.expect(f"sense for page {page:02X}h", INVALID_PARAMETER, answer.code)


@check("MODE-SELECT-PF0", CLAUSE, TOPIC, "Header and block descriptor with PF 0")
def without_pf(unit: Subject) -> None:
    """Linux st tries it again so when PF 1 is refused: GOOD, or a warning."""
    data = bytes((0, 0, mode(unit, 0x3F).device & 0x7F, 8)) + block_descriptor(unit)
    answer = unit.do(c.mode_select_6(len(data), pf=False), out=data)
    if answer.status != GOOD:
        unit.warn(f"PF 0 is refused ({answer.code}), even without pages")


@check("MODE-SELECT-SP", CLAUSE, TOPIC, "Saving pages that are not saved")
def saving(unit: Subject) -> None:
    """SP 1 where no page has PS: 5/24/00 or 5/39/00; where pages have, GOOD."""
    pages = list(asking.split_pages(mode_page(unit, 0x3F)))
    data = bytes((0, 0, mode(unit, 0x3F).device & 0x7F, 8)) + block_descriptor(unit)
    if any(page[0] & 0x80 for _, _, page in pages):
        unit.skip("the device saves pages; they are left as they are")
    unit.refused(c.mode_select_6(len(data), sp=True), INVALID_FIELD, "5/39/00", out=data)


@check("MODE-SELECT-WHOLE", CLAUSE, TOPIC, "A list that is refused changes nothing")
def all_or_nothing(unit: Subject) -> None:
    """A new block length and a page that is not there: 5/26/00, and the block length stays."""
    before = block_descriptor(unit)
    unit.cleanup(lambda: select(unit, descriptor=before))
    length = 1024 if before[5:] != (1024).to_bytes(3) else 2048
    wrong = bytes((0x2E, 0x0A)) + bytes(10)
    answer = select(unit, wrong, descriptor=before[:5] + length.to_bytes(3))
    unit.expect("sense", INVALID_PARAMETER, answer.code)
    unit.expect("block descriptor", before, mode(unit, 0x3F).descriptor)


@check("MODE-SELECT-TWO", CLAUSE, TOPIC, "Two pages, the second of them wrong")
def second_page_wrong(unit: Subject) -> None:
    """5/26/00, and the first page stays as it was."""
    before = mode_page(unit, 0x10)
    if len(before) < 16 or not mode_page(unit, 0x10, control=1)[7]:
        unit.skip("the write delay time cannot be changed")
    unit.cleanup(lambda: select(unit, before))
    first = bytes((before[0] & 0x7F,)) + before[1:7] + bytes((before[7] ^ 1,)) + before[8:]
    answer = select(unit, first + bytes((0x2E, 0x0A)) + bytes(10))
    unit.expect("sense", INVALID_PARAMETER, answer.code)
    unit.expect("page 10h", before, mode_page(unit, 0x10))


# --- block length and density --------------------------------------------------------------------


def declare_block_length(length: int) -> None:
    """A block length that the limits allow."""

    @check(
        f"MODE-BLOCK-LENGTH-{length}",
        BLOCKS,
        TOPIC,
        f"A block length of {length}",
        expected="It is taken, and both MODE SENSE commands tell it.",
    )
    def taken(unit: Subject) -> None:
        block_descriptor(unit)
        granularity, longest, shortest = asking.limits(unit)
        if length and not shortest <= length <= (longest or length):
            unit.skip(f"blocks have {shortest} to {longest} bytes")
        if length % (1 << granularity):
            unit.skip(f"blocks are multiples of {1 << granularity} bytes")
        other = 0 if length else 512
        set_block_length(unit, other)
        unit.expect("block length", other.to_bytes(3), mode(unit, 0x3F).descriptor[5:])
        set_block_length(unit, length)
        unit.expect("block length", length.to_bytes(3), mode(unit, 0x3F).descriptor[5:])
        data = unit.good(c.mode_sense_6(0), size=255).data
        unit.expect("block length by MODE SENSE(6)", length.to_bytes(3), data[9:12])


for length in (0, 1, 512, 10240, 65536, 1 << 20):
    declare_block_length(length)


@check("MODE-BLOCK-LENGTH-LONG", BLOCKS, TOPIC, "A block length over the limit")
def too_long(unit: Subject) -> None:
    """Longer than READ BLOCK LIMITS says: 5/26/00, and the block length stays."""
    before = block_descriptor(unit)
    longest = asking.limits(unit)[1]
    if not 0 < longest < 0xFFFFFF:
        unit.skip("the longest block is as long as can be written")
    unit.cleanup(lambda: select(unit, descriptor=before))
    answer = select(unit, descriptor=before[:5] + (longest + 1).to_bytes(3))
    unit.expect("sense", INVALID_PARAMETER, answer.code)
    unit.expect("block descriptor", before, mode(unit, 0x3F).descriptor)


@check("MODE-DENSITY-KEEP", BLOCKS, TOPIC, "Density code 7Fh keeps the density")
def keep_density(unit: Subject) -> None:
    """7Fh: GOOD, and the density stays."""
    before = block_descriptor(unit)
    answer = select(unit, descriptor=b"\x7f" + before[1:])
    if answer.status != GOOD:
        raise Failure("MODE SELECT", "GOOD", repr(answer))
    unit.expect("block descriptor", before, mode(unit, 0x3F).descriptor)


@check("MODE-DENSITY-SAME", BLOCKS, TOPIC, "The density that is")
def same_density(unit: Subject) -> None:
    """GOOD, and nothing changes."""
    before = block_descriptor(unit)
    answer = select(unit, descriptor=before)
    if answer.status != GOOD:
        raise Failure("MODE SELECT", "GOOD", repr(answer))
    unit.expect("block descriptor", before, mode(unit, 0x3F).descriptor)


@check("MODE-DENSITY-OTHER", BLOCKS, TOPIC, "A density that the drive has not")
def other_density(unit: Subject) -> None:
    """5/26/00, and the density stays; ignoring it is a warning."""
    before = block_descriptor(unit)
    known = unit.do(c.report_density_support(asking.ROOM), size=asking.ROOM).data
    code = next(one for one in (0x3F, 0x3E, 0x6F) if one not in known)
    unit.cleanup(lambda: select(unit, descriptor=before))
    answer = select(unit, descriptor=bytes((code,)) + before[1:])
    unit.expect("block descriptor", before, mode(unit, 0x3F).descriptor)
    if answer.status == GOOD:
        unit.warn("an unknown density is ignored instead of refused")
    else:
        unit.expect("sense", INVALID_PARAMETER, answer.code)


# --- buffered mode -------------------------------------------------------------------------------


@check("MODE-BUFFERED-DEFAULT", "SSC-4 8.3.1", TOPIC, "Buffered mode is on")
def buffered(unit: Subject) -> None:
    """The default of BUFFERED MODE is 1: a drive that writes without buffer is slow (a warning)."""
    if mode(unit, 0x3F, control=2).device >> 4 & 7 != 1:
        unit.warn("BUFFERED MODE is not 1 by default")


@check("MODE-BUFFERED-SET", "SSC-4 8.3.1", TOPIC, "Buffered mode can be turned off")
def unbuffered(unit: Subject) -> None:
    """BUFFERED MODE 0 and 1 are taken and told by MODE SENSE."""
    before = mode(unit, 0x3F).device & 0x7F
    unit.cleanup(lambda: select(unit, device=before))
    for value in (0, 1):
        asking.taken(select(unit, device=value << 4 | before & 0x0F))
        unit.expect("BUFFERED MODE", value, mode(unit, 0x3F).device >> 4 & 7)


@check("MODE-BUFFERED-RESERVED", "SSC-4 8.3.1", TOPIC, "Reserved buffered modes")
def reserved_modes(unit: Subject) -> None:
    """BUFFERED MODE 3 to 7: 5/26/00, and the mode stays."""
    before = mode(unit, 0x3F).device & 0x7F
    unit.cleanup(lambda: select(unit, device=before))
    for value in range(3, 8):
        answer = select(unit, device=value << 4 | before & 0x0F)
        unit.expect(f"sense for buffered mode {value}", INVALID_PARAMETER, answer.code)
    unit.expect("device-specific parameter", before, mode(unit, 0x3F).device & 0x7F)


@check("MODE-WP-IGNORED", "SSC-4 8.3.1", TOPIC, "WP in a list is not looked at")
def write_protect_bit(unit: Subject) -> None:
    """WP is reserved with MODE SELECT: it protects nothing, whether it is ignored or refused."""
    before = mode(unit, 0x3F).device
    select(unit, device=before | 0x80)
    unit.expect("device-specific parameter", before, mode(unit, 0x3F).device)

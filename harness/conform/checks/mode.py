"""Mode parameters: the lists, each page's four forms, what may be selected and what may not
(SPC-4 6.11 to 6.14 and 7.5, SSC-4 8.3).
"""

from __future__ import annotations

from collections.abc import Callable

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import (
    INVALID_FIELD,
    INVALID_PARAMETER,
    LIST_LENGTH,
    ROOM,
    mode,
    mode_page,
    number,
    select,
    split_pages,
)
from harness.conform.check import Failure, NotApplicable, check
from harness.conform.subject import GOOD, Subject

TOPIC = "mode parameters"
CURRENT, CHANGEABLE, DEFAULT, SAVED = 0, 1, 2, 3
ALL, PARTITIONS = 0x3F, 0x11
REFUSED = (INVALID_PARAMETER, LIST_LENGTH)

PAGES = (
    (0x01, 0x00, "Read-write error recovery", "SSC-4 8.3.5", (0x0A,)),
    (0x02, 0x00, "Disconnect-reconnect", "SPC-4 7.5.10", (0x0E,)),
    (0x0A, 0x00, "Control", "SPC-4 7.5.8", (0x0A,)),
    (0x0A, 0x01, "Control extension", "SPC-4 7.5.9", (0x1C,)),
    (0x0A, 0xF0, "Control data protection", "SSC-5 8.3.9", (0x1C,)),
    (0x0F, 0x00, "Data compression", "SSC-4 8.3.2", (0x0E,)),
    (0x10, 0x00, "Device configuration", "SSC-4 8.3.3", (0x0E,)),
    (0x10, 0x01, "Device configuration extension", "SSC-4 8.3.8", (0x1C,)),
    (0x11, 0x00, "Medium partition", "SSC-4 8.3.4", ()),
    (0x18, 0x00, "Protocol-specific logical unit", "SPC-4 7.5", ()),
    (0x19, 0x00, "Protocol-specific port", "SPC-4 7.5", ()),
    (0x1A, 0x00, "Power condition", "SPC-4 7.5.13", (0x0A, 0x26)),
    (0x1C, 0x00, "Informational exceptions control", "SSC-4 8.3.6", (0x0A,)),
    (0x1D, 0x00, "Medium configuration", "SSC-4 8.3.7", (0x1E,)),
)
"""Code, subcode, name, clause, lengths that the page may have."""


def declare_page(page: int, subpage: int, name: str, clause: str, lengths: tuple[int, ...]) -> None:
    """What holds for any page."""
    key = f"{page:02X}" + (f"-{subpage:02X}" if subpage else "")
    # With POFM 0 a drive may divide the volume as soon as page 11h is selected (SSC-4 8.3.4).
    scratch = page == PARTITIONS

    @check(
        f"MODE-PAGE-{key}",
        clause,
        TOPIC,
        f"Page {key}h, {name.lower()}: its forms",
        expected="Current, changeable and default values are as long as the standard says, with "
        "the same codes; what is not changeable has its default value, unless the volume sets it.",
    )
    def forms(unit: Subject) -> None:
        current = one_page(unit, page, subpage)
        size = len(current) - (4 if subpage else 2)
        if lengths:
            unit.require("PAGE LENGTH", size in lengths, " or ".join(map(hex, lengths)), hex(size))
        for control in (CHANGEABLE, DEFAULT):
            other = one_page(unit, page, subpage, control)
            unit.expect(f"length with PC {control}", len(current), len(other))
            unit.expect(f"codes with PC {control}", current[0] & 0x7F, other[0] & 0x7F)

    @check(
        f"MODE-SAME-{key}",
        "SPC-4 6.11",
        TOPIC,
        f"Page {key}h, {name.lower()}: selecting what is",
        scratch=scratch,
        expected="MODE SELECT with the current values of the page is GOOD and changes nothing.",
    )
    def same(unit: Subject) -> None:
        before = one_page(unit, page, subpage)
        answer = select(unit, before)
        if answer.code == INVALID_PARAMETER and not any(
            one_page(unit, page, subpage, CHANGEABLE)[4 if subpage else 2 :]
        ):
            unit.warn("a page without changeable values cannot be selected at all")
        elif answer.status != GOOD:
            raise Failure("MODE SELECT", "GOOD", repr(answer))
        unit.expect("page afterwards", before, one_page(unit, page, subpage))

    @check(
        f"MODE-FIXED-{key}",
        "SPC-4 6.11",
        TOPIC,
        f"Page {key}h, {name.lower()}: what cannot be changed",
        scratch=scratch,
        expected="5/26/00 (or 1/37/00 with the value kept) for a change of any bit that is not "
        "changeable; the page stays as it was.",
    )
    def fixed(unit: Subject) -> None:
        before = one_page(unit, page, subpage)
        mask = one_page(unit, page, subpage, CHANGEABLE)
        start = 4 if subpage else 2
        answer = select(unit, before)
        if answer.status != GOOD:
            raise NotApplicable(f"the page cannot be selected at all: {answer.code}")
        ignored = []
        for at in range(start, len(before)):
            bit = next((bit for bit in range(7, -1, -1) if not mask[at] >> bit & 1), None)
            if bit is None:
                continue
            wrong = bytearray(before)
            wrong[at] ^= 1 << bit
            answer = select(unit, bytes(wrong))
            if answer.status == GOOD or answer.code == asking.ROUNDED:
                ignored.append(at)
            else:
                unit.expect(f"sense for byte {at}", INVALID_PARAMETER, answer.code)
        unit.expect("page afterwards", before, one_page(unit, page, subpage))
        if ignored:
            unit.warn(f"changes of bytes {ignored} are ignored instead of refused")

    @check(
        f"MODE-LENGTH-{key}",
        "SPC-4 6.11",
        TOPIC,
        f"Page {key}h, {name.lower()}: a wrong PAGE LENGTH",
        scratch=scratch,
        expected="5/26/00 or 5/1A/00 for a page that says that it is a byte shorter than it is.",
    )
    def wrong_length(unit: Subject) -> None:
        before = one_page(unit, page, subpage)
        at = 3 if subpage else 1
        if page == PARTITIONS:
            unit.skip("the page may have several lengths")
        wrong = bytearray(before[:-1])
        wrong[at] -= 1
        answer = select(unit, bytes(wrong))
        unit.require("sense", answer.code in REFUSED, " or ".join(REFUSED), answer)


def one_page(unit: Subject, page: int, subpage: int, control: int = CURRENT) -> bytes:
    """A page that is there, and alone. NotApplicable without it."""
    found = list(split_pages(mode_page(unit, page, subpage, control=control)))
    unit.expect("page that came", [(page, subpage)], [one[:2] for one in found])
    return found[0][2]


for one in PAGES:
    declare_page(*one)


FIELDS = (
    ("D-SENSE", 0x0A, 0, 2, 0x04, "SPC-4 7.5.8", "Descriptor format sense data"),
    ("QUEUE", 0x0A, 0, 3, 0xF0, "SPC-4 7.5.8", "Queue algorithm modifier"),
    ("TAS", 0x0A, 0, 5, 0x40, "SPC-4 7.5.8", "Task aborted status"),
    ("READ-RETRIES", 0x01, 0, 3, 0xFF, "SSC-4 8.3.5", "Read retry count"),
    ("WRITE-RETRIES", 0x01, 0, 8, 0xFF, "SSC-4 8.3.5", "Write retry count"),
    ("DCE", 0x0F, 0, 2, 0x80, "SSC-4 8.3.2", "Data compression enable"),
    ("DDE", 0x0F, 0, 3, 0x80, "SSC-4 8.3.2", "Data decompression enable"),
    ("DELAY", 0x10, 0, 7, 0xFF, "SSC-4 8.3.3", "Write delay time"),
    ("SELECT-DCA", 0x10, 0, 14, 0x01, "SSC-4 8.3.3", "Select data compression algorithm"),
    ("SEW", 0x10, 0, 10, 0x08, "SSC-4 8.3.3", "Synchronize at early warning"),
    ("REW", 0x10, 0, 8, 0x01, "SSC-4 8.3.3", "Report early warning on reads"),
    ("PEWS", 0x10, 1, 7, 0xFF, "SSC-4 8.3.8", "Programmable early warning size"),
    ("ERASE-MODE", 0x10, 1, 5, 0x0F, "SSC-4 8.3.8", "Short erase mode"),
    ("MRIE", 0x1C, 0, 3, 0x0F, "SSC-4 8.3.6", "Method of reporting exceptions"),
    ("DEXCPT", 0x1C, 0, 2, 0x08, "SSC-4 8.3.6", "Disable exceptions"),
    ("WORMM", 0x1D, 0, 2, 0x01, "SSC-4 8.3.7", "WORM mode"),
)
"""Fields that some drives let hosts change: id, page, subpage, byte, mask."""


def declare_field(
    name: str, page: int, subpage: int, at: int, mask: int, clause: str, title: str
) -> None:
    """The changeable mask tells the truth of a field."""

    @check(
        f"MODE-CHANGE-{name}",
        clause,
        TOPIC,
        f"{title}: changeable, if the mask says so",
        scratch=name == "WORMM",
        expected="A bit of the field that the changeable mask has can be changed and is then the "
        "current value (1/37/00: or the nearest one), the default stays; one that it has not is "
        "refused or ignored.",
    )
    def changes(unit: Subject) -> None:
        before = one_page(unit, page, subpage)
        can = one_page(unit, page, subpage, CHANGEABLE)[at] & mask
        default = one_page(unit, page, subpage, DEFAULT)
        if can and name == "WORMM":
            unit.skip("it can be changed, and a volume may stay WORM for ever: it is left as it is")
        unit.cleanup(lambda: select(unit, before))
        bits = can or mask
        # Not all values of a field need be there: each of its bits changed, then all zero.
        flips = [1 << place for place in range(8) if bits >> place & 1] + [before[at] & bits]
        for flip in filter(None, flips):
            wanted = bytearray(before)
            wanted[at] ^= flip
            answer = select(unit, bytes(wanted))
            after = one_page(unit, page, subpage)
            if answer.code != INVALID_PARAMETER or after != before:
                break
        if can and answer.code == INVALID_PARAMETER:
            unit.warn("no other value of a changeable field was taken")
        elif can:
            asking.taken(answer)
            if answer.status == GOOD:
                unit.expect(f"byte {at}", wanted[at], after[at])
            unit.expect("rest of the page", before[:at] + before[at + 1 :], rest(after, at))
            unit.expect("default values", default, one_page(unit, page, subpage, DEFAULT))
        else:
            unit.expect("page, which is not changeable there", before, after)
            if answer.status == GOOD:
                unit.warn("a change of what cannot be changed is ignored instead of refused")


def rest(page: bytes, at: int) -> bytes:
    """A page without one byte."""
    return page[:at] + page[at + 1 :]


for two in FIELDS:
    declare_field(*two)


# --- the lists -----------------------------------------------------------------------------------


def header_6(unit: Subject) -> None:
    """MODE DATA LENGTH is what follows; the block descriptor has 8 bytes, or 0."""
    data = unit.good(c.mode_sense_6(0x0A), size=255).data
    unit.expect("MODE DATA LENGTH", len(data) - 1, number(data, 0, 1))
    unit.require("BLOCK DESCRIPTOR LENGTH", number(data, 3, 1) in (0, 8), "0 or 8", data[3])
    unit.require("device-specific parameter", (data[2] >> 4 & 7) < 3, "buffered mode 0 to 2", data)


def header_10(unit: Subject) -> None:
    """MODE DATA LENGTH is what follows; LONGLBA 0; the block descriptor has 8 bytes, or 0."""
    unit.need(0x5A)
    data = unit.good(c.mode_sense(ALL), size=ROOM).data
    unit.expect("MODE DATA LENGTH", len(data) - 2, number(data, 0, 2))
    unit.expect("LONGLBA and reserved", b"\0\0", data[4:6])
    unit.require("BLOCK DESCRIPTOR LENGTH", number(data, 6, 2) in (0, 8), "0 or 8", data[6:8])


def both_agree(unit: Subject) -> None:
    """MODE SENSE(6) and (10) have the same header fields, block descriptor and page."""
    unit.need(0x5A)
    six = unit.good(c.mode_sense_6(0x0A), size=255).data
    ten = unit.good(c.mode_sense(0x0A), size=ROOM).data
    unit.expect("medium type and device-specific parameter", six[1:3], ten[2:4])
    unit.expect("block descriptor and page", six[4:], ten[8:])


def page_zero_of_st(unit: Subject) -> None:
    """MODE SENSE(6) of page 00h with room for 12 bytes, as Linux st sends it when a tape is opened:
    GOOD with header and block descriptor, or st knows nothing of the drive."""
    answer = unit.do(c.mode_sense_6(0, allocation=12), size=12)
    if answer.status != GOOD:
        unit.warn(f"page 00h is refused ({answer.code}): Linux st then knows no block length")
        return
    unit.expect("length", 12, len(answer.data))
    unit.expect("BLOCK DESCRIPTOR LENGTH", 8, answer.data[3])


def without_descriptor(unit: Subject) -> None:
    """DBD 1: no block descriptor, and the same pages."""
    first, second = mode(unit, 0x0A), mode(unit, 0x0A, dbd=True)
    unit.expect("block descriptor", b"", second.descriptor)
    unit.expect("pages", first.pages, second.pages)


def descriptor(unit: Subject) -> None:
    """8 bytes; the number of blocks is 0, for the whole volume has the density and length."""
    found = mode(unit, ALL).descriptor
    unit.expect("length", 8, len(found))
    unit.expect("number of blocks and reserved", bytes(4), found[1:5])


def page_list(unit: Subject) -> list[tuple[int, int, bytes]]:
    """Every page and subpage."""
    try:
        return list(split_pages(mode_page(unit, ALL, 0xFF)))
    except NotApplicable:
        return list(split_pages(mode_page(unit, ALL)))


def all_pages(unit: Subject) -> None:
    """Page 3Fh: every page once; in ascending order (page 00h, the maker's own, last) or a
    warning."""
    codes = [page for page, _, _ in split_pages(mode_page(unit, ALL))]
    unit.require("pages", len(set(codes)) == len(codes), "each once", codes)
    if codes != sorted(codes, key=lambda page: page or 0x40):
        unit.warn("the pages do not ascend")


def all_subpages(unit: Subject) -> None:
    """Page 3Fh subpage FFh: all that page 3Fh has, and subpages beside, each once; ascending or a
    warning."""
    answer = mode_page(unit, ALL, 0xFF)
    codes = [one[:2] for one in split_pages(answer)]
    unit.require("pages", len(set(codes)) == len(codes), "each once", codes)
    if codes != sorted(codes, key=lambda one: (one[0] or 0x40, one[1])):
        unit.warn("the pages do not ascend")
    plain = [page for page, _, _ in split_pages(mode_page(unit, ALL))]
    unit.expect("pages of subpage 00h", plain, [page for page, sub in codes if not sub])


def each_alone(unit: Subject) -> None:
    """A page asked for alone is what page 3Fh says that it is."""
    for page, subpage, body in page_list(unit):
        alone = one_page(unit, page, subpage)
        unit.expect(f"page {page:02X}h/{subpage:02X}h", body, alone)


def subpages_of_a_page(unit: Subject) -> None:
    """Subpage FFh of a page: the page and its subpages."""
    wanted = [one[:2] for one in page_list(unit) if one[0] == 0x0A]
    found = [one[:2] for one in split_pages(mode_page(unit, 0x0A, 0xFF))]
    unit.expect("pages", wanted, found)


def saved(unit: Subject) -> None:
    """Saved values, PC 11b: GOOD for a page with PS set, 5/39/00 for one that is not saved."""
    for page, subpage, body in page_list(unit):
        answer = unit.do(c.mode_sense_6(page, subpage, control=SAVED), size=255)
        if body[0] & 0x80:
            unit.expect(f"sense for page {page:02X}h, which has PS", "", answer.code)
        elif answer.status != GOOD:
            unit.expect(f"sense for page {page:02X}h", "5/39/00", answer.code)


def other_pages(unit: Subject) -> None:
    """5/24/00 for pages of the standards that page 3Fh does not have, at byte 2 if there is a field
    pointer. Makers hide pages of their own, 20h to 3Eh."""
    there = {page for page, _, _ in page_list(unit)}
    for page in set(range(1, 0x20)) - there:
        answer = unit.refused(c.mode_sense_6(page), INVALID_FIELD, size=255)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 2, answer.sense.field_pointer[0])


def other_subpages(unit: Subject) -> None:
    """5/24/00 for subpages that are not there, at byte 3 (or 2) if there is a field pointer."""
    there = {one[:2] for one in page_list(unit)}
    for page, subpage in ((0x0A, 0x7E), (0x10, 0x7E), (0x0F, 0x01), (0x11, 0x02)):
        if (page, subpage) in there or (page, 0) not in there:
            continue
        answer = unit.refused(c.mode_sense_6(page, subpage), INVALID_FIELD, size=255)
        pointer = answer.sense.field_pointer
        if pointer is not None:
            unit.require("byte of the field pointer", pointer[0] in (2, 3), "2 or 3", pointer)


def mode_lists(suffix: str, title: str, body: Callable[[Subject], None], clause: str) -> None:
    """A check of MODE SENSE, for drives and, where it is not of tape, for changers."""
    check(f"MODE-{suffix}", clause, TOPIC, title)(body)


for row in (
    ("HEADER-6", "The header of MODE SENSE(6)", header_6, "SPC-4 7.5.4"),
    ("HEADER-10", "The header of MODE SENSE(10)", header_10, "SPC-4 7.5.4"),
    ("AGREE", "MODE SENSE(6) and (10) agree", both_agree, "SPC-4 6.13"),
    ("ST", "What Linux st asks first", page_zero_of_st, "SPC-4 6.13"),
    ("DBD", "Without block descriptor", without_descriptor, "SPC-4 6.13"),
    ("DESCRIPTOR", "The block descriptor", descriptor, "SSC-4 8.3.1"),
    ("ALL", "All pages", all_pages, "SPC-4 6.13"),
    ("ALL-SUB", "All pages and subpages", all_subpages, "SPC-4 6.13"),
    ("ALONE", "Each page alone", each_alone, "SPC-4 6.13"),
    ("SUB", "All subpages of a page", subpages_of_a_page, "SPC-4 6.13"),
    ("SAVED", "Saved values", saved, "SPC-4 6.13"),
    ("OTHER", "Pages that are not there", other_pages, "SPC-4 6.13"),
    ("OTHER-SUB", "Subpages that are not there", other_subpages, "SPC-4 6.13"),
):
    mode_lists(*row)

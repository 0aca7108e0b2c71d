"""Log parameters: the lists, the form of each page, what counters count (SPC-4 6.8 and 7.3,
SSC-4 8.2).
"""

from __future__ import annotations

from random import Random

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, ROOM, log_data, log_page, number, parameters
from harness.conform.check import Failure, NotApplicable, check
from harness.conform.subject import GOOD, Subject
from harness.conform.volume import reload

TOPIC = "log parameters"
SUPPORTED, TAPE_ALERT = 0x00, 0x2E

PAGES = (
    (0x02, "Write error counters", "SPC-4 7.3"),
    (0x03, "Read error counters", "SPC-4 7.3"),
    (0x06, "Non-medium errors", "SPC-4 7.3"),
    (0x0C, "Sequential-access device", "SSC-4 8.2.2"),
    (0x0D, "Temperature", "SPC-4 7.3"),
    (0x0E, "Start-stop cycle counter", "SPC-4 7.3"),
    (0x0F, "Application client", "SPC-4 7.3"),
    (0x10, "Self-test results", "SPC-4 7.3"),
    (0x11, "DT device status", "ADC-3 6.1.3"),
    (0x12, "TapeAlert response", "SSC-4 8.2.5"),
    (0x13, "Requested recovery", "ADC-3 6.1.4"),
    (0x14, "Device statistics", "SSC-4 8.2.6"),
    (0x15, "Service buffers information", "ADC-3 6.1.5"),
    (0x16, "Tape diagnostic data", "SSC-4 8.2.7"),
    (0x17, "Volume statistics", "SSC-4 8.2.9"),
    (0x18, "Protocol-specific port", "SPC-4 7.3"),
    (0x1A, "Power condition transitions", "SPC-4 7.3"),
    (0x1B, "Data compression", "SSC-4 8.2.10"),
    (0x2E, "TapeAlert", "SSC-4 8.2.3"),
    (0x2F, "Informational exceptions", "SPC-4 7.3"),
)

SIZES: dict[int, dict[int, tuple[int, ...]]] = {
    0x06: {0x0000: (1, 2, 4, 8)},
    0x0D: {0x0000: (2,), 0x0001: (2,)},
    0x11: {0x0000: (4,)},
    0x12: {0x0000: (8,)},
    0x17: {0x0000: (1, 4)},
}
"""Bytes of parameters whose length the standards fix, by page and code."""


def declare_page(page: int, name: str, clause: str, kind: str, prefix: str, topic: str) -> None:
    """The form of a page that is listed, the refusal of one that is not."""

    @check(
        f"{prefix}LOG-PAGE-{page:02X}",
        clause,
        topic,
        f"Page {page:02X}h, {name[0].lower()}{name[1:]}",
        kind=kind,
        expected="If page 00h lists it: its code, the length of what follows, parameters that fill "
        "it in ascending order. Otherwise 5/24/00.",
    )
    def form(unit: Subject) -> None:
        if page not in listed(unit):
            unit.refused(c.log_sense(page), INVALID_FIELD, size=ROOM)
            return
        data = log_data(unit, page)
        unit.expect("PAGE CODE", page, data[0] & 0x3F)
        unit.expect("SPF and SUBPAGE CODE", (0, 0), (data[0] & 0x40, data[1]))
        unit.expect("PAGE LENGTH", len(data) - 4, number(data, 2, 2))
        found = parameters(data)
        codes = [one.code for one in found]
        unit.require("parameter codes", codes == sorted(set(codes)), "ascending", codes)
        for one in found:
            sizes = SIZES.get(page, {}).get(one.code)
            if sizes is not None:
                what = f"length of parameter {one.code:04X}h"
                unit.require(what, len(one.value) in sizes, f"one of {sizes}", len(one.value))


def listed(unit: Subject) -> list[int]:
    """The pages that page 00h lists."""
    data = log_data(unit, SUPPORTED)
    return list(data[4 : 4 + number(data, 2, 2)])


for page, name, clause in PAGES:
    declare_page(page, name, clause, "tape", "", TOPIC)
    if page in (0x02, 0x03, 0x06, 0x0D, 0x2E):
        declare_page(page, name, clause, "changer", "CH-", "changer: log parameters")


# --- the lists and the fields of LOG SENSE -------------------------------------------------------


def page_list(unit: Subject) -> None:
    """Ascending, each once, page 00h among them."""
    pages = [one & 0x3F for one in listed(unit)]
    unit.require("pages", pages == sorted(set(pages)), "ascending, each once", pages)
    unit.require("pages", 0 in pages, "00h among them", pages)


def every_page(unit: Subject) -> None:
    """Every listed page, the maker's own too, answers with its code and its own length."""
    for page in listed(unit):
        data = log_data(unit, page)
        unit.expect("PAGE CODE", page, data[0] & 0x3F)
        unit.expect(f"PAGE LENGTH of {page:02X}h", len(data) - 4, number(data, 2, 2))


def subpage_list(unit: Subject) -> None:
    """Page 00h subpage FFh: pairs of page and subpage, ascending; all pages of page 00h are there,
    and each pair answers."""
    data = log_data(unit, SUPPORTED, 0xFF)
    unit.expect("SPF and SUBPAGE CODE", (0x40, 0xFF), (data[0] & 0x40, data[1]))
    body = data[4 : 4 + number(data, 2, 2)]
    pairs = [(body[at] & 0x3F, body[at + 1]) for at in range(0, len(body) - 1, 2)]
    unit.require("pages", pairs == sorted(set(pairs)), "ascending, each once", pairs)
    unit.require(
        "pages", set(listed(unit)) <= {page for page, _ in pairs}, "those of page 00h", pairs
    )
    for page, subpage in pairs:
        if subpage not in (0, 0xFF):
            there = log_data(unit, page, subpage)
            unit.expect("codes", (page, subpage), (there[0] & 0x3F, there[1]))


def other_pages(unit: Subject) -> None:
    """5/24/00 for pages of the standards that are not listed, at byte 2 (or 3, where there are only
    subpages) if there is a field pointer. Makers hide pages of their own, 30h to 3Eh."""
    unit.need(0x4D)
    for page in set(range(0x30)) - set(listed(unit)):
        answer = unit.refused(c.log_sense(page), INVALID_FIELD, size=64)
        pointer = answer.sense.field_pointer
        if pointer is not None:
            unit.require("byte of the field pointer", pointer[0] in (2, 3), "2 or 3", pointer)


def other_subpages(unit: Subject) -> None:
    """5/24/00 for a subpage that is not there, at byte 3 (or 2) if there is a field pointer."""
    unit.need(0x4D)
    for page in (0x02, 0x06, 0x2E):
        if page in listed(unit):
            answer = unit.do(c.log_sense(page, 0x7E), size=64)
            if answer.status == GOOD and not answer.data[0] & 0x40 and no_subpages(unit):
                unit.skip("the device has no subpages: before SPC-4 the byte is reserved")
            unit.expect("sense", INVALID_FIELD, answer.code)
            pointer = answer.sense.field_pointer
            if pointer is not None:
                unit.require("byte of the field pointer", pointer[0] in (2, 3), "2, 3", pointer)


def no_subpages(unit: Subject) -> bool:
    """Whether there is no list of subpages."""
    answer = unit.do(c.log_sense(SUPPORTED, 0xFF), size=64)
    return answer.status != GOOD or answer.data[:2] != b"\x40\xff"


def pointer(unit: Subject) -> None:
    """PARAMETER POINTER: what comes begins with the first parameter that is not before it. A
    warning for a device that takes none but 0."""
    page = next((one for one in (0x2E, 0x02, 0x0C) if one in listed(unit)), None)
    if page is None:
        unit.skip("no page has parameters")
        return
    codes = [one.code for one in parameters(log_data(unit, page))]
    for code in (codes[len(codes) // 2], codes[-1]):
        answer = unit.do(c.log_sense(page, pointer=code), size=ROOM)
        if answer.code == INVALID_FIELD:
            unit.warn("no PARAMETER POINTER but 0 is taken")
            return
        unit.expect("status", GOOD, answer.status)
        data = answer.data
        found = [one.code for one in parameters(data)]
        unit.expect(f"parameters from {code:04X}h", [one for one in codes if one >= code], found)


def pointer_beyond(unit: Subject) -> None:
    """PARAMETER POINTER behind the last parameter: 5/24/00, at byte 5 if there is a pointer."""
    page = next((one for one in (0x2E, 0x02, 0x0C) if one in listed(unit)), None)
    if page is None:
        unit.skip("no page has parameters")
        return
    answer = unit.refused(c.log_sense(page, pointer=0xFFFF), INVALID_FIELD, size=ROOM)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 5, answer.sense.field_pointer[0])


for suffix, title, body in (
    ("LIST", "The list of pages", page_list),
    ("EVERY", "Every listed page", every_page),
    ("SUBPAGES", "The list of subpages", subpage_list),
    ("OTHER", "Pages that are not listed", other_pages),
    ("OTHER-SUB", "Subpages that are not there", other_subpages),
    ("POINTER", "Parameter pointer", pointer),
    ("POINTER-BEYOND", "Parameter pointer behind the last", pointer_beyond),
):
    check(f"LOG-{suffix}", "SPC-4 6.8", TOPIC, title)(body)
    check(f"CH-LOG-{suffix}", "SPC-4 6.8", "changer: log parameters", title, kind="changer")(body)


def declare_control(control: int, name: str) -> None:
    """PAGE CONTROL."""

    @check(
        f"LOG-PC-{control}",
        "SPC-4 6.8",
        TOPIC,
        f"Page control {control:02b}b, {name}",
        expected="GOOD and the page, or 5/24/00 at byte 2 for values that are not kept; tapeinfo "
        "asks for the TapeAlert page with 00b.",
    )
    def page_control(unit: Subject) -> None:
        log_data(unit, TAPE_ALERT)
        answer = unit.do(c.log_sense(TAPE_ALERT, control=control), size=ROOM)
        if answer.status == GOOD:
            unit.expect("PAGE CODE", TAPE_ALERT, answer.data[0] & 0x3F)
            parameters(answer.data)
            return
        unit.expect("sense", INVALID_FIELD, answer.code)
        if control in (0, 1):
            unit.warn(f"page control {control} is refused: tapeinfo cannot read TapeAlert flags")


for control, name in enumerate(("threshold", "cumulative", "default threshold", "default")):
    declare_control(control, f"{name} values")


# --- TapeAlert -----------------------------------------------------------------------------------


@check("LOG-2E-FLAGS", "SSC-4 8.2.3", TOPIC, "TapeAlert has 64 flags")
def flags(unit: Subject) -> None:
    """Parameters 0001h to 0040h, one byte each, 0 or 1."""
    page = log_page(unit, TAPE_ALERT)
    unit.expect("parameters", list(range(1, 65)), sorted(page))
    for code, value in page.items():
        unit.require(f"flag {code}", value in (b"\0", b"\1"), "one byte, 0 or 1", value)


@check("LOG-2E-CLEARED", "SSC-4 4.2.20", TOPIC, "TapeAlert flags are cleared by reading")
def cleared(unit: Subject) -> None:
    """What a nexus has read is not told to it again, unless TAPLSD of mode page 10h subpage 01h
    says so; a drive that needs cleaning may say it again (a warning)."""
    if has_taplsd(unit):
        unit.skip("TAPLSD is set: reading does not clear flags")
    first = {code for code, value in log_page(unit, TAPE_ALERT).items() if value != b"\0"}
    second = {code for code, value in log_page(unit, TAPE_ALERT).items() if value != b"\0"}
    if first & second & CLEANING:
        unit.warn("the drive still asks for cleaning")
    unit.expect("flags told twice", set(), (first & second) - CLEANING)


CLEANING = {20, 21}
"""Flags: clean now, clean periodic."""


def has_taplsd(unit: Subject) -> bool:
    """Whether reading leaves TapeAlert flags as they are (SSC-4 8.3.8)."""
    try:
        page = asking.mode_page(unit, 0x10, 1)
    except NotApplicable:
        return False
    return bool(number(page, 4, 1) & 1)


@check("LOG-2E-NEXUS", "SSC-4 4.2.20", TOPIC, "TapeAlert flags are of each nexus")
def flags_by_nexus(unit: Subject) -> None:
    """What one nexus has read, another is still told."""
    other = unit.second
    first = {code for code, value in log_page(unit, TAPE_ALERT).items() if value != b"\0"}
    if not first:
        log_page(other, TAPE_ALERT)
        unit.skip("no flag is set")
    second = {code for code, value in log_page(other, TAPE_ALERT).items() if value != b"\0"}
    if not first <= second:
        unit.warn("flags that one nexus has read are not told to another")


# --- counters ------------------------------------------------------------------------------------


def count(unit: Subject, page: int, code: int) -> int:
    """A counter. NotApplicable without it."""
    values = log_page(unit, page)
    if code not in values:
        unit.skip(f"log page {page:02X}h has no parameter {code:04X}h")
    return int.from_bytes(values[code])


@check("LOG-0C-WRITTEN", "SSC-4 8.2.2", TOPIC, "Bytes from hosts are counted", scratch=True)
def bytes_written(unit: Subject) -> None:
    """Parameter 0000h of page 0Ch grows by what WRITE commands brought, once it is on the tape; by
    about that much (a warning) where a drive counts in larger units."""
    unit.blank()
    before = count(unit, 0x0C, 0)
    unit.write(*[bytes(1 << 18)] * 8, bytes(1000))
    unit.good(c.write_filemarks(0))
    counted(unit, (1 << 21) + 1000, count(unit, 0x0C, 0) - before)


def counted(unit: Subject, wanted: int, came: int) -> None:
    """A growth: that, or a warning within a megabyte of it."""
    unit.require("bytes counted", abs(came - wanted) <= 1 << 20, f"{wanted}", came)
    if came != wanted:
        unit.warn(f"{came} bytes were counted, not {wanted}")


@check("LOG-0C-READ", "SSC-4 8.2.2", TOPIC, "Bytes to hosts are counted", scratch=True)
def bytes_read(unit: Subject) -> None:
    """Parameter 0003h of page 0Ch grows by what READ commands returned; a warning as above."""
    unit.blank()
    unit.write(*[bytes(1 << 18)] * 8)
    unit.good(c.REWIND)
    before = count(unit, 0x0C, 3)
    for _ in range(8):
        unit.good(c.read(1 << 18), size=1 << 18)
    counted(unit, 1 << 21, count(unit, 0x0C, 3) - before)


def declare_total(page: int, what: str) -> None:
    """Total bytes processed of an error counter page."""

    @check(
        f"LOG-{page:02X}-TOTAL",
        "SPC-4 7.3",
        TOPIC,
        f"Page {page:02X}h counts the bytes that were {what}",
        scratch=True,
        expected="Parameter 0005h, total bytes processed, does not become less, and grows with "
        "what goes to or comes from the tape (a warning where it does not show 128 KiB).",
    )
    def total(unit: Subject) -> None:
        unit.blank()
        before = count(unit, page, 5)
        unit.write(bytes(range(256)) * 256, bytes(range(256)) * 256)
        unit.good(c.write_filemarks(1))
        unit.good(c.REWIND)
        unit.good(c.read(65536), size=65536)
        after = count(unit, page, 5)
        unit.require("total bytes processed", after >= before, f"{before} or more", after)
        if after == before:
            unit.warn("total bytes processed does not grow with 128 KiB")


declare_total(0x02, "written")
declare_total(0x03, "read")


@check("LOG-17-VALID", "SSC-4 8.2.9", TOPIC, "Volume statistics with a volume")
def statistics_valid(unit: Subject) -> None:
    """Parameter 0000h is 1 or more while a volume is loaded."""
    asking.need_volume(unit)
    unit.require("page valid", count(unit, 0x17, 0), "1 or more", 0)


@check("LOG-17-LTFS", "SSC-4 8.2.9", TOPIC, "Volume statistics that LTFS reads")
def statistics_of_ltfs(unit: Subject) -> None:
    """Parameters 0202h, 0203h and 0204h, native capacity, used and remaining by partition: records
    of their own length, partitions ascending from 0. A warning without them."""
    asking.need_volume(unit)
    page = log_page(unit, 0x17)
    for code in (0x202, 0x203, 0x204):
        value = page.get(code)
        if value is None:
            unit.warn(f"there is no parameter {code:04X}h: LTFS reads it")
            continue
        at, partitions = 0, []
        while at < len(value):
            partitions.append(number(value, at + 2, 2))
            at += 1 + number(value, at, 1)
        unit.expect(f"end of the records of {code:04X}h", len(value), at)
        unit.expect(f"partitions of {code:04X}h", list(range(len(partitions))), partitions)


@check("LOG-17-MOUNTS", "SSC-4 8.2.9", TOPIC, "Volume statistics count mounts", scratch=True)
def mounts(unit: Subject) -> None:
    """Parameter 0001h grows by one with an unload and a load."""
    asking.need_volume(unit)
    before = count(unit, 0x17, 1)
    reload(unit)
    unit.expect("mounts", before + 1, count(unit, 0x17, 1))


@check("LOG-17-WRITTEN", "SSC-4 8.2.9", TOPIC, "Used capacity grows with data", scratch=True)
def used_capacity(unit: Subject) -> None:
    """Approximate used capacity (0203h) of the partition is more after eight megabytes that
    cannot be compressed; a warning where it is the same, for it is approximate."""
    unit.blank()
    used = log_page(unit, 0x17).get(0x203)
    if used is None:
        unit.skip("there is no parameter 0203h")
    before = log_page(unit, 0x17)[0x203][4:8]
    for seed in range(8):
        unit.write(Random(seed).randbytes(1 << 20))
    unit.good(c.write_filemarks(1))
    after = log_page(unit, 0x17)[0x203][4:8]
    unit.require("used capacity", after >= before, f"not less than {before.hex()}", after)
    if after == before:
        unit.warn("used capacity is the same after eight megabytes")


# --- LOG SELECT ----------------------------------------------------------------------------------


@check("LOG-SELECT-LIST", "SPC-4 6.7", TOPIC, "PCR with a parameter list", scratch=True)
def reset_with_list(unit: Subject) -> None:
    """PCR 1 and a PARAMETER LIST LENGTH that is not zero: 5/24/00 (or 5/1A/00)."""
    unit.need(0x4C)
    unit.refused(c.log_select(length=4), INVALID_FIELD, "5/1A/00", "5/26/00", out=bytes(4))


@check("LOG-SELECT-RESET", "SPC-4 6.7", TOPIC, "PCR resets counters", scratch=True)
def reset_counters(unit: Subject) -> None:
    """LOG SELECT with PCR: what was counted on page 02h or 0Ch is zero, or stays where the page
    is not to be reset, if the control byte of its parameters says so (a warning otherwise)."""
    unit.need(0x4C)
    unit.blank()
    unit.write(bytes(range(256)) * 256)
    unit.good(c.write_filemarks(1))
    unit.good(c.log_select(), out=b"")
    after = count(unit, 0x02, 5)
    if after:
        unit.warn(f"total bytes of page 02h are {after} after PCR")


@check("LOG-SELECT-TORN", "SPC-4 6.7", TOPIC, "A list that ends inside a page header")
def torn(unit: Subject) -> None:
    """5/1A/00 or 5/26/00 for a list of three bytes, or 5/24/00 where no list is taken at all."""
    unit.need(0x4C)
    answer = unit.do(c.log_select(flags=0, length=3), out=b"\x02\0\0")
    codes = ("5/1A/00", "5/26/00", INVALID_FIELD)
    if answer.code not in codes:
        raise Failure("LOG SELECT", " or ".join(codes), repr(answer))

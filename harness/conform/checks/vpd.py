"""Vital product data (SPC-4 7.8, SSC-4 8.6)."""

from __future__ import annotations

from typing import Any

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, ROOM, Designator, designators, number, vpd
from harness.conform.check import check
from harness.conform.subject import Subject
from harness.layers.vpd import dissect_vpd

TOPIC = "vital product data"
T10, EUI, NAA, RELATIVE_PORT, GROUP, NAME = 1, 2, 3, 4, 5, 8
UNIT, PORT, TARGET = 0, 1, 2

PAGES = (
    (0x00, "Supported VPD pages", "SPC-4 7.8"),
    (0x80, "Unit serial number", "SPC-4 7.8"),
    (0x83, "Device identification", "SPC-4 7.8.6"),
    (0x85, "Management network addresses", "SPC-4 7.8.8"),
    (0x86, "Extended INQUIRY data", "SPC-4 7.8.7"),
    (0x87, "Mode page policy", "SPC-4 7.8.9"),
    (0x88, "SCSI ports", "SPC-4 7.8"),
    (0x8A, "Power condition", "SPC-4 7.8.10"),
    (0x90, "Protocol-specific logical unit information", "SPC-4 7.8"),
    (0x91, "Protocol-specific port information", "SPC-4 7.8"),
    (0xB0, "Sequential-access device capabilities", "SSC-4 8.6.2"),
    (0xB1, "Manufacturer-assigned serial number", "SSC-4 8.6.3"),
    (0xB2, "TapeAlert supported flags", "SSC-4 8.6.4"),
    (0xB3, "Automation device serial number", "SSC-4 8.6.5"),
    (0xB4, "Data transfer device element address", "SSC-4 8.6.6"),
    (0xB5, "Logical block protection", "SSC-5 8.6.7"),
)


def declare_page(page: int, name: str, clause: str, kind: str, prefix: str, topic: str) -> None:
    """The header of a page that is listed; the refusal of one that is not."""

    @check(
        f"{prefix}VPD-PAGE-{page:02X}",
        clause,
        topic,
        f"Page {page:02X}h, {name.lower()}",
        kind=kind,
        expected="If page 00h lists it: its code, the type of the device, and the length of what "
        "follows. Otherwise 5/24/00.",
    )
    def header(unit: Subject) -> None:
        if page not in asking.vpd_pages(unit):
            unit.refused(c.inquiry(ROOM, page), INVALID_FIELD, size=ROOM)
            return
        data = unit.good(c.inquiry(ROOM, page), size=ROOM).data
        unit.expect("PERIPHERAL", asking.standard_inquiry(unit)[0], number(data, 0, 1))
        unit.expect("PAGE CODE", page, number(data, 1, 1))
        unit.expect("PAGE LENGTH", len(data) - 4, number(data, 2, 2))


for page, name, clause in PAGES:
    declare_page(page, name, clause, "tape", "", TOPIC)
    if page < 0xB0:
        declare_page(page, name, clause, "changer", "CH-", "changer: vital product data")


def page_list(unit: Subject) -> None:
    """Ascending, each once; 00h, and 83h, which every device has; 80h, without which hosts do not
    find a device again (a warning)."""
    pages = asking.vpd_pages(unit)
    unit.require("pages", pages == sorted(set(pages)), "ascending, each once", pages)
    for page in (0x00, 0x83):
        unit.require("pages", page in pages, f"{page:02X}h among them", pages)
    if 0x80 not in pages:
        unit.warn("there is no page 80h: hosts know a device by its serial number")


def every_page(unit: Subject) -> None:
    """Every listed page, the maker's own too, answers with its code and its own length."""
    for page in asking.vpd_pages(unit):
        data = unit.good(c.inquiry(ROOM, page), size=ROOM).data
        unit.expect("PAGE CODE", page, number(data, 1, 1))
        unit.expect(f"PAGE LENGTH of {page:02X}h", len(data) - 4, number(data, 2, 2))


def other_pages(unit: Subject) -> None:
    """5/24/00 for the pages that are not listed, at byte 2 if there is a field pointer."""
    pages = asking.vpd_pages(unit)
    for page in (*range(0x01, 0x08), 0x40, 0x7F, *range(0x81, 0xC0), 0xFE, 0xFF):
        if page not in pages:
            answer = unit.refused(c.inquiry(255, page), INVALID_FIELD, size=255)
            if answer.sense.field_pointer is not None:
                unit.expect("byte of the field pointer", 2, answer.sense.field_pointer[0])


def serial_number(unit: Subject) -> None:
    """Graphic ASCII, not blank."""
    serial = vpd(unit, 0x80)[4:]
    unit.require("serial number", serial.strip(), "not blank", serial)
    printable = all(0x20 <= byte <= 0x7E for byte in serial)
    unit.require("serial number", printable, "graphic ASCII", serial)


def named(unit: Subject) -> list[Designator]:
    """The designators of page 83h."""
    return designators(vpd(unit, 0x83)[4:])


def designators_are_well_formed(unit: Subject) -> None:
    """Each designator has a code set, an association and a length that go with its type."""
    for one in named(unit):
        unit.require("code set", one.code_set in (1, 2, 3), "binary, ASCII or UTF-8", one)
        unit.require("association", one.association in (0, 1, 2), "unit, port or target", one)
        if one.code_set == 2:
            ascii_only = all(0x20 <= byte <= 0x7E for byte in one.body)
            unit.require("ASCII designator", ascii_only, "graphic ASCII", one.body)
        if one.kind == NAA:
            unit.expect("code set of an NAA designator", 1, one.code_set)
            size = 16 if one.body[:1] and one.body[0] >> 4 == 6 else 8
            unit.expect("length of an NAA designator", size, len(one.body))
            kind = one.body[0] >> 4
            unit.require("NAA", kind in (2, 3, 5, 6), "2, 3, 5 or 6", f"{kind:X}")
        if one.kind in (RELATIVE_PORT, GROUP):
            unit.expect("association of a port", PORT, one.association)
            unit.expect("length of a port designator", 4, len(one.body))
        if one.kind == EUI:
            unit.require("EUI-64", len(one.body) in (8, 12, 16), "8, 12 or 16 bytes", one.body)


def unit_has_a_name(unit: Subject) -> None:
    """At least one designator of the logical unit of type 1, 2, 3 or 8."""
    kinds = [one.kind for one in named(unit) if one.association == UNIT]
    unit.require("types", {T10, EUI, NAA, NAME} & set(kinds), "1, 2, 3 or 8 among them", kinds)


def names_differ(unit: Subject) -> None:
    """No designator twice; unit, ports and target have NAA names of their own: a warning where a
    drive has one name for several."""
    found = named(unit)
    unit.require("designators", len(set(found)) == len(found), "each once", len(found))
    names = [one.body for one in found if one.kind == NAA]
    if len(set(names)) < len(names):
        unit.warn("unit, port or target have the same NAA name")


def vendor_name(unit: Subject) -> None:
    """A T10 vendor ID designator begins with the vendor of the INQUIRY data and, as hosts count
    on, has the serial number of page 80h in it (a warning)."""
    found = [one for one in named(unit) if one.kind == T10 and one.association == UNIT]
    if not found:
        unit.skip("there is no T10 vendor ID designator")
    unit.expect("vendor", asking.standard_inquiry(unit)[8:16], found[0].body[:8])
    if 0x80 in asking.vpd_pages(unit):
        serial = vpd(unit, 0x80)[4:].strip()
        if serial not in found[0].body:
            unit.warn("the T10 vendor ID designator is without the serial number of page 80h")


for suffix, title, body in (
    ("LIST", "The list of pages", page_list),
    ("EVERY", "Every listed page", every_page),
    ("OTHER", "Pages that are not listed", other_pages),
    ("SERIAL", "Unit serial number", serial_number),
    ("NAMES", "Designators are well formed", designators_are_well_formed),
    ("UNIT", "The unit has a name", unit_has_a_name),
    ("UNIQUE", "Names differ", names_differ),
    ("VENDOR", "T10 vendor ID", vendor_name),
):
    check(f"VPD-{suffix}", "SPC-4 7.8", TOPIC, title)(body)
    check(f"CH-VPD-{suffix}", "SPC-4 7.8", "changer: vital product data", title, kind="changer")(
        body
    )


@check("VPD-86-LENGTH", "SPC-4 7.8.7", TOPIC, "Extended INQUIRY data are 64 bytes")
def extended(unit: Subject) -> None:
    """PAGE LENGTH is 003Ch."""
    unit.expect("PAGE LENGTH", 0x3C, number(vpd(unit, 0x86), 2, 2))


@check("VPD-86-SIMPSUP", "SPC-4 7.8.7", TOPIC, "Extended INQUIRY data and queueing")
def simple_tasks(unit: Subject) -> None:
    """SIMPSUP is set where CMDQUE of the INQUIRY data is; HEADSUP and ORDSUP only with it."""
    flags = number(vpd(unit, 0x86), 5, 1)
    if flags & 0x06:
        unit.require("SIMPSUP", flags & 1, "set, for HEADSUP or ORDSUP is", f"{flags:02X}h")
    if asking.standard_inquiry(unit)[7] & 2 and not flags & 1:
        unit.warn("CMDQUE is set, and SIMPSUP is not")


@check("VPD-87-PAGES", "SPC-4 7.8.9", TOPIC, "Mode page policy is of pages that are there")
def policy(unit: Subject) -> None:
    """Descriptors of 4 bytes; each page is there, or is 3Fh for all others; policies 0, 1 or 3."""
    data = vpd(unit, 0x87)[4:]
    unit.expect("bytes beyond descriptors of 4", 0, len(data) % 4)
    for at in range(0, len(data), 4):
        page, subpage = data[at] & 0x3F, data[at + 1]
        if page != 0x3F:
            asked = min(subpage, 0xFE) if subpage != 0xFF else 0
            answer = unit.do(c.mode_sense(page, asked), size=ROOM)
            unit.require(f"mode page {page:02X}h/{subpage:02X}h", not answer.code, "there", answer)
        unit.require("POLICY", data[at + 2] & 3 in (0, 1, 3), "00b, 01b or 11b", data[at : at + 4])


def listed_ports(unit: Subject) -> list[Any]:
    """The ports of page 88h, a layer each."""
    page: Any = dissect_vpd(vpd(unit, 0x88))
    return list(page.ports)


@check("VPD-88-PORTS", "SPC-4 7.8", TOPIC, "Ports are those of page 83h")
def ports(unit: Subject) -> None:
    """Each port has a relative identifier that is not 0, and one is the port asked through, whose
    name page 83h has."""
    found = listed_ports(unit)
    seen = [port.relative_port_identifier for port in found]
    names = [
        one.designator for port in found for here in port.target_port for one in here.designators
    ]
    unit.require("relative ports", seen and all(seen), "none of them 0", seen)
    unit.require("relative ports", len(set(seen)) == len(seen), "each once", seen)
    here = [one.body for one in named(unit) if one.association == PORT and one.kind in (NAA, NAME)]
    if here:
        unit.require("port of page 83h", set(here) & set(names), "one of page 88h", here)


@check("VPD-88-RELATIVE", "SPC-4 7.8.6.7", TOPIC, "The relative port is one of page 88h")
def relative_port(unit: Subject) -> None:
    """The relative target port of page 83h is one of page 88h."""
    seen = [port.relative_port_identifier for port in listed_ports(unit)]
    here = [
        int.from_bytes(one.body)
        for one in named(unit)
        if one.association == PORT and one.kind == RELATIVE_PORT
    ]
    if not here:
        unit.skip("page 83h has no relative target port")
    unit.require("relative target port", here[0] in seen, f"one of {seen}", here[0])


@check("VPD-B0-WORM", "SSC-4 8.6.2", TOPIC, "WORM capability and the medium configuration page")
def worm(unit: Subject) -> None:
    """A drive with the WORM bit has mode page 1Dh, and one without has no WORM volume in it."""
    told = number(vpd(unit, 0xB0), 4, 1) & 1
    page = unit.do(c.mode_sense(0x1D, dbd=True), size=64)
    if told:
        unit.expect("sense for mode page 1Dh", "", page.code)
    elif page.status == 0 and len(page.data) > 10:
        unit.require("WORMM", not page.data[10] & 1, "clear", page.data)


@check("VPD-B1-SERIAL", "SSC-4 8.6.3", TOPIC, "The maker's serial number")
def maker_serial(unit: Subject) -> None:
    """ASCII; that of page 80h, unless a library has given the drive another (a warning)."""
    own = vpd(unit, 0xB1)[4:].strip()
    unit.require("serial number", own.isascii(), "ASCII", own)
    if own != vpd(unit, 0x80)[4:].strip():
        unit.warn("pages 80h and B1h have different serial numbers")


@check("VPD-B2-FLAGS", "SSC-4 8.6.4", TOPIC, "TapeAlert flags that are supported")
def flags(unit: Subject) -> None:
    """Eight bytes, some flags set, and log page 2Eh has a parameter for each of them."""
    data = vpd(unit, 0xB2)[4:]
    unit.expect("length", 8, len(data))
    told = int.from_bytes(data)
    unit.require("flags", told, "some", data)
    page = asking.log_page(unit, 0x2E)
    for flag in range(1, 65):
        if told >> 64 - flag & 1:
            unit.require(f"flag {flag} of log page 2Eh", flag in page, "there", sorted(page))


@check("VPD-B5-METHODS", "SSC-5 8.6.7", TOPIC, "Methods of logical block protection")
def methods(unit: Subject) -> None:
    """Descriptors of their own length; method 0 or 1 to F0h; protection information of 4 bytes for
    methods 1 and 2."""
    data = vpd(unit, 0xB5)
    at = 8
    seen = []
    while at < len(data):
        size = number(data, at, 1)
        method, length = number(data, at + 1, 1), number(data, at + 2, 1) & 0x3F
        seen.append(method)
        if method in (1, 2):
            unit.expect(f"protection information of method {method}", 4, length)
        at += 1 + size
    unit.expect("end of the descriptors", len(data), at)
    unit.require("methods", len(set(seen)) == len(seen), "each once", seen)

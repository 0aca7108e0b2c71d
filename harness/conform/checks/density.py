"""REPORT DENSITY SUPPORT (SSC-4 7.9)."""

from __future__ import annotations

from typing import NamedTuple

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, ROOM, number
from harness.conform.check import NotApplicable, check
from harness.conform.subject import Subject

CLAUSE = "SSC-4 7.9"
TOPIC = "densities"
SIZE = 52


class Density(NamedTuple):
    """A density descriptor."""

    primary: int
    secondary: int
    flags: int
    """80h WRTOK, 40h DUP, 20h DEFLT, 01h DLV."""
    raw: bytes


def densities(unit: Subject, *, media: bool = False) -> list[Density]:
    """The densities. NotApplicable for those of the medium without a volume."""
    unit.need(0x44)
    answer = unit.do(c.report_density_support(ROOM, media=media), size=ROOM)
    if answer.code.startswith(("2/3A", "2/04")):
        raise NotApplicable("no volume is loaded")
    unit.expect("status", 0, answer.status)
    data = answer.data
    unit.expect("AVAILABLE DENSITY SUPPORT LENGTH", len(data) - 2, number(data, 0, 2))
    found, at = [], 4
    while at < len(data):
        row = data[at : at + SIZE]
        unit.expect("length of a descriptor", SIZE, len(row))
        found.append(Density(row[0], row[1], row[2], row))
        # With DLV clear the descriptor length field is 0, and the descriptor has 52 bytes.
        at += 5 + number(row, 3, 2) if row[2] & 1 and number(row, 3, 2) > SIZE - 5 else SIZE
    return found


@check("DENSITY-LIST", CLAUSE, TOPIC, "The densities of the drive")
def listed(unit: Subject) -> None:
    """Descriptors of 52 bytes that fill the data, primary codes ascending; one density at least."""
    codes = [one.primary for one in densities(unit)]
    unit.require("densities", codes, "one at least", codes)
    unit.require("primary codes", codes == sorted(codes), "ascending", codes)


@check("DENSITY-DEFAULT", CLAUSE, TOPIC, "The default density")
def default(unit: Subject) -> None:
    """DEFLT is set in one descriptor at most, and some density can be written (WRTOK)."""
    found = densities(unit)
    defaults = {one.primary for one in found if one.flags & 0x20}
    unit.require("default densities", len(defaults) <= 1, "one at most", defaults)
    unit.require("WRTOK", any(one.flags & 0x80 for one in found), "set somewhere", len(found))


@check("DENSITY-TEXTS", CLAUSE, TOPIC, "Names of densities")
def texts(unit: Subject) -> None:
    """Organization, name and description are graphic ASCII, at the left."""
    for one in densities(unit):
        for name, field in (
            ("organization", one.raw[16 + 0 : 24]),
            ("name", one.raw[24:32]),
            ("description", one.raw[32:52]),
        ):
            printable = all(0x20 <= byte <= 0x7E for byte in field)
            unit.require(f"{name} of {one.primary:02X}h", printable, "graphic ASCII", field)
            unit.require(f"{name} of {one.primary:02X}h", field[:1] != b" ", "at the left", field)


@check("DENSITY-NUMBERS", CLAUSE, TOPIC, "Numbers of densities")
def numbers(unit: Subject) -> None:
    """Each density has a capacity; bits per millimetre, width and tracks are told (a warning)."""
    for one in densities(unit):
        if not number(one.raw, 12, 4):
            unit.warn(f"density {one.primary:02X}h has capacity 0")
        if not (number(one.raw, 5, 3) and number(one.raw, 8, 2) and number(one.raw, 10, 2)):
            unit.warn(f"density {one.primary:02X}h has no bits per mm, width or tracks")


@check("DENSITY-MEDIUM", CLAUSE, TOPIC, "Densities of the volume")
def of_the_medium(unit: Subject) -> None:
    """MEDIA 1: some of the drive's; a warning where their numbers are others: those of a cartridge
    of another length or generation may be."""
    own = {(one.primary, one.raw[5:12]) for one in densities(unit)}
    found = {(one.primary, one.raw[5:12]) for one in densities(unit, media=True)}
    unit.require("densities", found, "one at least", found)
    more = {code for code, _ in found} - {code for code, _ in own}
    unit.require("densities", not more, "among those of the drive", sorted(more))
    if not found <= own:
        unit.warn("densities of the volume have other numbers than those of the drive")


@check("DENSITY-CURRENT", CLAUSE, TOPIC, "The density of the mode block descriptor")
def current(unit: Subject) -> None:
    """With a volume the current density is one of the medium's."""
    codes = {code for one in densities(unit, media=True) for code in (one.primary, one.secondary)}
    descriptor = asking.mode(unit, 0x3F).descriptor
    unit.require("density", descriptor[0] in codes, f"one of {sorted(codes)}", descriptor)


@check("DENSITY-TYPES", CLAUSE, TOPIC, "Medium types")
def medium_types(unit: Subject) -> None:
    """MEDIUM TYPE 1: descriptors of 56 bytes that fill the data; 5/24/00 where it is not there."""
    unit.need(0x44)
    answer = unit.do(c.report_density_support(ROOM, medium_type=True), size=ROOM)
    if answer.code == INVALID_FIELD:
        unit.skip("MEDIUM TYPE is not supported")
    data = answer.data
    unit.expect("AVAILABLE DENSITY SUPPORT LENGTH", len(data) - 2, number(data, 0, 2))
    at = 4
    while at < len(data):
        unit.expect("MEDIUM TYPE DESCRIPTOR LENGTH", 52, number(data, at + 2, 2))
        unit.require("NUMBER OF DENSITY CODES", data[at + 4] <= 9, "9 at most", data[at + 4])
        at += 56
    unit.expect("end of the descriptors", len(data), at)

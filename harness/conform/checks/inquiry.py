"""Standard INQUIRY data (SPC-4 6.6)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, number, standard_inquiry
from harness.conform.check import Failure, check
from harness.conform.subject import Subject
from harness.conform.volume import unload

CLAUSE = "SPC-4 6.6.2"
TYPES = {"tape": 0x01, "changer": 0x08}
SPC = (0x0120, 0x0260, 0x0300, 0x0460, 0x05C0)
"""Version descriptors of SPC to SPC-5, without the revision in the low five bits."""


def device_type(unit: Subject) -> None:
    """PERIPHERAL QUALIFIER 000b and the device's type."""
    kind = standard_inquiry(unit)[0]
    unit.require("peripheral device type", kind in TYPES.values(), "01h or 08h", f"{kind:02X}h")


def removable(unit: Subject) -> None:
    """RMB is set: the medium can be taken out."""
    unit.require("RMB", standard_inquiry(unit)[1] & 0x80, "set", standard_inquiry(unit)[:8])


def version(unit: Subject) -> None:
    """VERSION is one of SPC to SPC-5, 03h to 07h."""
    came = standard_inquiry(unit)[2]
    unit.require("VERSION", 3 <= came <= 7, "03h to 07h", f"{came:02X}h")


def response_format(unit: Subject) -> None:
    """RESPONSE DATA FORMAT is 2."""
    unit.expect("RESPONSE DATA FORMAT", 2, standard_inquiry(unit)[3] & 0x0F)


def length(unit: Subject) -> None:
    """ADDITIONAL LENGTH is what follows, and there are 36 bytes at least."""
    data = standard_inquiry(unit)
    unit.expect("ADDITIONAL LENGTH", len(data) - 5, data[4])


def names(unit: Subject) -> None:
    """Vendor, product and revision are graphic ASCII, at the left, filled with blanks."""
    data = standard_inquiry(unit)
    for name, field in (("vendor", data[8:16]), ("product", data[16:32]), ("rev", data[32:36])):
        printable = all(0x20 <= byte <= 0x7E for byte in field)
        unit.require(name, printable, "graphic ASCII", field)
        unit.require(name, not field.startswith(b" "), "at the left", field)
        unit.require(name, field.strip(), "not blank", field)


def versions(unit: Subject) -> None:
    """Version descriptors, if there are any, come without gaps or repetition; a warning if none
    is of SPC."""
    data = standard_inquiry(unit)
    found = [number(data, at, 2) for at in range(58, min(74, len(data) - 1), 2)]
    used = [one for one in found if one]
    if not used:
        unit.skip("there are no version descriptors")
    unit.expect("version descriptors", used, found[: len(used)])
    unit.require("version descriptors", len(set(used)) == len(used), "each once", used)
    if not any(one & 0xFFE0 in SPC for one in used):
        unit.warn("no version descriptor is of SPC")


def queueing(unit: Subject) -> None:
    """CMDQUE 1: several commands may be sent; hosts count on it (a warning)."""
    if not standard_inquiry(unit)[7] & 0x02:
        unit.warn("CMDQUE is 0: hosts may send one command at a time only")


def same_again(unit: Subject) -> None:
    """INQUIRY data do not change from one command to the next."""
    unit.expect("INQUIRY data", standard_inquiry(unit), standard_inquiry(unit))


def page_without_evpd(unit: Subject) -> None:
    """PAGE CODE not zero with EVPD 0: 5/24/00, at byte 2 if there is a field pointer."""
    for page in (0x80, 0x83, 0x01):
        cdb = bytes((0x12, 0, page, 0, 255, 0))
        answer = unit.refused(cdb, INVALID_FIELD, size=255)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 2, answer.sense.field_pointer[0])


def parallel_bits(unit: Subject) -> None:
    """WBUS16, SYNC and TRANDIS are clear; a warning otherwise, for parallel SCSI has them."""
    bits = standard_inquiry(unit)[7] & 0x34
    if bits:
        unit.warn(f"byte 7 has {bits:02X}h, which only parallel SCSI knows")


ROWS = (
    ("TYPE", "Type of the device", device_type),
    ("RMB", "Removable medium", removable),
    ("VERSION", "Version of SPC", version),
    ("FORMAT", "Format of the data", response_format),
    ("LENGTH", "Length of the data", length),
    ("NAMES", "Vendor, product, revision", names),
    ("VERSIONS", "Version descriptors", versions),
    ("CMDQUE", "Command queueing", queueing),
    ("AGAIN", "The same data again", same_again),
    ("PAGE", "A page without EVPD", page_without_evpd),
    ("OBSOLETE", "Bits of parallel SCSI", parallel_bits),
)

for suffix, title, body in ROWS:
    check(f"INQ-{suffix}", CLAUSE, "inquiry", title)(body)
    check(f"CH-INQ-{suffix}", CLAUSE, "changer: inquiry", title, kind="changer")(body)


@check("INQ-TAPE", CLAUSE, "inquiry", "A tape drive says that it is one")
def tape(unit: Subject) -> None:
    """Device type 01h; MCHNGR, of changers attached to drives, obsolete: a warning if set."""
    data = standard_inquiry(unit)
    unit.expect("peripheral device type", 0x01, data[0] & 0x1F)
    if data[6] & 0x08:
        unit.warn("MCHNGR, which is obsolete, is set")


@check(
    "CH-INQ-CHANGER", CLAUSE, "changer: inquiry", "A changer says that it is one", kind="changer"
)
def changer(unit: Subject) -> None:
    """Device type 08h."""
    unit.expect("peripheral device type", 0x08, standard_inquiry(unit)[0] & 0x1F)


@check("INQ-PROTECT", "SSC-4 4.2.28", "inquiry", "PROTECT tells of logical block protection")
def protect(unit: Subject) -> None:
    """PROTECT is set if, and only if, there is mode page 0Ah subpage F0h; SPT of VPD page 86h
    agrees with it."""
    told = bool(standard_inquiry(unit)[5] & 1)
    has = unit.do(c.mode_sense(0x0A, 0xF0), size=255).status == 0 if unit.has(0x5A) else False
    if has and not told:
        raise Failure("PROTECT", "set, for there is mode page 0Ah subpage F0h", "clear")
    if told and not has:
        raise Failure("PROTECT", "clear, for there is no mode page 0Ah subpage F0h", "set")
    if 0x86 in asking.vpd_pages(unit):
        extended = asking.vpd(unit, 0x86)[4]
        unit.expect("SPT of VPD page 86h is not 0", told, bool(extended & 0x38))


@check("INQ-TPGS", CLAUSE, "inquiry", "TPGS tells of target port groups")
def groups(unit: Subject) -> None:
    """TPGS is not 0 only if there is REPORT TARGET PORT GROUPS; a warning if the command is there
    and TPGS is 0."""
    told, there = standard_inquiry(unit)[5] & 0x30, unit.has(0xA3, 0x0A)
    unit.require("TPGS", there or not told, "0, for the command is not there", told >> 4)
    if there and not told:
        unit.warn("TPGS is 0, and REPORT TARGET PORT GROUPS is there")


@check("INQ-NO-VOLUME", CLAUSE, "inquiry", "INQUIRY while the volume is unloaded", scratch=True)
def without_volume(unit: Subject) -> None:
    """The data are the same whether a volume is loaded or not."""
    before = standard_inquiry(unit)
    unload(unit)
    unit.expect("INQUIRY data", before, standard_inquiry(unit))

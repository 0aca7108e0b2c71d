"""Sense data and REQUEST SENSE (SPC-4 4.5, 6.39)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, INVALID_PARAMETER, mode_page, number, select
from harness.conform.check import check
from harness.conform.subject import Answer, Subject
from harness.conform.tape import go, pattern, record

TOPIC = "sense data"
FIXED, DESCRIPTOR = 0x70, 0x72
WRONG = c.read_position(5)
"""A CDB that no drive takes: a reserved service action."""
INFORMATION, STREAM = 0x00, 0x04


def wrong(unit: Subject) -> Answer:
    """The answer to a field that is wrong."""
    return unit.refused(WRONG, INVALID_FIELD, size=32)


@check("SENSE-FIXED", "SPC-4 4.5.3", TOPIC, "Fixed format")
def fixed(unit: Subject) -> None:
    """Response code 70h (Linux st, LTFS and Proxmox want fixed format); ADDITIONAL SENSE LENGTH is
    what follows, and reaches over the ASCQ at least; reserved bits clear."""
    data = wrong(unit).raw_sense
    unit.expect("RESPONSE CODE", FIXED, data[0] & 0x7F)
    unit.expect("SENSE KEY", 5, data[2] & 0x0F)
    unit.expect("obsolete byte 1", 0, data[1])
    unit.require("ADDITIONAL SENSE LENGTH", data[7] >= 10, "10 at least", data[7])
    # A transport or kernel may cut sense data short; nothing makes them longer.
    unit.require("length", 18 <= len(data) <= data[7] + 8, f"{data[7] + 8} bytes", len(data))


@check("SENSE-VALID", "SPC-4 4.5.3", TOPIC, "No INFORMATION, no VALID")
def not_valid(unit: Subject) -> None:
    """A command that is refused for a field has no residual: VALID 0, FILEMARK, EOM, ILI 0."""
    sense = wrong(unit).sense
    unit.require("VALID", not sense.valid, "clear", sense.valid)
    unit.expect("FILEMARK, EOM, ILI", [False] * 3,
                [bool(sense.filemark), bool(sense.eom), bool(sense.ili)])  # fmt: skip


@check("SENSE-POINTER-CDB", "SPC-4 4.5.2.4.2", TOPIC, "Field pointer to a CDB")
def pointer_to_cdb(unit: Subject) -> None:
    """With 5/24/00: SKSV, C/D 1, the byte; without it hosts do not learn which (a warning)."""
    pointer = wrong(unit).sense.field_pointer
    if pointer is None:
        unit.warn("5/24/00 comes without field pointer")
        return
    unit.expect("byte, and whether in the parameter list", (1, False), (pointer[0], pointer[2]))


@check("SENSE-POINTER-DATA", "SPC-4 4.5.2.4.2", TOPIC, "Field pointer to a parameter list")
def pointer_to_data(unit: Subject) -> None:
    """With 5/26/00: SKSV, C/D 0, the byte; without it hosts do not learn which (a warning)."""
    device = asking.mode(unit, 0x3F).device & 0x0F | 0x70
    answer = unit.refused(c.mode_select_6(4), INVALID_PARAMETER, out=bytes((0, 0, device, 0)))
    pointer = answer.sense.field_pointer
    if pointer is None:
        unit.warn("5/26/00 comes without field pointer")
        return
    unit.expect("byte, and whether in the parameter list", (2, True), (pointer[0], pointer[2]))


def nothing_to_tell(unit: Subject, data: bytes) -> None:
    """NO SENSE; or NOT READY, as pollable sense data of a unit that is not ready (SPC-4 6.39)."""
    key = number(data, 2, 1) & 0x0F
    if key != 2 or unit.do(c.TEST_UNIT_READY).status == 0:
        unit.expect("SENSE KEY", 0, key)


@check("SENSE-REQUEST", "SPC-4 6.39", TOPIC, "REQUEST SENSE with nothing to tell")
def request(unit: Subject) -> None:
    """GOOD with NO SENSE, or NOT READY while the unit is so; fixed format, 18 bytes at least."""
    data = unit.good(c.request_sense(), size=252).data
    unit.expect("RESPONSE CODE", FIXED, number(data, 0, 1) & 0x7F)
    nothing_to_tell(unit, data)
    unit.require("length", len(data) >= 18, "18 at least", len(data))
    unit.expect("ADDITIONAL SENSE LENGTH", len(data) - 8, data[7])


@check("SENSE-REQUEST-DESC", "SPC-4 6.39", TOPIC, "REQUEST SENSE with DESC")
def request_descriptors(unit: Subject) -> None:
    """GOOD with descriptor format; 5/24/00 where it is not supported."""
    answer = unit.do(c.request_sense(desc=True), size=252)
    if answer.code == INVALID_FIELD:
        unit.skip("descriptor format is not supported")
    data = answer.data
    if number(data, 0, 1) & 0x7F == FIXED and asking.standard_inquiry(unit)[2] < 5:
        unit.skip("DESC is of SPC-3, and the device is older")
    unit.expect("RESPONSE CODE", DESCRIPTOR, number(data, 0, 1) & 0x7F)
    unit.expect("ADDITIONAL SENSE LENGTH", len(data) - 8, number(data, 7, 1))


@check("SENSE-TOLD-ONCE", "SAM-5 5.14", TOPIC, "Sense data are told with the status")
def told_once(unit: Subject) -> None:
    """After CHECK CONDITION with sense data, REQUEST SENSE has NO SENSE: they are not kept."""
    wrong(unit)
    nothing_to_tell(unit, unit.good(c.request_sense(), size=252).data)


@check("SENSE-GOOD", "SAM-5 5.3.1", TOPIC, "GOOD has no sense data")
def good_has_none(unit: Subject) -> None:
    """After an error the next command that is GOOD has none of its sense data."""
    wrong(unit)
    unit.expect("sense data", b"", unit.good(c.inquiry(36), size=36).raw_sense)


def descriptor_format(unit: Subject) -> None:
    """D_SENSE set until the check ends. NotApplicable where it cannot be changed."""
    if not mode_page(unit, 0x0A, control=1)[2] & 0x04:
        unit.skip("D_SENSE cannot be changed")
    before = mode_page(unit, 0x0A)
    unit.cleanup(lambda: select(unit, before))
    asking.taken(select(unit, before[:2] + bytes((before[2] | 0x04,)) + before[3:]))


def descriptors(data: bytes) -> dict[int, bytes]:
    """Sense data descriptors by type."""
    found, at, end = {}, 8, 8 + data[7]
    while at < end:
        found[data[at]] = data[at : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


@check("SENSE-D-SENSE", "SPC-4 7.5.8", TOPIC, "Descriptor format by the control page")
def d_sense(unit: Subject) -> None:
    """With D_SENSE set errors come in descriptor format, with the same key and code; without it in
    fixed format again."""
    descriptor_format(unit)
    data = wrong(unit).raw_sense
    unit.expect("RESPONSE CODE", DESCRIPTOR, data[0] & 0x7F)
    unit.expect("key, ASC, ASCQ", b"\x05\x24\x00", bytes((data[1] & 0x0F,)) + data[2:4])
    unit.expect("ADDITIONAL SENSE LENGTH", len(data) - 8, data[7])
    page = mode_page(unit, 0x0A)
    asking.taken(select(unit, page[:2] + bytes((page[2] & ~0x04,)) + page[3:]))
    unit.expect("RESPONSE CODE", FIXED, wrong(unit).raw_sense[0] & 0x7F)


@check("SENSE-D-SENSE-STREAM", "SSC-4 4.2.18", TOPIC, "Stream bits in descriptor format",
       scratch=True)  # fmt: skip
def d_sense_of_streams(unit: Subject) -> None:
    """FILEMARK, EOM and ILI in the stream commands descriptor, the residual, of 64 bits, in the
    information descriptor."""
    record(unit, pattern(300), None)
    descriptor_format(unit)
    for size, bit, left in ((200, 0x20, -100), (9, 0x80, 9)):
        data = unit.do(c.read(size), size=size).raw_sense
        unit.expect("RESPONSE CODE", DESCRIPTOR, data[0] & 0x7F)
        parts = descriptors(data)
        unit.require("stream commands descriptor", STREAM in parts, "there", data)
        unit.expect("FILEMARK, EOM, ILI", bit, parts[STREAM][3] & 0xE0)
        unit.require("information descriptor", INFORMATION in parts, "there", data)
        unit.require("VALID", parts[INFORMATION][2] & 0x80, "set", data)
        mask = (1 << 32) - 1
        came = int.from_bytes(parts[INFORMATION][4:12]) & mask
        unit.expect("INFORMATION", left & mask, came)


@check("SENSE-D-SENSE-POINTER", "SPC-4 4.5.2.4", TOPIC, "Field pointer in descriptor format")
def d_sense_pointer(unit: Subject) -> None:
    """The byte that fixed format points at is in a sense-key specific descriptor."""
    told = wrong(unit).sense.field_pointer
    if told is None:
        unit.skip("there are no field pointers")
    descriptor_format(unit)
    came = wrong(unit).sense.field_pointer or (None, None, None)
    wanted = (told[0], told[2]) if told else None
    unit.expect("byte, and whether in the parameter list", wanted, (came[0], came[2]))


@check(
    "SENSE-EOD-BITS", "SSC-4 4.2.18", TOPIC, "End of data has no FILEMARK and no ILI", scratch=True
)
def end_of_data_bits(unit: Subject) -> None:
    """A host tells end of data from a filemark by the sense key alone: 8, FILEMARK 0, ILI 0."""
    record(unit, b"x")
    go(unit, 1)
    sense = unit.do(c.read(5), size=5).sense
    unit.expect("SENSE KEY", 8, sense.key)
    unit.expect("FILEMARK and ILI", (False, False), (bool(sense.filemark), bool(sense.ili)))

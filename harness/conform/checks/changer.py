"""Medium changers: what READ ELEMENT STATUS and the mode pages tell (SMC-3 6.11, 7.3)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, INVALID_PARAMETER, number
from harness.conform.check import Failure, check
from harness.conform.elements import (
    DRIVE,
    KINDS,
    NO_ELEMENT,
    SLOT,
    TRANSPORT,
    element_map,
    inventory,
    need_changer,
    one_page,
    split,
)
from harness.conform.subject import GOOD, Subject

STATUS, MODE = "SMC-3 6.11", "SMC-3 7.3"
TOPIC = "changer: element status"
MODES = "changer: mode parameters"


# --- mode pages ----------------------------------------------------------------------------------


def declare_page(page: int, name: str, lengths: tuple[int, ...]) -> None:
    """A mode page of changers."""

    @check(
        f"CH-MODE-{page:02X}",
        MODE,
        MODES,
        f"Page {page:02X}h, {name}",
        kind="changer",
        expected="As long as the standard says; nothing of it is changeable, or what is can be; "
        "MODE SELECT of another value (tried with --scratch) is 5/26/00 and changes nothing.",
    )
    def form(unit: Subject) -> None:
        body = one_page(unit, page)
        unit.require("PAGE LENGTH", body[1] in lengths, f"one of {lengths}", body[1])
        unit.expect("length", body[1] + 2, len(body))
        mask = one_page(unit, page, control=1)
        unit.expect("length of the mask", len(body), len(mask))
        if any(mask[2:]) or not (unit.has(0x15) or unit.has(0x55)):
            return
        if not unit.scratch:
            return  # a library that took it would have its elements elsewhere
        unit.cleanup(lambda: asking.select(unit, body, device=0))
        answer = asking.select(unit, body[:3] + bytes((body[3] ^ 1,)) + body[4:], device=0)
        if answer.status == GOOD:
            unit.warn("a change of what cannot be changed is ignored instead of refused")
        else:
            codes = (INVALID_PARAMETER, INVALID_FIELD, "5/1A/00")
            unit.require("sense", answer.code in codes, " or ".join(codes), answer)
        unit.expect("page", body, one_page(unit, page))


declare_page(0x1D, "element address assignment", (0x12,))
declare_page(0x1E, "transport geometry", tuple(range(2, 255, 2)))
declare_page(0x1F, "device capabilities", (0x12, 0x0E))


@check("CH-MODE-ADDRESSES", MODE, MODES, "Element addresses", kind="changer")
def addresses(unit: Subject) -> None:
    """Ranges of the four types do not overlap; there is a transport and there are slots."""
    found = element_map(unit)
    taken: set[int] = set()
    for kind, (first, count) in found.items():
        own = set(range(first, first + count))
        unit.require(f"addresses of {KINDS[kind]}", not own & taken, "no others'", sorted(own)[:3])
        taken |= own
    unit.require("transport elements", found[TRANSPORT][1], "one at least", found)
    unit.require("storage elements", found[SLOT][1], "one at least", found)


@check("CH-MODE-TRANSPORTS", MODE, MODES, "Transport geometry of each transport", kind="changer")
def transports(unit: Subject) -> None:
    """Page 1Eh has a descriptor for each transport element."""
    body = one_page(unit, 0x1E)
    unit.expect("descriptors", element_map(unit)[TRANSPORT][1], body[1] // 2)


@check("CH-MODE-CAPABILITIES", MODE, MODES, "Moves that there are", kind="changer")
def capabilities(unit: Subject) -> None:
    """Slots store; from slot to drive and back can be moved where there are drives."""
    body = one_page(unit, 0x1F)
    unit.require("StorST", body[2] & 0x02, "set", body)
    if element_map(unit)[DRIVE][1]:
        unit.require("ST to DT", body[5] & 0x08, "set", body)
        unit.require("DT to ST", body[7] & 0x02, "set", body)


@check("CH-MODE-MTX", MODE, MODES, "Element addresses as mtx asks for them", kind="changer")
def as_mtx(unit: Subject) -> None:
    """MODE SENSE(6) of page 1Dh with DBD and room for 136 bytes: GOOD, header of 4 bytes, no block
    descriptor, the page."""
    data = unit.good(c.mode_sense_6(0x1D, dbd=True, allocation=136), size=136).data
    unit.expect("length", 4 + 20, len(data))
    unit.expect("MODE DATA LENGTH, block descriptor length", (23, 0), (data[0], data[3]))
    unit.expect("page and its length", (0x1D, 0x12), (data[4] & 0x3F, data[5]))


@check("CH-MODE-CH", MODE, MODES, "Element addresses as Linux ch asks for them", kind="changer")
def as_ch(unit: Subject) -> None:
    """MODE SENSE(6) of page 1Dh with room for 255 bytes: GOOD; the page behind header and block
    descriptor."""
    data = unit.good(c.mode_sense_6(0x1D), size=255).data
    at = 4 + data[3]
    unit.expect("page and its length", (0x1D, 0x12), (data[at] & 0x3F, data[at + 1]))


@check("CH-MODE-OTHER", MODE, MODES, "Pages of tape drives", kind="changer")
def no_tape_pages(unit: Subject) -> None:
    """5/24/00 for pages 0Fh, 10h and 11h."""
    for page in (0x0F, 0x10, 0x11):
        unit.refused(c.mode_sense_6(page), INVALID_FIELD, size=255)


# --- READ ELEMENT STATUS -------------------------------------------------------------------------


def declare_type(kind: int, tags: bool) -> None:
    """Elements of a type."""
    name = KINDS[kind]

    @check(
        f"CH-STATUS-{kind}{'-TAGS' if tags else ''}",
        STATUS,
        TOPIC,
        f"{name.capitalize()} elements{' with VOLTAG' if tags else ''}",
        kind="changer",
        expected="As many as mode page 1Dh says, from its first address, ascending; byte counts "
        "and descriptor length are right; PVOLTAG tells whether tags are there (a warning if not).",
    )
    def status(unit: Subject) -> None:
        first, count = element_map(unit)[kind]
        answer = unit.do(c.read_element_status(kind, first, tags=tags), size=0xFFFFF)
        if not count:
            if answer.status == GOOD:
                unit.expect("NUMBER OF ELEMENTS", 0, number(answer.data, 2, 2))
            return
        unit.expect("status", GOOD, answer.status)
        data = answer.data
        unit.expect("BYTE COUNT OF REPORT", len(data) - 8, number(data, 5, 3))
        pages = split(data)
        unit.expect("types of the pages", {kind}, {page.kind for page in pages})
        for page in pages:
            least = 12 + 36 * bool(page.flags & 0x80)
            unit.require("descriptor length", page.size >= least, f"{least} or more", page.size)
            if tags and not page.flags & 0x80:
                unit.warn("PVOLTAG is 0: nothing reads the labels of these elements")
        found = [one.address for page in pages for one in page.elements]
        unit.expect("NUMBER OF ELEMENTS", len(found), number(data, 2, 2))
        unit.expect("addresses", list(range(first, first + count)), found)
        unit.expect("FIRST ELEMENT ADDRESS", first, number(data, 0, 2))


for kind in KINDS:
    for tags in (False, True):
        declare_type(kind, tags)


@check("CH-STATUS-ALL", STATUS, TOPIC, "All elements", kind="changer")
def all_elements(unit: Subject) -> None:
    """Type 0 has the elements of every type, each once."""
    found = [one.address for one in inventory(unit)]
    wanted = [
        at for first, count in element_map(unit).values() for at in range(first, first + count)
    ]
    unit.expect("addresses", sorted(wanted), sorted(found))


@check("CH-STATUS-SAME", STATUS, TOPIC, "Types apart and together", kind="changer")
def same_elements(unit: Subject) -> None:
    """What type 0 says of an element is what its own type says."""
    together = {one.address: one for one in inventory(unit)}
    for kind in KINDS:
        for one in inventory(unit, kind):
            unit.expect(f"element {one.address:04X}h", together[one.address], one)


@check("CH-STATUS-COUNT", STATUS, TOPIC, "NUMBER OF ELEMENTS", kind="changer")
def number_of_elements(unit: Subject) -> None:
    """Not more than asked for; they are the first ones."""
    first, count = element_map(unit)[SLOT]
    for asked in (1, 2, count):
        data = unit.good(c.read_element_status(SLOT, first, asked), size=0xFFFFF).data
        found = [one.address for page in split(data) for one in page.elements]
        unit.expect("addresses", list(range(first, first + min(asked, count))), found)
        unit.expect("NUMBER OF ELEMENTS", len(found), number(data, 2, 2))


@check("CH-STATUS-START", STATUS, TOPIC, "STARTING ELEMENT ADDRESS", kind="changer")
def starting_address(unit: Subject) -> None:
    """Elements at or behind it, and none before."""
    first, count = element_map(unit)[SLOT]
    start = first + count // 2
    data = unit.good(c.read_element_status(SLOT, start), size=0xFFFFF).data
    found = [one.address for page in split(data) for one in page.elements]
    unit.expect("addresses", list(range(start, first + count)), found)


@check("CH-STATUS-CUT", STATUS, TOPIC, "Counts do not depend on the room", kind="changer")
def cut(unit: Subject) -> None:
    """With room for 8 bytes, the header alone, with the counts of all."""
    whole = unit.good(c.read_element_status(0), size=0xFFFFF).data
    head = unit.good(c.read_element_status(0, allocation=8), size=8).data
    unit.expect("header", whole[:8], head)


@check("CH-STATUS-CH", STATUS, TOPIC, "One element as Linux ch asks for it", kind="changer")
def one_as_ch(unit: Subject) -> None:
    """COUNT 1, VOLTAG, room for 255 bytes: the element's address is in bytes 16 and 17."""
    for kind, (first, count) in element_map(unit).items():
        if count:
            cdb = c.read_element_status(kind, first, 1, allocation=255)
            data = unit.good(cdb, size=255).data
            unit.expect(f"address of {KINDS[kind]}", first, number(data, 16, 2))


@check("CH-STATUS-BEYOND", STATUS, TOPIC, "A start behind the last element", kind="changer")
def beyond(unit: Subject) -> None:
    """5/21/01 (or 5/24/00), or GOOD with no element."""
    last = max(first + count for first, count in element_map(unit).values())
    answer = unit.do(c.read_element_status(0, last + 1), size=0xFFFF)
    if answer.status == GOOD:
        unit.expect("NUMBER OF ELEMENTS", 0, number(answer.data, 2, 2))
    else:
        unit.require("sense", answer.code in (NO_ELEMENT, INVALID_FIELD), "5/21/01", answer)


@check("CH-STATUS-RESERVED", STATUS, TOPIC, "Types that are reserved", kind="changer")
def reserved_types(unit: Subject) -> None:
    """ELEMENT TYPE CODE 5h to Fh: 5/24/00, at byte 1 if there is a field pointer."""
    need_changer(unit)
    for kind in (5, 8, 15):
        answer = unit.refused(c.read_element_status(kind), INVALID_FIELD, size=64)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 1, answer.sense.field_pointer[0])


@check("CH-STATUS-LABELS", STATUS, TOPIC, "Volume tags", kind="changer")
def labels(unit: Subject) -> None:
    """Tags of full elements are ASCII, at the left, filled with blanks; of empty ones blank or
    zero; no two volumes have the same."""
    seen: dict[bytes, int] = {}
    for one in inventory(unit):
        tag = one.tag[:32]
        text = tag.strip(b" \0")
        if not one.full:
            unit.require(f"tag of the empty {one.address:04X}h", not text, "none", tag)
            continue
        if not text or one.exception:
            continue
        unit.require(f"tag of {one.address:04X}h", tag.startswith(text[:1]), "at the left", tag)
        printable = all(0x20 <= byte <= 0x7E for byte in tag.rstrip(b"\0"))
        unit.require(f"tag of {one.address:04X}h", printable, "graphic ASCII", tag)
        unit.require(f"tag of {one.address:04X}h", text not in seen, "no other's", text)
        seen[text] = one.address


@check("CH-STATUS-BITS", STATUS, TOPIC, "Flags of elements", kind="changer")
def flags(unit: Subject) -> None:
    """ACCESS of slots that can be reached; ASC and ASCQ only with EXCEPT; SVALID only of full
    elements, and its source a storage or import/export element."""
    places = element_map(unit)
    stores = {at for kind in (2, 3) for at in range(places[kind][0], sum(places[kind]))}
    for one in inventory(unit):
        if not one.exception:
            unit.expect(f"ASC, ASCQ of {one.address:04X}h", b"\0\0", one.raw[4:6])
        if one.raw[9] & 0x80 and one.full:
            source = number(one.raw, 10, 2)
            unit.require(f"source of {one.address:04X}h", source in stores, "a slot", source)
        if one.address in stores and not one.exception and one.address < 0xFFFF:
            what = f"ACCESS of {one.address:04X}h"
            if not one.raw[2] & 0x08:
                unit.warn(f"{what} is 0")


@check("CH-STATUS-DVCID", STATUS, TOPIC, "Identities of drives", kind="changer")
def identities(unit: Subject) -> None:
    """DVCID: each drive has an identifier, no two the same."""
    if not element_map(unit)[DRIVE][1]:
        unit.skip("there are no drives")
    cdb = c.read_element_status(DRIVE, devices=True, tags=False)
    answer = unit.do(cdb, size=0xFFFFF)
    if answer.code == INVALID_FIELD:
        unit.warn("DVCID is refused: hosts cannot tell which drive is which")
        return
    names = []
    for page in split(answer.data):
        for one in page.elements:
            at = 12 + 36 * bool(page.flags & 0x80) + 36 * bool(page.flags & 0x40)
            if one.exception and not number(one.raw, at + 3, 1):
                continue
            size = number(one.raw, at + 3, 1)
            names.append(one.raw[at + 4 : at + 4 + size])
            unit.expect("length of an identifier", size, len(names[-1]))
    unit.require("identifiers", all(name.strip() for name in names), "not blank", names)
    unit.require("identifiers", len(set(names)) == len(names), "all different", names)


@check("CH-READY", "SPC-4 6.47", TOPIC, "TEST UNIT READY", kind="changer")
def ready(unit: Subject) -> None:
    """GOOD; not applicable to a library whose door is open, or that is offline."""
    answer = unit.do(c.TEST_UNIT_READY)
    if answer.code.startswith("2/"):
        unit.skip(f"the library is not ready: {answer.code}")
    if answer.status != GOOD:
        raise Failure("status", "GOOD", repr(answer))

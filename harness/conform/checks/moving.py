"""Medium changers: moving, exchanging, positioning, searching, reserving (SMC-3 chapter 6)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform import keys as k
from harness.conform.asking import INVALID_FIELD, INVALID_OPCODE, number
from harness.conform.check import check
from harness.conform.elements import (
    DRIVE,
    EMPTY,
    FULL,
    KINDS,
    MAIL,
    NO_ELEMENT,
    SLOT,
    TRANSPORT,
    Element,
    element_map,
    find,
    inventory,
    look,
    one_page,
)
from harness.conform.subject import GOOD, RESERVATION_CONFLICT, Subject

MOVE, EXCHANGE, POSITION, TAGS = "SMC-3 6.5", "SMC-3 6.2", "SMC-3 6.7", "SMC-3 6.14"
TOPIC = "changer: moving"
NOWHERE = 0xFFF0
PREVENTED = ("5/53/02", "5/53/03")
LOADED = ("5/3A/00", "5/3B/1A", "5/53/00", "5/53/02", "4/53/00")
"""A drive has not unloaded its volume: some libraries do it themselves, some refuse the move."""


def move(unit: Subject, source: int, destination: int) -> None:
    """A move that has to work, and is undone when the check ends. NotApplicable for a cartridge
    that does not fit, and where somebody prevents it."""
    unit.cleanup(lambda: unit.do(c.move_medium(destination, source)))
    answer = unit.do(c.move_medium(source, destination))
    if answer.code.startswith("5/30/") or answer.code in PREVENTED:
        unit.skip(f"the library does not move this cartridge there: {answer.code}")
    unit.expect("status of MOVE MEDIUM", GOOD, answer.status)


def moved(unit: Subject, before: Element, source: int, destination: int) -> None:
    """The volume is at the destination, with its tag, and not at the source any more."""
    there, here = look(unit, destination), look(unit, source)
    unit.require("destination", there.full, "full", there)
    unit.require("source", not here.full, "empty", here)
    unit.expect("volume tag", before.tag, there.tag)


def declare_move(source_kind: int, kind: int, key: str) -> None:
    """A move from a type to another and back."""

    @check(
        f"CH-MOVE-{key}",
        MOVE,
        TOPIC,
        f"From a {KINDS[source_kind]} to a {KINDS[kind]} element",
        kind="changer",
        scratch=True,
        expected="GOOD; the volume with its tag is there and not here; back it is as before.",
    )
    def moving(unit: Subject) -> None:
        one = find(unit, source_kind, full=True)
        other = find(unit, kind, full=False)
        move(unit, one.address, other.address)
        moved(unit, one, one.address, other.address)
        answer = unit.do(c.move_medium(other.address, one.address))
        if kind == DRIVE and answer.code in LOADED:
            unit.warn(f"the volume stays in drive {other.address:04X}h: a host unloads it first")
            return
        unit.expect("status of moving back", GOOD, answer.status)
        moved(unit, one, other.address, one.address)


declare_move(SLOT, SLOT, "SLOT-SLOT")
declare_move(SLOT, DRIVE, "SLOT-DRIVE")
declare_move(SLOT, MAIL, "SLOT-MAIL")


@check("CH-MOVE-SOURCE", MOVE, TOPIC, "The source that a volume came from", kind="changer",
       scratch=True)  # fmt: skip
def source(unit: Subject) -> None:
    """In a drive SVALID is set, and the source is the slot: `mtx unload` puts it back there."""
    one, drive = find(unit, SLOT, full=True), find(unit, DRIVE, full=False)
    move(unit, one.address, drive.address)
    there = look(unit, drive.address).raw
    unit.require("SVALID", there[9] & 0x80, "set", there)
    unit.expect("SOURCE STORAGE ELEMENT ADDRESS", one.address, number(there, 10, 2))


@check("CH-MOVE-FULL", MOVE, TOPIC, "To a full element", kind="changer", scratch=True)
def to_a_full_element(unit: Subject) -> None:
    """5/3B/0D, and nothing moves."""
    before = inventory(unit)
    one = find(unit, SLOT, full=True)
    other = find(unit, SLOT, full=True, but=(one.address,))
    unit.refused(c.move_medium(one.address, other.address), FULL)
    unit.expect("elements", before, inventory(unit))


@check("CH-MOVE-EMPTY", MOVE, TOPIC, "From an empty element", kind="changer", scratch=True)
def from_an_empty_element(unit: Subject) -> None:
    """5/3B/0E, and nothing moves."""
    before = inventory(unit)
    one = find(unit, SLOT, full=False)
    other = find(unit, SLOT, full=False, but=(one.address,))
    unit.refused(c.move_medium(one.address, other.address), EMPTY)
    unit.expect("elements", before, inventory(unit))


@check("CH-MOVE-ITSELF", MOVE, TOPIC, "From a full element to itself", kind="changer", scratch=True)
def to_itself(unit: Subject) -> None:
    """5/3B/0D or GOOD; the volume stays where it is."""
    one = find(unit, SLOT, full=True)
    answer = unit.do(c.move_medium(one.address, one.address))
    unit.require("sense", answer.code in ("", FULL, INVALID_FIELD), "5/3B/0D or GOOD", answer)
    unit.expect("element", one.tag, look(unit, one.address).tag)


def declare_address(key: str, field: int) -> None:
    """An address that is none."""

    @check(
        f"CH-MOVE-NONE-{key.upper()}",
        MOVE,
        TOPIC,
        f"A {key} address that is no element",
        kind="changer",
        scratch=True,
        expected="5/21/01 (for the transport 5/24/00 too), pointed at if there is a field pointer; "
        "nothing moves.",
    )
    def nowhere(unit: Subject) -> None:
        one, other = find(unit, SLOT, full=True), find(unit, SLOT, full=False)
        before = inventory(unit)
        cdb = bytearray(c.move_medium(one.address, other.address))
        cdb[field : field + 2] = NOWHERE.to_bytes(2)
        codes = (NO_ELEMENT, INVALID_FIELD) if key == "transport" else (NO_ELEMENT,)
        answer = unit.refused(bytes(cdb), *codes)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", field, answer.sense.field_pointer[0])
        unit.expect("elements", before, inventory(unit))


for key, field in (("transport", 2), ("source", 4), ("destination", 6)):
    declare_address(key, field)


@check("CH-MOVE-TRANSPORT", MOVE, TOPIC, "Transport 0 and the transport's own address",
       kind="changer", scratch=True)  # fmt: skip
def transport(unit: Subject) -> None:
    """Either moves."""
    one, other = find(unit, SLOT, full=True), find(unit, SLOT, full=False)
    own = element_map(unit)[TRANSPORT][0]
    move(unit, one.address, other.address)
    unit.good(c.move_medium(other.address, one.address, transport=own))
    moved(unit, one, other.address, one.address)


@check("CH-MOVE-INVERT", MOVE, TOPIC, "INVERT where volumes are not turned", kind="changer",
       scratch=True)  # fmt: skip
def invert(unit: Subject) -> None:
    """5/24/00 if ROTATE of page 1Eh is 0; ignoring it is a warning."""
    if one_page(unit, 0x1E)[2] & 1:
        unit.skip("volumes can be turned")
    one, other = find(unit, SLOT, full=True), find(unit, SLOT, full=False)
    unit.cleanup(lambda: unit.do(c.move_medium(other.address, one.address)))
    answer = unit.do(c.move_medium(one.address, other.address, invert=True))
    if answer.status == GOOD:
        unit.warn("INVERT is ignored")
    else:
        unit.expect("sense", INVALID_FIELD, answer.code)


# --- exchanging and positioning ------------------------------------------------------------------


@check("CH-EXCHANGE", EXCHANGE, TOPIC, "Two slots exchanged", kind="changer", scratch=True)
def exchange(unit: Subject) -> None:
    """EXCHANGE MEDIUM with the source as second destination: volumes change places."""
    unit.need(0xA6)
    one = find(unit, SLOT, full=True)
    other = find(unit, SLOT, full=True, but=(one.address,))
    cdb = c.exchange_medium(one.address, other.address, one.address)
    answer = unit.do(cdb)
    if answer.code == INVALID_FIELD:
        unit.skip("slots cannot be exchanged")
    unit.expect("status", GOOD, answer.status)
    unit.cleanup(lambda: unit.do(cdb))
    unit.expect("tag of the first", other.tag, look(unit, one.address).tag)
    unit.expect("tag of the second", one.tag, look(unit, other.address).tag)


@check("CH-EXCHANGE-EMPTY", EXCHANGE, TOPIC, "An exchange with an empty element", kind="changer",
       scratch=True)  # fmt: skip
def exchange_empty(unit: Subject) -> None:
    """5/3B/0E, and nothing moves."""
    unit.need(0xA6)
    one, other = find(unit, SLOT, full=True), find(unit, SLOT, full=False)
    before = inventory(unit)
    answer = unit.do(c.exchange_medium(other.address, one.address, other.address))
    unit.require("sense", answer.code in (EMPTY, INVALID_FIELD), "5/3B/0E", answer)
    unit.expect("elements", before, inventory(unit))


@check("CH-POSITION", POSITION, TOPIC, "POSITION TO ELEMENT", kind="changer", scratch=True)
def position(unit: Subject) -> None:
    """GOOD for an element; nothing of the inventory changes; 5/21/01 for what is none."""
    unit.need(0x2B)
    before = inventory(unit)
    unit.good(c.position_to_element(element_map(unit)[SLOT][0]))
    unit.expect("elements", before, inventory(unit))
    unit.refused(c.position_to_element(NOWHERE), NO_ELEMENT)


@check("CH-INITIALIZE", "SMC-3 6.3", TOPIC, "INITIALIZE ELEMENT STATUS", kind="changer",
       scratch=True)  # fmt: skip
def initialize(unit: Subject) -> None:
    """GOOD, and the inventory is what it was. It may take a library an hour, hence --scratch."""
    unit.need(0x07)
    before = inventory(unit)
    unit.good(c.plain(0x07))
    unit.settle()
    unit.expect("elements", before, inventory(unit))


@check("CH-INITIALIZE-RANGE", "SMC-3 6.4", TOPIC, "INITIALIZE ELEMENT STATUS WITH RANGE",
       kind="changer", scratch=True)  # fmt: skip
def initialize_range(unit: Subject) -> None:
    """GOOD for a range of slots; 5/21/01 for one that begins at no element."""
    unit.need(0x37)
    unit.good(c.initialize_range(element_map(unit)[SLOT][0], 2))
    unit.settle()
    unit.refused(c.initialize_range(NOWHERE, 1), NO_ELEMENT)


# --- searching -----------------------------------------------------------------------------------


def template(text: bytes) -> bytes:
    """SEND VOLUME TAG list: a template, and all sequence numbers."""
    return text.ljust(32, b" ")[:32] + bytes(6) + (0xFFFF).to_bytes(2)


@check("CH-TAG-FIND", TAGS, "changer: volume tags", "A volume found by its tag", kind="changer")
def find_tag(unit: Subject) -> None:
    """SEND VOLUME TAG translates a template, REQUEST VOLUME ELEMENT ADDRESS tells the element; no
    volume: no element."""
    unit.need(0xB6)
    one = find(unit, SLOT, full=True)
    text = one.tag[:32].rstrip(b" \0")
    answer = unit.do(c.send_volume_tag(0, 0, 5), out=template(text))
    if answer.code in (INVALID_FIELD, INVALID_OPCODE):
        unit.skip("tags cannot be searched for")
    unit.expect("status", GOOD, answer.status)
    data = unit.good(c.request_volume_element_address(0), size=0xFFFF).data
    unit.expect("NUMBER OF ELEMENTS", 1, number(data, 2, 2))
    unit.expect("address", one.address, number(data, 16, 2))
    unit.do(c.send_volume_tag(0, 0, 5), out=template(b"NOSUCHVOLUME"))
    answer = unit.do(c.request_volume_element_address(0), size=0xFFFF)
    if answer.status == GOOD:
        unit.expect("NUMBER OF ELEMENTS", 0, number(answer.data, 2, 2))


@check("CH-TAG-SET", TAGS, "changer: volume tags", "A tag cannot be written over", kind="changer",
       scratch=True)  # fmt: skip
def set_tag(unit: Subject) -> None:
    """Labels are on cartridges: setting one is refused and nothing changes, or it is undefined
    (a warning)."""
    unit.need(0xB6)
    one = find(unit, SLOT, full=True)
    answer = unit.do(c.send_volume_tag(SLOT, one.address, 0x0A), out=template(b"CONFORM"))
    if answer.status == GOOD:
        was = template(one.tag[:32].rstrip(b" \0"))
        unit.cleanup(lambda: unit.do(c.send_volume_tag(SLOT, one.address, 0x0A), out=was))
        unit.warn("a volume tag can be set by hosts")
        return
    unit.expect("volume tag", one.tag, look(unit, one.address).tag)


# --- other nexuses -------------------------------------------------------------------------------

NEXUS = "changer: hosts"


@check("CH-PREVENT", "SMC-3 6.8", NEXUS, "PREVENT ALLOW MEDIUM REMOVAL", kind="changer")
def prevent(unit: Subject) -> None:
    """GOOD for 1 and 0."""
    unit.need(0x1E)
    unit.cleanup(lambda: unit.do(c.prevent(0)))
    unit.good(c.prevent(1))
    unit.good(c.prevent(0))


@check("CH-RESERVE", "SPC-2 5.5.1", NEXUS, "RESERVE shuts others out", kind="changer")
def reserve(unit: Subject) -> None:
    """RESERVATION CONFLICT for MOVE MEDIUM of another nexus; INQUIRY passes; after RELEASE the
    other is served."""
    unit.need(0x16)
    other = unit.second
    empty = element_map(unit)[SLOT][0]
    unit.cleanup(lambda: unit.do(c.plain(0x17)))
    unit.good(c.plain(0x16))
    answer = other.do(c.move_medium(empty, empty))
    unit.expect("status of MOVE MEDIUM", RESERVATION_CONFLICT, answer.status)
    other.good(c.inquiry(36), size=36)
    unit.good(c.plain(0x17))
    other.good(c.mode_sense_6(0x1D, dbd=True), size=255)


@check("CH-KEYS", "SPC-4 5.13", NEXUS, "Persistent reservation shuts others out", kind="changer")
def keys(unit: Subject) -> None:
    """Exclusive access: RESERVATION CONFLICT for MOVE MEDIUM of a nexus that is not registered;
    INQUIRY and PERSISTENT RESERVE IN pass."""
    other = unit.second
    k.register(unit, k.KEY_A)
    k.reserve(unit, k.KEY_A, 3)
    empty = element_map(unit)[SLOT][0]
    answer = other.do(c.move_medium(empty, empty))
    unit.expect("status of MOVE MEDIUM", RESERVATION_CONFLICT, answer.status)
    other.good(c.inquiry(36), size=36)
    unit.expect("keys", [k.KEY_A], k.keys(other))


@check("CH-UA-RESET", "SAM-5 6.3.3", NEXUS, "A reset is told to all", kind="changer")
def reset(unit: Subject) -> None:
    """6/29/xx for each nexus, once."""
    other = unit.second
    unit.settle()
    asking.reset_only(unit)
    for one in (unit, other):
        code = one.do(c.TEST_UNIT_READY).code
        unit.require("first sense", code.startswith("6/29/"), "6/29/xx", code)
        again = one.do(c.TEST_UNIT_READY).code
        unit.require("second sense", not again.startswith("6/29/"), "none", again)


@check("CH-UA-PASSES", "SAM-5 5.14", NEXUS, "INQUIRY with a unit attention pending", kind="changer")
def attention_passes(unit: Subject) -> None:
    """INQUIRY is carried out and leaves it; TEST UNIT READY tells it."""
    other = unit.second
    unit.settle()
    asking.reset_only(unit)
    other.good(c.inquiry(36), size=36)
    code = other.do(c.TEST_UNIT_READY).code
    unit.require("sense", code.startswith("6/29/"), "6/29/xx", code)


@check("CH-UA-MOVE", "SMC-3 4.7", NEXUS, "A host's move is no news to others", kind="changer",
       scratch=True)  # fmt: skip
def move_is_not_told(unit: Subject) -> None:
    """MOVE MEDIUM of one nexus gives another no unit attention (a warning)."""
    other = unit.second
    unit.settle()
    one, free = find(unit, SLOT, full=True), find(unit, SLOT, full=False)
    move(unit, one.address, free.address)
    if other.do(c.TEST_UNIT_READY).code:
        unit.warn("a move gives others a unit attention")


@check("CH-RESET-KEEPS", "SMC-3 4.7", NEXUS, "A reset keeps the inventory", kind="changer")
def reset_keeps(unit: Subject) -> None:
    """Elements are as before."""
    before = inventory(unit)
    asking.reset(unit)
    unit.expect("elements", before, inventory(unit))


@check("CH-TAPE-COMMANDS", "SMC-3 6.1", NEXUS, "Commands of tape drives", kind="changer")
def tape_commands(unit: Subject) -> None:
    """5/20/00 for READ(6), WRITE(6), WRITE FILEMARKS(6), READ BLOCK LIMITS, READ POSITION."""
    for cdb in (
        c.read(0),
        c.write(0),
        c.write_filemarks(0),
        c.READ_BLOCK_LIMITS,
        c.read_position(),
    ):
        unit.refused(cdb, INVALID_OPCODE, size=0)

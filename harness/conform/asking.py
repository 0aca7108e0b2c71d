"""What a device says of itself, in the forms that checks want: pages, parameters, positions.

Each function asks the device anew. What it does not have raises NotApplicable; what it says in a
wrong form raises Failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from harness.conform import commands as c
from harness.conform.check import Failure, NotApplicable
from harness.conform.subject import CHECK_CONDITION, GOOD, Answer, Subject
from harness.initiators.api import Unsupported

INVALID_FIELD = "5/24/00"
INVALID_PARAMETER = "5/26/00"
INVALID_OPCODE = "5/20/00"
LIST_LENGTH = "5/1A/00"
ROUNDED = "1/37/00"
LOLU = 0x04
"""READ POSITION, short form: the logical object location is unknown."""
ROOM = 0xFFFC
"""Bytes of room for parameter data: as many as fit the shorter allocation lengths, in words."""


def number(data: bytes, at: int, size: int) -> int:
    """A number in parameter data. Failure if they end before it."""
    if len(data) < at + size:
        raise Failure("length of the data", f"at least {at + size} bytes", f"{len(data)} bytes")
    return int.from_bytes(data[at : at + size])


def unless_absent(answer: Answer, what: str) -> bytes:
    """The data of an answer that was GOOD; NotApplicable if the device knows of no such thing."""
    if answer.status == CHECK_CONDITION and answer.code in (INVALID_FIELD, INVALID_OPCODE):
        raise NotApplicable(f"the device has no {what}")
    if answer.status != GOOD:
        raise Failure(what, "GOOD", repr(answer))
    return answer.data


# --- INQUIRY -------------------------------------------------------------------------------------


def standard_inquiry(unit: Subject) -> bytes:
    """Standard INQUIRY data."""
    data = unit.good(c.inquiry(0xFC), size=0xFC).data
    if len(data) < 36:
        raise Failure("length of INQUIRY data", "at least 36 bytes", f"{len(data)} bytes")
    return data


def vpd_pages(unit: Subject) -> list[int]:
    """The codes that VPD page 00h lists."""
    data = unit.good(c.inquiry(ROOM, 0x00), size=ROOM).data
    return list(data[4 : 4 + number(data, 2, 2)])


def vpd(unit: Subject, page: int) -> bytes:
    """A VPD page, header and all. NotApplicable if page 00h does not list it."""
    if page not in vpd_pages(unit):
        raise NotApplicable(f"the device has no VPD page {page:02X}h")
    return unit.good(c.inquiry(ROOM, page), size=ROOM).data


class Designator(NamedTuple):
    """A designation descriptor (SPC-4 7.8.6.1)."""

    protocol: int
    code_set: int
    piv: bool
    association: int
    """0 logical unit, 1 target port, 2 target device."""
    kind: int
    """1 T10 vendor ID, 2 EUI-64, 3 NAA, 4 relative target port, 8 SCSI name."""
    body: bytes


def designators(data: bytes) -> list[Designator]:
    """The descriptors of a list. Failure if they do not fill it."""
    found, at = [], 0
    while at < len(data):
        size = number(data, at + 3, 1)
        body = data[at + 4 : at + 4 + size]
        if len(body) != size:
            raise Failure("designator", f"{size} bytes of identifier", f"{len(body)} bytes")
        first, second = data[at], data[at + 1]
        found.append(
            Designator(
                first >> 4, first & 15, bool(second & 0x80), second >> 4 & 3, second & 15, body
            )
        )
        at += 4 + size
    return found


# --- commands ------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A command as REPORT SUPPORTED OPERATION CODES lists it."""

    opcode: int
    action: int | None
    size: int
    """Length of the CDB."""

    def __str__(self) -> str:
        return f"{self.opcode:02X}h" + ("" if self.action is None else f"/{self.action:02X}h")


def command_list(unit: Subject) -> list[Row]:
    """The commands that the device lists. NotApplicable if it lists none."""
    unit.need(0xA3, 0x0C)
    data = unit.good(c.operation_codes(), size=ROOM).data
    rows = data[4 : 4 + number(data, 0, 4)]
    if len(rows) % 8:
        raise Failure("command data", "descriptors of 8 bytes", f"{len(rows)} bytes")
    return [
        Row(
            rows[at],
            int.from_bytes(rows[at + 2 : at + 4]) if rows[at + 5] & 1 else None,
            int.from_bytes(rows[at + 6 : at + 8]),
        )
        for at in range(0, len(rows), 8)
    ]


def usage(unit: Subject, row: Row) -> bytes:
    """The CDB usage data of a command, by the option that fits it."""
    option = 1 if row.action is None else 2
    cdb = c.operation_codes(option, row.opcode, row.action or 0)
    data = unit.good(cdb, size=ROOM).data
    return data[4 : 4 + number(data, 2, 2)]


# --- mode parameters -----------------------------------------------------------------------------


class Mode(NamedTuple):
    """Mode parameters as MODE SENSE(10) returns them."""

    medium_type: int
    device: int
    """Device-specific parameter: 80h WP, 70h buffered mode, 0Fh speed."""
    descriptor: bytes
    """The block descriptor, or nothing."""
    pages: bytes


def mode(
    unit: Subject, page: int, subpage: int = 0, *, control: int = 0, dbd: bool = False
) -> Mode:
    """MODE SENSE(10), or (6) where the device has no other. NotApplicable without the page."""
    name = f"mode page {page:02X}h" + (f" subpage {subpage:02X}h" if subpage else "")
    if unit.has(0x5A):
        cdb = c.mode_sense(page, subpage, control=control, dbd=dbd)
        data = unless_absent(unit.do(cdb, size=ROOM), name)
        length = number(data, 6, 2)
        return Mode(data[2], data[3], data[8 : 8 + length], data[8 + length :])
    answer = unit.do(c.mode_sense_6(page, subpage, control=control, dbd=dbd), size=255)
    data = unless_absent(answer, name)
    length = number(data, 3, 1)
    return Mode(data[1], data[2], data[4 : 4 + length], data[4 + length :])


def mode_page(unit: Subject, page: int, subpage: int = 0, *, control: int = 0) -> bytes:
    """One mode page, its header and all. NotApplicable without it."""
    return mode(unit, page, subpage, control=control, dbd=True).pages


def split_pages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(page code, subpage code, page with header) of each page of a list. Failure if it is torn."""
    at = 0
    while at < len(data):
        long = bool(data[at] & 0x40)
        size = 4 + number(data, at + 2, 2) if long else 2 + number(data, at + 1, 1)
        page = data[at : at + size]
        if len(page) != size:
            raise Failure("mode page", f"{size} bytes", f"{len(page)} bytes")
        yield data[at] & 0x3F, data[at + 1] if long else 0, page
        at += size


def select(
    unit: Subject, pages: bytes = b"", *, descriptor: bytes = b"", device: int | None = None
) -> Answer:
    """MODE SELECT with the buffered mode that is, or with ``device``. No opinion on how it ends.

    PS, which is reserved here, is cleared in the (one) page.
    """
    if device is None:
        device = mode(unit, 0x3F, dbd=True).device & 0x7F
    if pages:
        pages = bytes((pages[0] & 0x7F,)) + pages[1:]
    if unit.has(0x55):
        data = bytes((0, 0, 0, device, 0, 0, 0, len(descriptor))) + descriptor + pages
        return unit.do(c.mode_select(len(data)), out=data)
    data = bytes((0, 0, device, len(descriptor))) + descriptor + pages
    return unit.do(c.mode_select_6(len(data)), out=data)


def change(unit: Subject, pages: bytes) -> None:
    """MODE SELECT that has to be taken (it may round); what was is selected again afterwards."""
    _, _, page = next(split_pages(pages))
    long = bool(page[0] & 0x40)
    before = mode_page(unit, page[0] & 0x3F, page[1] if long else 0)
    unit.cleanup(lambda: select(unit, before))
    taken(select(unit, pages))


def taken(answer: Answer) -> None:
    """Failure unless MODE SELECT ended with GOOD or rounded."""
    if answer.status != GOOD and answer.code != ROUNDED:
        raise Failure("MODE SELECT", "GOOD", repr(answer))


def set_block_length(unit: Subject, length: int) -> None:
    """Block length by MODE SELECT, until the check ends."""
    before = mode(unit, 0x3F).descriptor
    if len(before) != 8:
        raise Failure("block descriptor", "8 bytes", f"{len(before)} bytes")
    if before[5:] == length.to_bytes(3):
        return
    unit.cleanup(lambda: select(unit, descriptor=before))
    taken(select(unit, descriptor=before[:5] + length.to_bytes(3)))


# --- log parameters ------------------------------------------------------------------------------


class Parameter(NamedTuple):
    """A log parameter (SPC-4 7.3.2.2.1)."""

    code: int
    control: int
    value: bytes


def log_data(unit: Subject, page: int, subpage: int = 0) -> bytes:
    """A log page, header and all. NotApplicable without it or without log pages."""
    unit.need(0x4D)
    name = f"log page {page:02X}h" + (f" subpage {subpage:02X}h" if subpage else "")
    return unless_absent(unit.do(c.log_sense(page, subpage), size=ROOM), name)


def parameters(data: bytes) -> list[Parameter]:
    """The parameters of a log page. Failure if they do not fill it."""
    found, at, end = [], 4, 4 + number(data, 2, 2)
    while at < end:
        size = number(data, at + 3, 1)
        value = data[at + 4 : at + 4 + size]
        if at + 4 + size > end or len(value) != size:
            raise Failure("log parameter", f"{size} bytes of value", f"{len(value)} bytes")
        found.append(Parameter(number(data, at, 2), data[at + 2], value))
        at += 4 + size
    return found


def log_page(unit: Subject, page: int, subpage: int = 0) -> dict[int, bytes]:
    """Values of a log page by parameter code. NotApplicable without the page."""
    return {one.code: one.value for one in parameters(log_data(unit, page, subpage))}


# --- attributes ----------------------------------------------------------------------------------


class Attribute(NamedTuple):
    """An attribute of the medium auxiliary memory (SPC-4 7.4.1)."""

    identifier: int
    read_only: bool
    form: int
    """0 binary, 1 ASCII, 2 text."""
    value: bytes


def split_attributes(data: bytes) -> list[Attribute]:
    """The attributes of a READ ATTRIBUTE list, after its length."""
    found, at, end = [], 4, min(len(data), 4 + number(data, 0, 4))
    while at < end:
        size = number(data, at + 3, 2)
        value = data[at + 5 : at + 5 + size]
        if len(value) != size:
            raise Failure("attribute", f"{size} bytes of value", f"{len(value)} bytes")
        flags = data[at + 2]
        found.append(Attribute(number(data, at, 2), bool(flags & 0x80), flags & 3, value))
        at += 5 + size
    return found


def attributes(unit: Subject, first: int = 0, partition: int = 0) -> dict[int, Attribute]:
    """The attributes from one on. NotApplicable without a volume, its memory, or the command."""
    unit.need(0x8C)
    answer = unit.do(c.read_attribute(first=first, partition=partition), size=ROOM)
    if answer.code.startswith(("2/3A", "2/04")):
        raise NotApplicable("no volume is loaded")
    data = unless_absent(answer, f"attributes from {first:04X}h on")
    return {one.identifier: one for one in split_attributes(data)}


# --- where the tape is ---------------------------------------------------------------------------


class Position(NamedTuple):
    """What the short form of READ POSITION tells (SSC-4 7.7.2)."""

    flags: int
    """80h BOP, 40h EOP, 20h LOCU, 10h BYCU, 04h LOLU, 02h PERR, 01h BPEW."""
    partition: int
    first: int
    last: int


def position(unit: Subject) -> Position:
    """READ POSITION, short form. NotApplicable without a volume."""
    answer = unit.do(c.read_position(), size=20)
    if answer.code.startswith(("2/3A", "2/04")):
        raise NotApplicable("no volume is loaded")
    if answer.status != GOOD or len(answer.data) < 12:
        raise Failure("READ POSITION", "GOOD and 20 bytes", repr(answer))
    data = answer.data
    return Position(data[0], data[1], number(data, 4, 4), number(data, 8, 4))


def at(unit: Subject, wanted: int) -> None:
    """The tape has to be before that object, unless the drive says that it does not know where it
    is (LOLU): a check of its own holds that."""
    came = position(unit)
    if not came.flags & LOLU:
        unit.expect("position (READ POSITION)", wanted, came.first)


def need_volume(unit: Subject) -> None:
    """NotApplicable without a volume that is ready."""
    answer = unit.do(c.TEST_UNIT_READY)
    if answer.status != GOOD:
        raise NotApplicable(f"no volume is ready ({answer.code})")


def limits(unit: Subject) -> tuple[int, int, int]:
    """Granularity, longest and shortest block (READ BLOCK LIMITS)."""
    data = unit.good(c.READ_BLOCK_LIMITS, size=6).data
    return number(data, 0, 1) & 0x1F, number(data, 1, 3), number(data, 4, 2)


# --- sense data ----------------------------------------------------------------------------------


def left_over(unit: Subject, answer: Answer, wanted: int) -> None:
    """INFORMATION has to be valid and that, in two's complement."""
    unit.require("VALID", answer.sense.valid, "set, for there is a residual", answer.sense.valid)
    came = (answer.sense.information or 0) & 0xFFFFFFFF
    unit.expect("INFORMATION", wanted & 0xFFFFFFFF, came)


# --- resets --------------------------------------------------------------------------------------


def reset(unit: Subject) -> None:
    """LOGICAL UNIT RESET, then unit attentions heard. NotApplicable where the way has none."""
    reset_only(unit)
    unit.settle()


def reset_only(unit: Subject) -> None:
    """LOGICAL UNIT RESET. NotApplicable where the way has none, and without ``scratch``: it takes
    other hosts' reservations and keys away, and ends their commands."""
    if not unit.scratch:
        raise NotApplicable("needs --scratch: a reset takes other hosts' keys and reservations")
    try:
        unit.initiator.reset()
    except Unsupported as error:
        raise NotApplicable(str(error)) from None

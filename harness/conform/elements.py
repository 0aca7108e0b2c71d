"""Elements of a changer, as it tells of them (SMC-3 6.11, 7.3.4)."""

from __future__ import annotations

from typing import NamedTuple

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import number
from harness.conform.check import Failure, NotApplicable
from harness.conform.subject import Subject

TRANSPORT, SLOT, MAIL, DRIVE = 1, 2, 3, 4
KINDS = {TRANSPORT: "transport", SLOT: "storage", MAIL: "import/export", DRIVE: "data transfer"}
NO_ELEMENT, FULL, EMPTY = "5/21/01", "5/3B/0D", "5/3B/0E"
ROOM = 0xFFFFF


class Element(NamedTuple):
    """An element."""

    address: int
    full: bool
    exception: bool
    tag: bytes
    """Primary volume tag, 36 bytes or none."""
    raw: bytes


class Page(NamedTuple):
    """An element status page."""

    kind: int
    flags: int
    """80h PVOLTAG, 40h AVOLTAG."""
    size: int
    elements: list[Element]


def split(data: bytes) -> list[Page]:
    """The pages of READ ELEMENT STATUS data. Failure if counts do not fit."""
    pages, at = [], 8
    while at < len(data):
        flags, size, length = (
            number(data, at + 1, 1),
            number(data, at + 2, 2),
            number(data, at + 5, 3),
        )
        body = data[at + 8 : at + 8 + length]
        if len(body) != length or not size or length % size:
            raise Failure(
                "element status page", f"descriptors of {size} bytes", f"{len(body)} bytes"
            )
        rows = [body[place : place + size] for place in range(0, length, size)]
        pages.append(Page(data[at], flags, size, [element(row, flags) for row in rows]))
        at += 8 + length
    return pages


def element(row: bytes, flags: int) -> Element:
    """A descriptor."""
    tag = row[12:48] if flags & 0x80 else b""
    return Element(number(row, 0, 2), bool(row[2] & 1), bool(row[2] & 4), tag, row)


def need_changer(unit: Subject) -> None:
    """NotApplicable without READ ELEMENT STATUS."""
    unit.need(0xB8)


def one_page(unit: Subject, page: int, control: int = 0) -> bytes:
    """A mode page, its header and all."""
    data = asking.unless_absent(
        unit.do(c.mode_sense_6(page, dbd=True, control=control), size=255),
        f"mode page {page:02X}h",
    )
    return data[4 + number(data, 3, 1) :]


def element_map(unit: Subject) -> dict[int, tuple[int, int]]:
    """First address and number of elements by type (mode page 1Dh)."""
    body = one_page(unit, 0x1D)
    places = {TRANSPORT: 2, SLOT: 6, MAIL: 10, DRIVE: 14}
    return {kind: (number(body, at, 2), number(body, at + 2, 2)) for kind, at in places.items()}


def inventory(unit: Subject, kind: int = 0) -> list[Element]:
    """Elements of a type, or all, with volume tags."""
    need_changer(unit)
    data = unit.good(c.read_element_status(kind), size=ROOM).data
    return [one for page in split(data) for one in page.elements]


def find(unit: Subject, kind: int, *, full: bool, but: tuple[int, ...] = ()) -> Element:
    """An element that is full, or is not. NotApplicable without one."""
    for one in inventory(unit, kind):
        text = one.tag.strip(b" \0")
        usable = not one.exception and not text.startswith(b"CLN") and one.address not in but
        if usable and one.full == full:
            return one
    raise NotApplicable(f"no {KINDS[kind]} element is {'full' if full else 'empty'}")


def look(unit: Subject, address: int) -> Element:
    """An element by its address."""
    return next(one for one in inventory(unit) if one.address == address)

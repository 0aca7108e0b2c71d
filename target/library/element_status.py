"""READ ELEMENT STATUS: what is in which element (SMC-3 6.11).

The data are a header, a page for each element type, and in it a descriptor for each element. What
is in a descriptor depends on what was asked for and on the model (``[status]`` of its file):

    0-11   address, flags, ASC and ASCQ of an element in an unusual state, source
    36     the label, with VOLTAG
    4      code set, type and length of the identifier
    0-64   the identifier of a drive, with DVCID
    0, 4   StorageTek: media domain, media type, two reserved bytes

Byte counts are those of the whole report, whatever the allocation length: that is what "available"
means in IBM's and Quantum's documents, and how hosts learn how much to ask for.

Decided where documents disagree or are silent:

- Type 0 comes with the pages by element type (``order = "type"``), or by address as Oracle has it.
  The count limits it in that order.
- The starting address need not be an element. One behind the last element of the partition is
  5/21/01, since nothing can ever be found there; a type of which the partition has no elements,
  such as mail slots, is GOOD with an empty report: tools ask for all types.
- Count 0 is an empty report.
- CURDATA changes nothing, the inventory is always up to date; but without it some makers' libraries
  (``status_conflicts``: SL500) tell nothing under another host's reservation. IBM's always tell.
- An open door is no hindrance.
- An element whose label cannot be read is FULL with EXCEPT and the label is zeros: hosts must not
  take it for a name.
- IBM's drives under DVCID have nothing else that is valid: EXCEPT 1, ACCESS 0, FULL 0, and
  81/00 (status is questionable), where the document does not say which code it is. Its storage
  and import/export elements tell of the library with 24 and 44 bytes, which makes the documented
  lengths 4Ch and 60h.
- A drive that is loaded has ACCESS 0 where a move would not unload it (Quantum: "cartridges are not
  unloaded"), else 1: what hosts want to know is whether a move will work.
- IMPEXP is set for what has not come from a storage element of the library: an operator put it
  there.
- SVALID is for cartridges whose last storage element is in this partition. IBM's libraries do not
  have it in storage elements (``storage_source = false``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from target.library.alerts import Flag
from target.library.inventory import Held, Kind, Location
from target.medium.formats import FORMATS
from target.medium.formats import Kind as Medium
from target.scsi import sense as s
from target.scsi.command import Call, Completion, Data, ReservationConflict, Rule, command
from target.scsi.layout import Layout
from target.scsi.sense import CheckCondition, Sense

if TYPE_CHECKING:
    from target.library.changer import Changer

HEADER = Layout("0-1 first, 2-3 count, 4.4-0 action, 5-7 bytes", 8)
PAGE = Layout("0 type, 1.7 pvoltag, 1.6 avoltag, 2-3 descriptor_length, 5-7 bytes", 8)
DESCRIPTOR = Layout(
    """0-1   address
    2.5     inenab
    2.4     exenab
    2.3     access
    2.2     except
    2.1     impexp
    2.0     full
    4       asc
    5       ascq
    9.7     svalid
    9.2-0   medium_type
    10-11   source""",
    12,
)
IDENTIFIER = Layout("0.3-0 code_set, 1.3-0 type, 3 length", 4)
TAG = Layout("0-31 text, 34-35 sequence", 36)
MEDIA = Layout("0 domain, 1 type", 4)

_QUESTIONABLE = 0x81
ASCII, VENDOR_SPECIFIC, T10 = 2, 0, 1
"""Code set, and the two identifier types."""
MEDIUM_TYPES = {Medium.DATA: 1, Medium.CLEANING: 2, Medium.WORM: 4}
"""MEDIUM TYPE of a descriptor."""

Elements = Mapping[int, Location]


class Wanted:
    """What a command asks to be told of each element."""

    def __init__(self, changer: Changer, *, voltag: bool, dvcid: bool) -> None:
        self.changer = changer
        self.form = changer.model.status
        self.voltag = voltag
        self.dvcid = dvcid
        self.held = changer.library.inventory.now()
        """What is where: as it is while somebody in another partition waits for the robot."""


def read_element_status(changer: Changer, call: Call) -> Completion:
    """READ ELEMENT STATUS. 5/24/00 for a type that there is not; with ``strict_dvcid``, as IBM's
    libraries, for DVCID with a label of a drive, or without one of any other element."""
    shut_out = changer.reservation not in (None, call.nexus)
    if shut_out and not call["curdata"] and changer.model.quirks.get("status_conflicts"):
        raise ReservationConflict
    kind, voltag, dvcid = call["type"], bool(call["voltag"]), bool(call["dvcid"])
    if kind > Kind.DRIVE:
        raise call.invalid("type")
    if dvcid and changer.model.status.get("strict_dvcid"):
        if kind not in (Kind.STORAGE, Kind.IMPORT_EXPORT, Kind.DRIVE):
            raise call.invalid("type")
        if voltag == (kind == Kind.DRIVE):
            raise call.invalid("voltag")
    wanted = Wanted(changer, voltag=voltag, dvcid=dvcid)
    found = select(changer, kind, call["start"], call["count"])
    return call.reply(report(wanted, found), call["allocation_length"])


def select(changer: Changer, kind: int, start: int, count: int) -> Elements:
    """The elements of a type (0: all) from an address on, at most ``count``, in the order in which
    they are told. 5/21/01 for a start behind the last element."""
    elements = changer.elements.by_address
    if start > max(elements):
        raise CheckCondition(Sense(s.INVALID_ELEMENT, pointer=(2, None)))
    fitting = [
        (at, place) for at, place in elements.items() if at >= start and kind in (0, place.kind)
    ]
    if changer.model.status.get("order") == "address":
        fitting.sort()
    else:
        fitting.sort(key=lambda one: (one[1].kind, one[0]))
    return dict(fitting[:count])


def report(wanted: Wanted, elements: Elements, action: int = 0) -> bytes:
    """Header, pages and descriptors of elements that are in the order in which they are told."""
    pages = b""
    for kind, group in groupby(elements.items(), key=lambda one: one[1].kind):
        pages += _page(wanted, kind, list(group))
    head = HEADER.encode(
        first=min(elements, default=0), count=len(elements), action=action, bytes=len(pages)
    )
    return bytes(head) + pages


def _page(wanted: Wanted, kind: Kind, elements: Sequence[tuple[int, Location]]) -> bytes:
    descriptors = [_descriptor(wanted, at, place) for at, place in elements]
    length = max(map(len, descriptors))
    body = b"".join(one.ljust(length, b"\0") for one in descriptors)
    head = PAGE.encode(type=kind, pvoltag=wanted.voltag, descriptor_length=length, bytes=len(body))
    return bytes(head) + body


def _descriptor(wanted: Wanted, address: int, place: Location) -> bytes:
    held = wanted.held.get(place)
    data = bytes(DESCRIPTOR.encode(_state(wanted, address, place, held)))
    if wanted.voltag:
        data += tag(wanted.changer, held)
    data += _identifier(wanted, place)
    if wanted.form.get("media"):
        data += _media(held)
    return data


def _state(wanted: Wanted, address: int, place: Location, held: Held | None) -> dict[str, int]:
    """The fields that every descriptor has."""
    changer, form = wanted.changer, wanted.form
    if wanted.dvcid and place.kind is Kind.DRIVE and form.get("strict_dvcid"):
        return {"address": address, "except": 1, "asc": _QUESTIONABLE}
    state = {"address": address, "full": held is not None}
    if place.kind is not Kind.TRANSPORT:
        state["access"] = _accessible(changer, place)
    if place.kind is Kind.IMPORT_EXPORT:
        state |= {"inenab": 1, "exenab": 1}
        state["impexp"] = held is not None and held.home is None
    unusual = _exception(wanted, place, held)
    if unusual:
        state["except"] = 1
        state["asc"], state["ascq"] = bytes.fromhex(unusual.replace("/", ""))
    if held is not None:
        source = changer.elements.address_of.get(held.home) if held.home else None
        if source is not None and (place.kind is not Kind.STORAGE or form.get("storage_source")):
            state |= {"svalid": 1, "source": source}
        if form.get("medium_type"):
            state["medium_type"] = MEDIUM_TYPES[changer.library.robot.type_of(held.barcode).kind]
    return state


def _accessible(changer: Changer, place: Location) -> bool:
    if place.kind is not Kind.DRIVE:
        return place not in changer.opened
    port = changer.library.ports.get(place.number)
    if port is None:
        return False
    return bool(changer.model.quirks.get("unloads", True)) or not port.loaded


def _exception(wanted: Wanted, place: Location, held: Held | None) -> str | None:
    """ASC and ASCQ of an element in an unusual state."""
    form, robot = wanted.form, wanted.changer.library.robot
    if place.kind is Kind.DRIVE and place.number not in robot.ports:
        return form.get("absent")
    if held is None:
        return None
    if not robot.label(held.barcode):
        wanted.changer.alerts.active.add(Flag.UNREADABLE_LABELS)
        return form.get("label")
    everywhere = form.get("cleaning_everywhere")
    if (everywhere or place.kind is Kind.DRIVE) and robot.type_of(held.barcode).cleaning:
        return form.get("cleaning")
    return None


def tag(changer: Changer, held: Held | None) -> bytes:
    """Primary volume tag information (SMC-3 6.11.5): as many characters as the model shows, blanks
    behind them; sequence number 0. Zeros where there is no cartridge or no label."""
    label = visible(changer, held)
    return bytes(TAG.encode(text=label.encode())) if label else bytes(TAG.size)


def visible(changer: Changer, held: Held | None) -> str:
    """A label as hosts see it; empty: none."""
    if held is None:
        return ""
    return changer.library.robot.label(held.barcode)[: changer.model.tag["length"]]


def _identifier(wanted: Wanted, place: Location) -> bytes:
    if not wanted.dvcid:
        return bytes(IDENTIFIER.size)
    changer, form = wanted.changer, wanted.form
    if place.kind is not Kind.DRIVE:
        return _library_identifier(wanted, place)
    port = changer.library.ports.get(place.number)
    if port is None:
        return bytes(IDENTIFIER.size + form.get("identifier_room", 0))
    drive = port.identity
    native = FORMATS.get(drive.native)
    widths = form.get("serial_widths", {})
    width = widths.get(native.family if native else "", form.get("serial_width", 10))
    data, kind = drive.serial.encode().ljust(width)[:width], VENDOR_SPECIFIC
    if form.get("identifier", "t10") == "t10":
        data, kind = f"{drive.vendor:8.8}{drive.product:16.16}".encode() + data, T10
    head = IDENTIFIER.encode(code_set=ASCII, type=kind, length=len(data))
    return bytes(head) + data.ljust(form.get("identifier_room", 0), b"\0")


def _library_identifier(wanted: Wanted, place: Location) -> bytes:
    """Of an element that is no drive: who the library is, as IBM's tell; else none.

    Vendor and product, and of an import/export element the serial number, the first storage
    address in hex, and the frame, of which there is one.
    """
    changer = wanted.changer
    if place.kind is Kind.TRANSPORT or not wanted.form.get("library_identifier"):
        return bytes(IDENTIFIER.size)
    inquiry = changer.model.inquiry
    text = f"{inquiry['vendor']:8}{inquiry['product']:16}"
    if place.kind is Kind.IMPORT_EXPORT:
        storage = changer.elements.first[Kind.STORAGE]
        text += f"{changer.partition.serial:12.12}{storage:04X}001\0"
    head = IDENTIFIER.encode(code_set=ASCII, type=T10, length=len(text))
    return bytes(head) + text.encode()


def _media(held: Held | None) -> bytes:
    """StorageTek: what a label's last characters say, L and the generation; zeros without one."""
    if held is None:
        return bytes(MEDIA.size)
    domain, kind = held.barcode[-2:].encode()
    return bytes(MEDIA.encode(domain=domain, type=kind))


COMMANDS = (
    command(
        0xB8, "READ ELEMENT STATUS",
        """1.4 voltag, 1.3-0 type, 2-3 start, 4-5 count, 6.1 curdata, 6.0 dvcid
        7-9 allocation_length""",
        read_element_status, Data.IN, Rule.PASSES_RESERVATION, timeout="inventory",
    ),
)  # fmt: skip

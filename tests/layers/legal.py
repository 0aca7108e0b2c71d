"""What a legal answer is, by the layers alone.

A command that came to an end is answered legally if

- its status is one of SAM-5 5.3.1;
- CHECK CONDITION comes with sense data and no other status does: fixed or descriptor format,
  response code 70h to 73h, as long as its additional length says, with a sense key that a device
  may give, an additional sense code of the standard or of the makers' range, nothing in reserved
  bits, and a field pointer to a byte of the CDB or of the parameter list that was sent;
- it is not INTERNAL TARGET FAILURE (4/44/00), which is a crash;
- no more data-in came than the allocation length and the initiator's buffer allow;
- data-in of a command whose data the layers describe are dissected without a rest and built again
  to the same bytes; lengths in them, of lists, pages and descriptors, are those of what is there,
  and where a length says that there is more, what came was cut at the allocation length or buffer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scapy.fields import BitField
from scapy.packet import NoPayload, Packet, Padding, Raw

from harness.layers import dissecting
from harness.layers.asc import TEXTS
from harness.layers.base import Structure
from harness.layers.cdb import (
    SIZES,
    Read6,
    ReadPosition,
    ReadReverse6,
    RecoverBufferedData,
    UnknownCdb,
    dissect_cdb,
)
from harness.layers.sense import FixedSense, Sense, dissect_sense

STATUSES = {0x00, 0x02, 0x04, 0x08, 0x18, 0x28, 0x30, 0x40}
"""SAM-5 table 43."""
GOOD, CHECK_CONDITION = 0x00, 0x02
LONGEST = 16
"""Bytes of a CDB of the makers' groups, at most."""
KEYS = {0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0xB, 0xD, 0xE}
"""Neither vendor specific (9h), reserved (Ch), of copying (Ah), nor of descriptors alone (Fh)."""
INTERNAL_FAILURE = "4/44/00"
VENDOR = 0x80
"""ASC and ASCQ from here on are the makers'."""
BLOCKS = (Read6, ReadReverse6, RecoverBufferedData)
"""They return blocks of the medium, not parameter data."""
CHANGEABLE = 1
"""PC of MODE SENSE: a mask, in which the pages of ports do not say of which protocol they are."""
EXTENDED = 0x08
"""The form of READ POSITION that has an allocation length."""
SENSE_TAIL = 18
"""Fixed format sense data are the standard's up to here."""


class Illegal(AssertionError):
    """An answer is not legal; the text says why."""


def insist(condition: object, what: str) -> None:
    """Raise Illegal unless the condition holds."""
    if not condition:
        raise Illegal(what)


def check(
    cdb: bytes,
    status: int,
    sense: bytes,
    data: bytes,
    room: int,
    sent: int = 0,
    device: str = "tape",
) -> str | None:
    """Raise Illegal unless the answer is legal; returns the sense code, such as "5/24/00".

    ``room``: bytes that the initiator's buffer had; ``sent``: bytes of data-out.
    """
    insist(status in STATUSES, f"there is no status {status:02X}h")
    insist(len(data) <= room, f"{len(data)} bytes of data-in, and room for {room}")
    code = None
    if status == CHECK_CONDITION:
        # A CDB that ends too early is taken as if zeros were behind it.
        code = check_sense(sense, max(len(cdb), SIZES.get(cdb[0] >> 5, LONGEST)), sent)
    else:
        insist(not sense, f"status {status:02X}h with sense data")
    if data:
        check_data(cdb, data, room, device)
    return code


@lru_cache(maxsize=100_000)
def check_sense(data: bytes, cdb: int, sent: int) -> str:
    """Sense data of a command of ``cdb`` bytes that came with ``sent`` bytes of data-out."""
    try:
        sense = dissect_sense(data)
    except ValueError as error:
        raise Illegal(f"sense data {data.hex(' ')}: {error}") from error
    packet = sense.packet
    whole(packet, f"sense data {data.hex(' ')}")
    length = packet.additional_sense_length
    insist(len(data) == length + 8, f"{len(data)} bytes of sense data say {length}")
    insist(not isinstance(packet, FixedSense) or len(data) >= SENSE_TAIL, "sense data are short")
    insist(sense.code != INTERNAL_FAILURE, "the target failed")
    insist(sense.key in KEYS, f"sense key {sense.key:X}h")
    known = (sense.asc, sense.ascq) in TEXTS or (sense.asc, None) in TEXTS
    vendor = sense.asc >= VENDOR or sense.ascq >= VENDOR
    insist(known or vendor, f"there is no additional sense code {sense.code}")
    _check_pointer(sense, cdb, sent)
    return sense.code


def _check_pointer(sense: Sense, cdb: int, sent: int) -> None:
    where = sense.field_pointer
    if where is None:
        return
    byte, _, in_data = where
    insist(
        byte < (sent if in_data else cdb),
        f"field pointer {byte} into {'a list' if in_data else 'a CDB'} of"
        f" {sent if in_data else cdb} bytes",
    )


def check_data(cdb: bytes, data: bytes, room: int, device: str) -> None:
    """Data-in: not more than was allowed, and what the layers say that they are."""
    place = _place(cdb[0], cdb[1] & 0x1F if len(cdb) > 1 else 0, device)
    if place is not None:
        allowed = int.from_bytes(cdb[place.start : place.stop].ljust(len(place), b"\0"), "big")
        if place.units and cdb[place.units] & 0x80:
            allowed *= 512
        room = min(room, allowed)
        # How long it may be makes no other answer, nor does CONTROL.
        cdb = cdb[: place.start] + bytes(len(place)) + cdb[place.stop : place.size - 1]
    insist(len(data) <= room, f"{len(data)} bytes of data-in, and {room} allowed")
    if len(data) >= 4:
        _check_layers(cdb, data, len(data) == room, device)


@dataclass(frozen=True)
class Place:
    """Where ALLOCATION LENGTH is in a CDB of ``size`` bytes, and INC_512."""

    start: int
    stop: int
    size: int
    units: int

    def __len__(self) -> int:
        return self.stop - self.start


@lru_cache
def _place(opcode: int, service_action: int, device: str) -> Place | None:
    command: Any = dissect_cdb(bytes((opcode, service_action, *bytes(14))), device)
    if isinstance(command, ReadPosition) and service_action != EXTENDED:
        return None
    at, units = 0, 0
    for field in command.fields_desc:
        width = field.size if isinstance(field, BitField) else field.sz * 8
        if field.name == "inc_512":
            units = at // 8
        if field.name == "allocation_length":
            size = sum(
                one.size if isinstance(one, BitField) else one.sz * 8 for one in command.fields_desc
            )
            return Place(at // 8, (at + width) // 8, size // 8, units)
        at += width
    return None


@lru_cache(maxsize=20_000)
def _check_layers(cdb: bytes, data: bytes, full: bool, device: str) -> None:
    """``full``: no more would have been allowed."""
    command: Any = dissect_cdb(cdb, device)
    if isinstance(command, (*BLOCKS, UnknownCdb)):
        return
    found = dissecting.dissect_data(command, data, device=device)
    if not isinstance(found, Raw):
        words = f"data-in {data[:64].hex(' ')}"
        missing = any(one.missing for one in structures(found))
        insist(not missing or full, f"{words}: lengths announce more than came")
        whole(found, words, reserved=getattr(command, "pc", None) != CHANGEABLE)


def whole(packet: Packet, words: str, *, reserved: bool = True) -> None:
    """Nothing is left over, nothing is in ``reserved`` bits, the fields give the same bytes."""
    before = bytes(packet)
    for one in layers(packet):
        insist(not isinstance(one, (Raw, Padding)), f"{words}: {type(one).__name__} {one!r}")
    strays = [
        f"{one.name} {name}"
        for one in layers(packet)
        for name, value in one.fields.items()
        if reserved and name.startswith("reserved_") and value
    ]
    insist(not strays, f"{words}: reserved bits are set in {', '.join(strays)}")
    packet.clear_cache()
    after = bytes(packet)
    insist(after == before, f"{words}: built again it is {after[:64].hex(' ')}")


def layers(packet: Packet) -> Iterator[Packet]:
    """A packet, what is in its lists, what is behind it."""
    while not isinstance(packet, NoPayload):
        yield packet
        for field in packet.fields_desc:
            value = packet.fields.get(field.name) if field.holds_packets else None
            for one in value or ():
                yield from layers(one)
        packet = packet.payload


def structures(packet: Packet) -> Iterator[Structure]:
    """Those of `layers` that are declared here."""
    for one in layers(packet):
        if isinstance(one, Structure):
            yield one

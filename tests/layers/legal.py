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
from functools import lru_cache
from typing import Any

from scapy.packet import NoPayload, Packet, Padding, Raw

from harness.layers import dissecting
from harness.layers.asc import TEXTS
from harness.layers.base import Structure
from harness.layers.cdb import (
    Cdb,
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
        code = check_sense(sense, len(cdb), sent)
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


@lru_cache(maxsize=20_000)
def check_data(cdb: bytes, data: bytes, room: int, device: str) -> None:
    """Data-in: not more than was allowed, and what the layers say that they are."""
    command: Any = dissect_cdb(cdb, device)
    limit = min(room, _allocation(command))
    insist(len(data) <= limit, f"{len(data)} bytes of data-in, and {limit} allowed")
    if isinstance(command, (*BLOCKS, UnknownCdb)) or len(data) < 4:
        return
    found = dissecting.dissect_data(command, data, device=device)
    if not isinstance(found, Raw):
        words = f"data-in {data[:64].hex(' ')}"
        whole(found, words, reserved=getattr(command, "pc", None) != CHANGEABLE)
        missing = [one for one in structures(found) if one.missing]
        insist(not missing or len(data) == limit, f"{words}: lengths announce more than came")


def _allocation(command: Cdb) -> int:
    fields: Any = command
    names = {field.name for field in command.fields_desc}
    position = isinstance(command, ReadPosition) and fields.service_action != EXTENDED
    if "allocation_length" not in names or position:
        return 1 << 32
    length = int(fields.allocation_length)
    return length * 512 if "inc_512" in names and fields.inc_512 else length


def whole(packet: Packet, words: str, *, reserved: bool = True) -> None:
    """Nothing is left over, nothing is in ``reserved`` bits, the fields give the same bytes."""
    before = packet.original if not isinstance(packet, Structure) else bytes(packet)
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

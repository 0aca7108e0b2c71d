"""TransportIDs: initiator ports as PERSISTENT RESERVE IN and OUT name them (SPC-4 7.6.4).

A port has a 64-bit name, which is its address on the transport. Nexuses here are told apart by
words; one that is no such address gets one, always the same, of the locally assigned kind (NAA 3).
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from target.scsi.layout import Layout
from target.scsi.sense import invalid_parameter

FIBRE_CHANNEL, SAS = 0x0, 0x6
"""Protocol identifiers (SPC-4 7.6.1)."""

SIZE = 24
_HEAD = "0.7-6 format_code, 0.3-0 protocol"
LAYOUTS = {
    FIBRE_CHANNEL: Layout(f"{_HEAD}, 8-15 address", SIZE),
    SAS: Layout(f"{_HEAD}, 4-11 address", SIZE),
}

_ADDRESS = re.compile(r"(?:naa\.|0x)?([0-9a-f]{16})", re.IGNORECASE)
_LOCALLY_ASSIGNED = 0x3 << 60


@lru_cache
def address_of(name: str) -> int:
    """The 64-bit address of an initiator port: what its name says, or one made from the name."""
    written = _ADDRESS.fullmatch(name)
    if written:
        return int(written[1], 16)
    digest = hashlib.sha256(name.encode()).digest()
    return _LOCALLY_ASSIGNED | int.from_bytes(digest[:8], "big") >> 4


def encode(protocol: int, address: int) -> bytes:
    """The TransportID, 24 bytes."""
    return bytes(LAYOUTS[protocol].encode(protocol=protocol, address=address))


def decode(protocol: int, data: bytes | bytearray, at: int) -> int:
    """The address in the TransportID at byte ``at`` of a parameter list, all of which is there.

    Raises CheckCondition 5/26/00 for another protocol than ``protocol``, a format code or a
    reserved bit.
    """
    layout = LAYOUTS[protocol]
    one = data[at : at + SIZE]
    fields = layout.decode(one)
    for name, wanted in (("protocol", protocol), ("format_code", 0)):
        if fields[name] != wanted:
            raise invalid_parameter(at, layout[name].top_bit)
    stray = layout.stray_bit(one)
    if stray:
        raise invalid_parameter(at + stray[0], stray[1])
    return fields["address"]

"""INQUIRY data and vital product data of a tape drive, from its personality.

A personality names the VPD pages that a model has; `PAGES` says what is in those of the standards
(SPC-4 7.8, SSC-4 8.6), a maker's own it brings along, as hex digits or as text fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from target.medium.formats import TYPES
from target.personality import Personality
from target.scsi import inquiry_data
from target.scsi.layout import Layout
from target.scsi.mode import ModePage
from target.tape import tape_alert
from target.tape.protection import METHODS, SIZE

DEVICE_TYPE = 0x01

SPC_4, SSC_3 = 0x0460, 0x0400
LENGTH, DESCRIPTORS = 96, (SPC_4, SSC_3)
"""Of the standard data, and its version descriptors, unless the model has others."""
SAS, FCP = 6, 0

# Layouts of VPD pages count from byte 0 of the page, its 4-byte header included.
EXTENDED = Layout("4.5-3 spt, 5.0 simpsup", 64)
SEQUENTIAL = Layout("4.0 worm, 4.1 tsmc", 6)
POLICY = Layout("0.5-0 page, 1 subpage, 2.7 mlus, 2.1-0 policy", 4)
PORT = Layout("2-3 relative_port, 6-7 initiator_id_length, 10-11 descriptors_length", 12)
PROTOCOL = Layout("0-1 relative_port, 2.3-0 protocol, 6-7 additional_length, 8.0 tlr", 12)
METHOD = Layout(
    "0 descriptor_length, 1 method, 2.5-0 information_length, 3.7 lbp_w, 3.6 lbp_r, 3.5 rbdp", 8
)

BLOCK_PROTECTION = 1
"""SPT of a sequential-access device: logical block protection."""
ALL_PAGES = (0x3F, 0xFF)
SHARED, PER_NEXUS = 0, 3
"""Mode page policies."""


class Identity(NamedTuple):
    """What the pages are made from. ``modes``: the mode pages of the drive."""

    personality: Personality
    serial: str
    revision: str
    modes: Sequence[ModePage]


def standard(personality: Personality) -> bytearray:
    """Standard INQUIRY data, 96 bytes unless the model has another length."""
    return inquiry_data.standard(
        personality.inquiry,
        DEVICE_TYPE,
        LENGTH,
        DESCRIPTORS,
        # Implicit asymmetric access, where REPORT TARGET PORT GROUPS is there to tell of it.
        tpgs="A3-0A" in personality.commands,
        protect="0A-F0" in personality.modes,
    )


def vital_product_data(identity: Identity) -> dict[int, bytes]:
    """The bodies of the model's VPD pages, ascending by page code."""
    words = {"revision": identity.revision, "serial": identity.serial}
    return inquiry_data.vital_product_data(
        identity.personality.vpd["pages"], lambda code: PAGES[code](identity), words
    )


def _names(identity: Identity) -> bytes:
    return b""


def _serial(identity: Identity) -> bytes:
    return identity.serial.encode()


def _naa(identity: Identity, last: int) -> bytes:
    """NAA 5: the company, and a number made of the serial number and of what it is the name of."""
    digits = "".join(filter(str.isdigit, identity.serial)) or "0"
    unit = int(digits) % (1 << 36 - 4) << 4
    company: int = identity.personality.vpd["naa_prefix"]
    return (company << 36 | unit | last).to_bytes(8)


def _protocol(identity: Identity) -> int:
    """Fibre Channel, for models whose port pages say so, or SAS."""
    port = identity.personality.modes.get("19", {})
    return FCP if port.get("form") == "fcp" else SAS


def _identification(identity: Identity) -> bytes:
    """Page 83h in IBM's order: T10 name, logical unit, target port, its relative number, target."""
    inquiry, protocol = identity.personality.inquiry, _protocol(identity)
    name = f"{inquiry['vendor']:8}{inquiry['product']:16}{identity.serial}".encode()
    logical_unit, port, target = 0x00, 0x10, 0x20
    return b"".join(
        (
            _designator(2, logical_unit | 1, name),
            _designator(1, logical_unit | 3, _naa(identity, 0)),
            _designator(1, 0x80 | port | 3, _naa(identity, 1), protocol),
            _designator(1, 0x80 | port | 4, (1).to_bytes(4), protocol),
            _designator(1, 0x80 | target | 3, _naa(identity, 2), protocol),
        )
    )


def _designator(code_set: int, kind: int, data: bytes, protocol: int = 0) -> bytes:
    """One designator; PIV and a protocol where it speaks of a port or the target."""
    return bytes((protocol << 4 | code_set, kind, 0, len(data))) + data


def _extended(identity: Identity) -> bytes:
    protect = "0A-F0" in identity.personality.modes
    return bytes(EXTENDED.encode(simpsup=1, spt=BLOCK_PROTECTION if protect else 0))[4:]


def _policy(identity: Identity) -> bytes:
    """The pages that each nexus has for itself, then one entry for all the others."""
    own = [
        POLICY.encode(page=page.code, subpage=page.subpage, policy=PER_NEXUS)
        for page in identity.modes
        if page.per_nexus
    ]
    page, subpage = ALL_PAGES
    return b"".join((*own, POLICY.encode(page=page, subpage=subpage, policy=SHARED)))


def _ports(identity: Identity) -> bytes:
    name = _designator(1, 0x93, _naa(identity, 1), _protocol(identity))
    return bytes(PORT.encode(relative_port=1, descriptors_length=len(name))) + name


def _protocol_specific(identity: Identity) -> bytes:
    """Transport layer retries are supported (SAS)."""
    protocol = _protocol(identity)
    return bytes(
        PROTOCOL.encode(
            relative_port=1, protocol=protocol, additional_length=4, tlr=protocol == SAS
        )
    )


def _sequential(identity: Identity) -> bytes:
    """WORM: whether there is a WORM cartridge that the model writes."""
    writes = set(identity.personality.media["read_write"])
    worm = any(kind.worm and kind.capacities.keys() & writes for kind in TYPES.values())
    return bytes(SEQUENTIAL.encode(worm=worm))[4:]


def _alerts(identity: Identity) -> bytes:
    """One bit for each flag that can be raised, flag 1 first."""
    return tape_alert.supported(identity.personality.limits)


def _element(identity: Identity) -> bytes:
    """The drive is in no library."""
    return bytes(2)


def _methods(identity: Identity) -> bytes:
    """The methods that mode page 0Ah subpage F0h takes."""
    table = identity.personality.modes.get("0A-F0", {})
    known = table.get("allowed", {}).get("lbp_method", (1, 2))
    return bytes(4) + b"".join(
        METHOD.encode(descriptor_length=7, method=number, information_length=SIZE, lbp_w=1, lbp_r=1)
        for number in sorted(set(known) & METHODS.keys())
    )


PAGES: dict[int, Callable[[Identity], bytes]] = {
    0x00: _names,
    0x80: _serial,
    0x83: _identification,
    0x86: _extended,
    0x87: _policy,
    0x88: _ports,
    0x90: _protocol_specific,
    0xB0: _sequential,
    0xB1: _serial,
    0xB2: _alerts,
    0xB3: _serial,
    0xB4: _element,
    0xB5: _methods,
}
"""The pages of the standards. B1h and B3h: serial numbers of the drive and of its automation
device, the same here."""

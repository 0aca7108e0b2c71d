"""Microcode: the container of an image, and what loading one does to a unit.

An image carries no code, but is checked like one::

    0-7    magic "KREELFW" and a null      16-31  product, as in INQUIRY, padded with spaces
    8-9    format version, 1               32-35  revision, four printable ASCII characters
    10-11  reserved                        36-    payload, any bytes
    12-15  payload length                  last 4 CRC-32C of everything before

All numbers are big-endian. An image is for one product; a unit that takes it shows its revision
in bytes 32-35 of the INQUIRY data, until power is lost or, if it was saved, until the next image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crc32c import crc32c

from target.scsi import sense as s
from target.scsi.command import Nexus
from target.scsi.layout import Layout

if TYPE_CHECKING:
    from target.scsi.primary import PrimaryUnit

MAGIC = b"KREELFW\0"
VERSION = 1
HEADER = Layout(
    "0-7 magic, 8-9 version, 10-11 reserved, 12-15 length, 16-31 product, 32-35 revision", 36
)
CRC_SIZE = 4
MAXIMUM = 16 << 20
"""Bytes of an image at most."""

_PRODUCT, _REVISION = slice(16, 32), slice(32, 36)
"""Of the standard INQUIRY data (SPC-4 6.4.2), and of an image."""


class BadImage(ValueError):
    """An image is refused; ``at`` is the offset of the byte that is wrong."""

    def __init__(self, at: int, why: str) -> None:
        self.at = at
        super().__init__(why)


def image(product: str, revision: str, payload: bytes = b"") -> bytes:
    """An image for a product. Raises ValueError for a name or revision that does not fit."""
    if len(revision) != 4 or not _printable(revision.encode()):
        raise ValueError("a revision is four printable ASCII characters")
    head = HEADER.encode(
        magic=MAGIC,
        version=VERSION,
        length=len(payload),
        product=product.encode("ascii"),
        revision=revision.encode(),
    )
    body = bytes(head) + payload
    return body + crc32c(body).to_bytes(CRC_SIZE, "big")


def check_header(unit: PrimaryUnit, data: bytes | bytearray) -> int:
    """The size of the image that begins with ``data`` (36 bytes or more). Raises BadImage."""
    head = HEADER.decode(data)
    if bytes(data[: len(MAGIC)]) != MAGIC:
        raise BadImage(0, "not an image")
    if head["version"] != VERSION:
        raise BadImage(8, "another version of the format")
    if head["reserved"]:
        raise BadImage(10, "reserved bytes are in use")
    size = HEADER.size + head["length"] + CRC_SIZE
    if size > MAXIMUM:
        raise BadImage(12, "too long")
    if bytes(data[_PRODUCT]) != unit.inquiry_data[_PRODUCT]:
        raise BadImage(16, "for another product")
    if not _printable(data[_REVISION]):
        raise BadImage(32, "not a revision")
    return size


def check(unit: PrimaryUnit, data: bytes | bytearray) -> None:
    """Check a whole image, of a byte at least. Raises BadImage at one of its bytes."""
    size = check_header(unit, data) if len(data) >= HEADER.size else 0
    if len(data) != size:
        raise BadImage(min(12, len(data) - 1), "its length is not what it says")
    end = size - CRC_SIZE
    if crc32c(bytes(data[:end])) != int.from_bytes(data[end:], "big"):
        raise BadImage(end, "damaged")


def activate(unit: PrimaryUnit, data: bytes | bytearray, sender: Nexus, *, save: bool) -> None:
    """Run an image that `check` has passed; ``save`` keeps it without power.

    The unit starts anew, as drives do: a reset (every nexus: 6/29/04), the new revision (every
    nexus: 6/3F/03, if it is another one) and 6/3F/01 for all but the sender (SPC-4 5.4.2, 6.4.1).
    """
    before = unit.inquiry_data
    revision = bytes(data[_REVISION])
    if save:
        kept = {"product": data[_PRODUCT].decode(), "revision": revision.decode()}
        unit.remember(firmware=kept)
    unit.reset(s.INTERNAL_RESET)
    set_revision(unit, revision)
    unit.attention(s.MICROCODE_CHANGED, but=sender)
    if unit.inquiry_data != before:
        unit.attention(s.INQUIRY_DATA_CHANGED)


def restore(unit: PrimaryUnit) -> None:
    """After power-on, with the INQUIRY data of the model: show the firmware that was saved.

    That of another product is not this unit's: its model was changed meanwhile.
    """
    kept = unit.memory.get("firmware")
    if kept is not None and kept["product"].encode() == unit.inquiry_data[_PRODUCT]:
        set_revision(unit, kept["revision"].encode())


def set_revision(unit: PrimaryUnit, revision: bytes) -> None:
    """PRODUCT REVISION LEVEL of the standard INQUIRY data, four characters."""
    data = bytearray(unit.inquiry_data)
    data[_REVISION] = revision
    unit.inquiry_data = bytes(data)


def _printable(text: bytes | bytearray) -> bool:
    return all(0x20 <= byte < 0x7F for byte in text)

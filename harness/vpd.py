"""What vital product data pages say, in words (SPC-4 7.8, SSC-4 8.6, SSC-5)."""

from __future__ import annotations

from collections.abc import Iterator

from target.scsi.layout import Layout
from target.tape import inquiry
from target.tape.protection import METHODS

NAMES = {
    0x00: "supported pages",
    0x80: "unit serial number",
    0x83: "device identification",
    0x86: "extended INQUIRY data",
    0x87: "mode page policy",
    0x88: "SCSI ports",
    0x90: "protocol-specific logical unit information",
    0xB0: "sequential-access device capabilities",
    0xB1: "manufacturer-assigned serial number",
    0xB2: "TapeAlert supported flags",
    0xB3: "automation device serial number",
    0xB4: "data transfer device element address",
    0xB5: "logical block protection",
}
"""The other pages that drives have are vendor-specific."""

DESIGNATORS = {
    0: "vendor-specific", 1: "T10 vendor ID", 2: "EUI-64", 3: "NAA", 4: "relative port",
    5: "port group", 6: "logical unit group", 7: "MD5", 8: "SCSI name string",
}  # fmt: skip
ASSOCIATIONS = ("logical unit", "port", "target", "reserved")


_OWN = 0xC0
"""From here on pages are the makers'."""


def content(code: int, body: bytes) -> str | list[str]:
    """What a page says, where its layout is known; else its bytes."""
    page = bytes(4) + body
    if code == 0x00:
        return " ".join(_hex(one) for one in body)
    if code == 0x83:
        return list(_designators(body))
    if code == 0x86:
        return _fields(inquiry.EXTENDED, page)
    if code == 0x87:
        return list(_policies(body))
    if code == 0xB0:
        return _fields(inquiry.SEQUENTIAL, page)
    if code == 0xB2:
        flags = int.from_bytes(body, "big")
        return " ".join(str(flag) for flag in range(1, 65) if flags >> 64 - flag & 1)
    if code == 0xB5:
        return list(_methods(body))
    if code >= _OWN or code in (0x80, 0xB1, 0xB3):
        return " ".join(body.decode("ascii", "replace").replace("\0", " ").split())
    return body.hex(" ")


def _fields(layout: Layout, page: bytes) -> str:
    return " ".join(f"{name}={value}" for name, value in layout.decode(page).items())


def _policies(body: bytes) -> Iterator[str]:
    for at in range(0, len(body), inquiry.POLICY.size):
        row = inquiry.POLICY.decode(body[at:])
        page = "all others" if (row["page"], row["subpage"]) == inquiry.ALL_PAGES else ""
        page = page or _hex(row["page"]) + (f"-{_hex(row['subpage'])}" if row["subpage"] else "")
        yield f"{page}: {'by nexus' if row['policy'] == inquiry.PER_NEXUS else 'shared'}"


def _methods(body: bytes) -> Iterator[str]:
    for at in range(4, len(body), inquiry.METHOD.size):
        row = inquiry.METHOD.decode(body[at:])
        name = METHODS[row["method"]].name if row["method"] in METHODS else "unknown"
        yield f"{_hex(row['method'])} {name}, {row['information_length']} bytes"


def _designators(body: bytes) -> Iterator[str]:
    while len(body) >= 4:
        code_set, kind, length = body[0] & 15, body[1], body[3]
        value = body[4 : 4 + length]
        name = DESIGNATORS.get(kind & 15, "reserved")
        text = value.decode() if code_set == 2 else value.hex().upper()
        yield f"{ASSOCIATIONS[kind >> 4 & 3]}, {name}: {text}"
        body = body[4 + length :]


def _hex(number: int) -> str:
    return f"{number:02X}"

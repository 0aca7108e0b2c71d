"""The attributes of the medium auxiliary memory: one row each, and where its value comes from.

Identifiers, names, lengths and formats are those of SPC-4 7.4.2, SSC-4 7.4 and, from 0820h on,
SSC-5 and the drives' references. Attributes of the drive and of the medium are read-only and worked
out when they are asked for; a host's have no function here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from target.medium.cartridge import serial_of
from target.medium.formats import CLEANINGS, ORGANIZATIONS, Kind
from target.medium.index import ENCRYPTED, FILEMARK
from target.tape import usage

if TYPE_CHECKING:
    from target.tape.mam import Memory

BINARY, ASCII, TEXT = 0, 1, 2
"""FORMAT field (SPC-4 7.4.1)."""

REFERENCE = 0x0009
BARCODE = 0x0806
HOST_VENDOR = range(0x1400, 0x1800)
"""What hosts may define for themselves (SPC-4 table 440); LTFS keeps its lock in 1623h."""

_NONE = (1 << 64) - 1
_UNKNOWN = _NONE - 1
_SCANNED = 1 << 16
"""How many objects are looked at for the first clear block behind an encrypted one."""

Value = Callable[["Memory"], int | bytes | None]


class Attribute(NamedTuple):
    """One attribute of the table."""

    id: int
    name: str
    size: int
    """Bytes. Of a host's the length if it is binary, else the most; 0: as much as there is room."""
    format: int
    value: Value | None = None
    """Where a read-only attribute comes from; None: from a host. A number too large saturates."""
    values: frozenset[int] | None = None
    """What a host's attribute of one byte may be."""
    optional: bool = False
    """Only where the model's table says so."""

    @property
    def read_only(self) -> bool:
        """Whether it is the drive's or the medium's."""
        return self.value is not None

    def encode(self, memory: Memory) -> bytes | None:
        """The value of a read-only attribute; None where it does not exist."""
        assert self.value is not None
        value = self.value(memory)
        if isinstance(value, int):
            return min(value, (1 << 8 * self.size) - 1).to_bytes(self.size, "big")
        if value is None or self.format == BINARY:
            return value
        return value[: self.size].ljust(self.size)

    def fits(self, length: int) -> bool:
        """Whether a host may write that many bytes."""
        return length <= (self.size or length) and (self.format != BINARY or length >= self.size)


def vendor_host(number: int) -> Attribute:
    """An attribute that hosts define for themselves."""
    return Attribute(number, "VENDOR SPECIFIC", 0, BINARY)


# --- where the values come from ---------------------------------------------------------------


def _amount(name: str) -> Value:
    return lambda m: m.info[name] // m.unit


def _device(back: int) -> Value:
    """Vendor and serial number of a drive that the medium was loaded in, spaces for none."""

    def value(m: Memory) -> bytes:
        loads = m.info["last_loads"][back : back + 1]
        return b"".join(f"{vendor[:8]:8}{serial[:32]:32}".encode() for vendor, serial in loads)

    return value


def _formatted_density(m: Memory) -> int:
    """The recorded format's code; a medium that is not recorded has the code it was made for."""
    recorded = m.cartridge.recorded
    if recorded is None:
        return _medium_density(m)
    encrypted = m.drive.volume_has_encrypted_blocks()
    return recorded.encrypted_density if encrypted else recorded.density


def _medium_density(m: Memory) -> int:
    return m.cartridge.type.formats[0].density if m.cartridge.type.formats else 0


def _first_encrypted(m: Memory) -> int | None:
    """Of a volume whose blocks cannot be encrypted ones there is no such attribute."""
    if not m.drive.can_encrypt_volume():
        return None
    first = m.drive.first_encrypted(m.number)
    return _NONE if first is None else first


def _first_clear(m: Memory) -> int | None:
    """The first clear block behind the first encrypted one; of a long tape it is not known."""
    if not m.drive.can_encrypt_volume():
        return None
    first = m.drive.first_encrypted(m.number)
    if first is None:
        return _NONE
    index = m.cartridge.partitions[m.number].index
    for number in range(first + 1, min(index.count, first + _SCANNED)):
        if not index[number].flags & (FILEMARK | ENCRYPTED):
            return number
    return _NONE if index.count <= first + _SCANNED else _UNKNOWN


def _medium_history(m: Memory) -> bytes:
    usage.settle(m.info, m.drive.partition_number)
    return usage.report(m.info, 6)


def _partition_history(m: Memory) -> bytes:
    usage.settle(m.info, m.drive.partition_number)
    return usage.report(m.info, 4, m.number)


def _identity(m: Memory) -> bytes:
    """16 bytes that every cartridge has for itself; the null medium has none."""
    return bytes.fromhex(m.info["identity"]).ljust(16, b"\0")


def _serial(m: Memory) -> bytes:
    return serial_of(m.info["identity"]).encode()


def _date(m: Memory) -> bytes:
    """A day of manufacture: any will do, always the same."""
    month, day = _identity(m)[5] % 12 + 1, _identity(m)[6] % 28 + 1
    return f"2024{month:02}{day:02}".encode()


def _chip(m: Memory) -> bytes:
    """Serial number of the chip, and the lot of the tape."""
    return _identity(m)[7:11] + b"KR" + _identity(m)[11:14].hex().upper().encode()


def _generation(m: Memory) -> bytes:
    """LTO's cartridge type: a bit for each generation, which the medium type byte has on top."""
    return (1 << (m.cartridge.type.medium_type >> 4) - 1).to_bytes(2, "big")


def _lto(value: Callable[[Memory], bytes]) -> Value:
    """Of LTO data cartridges only."""
    return lambda m: (
        value(m) if m.cartridge.type.family == "LTO" and m.cartridge.type.medium_type else None
    )


_MAKER = b"KEYREEL "
_WIDTH = 127
"""Tenths of a millimetre."""
_KINDS = {Kind.DATA: 0x00, Kind.CLEANING: 0x01, Kind.WORM: 0x80}

DEVICE = (
    Attribute(
        0x0000, "REMAINING CAPACITY IN PARTITION", 8, BINARY,
        lambda m: max(0, m.cartridge.partitions[m.number].remaining) // m.unit,
    ),
    Attribute(
        0x0001, "MAXIMUM CAPACITY IN PARTITION", 8, BINARY,
        lambda m: m.cartridge.partitions[m.number].capacity // m.unit,
    ),
    Attribute(0x0002, "TAPEALERT FLAGS", 8, BINARY, lambda m: m.info.get("alerts", 0)),
    Attribute(0x0003, "LOAD COUNT", 8, BINARY, lambda m: m.info["loads"]),
    Attribute(
        0x0004, "MAM SPACE REMAINING", 8, BINARY,
        lambda m: m.free,
    ),
    Attribute(
        0x0005, "ASSIGNING ORGANIZATION", 8, ASCII,
        lambda m: ORGANIZATIONS[m.cartridge.type.family].encode(),
    ),
    Attribute(0x0006, "FORMATTED DENSITY CODE", 1, BINARY, _formatted_density),
    Attribute(0x0007, "INITIALIZATION COUNT", 2, BINARY, lambda m: m.info["initializations"]),
    Attribute(0x0008, "VOLUME IDENTIFIER", 32, ASCII, lambda m: m.cartridge.barcode.encode()),
    Attribute(
        REFERENCE, "VOLUME CHANGE REFERENCE", 4, BINARY,
        lambda m: m.info.get("change_reference", 0),
    ),
    Attribute(0x020A, "DEVICE VENDOR/SERIAL NUMBER AT LAST LOAD", 40, ASCII, _device(0)),
    Attribute(0x020B, "DEVICE VENDOR/SERIAL NUMBER AT LOAD-1", 40, ASCII, _device(1)),
    Attribute(0x020C, "DEVICE VENDOR/SERIAL NUMBER AT LOAD-2", 40, ASCII, _device(2)),
    Attribute(0x020D, "DEVICE VENDOR/SERIAL NUMBER AT LOAD-3", 40, ASCII, _device(3)),
    Attribute(0x0220, "TOTAL MBYTES WRITTEN IN MEDIUM LIFE", 8, BINARY, _amount("bytes_written")),
    Attribute(0x0221, "TOTAL MBYTES READ IN MEDIUM LIFE", 8, BINARY, _amount("bytes_read")),
    Attribute(
        0x0222, "TOTAL MBYTES WRITTEN IN CURRENT/LAST LOAD", 8, BINARY, _amount("last_written")
    ),
    Attribute(0x0223, "TOTAL MBYTES READ IN CURRENT/LAST LOAD", 8, BINARY, _amount("last_read")),
    Attribute(0x0224, "LOGICAL POSITION OF FIRST ENCRYPTED BLOCK", 8, BINARY, _first_encrypted),
    Attribute(
        0x0225, "LOGICAL POSITION OF FIRST UNENCRYPTED BLOCK AFTER THE FIRST ENCRYPTED BLOCK", 8,
        BINARY, _first_clear,
    ),
    Attribute(0x0340, "MEDIUM USAGE HISTORY", 90, BINARY, _medium_history),
    Attribute(0x0341, "PARTITION USAGE HISTORY", 60, BINARY, _partition_history),
)  # fmt: skip

MEDIUM = (
    Attribute(0x0400, "MEDIUM MANUFACTURER", 8, ASCII, lambda m: _MAKER),
    Attribute(0x0401, "MEDIUM SERIAL NUMBER", 32, ASCII, _serial),
    Attribute(0x0402, "MEDIUM LENGTH", 4, BINARY, lambda m: m.cartridge.type.length),
    Attribute(0x0403, "MEDIUM WIDTH", 4, BINARY, lambda m: _WIDTH),
    Attribute(
        0x0404, "ASSIGNING ORGANIZATION", 8, ASCII,
        lambda m: ORGANIZATIONS[m.cartridge.type.family].encode(),
    ),
    Attribute(0x0405, "MEDIUM DENSITY CODE", 1, BINARY, _medium_density),
    Attribute(0x0406, "MEDIUM MANUFACTURE DATE", 8, ASCII, _date),
    Attribute(0x0407, "MAM CAPACITY", 8, BINARY, lambda m: m.cartridge.type.memory),
    Attribute(0x0408, "MEDIUM TYPE", 1, BINARY, lambda m: _KINDS[m.cartridge.type.kind]),
    Attribute(
        0x0409, "MEDIUM TYPE INFORMATION", 2, BINARY,
        lambda m: CLEANINGS if m.cartridge.type.cleaning else 0,
    ),
    Attribute(
        0x040B, "SUPPORTED DENSITY CODES", 10, BINARY,
        lambda m: bytes(sorted({form.density for form in m.cartridge.type.formats})).ljust(
            10, b"\0"
        ),
    ),
    Attribute(
        0x1000, "UNIQUE CARTRIDGE IDENTITY", 28, BINARY,
        _lto(lambda m: _chip(m) + _MAKER + _identity(m)[:4] + _generation(m) + b"\0\0"),
    ),
    Attribute(
        0x1001, "ALTERNATIVE UNIQUE CARTRIDGE IDENTITY", 24, BINARY,
        _lto(lambda m: _chip(m) + _serial(m) + _generation(m)),
    ),
)  # fmt: skip

HOST = (
    Attribute(0x0800, "APPLICATION VENDOR", 8, ASCII),
    Attribute(0x0801, "APPLICATION NAME", 32, ASCII),
    Attribute(0x0802, "APPLICATION VERSION", 8, ASCII),
    Attribute(0x0803, "USER MEDIUM TEXT LABEL", 160, TEXT),
    Attribute(0x0804, "DATE AND TIME LAST WRITTEN", 12, ASCII),
    Attribute(
        0x0805, "TEXT LOCALIZATION IDENTIFIER", 1, BINARY,
        values=frozenset((*range(0x0B), 0x80, 0x81)),
    ),
    Attribute(BARCODE, "BARCODE", 32, ASCII),
    Attribute(0x0807, "OWNING HOST TEXTUAL NAME", 80, TEXT),
    Attribute(0x0808, "MEDIA POOL", 160, TEXT),
    Attribute(0x0809, "PARTITION USER TEXT LABEL", 16, ASCII, optional=True),
    # Loading at another partition than 0 is not supported.
    Attribute(0x080A, "LOAD/UNLOAD AT PARTITION", 1, BINARY, values=frozenset((0,)), optional=True),
    Attribute(0x080B, "APPLICATION FORMAT VERSION", 16, ASCII),
    # Its structure is the hosts' business: LTFS 1.0 wrote an inner length that did not fit.
    Attribute(0x080C, "VOLUME COHERENCY INFORMATION", 0, BINARY),
    Attribute(0x0820, "MEDIUM GLOBALLY UNIQUE IDENTIFIER", 36, BINARY),
    Attribute(0x0821, "MEDIA POOL GLOBALLY UNIQUE IDENTIFIER", 36, BINARY),
    vendor_host(HOST_VENDOR[0]),
)  # fmt: skip
"""The last stands for all that hosts may define for themselves (SPC-4 6.17.6)."""

ATTRIBUTES = (*DEVICE, *MEDIUM, *HOST)

"""Keys by SECURITY PROTOCOL OUT, protocol 20h: the Set Data Encryption page (SSC-4 8.5.3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.plugin.drive import Drive

__tracebackhide__ = True  # no key is to be in what pytest shows of a failure

PROTOCOL, PAGE = 0x20, 0x0010
ALL_NEXUSES = 2 << 5
"""SCOPE."""
DISABLE, ENCRYPT, MIXED = 0, 2, 3
"""ENCRYPTION MODE 0 and 2; DECRYPTION MODE 0 and 3."""


def page(encryption: int, decryption: int, key: bytes = b"") -> bytes:
    """A Set Data Encryption page with a plain key, for the first algorithm."""
    body = bytes((ALL_NEXUSES, 0, encryption, decryption, 1, 0, 0)) + bytes(7)
    body += len(key).to_bytes(2, "big") + key
    return PAGE.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def set_key(drive: Drive, key: bytes) -> None:
    """Encrypt, and decrypt what is encrypted, with that key for every host."""
    _send(drive, page(ENCRYPT, MIXED, key))


def clear_key(drive: Drive) -> None:
    """Encrypt no more."""
    _send(drive, page(DISABLE, DISABLE))


def _send(drive: Drive, out: bytes) -> None:
    cdb = bytes((0xB5, PROTOCOL)) + PAGE.to_bytes(2, "big") + bytes(2)
    drive.do("SECURITY PROTOCOL OUT", cdb + len(out).to_bytes(4, "big") + bytes(2), out=out)

"""Keys that come wrapped with the drive's public key: KEY FORMAT 02h and page 0031h.

The KEY field, multi-byte numbers big-endian (SSC-4 8.5.3.2; a client of real drives,
watfordjc/LTO-Encryption-SPTI, sends it so):

==================  =====  ==========================================================
field               bytes
==================  =====  ==========================================================
PARAMETER SET       2      0000h: RSA-2048; 0010h, ECC-521, no known drive has
LABEL LENGTH        2
LABEL                      wrapped key descriptors; the label L of RSAES-OAEP
WRAPPED KEY LENGTH  2      256
WRAPPED KEY                RSAES-OAEP with SHA-256, MGF1 with SHA-256 (RFC 3447)
SIGNATURE LENGTH    2
SIGNATURE                  not looked at (IBM LTO SCSI Reference, table 396)
==================  =====  ==========================================================

A wrapped key descriptor is its type, a reserved byte, its length in 2 bytes and what it says; types
ascend: 00h which device the key is for, 01h who wrapped it, 02h about the key, 03h its name, 04h
its length, 256 (SSC-4 8.5.4.3). This drive checks 00h and 04h where they are there. Decided here,
as no source tells: what is wrong with the structure is 5/26/00, what RSA refuses is 5/74/0C.

The drive makes its key pair when it is first asked for, and anew after every loss of power: a
private key that is nowhere but in memory needs no protection at rest. Real drives keep theirs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Collection

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA256

from keymgr.secret import Secret
from target.encryption import pages
from target.medium.crypt import KEY_SIZE
from target.scsi import sense as s
from target.scsi.sense import CheckCondition, invalid_parameter

RSA_2048 = 0
"""PUBLIC KEY TYPE, PUBLIC KEY FORMAT and PARAMETER SET."""
_SIZE = 256
_EXPONENT = 65537

DEVICE, LENGTH = 0x00, 0x04
"""Types of wrapped key descriptors; the greatest is LENGTH."""


class WrappingKey:
    """The key pair of one drive."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(_EXPONENT, _SIZE * 8)

    def public(self) -> bytes:
        """PUBLIC KEY: the modulus, then the public exponent, 256 bytes each.

        So a client of HP and IBM drives reads it; the text of SSC-4 on it was not to be had.
        """
        numbers = self._private.public_key().public_numbers()
        return numbers.n.to_bytes(_SIZE, "big") + numbers.e.to_bytes(_SIZE, "big")

    def page(self) -> bytes:
        """The device server key wrapping public key page, 0031h."""
        key = self.public()
        head = pages.PUBLIC_KEY_PAGE.encode(
            key_type=RSA_2048, key_format=RSA_2048, key_length=len(key)
        )
        return pages.page(pages.PUBLIC_KEY, head[4:] + key)

    def open(self, data: bytearray, at: int, end: int, designators: Collection[bytes]) -> Secret:
        """The key in the KEY field, which is ``data[at:end]``.

        ``designators``: the names of this device. Raises CheckCondition 5/26/00 with the field
        pointer, 5/74/0C for a key that was not wrapped for this drive with this label.
        """
        if end - at < 2 or _number(data, at) != RSA_2048:
            raise invalid_parameter(at)
        label, at = _field(data, at + 2, end)
        wrapped, at = _field(data, at, end)
        if wrapped.stop - wrapped.start != _SIZE:
            raise invalid_parameter(wrapped.start - 2)
        _, at = _field(data, at, end)
        if at != end:
            raise invalid_parameter(at)
        _check_label(data, label, designators)
        padding = OAEP(MGF1(SHA256()), SHA256(), bytes(data[label]))
        try:
            key = self._private.decrypt(bytes(data[wrapped]), padding)
        except ValueError:
            raise CheckCondition(s.UNABLE_TO_DECRYPT_LIST) from None
        try:
            if len(key) != KEY_SIZE:
                raise invalid_parameter(wrapped.start)
            return Secret(key)
        finally:
            _overwrite(key)


def _number(data: bytearray, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _field(data: bytearray, at: int, end: int) -> tuple[slice, int]:
    """What a length of 2 bytes counts, and where it ends. 5/26/00 if it ends behind ``end``."""
    stop = at + 2 + _number(data, at)
    if stop > end:
        raise invalid_parameter(at)
    return slice(at + 2, stop), stop


def _check_label(data: bytearray, label: slice, designators: Collection[bytes]) -> None:
    at, last = label.start, -1
    while at < label.stop:
        kind = data[at]
        if at + 4 > label.stop or not last < kind <= LENGTH:
            raise invalid_parameter(at)
        if data[at + 1]:
            raise invalid_parameter(at + 1, data[at + 1].bit_length() - 1)
        value, stop = _field(data, at + 2, label.stop)
        said = bytes(data[value])
        if kind == DEVICE and said not in designators:
            raise invalid_parameter(value.start)
        if kind == LENGTH and said != _SIZE.to_bytes(2, "big"):
            raise invalid_parameter(value.start)
        at, last = stop, kind


def _overwrite(key: bytes) -> None:
    """Overwrite a key that a library returned as bytes, which nobody else has.

    RSA has no call that decrypts into a buffer of the caller's.
    """
    header = bytes.__basicsize__ - 1
    ctypes.memset(id(key) + header, 0, len(key))

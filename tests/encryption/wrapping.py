"""Keys wrapped with the public key of a drive, as hosts send them."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm

from target.transports.inprocess import Reply
from tests.encryption.keys import DECRYPT, ENCRYPT, set_page, spin, spout
from tests.tape.host import Host


def public_key(host: Host) -> tuple[int, int]:
    """Modulus and exponent, as clients take page 0031h apart."""
    page = spin(host, 0x0031)
    key = page[14:]
    return int.from_bytes(key[:256], "big"), int.from_bytes(key[256:], "big")


def name_of(host: Host) -> bytes:
    """The NAA designator of the logical unit."""
    page = host.send(bytes.fromhex("12 01 83 00 ff 00"), size=255).data
    at = 4
    while page[at + 1] & 0x3F != 3:
        at += 4 + page[at + 3]
    return page[at + 4 : at + 4 + page[at + 3]]


def descriptor(kind: int, data: bytes, reserved: int = 0) -> bytes:
    return bytes((kind, reserved)) + len(data).to_bytes(2, "big") + data


def label_of(host: Host) -> bytes:
    """Device server identification and wrapped key length."""
    return descriptor(0, name_of(host)) + descriptor(4, b"\1\0")


def wrap(host: Host, key: bytes, label: bytes, *, hashed: HashAlgorithm | None = None) -> bytes:
    modulus, exponent = public_key(host)
    algorithm = hashed or SHA256()
    padding = OAEP(MGF1(algorithm), algorithm, label)
    return RSAPublicNumbers(exponent, modulus).public_key().encrypt(key, padding)


def field(label: bytes, wrapped: bytes, signature: bytes = b"", parameter_set: int = 0) -> bytes:
    """The KEY field."""
    parts = (part for data in (label, wrapped, signature) for part in (len(data).to_bytes(2), data))
    return parameter_set.to_bytes(2) + b"".join(parts)


def send(host: Host, key: bytes, **fields: Any) -> Reply:
    usual = {"encryption": ENCRYPT, "decryption": DECRYPT, "key_format": 2}
    return spout(host, set_page(key=key, **{**usual, **fields}))

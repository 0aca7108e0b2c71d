"""Keys that come wrapped with the drive's own RSA key, key format 02h (SSC-4 8.5.3.2, 8.5.2.10).

The KEY field: parameter set, label, wrapped key and signature, each but the first with a length of
two bytes before it. The key is wrapped by RSAES-OAEP with SHA-256, the label is that of OAEP.
"""

from __future__ import annotations

from harness.conform.encryption import (
    KEY_A,
    KEY_B,
    PUBLIC_KEY,
    Drive,
    encryption_check,
)
from harness.conform.encryption_cdbs import out_cdb
from harness.conform.encryption_codes import INVALID_LIST
from harness.layers.security import DeviceServerKeyWrappingPublicKey

CLAUSE = "SSC-4 8.5.3.2 (key format 02h)"
TOPIC = "wrapped keys"
WRAPPED = 2
NOT_UNWRAPPED = "5/74/0C"
SIZE = 256
"""Bytes of an RSA-2048 modulus, and of what is wrapped with it."""


def _wrap(drive: Drive, key: bytes, label: bytes = b"") -> bytes:
    """The key wrapped with the drive's public key. NotApplicable without RSA-2048."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    if WRAPPED not in drive.facts.key_formats:
        drive.unit.skip("key format 02h is not listed")
    drive.need_page(PUBLIC_KEY)
    page = DeviceServerKeyWrappingPublicKey(drive.page(PUBLIC_KEY))
    if (page.public_key_type, page.public_key_format) != (0, 0):
        drive.unit.skip(f"public key of type {page.public_key_type}: not RSA-2048")
    data = bytes(page.public_key)
    numbers = rsa.RSAPublicNumbers(int.from_bytes(data[SIZE:]), int.from_bytes(data[:SIZE]))
    oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), label or None)
    return numbers.public_key().encrypt(key, oaep)


def _field(
    wrapped: bytes, label: bytes = b"", parameter_set: int = 0, signature: bytes = b""
) -> bytes:
    """The KEY field."""
    field = parameter_set.to_bytes(2)
    for part in (label, wrapped, signature):
        field += len(part).to_bytes(2) + part
    return field


@encryption_check("ENC-WRAP-READ", CLAUSE, TOPIC, "A block, and its key wrapped")
def reads(drive: Drive) -> None:
    "It is read: the drive has unwrapped the key."
    field = _field(_wrap(drive, KEY_A))
    (data,) = drive.tape("A")
    drive.set(key=field, key_format=WRAPPED)
    drive.reads(data)


@encryption_check("ENC-WRAP-WRITE", CLAUSE, TOPIC, "A block written with a wrapped key")
def writes(drive: Drive) -> None:
    "The plain key reads it, and no other."
    field = _field(_wrap(drive, KEY_A))
    drive.unit.blank()
    drive.set(key=field, key_format=WRAPPED)
    drive.write_block(b"wrapped")
    drive.unit.good(bytes((1, 0, 0, 0, 0, 0)))
    drive.set(key=KEY_B)
    drive.read_refused("wrong")
    drive.set(key=KEY_A)
    drive.reads(b"wrapped")


@encryption_check("ENC-WRAP-OTHER", CLAUSE, TOPIC, "Another key, wrapped")
def other(drive: Drive) -> None:
    "7/74/03, as with a plain key."
    field = _field(_wrap(drive, KEY_B))
    (data,) = drive.tape("A")
    drive.set(key=field, key_format=WRAPPED)
    drive.read_refused("wrong")
    drive.set()
    drive.reads(data)


def _refused_check(id: str, title: str, *codes: str) -> None:
    """A KEY field that is wrong, see `_WRONG`."""

    @encryption_check(
        f"ENC-WRAP-{id}",
        CLAUSE,
        TOPIC,
        title,
        expected=f"{' or '.join(codes)}; the key that was in force stays.",
    )
    def body(drive: Drive) -> None:
        wrapped = _wrap(drive, KEY_B)
        field = {
            "RUBBISH": lambda: _field(bytes([0x5A]) * SIZE),
            "BIT": lambda: _field(wrapped[:-1] + bytes((wrapped[-1] ^ 1,))),
            "LABEL": lambda: _field(wrapped, _designation()),
            "PARAMETER-SET": lambda: _field(wrapped, parameter_set=0x7777),
            "SHORT": lambda: _field(wrapped[:-1]),
            "CUT": lambda: _field(wrapped)[:100],
            "KEY-SIZE": lambda: _field(_wrap(drive, KEY_B[:16])),
            "EMPTY": lambda: _field(b""),
        }[id]()
        (data,) = drive.tape("A")
        drive.set()
        page = drive.make(key=field, key_format=WRAPPED)
        before = drive.status()
        drive.unit.refused(out_cdb(len(page)), *codes, out=page)
        drive.unit.expect("status page", before, drive.status())
        drive.reads(data)


def _designation() -> bytes:
    """A label descriptor: the length of the wrapped key, 256 bytes (type 04h)."""
    return b"\x04\x00" + (2).to_bytes(2) + SIZE.to_bytes(2)


_refused_check("RUBBISH", "What was never wrapped", NOT_UNWRAPPED)
_refused_check("BIT", "A wrapped key with a bit changed", NOT_UNWRAPPED)
_refused_check("LABEL", "A label that was not that of the wrapping", NOT_UNWRAPPED, INVALID_LIST)
_refused_check("PARAMETER-SET", "An unknown parameter set", INVALID_LIST)
_refused_check("SHORT", "A wrapped key of 255 bytes", INVALID_LIST, NOT_UNWRAPPED)
_refused_check("CUT", "A KEY field that ends within the wrapped key", INVALID_LIST)
_refused_check("KEY-SIZE", "A wrapped key of 16 bytes", INVALID_LIST)
_refused_check("EMPTY", "A wrapped key of no bytes", INVALID_LIST, NOT_UNWRAPPED)

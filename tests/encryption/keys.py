"""SET DATA ENCRYPTION pages as hosts send them, and the pages that a drive answers with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from target import personality
from target.personality import Personality
from target.transports.inprocess import Reply
from tests.tape.host import GOOD, TD9, Host, sense_of

KEY_A, KEY_B = bytes(range(32)), bytes(range(100, 132))
PUBLIC, LOCAL, ALL = 0, 1, 2
DISABLE, EXTERNAL, ENCRYPT = 0, 1, 2
RAW, DECRYPT, MIXED = 1, 2, 3
U_KAD, A_KAD, NONCE, M_KAD = 0, 1, 2, 3


def kad(kind: int, data: bytes, flags: int = 0) -> bytes:
    """A key-associated data descriptor."""
    return bytes((kind, flags)) + len(data).to_bytes(2, "big") + data


def set_page(
    *,
    scope: int = ALL,
    lock: int = 0,
    ceem: int = 0,
    rdmc: int = 0,
    sdk: int = 0,
    ckod: int = 0,
    ckorp: int = 0,
    ckorl: int = 0,
    encryption: int = DISABLE,
    decryption: int = DISABLE,
    algorithm: int = 1,
    key_format: int = 0,
    kad_format: int = 0,
    key: bytes = b"",
    u_kad: bytes = b"",
    a_kad: bytes = b"",
    m_kad: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """Page 0010h, byte by byte; ``tail`` follows the key-associated data."""
    control = ceem << 6 | rdmc << 4 | sdk << 3 | ckod << 2 | ckorp << 1 | ckorl
    body = bytes((scope << 5 | lock, control, encryption, decryption, algorithm, key_format))
    body += bytes((kad_format,)) + bytes(7) + len(key).to_bytes(2, "big") + key
    for kind, data in ((U_KAD, u_kad), (A_KAD, a_kad), (M_KAD, m_kad)):
        if data:
            body += kad(kind, data)
    body += tail
    return b"\x00\x10" + len(body).to_bytes(2, "big") + body


def spout_cdb(length: int, page: int = 0x10, protocol: int = 0x20) -> bytes:
    return (
        bytes((0xB5, protocol)) + page.to_bytes(2, "big") + bytes(2) + length.to_bytes(4, "big")
    ) + bytes(2)


def spout(host: Host, data: bytes, page: int = 0x10) -> Reply:
    """SECURITY PROTOCOL OUT, protocol 20h."""
    return host.send(spout_cdb(len(data), page), out=data)


def said(reply: Reply) -> tuple[int, int, int]:
    """Sense key and additional sense code of a failure."""
    return sense_of(reply).code[:3]


def spin(host: Host, page: int, allocation: int = 8192, protocol: int = 0x20) -> bytes:
    """SECURITY PROTOCOL IN, which must succeed."""
    cdb = bytes((0xA2, protocol)) + page.to_bytes(2, "big") + bytes(2)
    reply = host.send(cdb + allocation.to_bytes(4, "big") + bytes(2), size=8192)
    assert reply.status == GOOD, reply
    return reply.data


def set_keys(host: Host, key: bytes = b"", **fields: int | bytes) -> None:
    """SET DATA ENCRYPTION that must succeed: ENCRYPT and DECRYPT unless ``fields`` say else."""
    values = {"encryption": ENCRYPT, "decryption": DECRYPT, **fields}
    reply = spout(host, set_page(key=key, **values))  # type: ignore[arg-type]
    assert reply.status == GOOD, reply


def keys_off(host: Host) -> None:
    """Both modes DISABLE."""
    assert spout(host, set_page()).status == GOOD


def model(name: str = TD9, /, **encryption: Any) -> Personality:
    """A drive like that one but for its encryption table; {} takes a table of it away."""
    known = personality.load(name)
    table = dict(known.encryption)
    for key, value in encryption.items():
        table[key] = {**table.get(key, {}), **value} if isinstance(value, dict) and value else value
    return replace(known, encryption=table)

"""A realm as one encrypted piece of data, for backups.

    8   KREALM01
    4+4+1 memory in KiB, passes, lanes of Argon2id
    16  salt
    32  check: HMAC-SHA256 of all before, under a key from the password; tells a wrong password
        from damage
    12  nonce
    ... AES-256-GCM of the content, everything before is authenticated too

The content is the length of a JSON text, 8 bytes, the text, and the values of the keys one after
the other; the text says how long each is. Numbers are big-endian.
"""

from __future__ import annotations

import hmac
import json
import os
import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keymgr.errors import Damaged, WrongPassword
from keymgr.kdf import DEFAULT, SALT_SIZE, Cost, derive
from keymgr.keystore.master import NONCE_SIZE
from keymgr.keystore.vault import TAG_SIZE
from keymgr.secret import Secret

MAGIC = b"KREALM01"
COST = struct.Struct(">IIB")
LENGTH = struct.Struct(">Q")
CHECK_SIZE = 32
SALT = slice(len(MAGIC) + COST.size, len(MAGIC) + COST.size + SALT_SIZE)
CHECK = slice(SALT.stop, SALT.stop + CHECK_SIZE)
NONCE = slice(CHECK.stop, CHECK.stop + NONCE_SIZE)

DAMAGED = "the backup is damaged or no backup of a keystore: take another copy of it"


class Kept(NamedTuple):
    """A key as it is backed up; the value is empty if it was destroyed."""

    name: str
    state: str
    created: float
    attributes: Mapping[str, Any]
    key: Secret


class Contents(NamedTuple):
    """What `unpack` found."""

    realm: str
    keys: list[Kept]
    settings: dict[str, Any]


def pack(
    realm: str,
    keys: Iterable[Kept],
    settings: Mapping[str, Any],
    password: Secret,
    cost: Cost = DEFAULT,
) -> bytes:
    """The data. The keys' Secrets are overwritten."""
    listed: list[Any] = []
    values = bytearray()
    for kept in keys:
        listed.append([*kept[:4], len(kept.key)])
        values += kept.key.reveal()
        kept.key.wipe()
    about = {"realm": realm, "settings": settings, "keys": listed}
    text = json.dumps(about).encode()
    content = bytearray(LENGTH.pack(len(text)) + text) + values
    start = MAGIC + COST.pack(*cost) + os.urandom(SALT_SIZE)
    cipher, check = _keys(password, start)
    start += check + os.urandom(NONCE_SIZE)
    data = start + cipher.encrypt(start[NONCE], content, start)
    values[:] = bytes(len(values))
    content[:] = bytes(len(content))
    return data


def unpack(data: bytes, password: Secret) -> Contents:
    """What was packed. Raises WrongPassword, Damaged."""
    if len(data) < NONCE.stop + TAG_SIZE + LENGTH.size or not data.startswith(MAGIC):
        raise Damaged(DAMAGED)
    cipher, check = _keys(password, data[: SALT.stop])
    if not hmac.compare_digest(check, data[CHECK]):
        raise WrongPassword("the password is not that of the backup: give the right one")
    content = bytearray(len(data) - NONCE.stop - TAG_SIZE)
    try:
        cipher.decrypt_into(data[NONCE], data[NONCE.stop :], data[: NONCE.stop], content)
    except InvalidTag:
        raise Damaged(DAMAGED) from None
    (length,) = LENGTH.unpack_from(content)
    at = LENGTH.size + length
    about = json.loads(content[LENGTH.size : at])
    keys = []
    for name, state, created, attributes, size in about["keys"]:
        keys.append(Kept(name, state, created, attributes, Secret(content[at : at + size])))
        at += size
    content[:] = bytes(len(content))
    return Contents(about["realm"], keys, about["settings"])


def _keys(password: Secret, start: bytes) -> tuple[AESGCM, bytes]:
    """What encrypts, and the check value. Raises Damaged for what no backup asks for."""
    cost = Cost(*COST.unpack_from(start, len(MAGIC)))
    if not cost.allowed:
        raise Damaged(DAMAGED)
    key = derive(password, start[SALT], cost)
    cipher = AESGCM(hmac.digest(key.reveal(), b"encrypt", "sha256"))
    check = hmac.digest(key.reveal(), b"check" + start, "sha256")
    key.wipe()
    return cipher, check

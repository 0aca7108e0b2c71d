"""An exported key: the file <moniker>.bsk (BS-10, BS-11); docs/bsk-file.md has every byte of one.

=======  ====  =====================================================================
offset   size
=======  ====  =====================================================================
0        8     89 42 53 4B 0D 0A 1A 0A: no text, and whoever changes line ends breaks it
8        1     version of the format: 1
9        1     key derivation: 1, Argon2id version 13h (RFC 9106)
10       1     encryption: 1, AES-256-GCM
11       1     n, length of the moniker: 1 to 29
12       4     Argon2id: memory in KiB
16       4     passes
20       4     lanes
24       16    salt
40       12    nonce
52       8     when the key was made, in seconds since 1970
60       n     the moniker, ASCII
60 + n   32    the key, encrypted
92 + n   16    tag; bytes 0 to 59 + n are authenticated with the key
108 + n  32    SHA-256 of all before: tells damage from a wrong password
=======  ====  =====================================================================

Numbers are big-endian.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keymgr import kdf
from keymgr.bluescale.names import NotAllowed, check_moniker
from keymgr.errors import Damaged, WrongPassword
from keymgr.secret import Secret

SUFFIX = ".bsk"
MAGIC = b"\x89BSK\r\n\x1a\n"
VERSION = 1
_ARGON2ID, _AES_256_GCM = 1, 1

_HEADER = struct.Struct(">8s4B3I16s12sQ")
_KEY, _TAG, _DIGEST = 32, 16, 32


@dataclass(frozen=True)
class ExportedKey:
    """What is in such a file."""

    moniker: str
    created: int
    """When the key was made, seconds since 1970."""
    key: Secret


def seal(
    exported: ExportedKey,
    password: Secret,
    cost: kdf.Cost = kdf.DEFAULT,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> bytes:
    """The file's content. ``random`` never gives the same twice, as a rig's seed would."""
    moniker = exported.moniker.encode("ascii")
    salt, nonce = random(kdf.SALT_SIZE), random(12)
    header = _HEADER.pack(
        MAGIC,
        VERSION,
        _ARGON2ID,
        _AES_256_GCM,
        len(moniker),
        *cost,
        salt,
        nonce,
        exported.created,
    )
    header += moniker
    with_password = kdf.derive(password, salt, cost)
    sealed = AESGCM(with_password.reveal()).encrypt(nonce, exported.key.reveal(), header)
    with_password.wipe()
    return header + sealed + hashlib.sha256(header + sealed).digest()


def unseal(data: bytes, password: Secret) -> ExportedKey:
    """Raises Damaged and WrongPassword."""
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise Damaged(f"this is no exported key: choose a {SUFFIX} file")
    _, version, derivation, cipher, length, *cost, salt, nonce, created = _HEADER.unpack_from(data)
    header, sealed = data[: _HEADER.size + length], data[_HEADER.size + length : -_DIGEST]
    if len(sealed) != _KEY + _TAG or hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise Damaged("the file with the key is damaged: use another copy of it")
    if (version, derivation, cipher) != (VERSION, _ARGON2ID, _AES_256_GCM):
        raise Damaged(f"the file with the key has version {version}, which is not known here")
    try:
        moniker = check_moniker(header[_HEADER.size :].decode("ascii"))
    except (UnicodeDecodeError, NotAllowed):
        raise Damaged("the file with the key names no moniker: use another copy of it") from None
    with_password = kdf.derive(password, salt, _cost(*cost))
    key = Secret(bytes(_KEY))
    try:
        AESGCM(with_password.reveal()).decrypt_into(nonce, sealed, header, key.reveal())
    except InvalidTag:
        raise WrongPassword(
            f"the key password does not open the file with the key {moniker!r}: use the one that"
            " was given at its export"
        ) from None
    finally:
        with_password.wipe()
    return ExportedKey(moniker, created, key)


def _cost(memory: int, passes: int, lanes: int) -> kdf.Cost:
    cost = kdf.Cost(memory, passes, lanes)
    if not cost.allowed:
        raise Damaged("the file with the key asks for too costly a derivation: use another copy")
    return cost

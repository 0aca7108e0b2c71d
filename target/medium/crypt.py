"""Block encryption: keys, what is derived from them, and how one block is sealed and opened.

Every unbroken sequence of encrypted blocks (a *run*, see `runs`) has a fresh 256-bit random salt.
From the key K that the host set and the run's salt S come, by HKDF-SHA-256 (RFC 5869):

* the block key: HKDF(K, S, "keyreel block" + context), 32 bytes for AES-256-GCM;
* the check value: HKDF(K, S, "keyreel check"), 16 bytes, stored, which tells "wrong key" from
  "right key, but the block was tampered with".

``context`` is a digest over the cartridge's identity, the partition, the run's first object
number and its key-associated data, so a run that is moved or relabelled no longer decrypts.

**Nonces cannot repeat under one block key.** The nonce is the block's object number. A run only
moves forward: a failed write, a new key, a cut, an unload or a restart ends it, and the next
encrypted block opens a new run. So within a run no object number is written twice (`BlockCipher`
refuses to), and two runs share a block key only if two 256-bit random salts are equal. Nothing
about this is kept in the file, so neither overwriting, a kill nor a file restored from a copy can
bring a nonce back.

The additional authenticated data of a block are its object number, its length, the number of
filemarks before it and its flags: a block that is swapped with another one fails. An older version
of a block, put back at its own place, authenticates but belongs to a run that ended before: see
`runs`. Not noticed without a memory outside the cartridge: a whole cartridge put back from a copy,
and an encrypted block put back where clear ones have overwritten it.
"""

from __future__ import annotations

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keymgr.secret import Secret
from target.medium.errors import IntegrityFailed, WriteFailed

TAG_SIZE = 16
KEY_SIZE = 32
SALT_SIZE = 32
CHECK_SIZE = 16

_AAD = struct.Struct(">QIII")
_NONCE = struct.Struct(">4xQ")


def digest(*parts: bytes) -> bytes:
    """SHA-256 over the parts, each preceded by its length."""
    sha = Hash(SHA256())
    for part in parts:
        sha.update(len(part).to_bytes(4, "big"))
        sha.update(part)
    return sha.finalize()


def check_value(key: Secret, salt: bytes) -> bytes:
    """The stored value that a key is recognised by; says nothing else about the key."""
    return HKDF(SHA256(), CHECK_SIZE, salt, b"keyreel check").derive(key.reveal())


class BlockCipher:
    """Seals and opens the blocks of one run, straight between the caller's buffers."""

    __slots__ = ("_aad", "_aes", "_next", "_nonce")

    def __init__(self, key: Secret, salt: bytes, context: bytes) -> None:
        block_key = HKDF(SHA256(), KEY_SIZE, salt, b"keyreel block" + context).derive(key.reveal())
        self._aes = AESGCM(block_key)
        self._nonce = bytearray(_NONCE.size)
        self._aad = bytearray(_AAD.size)
        self._next = 0

    def seal(
        self, number: int, length: int, files: int, flags: int, data: memoryview, into: memoryview
    ) -> None:
        """Encrypt ``data`` into ``into``, which is TAG_SIZE longer: ciphertext, then tag.

        Raises WriteFailed rather than use a nonce again, should a run ever go backwards.
        """
        if number < self._next:
            raise WriteFailed(f"block {number} was written in this run before")
        self._next = number + 1
        _NONCE.pack_into(self._nonce, 0, number)
        _AAD.pack_into(self._aad, 0, number, length, files, flags)
        self._aes.encrypt_into(self._nonce, data, self._aad, into)

    def open(
        self, number: int, length: int, files: int, flags: int, sealed: memoryview, into: memoryview
    ) -> None:
        """Decrypt into ``into``, TAG_SIZE shorter than ``sealed``.

        Raises IntegrityFailed, with ``into`` zeroed: unauthenticated data are never shown.
        """
        _NONCE.pack_into(self._nonce, 0, number)
        _AAD.pack_into(self._aad, 0, number, length, files, flags)
        try:
            self._aes.decrypt_into(self._nonce, sealed, self._aad, into)
        except InvalidTag:
            into[:] = bytes(len(into))
            raise IntegrityFailed(f"block {number} does not authenticate") from None

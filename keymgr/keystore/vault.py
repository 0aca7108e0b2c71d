"""What the data key does: AES-256-GCM over keys and settings, HMAC-SHA256 over the audit log.

A ciphertext authenticates the row that it stands in, so rows can neither be changed nor swapped.
Nonces are random and never from a generator that a test may seed: 2^32 of them are safe under a
key (NIST SP 800-38D section 8.3).
"""

from __future__ import annotations

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keymgr.errors import Damaged
from keymgr.kdf import KEY_SIZE
from keymgr.keystore.master import NONCE_SIZE
from keymgr.secret import Secret

TAG_SIZE = 16
OVERHEAD = NONCE_SIZE + TAG_SIZE


class Vault:
    """The data key at work."""

    def __init__(self, data_key: Secret) -> None:
        self._cipher = AESGCM(_derive(data_key, b"keyreel keystore rows").reveal())
        self._audit = _derive(data_key, b"keyreel keystore audit")

    def __repr__(self) -> str:
        return "Vault()"

    def seal(self, row: str, value: bytes | bytearray) -> bytes:
        """The value encrypted for that row; ``row`` says everything that is to be authentic."""
        nonce = os.urandom(NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, value, row.encode())

    def open(self, row: str, sealed: bytes) -> Secret:
        """The value. Raises Damaged, without a text: only the caller knows what it is."""
        value = Secret(bytes(max(0, len(sealed) - OVERHEAD)))
        nonce, rest = sealed[:NONCE_SIZE], sealed[NONCE_SIZE:]
        try:
            self._cipher.decrypt_into(nonce, rest, row.encode(), value.reveal())
        except (InvalidTag, ValueError):
            raise Damaged from None
        return value

    def mac(self, *parts: bytes) -> bytes:
        """32 bytes over the parts, which are of known lengths but for the last."""
        return hmac.digest(self._audit.reveal(), b"".join(parts), "sha256")

    def close(self) -> None:
        """Overwrite what can be."""
        self._audit.wipe()


def _derive(data_key: Secret, purpose: bytes) -> Secret:
    key = Secret(bytes(KEY_SIZE))
    HKDF(SHA256(), KEY_SIZE, None, purpose).derive_into(data_key.reveal(), key.reveal())
    return key

"""The master key, under which a keystore encrypts: from a passphrase, or random bytes in a file.

It wraps the keystore's own data key, so that a wrong one is known at once and another one can be
chosen without touching a key.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keymgr.errors import Damaged, StoreUnusable, WrongPassword
from keymgr.files import sync_folder
from keymgr.kdf import DEFAULT, KEY_SIZE, SALT_SIZE, Cost, derive
from keymgr.private_file import NotPrivate, read_private
from keymgr.secret import Secret

NONCE_SIZE = 12
DAMAGED = "the keystore's own key is damaged: bring the keystore back from a backup"


class MasterKey:
    """How to get at the master key; it is derived or read when a keystore is opened."""

    def __init__(self, passphrase: Secret | None, path: Path | None, cost: Cost = DEFAULT) -> None:
        self._passphrase = passphrase
        self._path = path
        self._cost = cost

    def __repr__(self) -> str:
        return "MasterKey(a passphrase)" if self._path is None else f"MasterKey({self._path})"

    @classmethod
    def from_passphrase(cls, passphrase: Secret, cost: Cost = DEFAULT) -> MasterKey:
        """By Argon2id; ``cost`` is that of keystores made now, others know their own."""
        return cls(passphrase, None, cost)

    @classmethod
    def from_file(cls, path: Path | str) -> MasterKey:
        """From a file of 32 bytes, mode 0600; made with the keystore if neither is there."""
        return cls(None, Path(path))

    def wrap(self, data_key: Secret) -> tuple[str, bytes]:
        """For a new keystore: how the master key is got at, and the data key under it.

        Raises StoreUnusable."""
        how: dict[str, Any] = {"id": secrets.token_hex(16)}
        if self._passphrase is not None:
            how |= {"salt": secrets.token_hex(SALT_SIZE), "argon2id": list(self._cost)}
        elif self._path is not None and not self._path.exists():
            _make(self._path)
        text = json.dumps(how)
        nonce = os.urandom(NONCE_SIZE)
        cipher = AESGCM(self._get(text).reveal())
        return text, nonce + cipher.encrypt(nonce, data_key.reveal(), text.encode())

    def unwrap(self, how: str, wrapped: bytes) -> Secret:
        """The data key. Raises WrongPassword, Damaged, StoreUnusable."""
        cipher = AESGCM(self._get(how).reveal())
        data_key = Secret(bytes(KEY_SIZE))
        nonce, rest = wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:]
        try:
            cipher.decrypt_into(nonce, rest, how.encode(), data_key.reveal())
        except InvalidTag:
            if self._path is not None:
                text = f"{self._path} is not the master key of this keystore: name the right file"
            else:
                text = "the passphrase is not that of this keystore: give the right one"
            raise WrongPassword(text) from None
        except ValueError:
            raise Damaged(DAMAGED) from None
        return data_key

    def _get(self, how: str) -> Secret:
        asked = json.loads(how)
        if self._passphrase is None:
            assert self._path is not None
            if "salt" in asked:
                raise WrongPassword(
                    "this keystore has a passphrase, not a master key file: name the file with the"
                    " passphrase"
                )
            return _read(self._path)
        if "salt" not in asked:
            raise WrongPassword(
                "this keystore has a master key file, not a passphrase: leave the passphrase out"
            )
        cost = Cost(*asked["argon2id"])
        if not cost.allowed:
            raise Damaged(DAMAGED)
        return derive(self._passphrase, bytes.fromhex(asked["salt"]), cost)


def _read(path: Path) -> Secret:
    if not path.exists():
        raise StoreUnusable(
            f"{path}: the keystore's master key is not there: bring the file back from a copy"
        )
    try:
        key = read_private(path, "master key", KEY_SIZE)
    except NotPrivate as error:
        raise StoreUnusable(str(error)) from None
    if len(key) != KEY_SIZE:
        raise StoreUnusable(f"{path}: no master key, it has not {KEY_SIZE} bytes: name the file")
    return key


def _make(path: Path) -> None:
    """Make the file, complete or not at all; another process may be as quick."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, secrets.token_bytes(KEY_SIZE))
            os.fsync(file)
        finally:
            os.close(file)
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(new)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreUnusable(
            f"{path}: the master key cannot be made ({error.strerror}): name another folder"
        ) from None

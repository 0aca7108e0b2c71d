"""What a key manager tells a user when it cannot do as asked: each a sentence with the cure.

No key and no password is in any of them.
"""

from __future__ import annotations


class KeyManagerError(Exception):
    """It could not be done, and nothing is changed; the text is one sentence for the user."""


class KeyExists(KeyManagerError):
    """There is a key of that name already."""


class KeyMissing(KeyManagerError):
    """There is no key of that name."""


class KeyDestroyed(KeyMissing):
    """There was a key of that name; its record stayed, its value is gone."""


class WrongPassword(KeyManagerError):
    """The password, passphrase or master key is not the right one."""


class Damaged(KeyManagerError):
    """What is stored or was exported is not what was written."""


class AuditDamaged(Damaged):
    """The audit log is not what was written. ``entry`` is the number of the first that is wrong."""

    def __init__(self, entry: int, text: str) -> None:
        super().__init__(text)
        self.entry = entry


class StoreUnusable(KeyManagerError):
    """The keystore cannot be opened, read or written: files, server, locks."""


class StoreTooNew(StoreUnusable):
    """A later keyreel made the keystore."""

"""What monikers and passwords may be made of (BS-02, BS-05)."""

from __future__ import annotations

import re

from keymgr.errors import KeyManagerError
from keymgr.secret import Secret

LONGEST_MONIKER = 29
"""Characters: a moniker stands beside the data on tape, see `tape`."""

_ALPHABET = "0-9, A-Z, a-z, @, -, _ and ."
_ALLOWED = re.compile(rb"[0-9A-Za-z@\-_.]*")


class NotAllowed(KeyManagerError):
    """A moniker or a password that cannot be, or that the site's policy does not let be."""


def check_moniker(moniker: str) -> str:
    """The moniker itself. Raises NotAllowed."""
    if not 1 <= len(moniker) <= LONGEST_MONIKER:
        raise NotAllowed(f"a moniker has 1 to {LONGEST_MONIKER} characters, not {len(moniker)}")
    if not _fits(moniker.encode(errors="replace")):
        raise NotAllowed(f"the moniker {moniker!r} may have only {_ALPHABET}, and no spaces")
    return moniker


def check_password(password: Secret, what: str) -> None:
    """Raises NotAllowed; ``what`` says which password, for the sentence."""
    if not len(password):
        raise NotAllowed(f"{what} must not be blank")
    if not _fits(password.reveal()):
        raise NotAllowed(f"{what} may have only {_ALPHABET}")


def _fits(text: bytes | bytearray) -> bool:
    return _ALLOWED.fullmatch(text) is not None

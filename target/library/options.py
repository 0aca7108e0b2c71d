"""What is enabled by option keys: a text that the vendor makes for one library, by serial number.

We are the vendor of these libraries, so `issue` makes them. The vendor's secret is in this file:
an option key is as good as the word of whoever has the source, which will do for a library of
air. What it is there for is what real ones do: the right text, on the right library.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from target.library.errors import OperatorError

PROFESSIONAL = "bluescale-professional"
KMIP = "kmip"
OPTIONS = {
    PROFESSIONAL: "BlueScale Encryption Professional Edition",
    KMIP: "KMIP encryption key management",
}
"""All options by name, with their titles."""

_VENDOR = b"keyreel option keys, 1"
_CHARACTERS, _GROUP = 20, 5


def issue(name: str, serial: str) -> str:
    """The option key that enables an option of the library with that serial number.

    Raises OperatorError for an unknown option.
    """
    if name not in OPTIONS:
        known = ", ".join(OPTIONS)
        raise OperatorError(f"there is no option {name!r}: name one of {known}")
    tag = hmac.digest(_VENDOR, f"{name}\0{serial}".encode(), hashlib.sha256)
    text = base64.b32encode(tag)[:_CHARACTERS].decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, _CHARACTERS, _GROUP))


def named(key: str, serial: str) -> str:
    """The option that an option key enables for that serial number. Raises OperatorError."""
    written = key.strip().upper().encode()
    for name in OPTIONS:
        if hmac.compare_digest(issue(name, serial).encode(), written):
            return name
    raise OperatorError(
        f"this is no option key of the library with serial number {serial}: type it as it was"
        " issued, for this library"
    )

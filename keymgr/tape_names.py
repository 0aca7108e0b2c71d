"""Whose key-associated data stand on a tape: how each system marks what its keys have encrypted.

A host that sets keys itself may put anything there, so a name that looks like one of these may be
a host's all the same.
"""

from __future__ import annotations

from keymgr.api import KeyData

BLUESCALE = b"BS:"
"""Before a moniker, see `keymgr.bluescale.tape`."""
_KMIP = 32
"""Bytes of the name that the OASIS KMIP tape library profile's clients make: in hexadecimal they
are the 64 characters of Application Specific Information; the authenticated data come first."""


def whose(key_data: KeyData) -> str | None:
    """The system that the data's key is of; None: that cannot be told."""
    unauthenticated, authenticated = (part.rstrip(b"\0") for part in key_data)
    if key_data.name.startswith(BLUESCALE):
        return "BlueScale"
    # Some drives fill the part that was left out with zeros.
    if not unauthenticated and len(authenticated) and len(key_data.authenticated) == _KMIP:
        return "KMIP"
    return None


def shown(key_data: KeyData) -> str:
    """What people call the key: its name where that is text, else hexadecimal."""
    name = key_data.unauthenticated.rstrip(b"\0") or key_data.authenticated.rstrip(b"\0")
    if not name:
        return "without a name"
    if all(0x20 < byte < 0x7F for byte in name):
        return repr(name.decode("ascii"))
    return name.hex()

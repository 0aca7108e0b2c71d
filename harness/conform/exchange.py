"""What was sent and what came, as it may be kept: without keys.

SET DATA ENCRYPTION carries keys in its parameter list; they are overwritten with zeros here, before
anything is kept, shown or written (SSC-4 8.5.3.2: the key begins at byte 20).
"""

from __future__ import annotations

from typing import NamedTuple

from harness.initiators.api import Reply

SECURITY_PROTOCOL_OUT = 0xB5
TAPE_DATA_ENCRYPTION = 0x20
SET_DATA_ENCRYPTION = 0x0010
KEY = 20
"""Where the key begins; its length is in the two bytes before."""


class Exchange(NamedTuple):
    """A command and its answer, as bytes; keys are blotted out. ``reply`` None: no answer."""

    nexus: int
    cdb: bytes
    out: bytes
    reply: Reply | None


def blot(cdb: bytes, out: bytes) -> bytes:
    """The parameter list without its key.

    One that says that it is shorter or longer than it is loses everything that may be of the key.
    One of another protocol is lost as a whole: nobody knows where its keys are.
    """
    if len(cdb) < 2 or cdb[0] != SECURITY_PROTOCOL_OUT:
        return out
    if cdb[1] != TAPE_DATA_ENCRYPTION:
        return bytes(len(out))
    if len(out) <= KEY:
        return out
    length = int.from_bytes(out[KEY - 2 : KEY])
    after = KEY + length
    rest = out[after:] if length and is_descriptors(out[after:]) else b""
    return out[:KEY] + bytes(len(out) - KEY - len(rest)) + rest


def is_descriptors(data: bytes) -> bool:
    """Whether these are key-associated data descriptors from end to end, and so no key."""
    at = 0
    while at < len(data):
        if len(data) - at < 4 or data[at] > 0x04:
            return False
        at += 4 + int.from_bytes(data[at + 2 : at + 4])
    return at == len(data)

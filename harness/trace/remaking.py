"""Data that a trace does not hold, made up again, so that a replay can be compared with it.

A key is made from what tells keys of the trace apart: where the same key was, there is the same one
again. A block of which only the beginning was traced goes on with bytes made from its digest; so
does the answer in which it was read back.
"""

from __future__ import annotations

from hashlib import shake_256

from harness.trace.reader import Command, Data

_SECURITY_PROTOCOL_OUT = 0xB5
_KEY_FORMAT, _PLAIN = 9, 0


def key(name: str, length: int) -> bytes:
    """The key for a text of `Command.keys`."""
    return shake_256(b"keyreel replay key " + name.encode()).digest(length)


def block(data: Data) -> bytes:
    """All bytes of it."""
    if data.complete:
        return data.head
    seed = b"keyreel replay block " + (data.sha256 or "").encode()
    return data.head + shake_256(seed).digest(data.length - len(data.head))


def data_out(command: Command) -> bytes:
    """What to send again."""
    data = bytearray(block(command.out))
    for (start, end), name in zip(command.redacted, command.keys, strict=False):
        data[start:end] = key(name, end - start)
    return bytes(data)


def why_not(command: Command) -> str:
    """Why the command means nothing without what is not in the trace; "": it does."""
    if command.cdb[:1] != bytes((_SECURITY_PROTOCOL_OUT,)) or not command.redacted:
        return ""
    if command.redacted[0][0] == 0:
        return "lists with keys that are no proper page"
    return "wrapped keys" if command.out.head[_KEY_FORMAT] != _PLAIN else ""

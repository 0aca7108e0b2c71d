"""Which bytes of data-out may be a key: they are zeros in a trace.

A command of which a row says that it carries keys, and one that this unit does not know (it may
have been meant for another model), is blotted whole. Only where a list is a Set Data Encryption
page from its first byte to its last (SSC-5 8.5.3.2) is it known which bytes are no key: these stay.
"""

from __future__ import annotations

SECURITY_PROTOCOL_OUT = 0xB5
TAPE_DATA_ENCRYPTION = 0x20
SET_DATA_ENCRYPTION = 0x0010
_KEY_LENGTH, _KEY = 18, 20
_PLAIN = 0
_KEY_SIZES = {0, 16, 32}
"""Of keys in plain text; what is wrapped or a reference may have any length."""
_LAST_KAD = 3

Span = tuple[int, int]
"""First byte, and the first one behind."""


def may_have_keys(cdb: bytes, *, secret: bool) -> bool:
    """Of a command's data-out; ``secret``: the unit says so, or does not know the command."""
    return secret or cdb[:1] == bytes((SECURITY_PROTOCOL_OUT,))


def spans(cdb: bytes, data: memoryview) -> list[Span]:
    """Where in the data-out of such a command keys may be."""
    if not data:
        return []
    if cdb[:1] == bytes((SECURITY_PROTOCOL_OUT,)) and cdb[1:4] == bytes(
        (TAPE_DATA_ENCRYPTION, 0, SET_DATA_ENCRYPTION)
    ):
        end = _key_end(data)
        if end is not None:
            return [(_KEY, end)] if end > _KEY else []
    return [(0, len(data))]


def _key_end(data: memoryview) -> int | None:
    """Where the KEY field of a page ends; None unless every byte has its place in the page."""
    if len(data) < _KEY or int.from_bytes(data[:2], "big") != SET_DATA_ENCRYPTION:
        return None
    last = 4 + int.from_bytes(data[2:4], "big")
    # Behind it are zeros where the CDB counts in units of 512 bytes.
    if last > len(data) or any(data[last:]) or any(data[11:_KEY_LENGTH]):
        return None
    length = int.from_bytes(data[_KEY_LENGTH:_KEY], "big")
    if data[9] == _PLAIN and length not in _KEY_SIZES:
        return None
    end = _KEY + length
    return end if _are_descriptors(data[:last], end) else None


def _are_descriptors(data: memoryview, at: int) -> bool:
    """Whether key-associated data descriptors go on from there to the very end."""
    last = -1
    while at < len(data):
        kind = data[at]
        if not last < kind <= _LAST_KAD or len(data) < at + 4 or data[at + 1] & 0xF8:
            return False
        last = kind
        at += 4 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at == len(data)

"""Which commands a device has: by its own word, or where it has none to say, by trying.

REPORT SUPPORTED OPERATION CODES (SPC-4 6.35) is asked once. A device without it is asked for each
command by one that does nothing: with no length, count or allocation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.conform import commands as c

if TYPE_CHECKING:
    from harness.conform.subject import Answer

ROOM = 0xFFFC
INVALID_OPCODE = "5/20/00"
INVALID_FIELD = "5/24/00"

Do = Callable[[bytes, int], "Answer"]
Listed = dict[tuple[int, int | None], int]
"""Length of the CDB by opcode and service action."""

MANDATORY = frozenset({0x19, 0x1B})
"""Commands of every tape drive (SSC-4 table 16) that cannot be tried without doing something."""

HARMLESS = frozenset(
    {0x00, 0x01, 0x03, 0x05, 0x07, 0x08, 0x0A, 0x10, 0x11, 0x12, 0x13, 0x15, 0x17, 0x1A, 0x1C}
    | {0x1D, 0x1E, 0x34, 0x3B, 0x3C, 0x44, 0x4D, 0x55, 0x57, 0x5A, 0x5E, 0x5F, 0x80, 0x88, 0x8C}
    | {0x8D, 0x91, 0xA0, 0xA2, 0xA3, 0xA4, 0xAB, 0xB5, 0xB6, 0xB8}
)
"""Opcodes that do nothing with every field zero."""

LIKE: dict[tuple[int, int | None], tuple[int, int | None]] = {
    (0x16, None): (0x17, None),
    (0x56, None): (0x57, None),
    (0xA4, 0x06): (0xA3, 0x05),
}
"""Commands that come in pairs: the second tells of the first."""

TRIES = {
    (0x04, None): c.format_medium(0x0F),
    (0x2B, None): c.locate(0, partition=0xFF),
    (0x82, None): c.allow_overwrite(0x0F),
    (0x92, None): c.locate_16(0, partition=0xFF),
    (0xA3, 0x0D): c.maintenance_in(0x0D, 16),
}
"""CDBs that are refused, or do nothing, where zeros would do something."""


def ask(do: Do) -> Listed | None:
    """What the device lists; None if it has no such list."""
    answer = do(c.operation_codes(room=ROOM), ROOM)
    if answer.status != 0 or len(answer.data) < 4:
        return None
    end = min(len(answer.data), 4 + int.from_bytes(answer.data[:4]))
    listed: Listed = {}
    at = 4
    while at + 8 <= end:
        row = answer.data[at : at + 8]
        action = int.from_bytes(row[2:4]) if row[5] & 1 else None
        listed[row[0], action] = int.from_bytes(row[6:8])
        at += 20 if row[5] & 2 else 8
    return listed


def has(listed: Listed, opcode: int, action: int | None) -> bool:
    """Whether a command is listed; without a service action, any of the opcode's."""
    if action is None:
        return any(one == opcode for one, _ in listed)
    # READ POSITION, ERASE and such have service actions that some devices do not list apart.
    return (opcode, action) in listed


def try_one(do: Do, opcode: int, action: int | None) -> bool:
    """Whether a command that does nothing is known."""
    opcode, action = LIKE.get((opcode, action), (opcode, action))
    own = TRIES.get((opcode, action))
    if own is None and opcode not in HARMLESS:
        return opcode in MANDATORY
    cdb = own or c.plain(opcode, action or 0)
    room = 16 if own else 0
    answer = do(cdb, room)
    for _ in range(4):
        if answer.status == 0 or not answer.code.startswith("6/"):
            break
        answer = do(cdb, room)
    return answer.code not in {INVALID_OPCODE, *([INVALID_FIELD] if action else [])}

"""The command table of a tape drive: what any of them understands, and what one model does."""

from __future__ import annotations

from target.encryption import security
from target.personality import Personality
from target.scsi.command import Command
from target.scsi.command_table import ANY_DEVICE, gather, key
from target.tape import attributes, formatting, positioning, transfer, verify, volume

COMMANDS: tuple[Command, ...] = gather(
    (*ANY_DEVICE, security, attributes, formatting, positioning, transfer, verify, volume)
)
"""Every row, ascending by opcode and service action."""


def of(personality: Personality) -> tuple[Command, ...]:
    """The rows that a model has."""
    return tuple(row for row in COMMANDS if key(row) in personality.commands)

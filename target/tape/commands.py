"""The command table of a tape drive: what any of them understands, and what one model does."""

from __future__ import annotations

from target.encryption import security
from target.personality import Personality
from target.scsi import (
    buffers,
    diagnostics,
    log_commands,
    maintenance,
    mode_commands,
    primary,
    reservations,
)
from target.scsi.command import Command
from target.tape import attributes, formatting, positioning, transfer, verify, volume

_AREAS = (
    primary, mode_commands, log_commands, maintenance, diagnostics, buffers, reservations, security,
    attributes, formatting, positioning, transfer, verify, volume,
)  # fmt: skip

COMMANDS: tuple[Command, ...] = tuple(
    sorted(
        (row for area in _AREAS for row in area.COMMANDS),
        key=lambda row: (row.opcode, row.service_action or 0),
    )
)
"""Every row, ascending by opcode and service action."""


def key(row: Command) -> str:
    """How a personality names a command: "08", or "A3-0C" with its service action."""
    action = row.service_action
    return f"{row.opcode:02X}" + ("" if action is None else f"-{action:02X}")


def of(personality: Personality) -> tuple[Command, ...]:
    """The rows that a model has."""
    return tuple(row for row in COMMANDS if key(row) in personality.commands)

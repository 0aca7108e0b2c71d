"""Tables of commands: gathered from the areas that have them, named as models name them."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

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

ANY_DEVICE = (
    primary, mode_commands, log_commands, maintenance, diagnostics, buffers, reservations,
)  # fmt: skip
"""Areas of SPC, whatever the device type."""


def gather(areas: Iterable[ModuleType]) -> tuple[Command, ...]:
    """Every row of the areas' COMMANDS, ascending by opcode and service action."""
    rows = (row for area in areas for row in area.COMMANDS)
    return tuple(sorted(rows, key=lambda row: (row.opcode, row.service_action or 0)))


def key(row: Command) -> str:
    """How a model names a command: "08", or "A3-0C" with its service action."""
    action = row.service_action
    return f"{row.opcode:02X}" + ("" if action is None else f"-{action:02X}")

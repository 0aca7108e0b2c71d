"""The command table of medium changers: what any of them understands, and what one model does."""

from __future__ import annotations

from target.library import element_reservations, element_status, moving, readiness, volume_tags
from target.library.personality import LibraryModel
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

_AREAS = (
    primary, mode_commands, log_commands, maintenance, diagnostics, buffers, reservations,
    readiness, element_status, moving, volume_tags,
)  # fmt: skip

COMMANDS: tuple[Command, ...] = tuple(
    sorted(
        (row for area in _AREAS for row in area.COMMANDS),
        key=lambda row: (row.opcode, row.service_action or 0),
    )
)
"""Every row, ascending by opcode and service action."""


def key(row: Command) -> str:
    """How a model names a command: "A5", or "A3-0C" with its service action."""
    action = row.service_action
    return f"{row.opcode:02X}" + ("" if action is None else f"-{action:02X}")


def of(model: LibraryModel) -> tuple[Command, ...]:
    """The rows that a model has."""
    own = {row.opcode: row for row in element_reservations.COMMANDS}
    if not model.quirks.get("reserves_elements"):
        own = {}
    return tuple(own.get(row.opcode, row) for row in COMMANDS if key(row) in model.commands)

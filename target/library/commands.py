"""The command table of medium changers: what any of them understands, and what one model does."""

from __future__ import annotations

from target.library import element_reservations, element_status, moving, readiness, volume_tags
from target.library.personality import LibraryModel
from target.scsi.command import Command
from target.scsi.command_table import ANY_DEVICE, gather, key

COMMANDS: tuple[Command, ...] = gather(
    (*ANY_DEVICE, readiness, element_status, moving, volume_tags)
)
"""Every row, ascending by opcode and service action."""


def of(model: LibraryModel) -> tuple[Command, ...]:
    """The rows that a model has."""
    own = {row.opcode: row for row in element_reservations.COMMANDS}
    if not model.quirks.get("reserves_elements"):
        own = {}
    return tuple(own.get(row.opcode, row) for row in COMMANDS if key(row) in model.commands)

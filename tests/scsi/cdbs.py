"""CDBs made from the rows of the command table."""

from __future__ import annotations

from target.scsi.command import Command
from target.tape.commands import COMMANDS


def row_named(name: str) -> Command:
    """The row of a command's name."""
    return next(row for row in COMMANDS if row.name == name)


def plain(row: Command | str, **fields: int) -> bytes:
    """A CDB that the command accepts: everything zero but what it insists on, and ``fields``."""
    command = row_named(row) if isinstance(row, str) else row
    usual = {}
    if command.name == "REPORT LUNS":
        usual["allocation_length"] = 16
    values = {**usual, **fields, "opcode": command.opcode}
    if command.service_action is not None:
        values["service_action"] = command.service_action
    return bytes(command.layout.encode(values))


def allocation(row: Command) -> str | None:
    """The name of the CDB field that limits data-in."""
    return "allocation_length" if "allocation_length" in row.layout else None

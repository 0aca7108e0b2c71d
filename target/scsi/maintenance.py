"""MAINTENANCE IN and OUT: what an initiator can ask of the target itself, and tell it.

REPORT SUPPORTED OPERATION CODES is answered from the command table. References are to SPC-4.
"""

from __future__ import annotations

from target.scsi.command import Call, Command, Completion, Data, Rule, command
from target.scsi.primary import PrimaryUnit


def report_opcodes(unit: PrimaryUnit, call: Call) -> Completion:
    """REPORT SUPPORTED OPERATION CODES, straight from the command table (6.35)."""
    opcode, action = call["requested_opcode"], call["requested_service_action"]
    option, timeouts = call["reporting_options"], call["rctd"]
    if option > 3:
        raise call.invalid("reporting_options")
    if option == 0:
        body = b"".join(_descriptor(unit, row, timeouts) for row in unit.commands)
        return call.reply(len(body).to_bytes(4, "big") + body, call["allocation_length"])
    grouped = unit.has_service_actions(opcode)
    if (option == 1 and grouped) or (option == 2 and unit.find(opcode, None)):
        raise call.invalid("reporting_options")
    row = unit.find(opcode, action if grouped else None)
    if row is None:
        return call.reply(b"\0\1\0\0", call["allocation_length"])
    data = bytes((0, 0x80 * timeouts | 3)) + row.size.to_bytes(2, "big") + row.usage()
    return call.reply(data + _timeouts(unit, row, timeouts), call["allocation_length"])


def _descriptor(unit: PrimaryUnit, row: Command, timeouts: int) -> bytes:
    flags = timeouts << 1 | (row.service_action is not None)
    head = bytes((row.opcode, 0)) + (row.service_action or 0).to_bytes(2, "big")
    return head + bytes((0, flags)) + row.size.to_bytes(2, "big") + _timeouts(unit, row, timeouts)


def _timeouts(unit: PrimaryUnit, row: Command, wanted: int) -> bytes:
    if not wanted:
        return b""
    nominal, recommended = unit.timeouts(row)
    return b"\0\x0a\0\0" + nominal.to_bytes(4, "big") + recommended.to_bytes(4, "big")


COMMANDS = (
    command(
        0xA3,
        "REPORT SUPPORTED OPERATION CODES",
        """2.7 rctd, 2.2-0 reporting_options, 3 requested_opcode
        4-5 requested_service_action, 6-9 allocation_length""",
        report_opcodes,
        Data.IN,
        Rule.PASSES_RESERVATION,
        service_action=0x0C,
    ),
)
"""The rows of the command table that this module serves."""

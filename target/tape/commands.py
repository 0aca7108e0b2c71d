"""The command table of an LTO drive: everything it understands, one row a command."""

from __future__ import annotations

from target.encryption import security
from target.scsi import maintenance, primary, reservations
from target.scsi.command import Data, Rule, command
from target.tape import positioning, transfer, volume

_MEDIUM = Rule.NEEDS_MEDIUM

COMMANDS = tuple(
    sorted(
        (
            *primary.COMMANDS,
            *maintenance.COMMANDS,
            *reservations.COMMANDS,
            *security.COMMANDS,
            command(0x00, "TEST UNIT READY", "", volume.test_unit_ready, rules=_MEDIUM),
            command(
                0x01, "REWIND", "1.0 immed", positioning.rewind, rules=_MEDIUM, timeout="rewind",
            ),
            command(
                0x05, "READ BLOCK LIMITS", "", transfer.read_block_limits, Data.IN,
                Rule.PASSES_RESERVATION,
            ),
            command(
                0x08, "READ(6)", "1.1 sili, 1.0 fixed, 2-4 transfer_length", transfer.read, Data.IN,
                _MEDIUM, "read",
            ),
            command(
                0x0A, "WRITE(6)", "1.0 fixed, 2-4 transfer_length", transfer.write, Data.OUT,
                _MEDIUM, "write",
            ),
            command(
                0x10, "WRITE FILEMARKS(6)", "1.0 immed, 2-4 count", transfer.write_filemarks,
                rules=_MEDIUM, timeout="filemarks",
            ),
            command(
                0x11, "SPACE(6)", "1.2-0 code, 2-4 count", positioning.space, rules=_MEDIUM,
                timeout="locate",
            ),
            command(
                0x13, "VERIFY(6)",
                """1.5 vte, 1.4 vlbpm, 1.3 vbf, 1.2 immed, 1.1 bytcmp, 1.0 fixed
                2-4 verification_length""",
                transfer.verify, rules=_MEDIUM, timeout="verify",
            ),
            command(
                0x19, "ERASE(6)", "1.1 immed, 1.0 long", transfer.erase, rules=_MEDIUM,
                timeout="erase",
            ),
            command(
                0x1B, "LOAD UNLOAD", "1.0 immed, 4.3 hold, 4.2 eot, 4.1 reten, 4.0 load",
                volume.load_unload, timeout="load",
            ),
            command(
                0x1E, "PREVENT ALLOW MEDIUM REMOVAL", "4.1-0 prevent", volume.prevent_allow,
            ),
            command(
                0x2B, "LOCATE(10)", "1.2 bt, 1.1 cp, 1.0 immed, 3-6 object, 8 partition",
                positioning.locate, rules=_MEDIUM, timeout="locate",
            ),
            command(
                0x34, "READ POSITION", "1.4-0 service_action_code, 7-8 allocation_length",
                positioning.read_position, Data.IN, _MEDIUM,
            ),
            command(
                0x44, "REPORT DENSITY SUPPORT", "1.1 medium_type, 1.0 media, 7-8 allocation_length",
                volume.report_density, Data.IN,
            ),
            command(
                0x91, "SPACE(16)", "1.3-0 code, 4-11 count", positioning.space, rules=_MEDIUM,
                timeout="locate",
            ),
            command(
                0x92, "LOCATE(16)", "1.4-3 dest_type, 1.1 cp, 1.0 immed, 3 partition, 4-11 object",
                positioning.locate, rules=_MEDIUM, timeout="locate",
            ),
        ),
        key=lambda row: (row.opcode, row.service_action or 0),
    )
)  # fmt: skip
"""Ascending by opcode."""

"""MAINTENANCE IN and OUT: what an initiator can ask of the target itself, and tell it.

Commands, task management functions, port groups and identifying information are reported from
tables; the timestamp counts milliseconds by the unit's clock, from zero at a reset or from what
SET TIMESTAMP gave. Identifying information is kept without power. References are to SPC-4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Command, Completion, Data, Rule, command
from target.scsi.layout import Layout
from target.scsi.primary import PrimaryUnit
from target.scsi.sense import CheckCondition, invalid_cdb, invalid_parameter

# --- REPORT SUPPORTED OPERATION CODES --------------------------------------------------------


def report_opcodes(unit: PrimaryUnit, call: Call) -> Completion:
    """REPORT SUPPORTED OPERATION CODES, straight from the command table (6.35).

    5/24/00 for an option above 3, option 1 for an opcode with service actions and option 2 for
    one without; a command that is not there is SUPPORT 001b.
    """
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
    if row is None or (option == 3 and action and not grouped):
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


# --- REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS ----------------------------------------------

TASK_MANAGEMENT = Layout(
    """0.7  ats
    0.6     atss
    0.5     cacas
    0.4     ctss
    0.3     lurs
    0.2     qts
    1.2     qaes
    1.1     qtss
    1.0     itnrs
    3       additional_length
    4.0     tmftmov
    8-11    long_timeout
    12-15   short_timeout""",
    16,
)

FUNCTIONS = {"ats": 1, "atss": 1, "ctss": 1, "lurs": 1, "qts": 1, "itnrs": 1}
"""Those of a drive with a SAS port; CLEAR ACA is missing because NACA is."""


def report_functions(unit: PrimaryUnit, call: Call) -> Completion:
    """REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (6.36): 4 bytes, or 16 with REPD.

    No timeouts are known: TMFTMOV is 0. 5/24/00 where the allocation length is below 4.
    """
    if call["allocation_length"] < 4:
        raise call.invalid("allocation_length")
    more = TASK_MANAGEMENT.size - 4 if call["repd"] else 0
    data = TASK_MANAGEMENT.encode(FUNCTIONS, additional_length=more)
    return call.reply(data[: 4 + more], call["allocation_length"])


# --- REPORT TARGET PORT GROUPS ---------------------------------------------------------------

PORT_GROUP = Layout(
    """0.7  pref
    0.3-0   access_state
    1.7     t_sup
    1.6     o_sup
    1.3     u_sup
    1.2     s_sup
    1.1     an_sup
    1.0     ao_sup
    2-3     group
    5       status_code
    7       port_count""",
    8,
)
PORT = Layout("2-3 relative_port", 4)


def report_port_groups(unit: PrimaryUnit, call: Call) -> Completion:
    """REPORT TARGET PORT GROUPS (6.37): one group of all ports, active/optimized for ever.

    5/24/00 as for an unknown service action where TPGS in the INQUIRY data says that there are
    no groups; such a model has no row of this command.
    """
    if not unit.inquiry_data[5] >> 4 & 3:
        raise invalid_cdb(1, 4)
    extended = call["parameter_data_format"]
    if extended > 1:
        raise call.invalid("parameter_data_format")
    body = PORT_GROUP.encode(ao_sup=1, group=1, port_count=len(unit.ports))
    for number in range(1, len(unit.ports) + 1):
        body += PORT.encode(relative_port=number)
    if extended:
        # RETURN DATA FORMAT 001b and no IMPLICIT TRANSITION TIME: nothing ever changes.
        body = bytearray(b"\x10\0\0\0") + body
    return call.reply(len(body).to_bytes(4, "big") + body, call["allocation_length"])


# --- identifying information -----------------------------------------------------------------


class Information(IntEnum):
    """INFORMATION TYPE (6.32)."""

    PERIPHERAL = 0x00
    TEXT = 0x02
    SUPPORTED = 0x7F


IDENTIFYING = {Information.PERIPHERAL: 64, Information.TEXT: 256}
"""What can be set, and how many bytes of it; 64 is what tape drives of all makers take."""


def report_identifying(unit: PrimaryUnit, call: Call) -> Completion:
    """REPORT IDENTIFYING INFORMATION (6.32; SPC-3: REPORT DEVICE IDENTIFIER).

    5/24/00 for an information type that is not there.
    """
    kind = call["information_type"]
    if kind == Information.SUPPORTED:
        body = b"".join(bytes((of << 1, 0, *size.to_bytes(2))) for of, size in IDENTIFYING.items())
    elif kind in IDENTIFYING:
        body = bytes.fromhex(unit.memory.get("identifying", {}).get(f"{kind:02X}", ""))
    else:
        raise call.invalid("information_type")
    return call.reply(len(body).to_bytes(4, "big") + body, call["allocation_length"])


def set_identifying(unit: PrimaryUnit, call: Call) -> Completion:
    """SET IDENTIFYING INFORMATION (6.43; SPC-3: SET DEVICE IDENTIFIER), kept without power.

    5/24/00 for a type that cannot be set or more bytes than it holds, 5/26/00 for text that is
    not UTF-8 with one null at its end. A change is 6/3F/05 for the other nexuses.
    """
    kind, length = call["information_type"], call["parameter_list_length"]
    if kind not in IDENTIFYING:
        raise call.invalid("information_type")
    if length > IDENTIFYING[Information(kind)]:
        raise call.invalid("parameter_list_length")
    data = bytes(call.parameters(length))
    if kind == Information.TEXT and data:
        _check_text(data)
    known = unit.memory.get("identifying", {})
    name = f"{kind:02X}"
    if data.hex() != known.get(name, ""):
        unit.remember(identifying={**known, name: data.hex()})
        unit.attention(s.DEVICE_IDENTIFIER_CHANGED, but=call.nexus)
    return GOOD


def _check_text(data: bytes) -> None:
    end = data.find(0)
    if end != len(data) - 1:
        raise invalid_parameter(end if end >= 0 else len(data) - 1)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise invalid_parameter(error.start) from None


# --- timestamp -------------------------------------------------------------------------------


@dataclass
class Timestamp:
    """``milliseconds`` at the instant ``since`` of the unit's monotonic clock (5.14)."""

    origin: int
    milliseconds: int
    since: float


SINCE_RESET, SET_BY_COMMAND = 0b000, 0b010

REPORT_TIMESTAMP = Layout("0-1 length, 2.2-0 origin, 4-9 timestamp", 12)
SET_TIMESTAMP = Layout("4-9 timestamp", 12)


def timestamp(unit: PrimaryUnit) -> tuple[int, int]:
    """(TIMESTAMP ORIGIN, TIMESTAMP in milliseconds) now."""
    known: Timestamp | None = unit.volatile.get("timestamp")
    start = known or Timestamp(SINCE_RESET, 0, unit.reset_at)
    passed = int((unit.clock.monotonic() - start.since) * 1000)
    return start.origin, (start.milliseconds + passed) % (1 << 48)


def report_timestamp(unit: PrimaryUnit, call: Call) -> Completion:
    """REPORT TIMESTAMP (6.38)."""
    origin, now = timestamp(unit)
    data = REPORT_TIMESTAMP.encode(length=10, origin=origin, timestamp=now)
    return call.reply(data, call["allocation_length"])


def set_timestamp(unit: PrimaryUnit, call: Call) -> Completion:
    """SET TIMESTAMP (6.46): 6/2A/10 for the other nexuses.

    5/24/00 while SCSIP in the control extension mode page is 0, 5/26/00 for a timestamp whose
    first byte is above F0h.
    """
    extension = unit.modes.current.get((0x0A, 0x01))
    if extension is not None and not extension.get("scsip", 1):
        raise call.invalid("service_action")
    if not call["parameter_list_length"]:
        return GOOD
    if call["parameter_list_length"] < SET_TIMESTAMP.size:
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    data = call.parameters(SET_TIMESTAMP.size)
    stray = SET_TIMESTAMP.stray_bit(data)
    if stray:
        raise invalid_parameter(*stray)
    value = SET_TIMESTAMP["timestamp"].get(data)
    if value >> 40 > 0xF0:
        raise invalid_parameter(4)
    unit.volatile["timestamp"] = Timestamp(SET_BY_COMMAND, value, unit.clock.monotonic())
    unit.attention(s.TIMESTAMP_CHANGED, but=call.nexus)
    return GOOD


_IN, _OUT = 0xA3, 0xA4
_ALLOCATION, _LIST = "6-9 allocation_length", "6-9 parameter_list_length"
_TYPE = "10.7-1 information_type"
_PASSES = Rule.PASSES_RESERVATION
# What SPC-4 table 65 lets pass under Write Exclusive alone.
_LESS = Rule.PASSES_LEGACY | Rule.PASSES_WRITE_EXCLUSIVE

COMMANDS = (
    command(
        _IN, "REPORT IDENTIFYING INFORMATION", f"{_ALLOCATION}, {_TYPE}", report_identifying,
        Data.IN, _PASSES, service_action=0x05,
    ),
    command(
        _IN, "REPORT TARGET PORT GROUPS", f"1.7-5 parameter_data_format, {_ALLOCATION}",
        report_port_groups, Data.IN, _PASSES, service_action=0x0A,
    ),
    command(
        _IN, "REPORT SUPPORTED OPERATION CODES",
        f"""2.7 rctd, 2.2-0 reporting_options, 3 requested_opcode
        4-5 requested_service_action, {_ALLOCATION}""",
        report_opcodes, Data.IN, _LESS, service_action=0x0C,
    ),
    command(
        _IN, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", f"2.7 repd, {_ALLOCATION}",
        report_functions, Data.IN, _LESS, service_action=0x0D,
    ),
    command(
        _IN, "REPORT TIMESTAMP", _ALLOCATION, report_timestamp, Data.IN, _PASSES,
        service_action=0x0F,
    ),
    command(
        _OUT, "SET IDENTIFYING INFORMATION", f"{_LIST}, {_TYPE}", set_identifying, Data.OUT,
        service_action=0x06,
    ),
    command(_OUT, "SET TIMESTAMP", _LIST, set_timestamp, Data.OUT, service_action=0x0F),
)  # fmt: skip
"""The rows of the command table that this module serves."""

"""Headers of PDUs, declared once (RFC 7143 section 11): the same table for target and initiator.

A basic header segment (BHS) is 48 bytes. Byte 0 has the opcode, bytes 4 to 7 the lengths of what
follows: additional header segments in words, and the data segment in bytes, padded to words.
"""

from __future__ import annotations

from collections.abc import Mapping

from target.scsi.layout import Layout

BHS = 48
IMMEDIATE = 0x40
"""Bit of byte 0: deliver at once, out of the order of CmdSN."""
FINAL = 0x80
"""Bit of byte 1 in most PDUs."""
NO_TAG = 0xFFFFFFFF
"""The reserved initiator task tag and target transfer tag."""

_COMMON = "0.6 immediate, 0.5-0 opcode, 4 ahs_length, 5-7 data_length, 16-19 itt"
_REQUEST = _COMMON + ", 24-27 cmd_sn, 28-31 exp_stat_sn"
_RESPONSE = _COMMON + ", 24-27 stat_sn, 28-31 exp_cmd_sn, 32-35 max_cmd_sn"
_NUMBERS = "28-31 exp_cmd_sn, 32-35 max_cmd_sn"
_LOGIN = "1.7 transit, 1.6 continue, 1.3-2 csg, 1.1-0 nsg, 8-13 isid, 14-15 tsih"


class Pdu:
    """One kind of PDU: its opcode and its header's fields.

    Reads and writes a header as one number, which is several times faster than field by field.
    """

    def __init__(self, name: str, opcode: int, fields: str) -> None:
        self.name = name
        self.opcode = opcode
        self.layout = Layout(fields, BHS)
        self._fields = {
            field.name: ((BHS - 1 - field.last) * 8 + field.shift, field.maximum)
            for field in self.layout
        }

    def read(self, header: bytes | bytearray | memoryview) -> dict[str, int]:
        """Every field of a header."""
        number = int.from_bytes(header[:BHS], "big")
        return {name: number >> shift & top for name, (shift, top) in self._fields.items()}

    def make(self, values: Mapping[str, int] | None = None, /, **more: int) -> bytearray:
        """A header with the given fields, everything else zero; numbers are cut to their fields."""
        number = self.opcode << (BHS - 1) * 8
        for name, value in {**(values or {}), **more}.items():
            shift, top = self._fields[name]
            number |= (value & top) << shift
        return bytearray(number.to_bytes(BHS, "big"))


NOP_OUT = Pdu("NOP-Out", 0x00, f"{_REQUEST}, 1.7 final, 8-15 lun, 20-23 ttt")
SCSI_COMMAND = Pdu(
    "SCSI Command",
    0x01,
    f"{_REQUEST}, 1.7 final, 1.6 read, 1.5 write, 1.2-0 attribute, 8-15 lun, 20-23 length,"
    " 32-47 cdb",
)
TASK_MANAGEMENT = Pdu(
    "Task Management Function Request",
    0x02,
    f"{_REQUEST}, 1.7 final, 1.6-0 function, 8-15 lun, 20-23 referenced_tag,"
    " 32-35 ref_cmd_sn, 36-39 exp_data_sn",
)
LOGIN = Pdu(
    "Login Request",
    0x03,
    f"{_REQUEST}, {_LOGIN}, 2 version_max, 3 version_min, 20-21 cid",
)
TEXT = Pdu("Text Request", 0x04, f"{_REQUEST}, 1.7 final, 1.6 continue, 8-15 lun, 20-23 ttt")
DATA_OUT = Pdu(
    "SCSI Data-Out",
    0x05,
    f"{_COMMON}, 1.7 final, 8-15 lun, 20-23 ttt, 28-31 exp_stat_sn, 36-39 data_sn, 40-43 offset",
)
LOGOUT = Pdu("Logout Request", 0x06, f"{_REQUEST}, 1.7 final, 1.6-0 reason, 20-21 cid")
SNACK = Pdu(
    "SNACK Request",
    0x10,
    f"{_COMMON}, 1.7 final, 1.3-0 type, 8-15 lun, 20-23 ttt, 28-31 exp_stat_sn,"
    " 40-43 beg_run, 44-47 run_length",
)

NOP_IN = Pdu("NOP-In", 0x20, f"{_RESPONSE}, 1.7 final, 8-15 lun, 20-23 ttt")
SCSI_RESPONSE = Pdu(
    "SCSI Response",
    0x21,
    f"{_RESPONSE}, 1.7 final, 1.4 bidi_overflow, 1.3 bidi_underflow, 1.2 overflow, 1.1 underflow,"
    " 2 response, 3 status, 20-23 snack_tag, 36-39 exp_data_sn, 40-43 bidi_residual,"
    " 44-47 residual",
)
TASK_MANAGEMENT_RESPONSE = Pdu(
    "Task Management Function Response", 0x22, f"{_RESPONSE}, 1.7 final, 2 response"
)
LOGIN_RESPONSE = Pdu(
    "Login Response",
    0x23,
    f"{_RESPONSE}, {_LOGIN}, 2 version_max, 3 version_active, 36 status_class, 37 status_detail",
)
TEXT_RESPONSE = Pdu(
    "Text Response", 0x24, f"{_RESPONSE}, 1.7 final, 1.6 continue, 8-15 lun, 20-23 ttt"
)
DATA_IN = Pdu(
    "SCSI Data-In",
    0x25,
    f"{_RESPONSE}, 1.7 final, 1.6 acknowledge, 1.2 overflow, 1.1 underflow, 1.0 has_status,"
    " 3 status, 8-15 lun, 20-23 ttt, 36-39 data_sn, 40-43 offset, 44-47 residual",
)
LOGOUT_RESPONSE = Pdu(
    "Logout Response", 0x26, f"{_RESPONSE}, 1.7 final, 2 response, 40-41 time2wait, 42-43 retain"
)
R2T = Pdu(
    "Ready To Transfer",
    0x31,
    f"{_COMMON}, {_NUMBERS}, 1.7 final, 8-15 lun, 20-23 ttt, 24-27 stat_sn, 36-39 r2t_sn,"
    " 40-43 offset, 44-47 length",
)
ASYNC_MESSAGE = Pdu(
    "Asynchronous Message",
    0x32,
    f"{_RESPONSE}, 1.7 final, 8-15 lun, 36 event, 37 vendor_code, 38-39 parameter1,"
    " 40-41 parameter2, 42-43 parameter3",
)
REJECT = Pdu("Reject", 0x3F, f"{_RESPONSE}, 1.7 final, 2 reason, 36-39 data_sn")

REQUESTS = {
    kind.opcode: kind
    for kind in (NOP_OUT, SCSI_COMMAND, TASK_MANAGEMENT, LOGIN, TEXT, DATA_OUT, LOGOUT, SNACK)
}
"""What an initiator sends, by opcode."""
RESPONSES = {
    kind.opcode: kind
    for kind in (
        NOP_IN,
        SCSI_RESPONSE,
        TASK_MANAGEMENT_RESPONSE,
        LOGIN_RESPONSE,
        TEXT_RESPONSE,
        DATA_IN,
        LOGOUT_RESPONSE,
        R2T,
        ASYNC_MESSAGE,
        REJECT,
    )
}
"""What a target sends, by opcode."""

# Reasons of Reject (11.17.1).
DATA_DIGEST_ERROR = 0x02
SNACK_REJECT = 0x03
PROTOCOL_ERROR = 0x04
NOT_SUPPORTED = 0x05
TOO_MANY_IMMEDIATE = 0x06
TASK_IN_PROGRESS = 0x07
INVALID_FIELD = 0x09

EXTENDED_CDB, BIDIRECTIONAL_LENGTH = 1, 2
"""Types of additional header segments (11.2.2)."""


def padding(length: int) -> int:
    """Bytes after a segment of that length, up to the next word."""
    return -length & 3


def later(a: int, b: int) -> bool:
    """Whether serial number ``a`` comes after ``b`` (RFC 1982, 32 bits)."""
    return 0 < (a - b & 0xFFFFFFFF) < 0x80000000


def extended_cdb(cdb: bytes, ahs: bytes) -> bytes | None:
    """The whole CDB of a SCSI Command, from its header's 16 bytes and additional headers.

    None if those are malformed or of a kind that this target does not take.
    """
    at = 0
    while at + 4 <= len(ahs):
        length, kind = int.from_bytes(ahs[at : at + 2], "big"), ahs[at + 2]
        end = at + 3 + length
        if kind != EXTENDED_CDB or length < 2 or end > len(ahs):
            return None
        cdb += ahs[at + 4 : end]
        at = end + padding(end)
    return cdb if at >= len(ahs) else None

"""iSCSI PDUs (RFC 7143 section 11), without digests.

TOTAL AHS LENGTH is in words, DATA SEGMENT LENGTH in bytes; the segments are padded to words. Text
keys are in ``data`` as they go over the wire, zero-terminated: `text` and `keys`.
"""

from __future__ import annotations

from typing import Any

from scapy.fields import StrLenField

from harness.layers.base import Fields, Number, Structure, bits

BHS = 48


class _AhsWords(Number):
    """TOTAL AHS LENGTH: words of ``ahs``."""

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        return super().addfield(pkt, s, (len(pkt.ahs) + 3) // 4 & 0xFF if val is None else val)


class _DataBytes(Number):
    """DATA SEGMENT LENGTH: bytes of ``data``."""

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        return super().addfield(pkt, s, len(pkt.data) & 0xFFFFFF if val is None else val)


class _Padded(StrLenField):
    """Bytes, and zeros behind them up to the next word."""

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        data = bytes(self.i2m(pkt, val))
        return s + data + bytes(-len(data) & 3)

    def getfield(self, pkt: Any, s: bytes) -> tuple[bytes, bytes]:
        assert self.length_from is not None
        length = self.length_from(pkt)
        return s[length + (-length & 3) :], s[:length]


def pdu(opcode: int, flags: str, specific: str) -> Fields:
    """The fields of a PDU: ``flags`` are bytes 1 to 3, ``specific`` bytes 8 to 47."""
    fields = bits(f"- i opcode:6={opcode} {flags}")
    fields.append(_AhsWords("total_ahs_length", None, 1))
    fields.append(_DataBytes("data_segment_length", None, 3))
    return [
        *fields,
        *bits(specific, at=8),
        _Padded("ahs", b"", length_from=lambda packet: 4 * (packet.total_ahs_length or 0)),
        _Padded("data", b"", length_from=lambda packet: packet.data_segment_length or 0),
    ]


class Pdu(Structure):
    """An iSCSI PDU (RFC 7143 11)."""

    def keys(self) -> dict[str, str]:
        """The text keys in the data segment."""
        pairs = (
            one.split("=", 1) for one in bytes(self.data).decode("utf-8", "replace").split("\0")
        )
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def text(keys: dict[str, str]) -> bytes:
    """A data segment of text keys."""
    return b"".join(f"{key}={value}\0".encode() for key, value in keys.items())


_OUT = "cmdsn:32 expstatsn:32"
_IN = "statsn:32 expcmdsn:32 maxcmdsn:32"
_TAGS = "lun:64 initiator_task_tag:32 target_transfer_tag:32"
_LOGIN = "isid:48 tsih:16 initiator_task_tag:32"


class NopOut(Pdu):
    """NOP-Out (RFC 7143 11.18)."""

    fields_desc = pdu(0x00, "f=1 -:23", f"{_TAGS} {_OUT} -:128")


class ScsiCommand(Pdu):
    """SCSI Command (RFC 7143 11.3)."""

    fields_desc = pdu(
        0x01,
        "f=1 r w -:2 attr:3 -:16",
        f"lun:64 initiator_task_tag:32 expected_data_transfer_length:32 {_OUT} cdb:16b",
    )


class TaskManagementRequest(Pdu):
    """Task Management Function Request (RFC 7143 11.5)."""

    fields_desc = pdu(
        0x02,
        "f=1 function:7 -:16",
        f"lun:64 initiator_task_tag:32 referenced_task_tag:32 {_OUT} refcmdsn:32 expdatasn:32 -:64",
    )


class LoginRequest(Pdu):
    """Login Request (RFC 7143 11.12)."""

    fields_desc = pdu(
        0x03,
        "t c -:2 csg:2 nsg:2 version_max:8 version_min:8",
        f"{_LOGIN} cid:16 -:16 {_OUT} -:128",
    )


class TextRequest(Pdu):
    """Text Request (RFC 7143 11.10)."""

    fields_desc = pdu(0x04, "f=1 c -:22", f"{_TAGS} {_OUT} -:128")


class DataOut(Pdu):
    """SCSI Data-Out (RFC 7143 11.7)."""

    fields_desc = pdu(
        0x05, "f=1 -:23", f"{_TAGS} -:32 expstatsn:32 -:32 datasn:32 buffer_offset:32 -:32"
    )


class LogoutRequest(Pdu):
    """Logout Request (RFC 7143 11.14)."""

    fields_desc = pdu(
        0x06, "f=1 reason_code:7 -:16", f"-:64 initiator_task_tag:32 cid:16 -:16 {_OUT} -:128"
    )


class SnackRequest(Pdu):
    """SNACK Request (RFC 7143 11.16)."""

    fields_desc = pdu(
        0x10,
        "f=1 -:3 type:4 -:16",
        f"{_TAGS} -:32 expstatsn:32 -:64 begrun:32 runlength:32",
    )


class NopIn(Pdu):
    """NOP-In (RFC 7143 11.19)."""

    fields_desc = pdu(0x20, "f=1 -:23", f"{_TAGS} {_IN} -:96")


class ScsiResponse(Pdu):
    """SCSI Response (RFC 7143 11.4)."""

    fields_desc = pdu(
        0x21,
        "f=1 -:2 bidi_overflow bidi_underflow overflow underflow - response:8 status:8",
        f"-:64 initiator_task_tag:32 snack_tag:32 {_IN} expdatasn:32"
        " bidirectional_read_residual_count:32 residual_count:32",
    )


class TaskManagementResponse(Pdu):
    """Task Management Function Response (RFC 7143 11.6)."""

    fields_desc = pdu(0x22, "f=1 -:7 response:8 -:8", f"-:64 initiator_task_tag:32 -:32 {_IN} -:96")


class LoginResponse(Pdu):
    """Login Response (RFC 7143 11.13)."""

    fields_desc = pdu(
        0x23,
        "t c -:2 csg:2 nsg:2 version_max:8 version_active:8",
        f"{_LOGIN} -:32 {_IN} status_class:8 status_detail:8 -:16 -:64",
    )


class TextResponse(Pdu):
    """Text Response (RFC 7143 11.11)."""

    fields_desc = pdu(0x24, "f=1 c -:22", f"{_TAGS} {_IN} -:96")


class DataIn(Pdu):
    """SCSI Data-In (RFC 7143 11.7)."""

    fields_desc = pdu(
        0x25,
        "f=1 a -:3 o u s -:8 status:8",
        f"{_TAGS} {_IN} datasn:32 buffer_offset:32 residual_count:32",
    )


class LogoutResponse(Pdu):
    """Logout Response (RFC 7143 11.15)."""

    fields_desc = pdu(
        0x26,
        "f=1 -:7 response:8 -:8",
        f"-:64 initiator_task_tag:32 -:32 {_IN} -:32 time2wait:16 time2retain:16 -:32",
    )


class ReadyToTransfer(Pdu):
    """Ready To Transfer (RFC 7143 11.8)."""

    fields_desc = pdu(
        0x31,
        "f=1 -:23",
        f"{_TAGS} {_IN} r2tsn:32 buffer_offset:32 desired_data_transfer_length:32",
    )


class AsynchronousMessage(Pdu):
    """Asynchronous Message (RFC 7143 11.9)."""

    fields_desc = pdu(
        0x32,
        "f=1 -:23",
        f"lun:64 initiator_task_tag:32=0xFFFFFFFF -:32 {_IN} asyncevent:8 asyncvcode:8"
        " parameter1:16 parameter2:16 parameter3:16 -:32",
    )


class Reject(Pdu):
    """Reject (RFC 7143 11.17)."""

    fields_desc = pdu(
        0x3F,
        "f=1 -:7 reason:8 -:8",
        f"-:64 initiator_task_tag:32=0xFFFFFFFF -:32 {_IN} datasn_r2tsn:32 -:64",
    )


def _opcode(kind: Any) -> int:
    return next(int(field.default) for field in kind.fields_desc if field.name == "opcode")


PDUS: dict[int, type[Pdu]] = {_opcode(kind): kind for kind in Pdu.__subclasses__()}
"""By opcode."""


def dissect_pdu(data: bytes) -> Pdu:
    """The PDU that ``data`` begins with; what is behind it is its payload.

    Raises ValueError for less than a header, or an opcode that there is not.
    """
    if len(data) < BHS:
        raise ValueError(f"{len(data)} bytes are no iSCSI header")
    kind = PDUS.get(data[0] & 0x3F)
    if kind is None:
        raise ValueError(f"there is no iSCSI PDU with opcode {data[0] & 0x3F:02X}h")
    return kind(bytes(data))

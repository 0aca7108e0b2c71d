"""An exported iSCSI session (RFC 7143): a login, then the PDUs of each command and its answer."""

from __future__ import annotations

import struct

from harness.trace.reader import Command, Data
from harness.trace.stream import Stream

SEGMENT = 32768
"""Bytes of data in a PDU at most."""
KEYS = {
    "SessionType": "Normal",
    "HeaderDigest": "None",
    "DataDigest": "None",
    "InitialR2T": "No",
    "ImmediateData": "Yes",
    "MaxRecvDataSegmentLength": str(SEGMENT),
    "FirstBurstLength": "16777215",
    "MaxBurstLength": "16777215",
}
_LOGIN, _COMMAND, _DATA_OUT = 0x43, 0x01, 0x05
_LOGIN_ANSWER, _ANSWER, _DATA_IN = 0x23, 0x21, 0x25
_FINAL, _READ, _WRITE, _SIMPLE = 0x80, 0x40, 0x20, 0x01
_UNDERFLOW, _OVERFLOW = 0x02, 0x04
_TO_FULL_FEATURE = 0x87
"""T, CSG 1 and NSG 3: from operational negotiation into the full feature phase."""
_NONE = 0xFFFFFFFF
_CDB = 16
LONGEST_CDB = 260
"""Bytes of a CDB (SPC-4 4.2.3); what is behind is left out."""
_WINDOW = 32
_ISID = bytes((0x80, 0, 0, 0, 0, 1))


class Session:
    """The session of one nexus; numbers begin with 1."""

    def __init__(self, stream: Stream, initiator: str, target: str) -> None:
        self._stream = stream
        self._names = {"InitiatorName": initiator, "TargetName": target}
        self._task = 0
        self._command = 1
        """CmdSN of the next command."""
        self._status = 1
        """StatSN of the next answer."""

    def login(self, when: float) -> None:
        """The connection, and both PDUs of a login (RFC 7143 11.12, 11.13)."""
        self._stream.open(when)
        text = _text({**self._names, **KEYS})
        tail = struct.pack(">IHHII16x", 0, 0, 0, self._command, 0)
        head = bytes((_LOGIN, _TO_FULL_FEATURE, 0, 0)) + _lengths(len(text)) + _ISID + bytes(2)
        self._send(when, head + tail, Data(len(text), text))
        agreed = {key: KEYS[key] for key in KEYS if key != "SessionType"}
        text = _text({"TargetPortalGroupTag": "1", **agreed})
        tail = struct.pack(">I4xIII2x10x", 0, self._status, self._command, self._command + _WINDOW)
        head = bytes((_LOGIN_ANSWER, _TO_FULL_FEATURE, 0, 0)) + _lengths(len(text)) + _ISID
        self._send(when, head + b"\0\1" + tail, Data(len(text), text), back=True)
        self._status += 1

    def command(self, start: float, command: Command, comment: str = "") -> None:
        """The PDUs of a command that was sent at ``start``, and of its answer."""
        self._task += 1
        writes = bool(command.out.length) and not command.data.length
        wanted = command.out.length if writes else max(command.room, command.data.length)
        self._ask(start, command, wanted, writes=writes, comment=comment)
        self._command += 1
        end = start + command.took
        pieces = _pieces(command.data, 0)
        for number, (offset, piece) in enumerate(pieces):
            self._data_in(end, piece, offset, number, last=number == len(pieces) - 1)
        self._answer(end, command, wanted - command.data.length * (not writes), len(pieces))

    def _ask(
        self, when: float, command: Command, wanted: int, *, writes: bool, comment: str
    ) -> None:
        """SCSI Command, its immediate data, and Data-Out for the rest (11.3, 11.7)."""
        out = command.out if writes else Data(0, b"")
        first = _cut(out, 0, min(out.length, SEGMENT))
        flags = _SIMPLE | (_WRITE if writes else _READ if wanted else 0)
        if first.length == out.length:
            flags |= _FINAL
        more = command.cdb[_CDB:LONGEST_CDB]
        extra = struct.pack(">HBx", len(more) + 1, 1) + more if more else b""
        extra += bytes(-len(extra) % 4)
        head = bytes((_COMMAND, flags, 0, 0)) + _lengths(first.length, len(extra)) + bytes(8)
        head += struct.pack(">IIII", self._task, wanted, self._command, self._status)
        head += command.cdb[:_CDB].ljust(_CDB, b"\0") + extra
        self._send(when, head, first, comment=comment)
        pieces = _pieces(out, first.length)
        for number, (offset, piece) in enumerate(pieces):
            flags = _FINAL if number == len(pieces) - 1 else 0
            head = bytes((_DATA_OUT, flags, 0, 0)) + _lengths(piece.length) + bytes(8)
            head += struct.pack(">II4xI4xII4x", self._task, _NONE, self._status, number, offset)
            self._send(when, head, piece)

    def _data_in(self, when: float, piece: Data, offset: int, number: int, *, last: bool) -> None:
        """Data-In without status (11.7)."""
        head = bytes((_DATA_IN, _FINAL if last else 0, 0, 0)) + _lengths(piece.length) + bytes(8)
        head += struct.pack(
            ">IIIIIII4x",
            self._task,
            _NONE,
            0,
            self._command,
            self._command + _WINDOW,
            number,
            offset,
        )
        self._send(when, head, piece, back=True)

    def _answer(self, when: float, command: Command, residual: int, pieces: int) -> None:
        """SCSI Response with sense data (11.4)."""
        sense = struct.pack(">H", len(command.sense)) + command.sense if command.sense else b""
        flags = _FINAL | (_UNDERFLOW if residual > 0 else _OVERFLOW if residual < 0 else 0)
        head = bytes((_ANSWER, flags, 0, command.status)) + _lengths(len(sense)) + bytes(8)
        head += struct.pack(
            ">I4xIIII4xI",
            self._task,
            self._status,
            self._command,
            self._command + _WINDOW,
            pieces,
            abs(residual),
        )
        self._send(when, head, Data(len(sense), sense), back=True)
        self._status += 1

    def _send(
        self, when: float, head: bytes, data: Data, *, back: bool = False, comment: str = ""
    ) -> None:
        padded = data.length + -data.length % 4
        known = data.head if not data.complete else data.head.ljust(padded, b"\0")
        self._stream.send(when, head + known, len(head) + padded, back=back, comment=comment)


def _lengths(data: int, extra: int = 0) -> bytes:
    """TotalAHSLength and DataSegmentLength."""
    return bytes((extra // 4,)) + data.to_bytes(3, "big")


def _text(keys: dict[str, str]) -> bytes:
    return "".join(f"{key}={value}\0" for key, value in keys.items()).encode()


def _cut(data: Data, start: int, end: int) -> Data:
    """A piece of data; what is not known of it is left out."""
    return Data(end - start, data.head[start:end])


def _pieces(data: Data, start: int) -> list[tuple[int, Data]]:
    """What comes from ``start`` on, a PDU each, with where it begins."""
    return [
        (at, _cut(data, at, min(at + SEGMENT, data.length)))
        for at in range(start, data.length, SEGMENT)
    ]

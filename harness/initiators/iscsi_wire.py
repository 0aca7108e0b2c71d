"""An iSCSI connection as an initiator has it: PDUs over a plain socket (RFC 7143)."""

from __future__ import annotations

import socket
import time
from typing import NamedTuple

from harness.initiators.api import TIMEOUT
from target.transports.iscsi import pdu
from target.transports.iscsi.pdu import Pdu, padding
from target.transports.iscsi.stream import crc32c


class Answer(NamedTuple):
    """A PDU from the target: its kind, its header's fields and its data."""

    kind: Pdu
    fields: dict[str, int]
    data: bytes


class Wire:
    """A connection: PDUs out and in, numbers and digests as told."""

    def __init__(self, address: tuple[str, int], timeout: float = TIMEOUT) -> None:
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.header_digest = self.data_digest = False
        self.deadline: float | None = None
        """Until when PDUs may come, by the monotonic clock, whatever else the target sends."""
        self._file = self.socket.makefile("rb", buffering=1 << 16)

    def send(self, header: bytes | bytearray, data: bytes | memoryview = b"") -> None:
        """Send a PDU; its header's data_length is set."""
        head = bytearray(header)
        head[5:8] = len(data).to_bytes(3, "big")
        if self.header_digest:
            head += crc32c(head).to_bytes(4, "little")
        parts: list[bytes | bytearray | memoryview] = [head]
        if len(data):
            pad = bytes(padding(len(data)))
            parts += [data, pad]
            if self.data_digest:
                parts.append(crc32c(pad, crc32c(data)).to_bytes(4, "little"))
        self.socket.sendall(b"".join(parts) if len(data) < 8192 else head)
        if len(data) >= 8192:
            self.socket.sendall(data)
            self.socket.sendall(b"".join(parts[2:]))

    def receive(self) -> Answer:
        """The next PDU. Raises OSError at the end of the connection, ValueError for a bad one."""
        if self.deadline is not None:
            self.socket.settimeout(max(0.001, self.deadline - time.monotonic()))
        # Targets that send a PDU in pieces wait for an acknowledgement in between: 40 ms later.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        header = self._exactly(pdu.BHS + (4 if self.header_digest else 0))
        if self.header_digest and crc32c(header[:48]).to_bytes(4, "little") != header[48:]:
            raise ValueError("wrong header digest")
        kind = pdu.RESPONSES[header[0] & 0x3F]
        fields = kind.read(header)
        length = fields["data_length"]
        data = self._exactly(length)
        if length:
            pad = self._exactly(padding(length))
            if self.data_digest:
                digest = self._exactly(4)
                if crc32c(pad, crc32c(data)).to_bytes(4, "little") != digest:
                    raise ValueError("wrong data digest")
        return Answer(kind, fields, data)

    def _exactly(self, size: int) -> bytes:
        data: bytes = self._file.read(size)
        if len(data) != size:
            raise ConnectionResetError("the target closed the connection")
        return data

    def close(self) -> None:
        """Close the socket and say nothing."""
        self._file.close()
        self.socket.close()

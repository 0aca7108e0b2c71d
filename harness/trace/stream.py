"""The TCP connection of an exported iSCSI session: IPv4 and TCP headers, a PDU a packet."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from harness.trace.pcapng import PcapNg

_HEADERS = 40
_SYN, _ACK, _PSH = 0x02, 0x10, 0x08
_OPTIONS = bytes((2, 4, 0xFF, 0xD7, 1, 3, 3, 14))
"""The largest segment there is, and a window scale of 2**14, so that nothing waits for a window."""


class End:
    """One end of a connection."""

    def __init__(self, address: IPv4Address, port: int, sequence: int) -> None:
        self.address = address.packed
        self.port = port
        self.sequence = sequence
        """Of the next byte that it sends."""
        self.sent = 0
        """Packets."""


class Stream:
    """A connection between ``client`` and ``server``, its packets in a file."""

    def __init__(self, file: PcapNg, client: End, server: End) -> None:
        self._file = file
        self.client = client
        self.server = server

    def open(self, when: float) -> None:
        """The three packets that a connection begins with (RFC 9293 3.5)."""
        client, server = self.client, self.server
        self._send(when, client, server, _SYN, options=_OPTIONS)
        client.sequence += 1
        self._send(when, server, client, _SYN | _ACK, options=_OPTIONS)
        server.sequence += 1
        self._send(when, client, server, _ACK)

    def send(self, when: float, pdu: bytes, length: int, *, back: bool, comment: str = "") -> None:
        """A PDU of ``length`` bytes, of which ``pdu`` are the first and the rest zeros that are not
        captured; ``back``: from the server."""
        ends = (self.server, self.client) if back else (self.client, self.server)
        self._send(when, *ends, _ACK | _PSH, pdu, length, comment)

    def _send(
        self,
        when: float,
        source: End,
        sink: End,
        flags: int,
        data: bytes = b"",
        length: int = 0,
        comment: str = "",
        options: bytes = b"",
    ) -> None:
        header = _HEADERS + len(options)
        tcp = struct.pack(
            ">HHIIBBHHH",
            source.port,
            sink.port,
            source.sequence & 0xFFFFFFFF,
            sink.sequence & 0xFFFFFFFF if flags & _ACK else 0,
            (20 + len(options)) // 4 << 4,
            flags,
            0xFFFF,
            0,
            0,
        )
        tcp += options
        pseudo = source.address + sink.address + struct.pack(">HH", 6, len(tcp) + length)
        summed = _checksum(pseudo + tcp + data)
        tcp = tcp[:16] + summed + tcp[18:]
        ip = struct.pack(
            ">BBHHHBBH", 0x45, 0, header + length, source.sent & 0xFFFF, 0x4000, 64, 6, 0
        )
        ip += source.address + sink.address
        ip = ip[:10] + _checksum(ip) + ip[12:]
        self._file.packet(when, ip + tcp + data, header + length, comment)
        source.sequence += length
        source.sent += 1


def _checksum(data: bytes) -> bytes:
    """Of the Internet (RFC 1071): what is left of one number, modulo FFFFh, is their sum."""
    total = int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF
    return (0xFFFF - total).to_bytes(2, "big")

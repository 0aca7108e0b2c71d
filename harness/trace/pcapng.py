"""Writes pcapng files (IETF draft-ietf-opsawg-pcapng): one interface; packets begin with IP."""

from __future__ import annotations

import struct
from typing import BinaryIO

RAW_IP = 101
"""LINKTYPE_RAW: IPv4 or IPv6, as its version says."""
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_END, _COMMENT, _NAME, _APPLICATION = 0, 1, 2, 4
_MAGIC = 0x1A2B3C4D
_MICROSECONDS = 1_000_000


class PcapNg:
    """A file that is being written; ``comment`` is told of all of it."""

    def __init__(self, file: BinaryIO, comment: str) -> None:
        self._file = file
        options = _option(_COMMENT, comment) + _option(_APPLICATION, "keyreel") + _option(_END, "")
        self._block(_SECTION, struct.pack("<IHHq", _MAGIC, 1, 0, -1) + options)
        name = _option(_NAME, "keyreel") + _option(_END, "")
        self._block(_INTERFACE, struct.pack("<HHI", RAW_IP, 0, 0) + name)

    def packet(self, when: float, data: bytes, length: int, comment: str = "") -> None:
        """A packet of ``length`` bytes, of which ``data`` are the first, at a time in seconds since
        the epoch."""
        stamp = round(when * _MICROSECONDS)
        head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), length)
        options = _option(_COMMENT, comment) + _option(_END, "") if comment else b""
        self._block(_PACKET, head + _padded(data) + options)

    def _block(self, kind: int, body: bytes) -> None:
        size = struct.pack("<I", len(body) + 12)
        self._file.write(struct.pack("<I", kind) + size + body + size)


def _option(code: int, text: str) -> bytes:
    data = text.encode()
    return struct.pack("<HH", code, len(data)) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)

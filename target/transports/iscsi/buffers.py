"""Memory for the data of commands: given back and used again, for a page fault is dear."""

from __future__ import annotations

import mmap
import threading

Buffer = bytearray | mmap.mmap

KEPT = 32 << 20
"""Bytes at most that wait to be used again."""
_SMALLEST = 4096
_MAPPED = 1 << 18
"""From this size on memory is mapped: what an initiator announces and does not send costs none."""


class Pool:
    """Buffers of one connection, in sizes of powers of two; for any thread."""

    def __init__(self) -> None:
        self._free: dict[int, list[Buffer]] = {}
        self._kept = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> Buffer:
        """A buffer of at least ``size`` bytes, with anything in it."""
        rounded = max(_SMALLEST, 1 << (size - 1).bit_length())
        with self._lock:
            free = self._free.get(rounded)
            if free:
                self._kept -= rounded
                return free.pop()
        return mmap.mmap(-1, rounded) if rounded >= _MAPPED else bytearray(rounded)

    def give(self, buffer: Buffer, wipe: bool = False) -> None:
        """Take a buffer back, overwritten with zeros if it may hold a key."""
        if wipe:
            buffer[:] = bytes(len(buffer))
        with self._lock:
            if self._kept + len(buffer) <= KEPT:
                self._free.setdefault(len(buffer), []).append(buffer)
                self._kept += len(buffer)

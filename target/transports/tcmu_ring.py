"""The command ring of a TCMU device: entries in, completions out, data in shared memory.

Layout: Linux `include/uapi/linux/target_core_user.h`, mailbox version 2. A command's data-in and
data-out are views of the ring's own memory. READ_LEN tells the kernel how much of a read is
there; without it every short block would look whole. The kernel takes a READ_LEN of zero for "all
of it", so a successful read of nothing is made of zeros.
"""

from __future__ import annotations

import mmap
import os
import select
import struct
from collections.abc import Callable

from target.scsi import sense
from target.scsi.command import CDB_SIZES, STATUS_GOOD, STATUS_TASK_ABORTED, Nexus
from target.scsi.device_server import DeviceServer

HEAD, TAIL = 12 // 4, 64 // 4
"""Mailbox words: where the kernel has written to, where we have completed to."""
PAD, COMMAND, TASK_MANAGEMENT = 0, 1, 2
TASK_FUNCTION = 8
RESETS = (5, 6, 7, 128)
"""LUN reset, target warm and cold reset, LUN reset for persistent reservations."""
_UNKNOWN_OP, _READ_LEN = 0x01, 0x02
_UFLAGS, _IOV_COUNT, _CDB_AT, _IOV = 7, 8, 24, 48
_STATUS, _LENGTH, _SENSE, _SENSE_SIZE = 8, 12, 16, 96
_IOVEC = struct.Struct("<QQ")
_CDB_OFFSET = struct.Struct("<Q")
KICK = b"\1\0\0\0"
_LONGEST_CDB = 16


class Ring:
    """One /dev/uioN: what is in it, and how its commands are run, see `tcmu_watch`.

    ``node`` is its path, or an open descriptor that becomes the ring's own; ``size`` is that of the
    device's map 0, in bytes. Raises OSError.
    """

    def __init__(self, node: str | int, size: int, unit: DeviceServer, nexus: Nexus) -> None:
        self._file = os.open(node, os.O_RDWR | os.O_CLOEXEC) if isinstance(node, str) else node
        self._map = mmap.mmap(self._file, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._bytes = memoryview(self._map)
        self._words = self._bytes.cast("I")
        self._unit = unit
        self._nexus = nexus
        version = self._words[0] & 0xFFFF
        if version != 2:
            raise OSError(f"{node}: TCMU mailbox version {version}, this program knows version 2")
        self._start, self._size = self._words[1], self._words[2]

    def _serve(self, wait: Callable[[], bool]) -> bool:
        """Run commands as they come, until ``wait`` says that serving has to end, or with True when
        commands of the unit may wait from now on; then there may be entries."""
        words, start, size, unit = self._words, self._start, self._size, self._unit
        while wait():
            tail = first = words[TAIL]
            while tail != words[HEAD] and not unit.waits:
                header = words[(start + tail) >> 2]
                self._entry(start + tail, header)
                tail = (tail + (header & ~7)) % size
                words[TAIL] = tail
            if tail != first:
                os.write(self._file, KICK)
            if unit.waits:
                return True
        return False

    def _waits(self, until: int) -> Callable[[], bool]:
        """What returns when there may be entries: false if serving has to end."""

        def take() -> bool:
            try:
                os.read(self._file, 4)
            except OSError:
                return False
            return True

        if until < 0:
            return take
        ready = select.poll()
        ready.register(self._file, select.POLLIN)
        ready.register(until, select.POLLIN)
        return lambda: all(descriptor != until for descriptor, _ in ready.poll()) and take()

    def _entry(self, at: int, header: int) -> None:
        """Do what the entry at byte ``at`` says; ``header`` is its first word."""
        if header & 7 == COMMAND:
            self._complete(at)
        elif header & 7 == TASK_MANAGEMENT:
            # Whatever is before it in the ring has been answered: there is nothing to abort.
            if self._bytes[at + TASK_FUNCTION] in RESETS:
                with self._unit.turn:
                    # The kernel gives the initiator of this device 6/29/03 itself.
                    self._unit.reset(sense.DEVICE_RESET, but=self._nexus)
        elif header & 7 != PAD:
            self._bytes[at + _UFLAGS] |= _UNKNOWN_OP

    def close(self) -> None:
        """Let go of the device; nothing may be served any more."""
        self._words.release()
        self._bytes.release()
        self._map.close()
        os.close(self._file)

    def _complete(self, at: int) -> None:
        """Run the command of the entry at byte ``at`` and put its completion there."""
        cdb, buffers = self._command(at)
        # The entry does not say which way data go; the unit's command table does.
        status, told, length = self._unit.execute(self._nexus, cdb, buffers, buffers)
        if not length and status == STATUS_GOOD and buffers and self._unit.returns_data(cdb):
            for buffer in buffers:
                buffer[:] = bytes(len(buffer))
        self._answer(at, status, told, length)

    def _drop(self, at: int) -> None:
        """Complete the command of the entry at byte ``at`` as aborted; it is never run."""
        self._unit.forget(*self._command(at))
        self._answer(at, STATUS_TASK_ABORTED, b"", 0)

    def _command(self, at: int) -> tuple[bytes, list[memoryview]]:
        """CDB and buffers of the entry at byte ``at``."""
        ring = self._bytes
        cdb_at = _CDB_OFFSET.unpack_from(ring, at + _CDB_AT)[0]
        size = CDB_SIZES.get(ring[cdb_at] >> 5, _LONGEST_CDB)
        count = self._words[(at + _IOV_COUNT) >> 2]
        buffers = []
        for where in range(at + _IOV, at + _IOV + count * _IOVEC.size, _IOVEC.size):
            base, length = _IOVEC.unpack_from(ring, where)
            buffers.append(ring[base : base + length])
        return bytes(ring[cdb_at : cdb_at + size]), buffers

    def _answer(self, at: int, status: int, told: bytes, length: int) -> None:
        """Put a completion into the entry at byte ``at``."""
        ring = self._bytes
        ring[at + _UFLAGS] = _READ_LEN
        self._words[(at + _LENGTH) >> 2] = length
        ring[at + _STATUS] = status
        if told:
            told = told[:_SENSE_SIZE]
            ring[at + _SENSE : at + _SENSE + len(told)] = told

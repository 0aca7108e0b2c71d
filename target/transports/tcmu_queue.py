"""A ring whose commands may take long: one thread looks into the ring, another runs what is there.

So an abort or a reset is seen while a command waits for time. The kernel puts a task management
entry behind the commands that it is about, and wants those completed (Linux
`include/uapi/linux/target_core_user.h`, tcmu_tmr_entry).
"""

from __future__ import annotations

import os
import struct
import threading
from queue import SimpleQueue

from target.scsi.command import Nexus
from target.scsi.primary import PrimaryUnit
from target.transports.tcmu_ring import (
    COMMAND,
    HEAD,
    KICK,
    RESETS,
    TAIL,
    TASK_FUNCTION,
    TASK_MANAGEMENT,
    Ring,
)

_IDENTIFIER = struct.Struct("<H")
_ID_AT, _COUNT_AT, _IDS_AT = 4, 12, 32
_RETRY = 0.01
"""Seconds until a command that was not asleep yet is called again."""


class QueuedRing(Ring):
    """See `Ring`; commands still run one at a time, in their order."""

    def serve(self, until: int = -1) -> None:
        """Run commands as they come; returns when the device is gone, or ``until`` is readable."""
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._aborted: set[int] = set()
        self._running: int | None = None
        self._change = threading.Condition()
        worker = threading.Thread(target=self._work, daemon=True)
        worker.start()
        words = self._words
        seen = words[TAIL]
        wait = self._waits(until)
        while wait():
            while seen != words[HEAD]:
                at = self._start + seen
                if words[at >> 2] & 7 == TASK_MANAGEMENT:
                    self._abort(at)
                self._queue.put(at)
                seen = (seen + (words[at >> 2] & ~7)) % self._size
        self._queue.put(None)
        self._unit.abort(self._nexus)
        worker.join()

    def _work(self) -> None:
        """The thread that runs commands."""
        words = self._words
        while (at := self._queue.get()) is not None:
            header = words[at >> 2]
            number = _IDENTIFIER.unpack_from(self._bytes, at + _ID_AT)[0]
            with self._change:
                aborted = number in self._aborted
                self._aborted.discard(number)
                self._running = number
            if header & 7 == COMMAND and aborted:
                self._drop(at)
            else:
                self._entry(at, header)
            with self._change:
                self._running = None
                self._change.notify_all()
            words[TAIL] = (at - self._start + (header & ~7)) % self._size
            os.write(self._file, KICK)

    def _abort(self, at: int) -> None:
        """Let the commands that a task management entry names end early, or without being run."""
        count = self._words[(at + _COUNT_AT) >> 2]
        named = {
            _IDENTIFIER.unpack_from(self._bytes, at + _IDS_AT + 2 * number)[0]
            for number in range(count)
        }
        with self._change:
            self._aborted |= named - {self._running}
            while self._running in named:
                self._unit.abort(self._nexus)
                self._change.wait(_RETRY)
        if self._bytes[at + TASK_FUNCTION] in RESETS:
            # Another host's command may be what everybody waits for.
            self._unit.abort()


def ring_of(node: str | int, size: int, unit: PrimaryUnit, nexus: Nexus) -> Ring:
    """The ring of a device, see `Ring`: only where commands wait can one be waiting when it is
    aborted."""
    return (QueuedRing if unit.waits else Ring)(node, size, unit, nexus)

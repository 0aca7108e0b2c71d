"""A ring while commands may wait: somebody looks into it meanwhile, for aborts and resets.

As long as none of its unit may, which can change when a fault is set or a key source given, nobody
need look.

The kernel puts a task management entry behind the commands that it is about, and wants those
completed (Linux `include/uapi/linux/target_core_user.h`, tcmu_tmr_entry). Commands run in the
thread that serves the ring, as in any other, so one that does not wait is as fast; one thread looks
after all rings of the process, now and then.
"""

from __future__ import annotations

import os
import struct
import threading
import time

from target.scsi import sense
from target.scsi.command import Nexus
from target.scsi.device_server import DeviceServer
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

INTERVAL = 0.02
"""Seconds between two looks, and until a command that was not asleep yet is called again."""
_IDENTIFIER = struct.Struct("<H")
_ID_AT, _COUNT_AT, _IDS_AT = 4, 12, 32


class WatchedRing(Ring):
    """See `Ring`; serves a logical unit until the kernel takes the device away."""

    def __init__(self, node: str | int, size: int, unit: DeviceServer, nexus: Nexus) -> None:
        super().__init__(node, size, unit, nexus)
        self._guard = threading.Lock()
        """Held while an entry is begun, while it leaves the ring, and while somebody looks."""
        self._running: int | None = None
        """The command that is running, by the kernel's number."""
        self._called = False
        """Whether it is to end."""
        self._aborted: set[int] = set()
        """Commands behind it that must not be run."""
        self._resets = 0
        """Resets behind it."""
        self._looked: int | None = None
        """How far somebody has looked beyond what was served; always where an entry begins."""

    def serve(self, until: int = -1) -> None:
        """Run commands as they come; returns when the device is gone, or ``until`` is readable."""
        wait = self._waits(until)
        if not self._serve(wait):
            return
        words, start, size = self._words, self._start, self._size
        _WATCH.add(self)
        try:
            ready = True
            while ready:
                tail = words[TAIL]
                while tail != words[HEAD]:
                    header = words[(start + tail) >> 2]
                    self._begin(start + tail, header)
                    tail = (tail + (header & ~7)) % size
                    with self._guard:
                        self._running, self._called = None, False
                        if tail == self._looked:
                            self._looked = None
                        words[TAIL] = tail
                    # At once: the next command may wait.
                    os.write(self._file, KICK)
                ready = wait()
        finally:
            _WATCH.remove(self)

    def _begin(self, at: int, header: int) -> None:
        kind = header & 7
        if kind == COMMAND:
            number = _IDENTIFIER.unpack_from(self._bytes, at + _ID_AT)[0]
            with self._guard:
                aborted = number in self._aborted
                self._aborted.discard(number)
                self._running = number
            if _WATCH.asleep:
                _WATCH.wake()
            self._drop(at) if aborted else self._complete(at)
        elif kind == TASK_MANAGEMENT and self._bytes[at + TASK_FUNCTION] in RESETS:
            self._reset()
        else:
            self._entry(at, header)

    def _reset(self) -> None:
        """Reset the unit, whoever's command everybody waits for."""
        unit = self._unit
        while not unit.turn.acquire(timeout=INTERVAL):
            unit.abort()
        try:
            # The kernel gives the initiator of this device 6/29/03 itself.
            unit.reset(sense.DEVICE_RESET, but=self._nexus)
        finally:
            unit.turn.release()
        with self._guard:
            self._resets = max(0, self._resets - 1)

    # --- called by whoever watches -----------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a command runs."""
        return self._running is not None

    def look(self) -> None:
        """While a command runs: is there something behind it that wants it to end?"""
        words, start = self._words, self._start
        with self._guard:
            if self._running is None:
                return
            at = words[TAIL] if self._looked is None else self._looked
            while at != words[HEAD]:
                header = words[(start + at) >> 2]
                if header & 7 == TASK_MANAGEMENT:
                    self._hear(start + at)
                at = (at + (header & ~7)) % self._size
            self._looked = at
            called, resets = self._called, self._resets
        if resets:
            self._unit.abort()
        elif called:
            self._unit.abort(self._nexus)

    def _hear(self, at: int) -> None:
        """A task management entry: which commands it is about."""
        count = self._words[(at + _COUNT_AT) >> 2]
        named = {
            _IDENTIFIER.unpack_from(self._bytes, at + _IDS_AT + 2 * number)[0]
            for number in range(count)
        }
        self._called |= self._running in named
        self._aborted |= named - {self._running}
        self._resets += self._bytes[at + TASK_FUNCTION] in RESETS


class _Watch:
    """Looks after rings, in a thread that is there as long as there are any. It sleeps while they
    have nothing to do; whoever begins a command then wakes it."""

    def __init__(self) -> None:
        self.asleep = False
        self._lock = threading.Lock()
        self._rings: set[WatchedRing] = set()
        self._there = False
        self._woken = threading.Event()

    def wake(self) -> None:
        """There is something to look after."""
        self.asleep = False
        self._woken.set()

    def add(self, ring: WatchedRing) -> None:
        with self._lock:
            self._rings.add(ring)
            if not self._there:
                self._there = True
                threading.Thread(target=self._run, name="tcmu-watch", daemon=True).start()

    def remove(self, ring: WatchedRing) -> None:
        """Nobody looks into the ring any more when it returns."""
        with self._lock:
            self._rings.discard(ring)
        self.wake()

    def _run(self) -> None:
        while True:
            time.sleep(INTERVAL)
            with self._lock:
                for ring in self._rings:
                    ring.look()
                if not self._rings:
                    self._there = False
                    return
                # Asleep first, then a look: a command that begins between is seen, or wakes.
                self._woken.clear()
                self.asleep = True
                if any(ring.busy for ring in self._rings):
                    self.asleep = False
            if self.asleep:
                self._woken.wait()


_WATCH = _Watch()

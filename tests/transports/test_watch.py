"""Aborts and resets while a command waits: what the kernel puts behind it in the ring is seen.

A file in memory stands for the kernel's device; a file is always readable, so the ring is looked at
all the time.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from target.scsi.command import (
    STATUS_GOOD,
    STATUS_TASK_ABORTED,
    Call,
    Completion,
    Data,
    Nexus,
    command,
)
from target.scsi.device_server import DeviceServer
from target.transports.tcmu_watch import WatchedRing

SIZE, START, ENTRY, ENTRIES = 1 << 16, 4096, 256, 16
HEAD, TAIL, STATUS, CDBS = 12, 64, 8, START + 8192
FAR = 60.0
QUICK, SLOW = bytes(6), bytes((0x1D, 0, 0, 0, 0, 0))
ABORT_TASK, LUN_RESET = 1, 5
ONE, OTHER = Nexus("host0", "unit"), Nexus("host1", "unit")


class Unit(DeviceServer):
    """Its slow command ends only when it is aborted."""

    def __init__(self) -> None:
        super().__init__(
            (
                command(0x00, "QUICK", "", lambda unit, call: unit.quick(call), Data.NONE),
                command(0x1D, "SLOW", "", lambda unit, call: unit.slow(call), Data.NONE),
            )
        )
        self.since_power_on = []
        self.waits = True
        self.begun = 0

    def quick(self, call: Call) -> Completion:
        return Completion(STATUS_GOOD)

    def slow(self, call: Call) -> Completion:
        self.begun += 1
        self.alarm.sleep(10 * FAR)
        return Completion(STATUS_GOOD)


class Kernel:
    """A ring, and the thread that serves it for a host of a unit."""

    def __init__(self, unit: Unit, nexus: Nexus) -> None:
        self.unit = unit
        self.file = os.memfd_create("uio")
        os.ftruncate(self.file, SIZE)
        # What is written into a device to tell the kernel must not go into its memory.
        fcntl.fcntl(self.file, fcntl.F_SETFL, os.O_APPEND)
        self.memory = mmap.mmap(self.file, SIZE)
        struct.pack_into("<HHII", self.memory, 0, 2, 0, START, ENTRIES * ENTRY)
        ring = WatchedRing(os.dup(self.file), SIZE, unit, nexus)
        self.until, self._end = os.pipe()
        self._thread = threading.Thread(target=ring.serve, args=[self.until], daemon=True)
        self._thread.start()

    def command(self, number: int, cdb: bytes) -> int:
        """Put a command into the ring; where its entry is."""
        at = self._next()
        cdb_at = CDBS + (at - START) // ENTRY * 16
        self.memory[cdb_at : cdb_at + len(cdb)] = cdb
        struct.pack_into("<IHBBIIIIQ", self.memory, at, ENTRY | 1, number, *[0] * 6, cdb_at)
        return self._put(at)

    def manage(self, function: int, *numbers: int) -> int:
        """Put a task management function about commands into the ring."""
        at = self._next()
        count = len(numbers)
        entry = struct.pack("<IHBBBxxxIQQ", ENTRY | 2, 0, 0, 0, function, count, 0, 0)
        entry += struct.pack(f"<{count}H", *numbers)
        self.memory[at : at + len(entry)] = entry
        return self._put(at)

    def status(self, at: int) -> int:
        """Of the command whose entry is there, once everything in the ring was served."""
        self.until_served()
        return self.memory[at + STATUS]

    def until_served(self) -> None:
        wait_for(lambda: self.memory[HEAD : HEAD + 4] == self.memory[TAIL : TAIL + 4])

    def _next(self) -> int:
        at: int = struct.unpack_from("<I", self.memory, HEAD)[0]
        return START + at

    def _put(self, at: int) -> int:
        struct.pack_into("<I", self.memory, HEAD, (at - START + ENTRY) % (ENTRIES * ENTRY))
        return at

    def close(self) -> None:
        os.write(self._end, b".")
        while self._thread.is_alive():
            self.unit.abort()
            self._thread.join(0.01)
        for file in (self.until, self._end, self.file):
            os.close(file)


def wait_for(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + FAR
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def unit() -> Unit:
    return Unit()


@pytest.fixture
def kernel(unit: Unit) -> Iterator[Kernel]:
    kernel = Kernel(unit, ONE)
    yield kernel
    kernel.close()


@pytest.fixture
def other(unit: Unit) -> Iterator[Kernel]:
    """The same unit's ring for another host."""
    kernel = Kernel(unit, OTHER)
    yield kernel
    kernel.close()


def test_an_abort_ends_the_command_that_waits(unit: Unit, kernel: Kernel) -> None:
    slow = kernel.command(1, SLOW)
    wait_for(lambda: unit.begun == 1)
    kernel.manage(ABORT_TASK, 1)
    after = kernel.command(2, QUICK)
    assert (kernel.status(slow), kernel.status(after)) == (STATUS_TASK_ABORTED, STATUS_GOOD)


def test_an_aborted_command_that_waits_for_another_is_never_run(unit: Unit, kernel: Kernel) -> None:
    first, second, third = (kernel.command(n, cdb) for n, cdb in enumerate((SLOW, SLOW, QUICK)))
    kernel.manage(ABORT_TASK, 1)
    kernel.manage(ABORT_TASK, 0)
    assert kernel.status(first) == kernel.status(second) == STATUS_TASK_ABORTED
    assert kernel.status(third) == STATUS_GOOD
    assert unit.begun == 1
    # The number is free again.
    again = kernel.command(1, QUICK)
    assert kernel.status(again) == STATUS_GOOD


def test_an_abort_of_what_is_over_does_nothing(kernel: Kernel) -> None:
    kernel.command(1, QUICK)
    kernel.until_served()
    kernel.manage(ABORT_TASK)
    assert kernel.status(kernel.command(1, QUICK)) == STATUS_GOOD


def test_a_reset_ends_everybody_s_command(unit: Unit, kernel: Kernel, other: Kernel) -> None:
    slow = kernel.command(1, SLOW)
    wait_for(lambda: unit.begun == 1)
    # One host more is waiting for its turn, and asks for the reset.
    waiting = other.command(7, QUICK)
    other.manage(LUN_RESET, 7)
    assert kernel.status(slow) == STATUS_TASK_ABORTED
    other.until_served()
    assert other.status(waiting) in (STATUS_GOOD, STATUS_TASK_ABORTED)
    assert unit.nexuses[ONE].attentions, "the other host hears of it"
    assert not unit.nexuses[OTHER].attentions, "the kernel tells this one"


def test_a_reset_without_a_command_of_its_own(unit: Unit, kernel: Kernel, other: Kernel) -> None:
    other.command(1, QUICK)
    other.until_served()
    slow = kernel.command(1, SLOW)
    wait_for(lambda: unit.begun == 1)
    other.manage(LUN_RESET)
    assert kernel.status(slow) == STATUS_TASK_ABORTED
    other.until_served()
    assert unit.nexuses[ONE].attentions


def test_again_and_again_round_the_ring(unit: Unit, kernel: Kernel) -> None:
    for number in range(ENTRIES * 3):
        slow = kernel.command(number, SLOW)
        kernel.manage(ABORT_TASK, number)
        quick = kernel.command(number + 1, QUICK)
        assert (kernel.status(slow), kernel.status(quick)) == (STATUS_TASK_ABORTED, STATUS_GOOD)
    assert unit.begun <= ENTRIES * 3


def test_commands_may_begin_to_wait_while_the_ring_is_served(unit: Unit) -> None:
    unit.waits = False
    kernel = Kernel(unit, ONE)
    try:
        assert kernel.status(kernel.command(1, QUICK)) == STATUS_GOOD
        unit.waits = True
        first, second = kernel.command(2, QUICK), kernel.command(3, SLOW)
        wait_for(lambda: unit.begun == 1)
        kernel.manage(ABORT_TASK, 3)
        assert (kernel.status(first), kernel.status(second)) == (STATUS_GOOD, STATUS_TASK_ABORTED)
        assert kernel.status(kernel.command(4, QUICK)) == STATUS_GOOD
    finally:
        kernel.close()

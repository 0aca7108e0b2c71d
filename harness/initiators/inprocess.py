"""An initiator in the process of the unit itself: no kernel, no socket, nothing in between.

For what wants speed (a million commands in minutes) and for rigs with guest = "none".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.closing import Closing
from harness.initiators.api import TIMEOUT, NoAnswer, Reply
from target.scsi import sense as s
from target.scsi.command import STATUS_TASK_ABORTED, Nexus
from target.scsi.device_server import DeviceServer

NAG = 0.02
"""Seconds between two attempts to end a command whose time is over, or that a reset is to end."""


class InProcess(Closing):
    """One I_T nexus to a unit of this process, see `api.Initiator`.

    A command is given up after its time only where it waits for something (`unit.waits`): elsewhere
    it is over soon. ``close`` calls ``closing``, which takes down what was made for this initiator.
    """

    def __init__(
        self,
        unit: DeviceServer,
        name: str = "host0",
        *,
        target: str = "in process",
        closing: Callable[[], object] = lambda: None,
    ) -> None:
        self.unit = unit
        self.nexus = Nexus(name)
        self._target = target
        self._closing = closing
        self._others: list[InProcess] = []

    @property
    def name(self) -> str:
        """The rig file and the unit, if it came from one."""
        return self._target

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> Reply:
        """Run a command. Raises NoAnswer when its time is over: it is aborted."""
        data_in = bytearray(size)
        buffers = [memoryview(bytearray(out))], [memoryview(data_in)]
        if not self.unit.waits:
            done = self.unit.execute(self.nexus, cdb, *buffers)
        else:
            over = threading.Event()
            with _nagging(self.unit, self.nexus, timeout, over):
                done = self.unit.execute(self.nexus, cdb, *buffers)
            if over.is_set() and done.status == STATUS_TASK_ABORTED:
                raise NoAnswer(f"{self.name}: no answer in {timeout:g} s: give the command longer")
        return Reply(done.status, done.sense, bytes(data_in[: done.length]))

    def another(self) -> InProcess:
        """A second I_T nexus to the same unit."""
        name = f"{self.nexus.initiator}+{len(self._others) + 1}"
        other = InProcess(self.unit, name, target=self._target)
        self._others.append(other)
        return other

    def reset(self) -> None:
        """LOGICAL UNIT RESET, as a transport does it: what runs is aborted before it."""
        with _nagging(self.unit, None, 0.0, threading.Event()), self.unit.turn:
            self.unit.reset(s.DEVICE_RESET)

    def reconnect(self) -> None:
        """I_T nexus loss: the unit hears that this initiator went, and it comes back."""
        with self.unit.turn:
            self.unit.nexus_lost(self.nexus)

    def close(self) -> None:
        """Let the unit go; its nexus, and those of `another`, are lost."""
        for one in (*self._others, self):
            with one.unit.turn:
                one.unit.nexus_lost(one.nexus)
        self._others.clear()
        closing, self._closing = self._closing, lambda: None
        closing()


@contextmanager
def _nagging(
    unit: DeviceServer, nexus: Nexus | None, after: float, over: threading.Event
) -> Iterator[None]:
    """From ``after`` seconds on, abort the command of that nexus (None: whoever's) until the block
    ends; ``over`` is set when one was."""
    ended = threading.Event()
    since = time.monotonic()

    def nag() -> None:
        while not ended.wait(max(NAG, since + after - time.monotonic())):
            if unit.abort(nexus):
                over.set()

    thread = threading.Thread(target=nag, name="time limit", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

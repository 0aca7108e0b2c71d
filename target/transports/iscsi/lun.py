"""One target: a unit as LUN 0, the thread that runs its commands, and the sessions with it."""

from __future__ import annotations

import logging
import queue
import threading
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from target.scsi.command import STATUS_GOOD, Completion, Nexus
from target.scsi.sense import (
    INTERNAL_FAILURE,
    INVALID_FIELD_IN_CDB,
    LOGICAL_UNIT_NOT_SUPPORTED,
    Sense,
)
from target.transports.iscsi.task import SENSE, Task, check

if TYPE_CHECKING:
    from target.scsi.primary import PrimaryUnit
    from target.transports.iscsi.session import Session

T = TypeVar("T")
NAG = 0.02
"""Seconds between two calls to a command that is to be aborted: it may be just about to wait."""
MOST_STRANGERS = 256
"""Nexuses without a session that a unit remembers."""
_INQUIRY, _REQUEST_SENSE = 0x12, 0x03
_NO_UNIT = bytes((0x7F, 0, 6, 2, 31)) + bytes(3) + b" " * 28
"""Standard INQUIRY data: qualifier 3, no device type (SPC-4 6.4.2)."""


class Target:
    """A unit within reach of initiators. All but the unit's own thread is in the event loop."""

    def __init__(self, name: str, unit: PrimaryUnit, loop: AbstractEventLoop) -> None:
        self.name = name
        self.unit = unit
        self.sessions: dict[str, Session] = {}
        """By the name of the initiator port."""
        self._loop = loop
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any], object]] | None]
        self._jobs = queue.SimpleQueue()
        self._strangers: deque[Nexus] = deque()
        self._thread: threading.Thread | None = None
        """Started with the first job: a rig may have many, and few in use."""

    def submit(self, work: Callable[[], T], then: Callable[[T], object]) -> None:
        """Run ``work`` in the unit's thread, after all before it, and ``then`` in the loop."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name=f"iscsi-{self.name}", daemon=True
            )
            self._thread.start()
        self._jobs.put((work, then))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, then = job
            result = work()
            del work, job
            with suppress(RuntimeError):  # The loop is closed: nobody wants to know.
                self._loop.call_soon_threadsafe(then, result)
            del then, result

    def execute(self, nexus: Nexus, task: Task, room: int) -> Completion | None:
        """Run a command, in the unit's thread; None if it was aborted before it began."""
        try:
            task.ticket.pop()
        except IndexError:
            return None
        if task.verdict is not None:
            return task.verdict
        try:
            data_in = task.room(room)
            if not is_lun_0(task.lun):
                return no_unit(task.cdb, data_in)
            return self.unit.execute(nexus, task.cdb, task.views(), data_in)
        except Exception:
            logging.getLogger(__name__).exception("%s: a command failed", self.name)
            return check(INTERNAL_FAILURE)

    def event(self, event: Callable[[], object], then: Callable[[], object]) -> None:
        """Let something happen to the unit, such as a reset, between two commands."""

        def work() -> None:
            try:
                with self.unit.turn:
                    event()
            except Exception:
                logging.getLogger(__name__).exception("%s: an event failed", self.name)

        self.submit(work, lambda _: then())

    def nag(self, nexus: Nexus | None, stop: Callable[[], bool]) -> None:
        """Abort the running command of a nexus (None: whoever's) as long as ``stop`` says no."""
        if not stop():
            self.unit.abort(nexus)
            self._loop.call_later(NAG, self.nag, nexus, stop)

    def lost(self, nexus: Nexus) -> None:
        """A nexus is lost (SAM-5 6.3.4). What the unit keeps for it goes, in time."""
        self._strangers.append(nexus)
        old = self._strangers.popleft() if len(self._strangers) > MOST_STRANGERS else None
        if old is not None and (old in self._strangers or self._present(old)):
            old = None

        def event() -> None:
            self.unit.nexus_lost(nexus)
            if old is not None:
                self.unit.nexuses.pop(old, None)

        self.event(event, lambda: None)

    def _present(self, nexus: Nexus) -> bool:
        return nexus.initiator in self.sessions

    def others(self, session: Session) -> Iterable[Session]:
        """All sessions but one."""
        return [other for other in self.sessions.values() if other is not session]

    def close(self) -> None:
        """End the thread once all jobs are done; not in the event loop."""
        self._jobs.put(None)
        while self._thread is not None and self._thread.is_alive():
            self.unit.abort()
            self._thread.join(NAG)


def is_lun_0(lun: int) -> bool:
    """Whether eight bytes are LUN 0, by peripheral or flat space addressing (SAM-5 4.6)."""
    return lun in (0, 0x4000 << 48)


def no_unit(cdb: bytes, data_in: list[memoryview]) -> Completion:
    """What a LUN without a logical unit answers (SPC-4 6.4.2, SAM-5 5.13.4)."""
    if cdb[0] == _INQUIRY and not cdb[1] & 1:
        data, allocation = _NO_UNIT, int.from_bytes(cdb[3:5], "big")
    elif cdb[0] == _INQUIRY:
        return check(INVALID_FIELD_IN_CDB)
    elif cdb[0] == _REQUEST_SENSE:
        data, allocation = Sense(LOGICAL_UNIT_NOT_SUPPORTED).fixed(SENSE), cdb[4]
    else:
        return check(LOGICAL_UNIT_NOT_SUPPORTED)
    if not data_in:
        return Completion(STATUS_GOOD)
    room = data_in[0]
    length = min(len(data), allocation, len(room))
    room[:length] = data[:length]
    return Completion(STATUS_GOOD, b"", length)

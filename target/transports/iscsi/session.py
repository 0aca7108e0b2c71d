"""An I_T nexus: its commands in the order of CmdSN, the window of those allowed, their responses.

One command of a session is with its unit at a time, the others wait here, so that sessions take
turns at the unit and an initiator that does not read its data holds up only itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from target.scsi.command import STATUS_GOOD, STATUS_TASK_ABORTED, Completion, Nexus
from target.transports.iscsi import pdu
from target.transports.iscsi.buffers import Pool
from target.transports.iscsi.pdu import NO_TAG
from target.transports.iscsi.task import LONGEST, Task

if TYPE_CHECKING:
    from target.transports.iscsi.connection import Connection
    from target.transports.iscsi.keys import Parameters
    from target.transports.iscsi.lun import Target

WINDOW = 32
"""Commands that an initiator may have sent and not heard of."""
MOST_IMMEDIATE = 8
GRANTED = 16 << 20
"""Bytes of data-out of commands that wait for their turn, beyond which no R2T is sent."""
ENOUGH = 4 << 20
"""Bytes waiting to be sent, beyond which no command is begun."""
SHORT_DATA = 64
"""Bytes that a command without an allocation length may return."""
_FORGOTTEN = 256


class Session:
    """One session with one connection. ``target`` is None in a discovery session."""

    def __init__(
        self,
        connection: Connection,
        target: Target | None,
        nexus: Nexus,
        parameters: Parameters,
        cmd_sn: int,
    ) -> None:
        self.connection = connection
        self.target = target
        self.parameters = parameters
        self.nexus = nexus
        self.pool = Pool()
        self.exp_cmd_sn = cmd_sn
        self._max_cmd_sn = cmd_sn + WINDOW - 1 & 0xFFFFFFFF
        self._counted = 0
        """Commands not ended that take a place in the window."""
        self.tasks: dict[int, Task] = {}
        """Those not ended, by initiator task tag."""
        self.queue: deque[Task] = deque()
        """Those that wait to be run, in order."""
        self.running: Task | None = None
        """The one that is with the unit."""
        self.when_ended: list[Callable[[], object]] = []
        """What waits for the end of ``running``."""
        self.managing = 0
        """Task management functions going on."""
        self._early: dict[int, Callable[[], object]] = {}
        """What came before its turn, by CmdSN."""
        self._forgotten: deque[int] = deque(maxlen=_FORGOTTEN)
        """Tags of ended commands, for which data may still come."""
        self._next_ttt = 1
        self.closed = False

    # --- the command window ------------------------------------------------------------------

    @property
    def max_cmd_sn(self) -> int:
        """The last CmdSN that is taken now; it never goes back."""
        now = self.exp_cmd_sn + WINDOW - 1 - self._counted & 0xFFFFFFFF
        if pdu.later(now, self._max_cmd_sn):
            self._max_cmd_sn = now
        return self._max_cmd_sn

    def in_window(self, fields: dict[str, int]) -> bool:
        """Whether a request is to be taken (RFC 7143 section 4.2.2.1)."""
        number = fields["cmd_sn"]
        if fields["immediate"]:
            return True
        ahead = number - self.exp_cmd_sn & 0xFFFFFFFF
        room = self.max_cmd_sn - self.exp_cmd_sn & 0xFFFFFFFF
        return ahead <= room < WINDOW and number not in self._early

    def deliver(self, fields: dict[str, int], action: Callable[[], object]) -> None:
        """Act on a request that is in the window, when it is its turn."""
        if fields["immediate"]:
            action()
        elif fields["cmd_sn"] != self.exp_cmd_sn:
            self._early[fields["cmd_sn"]] = action
        else:
            self._advance()
            action()
            while (early := self._early.pop(self.exp_cmd_sn, None)) is not None:
                self._advance()
                early()

    def skip(self, cmd_sn: int) -> None:
        """Consider a CmdSN received that has not come, and never will."""
        self.deliver({"immediate": 0, "cmd_sn": cmd_sn}, lambda: None)

    def _advance(self) -> None:
        self.exp_cmd_sn = self.exp_cmd_sn + 1 & 0xFFFFFFFF

    # --- data-out ----------------------------------------------------------------------------

    def started(self, task: Task, final: bool) -> None:
        """A command and its immediate data are there; ``final``: no unsolicited data follow."""
        self.tasks[task.itt] = task
        self._counted += task.counted
        if final or self.parameters.yes("InitialR2T"):
            task.end_unsolicited()

    def enqueue(self, task: Task) -> None:
        """It is the command's turn in the order of CmdSN."""
        if task.aborted:
            return
        if task.head_of_queue:
            self.queue.appendleft(task)
        else:
            self.queue.append(task)
        self.pump()

    def forgot(self, itt: int) -> bool:
        """Whether a command of that tag has ended not long ago."""
        return itt in self._forgotten

    def data_out_ended(self, task: Task, fields: dict[str, int]) -> None:
        """A Data-Out is there, and its data in place."""
        if fields["final"]:
            if fields["ttt"] == NO_TAG:
                task.end_unsolicited()
            else:
                task.end_solicited(fields["ttt"])
        self.pump()

    def _solicit(self) -> None:
        """Send R2Ts: for the next command always, for those behind it while there is memory."""
        granted = 0
        most, longest = self.parameters["MaxOutstandingR2T"], self.parameters["MaxBurstLength"]
        for task in self.queue:
            if not task.writes:
                continue
            if granted and granted + task.length > GRANTED:
                return
            granted += task.length
            while (
                task.verdict is None
                and task.unsolicited is None
                and task.asked < task.length
                and len(task.solicited) < most
            ):
                ttt, self._next_ttt = self._next_ttt, self._next_ttt % 0x7FFFFFFF + 1
                burst = task.ask(ttt, longest)
                header = pdu.R2T.make(
                    final=1, lun=task.lun, itt=task.itt, ttt=ttt, r2t_sn=task.r2t_sn,
                    offset=burst.at, length=burst.end - burst.at,
                )  # fmt: skip
                task.r2t_sn += 1
                self.connection.send(header, numbered=False)

    # --- running -----------------------------------------------------------------------------

    def pump(self) -> None:
        """Ask for data and give the unit the next command, as far as possible."""
        if self.closed or self.target is None:
            return
        self._solicit()
        if self.running is not None or not self.queue or not self.queue[0].complete:
            return
        if self.connection.sender.waiting > ENOUGH:
            return
        task = self.running = self.queue.popleft()
        target, nexus = self.target, self.nexus
        announced = target.unit.announced(task.cdb)
        wanted = None if target.unit.returns_data(task.cdb) else announced
        room = max(task.length, min(announced, LONGEST), SHORT_DATA)
        target.submit(
            lambda: target.execute(nexus, task, room),
            lambda done: self._ended(task, done, wanted),
        )

    def _ended(self, task: Task, done: Completion | None, wanted: int | None) -> None:
        """The unit is through with a command; ``wanted``: see `residual`."""
        self.running = None
        waiting, self.when_ended = self.when_ended, []
        # The loss of a nexus or a task management function has answered for an aborted one.
        if task.aborted or self.closed or done is None:
            task.release()
        else:
            self._forget(task)
            self._respond(task, done, wanted)
        for call in waiting:
            call()
        self.pump()
        self.connection.flush()

    def _forget(self, task: Task) -> None:
        del self.tasks[task.itt]
        self._counted -= task.counted
        self._forgotten.append(task.itt)

    def _respond(self, task: Task, done: Completion, wanted: int | None) -> None:
        """Send data-in, status and sense data."""
        moved, fields = residual(task, done, wanted)
        collapsed = bool(moved) and done.status == STATUS_GOOD
        data_sn = 0
        if moved:
            data_sn = self._send_data_in(task, moved, fields if collapsed else None)
        if collapsed:
            return
        header = pdu.SCSI_RESPONSE.make(
            fields, final=1, itt=task.itt, status=done.status, exp_data_sn=data_sn + task.r2t_sn
        )
        data = len(done.sense).to_bytes(2, "big") + done.sense if done.sense else b""
        self.connection.send(header, data[: self.parameters["MaxRecvDataSegmentLength"]])
        if not moved:
            task.release()

    def _send_data_in(self, task: Task, length: int, status: dict[str, int] | None) -> int:
        """Send data, the last with ``status`` if there is one; how many PDUs it took."""
        assert task.buffer is not None
        data = memoryview(task.buffer)
        most, burst = self.parameters["MaxRecvDataSegmentLength"], self.parameters["MaxBurstLength"]
        at = number = 0
        burst_end = min(burst, length)
        while at < length:
            end = min(at + most, burst_end)
            last = end == length
            fields = status if last and status is not None else {}
            header = pdu.DATA_IN.make(
                fields, final=end == burst_end, has_status=last and status is not None,
                itt=task.itt, ttt=NO_TAG, data_sn=number, offset=at,
            )  # fmt: skip
            self.connection.send(
                header, data[at:end], task.release if last else None,
                numbered=last and status is not None,
            )  # fmt: skip
            number += 1
            at = end
            if at == burst_end:
                burst_end = min(at + burst, length)
        return number

    # --- aborting ----------------------------------------------------------------------------

    def abort(self, task: Task, answer: bool = False) -> bool:
        """Take a command away; with ``answer`` it gets TASK ABORTED, else nothing.

        True if it is running: then it is over when `when_ended` is called.
        """
        task.aborted = True
        if task.itt in self.tasks:
            self._forget(task)
        if answer:
            header = pdu.SCSI_RESPONSE.make(final=1, itt=task.itt, status=STATUS_TASK_ABORTED)
            self.connection.send(header)
        if task is self.running:
            try:
                task.ticket.pop()
            except IndexError:
                return True
            # The unit's thread will find it without its ticket, and pass over it.
            return False
        if task in self.queue:
            self.queue.remove(task)
        task.release()
        return False

    def abort_all(self, answer: bool = False) -> bool:
        """Take all commands away; see `abort`."""
        running = [self.abort(task, answer) for task in list(self.tasks.values())]
        return any(running)

    def close(self) -> None:
        """The session is over: its commands are aborted and its nexus is lost. Once."""
        if self.closed:
            return
        self.closed = True
        self._early.clear()
        running = self.abort_all()
        target = self.target
        if target is None:
            return
        if target.sessions.get(self.nexus.initiator) is self:
            del target.sessions[self.nexus.initiator]
        if running:
            target.nag(self.nexus, lambda: self.running is None)
        target.lost(self.nexus)


def residual(task: Task, done: Completion, wanted: int | None) -> tuple[int, dict[str, int]]:
    """How many bytes of data-in to send, and the residual fields (RFC 7143 section 11.4.5).

    ``wanted``: how many bytes of data-out the CDB is about; None if it is not about data-out.
    """
    moved = min(done.length, task.length) if task.reads else 0
    if wanted is None:
        wanted = 0 if task.writes else done.length
    if wanted > task.length:
        return moved, {"overflow": 1, "residual": wanted - task.length}
    if wanted < task.length:
        return moved, {"underflow": 1, "residual": task.length - wanted}
    return moved, {}

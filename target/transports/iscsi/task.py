"""One SCSI command from its arrival to its response: its data-out, in order, and its end.

Data-out come with the command (immediate), behind it (unsolicited, up to FirstBurstLength) and as
asked for with R2T (RFC 7143 sections 4.2.4 and 11.7 to 11.8). All offsets are in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from target.scsi.command import STATUS_CHECK_CONDITION, Completion
from target.scsi.sense import (
    INCORRECT_AMOUNT_OF_DATA,
    INVALID_FIELD_IN_CDB,
    UNEXPECTED_UNSOLICITED_DATA,
    Code,
    Sense,
)
from target.transports.iscsi.buffers import Buffer, Pool
from target.transports.iscsi.keys import Parameters

LONGEST = (16 << 20) + (64 << 10)
"""Bytes that one command may move: the longest block, with room to spare."""
_SECURITY_PROTOCOL_OUT = 0xB5
SENSE = 18


def check(code: Code) -> Completion:
    """CHECK CONDITION by the transport itself."""
    return Completion(STATUS_CHECK_CONDITION, Sense(code).fixed(SENSE))


@dataclass
class Burst:
    """A sequence of Data-Out: solicited by one R2T, or the unsolicited one."""

    at: int
    """Where the next data must be."""
    end: int
    data_sn: int = 0


class Task:
    """A command. ``fields`` are those of its header."""

    def __init__(
        self,
        fields: dict[str, int],
        cdb: bytes,
        parameters: Parameters,
        pool: Pool,
    ) -> None:
        self.itt = fields["itt"]
        self.lun = fields["lun"]
        self.cdb = cdb
        self.length = fields["length"]
        """Expected data transfer length."""
        self.reads = bool(fields["read"])
        self.writes = bool(fields["write"]) and not self.reads
        self.head_of_queue = fields["attribute"] == 3
        self.counted = not fields["immediate"]
        """Whether it takes a place in the command window."""
        self.verdict: Completion | None = None
        """How it ends without running; no more data are wanted then."""
        self.aborted = False
        self.ticket = [None]
        """Whoever takes it away decides: the unit's thread to run the task, or an abort."""
        self.buffer: Buffer | None = None
        """Where its data are."""
        self.unsolicited: Burst | None = None
        self.solicited: dict[int, Burst] = {}
        """By target transfer tag."""
        self.asked = 0
        """Up to where data have come, or will for an R2T."""
        self.r2t_sn = 0
        self.receiving = False
        """Whether data are coming into the buffer now: it is not free before they are there."""
        self._released = False
        self._pool = pool
        if self.length > LONGEST:
            # As a device server says it of what exceeds its maximum transfer length.
            self.verdict = check(INVALID_FIELD_IN_CDB)
        elif self.writes and self.length:
            self.buffer = pool.take(self.length)
            first = 0
            if not parameters.yes("InitialR2T") or parameters.yes("ImmediateData"):
                first = min(parameters["FirstBurstLength"], parameters["MaxBurstLength"])
            self.unsolicited = Burst(0, min(first, self.length))

    @property
    def complete(self) -> bool:
        """Whether it has all data that it needs to run."""
        if self.verdict is not None or not self.writes:
            return True
        return not self.unsolicited and not self.solicited and self.asked >= self.length

    def fail(self, code: Code) -> None:
        """The initiator broke the rules of data transfer: that is how it ends."""
        if self.verdict is None:
            self.verdict = check(code)
        self.unsolicited = None
        self.solicited.clear()

    def immediate(self, length: int, allowed: bool) -> memoryview | None:
        """Where immediate data go; None if they go nowhere."""
        if self.verdict is None and (not allowed or not self.writes):
            self.fail(UNEXPECTED_UNSOLICITED_DATA)
        return self._place(self.unsolicited, 0, length)

    def data_out(self, fields: dict[str, int]) -> memoryview | None:
        """Where the data of a Data-Out go; None if they go nowhere."""
        burst = self.solicited.get(fields["ttt"], self.unsolicited)
        if burst is not None:
            if fields["data_sn"] != burst.data_sn:
                self.fail(INCORRECT_AMOUNT_OF_DATA)
            burst.data_sn += 1
        return self._place(burst, fields["offset"], fields["data_length"])

    def _place(self, burst: Burst | None, offset: int, length: int) -> memoryview | None:
        if self.verdict is not None:
            return None
        if burst is None or self.buffer is None:
            self.fail(UNEXPECTED_UNSOLICITED_DATA)
            return None
        if offset != burst.at or offset + length > burst.end:
            self.fail(INCORRECT_AMOUNT_OF_DATA)
            return None
        burst.at += length
        self.receiving = True
        return memoryview(self.buffer)[offset : offset + length]

    def end_unsolicited(self) -> None:
        """No more unsolicited data come."""
        if self.unsolicited is not None:
            self.asked = self.unsolicited.at
            self.unsolicited = None

    def end_solicited(self, ttt: int) -> None:
        """The last Data-Out for that R2T is there."""
        burst = self.solicited.pop(ttt, None)
        if burst is not None and burst.at != burst.end:
            self.fail(INCORRECT_AMOUNT_OF_DATA)

    def ask(self, ttt: int, longest: int) -> Burst:
        """The next R2T, of ``longest`` bytes at most."""
        burst = Burst(self.asked, min(self.asked + longest, self.length))
        self.solicited[ttt] = burst
        self.asked = burst.end
        return burst

    def views(self) -> list[memoryview]:
        """The data-out for the unit."""
        if not self.writes or self.buffer is None:
            return []
        return [memoryview(self.buffer)[: self.length]]

    def room(self, size: int) -> list[memoryview]:
        """Room for ``size`` bytes of data-in, whether or not the initiator has any."""
        if self.writes:
            return []
        self.buffer = self._pool.take(size)
        return [memoryview(self.buffer)[:size]]

    def received(self) -> None:
        """The data that were coming are there."""
        self.receiving = False
        if self._released:
            self.release()

    def release(self) -> None:
        """Its memory is free for others."""
        self._released = True
        if self.buffer is not None and not self.receiving:
            self._pool.give(self.buffer, self.cdb[0] == _SECURITY_PROTOCOL_OUT)
            self.buffer = None

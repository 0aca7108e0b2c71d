"""Bytes of a connection to PDUs, and PDUs to bytes; no socket is known here.

Receiving: headers come into a small read-ahead buffer; the data segment goes straight into the
memory that `Sink.begin` names, and only what came along with the header is copied. Whoever receives
fills `Receiver.buffers` in order and says how much that was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from target.transports.iscsi.pdu import BHS, padding

READ_AHEAD = 8192
"""Bytes: the most that is ever copied of one PDU."""
DIGEST = 4
_ZEROS = bytes(4)


def crc32c(data: bytes | bytearray | memoryview, crc: int = 0) -> int:
    """CRC32C (RFC 7143 section 13.1)."""
    # Loaded when first needed: most sessions have no digests.
    from crc32c import crc32c as compute

    return compute(data, crc)


class Broken(Exception):
    """The bytes make no PDU: the connection cannot go on. The text is for the log."""


class Sink(Protocol):
    """Takes the PDUs of a connection."""

    def begin(self, header: bytes, ahs: bytes, length: int) -> memoryview:
        """A header has come; where its ``length`` bytes of data go. Raises Broken."""

    def end(self, intact: bool) -> None:
        """The data are there; ``intact``: their digest is right."""


class Receiver:
    """The receiving half. ``limit``: the longest data segment that is taken."""

    def __init__(self, sink: Sink, limit: int) -> None:
        self.limit = limit
        self.header_digest = self.data_digest = False
        self._sink = sink
        self._ahead = memoryview(bytearray(READ_AHEAD))
        self._start = self._end = 0
        """What of the read-ahead buffer is still to be looked at."""
        self._data: memoryview | None = None
        """Where the data of the current PDU go; None: a header is next."""
        self._got = 0
        self._tail = bytearray(3 + DIGEST)
        self._trailer = memoryview(self._tail)
        self._tail_got = 0

    def buffers(self) -> list[memoryview]:
        """Where the next bytes go, in this order."""
        if self._data is None:
            return [self._ahead[self._end :]]
        # With data missing nothing is read ahead: the buffer is all free.
        return [self._data[self._got :], self._trailer[self._tail_got :], self._ahead]

    @property
    def between(self) -> bool:
        """Whether no PDU has begun to come."""
        return self._data is None and self._start == self._end

    def received(self, count: int) -> None:
        """``count`` bytes were put into `buffers`. Raises Broken."""
        if self._data is not None:
            count = self._fill(count)
        self._end += count
        while self._step():
            pass
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == READ_AHEAD:
            left = self._end - self._start
            self._ahead[:left] = bytes(self._ahead[self._start : self._end])
            self._start, self._end = 0, left

    def _fill(self, count: int) -> int:
        """Account for bytes that went into data and trailer; what is left went ahead."""
        assert self._data is not None
        part = min(count, len(self._data) - self._got)
        self._got += part
        tail = min(count - part, len(self._trailer) - self._tail_got)
        self._tail_got += tail
        return count - part - tail

    def _step(self) -> bool:
        """Go on with what is there; False when more has to come."""
        if self._data is None:
            return self._begin()
        available = self._end - self._start
        if available and self._got < len(self._data):
            part = min(available, len(self._data) - self._got)
            ahead = self._ahead[self._start : self._start + part]
            self._data[self._got : self._got + part] = ahead
            # It may have been a key.
            ahead[:] = bytes(part)
            self._got += part
            self._start += part
            available -= part
        if available and self._tail_got < len(self._trailer):
            part = min(available, len(self._trailer) - self._tail_got)
            ahead = self._ahead[self._start : self._start + part]
            self._trailer[self._tail_got : self._tail_got + part] = ahead
            self._tail_got += part
            self._start += part
        if self._got < len(self._data) or self._tail_got < len(self._trailer):
            if self._start == self._end:
                self._start = self._end = 0
            return False
        self._finish(self._data)
        return True

    def _begin(self) -> bool:
        """Take a header, if it is all there."""
        at, available = self._start, self._end - self._start
        if available < BHS:
            return False
        ahs_end = BHS + self._ahead[at + 4] * 4
        whole = ahs_end + (DIGEST if self.header_digest else 0)
        if available < whole:
            return False
        header = bytes(self._ahead[at : at + ahs_end])
        if self.header_digest:
            told = bytes(self._ahead[at + ahs_end : at + whole])
            if crc32c(header).to_bytes(4, "little") != told:
                raise Broken("wrong header digest")
        length = int.from_bytes(header[5:8], "big")
        if length > self.limit:
            raise Broken(f"data segment of {length} bytes, {self.limit} at most")
        self._start += whole
        self._data = self._sink.begin(header[:BHS], header[BHS:], length)
        self._got = self._tail_got = 0
        tail = padding(length) + (DIGEST if self.data_digest and length else 0)
        self._trailer = memoryview(self._tail)[:tail]
        return True

    def _finish(self, data: memoryview) -> None:
        intact = True
        if self.data_digest and len(data):
            pad = len(self._trailer) - DIGEST
            crc = crc32c(self._trailer[:pad], crc32c(data))
            intact = crc.to_bytes(4, "little") == bytes(self._trailer[pad:])
        self._data = None
        self._sink.end(intact)


class Sender:
    """The sending half: a queue of views, and of calls for when what is before them is sent."""

    def __init__(self) -> None:
        self.header_digest = self.data_digest = False
        self.waiting = 0
        """Bytes that are still to be sent."""
        self._queue: deque[memoryview | Callable[[], object]] = deque()

    def put(
        self,
        header: bytearray,
        data: bytes | bytearray | memoryview = b"",
        sent: Callable[[], object] | None = None,
    ) -> None:
        """Queue a PDU, whose data must not change until ``sent`` is called; sets data_length."""
        length = len(data)
        header[5:8] = length.to_bytes(3, "big")
        if self.header_digest:
            header += crc32c(header).to_bytes(4, "little")
        self._append(memoryview(header))
        if length:
            tail = _ZEROS[: padding(length)]
            if self.data_digest:
                tail += crc32c(tail, crc32c(data)).to_bytes(4, "little")
            self._append(memoryview(data))
            if tail:
                self._append(memoryview(tail))
        if sent is not None:
            self._queue.append(sent)

    def _append(self, view: memoryview) -> None:
        self._queue.append(view)
        self.waiting += len(view)

    def views(self, most: int = 64) -> list[memoryview]:
        """What to send next."""
        views = []
        for item in self._queue:
            if isinstance(item, memoryview):
                views.append(item)
                if len(views) == most:
                    break
        return views

    def sent(self, count: int) -> None:
        """``count`` bytes of `views` are on their way."""
        self.waiting -= count
        queue = self._queue
        while queue:
            item = queue[0]
            if not isinstance(item, memoryview):
                queue.popleft()
                item()
            elif count >= len(item):
                count -= len(item)
                queue.popleft()
            else:
                queue[0] = item[count:]
                return

    def drop(self) -> None:
        """Nothing more is sent; whoever waits for it is told all the same."""
        queue, self._queue, self.waiting = self._queue, deque(), 0
        for item in queue:
            if not isinstance(item, memoryview):
                item()

"""A byte stream each way between host and guest: rings in shared memory, a console as doorbell.

The console of a user-mode kernel alone will not do: it takes input byte by byte, under 2 MB/s, and
after its buffer has been full once it may never wake up again. So data goes through memory that
both sides map, and the console carries single bytes that mean "look". Each side says in the ring
when it is about to wait and is rung only then, so a few bytes at most are ever under way.

Both ends use this class; standard library only, and little of it, for the guest's sake.
"""

from __future__ import annotations

import os
import select

RING = 1 << 20
"""Data bytes in each direction's ring."""
_HEADER = 4096
MEMORY = 2 * (_HEADER + RING)
"""Bytes of shared memory that a channel needs, zero at first."""

# Header words, 8 bytes each: bytes ever written, bytes ever read, and who waits to be rung.
_HEAD, _TAIL, _READER_WAITS, _WRITER_WAITS = range(4)

RECHECK = 1000
"""Milliseconds after which a waiting side looks again even if it was not rung: it sets its flag,
then looks at the ring, and nothing makes the other processor see these in that order."""


class ChannelClosed(Exception):
    """The other side has gone."""


class Channel:
    """One end. ``bell`` is a non-blocking descriptor; ``first`` tells the two ends apart."""

    def __init__(self, bell: int, memory: memoryview, *, first: bool) -> None:
        half = _HEADER + RING
        rings = memory[:half], memory[half : 2 * half]
        outgoing, incoming = rings if first else rings[::-1]
        self.bell = bell
        self._out, self._out_data = outgoing[:64].cast("Q"), outgoing[_HEADER:]
        self._in, self._in_data = incoming[:64].cast("Q"), incoming[_HEADER:]

    def readable(self) -> bool:
        """Whether `receive` has something."""
        return self._in[_HEAD] != self._in[_TAIL]

    def send_some(self, data: memoryview) -> int:
        """Put as much of the data into the ring as fits; how many bytes."""
        ring = self._out
        head = ring[_HEAD]
        count = min(len(data), RING - (head - ring[_TAIL]))
        if count:
            start = head % RING
            first = min(count, RING - start)
            self._out_data[start : start + first] = data[:first]
            self._out_data[: count - first] = data[first:count]
            ring[_HEAD] = head + count
            self._ring_if(ring, _READER_WAITS)
        return count

    def send(self, data: bytes) -> None:
        """Put all of the data into the ring, waiting for room. Raises ChannelClosed."""
        view = memoryview(data)
        poll = select.poll()
        poll.register(self.bell, select.POLLIN)
        while view := view[self.send_some(view) :]:
            if self.may_wait(for_room=True):
                poll.poll(RECHECK)
                self.take_bell()

    def receive(self) -> bytes:
        """All that is in the ring now."""
        ring = self._in
        tail = ring[_TAIL]
        count = ring[_HEAD] - tail
        start = tail % RING
        first = min(count, RING - start)
        data = bytes(self._in_data[start : start + first])
        if first < count:
            data += self._in_data[: count - first]
        ring[_TAIL] = tail + count
        self._ring_if(ring, _WRITER_WAITS)
        return data

    def may_wait(self, *, for_room: bool = False) -> bool:
        """Ask to be rung; False when there is something to do already.

        To do is: to receive or, ``for_room``, to send into a ring that is not full any more. After
        True the caller may wait until ``bell`` is readable, for RECHECK milliseconds at most.
        """
        if for_room:
            self._out[_WRITER_WAITS] = 1
            return self._out[_HEAD] - self._out[_TAIL] == RING
        self._in[_READER_WAITS] = 1
        return not self.readable()

    def take_bell(self) -> None:
        """Silence the bell. Raises ChannelClosed when the other side has gone."""
        try:
            rung = os.read(self.bell, 64)
        except BlockingIOError:
            return
        except OSError as error:
            raise ChannelClosed from error
        if not rung:
            raise ChannelClosed

    def _ring_if(self, ring: memoryview, flag: int) -> None:
        if ring[flag]:
            ring[flag] = 0
            try:
                os.write(self.bell, b"!")
            except BlockingIOError:
                pass  # It is ringing all the time.
            except OSError:
                pass  # The other side has gone; take_bell will say so.

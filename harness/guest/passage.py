"""The way from this machine to a guest's control socket, and to programs beside the commands: the
guest's end of it, see `relay` and `console`.

Loaded when it is used for the first time; imports as little as the agent does.
"""

from __future__ import annotations

import _socket
import os
import select

from harness.guest import frames
from harness.guest.command import IGNORED_BY_PYTHON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 65536
PATIENCE = 64 << 20
"""Bytes of requests that the target may leave lying."""


class Passage:
    """The connections. `ready` is to be called for descriptors of ``numbers`` that poll reports."""

    def __init__(self, poll: select.poll, send: Callable[[bytes], None]) -> None:
        self._poll = poll
        self._send = send
        self._streams: dict[int, _socket.socket] = {}
        self._requests: dict[int, bytearray] = {}
        self.numbers: dict[int, int] = {}
        """Of the connections, by descriptor."""

    def open(self, payload: bytes) -> None:
        """A client has come; it is hung up on where nobody listens, or no program starts."""
        number, there = frames.unpack(payload)
        try:
            stream = _connected(there) if isinstance(there, str) else _started(there)
        except OSError:
            self._send(frames.talk(frames.TOLD, number, b""))
            return
        self._streams[number] = stream
        self._requests[number] = bytearray()
        self.numbers[stream.fileno()] = number
        self._poll.register(stream.fileno(), select.POLLIN)

    def feed(self, payload: bytes) -> None:
        """What a client sent; empty: it has hung up."""
        number, data = frames.split_talk(payload)
        if number not in self._streams:
            return  # The target has hung up meanwhile.
        self._requests[number] += data
        if not data or len(self._requests[number]) > PATIENCE:
            self._close(number)
        else:
            self._pass_on(number)

    def ready(self, fd: int, events: int) -> None:
        """Go on with a connection."""
        number = self.numbers[fd]
        if events & select.POLLOUT:
            self._pass_on(number)
        if events & ~select.POLLOUT:
            try:
                data = self._streams[number].recv(CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self._send(frames.talk(frames.TOLD, number, data))
            if not data:
                self._close(number)

    def _pass_on(self, number: int) -> None:
        requests, stream = self._requests[number], self._streams[number]
        try:
            while requests:
                with memoryview(requests) as view:
                    count = stream.send(view[:CHUNK])
                requests[:count] = bytes(count)
                del requests[:count]
        except BlockingIOError:
            pass
        except OSError:
            requests.clear()  # What there is to know is read next.
        wanted = select.POLLIN | (select.POLLOUT if requests else 0)
        self._poll.modify(stream.fileno(), wanted)

    def _close(self, number: int) -> None:
        stream = self._streams.pop(number)
        del self._requests[number], self.numbers[stream.fileno()]
        self._poll.unregister(stream.fileno())
        stream.close()


def _connected(path: str) -> _socket.socket:
    """To who listens there. Raises OSError."""
    stream = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    stream.setblocking(False)
    try:
        stream.connect(path)
    except OSError:
        stream.close()
        raise
    return stream


def _started(argv: list[bytes]) -> _socket.socket:
    """To a new program's input and output; its errors go to the kernel's log. Raises OSError."""
    stream, theirs = _socket.socketpair()
    stream.setblocking(False)
    to_both = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), number) for number in (0, 1)]
    try:
        # In a session of its own, by which it is found when the guest ends.
        os.posix_spawn(
            argv[0],
            argv,
            os.environ,
            file_actions=to_both,
            setsid=True,
            setsigdef=IGNORED_BY_PYTHON,
        )
    except OSError:
        stream.close()
        raise
    finally:
        theirs.close()
    return stream

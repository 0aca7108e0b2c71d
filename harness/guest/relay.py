"""The way from this machine to a guest's control socket: this machine's end of it.

Unix sockets do not reach into a guest. So there is one here with the same protocol; what comes by
its connections goes through the agent's channel, which has a connection in the guest for each. It
goes on while the guest is waited for: whenever a command runs, and nothing is lost in between.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.guest import frames
from target.local_socket import listen

CHUNK = 65536
MOST = 32
"""Connections at a time; more wait."""
WINDOW = 1 << 20
"""Bytes that may wait for the channel before clients have to wait, too."""
PATIENCE = 64 << 20
"""Bytes of answers that a client may leave lying."""


@dataclass
class _Client:
    """A connection, and what is still to be sent to it."""

    stream: socket.socket
    number: int
    answers: bytearray = field(default_factory=bytearray)


class Relay:
    """Listens at ``path`` for what is at ``there`` in the guest. Raises OSError."""

    def __init__(self, path: Path, there: Path) -> None:
        self._path = path
        self._there = str(there)
        self._listener = listen(path)
        self._listener.setblocking(False)
        self._clients: dict[int, _Client] = {}
        """By descriptor."""
        self._numbers: dict[int, _Client] = {}
        self._last = 0

    def register(self, poll: select.poll, waiting: int) -> None:
        """Say what to wait for; ``waiting``: bytes that the channel has not taken yet."""
        if len(self._clients) < MOST:
            poll.register(self._listener, select.POLLIN)
        for fd, client in self._clients.items():
            reads = select.POLLIN if waiting < WINDOW else 0
            poll.register(fd, reads | (select.POLLOUT if client.answers else 0))

    def ready(self, fd: int, events: int) -> bytes:
        """Go on with a descriptor that the poll reported; frames for the agent."""
        if fd == self._listener.fileno():
            return self._accept()
        client = self._clients.get(fd)
        if client is None:
            return b""
        if events & select.POLLOUT:
            self._send(client)
        return self._receive(client) if events & ~select.POLLOUT else b""

    def told(self, payload: bytes) -> None:
        """A frame from the agent: an answer; one that is empty hangs up."""
        number, data = frames.split_talk(payload)
        client = self._numbers.get(number)
        if client is None:
            return  # It has hung up meanwhile.
        client.answers += data
        self._send(client)
        if not data or len(client.answers) > PATIENCE:
            self._drop(client)

    def close(self) -> None:
        """Let nobody in any more."""
        for client in list(self._clients.values()):
            self._drop(client)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> bytes:
        try:
            stream, _ = self._listener.accept()
        except OSError:
            return b""
        stream.setblocking(False)
        self._last += 1
        client = _Client(stream, self._last)
        self._clients[stream.fileno()] = self._numbers[self._last] = client
        return frames.pack(frames.OPEN, (self._last, self._there))

    def _receive(self, client: _Client) -> bytes:
        try:
            data = client.stream.recv(CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._drop(client)
        return frames.talk(frames.TALK, client.number, data)

    def _send(self, client: _Client) -> None:
        with suppress(OSError):
            del client.answers[: client.stream.send(client.answers)]

    def _drop(self, client: _Client) -> None:
        del self._clients[client.stream.fileno()], self._numbers[client.number]
        client.stream.close()

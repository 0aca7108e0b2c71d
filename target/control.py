"""The control socket of a target: how operators reach its libraries from another process.

A Unix socket, for the user alone who runs the target. A request is one line: a JSON object with
``call``, ``args``, and where they matter ``token`` (of the session) and ``library``. Passwords are
not in it, because JSON makes text of them, which cannot be overwritten: ``secrets`` lists the names
of the arguments that are passwords, and behind the object come a NUL and the password for each of
them. An answer is a line, too: {"result": ...}, or {"error": SENTENCE, "kind": WORD}. Bytes are
{"base64": TEXT}. Calls: `target.control_calls`.

Whatever a client sends, it gets an answer or is hung up on, and nobody else notices.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from keymgr.secret import Secret
from target.clock import SYSTEM, Clock
from target.control_calls import Kind, Refusal, decode, encode
from target.control_sessions import Operated, Request, Sessions
from target.local_socket import listen

LONGEST = 16 << 20
"""Bytes of a line."""
MOST = 32
"""Connections at a time."""
PATIENCE = 600.0
"""Seconds that a client may take to send a line, or to take an answer."""
CLOSING = 10.0
"""Seconds that calls have to end when the target stops."""
_CHUNK = 65536
_RETRY = 0.1


class Control:
    """The server: listens on ``path`` until it is closed; ``listener``: one that does so already.

    Raises OSError.
    """

    def __init__(
        self,
        path: Path,
        libraries: Mapping[str, Operated],
        bench: object = None,
        clock: Clock = SYSTEM,
        listener: socket.socket | None = None,
    ) -> None:
        self.path = path
        self._sessions = Sessions(libraries, bench, clock)
        self._guard = threading.Lock()
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._closed = threading.Event()
        self._listener = listener or listen(path)
        self._accepting = threading.Thread(target=self._accept, name="control", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Let nobody in any more; calls that are being answered may end."""
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        self.path.unlink(missing_ok=True)
        with self._guard:
            clients = dict(self._clients)
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RD)
        for thread in clients.values():
            thread.join(CLOSING)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                # Closed, or out of descriptors.
                self._closed.wait(_RETRY)
                continue
            client.settimeout(PATIENCE)
            thread = threading.Thread(
                target=self._serve, args=[client], name="control client", daemon=True
            )
            with self._guard:
                if len(self._clients) < MOST:
                    # Under the lock: nobody waits for a thread that has not been started.
                    with suppress(RuntimeError):
                        thread.start()
                        self._clients[client] = thread
                        continue
            busy = Refusal(Kind.FAILED, "too many clients at a time: try again later")
            with suppress(OSError), client:
                client.setblocking(False)
                client.send(refused(busy))

    def _serve(self, client: socket.socket) -> None:
        try:
            with suppress(OSError):
                for line in Lines(client):
                    client.sendall(self._answer(line))
                    if self._closed.is_set():
                        break
        except Refusal as refusal:
            with suppress(OSError):
                client.sendall(refused(refusal))
        finally:
            with self._guard:
                del self._clients[client]
            client.close()

    def _answer(self, line: memoryview) -> bytes:
        request = None
        try:
            request = parse(line)
            return encode({"result": self._sessions.answer(request)}) + b"\n"
        except Refusal as refusal:
            return refused(refusal)
        finally:
            if request is not None:
                request.wipe()


class Lines:
    """The lines from a client, each in a buffer that is overwritten when the next is asked for."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._buffer = bytearray(_CHUNK)
        self._end = 0

    def __iter__(self) -> Iterator[memoryview]:
        """Until the client hangs up. Raises OSError, TimeoutError; Refusal for a huge line."""
        looked = 0
        try:
            while True:
                at = self._buffer.find(b"\n", looked, self._end)
                if at >= 0:
                    yield memoryview(self._buffer)[:at]
                    self._drop(at + 1)
                    looked = 0
                    continue
                looked = self._end
                if self._end == len(self._buffer):
                    self._grow()
                count = self._client.recv_into(memoryview(self._buffer)[self._end :])
                if not count:
                    return
                self._end += count
        finally:
            self._buffer[:] = bytes(len(self._buffer))

    def _drop(self, count: int) -> None:
        view, rest = memoryview(self._buffer), self._end - count
        view[:rest] = view[count : self._end]
        view[rest : self._end] = bytes(count)
        self._end = rest

    def _grow(self) -> None:
        if len(self._buffer) >= LONGEST:
            raise Refusal(Kind.REQUEST, f"a line may have {LONGEST >> 20} MiB")
        larger = bytearray(len(self._buffer) * 2)
        larger[: self._end] = self._buffer
        self._buffer[:] = bytes(len(self._buffer))
        self._buffer = larger


def parse(line: memoryview) -> Request:
    """The request in a line. Raises Refusal."""
    head, marks = _split(line)
    try:
        raw = decode(head)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        raise Refusal(Kind.REQUEST, "a request is a JSON object on a line of its own")
    names = raw.get("secrets", [])
    call, arguments = raw.get("call"), raw.get("args", {})
    library, token = raw.get("library"), raw.get("token")
    if not (
        isinstance(call, str)
        and isinstance(arguments, dict)
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and isinstance(library, str | None)
        and isinstance(token, str | None)
        and len(names) == len(marks)
    ):
        raise Refusal(
            Kind.REQUEST,
            "a request has call, args, and perhaps library, token, and secrets: the names of"
            " the passwords that follow the object, a NUL before each",
        )
    secrets = [(name, Secret(mark)) for name, mark in zip(names, marks, strict=True)]
    return Request(call, arguments, secrets, library, token)


def _split(line: memoryview) -> tuple[memoryview, list[memoryview]]:
    """What is before the first NUL, and what is behind each."""
    data = line.obj
    assert isinstance(data, bytearray)
    ends, at = [], data.find(b"\0", 0, len(line))
    while at >= 0:
        ends.append(at)
        at = data.find(b"\0", at + 1, len(line))
    ends.append(len(line))
    return line[: ends[0]], [line[a + 1 : b] for a, b in pairwise(ends)]


def refused(refusal: Refusal) -> bytes:
    """The answer that there is none."""
    return encode({"error": str(refusal), "kind": refusal.kind.value}) + b"\n"

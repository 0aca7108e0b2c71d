"""The framed protocol between the host and the agent, over one raw byte stream.

A frame is its kind (one byte), the length of its payload (four bytes, big-endian) and the payload.
Structured payloads are `marshal` data: both ends are the same interpreter from the same files, and
marshal is built in, while importing json costs a tenth of a second inside a guest.
"""

from __future__ import annotations

import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

RUN = 1
"""To the agent: start a command (see `pack`: argv, env, cwd, umask, size or None)."""
STDIN = 2
"""To the agent: bytes for the command; an empty frame is the end of its input."""
WINDOW = 3
"""To the agent: new terminal size (rows, columns)."""
SIGNAL = 4
"""To the agent: send this signal number to the command's process group."""
STOP = 5
"""To the agent: end everything and power off."""
RESTART = 6
"""To the agent: kill the target process if it lives, and start it anew."""
OPEN = 7
"""To the agent: an operator's connection to a control socket (see `pack`: its number, path), or a
program beside the commands (its number, argv)."""
TALK = 8
"""To the agent: bytes from such a connection (see `talk`)."""

READY = 16
"""From the agent: every device is bound (name of the unit -> serial number, nodes of tape,
sg and changer)."""
STDOUT = 17
STDERR = 18
EXIT = 19
"""From the agent: the command ended with this status; all its output was sent before."""
CREDIT = 20
"""From the agent: this many more bytes of STDIN may be sent."""
TARGET_DIED = 21
"""From the agent: the target process ended by itself, with this status."""
FAIL = 22
"""From the agent: it cannot go on; UTF-8 text says why. The guest powers off."""
STOPPED = 23
"""From the agent: all ended, target's exit status (None: it had to be killed); powering off."""

RESTARTED = 24
"""From the agent: a new target process serves."""
TOLD = 25
"""From the agent: bytes for a connection (see `talk`)."""

STDIN_WINDOW = 256 * 1024
"""Bytes of STDIN that may be under way before the agent has given any credit."""

MAX_PAYLOAD = 16 * 1024 * 1024
_HEADER = 5


class FrameError(Exception):
    """The stream does not hold frames: something else writes to it, or bytes were lost."""


def frame(kind: int, payload: bytes | bytearray | memoryview = b"") -> bytes:
    """One frame, ready to be written."""
    return b"".join((bytes((kind,)), len(payload).to_bytes(4, "big"), payload))


def pack(kind: int, value: Any) -> bytes:
    """One frame whose payload is a structured value (None, int, str, bytes, tuple, list, dict)."""
    return frame(kind, marshal.dumps(value))


def unpack(payload: bytes) -> Any:
    """The structured value of a payload that `pack` made: of the type that was packed."""
    return marshal.loads(payload)


def talk(kind: int, number: int, data: bytes) -> bytes:
    """One frame with bytes of such a connection; none: its end."""
    return frame(kind, number.to_bytes(4, "big") + data)


def split_talk(payload: bytes) -> tuple[int, bytes]:
    """The connection's number and the bytes of a payload that `talk` made."""
    return int.from_bytes(payload[:4], "big"), payload[4:]


class Decoder:
    """Cuts a byte stream, fed in pieces of any size, into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (kind, payload) of each frame that is complete now.

        Raises FrameError when a header cannot be one of ours.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _HEADER:
            kind = buffer[start]
            length = int.from_bytes(buffer[start + 1 : start + _HEADER], "big")
            if length > MAX_PAYLOAD or not (RUN <= kind <= TALK or READY <= kind <= TOLD):
                raise FrameError(f"frame of kind {kind} and length {length}")
            end = start + _HEADER + length
            if len(buffer) < end:
                break
            payload = bytes(buffer[start + _HEADER : end])
            start = end
            yield kind, payload
        del buffer[:start]

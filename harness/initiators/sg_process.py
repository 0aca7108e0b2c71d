"""SCSI commands by a process that stays, for whoever is outside of the guest that has the nodes.

Requests come by its standard input, answers go to its standard output (see `pack`), one for each,
until the input ends. A request is one of `REQUESTS` and its arguments; an answer what that gave
back, or a sentence on why it could not. Loads as little as can be: a guest takes its time for it.
"""

from __future__ import annotations

import marshal
import os
import sys

from harness.initiators.api import TIMEOUT, InitiatorError
from harness.initiators.sg import Sg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

LENGTH = 4
"""Bytes before a value that say how long it is, big-endian."""
LOOKS = 3
"""The most unit attentions that the tape driver is told, one each time."""


def send(
    node: str, cdb: bytes, out: bytes, size: int, timeout: float = TIMEOUT
) -> tuple[int, bytes, bytes]:
    """Run a command, see `harness.initiators.api.Initiator.send`: status, sense data, data-in."""
    # Opened for each, and not kept: a device may go, and come back by the same name.
    with Sg(node) as sg:
        reply = sg.send(cdb, out=out, size=size, timeout=timeout)
    return reply.status, reply.sense, reply.data


def look(node: str) -> bool:
    """Have the tape driver look at a drive (/dev/nst0); whether it found a tape."""
    for _ in range(LOOKS):
        try:
            os.close(os.open(node, os.O_RDONLY))
        except OSError:
            continue
        return True
    return False


REQUESTS: dict[str, Callable[..., Any]] = {"send": send, "look": look}


def main() -> int:
    """Be that process; the exit status."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while request := _read(requests):
        answers.write(pack(_answer(unpack(request))))
        answers.flush()
    return 0


def pack(value: Any) -> bytes:
    """A request or an answer as it goes: both ends are the same interpreter."""
    data = marshal.dumps(value)
    return len(data).to_bytes(LENGTH, "big") + data


def unpack(data: bytes | bytearray) -> Any:
    """What `pack` was given; None while it is not complete."""
    end = LENGTH + int.from_bytes(data[:LENGTH], "big")
    return marshal.loads(data[LENGTH:end]) if len(data) >= max(end, LENGTH + 1) else None


def _read(requests: BinaryIO) -> bytes:
    """The next request; b"" after the last one."""
    length = requests.read(LENGTH)
    return length + requests.read(int.from_bytes(length, "big"))


def _answer(request: tuple[Any, ...]) -> Any:
    what, node, *arguments = request
    try:
        return REQUESTS[what](node, *arguments)
    except InitiatorError as error:
        return str(error)
    except Exception as error:  # It is there for those that follow, too.
        return f"{node}: {type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())

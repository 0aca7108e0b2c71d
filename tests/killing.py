"""Killing a process that tells what it has done, at a moment that is not its own choice."""

from __future__ import annotations

import os
import select
import signal


def heard_until_killed(child: int, pipe: int, lines: int, pause: float) -> str:
    """Let a forked child tell so many lines, wait for ``pause`` seconds, kill it; all that it has
    told, whose last line may be cut. ``pipe`` is read to its end and closed."""
    heard = b""
    while heard.count(b"\n") < lines:
        part = os.read(pipe, 1 << 16)
        if not part:
            break
        heard += part
    select.select([], [], [], pause)
    os.kill(child, signal.SIGKILL)
    while part := os.read(pipe, 1 << 16):
        heard += part
    os.close(pipe)
    os.waitpid(child, 0)
    return heard.decode()

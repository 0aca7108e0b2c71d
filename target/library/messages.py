"""The message log of a library: what its operators have to know, kept over restarts.

The file has one JSON object a line, appended when something happens; a line with the number of an
earlier one replaces it. It is written anew when it has twice as many lines as messages are kept.
The log has a lock of its own and takes no other: whoever holds locks may add messages.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from keymgr.api import Notice, Severity
from target.clock import SYSTEM

KEPT = 1000
"""Messages; older ones go."""


@dataclass(frozen=True)
class Message:
    """One message. The texts are sentences without the full stop, as those of a `Notice`."""

    number: int
    """From 1, never given twice."""
    time: float
    """Seconds since 1970: when it was said for the first time."""
    severity: str
    """information, warning or error."""
    text: str
    cause: str = ""
    cure: str = ""
    origin: str = ""
    """The drive, or the part of the library, that it is about."""
    count: int = 1
    """How often it was said without another one of the same origin between."""
    last: float = 0.0
    """When it was said for the last time."""


class Messages:
    """The log. ``path`` is its file, None for one that is forgotten; damaged lines are left out."""

    def __init__(
        self, path: Path | None = None, now: Callable[[], float] = SYSTEM.now, kept: int = KEPT
    ) -> None:
        self._path = path
        self._now = now
        self._kept = kept
        self._lock = threading.Lock()
        self._messages: OrderedDict[int, Message] = OrderedDict()
        self._newest: dict[str, int] = {}
        """The number of the last message of each origin."""
        self._next = 1
        self._lines = 0
        self.listener: Callable[[Message], None] | None = None
        """Hears every message as it is said. It must not raise."""
        if path is not None and path.exists():
            self._load(path)

    def add(
        self, severity: Severity, text: str, cause: str = "", cure: str = "", origin: str = ""
    ) -> Message:
        """Say something; the same as last time from the same origin is only counted.

        A file that cannot be written loses the line; the message is there until the restart.
        """
        with self._lock:
            now = self._now()
            said = (severity.name.lower(), text, cause, cure)
            old = self._messages.get(self._newest.get(origin, 0))
            if old is not None and (old.severity, old.text, old.cause, old.cure) == said:
                message = replace(old, count=old.count + 1, last=now)
            else:
                message = Message(self._next, now, *said, origin, last=now)
                self._next += 1
            self._put(message)
            self._write(message)
        if self.listener is not None:
            self.listener(message)
        return message

    def notice(self, notice: Notice, origin: str = "") -> Message:
        """Say what a key manager, or the drive for it, has to tell."""
        return self.add(notice.severity, notice.text, cure=notice.cure, origin=origin)

    def since(self, number: int = 0) -> list[Message]:
        """Those with a higher number, oldest first."""
        with self._lock:
            return [message for message in self._messages.values() if message.number > number]

    def clear(self) -> None:
        """Forget all of them; the next one is the first."""
        with self._lock:
            self._messages.clear()
            self._newest.clear()
            self._next, self._lines = 1, 0
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def _put(self, message: Message) -> None:
        self._messages[message.number] = message
        self._newest[message.origin] = message.number
        while len(self._messages) > self._kept:
            _, gone = self._messages.popitem(last=False)
            if self._newest[gone.origin] == gone.number:
                del self._newest[gone.origin]

    def _load(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            self._lines += 1
            try:
                message = Message(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self._put(message)
            self._next = max(self._next, message.number + 1)
        if not text.endswith("\n"):
            # A line that was not finished: the next one would go on in it.
            with suppress(OSError):
                self._rewrite(path)

    def _write(self, message: Message) -> None:
        if self._path is None:
            return
        # Whoever tells may be a drive in the middle of a command, which goes on.
        with suppress(OSError):
            if self._lines >= 2 * self._kept:
                self._rewrite(self._path)
            else:
                _append(self._path, [message])
                self._lines += 1

    def _rewrite(self, path: Path) -> None:
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        _append(new, list(self._messages.values()))
        os.replace(new, path)
        self._lines = len(self._messages)


def _append(path: Path, messages: list[Message]) -> None:
    # Not made durable: what survives is a kill, not a loss of the machine's power.
    with open(path, "ab", opener=_private) as file:
        lines = [json.dumps(asdict(message)) + "\n" for message in messages]
        file.write("".join(lines).encode())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)

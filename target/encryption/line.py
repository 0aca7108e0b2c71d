"""A drive's line to its key source: one call after another, in a thread that is not the drive's.

So a call can be given up, when the command that needs the answer is aborted or has waited for long
enough, and a load need not wait for what a source does about it. An answer that comes too late is
overwritten. The thread is there only while there are calls; who is given up with a call that never
ends does not keep the next ones waiting.
"""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from keymgr.api import Reason, Refused
from target.clock import Alarm, Woken
from target.encryption.holding import wipe

Then = Callable[[Any, Refused | None], None]
"""What becomes of an answer, or of a refusal."""

BROKEN = "the key source does not work"
LOOK = "look into the target's log, and tell whoever made the source"


class Line:
    """The calls of one drive to one source. ``whose``: the drive, for the log."""

    def __init__(self, whose: object) -> None:
        self._whose = whose
        self._guard = Lock()
        self._calls: deque[_Call] = deque()
        self._worker: object = None

    def post(self, function: Callable[[], object], then: Then) -> None:
        """Call, and go on; ``then`` is called in the other thread."""
        self._put(_Call(self._whose, function, then))

    def ask(self, function: Callable[[], Any], alarm: Alarm, seconds: float) -> Any:
        """The answer. Raises Refused, TIMEOUT after so many seconds, or Woken by the alarm."""
        call = _Call(self._whose, function)
        self._put(call)
        try:
            done = alarm.wait(call.done, seconds)
        except Woken:
            self._give_up(call)
            raise
        if not done:
            self._give_up(call)
            raise Refused(
                Reason.TIMEOUT,
                f"the key source did not answer within {seconds:g} s",
                "look whether the key service can be reached",
            )
        if call.refused is not None:
            raise call.refused
        return call.answer

    def settle(self, seconds: float) -> bool:
        """Wait for the end of the calls that there are, so long at most; whether it is there."""
        call = _Call(self._whose, lambda: None)
        self._put(call)
        return call.done.wait(seconds)

    def _put(self, call: _Call) -> None:
        with self._guard:
            self._calls.append(call)
            if self._worker is None:
                self._start()

    def _start(self) -> None:
        self._worker = worker = object()
        Thread(target=self._work, args=[worker], name=f"keys {self._whose}", daemon=True).start()

    def _work(self, worker: object) -> None:
        while True:
            with self._guard:
                if self._worker is not worker:
                    return
                if not self._calls:
                    self._worker = None
                    return
                call = self._calls.popleft()
            call.run()

    def _give_up(self, call: _Call) -> None:
        """Nobody waits for it any more, nor for what is before it."""
        call.give_up()
        with self._guard:
            if call in self._calls:
                self._calls.remove(call)
            self._worker = None
            if self._calls:
                self._start()


class _Call:
    def __init__(
        self, whose: object, function: Callable[[], object], then: Then | None = None
    ) -> None:
        self.done = Event()
        self.answer: object = None
        self.refused: Refused | None = None
        self._whose = whose
        self._function = function
        self._then = then
        self._guard = Lock()
        self._given_up = False

    def run(self) -> None:
        answer: object = None
        refused = None
        try:
            answer = self._function()
        except Refused as refusal:
            refused = refusal
        except BaseException as error:
            refused = Refused(Reason.FAILED, BROKEN, LOOK)
            _log(self._whose, error)
        with self._guard:
            self.answer, self.refused = answer, refused
            if self._given_up:
                wipe(answer)
        if self._then is not None:
            try:
                self._then(answer, refused)
            except Exception as error:
                _log(self._whose, error)
        self.done.set()

    def give_up(self) -> None:
        with self._guard:
            self._given_up = True
            wipe(self.answer)


def _log(whose: object, error: BaseException) -> None:
    """What was raised and where; its text may hold a secret."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    logging.getLogger(__name__).error(
        "%s: the key source raised %s in %s, line %s",
        whose, type(error).__name__, Path(at.filename).name, at.lineno,
    )  # fmt: skip

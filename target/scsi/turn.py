"""Whose turn it is: a lock that costs nothing to take while nobody else has it.

`threading.RLock` would do, but CPython 3.11 looks at the clock whenever it takes one, even one that
is free. In a kernel that has to be called for that, as user-mode Linux, it was a quarter of the
time of a short command. Here the lock is a token in a deque, whose `pop` and `append` are atomic;
only who finds none waits in a lock of the system.
"""

from __future__ import annotations

import _thread
from collections import deque
from contextlib import suppress
from threading import get_ident


class Turn:
    """Mutual exclusion of threads; who has it may take it again. Use it with ``with``."""

    def __init__(self) -> None:
        self._token = deque([None])
        self._owner = 0
        self._again = 0
        self._waiting: deque[_thread.LockType] = deque()
        """Locks that are held; one that is released calls its thread."""

    def __enter__(self) -> None:
        try:
            self._token.pop()
        except IndexError:  # ours already, or somebody else's
            self.acquire(-1)
        else:
            self._owner = get_ident()

    def __exit__(self, *exception: object) -> None:
        if self._again:
            self._again -= 1
            return
        self._owner = 0
        self._token.append(None)
        if self._waiting:
            self._call()

    def acquire(self, timeout: float) -> bool:
        """Wait for it, for about so many seconds at most, -1 for ever; whether it was got."""
        return self._take() or self._wait(timeout)

    def release(self) -> None:
        """Let the next one."""
        self.__exit__()

    def _take(self) -> bool:
        """Take it if it is free, or ours."""
        me = get_ident()
        if self._owner == me:
            self._again += 1
            return True
        try:
            self._token.pop()
        except IndexError:
            return False
        self._owner = me
        return True

    def _wait(self, timeout: float) -> bool:
        call = _thread.allocate_lock()
        call.acquire()
        while True:
            # In this order: whoever gives the token back after this look will see who waits.
            self._waiting.append(call)
            if self._take():
                break
            if not call.acquire(timeout=timeout):
                return self._give_up(call)
        self._forget(call)
        return True

    def _give_up(self, call: _thread.LockType) -> bool:
        """Time is over: take it after all if it has come free just now, else pass a call on."""
        if not self._forget(call) and self._token:
            self._call()
        return False

    def _call(self) -> None:
        with suppress(IndexError):  # it may have given up meanwhile
            self._waiting.popleft().release()

    def _forget(self, call: _thread.LockType) -> bool:
        """Wait no longer; False if the call has come already."""
        try:
            self._waiting.remove(call)
        except ValueError:
            return False
        return True

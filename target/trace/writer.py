"""The file of a trace: one writer for all units, a line a write, never a reason for a command to
fail. A disk that is full ends the trace, with one line in the log."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from pathlib import Path


class Writer:
    """Appends numbered lines to a file that only its owner may read.

    Raises OSError if the file cannot be made; nothing raises after that.
    """

    def __init__(self, path: Path, header: str) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._count = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        # A FIFO would have it wait for a reader, and commands after that.
        self._fd = os.open(path, flags | os.O_NONBLOCK, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            # It may have been there before, and anybody's to read.
            os.fchmod(self._fd, 0o600)
            self._put(header)
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def writing(self) -> bool:
        """Whether lines still go anywhere."""
        return self._fd >= 0

    def line(self, rest: str) -> None:
        """Append an object: ``rest`` is what follows its number, up to the closing brace."""
        with self._guard:
            if self._fd < 0:
                return
            self._count += 1
            try:
                self._put(f'{{"n":{self._count},{rest}}}')
            except OSError as error:
                self._end()
                logging.getLogger(__name__).error(
                    "the trace %s ends here: %s", self.path, error.strerror
                )

    def close(self) -> None:
        """No line after this one."""
        with self._guard:
            if self._fd >= 0:
                self._end()

    def _end(self) -> None:
        os.close(self._fd)
        self._fd = -1

    def _put(self, line: str) -> None:
        data = memoryview(line.encode() + b"\n")
        while data:
            data = data[os.write(self._fd, data) :]

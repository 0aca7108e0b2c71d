"""A file system that fails: out of space, or errors when what was written is to be made durable."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock


class Faults:
    """While it is on, calls in `failing` raise `error` for the files named there.

    ``partial``: bytes that a failing pwrite still writes before, as a full disk does.
    """

    def __init__(self) -> None:
        self.failing: dict[str, str] = {}
        self.error = errno.ENOSPC
        self.partial = 0
        self.raised = 0
        self._real: dict[str, Callable[..., Any]] = {}

    def fail(self, calls: dict[str, str], error: int = errno.ENOSPC, partial: int = 0) -> None:
        """``calls``: name of an os function and the file, or * for any, that it fails on."""
        self.failing, self.error, self.partial = calls, error, partial

    def heal(self) -> None:
        self.failing = {}

    def _call(self, name: str, file: int, *args: Any) -> Any:
        wanted = self.failing.get(name)
        if wanted is None or wanted not in ("*", Path(os.readlink(f"/proc/self/fd/{file}")).name):
            return self._real[name](file, *args)
        self.raised += 1
        if name == "pwrite" and self.partial:
            data, at = args
            size, self.partial = min(self.partial, len(data) - 1), 0
            if size:
                return self._real[name](file, data[:size], at)
        raise OSError(self.error, os.strerror(self.error))

    @contextmanager
    def on(self) -> Iterator[Faults]:
        names = ("pwrite", "fdatasync", "ftruncate")
        self._real = {name: getattr(os, name) for name in names}
        with mock.patch.multiple(
            os,
            pwrite=lambda *args: self._call("pwrite", *args),
            fdatasync=lambda *args: self._call("fdatasync", *args),
            ftruncate=lambda *args: self._call("ftruncate", *args),
        ):
            yield self

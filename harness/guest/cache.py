"""The folder in which keyreel keeps what it fetches or finds out about this machine.

`$XDG_CACHE_HOME/keyreel`, by default `~/.cache/keyreel`. All of it can be removed at any time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.guest.api import GuestError


def cache_folder() -> Path:
    """Where it is; it may not exist."""
    above = os.environ.get("XDG_CACHE_HOME")
    return (Path(above) if above else Path.home() / ".cache") / "keyreel"


@contextmanager
def locked_cache(part: str) -> Iterator[Path]:
    """The folder, made if it is not there, with nobody else at that part. Raises GuestError."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / f"{part}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise GuestError(
            f"{folder} cannot be written ({error.strerror}): set XDG_CACHE_HOME to a folder that"
            " can"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)

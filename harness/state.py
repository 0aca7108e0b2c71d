"""The state folder of a rig: cartridges and drive state that last, and the files of a run.

One run at a time may use it: a lock says so, and stays until the run's last process has ended.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 1 << 30
"""Bytes that must be free there for a state folder."""
LIBRARIES = "libraries"
"""Folder of a state folder with what libraries remember, a folder each."""


class StateError(Exception):
    """The state folder cannot be used; the text is one sentence for the user."""


@dataclass(frozen=True)
class State:
    """An open state folder. ``lock`` is the descriptor that holds the lock."""

    folder: Path
    lock: int
    temporary: bool

    @property
    def run_directory(self) -> Path:
        """Where logs and other files of the present run are."""
        return self.folder / "run"


@contextmanager
def open_state(folder: Path | None, *, in_memory: bool = False) -> Iterator[State]:
    """Use that folder, made if it is not there; None: a new one that is removed at the end.

    A new one is in memory if it may be and there is room: there a rig in this process need not wait
    for disks; a guest would not see it.

    Raises StateError when it cannot be made or another run uses it.
    """
    temporary = folder is None
    try:
        if folder is None:
            memory = MEMORY if in_memory and _has_room(MEMORY) else None
            folder = Path(tempfile.mkdtemp(prefix="keyreel-", dir=memory))
        folder = folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"the state folder {folder} cannot be used ({error.strerror}): name another one"
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                f"another run uses the state folder {folder}: wait for its end or name another one"
            ) from None
        yield State(folder, lock, temporary)
    finally:
        os.close(lock)
        if temporary:
            shutil.rmtree(folder, ignore_errors=True)


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM

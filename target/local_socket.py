"""A Unix socket for one user: in a folder that others cannot enter, however long its name is."""

from __future__ import annotations

import _socket
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

BACKLOG = 16


def listen(path: Path) -> socket.socket:
    """As `bound`, as an object of the standard library."""
    import socket

    return socket.socket(fileno=bound(path).detach())


def bound(path: Path) -> _socket.socket:
    """A listening stream socket with mode 0600, in place of whatever has its name.

    It is the interpreter's own: the standard library's takes a guest long to load.
    Its folder is made if it is not there, and gets mode 0700, unless it is one that everybody has
    files in, such as /tmp. Raises OSError.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not folder.stat().st_mode & stat.S_ISVTX:
        folder.chmod(0o700)
    path.unlink(missing_ok=True)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        with _short(path) as name:
            listener.bind(name)
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def connect(path: Path) -> socket.socket:
    """A stream to whoever listens there. Raises OSError."""
    import socket

    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as name:
            stream.connect(name)
    except BaseException:
        stream.close()
        raise
    return stream


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of it that fits into the 108 bytes of a socket's address."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)

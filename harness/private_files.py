"""Files of operators: passwords are read from them, exported keys and backups go into them."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from keymgr.files import sync_folder

LARGEST = 8 << 20
"""Bytes of a file that is handed to a library."""


class FileRefused(Exception):
    """It was not read or written; the text is one sentence for the user."""


def read_data(path: Path) -> bytes:
    """All of a file that is to be handed to a library. Raises FileRefused."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise FileRefused(f"{path} is larger than any key file or backup: name another one")
    return data


def require_absent(path: Path) -> None:
    """Raises FileRefused if there is such a file."""
    if os.path.lexists(path):
        raise FileRefused(f"{path} is there already, and is not overwritten: name another file")


def write_new(path: Path, data: bytes) -> None:
    """Make a file that only its owner may read: all of it, durable, or none. Raises FileRefused."""
    require_absent(path)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(new, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _name(new, path)
        sync_folder(path.parent)
    except FileExistsError:
        require_absent(path)
        raise FileRefused(f"{new} is there already: remove it") from None
    except OSError as error:
        raise FileRefused(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            new.unlink()


def _name(new: Path, path: Path) -> None:
    """Give a file its name unless there is one of that name. Raises OSError."""
    try:
        os.link(new, path)
    except OSError as error:
        # File systems of USB sticks know one name a file.
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        require_absent(path)
        os.rename(new, path)

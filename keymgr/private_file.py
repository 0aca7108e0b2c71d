"""Files with a secret in them: regular ones of their owner's alone, read into one place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from keymgr.secret import Secret

LONGEST_PASSWORD = 4096
"""Bytes."""


class NotPrivate(Exception):
    """The file was not read; the text is one sentence for the user."""


def read_private(path: Path, what: str, most: int) -> Secret:
    """All of a file; ``what`` it has in it, for the sentence. Raises NotPrivate."""
    try:
        # Without waiting for the writer of a pipe, which is refused below.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise NotPrivate(
            f"{path}: the {what} cannot be read ({error.strerror}): name another file"
        ) from None
    content = Secret(bytes(most + 1))
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            raise NotPrivate(f"{path}: this is no regular file: name one with the {what}")
        if stat.S_IMODE(about.st_mode) & ~0o600:
            raise NotPrivate(f"{path}: others than its owner can use the {what}: chmod 600 {path}")
        size = os.readv(file, [content.reveal()])
    finally:
        os.close(file)
    if size > most:
        raise NotPrivate(f"{path}: there is more in it than a {what}: name the right file")
    del content.reveal()[size:]
    return content


def read_password(path: Path, what: str = "password") -> Secret:
    """The password in a file; a line end behind it is none of it. Raises as `read_private`."""
    password = read_private(path, what, LONGEST_PASSWORD)
    text = password.reveal()
    for end in b"\n\r":
        if text and text[-1] == end:
            del text[-1]
    return password

"""Looking for secrets in everything that a run leaves: keys and passwords, in any form."""

from __future__ import annotations

import base64
import mmap
import re
from pathlib import Path

PIECE = 12
"""Bytes of a key that may not be anywhere either: what a buffer cut short would show."""


def forms(key: bytes) -> list[bytes]:
    """A key as it could be written somewhere: as it is, reversed, in hex and in base64."""
    spaced = key.hex(" ").encode()
    found = [key, key[:PIECE], key[-PIECE:], key[::-1]]
    for text in (key.hex().encode(), spaced, spaced[:23], spaced[-23:], key[:PIECE].hex().encode()):
        found += [text, text.upper()]
    # Base64 depends on what stands before it: the part that does not, for each alignment.
    for before in range(3):
        found.append(base64.b64encode(bytes(before) + key)[4 if before else 0 :][:38])
        found.append(found[-1].replace(b"+", b"-").replace(b"/", b"_"))
    found.append(repr(key)[2:-1].encode())
    return found


def leaks(key: bytes, folder: Path, but: set[Path]) -> list[Path]:
    """Files below the folder in which the key is in any form."""
    wanted = re.compile(b"|".join(re.escape(form) for form in forms(key)))
    found = []
    for path in folder.rglob("*"):
        if path in but or path.is_symlink() or not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if wanted.search(data):
                found.append(path)
    return found

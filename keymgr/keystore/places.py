"""Where a keystore is if nobody says otherwise: an SQLite file and its master key in a folder."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from keymgr.errors import StoreUnusable
from keymgr.keystore.master import MasterKey
from keymgr.keystore.store import Keystore
from keymgr.private_file import NotPrivate, read_password
from keymgr.secret import Secret

STORE_NAME = "keys.sqlite"
MASTER_NAME = "master.key"


def open_keystore(
    folder: Path | str,
    url: str | None = None,
    passphrase_file: Path | str | None = None,
    *,
    create: bool = True,
    now: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> Keystore:
    """The keystore of ``url``, or else the one in the folder, under the passphrase in that file,
    or else the master key in the folder. Raises as `Keystore.open`.
    """
    folder = Path(folder)
    if passphrase_file is None:
        master = MasterKey.from_file(folder / MASTER_NAME)
    else:
        master = MasterKey.from_passphrase(read_passphrase(Path(passphrase_file)))
    url = url or store_url(folder)
    return Keystore.open(url, master, create=create, now=now, random=random)


def store_url(folder: Path) -> str:
    """Of the SQLite file in that folder."""
    return f"sqlite:///{folder.absolute() / STORE_NAME}"


def read_passphrase(path: Path) -> Secret:
    """The file's text without the line's end. Raises StoreUnusable."""
    try:
        passphrase = read_password(path, "passphrase")
    except NotPrivate as error:
        raise StoreUnusable(str(error)) from None
    if not len(passphrase):
        raise StoreUnusable(f"{path}: the file is empty: write the passphrase into it")
    return passphrase

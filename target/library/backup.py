"""Configuration backup: partitions, users, options, encryption methods, and all keys (BS-13).

A backup is what the keystore seals of the library's realm under a password, with the configuration
as a setting in it: everything is encrypted and authenticated together.

A restore has a random name. It puts that and the old configuration into a file beside the library's
own, and replaces keys in one transaction of the keystore, which leaves the name there. Whoever
starts the library and finds the file compares the names: if they are the same the restore took
place, if not the old configuration comes back.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keymgr.secret import Secret
from target.library import configuring, layout, state, users
from target.library.errors import OperatorError
from target.library.safe import realm
from target.library.state import Configuration, State

if TYPE_CHECKING:
    from target.library.library import Library

VERSION = 1
_CONFIGURATION, _RESTORED = "library configuration", "library restored"
"""Settings: in a sealed realm only, and the name of the last restore."""


class _Looked(Exception):
    """Undoes a transaction in which something was only looked at."""


def backup(library: Library, password: Secret) -> bytes:
    """Everything, under a password. Raises OperatorError, KeyManagerError."""
    users.require_password(password, "the backup's password")
    if not len(password):
        raise OperatorError("a backup has all keys in it: give it a password that is not blank")
    store, own = library.safe.store, realm(library.serial)
    data = b""
    with library.lock, library.bluescale.lock:
        try:
            with store.transaction():
                store.set_setting(own, _CONFIGURATION, _described(library))
                data = store.seal(own, password)
                raise _Looked
        except _Looked:
            pass
        store.audit(own, "backup")
    return data


def restore(library: Library, data: bytes, password: Secret) -> None:
    """What a backup has, all of it or nothing. Raises OperatorError, KeyManagerError."""
    name = secrets.token_hex(16)
    store, own = library.safe.store, realm(library.serial)

    def replace_keys() -> None:
        with library.bluescale.lock, store.transaction():
            store.unseal(own, data, password)
            store.set_setting(own, _CONFIGURATION, None)
            store.set_setting(own, _RESTORED, name)

    with library.still():
        new = _look(library, data, password)
        configuring.require_drives_empty(library, new.partitions, "be given what a backup says")
        try:
            State(library.drive_names, library.configuration, name).save(_mark(library))
            library.configure(new, replace_keys)
        except OSError as error:
            raise OperatorError(
                f"the library cannot write into its folder ({error.strerror}): make room there"
            ) from None
        finally:
            finish(library)


def finish(library: Library) -> None:
    """End a restore that was begun, if there is one: it has taken place, or it has not.

    For whoever starts the library, too. Raises KeyManagerError, ValueError, OSError.
    """
    mark = _mark(library)
    begun = state.load(mark)
    if begun is None:
        return
    if library.safe.store.setting(realm(library.serial), _RESTORED) != begun.restore:
        library.configuration = begun.configuration
        library.remember(begun.configuration)
    mark.unlink()


def _mark(library: Library) -> Path:
    return library.folder / "restoring.json"


def _described(library: Library) -> dict[str, Any]:
    return {
        "version": VERSION,
        "serial": library.serial,
        "drives": library.drive_names,
        **library.configuration.to_json(),
    }


def _look(library: Library, data: bytes, password: Secret) -> Configuration:
    """The configuration in a backup, if this library can have it."""
    store, own = library.safe.store, realm(library.serial)
    raw = None
    try:
        with library.bluescale.lock, store.transaction():
            store.unseal(own, data, password)
            raw = store.setting(own, _CONFIGURATION)
            raise _Looked
    except _Looked:
        pass
    if raw is None or raw["version"] != VERSION:
        raise OperatorError("this is no backup of a library's configuration: choose another file")
    if raw["serial"] != library.serial:
        raise OperatorError(
            f"this is a backup of the library with serial number {raw['serial']}, not of"
            f" {library.serial}: restore it there, and bring its keys here by export and import"
        )
    configuration = Configuration.from_json(raw)
    partitions = {
        name: replace(
            one,
            drives=tuple(library.drive_number(raw["drives"][at - 1]) for at in one.drives),
        )
        for name, one in configuration.partitions.items()
    }
    for one in partitions.values():
        layout.require_room(one, library.size)
    return replace(configuration, partitions=partitions)

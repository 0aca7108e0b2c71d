"""What `keyreel keys` does: open a keystore, look, say."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.cli import USAGE_ERROR, say
from harness.state import LIBRARIES, StateError, open_state
from keymgr.errors import AuditDamaged, KeyManagerError, StoreUnusable
from keymgr.keystore import Keystore, MasterKey
from keymgr.keystore.places import MASTER_NAME, STORE_NAME, read_passphrase, store_url

DAMAGED = 1


@dataclass(frozen=True)
class Where:
    """Which keystore, as the options say."""

    store: str | None
    passphrase_file: Path | None
    master_key: Path | None
    state: Path | None
    library: str | None

    @contextmanager
    def opened(self) -> Iterator[Keystore]:
        """The keystore. Raises KeyManagerError and StateError with a sentence."""
        url = self._url()
        path = _path(url)
        with _unused(path) if path else nullcontext():
            store = Keystore.open(url, self._master(path), create=False)
            try:
                yield store
            finally:
                store.close()

    def _url(self) -> str:
        if (self.store is None) == (self.state is None):
            raise StoreUnusable("which keystore is meant? give either --store URL or --state DIR")
        if self.store is not None:
            return self.store
        assert self.state is not None
        folders = {path.parent.name: path.parent for path in self._stores(self.state)}
        if self.library is not None:
            folders = {name: path for name, path in folders.items() if name == self.library}
        if not folders:
            raise StoreUnusable(
                f"no library{f' {self.library}' if self.library else ''} in {self.state} has a"
                " keystore of its own: name another, or the rig's database with --store"
            )
        if len(folders) > 1:
            names = ", ".join(sorted(folders))
            raise StoreUnusable(f"several libraries have a keystore: say --library, of {names}")
        return store_url(next(iter(folders.values())))

    @staticmethod
    def _stores(state: Path) -> Iterator[Path]:
        return (state / LIBRARIES).glob(f"*/{STORE_NAME}")

    def _master(self, path: Path | None) -> MasterKey:
        if self.passphrase_file is not None:
            return MasterKey.from_passphrase(read_passphrase(self.passphrase_file))
        if self.master_key is not None:
            return MasterKey.from_file(self.master_key)
        if path is None:
            raise StoreUnusable("give --passphrase-file or --master-key for a keystore of a server")
        return MasterKey.from_file(path.with_name(MASTER_NAME))


def _path(url: str) -> Path | None:
    """The file, if it is one."""
    _, found, path = url.partition("sqlite:///")
    return Path(path).absolute() if found and path else None


@contextmanager
def _unused(path: Path) -> Iterator[None]:
    """Keep runs of the rig away that has this file in its state folder.

    A guest does not see locks on this machine's files, nor this machine a guest's: who reads the
    file while a guest writes it would take a transaction in progress for one that was killed.
    """
    folder = path.parent.parent
    if folder.name == LIBRARIES and path.exists() and (folder.parent / "lock").exists():
        with open_state(folder.parent):
            yield
    else:
        yield


@contextmanager
def _told() -> Iterator[list[int]]:
    """Errors as a sentence; the exit status, if it is another than 0, in the list."""
    status = [0]
    try:
        yield status
        sys.stdout.flush()
    except AuditDamaged as error:
        say(str(error))
        status[0] = DAMAGED
    except (KeyManagerError, StateError) as error:
        say(str(error))
        status[0] = USAGE_ERROR
    except BrokenPipeError:
        # Whoever reads has seen enough; Python would complain again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _json(values: Any) -> str:
    return json.dumps(values, sort_keys=True)


def list_keys(where: Where, realm: str | None, as_json: bool) -> int:
    """Print a line for each key; the exit status."""
    with _told() as status, where.opened() as store:
        for one in store.realms() if realm is None else [realm]:
            for record in store.records(one):
                created = _time(record.created)
                if as_json:
                    told = vars(record) | {"attributes": dict(record.attributes)}
                    print(json.dumps(told | {"created": created}))
                else:
                    words = (one, record.name, record.state or "-", created)
                    print(*words, _json(dict(record.attributes)) if record.attributes else "-")
    return status[0]


def migrate(where: Where) -> int:
    """Say which version the keystore has and had; the exit status."""
    with _told() as status, where.opened() as store:
        if store.was == store.version:
            print(f"{store.where} has version {store.version}: nothing was to do")
        else:
            print(f"{store.where}: version {store.was} was made version {store.version}")
    return status[0]


def verify(where: Where) -> int:
    """Check the audit log; the exit status."""
    with _told() as status, where.opened() as store:
        print(f"{store.verify_audit()} entries, each as it was written")
    return status[0]


def show_entries(where: Where, after: int, as_json: bool) -> int:
    """Print a line for each entry; the exit status."""
    with _told() as status, where.opened() as store:
        for entry in store.audit_entries(after):
            told = entry._asdict() | {"time": _time(entry.time)}
            if as_json:
                print(json.dumps(told))
            else:
                words = (entry.number, told["time"], entry.realm or "-", entry.event)
                print(*words, _json(entry.details))
    return status[0]

"""The keystore itself: keys of realms, settings, transactions, the audit log.

Any number of threads may call, and so may other processes and hosts with the same database. A
call that writes has returned when what it wrote is durable; inside `Keystore.transaction` that
holds for the end of the block.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from keymgr.errors import (
    Damaged,
    KeyDestroyed,
    KeyExists,
    KeyManagerError,
    KeyMissing,
)
from keymgr.kdf import DEFAULT, KEY_SIZE, Cost
from keymgr.keystore import audit as log
from keymgr.keystore import backup, migrations, tables
from keymgr.keystore.audit import Entry, Head
from keymgr.keystore.change import Change, identity
from keymgr.keystore.database import Database, Taken
from keymgr.keystore.master import MasterKey
from keymgr.keystore.opening import unlock
from keymgr.keystore.record import New, Record, can_be, check_name, check_state, to_json
from keymgr.keystore.vault import Vault
from keymgr.secret import Secret

PAGE = 1000
"""Rows that are read, or added, at a time."""

BEFORE_ALL = -(1 << 63)
"""Whatever number was given to an entry that was put in, it comes behind."""

BY_NAME = select(tables.keys).where(
    tables.keys.c.realm == bindparam("realm"), tables.keys.c.name == bindparam("name")
)


class Keystore:
    """An open keystore; `open` makes one. A realm is a key manager's own part of it.

    Each method raises StoreUnusable when the database cannot do what it is asked to.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        was: int,
        now: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._vault = vault
        self._now = now
        self._random = random
        self.was = was
        """The version that it had before it was opened; 0: it was made."""
        self._turn = threading.RLock()
        self._change: Change | None = None
        self._writer = 0

    def __repr__(self) -> str:
        return f"Keystore({self.where})"

    @classmethod
    def open(
        cls,
        url: str,
        master: MasterKey,
        *,
        create: bool = True,
        now: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> Keystore:
        """Open a keystore: ``sqlite:////folder/file`` or ``postgresql://host/database``.

        One that is not there is made, if ``create``; one of an earlier version is brought up to
        date. ``random`` gives the values of new keys. Raises WrongPassword, StoreTooNew,
        StoreUnusable, Damaged.
        """
        database = Database(url, create)
        try:
            was, vault = unlock(database, master, create, now)
        except BaseException:
            database.close()
            raise
        return cls(database, vault, was, now, random)

    @property
    def version(self) -> int:
        """Of its tables."""
        return migrations.VERSION

    @property
    def where(self) -> str:
        """The file, or the server's URL without a password."""
        return self._database.where

    def close(self) -> None:
        """Forget the master key and close the database."""
        with self._turn:
            self._database.close()
            self._vault.close()

    # --- transactions ---

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All calls of this thread in the block are done, durable when it ends; or, if it raises,
        none of them. Other writers wait, so keep it short. One inside another is undone alone."""
        with self._writing() as change, change.part():
            yield

    @contextmanager
    def _writing(self) -> Iterator[Change]:
        with self._turn:
            if self._change is not None:
                yield self._change
                return
            with self._database.writing() as connection:
                change = Change(self._database, connection, self._vault)
                self._change, self._writer = change, threading.get_ident()
                try:
                    yield change
                    change.finish()
                finally:
                    self._change, self._writer = None, 0

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        change = self._change
        if change is not None and self._writer == threading.get_ident():
            yield change.connection
        else:
            with self._database.reading() as connection:
                yield connection

    # --- keys ---

    def add(
        self,
        realm: str,
        name: str,
        key: Secret | None = None,
        *,
        state: str = "",
        attributes: Mapping[str, Any] | None = None,
    ) -> Record:
        """Add a key; None: 256 random bits. Nobody may be given it before this has returned.

        Raises KeyExists.
        """
        new = New(name, key, state, attributes or {})
        with self._writing() as change:
            created = self._now()
            number = self._add(change, realm, created, [new])[0]
            change.audit(created, realm, "add", {"name": name, "state": state})
        return Record(realm, name, state, created, dict(new.attributes), number)

    def add_many(self, realm: str, some: Iterable[New]) -> int:
        """Add keys, all or none, with one entry in the audit log; how many. Raises KeyExists."""
        count, first, last = 0, "", ""
        remaining = iter(some)
        with self.transaction(), self._writing() as change:
            created = self._now()
            while page := list(islice(remaining, PAGE)):
                self._add(change, realm, created, page)
                count, first, last = count + len(page), first or page[0].name, page[-1].name
            if count:
                details = {"count": count, "first": first, "last": last}
                change.audit(created, realm, "add many", details)
            if count >= PAGE:
                change.learn()
        return count

    def _add(self, change: Change, realm: str, created: float, some: list[New]) -> range:
        check_name(realm)
        for new in some:
            check_name(new.name)
            check_state(new.state)
        try:
            with change.part():
                return change.add(realm, created, ((new, self._value(new)) for new in some))
        except Taken:
            name = self._taken(realm, some)
            raise KeyExists(f"there is a key {name!r} already: choose another name") from None

    def _taken(self, realm: str, some: list[New]) -> str:
        """Which of the names it is that was there, or is there twice."""
        seen: set[str] = set()
        for new in some:
            with self._reading() as connection:
                values = {"realm": realm, "name": new.name}
                if new.name in seen or connection.execute(BY_NAME, values).first():
                    return new.name
            seen.add(new.name)
        return some[0].name

    def _value(self, new: New) -> bytes | bytearray:
        if new.key is None:
            return self._random(KEY_SIZE)
        if not len(new.key):
            raise KeyManagerError(f"the key {new.name!r} is empty: give one with a value")
        return new.key.reveal()

    def record(self, realm: str, name: str) -> Record:
        """What there is to know of a key but its value. Raises KeyMissing."""
        return _record(self._row(realm, name))

    def secret(self, realm: str, name: str) -> Secret:
        """The key: a new Secret, the caller's to overwrite.

        Raises KeyMissing; KeyDestroyed if only its record is left; Damaged if its row is not the
        one that was written.
        """
        row = self._row(realm, name)
        key = self._open(row)
        if not len(key):
            raise KeyDestroyed(f"the key {name!r} was destroyed: nobody has it any more")
        return key

    def _row(self, realm: str, name: str) -> Row[Any]:
        row = None
        if can_be(name):
            with self._reading() as connection:
                row = connection.execute(BY_NAME, {"realm": realm, "name": name}).one_or_none()
        if row is None:
            raise KeyMissing(f"there is no key {name!r}: import it, or give another name")
        return row

    def _open(self, row: Row[Any]) -> Secret:
        try:
            return self._vault.open(_identity(row), row.sealed)
        except Damaged:
            raise Damaged(
                f"the key {row.name!r} is not as it was stored: bring it back from a backup"
            ) from None

    def records(
        self, realm: str, state: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Iterator[Record]:
        """The records of a realm, of one state if it is given, in the order of their making.

        ``after``: only later ones than that number; ``limit``: so many at most. They are read
        in pages while they are asked for, so what changes meanwhile may be seen or not.
        """
        yield from map(_record, self._rows(realm, state, after, limit))

    def _rows(
        self, realm: str, state: str | None = None, after: int = 0, limit: int | None = None
    ) -> Iterator[Row[Any]]:
        keys = tables.keys.c
        query = select(tables.keys).where(keys.realm == realm).order_by(keys.id)
        if state is not None:
            query = query.where(keys.state == state)
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(PAGE, limit)
            with self._reading() as connection:
                page = connection.execute(query.where(keys.id > after).limit(size)).all()
            yield from page
            if len(page) < size:
                return
            after = page[-1].id
            limit = None if limit is None else limit - size

    def count(self, realm: str, state: str | None = None) -> int:
        """How many keys the realm has, or how many of that state."""
        query = select(func.count()).select_from(tables.keys).where(tables.keys.c.realm == realm)
        if state is not None:
            query = query.where(tables.keys.c.state == state)
        with self._reading() as connection:
            return connection.scalar(query) or 0

    def realms(self) -> list[str]:
        """The realms that have keys."""
        query = select(tables.keys.c.realm).distinct().order_by(tables.keys.c.realm)
        with self._reading() as connection:
            return list(connection.scalars(query))

    def change(
        self,
        realm: str,
        name: str,
        *,
        state: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Record:
        """Replace the state or all attributes, or both; the new record. Raises KeyMissing."""
        with self._writing() as change:
            row = self._row(realm, name)
            old = _record(row)
            new = Record(
                realm,
                name,
                old.state if state is None else check_state(state),
                old.created,
                old.attributes if attributes is None else dict(attributes),
                old.number,
            )
            key = self._open(row)
            self._replace(change, new, key.reveal())
            key.wipe()
            details: dict[str, Any] = {"name": name}
            if state is not None:
                details |= {"from": old.state, "to": state}
            if attributes is not None:
                details["attributes"] = sorted(attributes)
            change.audit(self._now(), realm, "change", details)
        return new

    def destroy(self, realm: str, name: str, *, keep: str | None = None) -> None:
        """Destroy a key's value, and its record unless that is to stay in the state ``keep``.

        Raises KeyMissing.
        """
        with self._writing() as change:
            record = _record(self._row(realm, name))
            if keep is None:
                gone = delete(tables.keys).where(tables.keys.c.id == record.number)
                change.connection.execute(gone)
            else:
                check_state(keep)
                left = Record(realm, name, keep, record.created, record.attributes, record.number)
                self._replace(change, left, b"")
            details = {"name": name, "from": record.state, "to": keep}
            change.audit(self._now(), realm, "destroy", details)

    def _replace(self, change: Change, record: Record, value: bytes | bytearray) -> None:
        attributes = to_json(record.attributes)
        row = identity(
            record.number, record.realm, record.name, record.state, record.created, attributes
        )
        values = {
            "state": record.state,
            "attributes": attributes,
            "sealed": self._vault.seal(row, value),
        }
        change.connection.execute(
            update(tables.keys).where(tables.keys.c.id == record.number).values(**values)
        )

    # --- settings ---

    def setting(self, realm: str, name: str, default: Any = None) -> Any:
        """A JSON value that was set, or the default. Raises Damaged."""
        columns = tables.settings.c
        query = select(columns.sealed).where(columns.realm == realm, columns.name == name)
        with self._reading() as connection:
            sealed = connection.scalar(query)
        return default if sealed is None else self._open_setting(realm, name, sealed)

    def _open_setting(self, realm: str, name: str, sealed: bytes) -> Any:
        try:
            return json.loads(self._vault.open(_setting(realm, name), sealed).reveal())
        except Damaged:
            raise Damaged(
                f"the setting {name!r} is not as it was stored: bring it back from a backup"
            ) from None

    def set_setting(self, realm: str, name: str, value: Any) -> None:
        """Set it to a JSON value, which is stored encrypted."""
        check_name(realm)
        check_name(name)
        with self._writing() as change:
            self._set(change, realm, name, value)
            change.audit(self._now(), realm, "set", {"name": name})

    def _set(self, change: Change, realm: str, name: str, value: Any) -> None:
        sealed = self._vault.seal(_setting(realm, name), to_json(value).encode())
        columns = tables.settings.c
        old = delete(tables.settings).where(columns.realm == realm, columns.name == name)
        change.connection.execute(old)
        row = {"realm": realm, "name": name, "sealed": sealed}
        change.connection.execute(insert(tables.settings), row)

    # --- audit log ---

    def audit(self, realm: str, event: str, **details: Any) -> None:
        """Add an entry of a key manager's own; details are JSON values, and no secrets."""
        with self._writing() as change:
            change.audit(self._now(), realm, event, details)

    def audit_entries(self, after: int = 0) -> Iterator[Entry]:
        """The entries behind that number, in order."""
        for row in self._entries(after, None):
            yield row.entry()

    def verify_audit(self) -> int:
        """Check the whole audit log; how many entries it has. Raises AuditDamaged, which names
        the first entry that is wrong: changed, put in, missing, or cut off at the end."""
        newest = select(func.max(tables.audit.c.number)).scalar_subquery().label("newest")
        with self._reading() as connection:
            row = connection.execute(select(tables.head, newest)).one_or_none()
        head = None if row is None else Head(row.entries, row.last_mac, row.keys_made)
        true = row is not None and head is not None and head.mac(self._vault) == row.mac
        entries = self._entries(BEFORE_ALL, head.entries if head and true else None)
        last = log.follow(self._vault, entries)
        log.verify_end(last, head if true else None, 0 if row is None else row.newest or 0)
        return last.entries

    def _entries(self, after: int, last: int | None) -> Iterator[log.Row]:
        number = tables.audit.c.number
        query = select(tables.audit).order_by(number).limit(PAGE)
        if last is not None:
            query = query.where(number <= last)
        while True:
            with self._reading() as connection:
                page = connection.execute(query.where(number > after)).all()
            yield from (log.Row(*row) for row in page)
            if len(page) < PAGE:
                return
            after = page[-1].number

    # --- backup ---

    def seal(self, realm: str, password: Secret, cost: Cost = DEFAULT) -> bytes:
        """All keys and settings of a realm, encrypted under a password, for backups.

        Raises Damaged if one of them is.
        """
        with self._writing() as change:
            kept = [backup.Kept(*_about(row), self._open(row)) for row in self._rows(realm)]
            values = self._settings(realm)
            details = {"keys": len(kept), "settings": len(values)}
            change.audit(self._now(), realm, "seal", details)
        return backup.pack(realm, kept, values, password, cost)

    def unseal(self, realm: str, data: bytes, password: Secret) -> None:
        """Replace the realm's keys and settings by what `seal` made, or change nothing.

        The realm may have another name than it had. Raises WrongPassword, Damaged.
        """
        contents = backup.unpack(data, password)
        with self.transaction(), self._writing() as change:
            for table in (tables.keys, tables.settings):
                change.connection.execute(delete(table).where(table.c.realm == realm))
            try:
                change.restore(realm, contents.keys)
            except Taken:
                raise Damaged(backup.DAMAGED) from None
            for name, value in contents.settings.items():
                self._set(change, realm, name, value)
            details = {"keys": len(contents.keys), "settings": len(contents.settings)}
            change.audit(self._now(), realm, "unseal", {"of": contents.realm, **details})
        for kept in contents.keys:
            kept.key.wipe()

    def _settings(self, realm: str) -> dict[str, Any]:
        columns = tables.settings.c
        query = select(columns.name, columns.sealed).where(columns.realm == realm)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return {row.name: self._open_setting(realm, row.name, row.sealed) for row in rows}


def _record(row: Row[Any]) -> Record:
    return Record(row.realm, *_about(row), row.id)


def _about(row: Row[Any]) -> tuple[str, str, float, Any]:
    """Name, state, time, attributes."""
    return row.name, row.state, row.created, json.loads(row.attributes)


def _identity(row: Row[Any]) -> str:
    return identity(row.id, row.realm, row.name, row.state, row.created, row.attributes)


def _setting(realm: str, name: str) -> str:
    return to_json(["setting", realm, name])

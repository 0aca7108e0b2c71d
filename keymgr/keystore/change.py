"""A transaction that writes: what it holds locked, and what it has to write at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, insert, select, update

from keymgr.errors import AuditDamaged
from keymgr.keystore import tables
from keymgr.keystore.audit import Head, chain
from keymgr.keystore.backup import Kept
from keymgr.keystore.database import Database
from keymgr.keystore.record import New, to_json
from keymgr.keystore.vault import Vault


def identity(
    number: int, realm: str, name: str, state: str, created: float, attributes: str
) -> str:
    """Everything that a key's ciphertext authenticates, see `tables.keys`."""
    return to_json(["key", number, realm, name, state, created, attributes])


class Change:
    """Made when the transaction begins, `finish`ed before it is committed."""

    def __init__(self, database: Database, connection: Connection, vault: Vault) -> None:
        self._database = database
        self.connection = connection
        self._vault = vault
        self.head = self._lock_head()

    def _lock_head(self) -> Head:
        row = self.connection.execute(select(tables.head).with_for_update()).one_or_none()
        head = None if row is None else Head(row.entries, row.last_mac, row.keys_made)
        if row is None or head is None or head.mac(self._vault) != row.mac:
            # To go on would make a forged end of the log a true one.
            raise AuditDamaged(
                0, "the end of the audit log was changed: bring the keystore back from a backup"
            )
        self._locked = head
        return head

    @contextmanager
    def part(self) -> Iterator[None]:
        """Undo what was done in the block if it raises."""
        before = self.head
        self.connection.exec_driver_sql("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.connection.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
            self.head = before
            raise
        finally:
            self.connection.exec_driver_sql("RELEASE SAVEPOINT part")

    def audit(self, now: float, realm: str, event: str, details: Mapping[str, Any]) -> None:
        """Add an entry."""
        row = (self.head.entries + 1, float(now), realm, event, to_json(details))
        mac = chain(self._vault, self.head.last_mac, row)
        values = dict(zip(tables.audit.columns.keys(), (*row, mac), strict=True))
        self.connection.execute(insert(tables.audit), values)
        self.head = self.head._replace(entries=row[0], last_mac=mac)

    def add(
        self, realm: str, created: float, some: Iterable[tuple[New, bytes | bytearray]]
    ) -> range:
        """Add keys with their values; their numbers. Raises Taken, see `Database.insert`."""
        before = self.head.keys_made
        self._insert(
            [
                self._row(number, realm, new.name, new.state, created, new.attributes, value)
                for number, (new, value) in enumerate(some, before + 1)
            ]
        )
        return range(before + 1, self.head.keys_made + 1)

    def restore(self, realm: str, keys: Iterable[Kept]) -> None:
        """Add keys from a backup to an empty realm. Raises Taken if two have the same name."""
        self._insert(
            [
                self._row(number, realm, *kept[:4], kept.key.reveal())
                for number, kept in enumerate(keys, self.head.keys_made + 1)
            ]
        )

    def _row(
        self,
        number: int,
        realm: str,
        name: str,
        state: str,
        created: float,
        attributes: Mapping[str, Any],
        value: bytes | bytearray,
    ) -> tuple[Any, ...]:
        # A float, as it will be read again: the text of an int is another.
        columns = (number, realm, name, state, float(created), to_json(attributes))
        return *columns, self._vault.seal(identity(*columns), value)

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._database.insert(self.connection, tables.keys, rows)
            self.head = self.head._replace(keys_made=self.head.keys_made + len(rows))

    def learn(self) -> None:
        """So many keys were added that the database should look at them again."""
        self._database.learn(self.connection, tables.keys)

    def finish(self) -> None:
        """Write the new head."""
        if self.head != self._locked:
            values = {**self.head._asdict(), "mac": self.head.mac(self._vault)}
            self.connection.execute(update(tables.head).values(**values))

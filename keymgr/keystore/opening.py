"""Opening a keystore: its tables made or brought up to date, its data key unwrapped."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from keymgr.errors import Damaged, StoreUnusable
from keymgr.kdf import KEY_SIZE
from keymgr.keystore import migrations, tables
from keymgr.keystore.audit import Head
from keymgr.keystore.change import Change
from keymgr.keystore.database import Database
from keymgr.keystore.master import MasterKey
from keymgr.keystore.vault import Vault
from keymgr.secret import Secret


def unlock(
    database: Database, master: MasterKey, create: bool, now: Callable[[], float]
) -> tuple[int, Vault]:
    """The version that was there, 0 for none, and the data key. Raises as `Keystore.open`."""
    with database.reading() as connection:
        was = migrations.version_of(connection, database.where)
        if was == migrations.VERSION:
            return was, _vault(connection, master)
    if not was and not create:
        raise StoreUnusable(f"there is no keystore in {database.where}: name one that is there")
    return _make(database, master, now)


def _make(database: Database, master: MasterKey, now: Callable[[], float]) -> tuple[int, Vault]:
    """Make or migrate the tables; the version that was there."""
    with database.writing() as connection:
        database.lock_schema(connection)
        # Another process may have done it since.
        was = migrations.version_of(connection, database.where)
        vault = _vault(connection, master) if was else None
        if was < migrations.VERSION:
            migrations.migrate(connection, was)
        if vault is None:
            vault = _fill(connection, master)
        change = Change(database, connection, vault)
        if was != migrations.VERSION:
            details = {"from": was, "to": migrations.VERSION}
            change.audit(now(), "", "migrate" if was else "make", details)
        change.finish()
    return was, vault


def _fill(connection: Connection, master: MasterKey) -> Vault:
    data_key = Secret(secrets.token_bytes(KEY_SIZE))
    how, wrapped = master.wrap(data_key)
    connection.execute(insert(tables.keystore), {"id": 1, "master": how, "data_key": wrapped})
    vault = Vault(data_key)
    data_key.wipe()
    start = Head()
    values = {"id": 1, **start._asdict(), "mac": start.mac(vault)}
    connection.execute(insert(tables.head), values)
    return vault


def _vault(connection: Connection, master: MasterKey) -> Vault:
    row = connection.execute(select(tables.keystore)).one_or_none()
    if row is None:
        raise Damaged("the keystore's own key is missing: bring it back from a backup")
    data_key = master.unwrap(row.master, row.data_key)
    vault = Vault(data_key)
    data_key.wipe()
    return vault

"""How the tables came to be: each step makes a version of the one before, in one transaction.

A step is never changed once it was published; tables.py is what all of them make together. Sixty
lines instead of alembic: the steps are a list, there is one branch, and opening a keystore is
what applies them, without a folder of scripts and a configuration file beside the package.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, select, text, update

from keymgr.errors import StoreTooNew, StoreUnusable
from keymgr.keystore import tables

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE schema_version (version INTEGER NOT NULL)",
        "INSERT INTO schema_version VALUES (0)",
        "CREATE TABLE keystore (id INTEGER PRIMARY KEY, master TEXT NOT NULL,"
        " data_key {bytes} NOT NULL)",
        "CREATE TABLE head (id INTEGER PRIMARY KEY, entries {number} NOT NULL,"
        " last_mac {bytes} NOT NULL, keys_made {number} NOT NULL, mac {bytes} NOT NULL)",
        "CREATE TABLE keys (id {number} PRIMARY KEY, realm TEXT NOT NULL, name TEXT NOT NULL,"
        " state TEXT NOT NULL, created DOUBLE PRECISION NOT NULL, attributes TEXT NOT NULL,"
        " sealed {bytes} NOT NULL)",
        "CREATE TABLE settings (realm TEXT NOT NULL, name TEXT NOT NULL, sealed {bytes} NOT NULL,"
        " PRIMARY KEY (realm, name))",
        "CREATE TABLE audit (number {number} PRIMARY KEY, time DOUBLE PRECISION NOT NULL,"
        " realm TEXT NOT NULL, event TEXT NOT NULL, details TEXT NOT NULL, mac {bytes} NOT NULL)",
    ),
    # A million keys: by name, and page by page those of a state.
    (
        "CREATE UNIQUE INDEX keys_by_name ON keys (realm, name)",
        "CREATE INDEX keys_by_state ON keys (realm, state, id)",
    ),
)

VERSION = len(STEPS)

TYPES = {
    "sqlite": {"number": "INTEGER", "bytes": "BLOB"},
    "postgresql": {"number": "BIGINT", "bytes": "BYTEA"},
}


def version_of(connection: Connection, where: str) -> int:
    """Which version the database has; 0: it has no tables yet.

    Raises StoreTooNew; StoreUnusable if its tables are not a keystore's.
    """
    names = set(inspect(connection).get_table_names())
    if "schema_version" not in names:
        # A server's database may have other tables; a file is all ours.
        if names & set(tables.metadata.tables) or (names and connection.dialect.name == "sqlite"):
            raise StoreUnusable(
                f"{where} is a database of something else: name another for the keystore"
            )
        return 0
    version = int(connection.scalar(select(tables.schema_version.c.version)) or 0)
    if version > VERSION:
        raise StoreTooNew(
            f"the keystore {where} has version {version}, made by a later keyreel, and this one"
            f" knows {VERSION}: install the later keyreel"
        )
    return version


def migrate(connection: Connection, version: int) -> None:
    """Take the steps that are missing, in the transaction of the caller."""
    types = TYPES[connection.dialect.name]
    for step in STEPS[version:]:
        for statement in step:
            connection.execute(text(statement.format(**types)))
    connection.execute(update(tables.schema_version).values(version=VERSION))

"""The database behind a keystore: SQLite in a private file, or PostgreSQL.

Connections are in the driver's autocommit mode and transactions are begun and ended here, so that
it is plain which lock is held when. A transaction that writes takes the one lock of the keystore
at its beginning: SQLite's BEGIN IMMEDIATE, on PostgreSQL the row of `tables.head`.

SQLite has a rollback journal, not WAL: WAL needs memory shared with every process that has the
file open, which is not to be had in a guest whose files are this machine's. With synchronous=FULL
and journal_mode=TRUNCATE a commit has returned when it is on the disk, and has not been undone by
a journal that comes back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from keymgr.errors import StoreUnusable
from keymgr.files import sync_folder

PATIENCE = 60
"""Seconds to wait for another process that holds the lock."""
MIGRATION_LOCK = 0x6B657972
"""Of PostgreSQL's advisory locks: two hosts may make a keystore at the same time."""

PRAGMAS = (
    "journal_mode=TRUNCATE",
    "synchronous=FULL",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "cache_size=-32768",  # KiB: an addition of thousands stays in memory until its commit
    "trusted_schema=OFF",
)


class Taken(Exception):
    """A row of that identity is there already."""


class Database:
    """An open database. Every method raises StoreUnusable with a sentence when it fails."""

    def __init__(self, url: str, create: bool) -> None:
        parsed = _parse(url)
        self.where = _where(parsed)
        self._closed = False
        if parsed.get_backend_name() == "sqlite":
            self._begin = "BEGIN IMMEDIATE"
            _private_file(Path(str(parsed.database)), create)
            self._engine = _sqlite(parsed)
        else:
            self._begin = "BEGIN"
            self._engine = _postgresql(parsed, self.where)
        self._driver: Any = self._engine.dialect.loaded_dbapi

    @property
    def shared(self) -> bool:
        """Whether it is a server's, and not a file."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """For single statements, each of which sees what is committed."""
        if self._closed:
            raise StoreUnusable(f"the keystore {self.where} was closed: open it again")
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: durable when the block has ended, undone if it raises."""
        with self.reading() as connection:
            connection.exec_driver_sql(self._begin)
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                _undo(connection)
                raise

    def lock_schema(self, connection: Connection) -> None:
        """Let one at a time make or migrate tables."""
        if self.shared:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")

    def insert(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, each with all columns; thousands a tenth of a second. Raises Taken.

        After Taken, PostgreSQL wants a savepoint to go back to."""
        names = ", ".join(table.columns.keys())
        cursor = connection.connection.cursor()
        try:
            if self.shared:
                with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                places = ", ".join("?" * len(table.columns))
                cursor.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({places})", rows)
        except self._driver.IntegrityError:
            raise Taken from None

    def learn(self, connection: Connection, table: Table) -> None:
        """Let the server know that the table is another now: its plans are for the old one."""
        if self.shared:
            connection.exec_driver_sql(f"ANALYZE {table.name}")

    def close(self) -> None:
        """Close all connections; nothing can be done any more."""
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout, self._driver.Error) as error:
            raise StoreUnusable(_sentence(self.where, error)) from None


def _parse(url: str) -> URL:
    # Nothing of the text is in the messages: it may have a password.
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUnusable(
            "the keystore's URL is none: write sqlite:////folder/keys.sqlite or"
            " postgresql://host/database"
        ) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise StoreUnusable("a keystore is a file: write sqlite:////folder/keys.sqlite")
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise StoreUnusable(
            f"a keystore in {parsed.drivername!r} is not supported: write sqlite: or postgresql:"
        )
    return parsed


def _where(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def _private_file(path: Path, create: bool) -> None:
    """Make the file and its folder for the owner only, before SQLite makes it for everybody.

    Its journal takes over the file's mode."""
    if not create and not (path.exists() and path.stat().st_size):
        raise StoreUnusable(f"there is no keystore {path}: name one that is there")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            # Durable before the first key is: SQLite itself makes the names in one folder so.
            sync_folder(path.parent)
            sync_folder(path.parent.parent)
        for one in (path, path.with_name(f"{path.name}-journal")):
            if one.exists() and one.stat().st_mode & 0o077:
                one.chmod(0o600)
    except OSError as error:
        raise StoreUnusable(
            f"the keystore {path} cannot be opened ({error.strerror}): name another file"
        ) from None


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": PATIENCE, "isolation_level": None, "check_same_thread": False},
        isolation_level="AUTOCOMMIT",
        max_overflow=-1,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _postgresql(url: URL, where: str) -> Engine:
    try:
        engine = create_engine(
            url,
            connect_args={"client_encoding": "utf8", "connect_timeout": PATIENCE},
            isolation_level="AUTOCOMMIT",
            max_overflow=-1,
            pool_pre_ping=True,  # a server that was started again is no failure
            hide_parameters=True,
        )
    except (ImportError, NoSuchModuleError):
        raise StoreUnusable(
            f"psycopg is not installed, and {where} needs it: pip install 'keyreel[postgresql]'"
        ) from None

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.execute(f"SET lock_timeout = '{PATIENCE}s'")
        # A host that died in a transaction would keep the others out.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{PATIENCE}s'")
        if connection.execute("SHOW synchronous_commit").fetchone()[0] == "off":
            connection.execute("SET synchronous_commit = on")

    return engine


def _undo(connection: Connection) -> None:
    try:
        connection.exec_driver_sql("ROLLBACK")
    except DBAPIError:
        # Nothing to undo: SQLite has done so, or the server is gone.
        connection.invalidate()


def _sentence(where: str, error: Exception) -> str:
    """What the driver says, in its first line: further ones could quote values."""
    reason = str(getattr(error, "orig", None) or "no free connection")
    reason = reason.strip().partition("\n")[0]
    if "locked" in reason or "lock timeout" in reason:
        return (
            f"another process kept the keystore {where} busy for {PATIENCE} seconds: wait for its"
            " end, or end it"
        )
    if "not a database" in reason or "malformed" in reason:
        return f"the keystore {where} is damaged ({reason}): bring it back from a backup"
    return f"the keystore {where} cannot be used ({reason}): see that it is there and has room"

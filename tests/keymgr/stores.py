"""Keystores for tests, on SQLite and on PostgreSQL, and their databases by another way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from keymgr.keystore import Keystore, MasterKey
from keymgr.secret import Secret
from tests.keymgr.postgresql import Server


def secret(text: str) -> Secret:
    return Secret(text.encode())


def value(store: Keystore, realm: str, name: str) -> bytes:
    return bytes(store.secret(realm, name).reveal())


class Place:
    """A database that a keystore may be made in, and that a test may tamper with."""

    url: str
    kind: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = time.time() - 0.1
        """Seconds since 1970; a file's time may be a little behind."""
        self.master = MasterKey.from_file(folder / "master.key")

    def open(self, master: MasterKey | None = None, **options: Any) -> Keystore:
        return Keystore.open(self.url, master or self.master, **options)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Do that behind the keystore's back; ``?`` stands for a value."""
        raise NotImplementedError

    def files(self) -> Iterator[Path]:
        """All that the database stores."""
        raise NotImplementedError


class SqlitePlace(Place):
    kind = "SQLite"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "keys.sqlite"
        self.url = f"sqlite:///{self.path}"

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()

    def files(self) -> Iterator[Path]:
        return self.folder.glob("keys.sqlite*")


class PostgresqlPlace(Place):
    kind = "PostgreSQL"

    def __init__(self, folder: Path, server: Server) -> None:
        super().__init__(folder)
        self.server = server
        self.url = server.schema()

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            cursor = connection.execute(statement.replace("?", "%s").encode(), values)
            return cursor.fetchall() if cursor.description else []

    def files(self) -> Iterator[Path]:
        with self.server.connect() as connection:
            connection.execute("CHECKPOINT")
        return (path for path in self.server.folder.rglob("*") if path.is_file())

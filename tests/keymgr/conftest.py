"""Keystores on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keymgr.keystore import Keystore
from tests.keymgr import postgresql
from tests.keymgr.stores import Place, PostgresqlPlace, SqlitePlace


@contextmanager
def running(memory: Path) -> Iterator[postgresql.Server]:
    """A PostgreSQL server, with its files in memory; skips the test where there is none."""
    # Not in the folder of this run: that is its owner's alone, and the server may run as another.
    short = memory.parent if memory.parent == Path("/dev/shm") else None
    try:
        with postgresql.running(short) as started:
            yield started
    except postgresql.Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def server(memory: Path) -> Iterator[postgresql.Server]:
    """A PostgreSQL server for the tests of this process."""
    with running(memory) as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a keystore may be made, on either database."""
    if request.param == "sqlite":
        return SqlitePlace(tmp_path)
    return PostgresqlPlace(tmp_path, request.getfixturevalue("server"))


@pytest.fixture
def store(place: Place) -> Iterator[Keystore]:
    """An empty keystore on either database."""
    opened = place.open()
    yield opened
    opened.close()

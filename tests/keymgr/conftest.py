"""Keystores on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keymgr.keystore import Keystore
from tests.keymgr import postgresql
from tests.keymgr.stores import Place, PostgresqlPlace, SqlitePlace


@pytest.fixture(scope="session")
def server(memory: Path) -> Iterator[postgresql.Server]:
    """A PostgreSQL server for the tests of this process."""
    # Not in the folder of this run: that is its owner's alone, and the server may run as another.
    short = memory.parent if memory.parent == Path("/dev/shm") else None
    try:
        with postgresql.running(short) as running:
            yield running
    except postgresql.Missing as reason:
        pytest.skip(str(reason))


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

"""A host at a drive on which faults can be set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from target.faults.board import Faults
from tests.tape.host import Host, tape

SEED = 7


@pytest.fixture
def host() -> Iterator[Host]:
    with tape() as host:
        yield host


@pytest.fixture
def faults(host: Host) -> Iterator[Faults]:
    board = Faults({"drive0": host.drive}, SEED)
    yield board
    board.clear()

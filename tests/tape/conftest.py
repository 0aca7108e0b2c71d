"""A drive with a blank tape for each test that asks for a host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tape.host import TD9, Host, tape


@pytest.fixture
def host() -> Iterator[Host]:
    with tape() as one:
        yield one


@pytest.fixture
def full() -> Iterator[Host]:
    """A host at a drive with an LTO-9 tape of its real size."""
    with tape(TD9, capacity=None) as one:
        yield one

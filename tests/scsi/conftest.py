"""A drive with a blank tape for each test that asks for a host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tape.host import Host, tape


@pytest.fixture
def host() -> Iterator[Host]:
    with tape() as one:
        yield one

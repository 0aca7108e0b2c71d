"""Benches for the checks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.personalities.bench import Bench, Shelf, model
from tests.runs import MODEL


@pytest.fixture(scope="session")
def shelf(memory: Path) -> Iterator[Shelf]:
    """Cartridges for all benches; nothing is made durable."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(dir=memory) as folder:
        patch.setattr(os, "fdatasync", lambda file: None)
        patch.setattr(os, "fsync", lambda file: None)
        one = Shelf(Path(folder))
        yield one
        one.close()


@pytest.fixture
def bench(request: pytest.FixtureRequest, shelf: Shelf) -> Iterator[Bench]:
    """A bench for the model that the test is about."""
    name: str = request.node.callspec.params[MODEL]
    request.node.user_properties.append((MODEL, name))
    one = Bench(model(name), shelf)
    yield one
    one.close()

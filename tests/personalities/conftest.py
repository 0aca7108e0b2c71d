"""Benches for the checks, and the table of how many each model has passed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.personalities.bench import Bench, Shelf, model

_MEMORY = Path("/dev/shm")
"""A file system in memory, where there is one: tens of thousands of blocks are written."""
MODEL = "model"
"""The user property of a test that says which model it was about."""


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """Cartridges for all benches; nothing is made durable."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(os, "fdatasync", lambda file: None)
        patch.setattr(os, "fsync", lambda file: None)
        if os.access(_MEMORY, os.W_OK):
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="keyreel-", dir=_MEMORY)))
        else:
            folder = tmp_path_factory.mktemp("shelf")
        one = Shelf(folder)
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Models, and how many checks each passed and failed."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            name = dict(getattr(report, "user_properties", ())).get(MODEL)
            if name and (outcome == "error" or report.when == "call"):
                counts.setdefault(name, Counter())[
                    "passed" if outcome == "passed" else "failed"
                ] += 1
    if not counts:
        return
    width = max(map(len, counts))
    terminalreporter.section("checks of drive models")
    terminalreporter.line(f"{'model':{width}}  passed  failed")
    for name, count in sorted(counts.items()):
        terminalreporter.line(f"{name:{width}}  {count['passed']:6}  {count['failed']:6}")
    total = sum(counts.values(), Counter[str]())
    title = f"{len(counts)} models"
    terminalreporter.line(f"{title:{width}}  {total['passed']:6}  {total['failed']:6}")

"""docs/transports.md: its table is that of the rows, and the tests that they name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from target.transports import TRANSPORTS
from tests.capabilities import PAGE, WAYS, render, rows


def test_the_table_is_that_of_the_rows() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert render(text) == text, "run: python -m tests.capabilities"


def test_every_transport_has_a_column() -> None:
    assert set(WAYS) == set(TRANSPORTS)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["what"])
def test_a_row_names_its_tests(row: dict[str, str | list[str]]) -> None:
    named = row["test"]
    for test in [named] if isinstance(named, str) else named:
        file, _, function = test.partition("::")
        assert re.search(rf"^def {function}\(", Path(file).read_text("utf-8"), re.M), test

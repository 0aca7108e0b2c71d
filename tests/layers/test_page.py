"""docs/layers.md is a session of Python: what it shows is what comes."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_manual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    flags = doctest.REPORT_NDIFF | doctest.FAIL_FAST
    failed, tried = doctest.testfile(
        str(ROOT / "docs/layers.md"), module_relative=False, optionflags=flags
    )
    assert tried > 20
    assert not failed

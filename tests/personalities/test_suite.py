"""Every check on every model: see `checks`, one test for each theme of them."""

from __future__ import annotations

import pytest

from target import personality
from tests.personalities import checks
from tests.personalities.bench import Bench, model
from tests.personalities.registry import CHECKS, Check

assert checks.__all__


def of(theme: str) -> pytest.MarkDecorator:
    """Every model with every check of a theme that applies to it."""
    cases = [
        pytest.param(name, one, id=f"{name.replace('/', '-')}-{theme}.{one.name}")
        for name in personality.models()
        for one in CHECKS[theme]
        if one.applies(model(name))
    ]
    return pytest.mark.parametrize(("model", "check"), cases)


@of("identity")
def test_identity(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("commands")
def test_commands(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("readiness")
def test_readiness(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("transfer")
def test_transfer(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("positioning")
def test_positioning(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)

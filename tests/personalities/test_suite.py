"""Every check on every model: see `checks`, one test for each theme of them."""

from __future__ import annotations

import pytest

from target import personality
from tests.personalities import checks
from tests.personalities.bench import Bench, model
from tests.personalities.registry import CHECKS, Check

LEAST = {"LTO": 80}
"""How many checks apply to a drive of a family at least."""


def of(theme: str) -> pytest.MarkDecorator:
    """Every model with every check of a theme that applies to it."""
    cases = [
        pytest.param(name, one, id=f"{name.replace('/', '-')}-{theme}.{one.name}")
        for name in personality.models()
        for one in CHECKS[theme]
        if one.applies(model(name))
    ]
    return pytest.mark.parametrize(("model", "check"), cases)


def test_every_theme_is_here() -> None:
    assert sorted(checks.__all__) == sorted(CHECKS)
    themes = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert themes >= set(CHECKS)
    names = [one.name for theme in CHECKS.values() for one in theme]
    assert len(names) >= 90


@of("commands")
def test_commands(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("encryption")
def test_encryption(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("identity")
def test_identity(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("logs")
def test_logs(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("maintenance")
def test_maintenance(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("media")
def test_media(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("memory")
def test_memory(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("modes")
def test_modes(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("operations")
def test_operations(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("positioning")
def test_positioning(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("readiness")
def test_readiness(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("reservations")
def test_reservations(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("senses")
def test_senses(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("transfer")
def test_transfer(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@of("volume")
def test_volume(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)

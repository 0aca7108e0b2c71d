"""The checks that every model has to pass: functions of a bench, told by theme and name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.personalities.bench import Bench, Model

Applies = Callable[[Model], bool]
Run = Callable[[Bench], None]


class Check(NamedTuple):
    """One check. ``applies``: whether the model has what it is about; else it does not count."""

    theme: str
    name: str
    run: Run
    applies: Applies


CHECKS: dict[str, list[Check]] = {}
"""By theme, which is the name of the module."""


def check(applies: Applies = lambda model: True) -> Callable[[Run], Run]:
    """Enter a function into the table, for the models that it applies to."""

    def enter(run: Run) -> Run:
        theme = run.__module__.rpartition(".")[2]
        CHECKS.setdefault(theme, []).append(Check(theme, run.__name__, run, applies))
        return run

    return enter


def has(*keys: str) -> Applies:
    """The model has these commands."""
    return lambda model: model.has(*keys)


def mode(*keys: str) -> Applies:
    """The model has these mode pages."""
    return lambda model: all(map(model.mode, keys))


def log(*keys: str) -> Applies:
    """The model has these log pages."""
    return lambda model: all(map(model.log, keys))


def vpd(*keys: str) -> Applies:
    """The model has these VPD pages."""
    return lambda model: all(map(model.vpd, keys))


def both(*conditions: Applies) -> Applies:
    """All of the conditions hold."""
    return lambda model: all(condition(model) for condition in conditions)

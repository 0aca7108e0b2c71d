"""The checks, a file an area. Importing `harness.conform.checks.all_checks()` registers them."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from harness.conform.check import CHECKS, Check


def all_checks() -> dict[str, Check]:
    """Every check by its id, in the order of files and lines."""
    for module in sorted(iter_modules(__path__), key=lambda one: one.name):
        import_module(f"{__name__}.{module.name}")
    return CHECKS

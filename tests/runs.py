"""A run of all tests: how it is shared among processes, and what it says at its end.

Tests of one share run in one process, one after another, so that a guest or another costly
fixture is made once. A share is a file, but for the tests named here; shares are given out in the
order of collection.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARES = (
    # One guest with four models for all of these: the fixture `field`.
    (re.compile(r"tests/e2e/test_models_"), "models"),
    # Nothing that costs is shared here, and much is long: every test function for itself.
    (re.compile(r"tests/(crash|personalities)/.*?::\w+"), None),
)
"""Beginning of a node id, and the share of those tests; None: as many as there are beginnings."""

Say = Callable[[str], None]
"""Says a line at the end of the run: the type of the fixture `say`."""
SAID = "said"
"""The user property of a test that holds such a line."""
MODEL = "model"
"""The user property of a check of a drive model that says which one."""


def share(nodeid: str) -> str:
    """The share that a test belongs to."""
    for beginning, name in SHARES:
        if found := beginning.match(nodeid):
            return name or found[0]
    return nodeid.partition("::")[0]


def scheduler(config: pytest.Config, log: object) -> object:
    """Gives a process its next share when it is about to end the one before."""
    config.option.loadscopereorder = False
    made = LoadScopeScheduling(config, log)
    made._split_scope = share  # meant to be replaced
    return made


def reports(terminal: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    """Every report on a test and its fixtures, whichever process it comes from."""
    for some in terminal.stats.values():
        yield from (report for report in some if isinstance(report, pytest.TestReport))


def said(terminal: pytest.TerminalReporter) -> list[str]:
    """What tests said, each line with the name of its file."""
    return sorted(
        f"{report.nodeid.partition('::')[0]}: {line}"
        for report in reports(terminal)
        if report.when == "call"
        for name, line in report.user_properties
        if name == SAID
    )


def checks_of_models(terminal: pytest.TerminalReporter) -> list[str]:
    """A table of drive models, and how many checks each passed and failed; empty without any."""
    counts: dict[str, Counter[str]] = {}
    for report in reports(terminal):
        name = dict(report.user_properties).get(MODEL)
        if name and (report.when == "call" or report.failed):
            counts.setdefault(str(name), Counter())[report.outcome] += 1
    if not counts:
        return []
    rows = [*sorted(counts.items()), (f"{len(counts)} models", sum(counts.values(), Counter()))]
    width = max(map(len, counts))
    return [f"{'model':{width}}  passed  failed"] + [
        f"{name:{width}}  {count['passed']:6}  {count['failed']:6}" for name, count in rows
    ]

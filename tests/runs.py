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

from tests.e2e.ways import WAYS

SHARES = (
    # One guest with four models for all of these: the fixture `field`.
    r"(tests/e2e/test_)(?:models_|capture|hotplug)",
    # One guest for each way in: the fixture `way_guest`.
    rf"tests/e2e/test_tools_\w+\.py::\w+\[({'|'.join(sorted(WAYS, reverse=True))})\b",
    # Long tests that share nothing: each for itself.
    r"(tests/crash/.*)",
    # Thousands of short ones: by theme.
    r"(tests/personalities/.*?::\w+)",
)
"""Beginnings of node ids; tests with the same group are a share."""
FIRST = (
    # These fork hundreds of times, which takes longer the more there is in the process.
    "tests/keymgr/test_keystore_kills.py",
    "tests/crash/",
    "tests/keymgr/test_keystore_million.py",
    "tests/conform/test_models.py",
    "tests/layers/test_fuzz.py",
    "tests/plugin/test_wheel.py",
    "tests/e2e/test_tools_",
    "tests/e2e/",
    "tests/medium/test_flipped_bits.py",
    "tests/hosts/",
)
"""Beginnings of node ids of tests that take long, in the order in which they begin: at the end of a
run there is nothing left that one process would do alone for long."""

Say = Callable[[str], None]
"""Says a line at the end of the run: the type of the fixture `say`."""
SAID = "said"
"""The user property of a test that holds such a line."""
MODEL = "model"
"""The user property of a check of a drive model that says which one."""
WAY = "way"
"""The user property of a test that says by which way in it reached the drive."""


def share(nodeid: str) -> str:
    """The share that a test belongs to."""
    for beginning in SHARES:
        if found := re.match(beginning, nodeid):
            return found[1]
    return nodeid.partition("::")[0]


def longest_first(items: list[pytest.Item]) -> None:
    """Put tests of `FIRST` before the others; the order within each of them stays."""

    def place(item: pytest.Item) -> int:
        fits = (at for at, beginning in enumerate(FIRST) if item.nodeid.startswith(beginning))
        return next(fits, len(FIRST))

    items.sort(key=place)


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


def matrix_of_ways(terminal: pytest.TerminalReporter) -> list[str]:
    """A table of ways in: passed, failed and skipped tests of each file; empty without any."""
    cells: dict[tuple[str, str], Counter[str]] = {}
    for report in reports(terminal):
        way = dict(report.user_properties).get(WAY)
        if way and (report.when == "call" or not report.passed):
            file = report.nodeid.partition("::")[0]
            cells.setdefault((file, str(way)), Counter())[report.outcome] += 1
    if not cells:
        return []
    ways = list(dict.fromkeys(way for _, way in cells))
    files = sorted({file for file, _ in cells})
    width = max(map(len, files))
    outcomes = ("passed", "failed", "skipped")
    lines = [f"{'passed/failed/skipped':{width}}" + "".join(f"{way:>14}" for way in ways)]
    for file in files:
        counts = [cells.get((file, way), Counter()) for way in ways]
        row = ["/".join(str(count[name]) for name in outcomes) for count in counts]
        lines.append(f"{file:{width}}" + "".join(f"{cell:>14}" for cell in row))
    return lines


SUMMARIES = {
    "checks of drive models": checks_of_models,
    "ways in": matrix_of_ways,
    "figures and seeds": said,
}
"""What a run says at its end, by title."""

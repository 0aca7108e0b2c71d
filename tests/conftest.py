"""For every test: seeds that are printed, and the requirements page."""

from __future__ import annotations

import random
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from harness import requirements_report as report

settings.register_profile("keyreel", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("keyreel")

Report = Generator[None, pytest.TestReport, pytest.TestReport]
OUTCOMES = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements",
        metavar="FILE",
        type=Path,
        help="write which requirements the tests show to this Markdown file",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[OUTCOMES] = {}
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.SystemRandom().getrandbits(32))


def pytest_report_header(config: pytest.Config) -> str:
    return f"random inputs: --hypothesis-seed={config.option.hypothesis_seed}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Report:
    result = yield
    outcomes = item.config.stash[OUTCOMES]
    test = report.test_name(item.nodeid)
    outcomes[test] = report.worse(outcomes.get(test, report.PASSED), result.outcome)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    page: Path | None = session.config.option.requirements
    if page is not None and not session.config.option.collectonly:
        root, outcomes = session.config.rootpath, session.config.stash[OUTCOMES]
        text = report.render(report.collect(root), outcomes, report.load(root))
        page.write_text(text, encoding="utf-8")

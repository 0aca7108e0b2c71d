"""For every test: seeds that are printed, a run's processes, what it says at its end."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Generator, Iterator
from pathlib import Path
from shutil import disk_usage, rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from harness import requirements_report as requirements
from tests.runs import SAID, SUMMARIES, Say, longest_first, reports, scheduler

settings.register_profile(
    "keyreel",
    deadline=None,
    derandomize=False,
    print_blob=True,
    # How long anything takes is no failure: the machine may be busy.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("keyreel")


SEED = "hypothesis_seed"
MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free there: guests have their memory there too, a GiB each."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements",
        metavar="FILE",
        type=Path,
        help="write which requirements the tests show to this Markdown file",
    )
    parser.addoption(
        "--pictures",
        metavar="DIR",
        type=Path,
        help="write pictures of pages to this folder: docs/images",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.hypothesis_seed is None:
        own = str(random.SystemRandom().getrandbits(32))
        config.option.hypothesis_seed = getattr(config, "workerinput", {}).get(SEED, own)


def pytest_configure_node(node: Any) -> None:
    """Give the seed of a run to a process that shares it."""
    node.workerinput[SEED] = node.config.option.hypothesis_seed


def pytest_report_header(config: pytest.Config) -> str:
    return f"random inputs: --hypothesis-seed={config.option.hypothesis_seed}"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One process for some files, and for tests that want the terminal; else one a processor."""
    some = config.args_source is pytest.Config.ArgsSource.ARGS
    return 0 if some or config.option.capture == "no" else None


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    return scheduler(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests come to stay: the collector need look at them neither now nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items)


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory if there is room; cartridges make and sync thousands of small files."""
    if os.access(MEMORY, os.W_OK) and disk_usage(MEMORY).free > ROOM:
        with TemporaryDirectory(prefix="keyreel-", dir=MEMORY) as name:
            yield Path(name)
    else:
        yield tmp_path_factory.mktemp("memory")


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the test's own: in memory, where a guest would not see it, for tests without."""
    if request.node.get_closest_marker("guest"):
        return tmp_path_factory.mktemp("guest")
    memory: Path = request.getfixturevalue("memory")
    # The test before has ended only now: its other fixtures may have wanted their files.
    for old in memory.glob("test-*"):
        rmtree(old, ignore_errors=True)
    return Path(mkdtemp(prefix="test-", dir=memory))


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path | None:
    """Where pictures for the manual are to go, if they are wanted."""
    folder: Path | None = request.config.getoption("--pictures")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return folder.absolute()
    return None


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Say:
    """Say a line at the end of the run: figures and seeds, whichever process they come from."""
    return lambda line: request.node.user_properties.append((SAID, line))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for title, make in SUMMARIES.items():
        if lines := make(terminalreporter):
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.line(line)
    page: Path | None = config.option.requirements
    if page is not None and not config.option.collectonly:
        outcomes: dict[str, str] = {}
        for report in reports(terminalreporter):
            # Fixtures that were set up and taken down show nothing.
            if report.when == "call" or not report.passed:
                test = requirements.test_name(report.nodeid)
                before = outcomes.get(test, requirements.NOT_RUN)
                outcomes[test] = requirements.of_cases(before, report.outcome)
        root = config.rootpath
        text = requirements.render(requirements.collect(root), outcomes, requirements.load(root))
        page.write_text(text, encoding="utf-8")

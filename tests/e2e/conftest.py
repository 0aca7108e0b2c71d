"""Guests for tests: one LTO-9 drive by each way in, four models at once; the keyreel command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from harness.guest.api import Guest
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from tests.e2e.library import RIG as LIBRARY
from tests.e2e.library import Shelf
from tests.e2e.models import MODELS, Model, all_models
from tests.e2e.tools import Tools
from tests.e2e.ways import WAYS, Way, why_not
from tests.runs import WAY

ROOT = Path(__file__).parents[2]
ONE_LTO9 = ROOT / "fixtures" / "rigs" / "one-lto9.toml"

Keyreel = Callable[..., "subprocess.Popen[bytes]"]


def pytest_runtest_setup(item: pytest.Function) -> None:
    """Note by which way a test goes, and skip it where it does not hold."""
    if hasattr(item, "callspec") and "way" in item.callspec.params:
        way = str(item.callspec.params["way"])
        item.user_properties.append((WAY, way))
        if why := why_not(item.function.__name__, way):
            pytest.skip(f"{way}: {why}")


@pytest.fixture(scope="session")
def one_lto9() -> Path:
    """A rig file with one LTO-9 drive, drive0, and its cartridge, KRL001L9."""
    return ONE_LTO9


@pytest.fixture(scope="module")
def guest_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State folder of `guest`: its cartridge is in cartridges/KRL001L9, its logs in run."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def guest(guest_state: Path) -> Iterator[Guest]:
    """A running guest with drive0 and its cartridge; one for all tests of a module."""
    with open_state(guest_state) as state, make_guest(Rig.load(ONE_LTO9), state) as running:
        yield running


@pytest.fixture(scope="session", params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Each way to drives in turn, for all tests that use `tools`."""
    return WAYS[request.param]


@pytest.fixture(scope="session")
def way_guest(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A running guest that reaches drive0 by that way, with its cartridge in it."""
    folder = tmp_path_factory.mktemp("way")
    with open_state(folder) as state, make_guest(way.of(Rig.load(ONE_LTO9)), state) as running:
        yield running


@pytest.fixture(scope="module")
def tools(way: Way, way_guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """The tools on drive0 by each way, in a work folder of the module."""
    return Tools(way_guest, tmp_path_factory.mktemp("work"), way.device("drive0"))


@pytest.fixture
def drive(tools: Tools) -> Tools:
    """The tools with an empty tape at its beginning, variable blocks and no key."""
    tools.blank()
    return tools


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tools]]:
    """A guest with a drive of each of `MODELS`, one for all tests; tools by model.

    Four drives take seconds to start. A test leaves them loaded, unlocked and without a key.
    """
    with all_models(tmp_path_factory.mktemp("models")) as tools:
        yield tools


@pytest.fixture(scope="session")
def library_guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A running guest with fixtures/rigs/library.toml, one for all tests."""
    folder = tmp_path_factory.mktemp("library")
    with open_state(folder) as state, make_guest(Rig.load(LIBRARY), state) as running:
        yield running


@pytest.fixture
def shelf(library_guest: Guest, tmp_path: Path) -> Shelf:
    """The library's guest, with every cartridge in its place."""
    shelf = Shelf(library_guest, tmp_path)
    shelf.tidy()
    return shelf


@pytest.fixture(params=MODELS, ids=[model.name for model in MODELS])
def model(request: pytest.FixtureRequest) -> Model:
    """Each model in turn."""
    chosen: Model = request.param
    return chosen


@pytest.fixture
def unit(field: dict[str, Tools], model: Model) -> Tools:
    """The tools on the drive of `model`, as the test before left it."""
    return field[model.name]


@pytest.fixture
def tape(unit: Tools) -> Tools:
    """The tools on the drive of `model`, its tape empty and at the beginning."""
    # With a volume loaded, st does not know where it is after a load: hence the rewind.
    unit.ok("mt -f $TAPE load && mt -f $TAPE rewind && mt -f $TAPE erase 0")
    return unit


@pytest.fixture
def keyreel(tmp_path: Path) -> Keyreel:
    """Start the keyreel command: ``keyreel(*arguments, env={...})``.

    Standard input, output and error are pipes; its temporary and home folders are tmp_path/"tmp"
    and tmp_path/"home".
    """

    def start(
        *arguments: str | Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        for name in ("tmp", "home"):
            (tmp_path / name).mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "HOME": str(tmp_path / "home"),
                "TMPDIR": str(tmp_path / "tmp"),
                **(env or {}),
            },
        )

    return start

"""A control socket with a library that is none; a rig that is served, and commands typed to it."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from harness.cli import main
from harness.control import Control
from harness.rig import Rig
from keymgr import kdf
from target import control
from target.clock import ManualClock
from target.library import options
from target.library.library import Library
from target.library.users import Cost
from target.serve import Service
from target.shelf import stock
from tests.harness.operators import RIG, Done, Keyreel
from tests.harness.shelf import Shelf


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def path(tmp_path: Path, shelf: Shelf, clock: ManualClock) -> Iterator[Path]:
    """A server with one library, tower."""
    server = control.Control(tmp_path / "run" / "control", {"tower": shelf}, clock=clock)
    yield server.path
    server.close()


@pytest.fixture
def operator(path: Path) -> Iterator[Control]:
    with Control(path) as client:
        client.login("su", "right")
        yield client


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands are typed in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


@pytest.fixture
def service(folder: Path, state: Path) -> Iterator[Service]:
    """A rig that is served; its passwords cost little."""
    file = folder.parent / "tower.toml"
    file.write_text(RIG, encoding="utf-8")
    state.mkdir()
    plan = Rig.load(file).plan(state)
    stock(plan)
    served = Service(plan)
    tower = served.libraries["tower"]
    tower.cost = Cost(2, 1, 1)
    tower.bluescale.cost = kdf.Cost(8, 1, 1)
    yield served
    served.close()


@pytest.fixture
def tower(service: Service) -> Library:
    return service.libraries["tower"]


@pytest.fixture
def keyreel(service: Service, state: Path, monkeypatch: pytest.MonkeyPatch) -> Keyreel:
    """Type a keyreel command: ``keyreel("library move a b", stdin="", status=0)``."""
    monkeypatch.setenv("KEYREEL_CONTROL", str(state / "run" / "control"))

    def typed(words: str, stdin: str = "", status: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["keyreel", *words.split()])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        out, err, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0
        done = Done(code, out.getvalue(), err.getvalue())
        assert code == status, done
        if status:
            assert done.err.startswith("keyreel: "), done
            assert done.err.count("\n") == 1, done
        return done

    return typed


@pytest.fixture
def su(keyreel: Keyreel) -> Keyreel:
    """The same, logged in as the superuser."""
    keyreel("library login", "\n")
    return keyreel


@pytest.fixture
def screens(su: Keyreel) -> Keyreel:
    """The same, with the encryption screens open."""
    su("bluescale authorize", "\n")
    return su


@pytest.fixture
def professional(screens: Keyreel, tower: Library) -> Keyreel:
    """The same, in Professional Edition."""
    screens(f"library option add {options.issue(options.PROFESSIONAL, tower.serial)}")
    return screens

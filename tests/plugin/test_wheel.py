"""The wheel, as whoever has no checkout installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.plugin.child import ROOT
from tests.plugin.test_fixtures import blocks
from tests.runs import Say

PACKAGES = ("harness", "keymgr", "target")
FAR = 600.0

IN_A_GUEST = """
def test_the_same_tape_in_a_guest(tape, host):
    tape.write(b"VOL1KRL001" * 8)
    tape.filemark()
    tape.rewind()
    assert host.run("dd if=$KEYREEL_DRIVE0_TAPE bs=80 status=none").stdout == "VOL1KRL001" * 8
"""


def run(argv: Sequence[str | Path], folder: Path, **environment: str) -> str:
    """The output of a command, which must succeed; nothing leads it to the checkout."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "PYTHON", "KEYREEL_", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        argv,
        cwd=folder,
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=FAR,
        check=False,
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where a guest sees it, and nothing of the checkout is near."""
    made = Path(os.path.realpath(os.environ.get("TMPDIR", "/tmp"))) / f"keyreel-wheel-{os.getpid()}"
    made.mkdir()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """Built from a copy: building leaves files beside what it builds."""
    source = folder / "source"
    source.mkdir()
    for name in PACKAGES:
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    run([*pip, "--wheel-dir", folder, source], folder)
    (made,) = folder.glob("keyreel-*.whl")
    return made


def test_everything_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    beside = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert beside <= inside
    assert {name.partition("/")[0] for name in inside - beside} == {
        next(one for one in inside if one.endswith("/METADATA")).partition("/")[0]
    }


@pytest.mark.guest
def test_the_first_test_of_whoever_installs_the_wheel(folder: Path, wheel: Path, say: Say) -> None:
    venv = folder / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", venv], folder)
    python = venv / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    run([*pip, "--no-compile", str(wheel), "pytest", "pytest-xdist"], folder)
    work = folder / "work"
    work.mkdir()
    (work / "test_first.py").write_text(blocks()[0], encoding="utf-8")
    out = run([venv / "bin/pytest", "-q", "test_first.py"], work)
    assert "1 passed" in out, out
    say(f"from the wheel: {out.strip().splitlines()[-1]}")
    where = run([python, "-c", "import harness, target, keymgr; print(harness.__file__)"], work)
    assert where.startswith(str(venv)), where
    (work / "test_guest.py").write_text(IN_A_GUEST, encoding="utf-8")
    out = run([venv / "bin/pytest", "-q", "-n2"], work)
    assert "2 passed" in out, out
    assert "ibm/ult3580-td9" in run([venv / "bin/keyreel", "personality", "list"], work)

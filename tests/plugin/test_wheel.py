"""The wheel, as whoever has no checkout installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp
from xml.etree import ElementTree

import pytest

from tests.plugin.child import ROOT
from tests.plugin.test_fixtures import blocks
from tests.runs import Say

CI = ROOT / "fixtures/ci"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
BASE = f"{Path(sys.executable).resolve().parent}:{os.environ['PATH']}"
"""With the interpreter that this environment was made from as python3."""
if os.geteuid():
    NOBODY = []  # nobody special runs this anyway
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
    """Where a guest and anybody sees it, and nothing of the checkout is near."""
    made = Path(mkdtemp(prefix="keyreel-wheel-", dir="/tmp"))
    made.chmod(0o755)
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
    source = wheel.parent / "source"
    beside = {
        path.relative_to(source).as_posix()
        for name in PACKAGES
        for path in (source / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert beside <= inside
    assert {name.partition("/")[0] for name in inside - beside} == {
        next(one for one in inside if one.endswith("/METADATA")).partition("/")[0]
    }


@pytest.fixture(scope="module")
def work(folder: Path) -> Path:
    """Where somebody, whoever it is, has tests."""
    made = folder / "work"
    made.mkdir()
    (made / "test_first.py").write_text(blocks()[0], encoding="utf-8")
    shutil.copy(CI / "ci.sh", made)
    return made


@pytest.fixture(scope="module")
def installed(folder: Path, wheel: Path, work: Path) -> tuple[Path, str]:
    """The environment that the script of the CI jobs makes, and what it said: the packages of
    Debian are here, the wheel and what it needs come from the index."""
    told = {"KEYREEL": f"{wheel}[scapy]", "TMPDIR": str(folder), "TARGET": "", "PATH": BASE}
    # How pip is told to compile nothing.
    out = run(["sh", "ci.sh", "-q"], work, **told, PIP_NO_COMPILE="0")
    return folder / "keyreel-environment", out


def test_the_first_test_of_whoever_installs_the_wheel(
    work: Path, installed: tuple[Path, str], say: Say
) -> None:
    environment, out = installed
    (passed,) = [line for line in out.splitlines() if "1 passed" in line]
    say(f"from the wheel: {passed}")
    where = "import harness, target, keymgr; print(harness.__file__)"
    assert run([environment / "bin/python", "-c", where], work).startswith(str(environment))
    assert "ibm/ult3580-td9" in run([environment / "bin/keyreel", "personality", "list"], work)
    assert junit(work / "reports/tests.xml") == {"tests": 1, "failures": 0, "errors": 0}


@pytest.mark.guest
def test_the_jobs_of_somebody_without_privileges(work: Path, installed: tuple[Path, str]) -> None:
    environment, _ = installed
    python = [str(environment / "bin/python"), "-c", ""]
    if subprocess.run([*NOBODY, *python], check=False, capture_output=True).returncode:
        pytest.skip("the interpreter is in a folder that is not for everybody")
    (work / "test_guest.py").write_text(IN_A_GUEST, encoding="utf-8")
    shutil.copy(ROOT / "fixtures/rigs/one-lto9.toml", work / "rig.toml")
    work.chmod(0o777)
    path = f"{environment}/bin:{BASE}"
    argv = ["sh", "ci.sh", "--here", "-q", "-n2", "-p", "no:cacheprovider"]
    told = {"TARGET": "rig.toml --topic inquiry", "REPORTS": "out", "PATH": path}
    out = run([*NOBODY, *argv], work, **told, PYTHONDONTWRITEBYTECODE="1", HOME=str(work))
    assert "2 passed" in out, out
    assert junit(work / "out/tests.xml") == {"tests": 2, "failures": 0, "errors": 0}
    assert junit(work / "out/conform.xml")["tests"] > 0
    assert "</html>" in (work / "out/conform.html").read_text(encoding="utf-8")


def test_a_failure_is_the_job_s(work: Path, installed: tuple[Path, str]) -> None:
    environment, _ = installed
    path = f"{environment}/bin:{BASE}"
    done = subprocess.run(
        ["sh", "ci.sh", "--here", "-q", "nowhere"],
        cwd=work,
        env={"PATH": path, "REPORTS": "failed", "TARGET": "nothing.toml"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode, done
    assert "nowhere" in done.stderr
    assert "nothing.toml" in done.stderr


def junit(file: Path) -> dict[str, int]:
    """What a JUnit file counts."""
    root = ElementTree.parse(file).getroot()
    suites = [root] if root.tag == "testsuite" else [*root]
    return {
        key: sum(int(one.get(key, "0")) for one in suites)
        for key in ("tests", "failures", "errors")
    }

"""`keyreel conform` as users run it: statuses, files, lists, comparisons, independence."""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
from pathlib import Path
from subprocess import Popen
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from harness.cli import keyreel
from harness.conform.checks import all_checks
from target.scsi.command import Completion
from target.scsi.device_server import Run
from tests.conform.models import rig
from tests.portal import served

ROOT = Path(__file__).parents[2]
DEFECT = '\n[[fault]]\nkind = "defect"\nunit = "lto5"\ndefect = "sili-ignored"\n'
SHORT = ("--scratch", "--check", "READ-SHORT*")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.toml").write_text(rig("lto5"))
    (tmp_path / "bad.toml").write_text(rig("lto5", more=DEFECT))
    return tmp_path


def conform(*words: str) -> Result:
    return CliRunner().invoke(keyreel, ["conform", *words])


def test_no_failure_is_status_0(folder: Path) -> None:
    done = conform("good.toml:lto5", *SHORT)
    assert done.exit_code == 0, done.output
    assert "IBM ULT3580-TD5" in done.output
    assert "6 passed, 0 failed, 0 with a warning, 0 not applicable" in done.output


def test_a_failure_is_status_1_and_is_told(folder: Path) -> None:
    files = ("--json", "a.json", "--html", "a.html", "--junit", "a.xml")
    done = conform("bad.toml", *SHORT, *files)
    assert done.exit_code == 1
    for words in (
        "FAIL READ-SHORT-SILI-200-100 (SSC-4 6.4)",
        "status: expected 0",
        "after: READ(6) [08 02 00 00 c8 00]: CHECK CONDITION, 0/00/00 NO SENSE",
        "3 passed, 3 failed",
    ):
        assert words in done.output, words
    assert json.loads(Path("a.json").read_text())["counts"]["fail"] == 3
    assert ElementTree.parse("a.xml").getroot().get("failures") == "3"
    assert "3 checks failed of 6 that apply." in Path("a.html").read_text()


def test_sigterm_puts_everything_back(folder: Path) -> None:
    """Sent as soon as the drive has a registration, which outlives the connection."""
    with served(rig("lto5"), folder) as (service, address):
        drive = service.drives["lto5"]
        command = [sys.executable, "-m", "harness", "conform", f"{address}:lto5"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        registered = False

        def watch(run: Run, *command: Any) -> Completion:
            nonlocal registered
            done = run(*command)
            if drive.persistent.keys and not registered:
                registered = True
                process.terminate()
            return done

        drive.interpose([watch])
        with Popen([*command, "--check", "PR-REGISTER"], env=environment) as process:
            assert process.wait(120) == 128 + signal.SIGTERM
        assert registered and not drive.persistent.keys


def test_two_devices_or_two_files_are_compared(folder: Path) -> None:
    for name in ("good", "bad"):
        conform(f"{name}.toml", *SHORT, "--json", f"{name}.json")
    for pair in (("good.toml", "bad.toml", *SHORT), ("good.json", "bad.json")):
        done = conform("--diff", *pair, "--html", "diff.html")
        assert done.exit_code == 1
        assert "A pass\n    B fail: status: expected 0, came 2" in done.output
        assert "3 checks differ" in done.output
        assert "3 checks differ" in Path("diff.html").read_text()
    same = conform("--diff", "good.json", "good.json")
    assert same.exit_code == 0 and "0 checks differ" in same.output


def test_checks_are_listed() -> None:
    done = conform("--list")
    assert done.exit_code == 0
    for check in all_checks():
        assert check in done.output
    some = conform("--list", "--topic", "KEY-ASSOCIATED")
    assert "ENC-KAD" in some.output and "READ-SHORT" not in some.output


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "write one TARGET"),
        (("good.toml", "bad.toml"), 2, "write one TARGET"),
        (("--diff", "good.toml"), 2, "write two TARGETs"),
        (("good.toml", "--topic", "quantum"), 2, "no check has the topic quantum: see"),
        (("good.toml", "--check", "NONE-*"), 2, "there is no check NONE-*: see"),
        (("none.toml",), 125, "none.toml: cannot be read"),
        (("/dev/sg987",), 125, "/dev/sg987"),
        (("--diff", "good.toml", "none.json"), 125, "none.json: cannot be read"),
        (("good.toml", *SHORT, "--html", "none/a.html"), 2, "none/a.html: cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    done = conform(*words)
    assert (done.exit_code, said in done.output) == (status, True), done.output


def test_the_suite_knows_nothing_of_the_target() -> None:
    for folder in ("conform", "layers", "pages", "report"):
        for path in (ROOT / "harness" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                wrong = [name for name in names if name.split(".")[0] in {"target", "keymgr"}]
                assert not wrong, f"{path} imports {wrong}"


def test_every_check_says_what_it_is_about() -> None:
    checks = all_checks()
    assert len(checks) >= 400
    assert sum(one.topic.startswith("encryption") for one in checks.values()) >= 150
    for id, one in checks.items():
        assert id == id.upper() and " " not in id, id
        assert one.clause and one.topic and one.title and one.kind in {"tape", "changer"}

"""The keyreel command's own answers, without a guest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness import doctor


def keyreel(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )


def test_help_documents_the_exit_statuses() -> None:
    done = keyreel("run", "--help")
    assert done.returncode == 0
    assert "125" in done.stdout


def test_help_is_quick_because_it_imports_little() -> None:
    code = "import sys, harness.cli; print({'pydantic', 'rich', 'pyudev'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_version() -> None:
    done = keyreel("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("keyreel")


@pytest.mark.parametrize(
    "arguments", [("run",), ("run", "no-such.toml"), ("walk",), ("run", "--fast", "a.toml")]
)
def test_a_user_s_mistake_is_one_sentence_and_status_2(arguments: tuple[str, ...]) -> None:
    done = keyreel(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("keyreel: ")
    assert done.stderr.count("\n") == 1


def test_doctor_says_how_to_get_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "SYSTEM_PATH", "")
    assert doctor.show() == 1
    printed = capsys.readouterr().out
    for package in ("user-mode-linux", "kmod", "mt-st", "sg3-utils", "stenc", "lsscsi"):
        assert f"apt install {package}" in printed

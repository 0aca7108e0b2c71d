"""Building the handler for tcmu-runner: what the command says, and what a process with it needs."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", "build-handler", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **variables},
    )


def test_it_is_built_where_it_is_wanted(tmp_path: Path) -> None:
    done = build("--output", tmp_path / "new" / "handlers")
    assert (done.returncode, done.stderr) == (0, "")
    built = tmp_path / "new" / "handlers" / "handler_keyreel.so"
    assert done.stdout == f"{built}\n"
    # What is tcmu-runner's own is looked for when it is first called.
    assert ctypes.CDLL(str(built), mode=os.RTLD_LAZY).handler_init


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CC": "no-such-cc"}, "there is no C compiler no-such-cc: install the Debian package gcc"),
        ({"CC": "false"}, "could not build"),
        ({"CC": "cc -no-such-option"}, "no-such-option"),
    ],
)
def test_why_it_cannot_be_built_is_one_sentence(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    done = build("--output", tmp_path, **variables)
    assert done.returncode == 125
    assert done.stdout == ""
    assert done.stderr.startswith("keyreel: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = build("--output", tmp_path / "file" / "below")
    assert done.returncode == 125
    assert "cannot be made" in done.stderr

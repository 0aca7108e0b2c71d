"""The demo: every step passed and status 0, or a failed step in the table and status 1."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.demo import player
from harness.demo.encryption import STORY
from harness.demo.story import Do, Step
from tests.runs import Say

pytestmark = pytest.mark.guest

Keyreel = Callable[..., "subprocess.Popen[bytes]"]


def results(output: str) -> list[tuple[str, str]]:
    """(step, result) of each row of the table at the end."""
    return [(title.strip(), result) for title, result in re.findall(
        r"│ +\d+ │ (.+?) │ (passed|failed) │", output
    )]  # fmt: skip


def test_the_demo(keyreel: Keyreel, tmp_path: Path, say: Say) -> None:
    start = time.monotonic()
    process = keyreel("demo", env={"COLUMNS": "80"})
    stdout, stderr = process.communicate(timeout=300)
    say(f"the demo took {time.monotonic() - start:.1f} s")
    assert (process.returncode, stderr) == (0, b"")
    said = stdout.decode()
    assert results(said) == [(step.title, "passed") for step in STORY.steps]
    assert f"{len(STORY.steps)} of {len(STORY.steps)} steps passed" in said
    # Each command is shown with its real output.
    for step in STORY.steps:
        for command in step.commands:
            assert command.line.split(" $")[0] in said
            assert all(text in said for text in command.shows)
    assert list((tmp_path / "tmp").iterdir()) == [], "nothing is left behind"


def test_a_step_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong text, wrong status, text that must not be there: each fails its step, not the next."""
    steps = (
        Step("Right", "As it is.", (Do("lsscsi", shows=("ULT3580-TD9",)),)),
        Step("Wrong text", "No such drive.", (Do("lsscsi", shows=("ULT3580-TD99",)),)),
        Step("Wrong status", "It ends well.", (Do("true", fails=True), Do("echo still $TAPE"))),
        Step("Too much", "It is hidden.", (Do("lsscsi", hides=("ULT3580",)),)),
        Step("On the host", "Ends badly.", (Do("ls $CARTRIDGE/nothing"),), on_host=True),
        Step("Right again", "On the host.", (Do("ls $CARTRIDGE"),), on_host=True),
    )
    assert player.play(replace(STORY, steps=steps)) == 1
    said = capsys.readouterr().out
    assert results(said) == [
        ("Right", "passed"),
        ("Wrong text", "failed"),
        ("Wrong status", "failed"),
        ("Too much", "failed"),
        ("On the host", "failed"),
        ("Right again", "passed"),
    ]
    assert "2 of 6 steps passed" in said
    assert "✗ expected success showing ['ULT3580-TD99'], exit status was 0" in said
    assert "still /dev/nst0" in said, "a step goes on after a failure"


def test_a_demo_that_cannot_run(keyreel: Keyreel, tmp_path: Path) -> None:
    """A kernel that does not boot: what it said, and keyreel's own status."""
    (tmp_path / "linux.uml").write_text("#!/bin/sh\necho no kernel >&2\nexit 3\n")
    (tmp_path / "linux.uml").chmod(0o755)
    process = keyreel("demo", env={"PATH": str(tmp_path)})
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 125
    assert stderr.startswith(b"keyreel: the guest ended while it booted")
    assert b"no kernel" in stderr

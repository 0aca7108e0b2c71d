"""docs/traces.md shows what keyreel and tshark say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from harness.trace.choosing import KINDS
from harness.trace.ignoring import RULES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "traces.md"
STEP = re.compile(r"^    \$ (.*)\n((?:    (?!\$ ).*\n)*)", re.MULTILINE)


def test_what_the_page_shows(tmp_path: Path) -> None:
    steps = STEP.findall(PAGE.read_text(encoding="utf-8"))
    assert len(steps) > 5
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    for line, shown in steps:
        if line.startswith("tshark") and shutil.which("tshark") is None:
            continue
        done = subprocess.run(
            ["sh", "-c", f'keyreel() {{ "$PYTHON" -m harness "$@"; }}\n{line}'],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = [line.rstrip() for line in done.stdout.splitlines()]
        assert said == [line[4:].rstrip() for line in shown.splitlines()], (line, done.stderr)


def test_the_record_that_the_page_reads(tmp_path: Path) -> None:
    shown = PAGE.read_text(encoding="utf-8").split("as dataclasses:\n\n")[1]
    code = "\n".join(line[4:] for line in shown.splitlines())
    (tmp_path / "trace.jsonl").write_bytes((ROOT / "fixtures/traces/one-lto9.jsonl").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "one-lto9 28\n", done.stderr


def test_every_kind_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"| {kind} |" not in text and kind != "command"] == []
    assert [name for name in RULES if not re.search(rf"^\| .*\b{name}\b.* \|", text, re.M)] == []

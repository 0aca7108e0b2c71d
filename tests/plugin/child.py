"""pytest as a user runs it: a process of its own, in a folder outside of the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FAR = 240.0


class Ran(NamedTuple):
    """How the run ended, and what it printed."""

    status: int
    out: str

    @property
    def counts(self) -> dict[str, int]:
        """How many tests passed, failed ..., by the last line."""
        last = self.out.strip().splitlines()[-1]
        return {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", last)}


def pytest_in(folder: Path, *options: str, **files: str) -> Ran:
    """Write the files, by their names without .py, and run pytest there with the plugin alone."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "harness.plugin"]
    if any(option.startswith("-n") for option in options):
        command += ["-p", "xdist.plugin"]
    # A run in a run: what the outer one has set does not matter to it.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "KEYREEL_"))}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=FAR,
        check=False,
    )
    return Ran(done.returncode, done.stdout)

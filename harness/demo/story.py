"""What a story of the demo is: steps, the commands of each, what each command must show.

Commands are shell lines that run in a work folder. Names such as $TAPE stand for device nodes and
folders; the player puts the real ones in before it shows and runs a line. ``keyreel`` is this very
program, in the guest too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.guest.api import Device

RIG_FILE = "rig.toml"
PLAINTEXT = "this line is a secret that only plain text would show"


@dataclass(frozen=True)
class Do:
    """A command: it must end well (or, ``fails``, not), show each text of ``shows``, none of
    ``hides``."""

    line: str
    shows: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    fails: bool = False

    def passed(self, status: int, output: str) -> bool:
        """Whether a run of it did what the story says."""
        return (
            bool(status) == self.fails
            and all(text in output for text in self.shows)
            and not any(text in output for text in self.hides)
        )


@dataclass(frozen=True)
class Step:
    """A few commands with one point, which ``told`` tells the reader."""

    title: str
    told: str
    commands: tuple[Do, ...]
    on_host: bool = False
    """Runs after the guest has stopped, on this machine."""


@dataclass(frozen=True)
class Story:
    """A rig and what is done with it. ``hardware``: the rig in words, for "a kernel with"."""

    hardware: str
    rig: str
    """The rig file, which is in the work folder as `RIG_FILE`."""
    steps: tuple[Step, ...]
    prepare: Callable[[Path], None]
    """Fills the work folder."""
    names: Callable[[Mapping[str, Device], Path], dict[str, str]]
    """What the names in lines stand for, by the guest's devices and the state folder."""


def write_letters(work: Path) -> None:
    """A folder of plain text to back up."""
    letters = work / "letters"
    letters.mkdir()
    for number in (1, 2, 3):
        text = f"Letter {number}: {PLAINTEXT}.\n" * 400 * number
        (letters / f"{number}.txt").write_text(text, encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """A file that nobody else can read."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(file, "w", encoding="ascii") as private:
        private.write(text)

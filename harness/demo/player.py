"""Plays the story: boots the guest, shows each command and its real output, ends with a table."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

import harness
from harness.cli import FAILED, say
from harness.demo.story import RIG_FILE, Do, Story
from harness.doctor import missing
from harness.guest.api import CommandTimeout, Guest, GuestError
from harness.rig import Rig
from harness.running import make_guest
from harness.state import StateError, open_state

TOOLS = ("lsscsi", "mt", "mtx", "sg_inq", "stenc", "tar")
COMMAND_TIMEOUT = 60.0
TIMED_OUT = 124
"""Exit status of a command that took longer, as timeout(1) has it."""


Runner = Callable[[str], tuple[int, str]]
"""Runs a shell line in the work folder; its exit status and output."""


def find(name: str) -> Story:
    """The story of that name, a module beside this one."""
    story: Story = import_module(f"harness.demo.{name}").STORY
    return story


def play(story: Story) -> int:
    """Run the demo; exit status 0 if every step passed, 1 if not, 125 if it could not run."""
    console = Console(highlight=False, soft_wrap=True)
    start = time.monotonic()
    if lacking := missing(*TOOLS):
        say(f"the demo needs tools that are not installed: apt install {' '.join(lacking)}")
        return FAILED
    try:
        with tempfile.TemporaryDirectory(prefix="keyreel-demo-") as folder:
            results = perform(story, Path(folder), console)
    except (StateError, GuestError) as error:
        say(str(error))
        return FAILED
    _summary(console, story, results, time.monotonic() - start)
    return 0 if all(results) else 1


def perform(story: Story, folder: Path, console: Console) -> list[bool]:
    """Play a story in that state folder, which outlives the guest; whether each step passed.

    Raises StateError, GuestError.
    """
    start = time.monotonic()
    with open_state(folder) as state:
        work = state.folder / "work"
        work.mkdir()
        (work / RIG_FILE).write_text(story.rig, encoding="utf-8")
        story.prepare(work)
        console.print(f"[bold]Booting a Linux kernel with {story.hardware} …[/]")
        with make_guest(Rig.load(work / RIG_FILE), state) as guest:
            console.print(f"ready after {time.monotonic() - start:.1f} s")
            player = Player(console, story, state.folder, guest)
            results = player.play(player.in_guest, on_host=False)
    # The folder is nobody's any more: commands may open it.
    return results + player.play(player.on_host, on_host=True)


class Player:
    """Shows and runs the steps of a story."""

    def __init__(self, console: Console, story: Story, state: Path, guest: Guest) -> None:
        self._console = console
        self._story = story
        self._state = state
        self._guest = guest
        self._names = story.names(guest.devices, state)

    def in_guest(self, line: str) -> tuple[int, str]:
        """Run a shell line in the guest; its exit status and output."""
        argv = ["sh", "-c", _PROGRAM + line]
        try:
            done = self._guest.run(
                argv, env=_environment(), cwd=self._work, timeout=COMMAND_TIMEOUT
            )
        except CommandTimeout as error:
            return TIMED_OUT, str(error)
        return done.status, (done.stdout + done.stderr).decode(errors="replace")

    def on_host(self, line: str) -> tuple[int, str]:
        """The same on this machine."""
        done = subprocess.run(
            ["sh", "-c", _PROGRAM + line],
            cwd=self._work,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    @property
    def _work(self) -> Path:
        return self._state / "work"

    def play(self, run: Runner, *, on_host: bool) -> list[bool]:
        """The steps of one place; for each, whether all its commands did what they should."""
        results = []
        for number, step in enumerate(self._story.steps, 1):
            if step.on_host is on_host:
                self._console.print(f"\n[bold cyan]{number}. {step.title}[/]")
                self._console.print(step.told, style="italic")
                results.append(all([self._do(one, run) for one in step.commands]))
        return results

    def _do(self, command: Do, run: Runner) -> bool:
        line = command.line
        for name, value in self._names.items():
            line = line.replace(name, value)
        shown, state = self._console, str(self._state)
        shown.print(f"[bold]$ {_plain(line)}[/]".replace(state, "STATE"))
        status, output = run(line)
        if output.strip():
            shown.print(output.rstrip().replace(state, "STATE"), markup=False)
        passed = command.passed(status, output)
        if not passed:
            wanted = "a failure" if command.fails else "success"
            shown.print(
                f"[bold red]✗ expected {wanted} showing {list(command.shows)},"
                f" exit status was {status}[/]"
            )
        return passed


# This very program, installed or not, whatever else the caller's PATH has under its name.
_PROGRAM = f'keyreel() {{ {shlex.quote(sys.executable)} -m harness "$@"; }}\n'


def _environment() -> dict[str, str]:
    source = str(Path(harness.__path__[0]).parent)
    path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def _plain(text: str) -> str:
    """Text that rich shows as it is."""
    return text.replace("[", r"\[")


def _summary(console: Console, story: Story, results: list[bool], seconds: float) -> None:
    table = Table(title="\nThe demo in one table", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("step")
    table.add_column("result")
    for number, (step, passed) in enumerate(zip(story.steps, results, strict=True), 1):
        result = "[green]passed[/]" if passed else "[bold red]failed[/]"
        table.add_row(str(number), step.title, result)
    console.print(table)
    console.print(f"{sum(results)} of {len(results)} steps passed in {seconds:.0f} s")

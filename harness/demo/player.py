"""Plays the story: boots the guest, shows each command and its real output, ends with a table."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

import harness
from harness.cli import FAILED, say
from harness.demo.story import PLAINTEXT, STORY, Do
from harness.guest.api import Guest, GuestError
from harness.rig import Cartridge, Drive, Rig, RigSection
from harness.running import make_guest
from harness.state import StateError, open_state

BARCODE = "KRL001L9"
LABEL = "letters of 2026"
COMMAND_TIMEOUT = 60.0


Runner = Callable[[str, Path], tuple[int, str]]
"""Runs a shell line in a folder; its exit status and output."""


def play() -> int:
    """Run the demo; exit status 0 if every step passed, 1 if not, 125 if it could not run."""
    console = Console(highlight=False, soft_wrap=True)
    rig = Rig(
        rig=RigSection(name="demo", guest="uml"),
        cartridge=(Cartridge(barcode=BARCODE),),
        drive=(Drive(name="drive0", model="ibm/ult3580-td9", cartridge=BARCODE),),
    )
    start = time.monotonic()
    try:
        # A named state folder outlives the guest: the last step looks at the cartridge afterwards.
        with (
            tempfile.TemporaryDirectory(prefix="keyreel-demo-") as folder,
            open_state(Path(folder)) as state,
        ):
            _prepare(state.folder / "work")
            console.print("[bold]Booting a Linux kernel with a virtual LTO-9 drive …[/]")
            with make_guest(rig, state) as guest:
                console.print(f"ready after {time.monotonic() - start:.1f} s")
                names = _names(guest, state.folder)
                results = _play(console, state.folder, names, _in_guest(guest), on_host=False)
            results += _play(console, state.folder, names, _on_host, on_host=True)
    except (StateError, GuestError) as error:
        say(str(error))
        return FAILED
    _summary(console, results, time.monotonic() - start)
    return 0 if all(results) else 1


def _names(guest: Guest, state: Path) -> dict[str, str]:
    """What the names in the story's lines stand for."""
    device = guest.devices["drive0"]
    folder = str(state / "cartridges" / BARCODE)
    return {"$TAPE": device.tape, "$SG": device.sg, "$CARTRIDGE": folder}


def _in_guest(guest: Guest) -> Runner:
    def run(line: str, work: Path) -> tuple[int, str]:
        done = guest.run(["sh", "-c", line], cwd=work, timeout=COMMAND_TIMEOUT)
        return done.status, (done.stdout + done.stderr).decode(errors="replace")

    return run


def _on_host(line: str, work: Path) -> tuple[int, str]:
    # This very program, installed or not, whatever else the caller's PATH has under its name.
    program = f'keyreel() {{ {shlex.quote(sys.executable)} -m harness "$@"; }}\n'
    source = str(Path(harness.__path__[0]).parent)
    path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        ["sh", "-c", program + line],
        cwd=work,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=COMMAND_TIMEOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def _prepare(work: Path) -> None:
    """The folder to back up, and two keys that nobody else can read."""
    letters = work / "letters"
    letters.mkdir(parents=True)
    for number in (1, 2, 3):
        text = f"Letter {number}: {PLAINTEXT}.\n" * 400 * number
        (letters / f"{number}.txt").write_text(text, encoding="utf-8")
    for name, label in (("right.key", LABEL), ("wrong.key", "somebody else's")):
        file = os.open(work / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w", encoding="ascii") as key:
            # The format of stenc's key files: the key in hex, then its label.
            key.write(f"{os.urandom(32).hex()}\n{label}")


def _play(
    console: Console, state: Path, names: dict[str, str], run: Runner, *, on_host: bool
) -> list[bool]:
    """The steps of one place; for each, whether all its commands did what they should."""
    results = []
    for number, step in enumerate(STORY, 1):
        if step.on_host is on_host:
            console.print(f"\n[bold cyan]{number}. {step.title}[/]")
            console.print(step.told, style="italic")
            results.append(all([_do(console, one, state, names, run) for one in step.commands]))
    return results


def _do(console: Console, command: Do, state: Path, names: dict[str, str], run: Runner) -> bool:
    line = command.line
    for name, value in names.items():
        line = line.replace(name, value)
    console.print(f"[bold]$ {_plain(line)}[/]".replace(str(state), "STATE"))
    status, output = run(line, state / "work")
    shown = output.rstrip().replace(str(state), "STATE")
    if shown:
        console.print(shown, markup=False)
    passed = command.passed(status, output)
    if not passed:
        wanted = "a failure" if command.fails else "success"
        console.print(
            f"[bold red]✗ expected {wanted} showing {list(command.shows)},"
            f" exit status was {status}[/]"
        )
    return passed


def _plain(text: str) -> str:
    """Text that rich shows as it is."""
    return text.replace("[", r"\[")


def _summary(console: Console, results: list[bool], seconds: float) -> None:
    table = Table(title="\nThe demo in one table", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("step")
    table.add_column("result")
    for number, (step, passed) in enumerate(zip(STORY, results, strict=True), 1):
        result = "[green]passed[/]" if passed else "[bold red]failed[/]"
        table.add_row(str(number), step.title, result)
    console.print(table)
    console.print(f"{sum(results)} of {len(results)} steps passed in {seconds:.0f} s")

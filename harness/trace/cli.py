"""keyreel trace: look at what a rig's units were asked and answered."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.trace.choosing import Choice


FILE = click.argument("file", type=click.Path(path_type=Path))
OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="The file to write.",
)
_CHOICE = (
    click.option("--unit", "units", multiple=True, metavar="U", help="Only that drive or changer."),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        metavar="K",
        help="Only that kind, such as command or key.",
    ),
    click.option(
        "--nexus", "nexuses", multiple=True, metavar="N", help="Only that nexus, such as host0."
    ),
    click.option(
        "--cdb", "commands", multiple=True, metavar="NAME", help="Only commands like write, or 0A."
    ),
    click.option("--errors", is_flag=True, help="Only commands that did not end with GOOD."),
    click.option("--from", "begin", type=float, default=0.0, metavar="T", help="From second T on."),
    click.option(
        "--to", "end", type=float, default=float("inf"), metavar="T", help="Up to second T."
    ),
)
Function = Callable[..., None]


def choosing(function: Function) -> Function:
    """Options by which records are chosen; the function gets a `Choice`."""

    def chosen(*, begin: float, end: float, errors: bool, **given: Any) -> None:
        from harness.trace.choosing import KINDS, Choice

        wanted = {key: given.pop(key) for key in ("units", "kinds", "nexuses", "commands")}
        for kind in wanted["kinds"]:
            if kind not in KINDS:
                raise click.BadParameter(f"{kind} is no kind: use {', '.join(KINDS)}")
        function(choice=Choice(**wanted, errors=errors, begin=begin, end=end), **given)

    chosen.__doc__, chosen.__name__ = function.__doc__, function.__name__
    command: Function = chosen
    for option in reversed(_CHOICE):
        command = option(command)
    return command


@click.group()
def trace() -> None:
    """Look at a trace of what units were asked and answered.

    keyreel run --trace FILE writes one. It holds no keys, but the beginnings of the blocks.
    """


@trace.command()
@FILE
@click.option("-v", "--verbose", is_flag=True, help="With all fields (they need scapy).")
@choosing
def show(file: Path, choice: Choice, verbose: bool) -> None:
    """Print a line for each command, and for what else happened.

    Seconds, unit, nexus, command, how it ended, the position after it (partition:object).
    """
    from harness.trace import looking

    sys.exit(looking.show(file, choice, verbose=verbose))


@trace.command("filter")
@FILE
@OUTPUT
@choosing
def filter_(file: Path, output: Path, choice: Choice) -> None:
    """Write a smaller trace."""
    from harness.trace import looking

    sys.exit(looking.write(file, output, choice))


@trace.command()
@FILE
@choosing
def stats(file: Path, choice: Choice) -> None:
    """Count commands, errors and bytes, and how long they took."""
    from harness.trace import looking

    sys.exit(looking.stats(file, choice))


@trace.command()
@FILE
@OUTPUT
@choosing
def export(file: Path, output: Path, choice: Choice) -> None:
    """Write a pcapng file for Wireshark, as if all went by iSCSI."""
    from harness.trace import exporting

    sys.exit(exporting.export(file, output, choice))


@trace.command()
@FILE
@click.argument("target")
@click.option("--ignore", multiple=True, metavar="NAME", help="Do not compare that, as product.")
@click.option(
    "--compare",
    multiple=True,
    metavar="NAME",
    help="Compare that, which is not by default, as log.",
)
@choosing
def replay(
    file: Path, target: str, choice: Choice, ignore: tuple[str, ...], compare: tuple[str, ...]
) -> None:
    """Send a trace's commands to TARGET, and compare the answers.

    TARGET is /dev/sg0, iscsi://host:port/iqn..., RIG.toml or RIG.toml:drive0. What is on its tape
    is overwritten where the trace writes. Keys are others than those that were traced, the same
    where they were the same.

    \b
    Exit status:
      0    all answers are the same, but for what is not compared
      1    some are not
      2    the command line or the trace is wrong
      125  the target cannot be reached
    """
    from harness.trace import ignoring, replay

    for name in (*ignore, *compare):
        if name not in ignoring.RULES:
            raise click.BadParameter(f"{name} is nothing: use {', '.join(ignoring.RULES)}")
    ignored = {*ignoring.DEFAULT, *ignore}.difference(compare)
    sys.exit(replay.replay(file, target, choice, frozenset(ignored)))

"""keyreel fault: what goes wrong on purpose in a rig that runs."""

from __future__ import annotations

from pathlib import Path

import click

JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, complete.")
STATE = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The state folder of a rig that runs (not needed inside keyreel run).",
)


@click.group()
def fault() -> None:
    """Have things go wrong in a rig that runs.

    As [[fault]] in its file does. Faults strike commands of hosts: a sense code, a hung command,
    lost power, a damaged block, a key source that is down. The rig's seed decides what is random.
    """


@fault.command("list")
@JSON
@STATE
def list_faults(as_json: bool, state: Path | None) -> None:
    """List the faults that are set, and how often each has struck.

    SEEN counts the commands that matched, STRUCK those that the fault struck.
    """
    from harness import faults

    faults.list_faults(state, as_json)


@fault.command()
@click.argument("kind")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@STATE
def add(kind: str, settings: tuple[str, ...], state: Path | None) -> None:
    """Set a fault of KIND, and print its name.

    \b
      keyreel fault add sense unit=drive0 'command=READ(6)' nth=2 code=3/11/00
      keyreel fault add hang unit=drive0 command=REWIND
      keyreel fault add tape-alert flags=3,20

    `keyreel fault kinds` tells the kinds and their keys. Several values of a key have commas
    between them.
    """
    from harness import faults

    faults.add(state, kind, settings)


@fault.command()
@click.argument("name")
@STATE
def remove(name: str, state: Path | None) -> None:
    """End the fault NAME.

    What hangs goes on, what it changed in a device is as it was. Damage to a tape stays.
    """
    from harness import faults

    faults.remove(state, name)


@fault.command()
def kinds() -> None:
    """List the kinds and their keys, and the keys of any fault."""
    from harness import faults

    faults.kinds()


@fault.command()
def defects() -> None:
    """List the defects that a drive can be given (kind defect)."""
    from harness import faults

    faults.defects()

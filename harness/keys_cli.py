"""keyreel keys: what is in a keystore, but for the values of keys, and whether its log is true."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, a line for each.")


def _reach(function: _Function) -> _Function:
    """The options that say which keystore, and how it is opened."""
    for option in (
        click.option("--library", metavar="NAME", help="Of that folder, if it has several."),
        click.option(
            "--state",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="The keystore of a library in this state folder of a rig.",
        ),
        click.option(
            "--master-key", type=FILE, help="With --store (default: master.key beside the file)."
        ),
        click.option("--passphrase-file", type=FILE, help="File with the keystore's passphrase."),
        click.option(
            "--store",
            metavar="URL",
            help="The keystore at sqlite:////folder/keys.sqlite or postgresql://host/database.",
        ),
    ):
        function = option(function)
    return function


@click.group()
def keys() -> None:
    """Look into the keystore of a key manager.

    No command shows the value of a key. A keystore of an earlier version is brought up to date
    whenever it is opened.

    \b
    Exit status:
      0    done
      1    the audit log is not what was written
      2    the keystore cannot be opened
    """


@keys.command("list")
@_reach
@click.option("--realm", metavar="REALM", help="Of one key manager only.")
@JSON
def list_keys(realm: str | None, as_json: bool, **where: Any) -> None:
    """List the keys: realm, name, state, time of making, attributes."""
    from harness import keys as doing

    sys.exit(doing.list_keys(doing.Where(**where), realm, as_json))


@keys.command()
@_reach
def migrate(**where: Any) -> None:
    """Bring the keystore up to date, and say which version it has.

    Opening it does so too.
    """
    from harness import keys as doing

    sys.exit(doing.migrate(doing.Where(**where)))


@keys.group()
def audit() -> None:
    """The audit log: everything that was done with keys."""


@audit.command()
@_reach
def verify(**where: Any) -> None:
    """Check that no entry was changed, put in, taken out or cut off.

    Exit status 1 when one was; the first of them is named.
    """
    from harness import keys as doing

    sys.exit(doing.verify(doing.Where(**where)))


@audit.command("show")
@_reach
@click.option("--after", default=0, metavar="NUMBER", help="Only entries behind that one.")
@JSON
def show_entries(after: int, as_json: bool, **where: Any) -> None:
    """Print the entries: number, time, realm, event, details."""
    from harness import keys as doing

    sys.exit(doing.show_entries(doing.Where(**where), after, as_json))

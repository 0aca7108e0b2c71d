"""How the commands for operators are declared: each knows its call, and takes the same options.

Loaded for every help text, so what the commands do is in `harness.operating`, loaded when one runs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from keymgr.secret import Secret

_Function = TypeVar("_Function", bound=Callable[..., Any])

JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, complete.")
FILE = click.Path(path_type=Path)
PASSWORDS = "Passwords are asked for on the terminal; else standard input has them, a line each."


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None:
        context.meta[f"keyreel.{parameter.name}"] = value


def _state() -> click.Option:
    return click.Option(
        ["--state"],
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="The state folder of a rig that runs (not needed inside keyreel run).",
        callback=_remember,
        expose_value=False,
    )


def _library() -> click.Option:
    return click.Option(
        ["--library"],
        metavar="NAME",
        help="Which one, where there are several.",
        callback=_remember,
        expose_value=False,
    )


class Call(click.Command):
    """A command; ``calls`` are those of `target.control_calls` that it makes.

    ``reach`` are options that say where the library is, the same before and behind the name.
    """

    reach: tuple[Callable[[], click.Option], ...] = (_state, _library)

    def __init__(self, *arguments: Any, call: str, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.calls = call.split()
        self.params += [option() for option in self.reach]


class Operating(click.Group):
    """A group of such commands, and of groups of them."""

    command_class: type[Call] = Call
    group_class = type

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.params += [option() for option in self.command_class.reach]


class RigCall(Call):
    """A command for the whole rig: no library is named."""

    reach = (_state,)


class OperatingRig(Operating):
    """A group of those."""

    command_class = RigCall


def password_file(
    name: str = "password",
    help: str = "Read the password from FILE.",
    *,
    several: bool = False,
) -> Callable[[_Function], _Function]:
    """An option for a file with a password."""
    return click.option(
        f"--{name}-file", type=FILE, metavar="FILE", help=f"{help} Mode 0600.", multiple=several
    )


def ask(call: str, **arguments: Any) -> Any:
    """As `harness.operating.ask`."""
    from harness import operating

    return operating.ask(call, **arguments)


def show(value: Any, as_json: bool, **columns: str) -> None:
    """As `harness.operating.show`."""
    from harness import operating

    operating.show(value, as_json, **columns)


def password(what: str, file: Path | None, *, new: bool = False) -> Secret:
    """As `harness.operating.password`."""
    from harness import operating

    return operating.password(what, file, new=new)

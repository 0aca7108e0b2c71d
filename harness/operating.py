"""What the commands for operators have in common: where the library is, passwords, answers shown.

The token of a session is kept beside the socket, in a file of the user's own, so that a login holds
for the commands that follow.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.control import VARIABLE, Control, Kind, Refusal
from harness.private_files import FileRefused
from keymgr.private_file import LONGEST_PASSWORD, NotPrivate, read_password
from keymgr.secret import Secret
from target.files import replace_json

STATE, LIBRARY = "keyreel.state", "keyreel.library"
"""Of click's context: what the options say."""
_TIMES = {"time", "last", "created", "made"}
"""Keys of values that are seconds since 1970."""

_Result = TypeVar("_Result")


def ask(call: str, **arguments: Any) -> Any:
    """Do a call in the session of the last login. Raises click.ClickException."""
    path, library = _where()
    tokens = Tokens(path)
    token = tokens.of(library)
    with Control(path, library=library, token=token) as control:
        try:
            return control.call(call, **arguments)
        except Refusal as refusal:
            if refusal.kind is Kind.LOGIN and token is not None:
                tokens.forget(token)
            raise click.ClickException(str(refusal)) from None
        finally:
            _wipe(arguments.values())


def login(user: str, password: Secret) -> str:
    """Begin a session for the commands that follow; the library's name."""
    path, library = _where()
    try:
        with Control(path, library=library) as control:
            answer = control.call("login", user=user, password=password)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from None
    finally:
        password.wipe()
    Tokens(path).keep(answer["library"], answer["token"])
    return str(answer["library"])


def logout() -> None:
    """End the session."""
    path, library = _where()
    tokens = Tokens(path)
    token = tokens.of(library)
    ask("logout")
    tokens.forget(token)


class Tokens:
    """The tokens of this user's sessions, by library, in a file beside the socket."""

    def __init__(self, socket: Path) -> None:
        self.path = socket.with_name(f"{socket.name}.{os.getuid()}.token")
        try:
            known = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        self._known: dict[str, str] = known if isinstance(known, dict) else {}

    def of(self, library: str | None) -> str | None:
        """The token for a library, None: for the only one that there is."""
        if library is None and len(self._known) > 1:
            names = ", ".join(self._known)
            raise click.UsageError(f"there are several libraries, say with --library: {names}")
        return next((one for name, one in self._known.items() if library in (None, name)), None)

    def keep(self, library: str, token: str) -> None:
        """Remember one."""
        self._save({**self._known, library: token})

    def forget(self, token: str | None) -> None:
        """The session has ended."""
        self._save({name: one for name, one in self._known.items() if one != token})

    def _save(self, tokens: dict[str, str]) -> None:
        self._known = tokens
        try:
            replace_json(self.path, tokens)
        except OSError as error:
            raise click.ClickException(
                f"the session cannot be kept in {self.path}: {error.strerror}"
            ) from None


def _where() -> tuple[Path, str | None]:
    """The socket, and the library that was named."""
    meta = click.get_current_context().meta
    state: Path | None = meta.get(STATE)
    if state is not None:
        return state / "run" / "control", meta.get(LIBRARY)
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]), meta.get(LIBRARY)
    raise click.UsageError(
        "say where the rig runs: --state DIR with the folder that keyreel run or keyreel serve"
        " was given"
    )


# --- passwords and files ---------------------------------------------------------------------


def password(what: str, file: Path | None, *, new: bool = False) -> Secret:
    """One from a file, else from the terminal without echo, else a line of standard input.

    ``new``: one that is set now, so it is typed twice. Raises click.ClickException.
    """
    _where()  # Nobody is to type a password for nothing.
    if file is not None:
        return tried(read_password, file)
    return Secret(_line(what, hidden=True, twice=new))


def confirmed(what: str) -> str:
    """A text from the terminal, else a line of standard input. Raises click.ClickException."""
    return _line(what).decode(errors="replace")


def _line(what: str, *, hidden: bool = False, twice: bool = False) -> bytes:
    if sys.stdin.isatty():
        typed: str = click.prompt(
            what,
            default="",
            hide_input=hidden,
            show_default=False,
            confirmation_prompt=twice,
            err=True,
        )
        return typed.encode()
    line = sys.stdin.buffer.readline(LONGEST_PASSWORD)
    if not line:
        raise click.ClickException(
            f"the {what[0].lower()}{what[1:]} is missing: write it to standard input, on a line of"
            " its own, or see --help"
        )
    return line.removesuffix(b"\n")


def copied(secret: Secret) -> Secret:
    """The same once more: each call overwrites its own."""
    return Secret(secret.reveal())


def tried(function: Callable[..., _Result], *arguments: Any) -> _Result:
    """What the function gives. Raises click.ClickException where a file will not do."""
    try:
        return function(*arguments)
    except (FileRefused, NotPrivate) as error:
        raise click.ClickException(str(error)) from None


def _wipe(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, Secret):
            value.wipe()
        elif isinstance(value, list | tuple):
            _wipe(value)


# --- answers ---------------------------------------------------------------------------------


def show(value: Any, as_json: bool, **columns: str) -> None:
    """An answer: a row for each of a list, else a line for each field.

    ``columns``: titles by key, in their order; none: all that there are.
    """
    if as_json:
        click.echo(json.dumps(value, indent=2))
    elif isinstance(value, list):
        titles = columns or {key: key.replace("_", " ") for row in value[:1] for key in row}
        _table(
            [title.replace("_", " ") for title in titles.values()],
            [[_text(key, row.get(key)) for key in titles] for row in value],
        )
    else:
        titles = columns or {key: key.replace("_", " ") for key in value}
        width = max(map(len, titles.values()))
        for key, title in titles.items():
            click.echo(f"{title.replace('_', ' '):{width}}  {_text(key, value.get(key))}")


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if sys.stdout.isatty():
        # Loaded here because scripts do not wait for it.
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0))
        for title in titles:
            table.add_column(title, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        Console(highlight=False).print(table)
        return
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _text(key: str, value: Any) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and key in _TIMES:
        return moment(value)
    if isinstance(value, list):
        return ", ".join(_text("", one) for one in value)
    if isinstance(value, dict):
        return " ".join(_text(part, one) for part, one in value.items())
    return str(value)


def moment(seconds: float) -> str:
    """A time (seconds since 1970) as people here write it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))

"""What keyreel fault does: calls of the bench of a rig that runs, and the tables of kinds."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from harness.control import VARIABLE, Control, Kind, Refusal
from harness.operating import show
from target.control_calls import LARGEST_NUMBER
from target.faults.kinds import KINDS, REQUIRED, Option
from target.faults.plans import WHEN

_TYPES: dict[type[Any], str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    tuple: "texts",
}
_FLAGS = {"true": True, "false": False, "yes": True, "no": False}
_WIDTH = 100


def list_faults(state: Path | None, as_json: bool) -> None:
    """Print what there is."""
    found = _ask(state, "rig.faults")
    if as_json:
        show(found, as_json)
        return
    rows = [
        {**one, "command": list(one["command"]) or "any", "options": _options(one["options"])}
        for one in found
    ]
    titles = {key: key for key in ("name", "unit", "command", "struck", "seen", "options")}
    show(rows, as_json, **titles)


def _options(options: dict[str, Any]) -> str:
    said = {key: value for key, value in options.items() if value not in (None, False)}
    return " ".join(f"{key}={_written(value)}" for key, value in said.items())


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def add(state: Path | None, kind: str, settings: Sequence[str]) -> None:
    """Set one, and print its name."""
    known = {option.name: option for option in WHEN}
    if kind in KINDS:
        known |= {option.name: option for option in KINDS[kind].options}
    table: dict[str, Any] = {"kind": kind}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{setting!r} is no setting: write KEY=VALUE, such as nth=2")
        if key in table:
            raise click.UsageError(f"{key} is given twice: leave {setting} out")
        table[key] = _value(known[key], value) if key in known else value
    click.echo(_ask(state, "rig.add_fault", fault=table))


def _value(option: Option, text: str) -> Any:
    """What was written, as a rig file has it; as it is where it will not do."""
    try:
        if option.type is tuple:
            return text.split(",")
        if option.type is bool:
            return _FLAGS.get(text.lower(), text)
        value = option.type(text)
    except ValueError:
        return text
    if option.type is int and abs(value) > LARGEST_NUMBER:
        raise click.UsageError(f"{option.name}: {value} will not do: at most {LARGEST_NUMBER}")
    return value


def remove(state: Path | None, name: str) -> None:
    """End one."""
    _ask(state, "rig.remove_fault", name=name)


def kinds() -> None:
    """Print the table of kinds."""
    for kind in KINDS.values():
        click.echo(_paragraph(f"{kind.name:15} ", kind.text))
        _print_options(kind.options)
        click.echo()
    click.echo("Keys of any fault:")
    _print_options(WHEN)


def _print_options(options: Iterable[Option]) -> None:
    for option in options:
        click.echo(_paragraph(f"  {option.name:13} ", describe(option)))


def describe(option: Option) -> str:
    """What an option is, and what it is by default."""
    kind = ", ".join(option.choices) or _TYPES[option.type]
    if option.default is REQUIRED:
        usual = "must be given"
    elif option.default in (None, (), False):
        usual = ""
    else:
        usual = f"by default {_written(option.default)}"
    return "; ".join(filter(None, (f"{option.text} ({kind})", usual)))


def _paragraph(head: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def defects() -> None:
    """Print the table of defects."""
    from target.faults.defects import DEFECTS

    rows = [{"name": one.name, "what": one.text} for one in DEFECTS.values()]
    show(rows, False, name="defect", what="what the drive does wrong")


def _ask(state: Path | None, call: str, **arguments: Any) -> Any:
    """The answer of the bench. Raises click.ClickException."""
    with Control(_socket(state)) as control:
        try:
            return control.call(call, **arguments)
        except Refusal as refusal:
            text = str(refusal)
            if refusal.kind is Kind.UNREACHABLE:
                text = f"no rig runs at {control.path}: start it, or name its folder, --state DIR"
            raise click.ClickException(text) from None


def _socket(state: Path | None) -> Path:
    if state is not None:
        return state / "run" / "control"
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    raise click.UsageError(
        "say where the rig runs: --state DIR with the folder that keyreel run or keyreel serve"
        " was given"
    )

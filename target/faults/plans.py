"""From the table of a fault, as rig files and callers write it, to a plan that is right.

    {"kind": "sense", "unit": "drive0", "command": "READ(6)", "nth": 2, "code": "3/11/00"}

Whatever is wrong is a ValueError: the key, and one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from target.faults import answers, device
from target.faults.fault import PROTOCOLS
from target.faults.kinds import KINDS, REQUIRED, Kind, Option
from target.plan import FaultPlan

WHEN: tuple[Option, ...] = (
    Option("name", str, None, "by which it is removed; by default the kind and a number"),
    Option("unit", str, "*", "a drive, a changer or a library; *: each of them, for itself"),
    Option("command", tuple, (), "names of the standard, or hex such as 0A, A3/0C; none: any"),
    Option("nth", int, 1, "the first that strikes, of the commands that match since it was set"),
    Option("every", int, 1, "from that one on, each second, third ...; 1: all"),
    Option("times", int, None, "how often in all; 0: for ever; 1 for most kinds"),
    Option("probability", float, 1.0, "of each of those, by the rig's seed"),
    Option("nexus", str, None, "commands of that initiator alone"),
    Option("after", float, 0.0, "seconds in which nothing matches"),
)
"""The keys of every fault, beside kind and the options of that."""
_LEAST = {"nth": 1, "every": 1, "times": 0, "after": 0}
MOST = 2**31 - 1
"""Of any number: seconds that nobody can wait for are none."""


class FaultError(ValueError):
    """A fault is none; ``key`` says where, the text is one sentence without it."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(f"{key}: {text}")
        self.key = key
        self.text = text


def plan_of(table: Mapping[str, Any], taken: Iterable[str] = ()) -> FaultPlan:
    """The plan that a table asks for; ``taken``: names that others have. Raises FaultError."""
    kind = _kind(table)
    values = {option.name: _value(table, option) for option in WHEN}
    options = {option.name: _value(table, option) for option in kind.options}
    known = ["kind", *values, *options]
    for key in table:
        if key not in known:
            raise FaultError(key, f"is not known: use {', '.join(known)} or remove it")
    for key, least in _LEAST.items():
        try:
            _at_least(least)(values[key])
        except ValueError as error:
            raise FaultError(key, str(error)) from None
    if not 0 < values["probability"] <= 1:
        raise FaultError("probability", f"{values['probability']} will not do: above 0, at most 1")
    for name in values["command"]:
        parse_command(name)
    for name, check in _CHECKS.get(kind.name, {}).items():
        try:
            check(options[name])
        except ValueError as error:
            raise FaultError(name, str(error)) from None
    if values["times"] is None:
        values["times"] = kind.times
    values["name"] = _name(values["name"], kind, set(taken))
    return FaultPlan(kind=kind.name, options=options, **values)


def _kind(table: Mapping[str, Any]) -> Kind:
    name = table.get("kind")
    if name is None:
        raise FaultError("kind", f"is missing: add it, one of {', '.join(KINDS)}")
    if name not in KINDS:
        raise FaultError("kind", f"{name!r} will not do: use one of {', '.join(KINDS)}")
    return KINDS[name]


def _name(given: str | None, kind: Kind, taken: set[str]) -> str:
    if given is None:
        return next(
            name for n in range(1, len(taken) + 2) if (name := f"{kind.name}-{n}") not in taken
        )
    if not given or not given.isprintable():
        raise FaultError("name", f"{given!r} will not do: write a text that can be printed")
    if given in taken:
        raise FaultError("name", f"{given!r} is used twice: give each fault one of its own")
    return given


def _value(table: Mapping[str, Any], option: Option) -> Any:
    value = table.get(option.name)
    if value is None:
        if option.default is REQUIRED:
            raise FaultError(option.name, f"is missing: add it: {option.text}")
        return option.default
    if option.type is tuple:
        several = value if isinstance(value, list | tuple) else (value,)
        if not several or not all(type(one) in (str, int) for one in several):
            raise FaultError(option.name, f"{value!r} will not do: write a text or a list of texts")
        value = tuple(map(str, several))
    elif option.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, option.type) or (option.type is int and isinstance(value, bool)):
        raise FaultError(option.name, f"{value!r} will not do: write {_WORDS[option.type]}")
    for one in (value if option.type is tuple else (value,)) if option.choices else ():
        if one not in option.choices:
            raise FaultError(option.name, f"{one!r} will not do: use {', '.join(option.choices)}")
    return value


_WORDS: dict[type[Any], str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


# --- commands ----------------------------------------------------------------------------------


@cache
def _commands() -> dict[str, tuple[int, int | None]]:
    """Opcode and service action by the standard's names, upper case."""
    from target.library import commands as changer
    from target.tape import commands as tape

    rows = (*tape.COMMANDS, *changer.COMMANDS)
    return {row.name.upper(): (row.opcode, row.service_action) for row in rows}


def parse_command(text: str) -> tuple[int, int | None]:
    """Opcode, and byte 1 where that matters. Raises FaultError."""
    known = _commands().get(text.upper().strip())
    if known is not None:
        return known
    opcode, slash, second = text.partition("/")
    try:
        number, action = int(opcode, 16), int(second, 16) if slash else None
        bytes((number, action or 0))
        if action is not None and action > 0x1F and number not in PROTOCOLS:
            raise ValueError
    except ValueError:
        raise FaultError(
            "command",
            f"{text!r} is no command: write the standard's name, READ(6), or opcode and service"
            " action in hex, 0A or A3/0C",
        ) from None
    return number, action


def _defect(name: str) -> None:
    from target.faults.defects import DEFECTS

    if name not in DEFECTS:
        raise ValueError(f"{name!r} is no defect: see `keyreel fault defects`")


def _at_least(least: int) -> Callable[[Any], None]:
    def check(value: float | None) -> None:
        if value is None:
            return
        if not value >= least:  # which is so of nan, too
            raise ValueError(f"{value} will not do: write {least} or more")
        if value > MOST:
            raise ValueError(f"{value} will not do: write {MOST} or less")

    return check


_CHECKS: dict[str, dict[str, Callable[[Any], object]]] = {
    "sense": {"code": answers.code_of},
    "slow": {"seconds": _at_least(0)},
    "bit-flip": {"bits": _at_least(1), "object": _at_least(0), "partition": _at_least(0)},
    "torn": {"object": _at_least(0), "partition": _at_least(0)},
    "remove-medium": {"back_after": _at_least(0)},
    "firmware": {"revision": device.check_revision},
    "tape-alert": {"flags": device.check_flags},
    "key-source": {"seconds": _at_least(0)},
    "defect": {"defect": _defect},
}
"""What options of a kind have to be beside their type: raises ValueError."""

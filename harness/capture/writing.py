"""A model's file: what differs from its base, and in comments what no answer told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from harness.capture.draft import Draft
from harness.capture.fitting_pages import still_alike
from target.personality_schema import SCHEMA

WIDTH = 96
_SERIAL = re.compile(r"[0-9A-Z]{10}")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WHOLE = ("modes", "sense", "buffers", "algorithms")
"""Tables whose entries are written in one line each."""
UNSEEN = (
    "how long it takes to move, quirks, sense codes of its own, what it does on a wrong key, which"
    " values a mode page takes, and what becomes of counters"
)


def write(draft: Draft, source: str) -> str:
    """The text of the file; ``source``: what was captured."""
    differences = [name for name in draft.differences() if not _of_state(draft, name)]
    count = len(draft.answers)
    lines = [
        *_comment(f"What {source} answered, captured by `keyreel personality capture`."),
        *_comment(
            f"A drive of this model gives {count - len(differences)} of {count} answers alike"
            + (f"; otherwise: {_gathered(differences)}." if differences else ".")
        ),
        *_comment(f"Of the base, because no answer tells it: {UNSEEN}."),
        *(line for note in draft.notes for line in _comment(f"Not captured: {note}.")),
        "#",
        "# In a rig file:",
        "#",
        "#     [[drive]]",
        '#     name = "drive0"',
        '#     model = "FILE.toml"       # the path of this file, from that of the rig file',
        *_serial(draft.serial),
        *([f'#     compression = "{draft.compression}"'] if draft.compression != "off" else []),
        "",
        f"base = {_value(draft.base)}",
    ]
    for name in SCHEMA.rules:
        lines += _table(name, draft.tables.get(name, {}), draft.base_tables.get(name, {}))
    return "\n".join(lines) + "\n"


def _serial(serial: str) -> list[str]:
    """The line with the serial number, where a rig takes it."""
    if _SERIAL.fullmatch(serial):
        return [f"#     serial = {_value(serial)}"]
    return [
        f"#     # Its serial number was {_value(serial)}; those in rigs have ten of 0-9 and A-Z."
    ]


def _gathered(names: list[str]) -> str:
    """Names of questions, the kind of each said once."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kind, _, rest = name.partition(" ")
        kinds.setdefault(kind, []).append(rest)
    return "; ".join(f"{kind} {', '.join(rest)}".rstrip() for kind, rest in kinds.items())


def _of_state(draft: Draft, name: str) -> bool:
    """Whether an answer differs in what tells the state of the drive alone."""
    kind, _, rest = name.partition(" ")
    return kind == "mode" and rest != "list" and still_alike(draft, rest.split(" ")[0])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, WIDTH, break_on_hyphens=False)]


def _table(path: str, own: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[str]:
    """A table's lines, those of the tables in it behind it; nothing where all is as in the base."""
    plain: list[str] = []
    inner: list[str] = []
    for key in sorted({*own, *base}):
        if key not in own:
            # Taken away; what is no entry of a map is always there.
            plain.append(f"{_key(key)} = false")
        elif isinstance(own[key], dict) and path.rpartition(".")[2] not in _WHOLE:
            inner += _table(f"{path}.{key}", own[key], base.get(key, {}))
        elif key not in base or own[key] != base[key]:
            value = own[key]
            if isinstance(value, dict) and isinstance(base.get(key), dict):
                value = {name: one for name, one in value.items() if base[key].get(name) != one}
            plain.append(f"{_key(key)} = {_value(value)}")
    if plain:
        yield from ("", f"[{path}]", *plain)
    yield from inner


def _key(key: str) -> str:
    return (
        key if _BARE.fullmatch(key) and not key[0].isdigit() and not key.isupper() else f'"{key}"'
    )


def _value(value: Any) -> str:
    """A value in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"0x{value:X}" if value > 0xFFFFFF else str(value)
    if isinstance(value, str):
        escaped = "".join(
            f"\\u{ord(c):04X}" if not c.isprintable() else "\\" + c if c in '"\\' else c
            for c in value
        )
        return f'"{escaped}"'
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return f"[{', '.join(map(_value, value))}]"

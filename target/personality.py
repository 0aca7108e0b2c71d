"""Personalities: what one drive model is, read from `personalities/<vendor>/<model>.toml`.

A file may name others as its ``base``: one, or a list whose later ones win. Tables are merged, the
model's own values win, and false takes an entry of a base away. Files whose name starts with an
underscore are bases, not models. A name that ends with .toml is the path of a file that is
anywhere, such as a captured one; its bases are those here. Code asks a personality; it never asks
which vendor it is. What may stand in a file is said in `target.personality_schema`, and in
docs/adding-a-model.md.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from target import personality_schema as schema

FOLDER = Path(__file__).parent / "personalities"
SUFFIX = ".toml"


@dataclass(frozen=True)
class Personality:
    """One model. The dictionaries are the tables of its file, bases merged in."""

    name: str
    inquiry: dict[str, Any]
    """vendor, product, revision, version; length of the standard data, its version descriptors,
    and vendor-specific bytes by number, where they are not the usual ones."""
    limits: dict[str, int]
    """max_block, min_block, sense_length; bytes."""
    media: dict[str, Any]
    """native format; formats that it reads and writes, the preferred first, or only reads; medium
    type bytes by kind of cartridge where they do not tell the generation."""
    timeouts: dict[str, int]
    """Seconds by the name in the command table, or of one command by its code in hex."""
    vpd: dict[str, Any]
    """naa_prefix: NAA 5 and the company id; pages: by code in hex true, or what is in them."""
    commands: dict[str, bool]
    """The commands that the model has, by opcode, or opcode and service action, in hex."""
    modes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The mode pages that the model has, by page code in hex, and what differs in them."""
    logs: dict[str, bool | str] = field(default_factory=dict)
    """The log pages that the model has, by page code in hex; whose they are where makers differ, or
    their parameters in hex."""
    attributes: dict[str, Any] = field(default_factory=dict)
    """Attributes of the cartridge memory that differ from the usual, see `target.tape.mam`."""
    sense: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The maker's own codes by the name of a condition, see `target.scsi.sense.own_codes`."""
    encryption: dict[str, Any] = field(default_factory=dict)
    """Empty where the model cannot encrypt."""
    reservations: dict[str, Any] = field(default_factory=dict)
    """What differs from `target.scsi.registrations.Capabilities`."""
    diagnostics: dict[str, Any] = field(default_factory=dict)
    """dump: whether IBM's diagnostic page that forces a dump is there."""
    buffers: dict[str, Any] = field(default_factory=dict)
    """Of READ BUFFER and WRITE BUFFER, by id in hex: size in bytes, boundary, dump."""
    timing: dict[str, float] = field(default_factory=dict)
    """What takes how long, see `target.tape.timing.Table`."""
    quirks: dict[str, Any] = field(default_factory=dict)
    """What the model does otherwise than most."""

    def timeout(self, name: str, command: str = "") -> int:
        """Recommended timeout in seconds, of that name, unless the command has one of its own."""
        own = self.timeouts.get(command)
        return self.timeouts.get(name, self.timeouts["short"]) if own is None else own


def models() -> list[str]:
    """The names of all models, sorted."""
    paths = FOLDER.glob("*/*.toml")
    return sorted(
        f"{path.parent.name}/{path.stem}" for path in paths if not path.stem.startswith("_")
    )


def load(name: str) -> Personality:
    """The model of that name; read once, so nobody changes what is in it. A path is read anew.

    ValueError says how to list the models, or in a sentence what is wrong with the file.
    """
    if is_path(name):
        return Personality(name=name, **read(name))
    return _load(FOLDER, name)


def is_path(name: str) -> bool:
    """Whether that is a file of a user's own, and no name of a model."""
    return name.endswith(SUFFIX)


@cache
def _load(folder: Path, name: str) -> Personality:
    if name not in models():
        raise ValueError(f"there is no drive model {name!r}: `keyreel personality list` shows all")
    return Personality(name=name, **read(name))


def read(name: str, rules: schema.Table = schema.SCHEMA) -> dict[str, Any]:
    """The tables of a model's file, its bases merged in, as the schema wants them. ValueError."""
    tables = schema.drop(_read(name, (), rules), rules)
    schema.require(_file(name), tables, rules)
    return tables


def bases(own: dict[str, Any]) -> list[str]:
    """The names that a file gives as its ``base``, the one that wins last."""
    base = own.get("base", [])
    return [base] if isinstance(base, str) else list(base)


def _file(name: str) -> str:
    return name if is_path(name) else name + SUFFIX


def _read(name: str, above: tuple[str, ...], rules: schema.Table) -> dict[str, Any]:
    """A file's tables with those of its bases; ``above``: the files that led to it."""
    file = _file(name)
    if above and (is_path(name) or name in above or not (FOLDER / file).is_file()):
        raise ValueError(f"{_file(above[-1])}: base {name!r} will not do, name another file here")
    try:
        path = Path(file) if is_path(name) else FOLDER / file
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror}), name another file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: this is not TOML, {error}") from None
    schema.check(file, own, rules)
    merged: dict[str, Any] = {}
    for base in bases(own):
        merged = _merge(merged, _read(base, (*above, name), rules))
    own.pop("base", None)
    return _merge(merged, own)


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merge(old, value)
        else:
            merged[key] = value
    return merged

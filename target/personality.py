"""Personalities: what one drive model is, read from `personalities/<vendor>/<model>.toml`.

A file may name another one as its ``base``; tables are merged, the model's own values win. Files
whose name starts with an underscore are bases, not models. Code asks a personality; it never asks
which vendor it is.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "personalities"
_OPTIONAL = (
    "modes", "commands", "quirks", "attributes", "diagnostics", "buffers", "reservations", "sense",
    "timing",
)  # fmt: skip


@dataclass(frozen=True)
class Personality:
    """One model. The dictionaries are the tables of its file, bases merged in."""

    name: str
    inquiry: dict[str, Any]
    """vendor, product, revision, version."""
    limits: dict[str, int]
    """max_block, min_block, sense_length; bytes."""
    media: dict[str, Any]
    """native generation; generations that it reads and writes, or only reads."""
    timeouts: dict[str, int]
    """Seconds by the name in the command table."""
    encryption: dict[str, Any]
    vpd: dict[str, int]
    modes: dict[str, dict[str, int]]
    """Field values of mode pages that differ from the usual, by page code in hex."""
    commands: dict[str, bool]
    """The commands that the model has, by opcode, or opcode and service action, in hex."""
    quirks: dict[str, Any]
    """What the model does otherwise than most."""
    attributes: dict[str, Any]
    """Attributes of the cartridge memory that differ from the usual, see `target.tape.mam`."""
    diagnostics: dict[str, Any]
    """dump: whether IBM's diagnostic page that forces a dump is there."""
    buffers: dict[str, Any]
    """Of READ BUFFER and WRITE BUFFER, by id in hex: size in bytes, boundary, dump."""
    reservations: dict[str, Any]
    """What differs from `target.scsi.registrations.Capabilities`."""
    timing: dict[str, float]
    """What takes how long, see `target.tape.timing.Table`."""
    sense: dict[str, dict[str, Any]]
    """The maker's own codes by the name of a condition, see `target.scsi.sense.own_codes`."""

    def timeout(self, name: str) -> int:
        """Recommended command timeout in seconds."""
        return self.timeouts.get(name, self.timeouts["short"])


def models() -> list[str]:
    """The names of all models, sorted."""
    paths = FOLDER.glob("*/*.toml")
    return sorted(
        f"{path.parent.name}/{path.stem}" for path in paths if not path.stem.startswith("_")
    )


def load(name: str) -> Personality:
    """The model of that name; ValueError names the ones there are."""
    if name not in models():
        raise ValueError(f"there is no drive model {name!r}; known: {', '.join(models())}")
    tables = _read(name)
    tables.pop("base", None)
    optional = {key: tables.pop(key, {}) for key in _OPTIONAL}
    return Personality(name=name, **optional, **tables)


def _read(name: str) -> dict[str, Any]:
    own = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return _merge(_read(own["base"]), own) if "base" in own else own


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        old = base.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) else value
    return merged

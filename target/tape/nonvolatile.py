"""What a drive remembers without power: one small JSON file.

The file is replaced whole, so a kill leaves the old or the new one. A drive without a file (in
tests, or with a state folder that is thrown away) begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from target.files import replace_json


@dataclass
class Lifetime:
    """Counters over the drive's life."""

    load_cycles: int = 0
    cleanings: int = 0
    power_cycles: int = 0
    bytes_since_clean: int = 0
    """Read and written, as stored on the medium, since the drive was cleaned."""
    bytes_written: int = 0
    bytes_read: int = 0
    write_errors: int = 0
    read_errors: int = 0
    seconds_on: float = 0.0
    """With power, up to when this was last saved."""
    seconds_moving: float = 0.0
    """In motion; none where operations take no time."""
    moving_by_medium: dict[str, float] = field(default_factory=dict)
    """The same by density code and medium type, in hex ("5E88")."""
    moving_at_cleaning: list[float] = field(default_factory=list)
    """``seconds_moving`` at the last three cleanings, the latest first."""
    moving_at_incompatible: float = 0.0
    """The same when a volume that this drive cannot use was last loaded."""
    metres: float = 0.0
    """Tape that went over the heads."""


def load(path: Path | None) -> dict[str, Any]:
    """Read the file; nothing where there is none. ValueError names a file that is not one."""
    if path is None or not path.exists():
        return {}
    try:
        memory = json.loads(path.read_text(encoding="utf-8"))
        # Version 1 had these two counters and nothing else.
        if "load_cycles" in memory:
            memory = {"lifetime": memory}
        Lifetime(**memory.get("lifetime", {}))
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is not a drive's state: remove it to start anew") from error
    return dict(memory)


def save(path: Path | None, memory: Mapping[str, Any]) -> None:
    """Replace the file."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_json(path, memory)

"""Small files that must be the old or the new one after a kill, never half of each."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keymgr.files import sync_folder


def replace_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file beside, make it durable and rename it; only its owner may read it."""
    new = path.with_suffix(".new")
    write_json(new, values, durable=True)
    os.replace(new, path)
    sync_folder(path.parent)


def write_json(path: Path, values: Mapping[str, Any], *, durable: bool) -> None:
    """Write a JSON file that only its owner may read."""
    with open(path, "w", encoding="utf-8", opener=_private) as file:
        # One write: indented output comes in hundreds of pieces.
        file.write(json.dumps(values, indent=1))
        if durable:
            file.flush()
            os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)

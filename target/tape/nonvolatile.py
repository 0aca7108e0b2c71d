"""What a drive remembers without power: a few counters in one small file.

The file is replaced whole, so a kill leaves the old or the new one. A drive without a file (in
tests, or with a state folder that is thrown away) counts from zero.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from target.files import replace_json


@dataclass
class NonVolatile:
    """Counters over the drive's life."""

    load_cycles: int = 0
    bytes_since_clean: int = 0
    """Read and written, as stored on the medium, since the drive was cleaned."""

    @classmethod
    def load(cls, path: Path | None) -> NonVolatile:
        """Read the file; zeros where there is none. ValueError names a file that is not one."""
        if path is None or not path.exists():
            return cls()
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a drive's state: remove it to start anew") from error

    def save(self, path: Path | None) -> None:
        """Replace the file."""
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_json(path, asdict(self))

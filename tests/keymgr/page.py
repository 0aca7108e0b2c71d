"""The package that docs/key-sources.md shows: its files as they stand on the page."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

PAGE = Path(__file__).resolve().parents[2] / "docs" / "key-sources.md"
FILES = ("keyreel_drawer.py", "pyproject.toml")


def listing(name: str) -> str:
    """The indented lines behind "`name`:"."""
    _, found, rest = PAGE.read_text(encoding="utf-8").partition(f"`{name}`:\n")
    assert found, f"the page shows no {name}"
    block = re.match(r"(?:\n|    .*\n)+", rest)
    assert block, f"nothing stands behind {name}"
    return dedent(block[0]).strip("\n") + "\n"


def unpack(folder: Path) -> None:
    """Put the package's files into a new folder."""
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(listing(name), encoding="utf-8")

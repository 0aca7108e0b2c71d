"""The table of docs/transports.md: `python -m tests.capabilities` writes it anew from its rows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

WAYS = ("tcmu", "tcmu-runner", "iscsi")
ROWS = Path("fixtures/transports.toml")
PAGE = Path("docs/transports.md")
_TABLE = re.compile(r"(<!-- table -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def rows() -> list[dict[str, str]]:
    """Its rows: ``what``, a cell for each of WAYS, ``test`` or several, ``note`` or none."""
    found: list[dict[str, str]] = tomllib.loads(ROWS.read_text(encoding="utf-8"))["row"]
    return found


def render(text: str) -> str:
    """The page with its table made of the rows, and their notes below it."""
    lines = [f"| | {' | '.join(WAYS)} |", "|---|---|---|---|"]
    notes = []
    for row in rows():
        mark = ""
        if "note" in row:
            notes.append(row["note"])
            mark = f" ({len(notes)})"
        lines.append(f"| {row['what']}{mark} | {' | '.join(row[way] for way in WAYS)} |")
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    table = "\n".join(lines) + "\n"
    return _TABLE.sub(lambda found: found[1] + table + found[3], text)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

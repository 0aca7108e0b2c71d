"""What `keyreel devices` does: the drives and changers of this machine's kernel, a line each."""

from __future__ import annotations

import json
from typing import Any

from harness.discovery import Nodes, find_units

COLUMNS = ("serial", "vendor", "product", "tape", "changer", "sg", "by_id")


def show(as_json: bool) -> int:
    """List them, those of one serial number one below the other; the exit status."""
    rows = [_row(nodes) for _, hosts in sorted(find_units().items()) for nodes in hosts]
    if as_json:
        print(json.dumps(rows, indent=2))
        return 0
    if not rows:
        print("no tape drive and no medium changer")
        return 0
    shown = [[_said(row[name]) for name in COLUMNS] for row in rows]
    titles = ["serial", "vendor", "product", "tape", "changer", "sg", "by id"]
    widths = [max(map(len, column)) for column in zip(titles, *shown, strict=True)]
    for line in (titles, *shown):
        print("  ".join(map(str.ljust, line, widths)).rstrip())
    return 0


def _row(nodes: Nodes) -> dict[str, Any]:
    return {name: getattr(nodes, name) for name in COLUMNS}


def _said(value: Any) -> str:
    return (value if isinstance(value, str) else " ".join(value)) or "-"

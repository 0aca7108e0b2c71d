"""The tables of docs/faults.md: `python -m harness.faults_page` makes them anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.faults import describe
from target.faults.defects import DEFECTS
from target.faults.kinds import KINDS, Option
from target.faults.plans import WHEN

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"


def render(text: str) -> str:
    """The page with its tables as they are now."""
    tables = {"kinds": _kinds, "keys": _keys, "defects": _defects}

    def table(found: re.Match[str]) -> str:
        rows = "".join(f"{row}\n" for row in tables[found[1]]())
        return f"<!-- table: {found[1]} -->\n{rows}<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", table, text, flags=re.DOTALL)


def _kinds() -> Iterator[str]:
    yield "| kind | what happens | its keys |\n|---|---|---|"
    for kind in KINDS.values():
        keys = "; ".join(_described(kind.options))
        yield f"| {kind.name} | {_plain(kind.text)} | {keys or 'none'} |"


def _described(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        yield f"**{option.name}**: {_plain(describe(option))}"


def _keys() -> Iterator[str]:
    yield "| key | meaning |\n|---|---|"
    for option in WHEN:
        yield f"| {option.name} | {_plain(describe(option))} |"


def _defects() -> Iterator[str]:
    yield "| defect | what the drive does wrong |\n|---|---|"
    for defect in DEFECTS.values():
        yield f"| {defect.name} | {defect.text} |"


def _plain(text: str) -> str:
    """A star is none of Markdown's."""
    return text.replace("*", r"\*")


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

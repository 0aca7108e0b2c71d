"""The table of several hosts in docs/encryption.md, made of the situations that are played.

``python -m tests.hosts.page`` writes it anew.
"""

from __future__ import annotations

from pathlib import Path

from tests.hosts.table import SITUATIONS

PAGE = Path(__file__).parents[2] / "docs" / "encryption.md"
_BEGIN, _END = "<!-- several hosts -->\n", "<!-- end of several hosts -->\n"


def table() -> str:
    """A row for each situation that the manual tells of."""
    rows = "".join(f"| {one.name} | {one.told} |\n" for one in SITUATIONS if one.told)
    return f"| what happens | what follows |\n|---|---|\n{rows}"


def render(page: str) -> str:
    """The page with that table between its marks."""
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"the marks {_BEGIN.strip()} and {_END.strip()} are not in the page")
    return f"{before}{_BEGIN}{table()}{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

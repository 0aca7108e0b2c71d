"""docs/faults.md has the tables that there are."""

from __future__ import annotations

from harness import faults_page


def test_tables_are_what_there_is() -> None:
    """Else: python -m harness.faults_page."""
    text = faults_page.PAGE.read_text(encoding="utf-8")
    assert faults_page.render(text) == text
    assert text.count("<!-- table: ") == 3

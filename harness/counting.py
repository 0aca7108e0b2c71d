"""Counts in words."""

from __future__ import annotations


def many(count: int, what: str) -> str:
    """So many of something: 1 command, 2 commands."""
    return f"{count} {what}" if abs(count) == 1 else f"{count} {what}s"

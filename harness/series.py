"""Names that follow one another, for tables of a rig file that stand for many."""

from __future__ import annotations

import re


def barcodes(first: str, count: int) -> list[str]:
    """``count`` barcodes from ``first`` on: the number before the media id counts up.

    Raises ValueError when that number has too few digits.
    """
    match = re.fullmatch(r"(.*?)(\d*)(..)", first)
    assert match, f"{first} is a barcode"
    volume, number, medium = match.groups()
    room = 10 ** len(number) - int(number or 0) if number else 1
    if count > room:
        raise ValueError(
            f"count of {count} is too many: from {first} on there are {room} barcodes:"
            " begin with one that has more digits before its media id"
        )
    if not number:
        return [first]
    return [f"{volume}{int(number) + n:0{len(number)}}{medium}" for n in range(count)]


def names(stem: str, count: int) -> list[str]:
    """``count`` names: the stem and a number, from 0."""
    return [f"{stem}{number}" for number in range(count)]

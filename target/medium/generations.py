"""LTO media by generation: what the suffix of a barcode says about a cartridge.

Capacities and densities: IBM TS4500 documentation and LTFS; physical values: Dell ML3 manual and
published REPORT DENSITY data; IBM medium type bytes: LTFS.
"""

from __future__ import annotations

from typing import NamedTuple


class Generation(NamedTuple):
    """One LTO generation. Capacity in units of 10**6 bytes."""

    number: int
    suffix: str
    density: int
    capacity: int
    medium_type: int
    bits_per_mm: int
    tracks: int
    name: str
    description: str


GENERATIONS = {
    row.number: row
    for row in (
        Generation(3, "L3", 0x44, 400_000, 0x38, 9638, 704, "U-316", "Ultrium 3/16T"),
        Generation(4, "L4", 0x46, 800_000, 0x48, 12725, 896, "U-416", "Ultrium 4/16T"),
        Generation(5, "L5", 0x58, 1_500_000, 0x58, 15142, 1280, "U-516", "Ultrium 5/16T"),
        Generation(6, "L6", 0x5A, 2_500_000, 0x68, 15142, 2176, "U-616", "Ultrium 6/16T"),
        Generation(7, "L7", 0x5C, 6_000_000, 0x78, 19107, 3584, "U-732", "Ultrium 7/32T"),
        Generation(8, "L8", 0x5E, 12_000_000, 0x88, 20669, 6656, "U-832", "Ultrium 8/32T"),
        Generation(9, "L9", 0x60, 18_000_000, 0x98, 21456, 8960, "U-932", "Ultrium 9/32T"),
    )
}

FIRST_ENCRYPTING = 4
"""Media older than this cannot hold encrypted data."""

BY_SUFFIX = {row.suffix: row for row in GENERATIONS.values()}


def of_barcode(barcode: str) -> Generation:
    """The generation that an 8-character barcode names; ValueError says what is wrong with it."""
    if len(barcode) != 8 or not (barcode.isascii() and barcode.isalnum() and barcode.isupper()):
        raise ValueError(
            f"barcode {barcode!r} will not do: six of A-Z and 0-9, then the generation (KRL001L9)"
        )
    if barcode[6:] not in BY_SUFFIX:
        known = ", ".join(BY_SUFFIX)
        raise ValueError(f"barcode {barcode!r} will not do: it must end in one of {known}")
    return BY_SUFFIX[barcode[6:]]

"""What is recorded on a tape (a format) and what kinds of cartridge there are, as two tables.

A *format* is how a drive lays data down: density code, tracks, how many partitions, whether it
can hold encrypted blocks. A *cartridge type* is the thing with the barcode: its media id says
which formats it can be written in and what each of them holds. An LTO cartridge has one format;
a 3592 or T10000 cartridge gets the format of the drive that writes it from its beginning.

Densities, capacities: IBM TS4500 and 3592 documentation, LTFS, mt-st. Physical values: published
REPORT DENSITY SUPPORT data; 0 where none are published. Medium type bytes: LTFS (IBM's values).
Estimates, where no source was found: LTO-10 tracks, the lengths of tape, wraps of 3592 and T10000.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a cartridge is for."""

    DATA = "data"
    WORM = "WORM"
    CLEANING = "cleaning"


BANDED = 4
"""Guard wraps of LTO-9 and later, whose wraps lie in bands."""


class Format(NamedTuple):
    """One recording format. ``bits_per_mm``, ``width`` (0.1 mm), ``tracks`` as reported."""

    name: str
    family: str
    density: int
    bits_per_mm: int
    tracks: int
    wraps: int
    """Passes over the length of the tape; partitions are made of whole ones."""
    partitions: int
    """How many a data cartridge may have."""
    encrypts: bool
    label: str
    """DENSITY NAME, 8 characters."""
    description: str
    """20 characters."""

    @property
    def guard(self) -> int:
        """Wraps between two partitions that are lost (IBM LTO SCSI Reference 4.4.2)."""
        return BANDED if self.family == "LTO" and self.density >= 0x60 else 2

    @property
    def worm_partitions(self) -> int:
        """How many a WORM cartridge may have. LTO ones cannot be divided (Quantum, LTO-6 guide);
        LTFS divides 3592 ones while they are blank."""
        return self.partitions if self.family == "3592" else 1

    @property
    def width(self) -> int:
        """Tape width in 0.1 mm: half an inch."""
        return 127

    @property
    def organization(self) -> str:
        """ASSIGNING ORGANIZATION of the density."""
        return ORGANIZATIONS[self.family]

    @property
    def encrypted_density(self) -> int:
        """The density code of a volume that holds encrypted blocks."""
        return self.density + 0x20 if self.family == "3592" else self.density


ORGANIZATIONS = {"LTO": "LTO-CVE", "3592": "IBM", "T10000": "STK", "T9840": "STK"}

_FORMATS = (
    Format("LTO-1", "LTO", 0x40, 4880, 384, 48, 1, False, "U-18", "Ultrium 1/8T"),
    Format("LTO-2", "LTO", 0x42, 7398, 512, 64, 1, False, "U-28", "Ultrium 2/8T"),
    Format("LTO-3", "LTO", 0x44, 9638, 704, 44, 1, False, "U-316", "Ultrium 3/16T"),
    Format("LTO-4", "LTO", 0x46, 12725, 896, 56, 1, True, "U-416", "Ultrium 4/16T"),
    Format("LTO-5", "LTO", 0x58, 15142, 1280, 80, 2, True, "U-516", "Ultrium 5/16T"),
    Format("LTO-6", "LTO", 0x5A, 15142, 2176, 136, 4, True, "U-616", "Ultrium 6/16T"),
    Format("LTO-7", "LTO", 0x5C, 19107, 3584, 112, 4, True, "U-732", "Ultrium 7/32T"),
    Format("LTO-M8", "LTO", 0x5D, 19107, 5376, 168, 4, True, "U-M832", "Ultrium M8/32T"),
    Format("LTO-8", "LTO", 0x5E, 20669, 6656, 208, 4, True, "U-832", "Ultrium 8/32T"),
    Format("LTO-9", "LTO", 0x60, 21456, 8960, 280, 4, True, "U-932", "Ultrium 9/32T"),
    Format("LTO-10", "LTO", 0x62, 0, 0, 280, 4, True, "U-1032", "Ultrium 10/32T"),
    Format("LTO-10P", "LTO", 0x63, 0, 0, 280, 4, True, "U-1032P", "Ultrium 10P/32T"),
    # T9840B drives write what T9840A drives do.
    Format("T9840A", "T9840", 0x42, 0, 288, 18, 1, False, "R-20", "Raven 20 GB"),
    Format("T9840C", "T9840", 0x45, 0, 288, 18, 1, False, "R-40", "Raven 40 GB"),
    Format("T9840D", "T9840", 0x46, 0, 576, 36, 1, True, "R-75", "Raven 75 GB"),
    Format("T10000A", "T10000", 0x4A, 0, 768, 24, 1, True, "T1-500", "T10000A"),
    Format("T10000B", "T10000", 0x4B, 0, 1152, 36, 1, True, "T1-1000", "T10000B"),
    Format("T10000C", "T10000", 0x4C, 0, 3584, 112, 2, True, "T2-5000", "T10000C"),
    Format("T10000D", "T10000", 0x4D, 0, 4608, 144, 10, True, "T2-8500", "T10000D"),
    Format("3592-J1A", "3592", 0x51, 11800, 512, 64, 1, False, "3592A1", "IBM 3592 J1A"),
    Format("3592-E05", "3592", 0x52, 11800, 896, 56, 1, True, "3592A2", "IBM 3592 E05"),
    Format("3592-E06", "3592", 0x53, 13452, 1152, 72, 1, True, "3592A3", "IBM 3592 E06"),
    Format("3592-E07", "3592", 0x54, 13452, 2560, 80, 2, True, "3592A4", "IBM 3592 E07"),
    Format("3592-E08", "3592", 0x55, 20000, 5120, 160, 2, True, "3592A5", "IBM 3592 E08"),
    Format("3592-55F", "3592", 0x56, 20000, 7680, 240, 2, True, "3592A5C", "IBM 3592 55F"),
    Format("3592-60F", "3592", 0x57, 21850, 8704, 272, 2, True, "3592A6", "IBM 3592 60F"),
    Format("3592-70F", "3592", 0x59, 0, 18944, 592, 2, True, "3592A7", "IBM 3592 70F"),
)

FORMATS = {row.name: row for row in _FORMATS}


class CartridgeType(NamedTuple):
    """One kind of cartridge. ``capacities``: native units of 10**6 bytes by format name."""

    suffix: str
    kind: Kind
    family: str
    medium_type: int
    """The MEDIUM TYPE byte of IBM drives."""
    length: int
    """Metres of tape."""
    memory: int
    """Bytes of cartridge memory."""
    capacities: dict[str, int]

    @property
    def worm(self) -> bool:
        """Write once."""
        return self.kind is Kind.WORM

    @property
    def cleaning(self) -> bool:
        """Cleans heads and holds no data."""
        return self.kind is Kind.CLEANING

    @property
    def formats(self) -> tuple[Format, ...]:
        """The formats that it can be recorded in, oldest first."""
        return tuple(FORMATS[name] for name in self.capacities)

    @property
    def description(self) -> str:
        """Which cartridge, in words."""
        newest = f" {list(self.capacities)[-1]}" if self.capacities else f" {self.family}"
        return f"{self.suffix}:{newest} {self.kind.value}"


_LTO = (
    # name, data and WORM suffix, medium types, metres, memory, 10**6 bytes
    ("LTO-1", "L1", "", 0x18, 0, 609, 4096, 100_000),
    ("LTO-2", "L2", "", 0x28, 0, 609, 4096, 200_000),
    ("LTO-3", "L3", "LT", 0x38, 0x3C, 680, 4096, 400_000),
    ("LTO-4", "L4", "LU", 0x48, 0x4C, 820, 8192, 800_000),
    ("LTO-5", "L5", "LV", 0x58, 0x5C, 846, 8192, 1_500_000),
    ("LTO-6", "L6", "LW", 0x68, 0x6C, 846, 16384, 2_500_000),
    ("LTO-7", "L7", "LX", 0x78, 0x7C, 960, 16384, 6_000_000),
    ("LTO-M8", "M8", "", 0x78, 0, 960, 16384, 9_000_000),
    ("LTO-8", "L8", "LY", 0x88, 0x8C, 960, 16384, 12_000_000),
    ("LTO-9", "L9", "LZ", 0x98, 0x9C, 1035, 32768, 18_000_000),
    ("LTO-10", "LA", "", 0xA8, 0, 1035, 32768, 30_000_000),
    ("LTO-10P", "PA", "", 0xA9, 0, 1337, 32768, 40_000_000),
)

_E05, _E06, _E07, _E08 = "3592-E05", "3592-E06", "3592-E07", "3592-E08"
_JA = {"3592-J1A": 300_000, _E05: 500_000, _E06: 640_000}
_JB = {_E05: 700_000, _E06: 1_000_000, _E07: 1_600_000}
_JC = {_E07: 4_000_000, _E08: 7_000_000}
_JD = {_E08: 10_000_000, "3592-55F": 15_000_000}
_JE = {"3592-60F": 20_000_000}
_SHORT = {"3592-J1A": 60_000, _E05: 100_000, _E06: 128_000}

_3592 = (
    ("JA", Kind.DATA, 0x91, 610, _JA),
    ("JW", Kind.WORM, 0xA1, 610, _JA),
    ("JJ", Kind.DATA, 0xB1, 246, _SHORT),
    ("JR", Kind.WORM, 0xC1, 246, _SHORT),
    ("JB", Kind.DATA, 0x92, 825, _JB),
    ("JX", Kind.WORM, 0xA2, 825, _JB),
    ("JC", Kind.DATA, 0x93, 880, _JC),
    ("JY", Kind.WORM, 0xA3, 880, _JC),
    ("JK", Kind.DATA, 0xB2, 146, {_E07: 500_000, _E08: 900_000}),
    ("JD", Kind.DATA, 0x94, 1072, _JD),
    ("JZ", Kind.WORM, 0xA4, 1072, _JD),
    ("JL", Kind.DATA, 0xB3, 281, {_E08: 2_000_000, "3592-55F": 3_000_000}),
    ("JE", Kind.DATA, 0x95, 1168, _JE),
    ("JV", Kind.WORM, 0xA5, 1168, _JE),
    ("JM", Kind.DATA, 0xB4, 292, {"3592-60F": 5_000_000}),
    ("JF", Kind.DATA, 0x96, 1337, {"3592-70F": 50_000_000}),
)

_T1 = {"T10000A": 500_000, "T10000B": 1_000_000}
_T2 = {"T10000C": 5_000_000, "T10000D": 8_500_000}
_9840 = {"T9840A": 20_000, "T9840C": 40_000, "T9840D": 75_000}

_STK = (
    ("T1", "T10000", Kind.DATA, 917, _T1),
    ("TT", "T10000", Kind.DATA, 917, {"T10000A": 120_000, "T10000B": 240_000}),
    ("T2", "T10000", Kind.DATA, 1147, _T2),
    ("TS", "T10000", Kind.DATA, 1147, {"T10000C": 1_000_000, "T10000D": 1_600_000}),
    ("R1", "T9840", Kind.DATA, 270, _9840),
)
"""A 9840 label has one letter, R, for the medium; here every barcode has two characters."""

_CLEANING = (("CU", "LTO"), ("CA", "3592"), ("CT", "T10000"), ("CL", "T10000"), ("C9", "T9840"))
"""Media ids of cleaning cartridges. CU is the LTO suffix; the others are this project's choice
where a library shows a prefix (CLN) and no suffix."""


def _types() -> list[CartridgeType]:
    rows = []
    for name, data, worm, data_type, worm_type, length, memory, capacity in _LTO:
        held = {name: capacity}
        rows.append(CartridgeType(data, Kind.DATA, "LTO", data_type, length, memory, held))
        if worm:
            rows.append(CartridgeType(worm, Kind.WORM, "LTO", worm_type, length, memory, held))
    for suffix, kind, code, length, held in _3592:
        rows.append(CartridgeType(suffix, kind, "3592", code, length, 8192, held))
    for suffix, family, kind, length, held in _STK:
        rows.append(CartridgeType(suffix, kind, family, 0, length, 8192, held))
    for suffix, family in _CLEANING:
        rows.append(CartridgeType(suffix, Kind.CLEANING, family, 0, 320, 4096, {}))
    return rows


TYPES = {row.suffix: row for row in _types()}

CLEANINGS = 50
"""How often a new cleaning cartridge can be used."""


def of_barcode(barcode: str) -> CartridgeType:
    """The type that an 8-character barcode names; ValueError says what is wrong with it."""
    if len(barcode) != 8 or not (barcode.isascii() and barcode.isalnum() and barcode.isupper()):
        raise ValueError(
            f"barcode {barcode!r} will not do: six of A-Z and 0-9, then the media id (KRL001L9)"
        )
    if barcode[6:] not in TYPES:
        known = ", ".join(TYPES)
        raise ValueError(f"barcode {barcode!r} will not do: it must end in one of {known}")
    return TYPES[barcode[6:]]

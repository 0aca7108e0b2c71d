"""Mode page 11h, medium partition: how the loaded volume is divided, or is to be (SSC-4 8.3.4).

Without a MODE SELECT the page tells the partitions of the volume. What MODE SELECT sends stands in
their place until FORMAT MEDIUM uses it, or the volume leaves: `ModePages.forget` is what ends it.
Sizes are in 10**PARTITION UNITS bytes; FFFFh is whatever is left, or a size that is larger.

FDP, SDP, IDP and which sizes go with them: IBM LTO SCSI Reference 6.6.13. Whether the sizes fit on
the volume is FORMAT MEDIUM's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.medium.formats import Kind
from target.scsi.layout import Layout
from target.scsi.mode import ModePage, Values

if TYPE_CHECKING:
    from target.tape.drive import Drive

KEY = (0x11, 0x00)
MOST = 10
"""Partitions that the page has room for here: a T10000D makes as many."""
REST = 0xFFFF
GB = 9
"""PARTITION UNITS of 10**9 bytes."""

_SIZES = "\n".join(f"{8 + 2 * n}-{9 + 2 * n} size_{n}" for n in range(MOST))


def _live(drive: Drive) -> Values:
    """What the volume can have, and, until MODE SELECT has asked for something, what it has."""
    cartridge = drive.cartridge if drive.loaded else None
    if cartridge is None:
        return {}
    dividable = cartridge.type.kind is Kind.DATA
    values = {"max_additional": drive.density.partitions - 1 if dividable else 0}
    if KEY in drive.modes.selected:
        return values
    sizes = [partition.capacity for partition in cartridge.partitions]
    units = _units(sizes)
    values.update(
        additional_defined=len(sizes) - 1,
        idp=1,
        partitioning_type=len(sizes) > 1,
        partition_units=units,
    )
    for number in range(MOST):
        size = sizes[number] // 10**units if number < len(sizes) else 0
        values[f"size_{number}"] = min(size, REST)
    return values


def _units(sizes: list[int]) -> int:
    """10**9 bytes where that shows every size, else the finest unit that does."""
    if min(sizes) >= 10**GB:
        return GB
    return next(units for units in range(16) if max(sizes) < REST * 10**units)


def _check(drive: Drive, present: Values, asked: Values) -> str | None:
    """One way to divide at most; no more partitions than the volume may have; sizes that add up."""
    ways = [name for name in ("fdp", "sdp", "idp") if asked[name]]
    if len(ways) > 1:
        return ways[1]
    additional = asked["additional_defined"]
    if not drive.loaded and additional != present.get("additional_defined", 0):
        return "additional_defined"
    if asked["fdp"]:
        return None if present["max_additional"] else "fdp"
    if additional > present["max_additional"]:
        return "additional_defined"
    return _check_sizes(asked, additional + 1) if asked["idp"] else None


def _check_sizes(asked: Values, partitions: int) -> str | None:
    """A size for each partition and none for more; only one can get the rest."""
    rest = 0
    for number in range(MOST):
        name = f"size_{number}"
        size = asked.get(name, 0)
        rest += size == REST
        if bool(size) != (number < partitions) or rest > 1:
            return name
    return None


PARTITIONS = ModePage(
    0x11,
    "medium partition",
    Layout(
        f"""2     max_additional
        3       additional_defined
        4.7     fdp
        4.6     sdp
        4.5     idp
        4.4-3   psum
        4.2     pofm
        4.1     clear
        4.0     addp
        5       medium_format_recognition
        6.7-4   partitioning_type
        6.3-0   partition_units
        {_SIZES}"""
    ),
    defaults={"psum": 3, "pofm": 1, "medium_format_recognition": 3, "partition_units": GB},
    changeable=(
        "additional_defined", "fdp", "sdp", "idp", "psum", "partitioning_type", "partition_units",
        *(f"size_{number}" for number in range(MOST)),
    ),
    allowed={"partitioning_type": (0, 1)},
    length=lambda values: 8 + 2 * values.get("additional_defined", 0),
    lengths=range(8, 7 + 2 * MOST, 2),
    live=_live,
    check=_check,
)  # fmt: skip
"""PAGE LENGTH grows with the partitions, unless a model always shows as many sizes as it can."""

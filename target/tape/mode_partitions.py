"""Mode page 11h, medium partition: how the loaded volume is divided, or is to be (SSC-4 8.3.4).

Without a MODE SELECT the page tells the partitions of the volume. What MODE SELECT asks for stands
in their place until FORMAT MEDIUM makes it, or the volume leaves: `ModePages.forget` is what ends
it. The page then tells what would be made. Sizes are rounded to such as `partitions` can make, and
MODE SELECT says so (1/37/00); one that is FFFFh is no rounding, nor is one that comes out the same
in the units it was asked in.

The units of a request are not kept. Sizes are told in 10**9 bytes; where a pair of wraps is less
than that, or where FFFFh of them are too few, in the smallest power of ten that has room for them.

FDP, SDP, IDP and which sizes go with them: IBM LTO SCSI Reference 6.6.13. A model's quirks:
``partition_methods`` are those that it knows; with ``partition_on_mode_select`` MODE SELECT itself
makes the partitions (POFM 0, as in SCSI-2), under the conditions of FORMAT MEDIUM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.scsi.command import Nexus
from target.scsi.layout import Layout
from target.scsi.mode import Asked, ModePage, Values
from target.tape.partitions import METHODS, MOST, REST, SIZES, Wrong, divide, tape, unit_of

if TYPE_CHECKING:
    from target.tape.drive import Drive

KEY = (0x11, 0x00)
GB = 9
"""PARTITION UNITS of 10**9 bytes."""

_LINES = "\n".join(f"{8 + 2 * n}-{9 + 2 * n} {name}" for n, name in enumerate(SIZES))


def capacities(drive: Drive) -> list[int | None]:
    """The partitions that the page tells of, as `Cartridge.format` takes them."""
    assert drive.cartridge is not None
    pairs = _requested(drive)
    if pairs is None:
        sizes = [partition.capacity for partition in drive.cartridge.partitions]
    else:
        sizes = [tape(drive).size(count) for count in pairs]
    return [None] if len(sizes) == 1 else list(sizes)


def _requested(drive: Drive) -> list[int] | None:
    """What MODE SELECT has asked for and is not done yet, in pairs of wraps; None: nothing."""
    return divide(drive.modes[KEY], tape(drive)) if KEY in drive.modes.selected else None


def _live(drive: Drive) -> Values:
    """What the volume can have, and what was asked for or, if nothing was, what it has."""
    cartridge = drive.cartridge if drive.loaded else None
    if cartridge is None:
        return {}
    whole, pairs = tape(drive), _requested(drive)
    asked = drive.modes[KEY]
    values = {"max_additional": whole.most - 1}
    if pairs is None:
        sizes = [partition.capacity for partition in cartridge.partitions]
        values.update(fdp=0, sdp=0, idp=whole.most > 1, partitioning_type=len(sizes) > 1)
    else:
        sizes = [whole.size(count) for count in pairs]
        values.update({name: asked[name] for name in METHODS})
    values["additional_defined"] = len(sizes) - 1
    unit = unit_of(asked)
    if pairs is None or not asked["idp"]:
        units = _units(whole.size(1), max(sizes))
        values.update(psum=3, partition_units=units)
        unit = 10**units
    told = [min(size // unit, REST) for size in sizes]
    return {**values, **dict(zip(SIZES, told + [0] * (MOST - len(told)), strict=True))}


def _units(pair: int, largest: int) -> int:
    if pair >= 10**GB and largest < REST * 10**GB:
        return GB
    return next(units for units in range(16) if largest < REST * 10**units)


def _check(drive: Drive, present: Values, asked: Values) -> str | None:
    """A request that the drive knows and that can be made of the volume.

    Without a volume the number of partitions cannot be changed.
    """
    known = drive.personality.quirks.get("partition_methods", METHODS)
    unknown = next((name for name in METHODS if asked[name] and name not in known), None)
    if unknown:
        return unknown
    if not drive.loaded:
        same = asked["additional_defined"] == present.get("additional_defined", 0)
        return None if same else "additional_defined"
    try:
        pairs = divide(asked, tape(drive))
    except Wrong as wrong:
        return str(wrong)
    if pairs is not None and _at_once(drive):
        drive.require_beginning()
        drive.require_writable(formatting=True)
    return None


def _applied(drive: Drive, nexus: Nexus, asked: Asked) -> None:
    if _at_once(drive) and _requested(drive) is not None:
        drive.format_volume(capacities(drive))


def _at_once(drive: Drive) -> bool:
    return bool(drive.personality.quirks.get("partition_on_mode_select"))


def _rounds(drive: Drive, asked: Values) -> Values:
    """The sizes that the drive makes instead of those that it was asked for."""
    if not asked["idp"] or not drive.loaded:
        return {}
    whole, unit = tape(drive), unit_of(asked)
    made = zip(SIZES, divide(asked, whole) or (), strict=False)
    return {
        name: min(whole.size(pairs) // unit, REST - 1)
        for name, pairs in made
        if asked[name] != REST
    }


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
        {_LINES}"""
    ),
    defaults={"psum": 3, "pofm": 1, "medium_format_recognition": 3, "partition_units": GB},
    changeable=(
        "additional_defined", *METHODS, "psum", "partitioning_type", "partition_units", *SIZES,
    ),
    allowed={"partitioning_type": (0, 1)},
    length=lambda values: 8 + 2 * values.get("additional_defined", 0),
    lengths=range(8, 7 + 2 * MOST, 2),
    live=_live,
    check=_check,
    rounds=_rounds,
    applied=_applied,
)  # fmt: skip
"""PAGE LENGTH grows with the partitions, unless a model always shows as many sizes as it can."""

"""Write protection that hosts ask for, beside the cartridge's tab (SSC-4 4.2.12).

Bits of mode page 10h, of which a model has those that MODE SELECT may change: SWP for the drive,
ASOCWP for the volume while it is loaded, PERSWP for the volume wherever it is, PRMWP for ever. The
last two are kept in the cartridge memory. 3592 drives have the last three on page 23h as well, with
bits of their own that take a protection away (the structures of LTFS).

What is protected may be changed at the beginning of the volume only: SSC-4 leaves it open, IBM's
device drivers ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from target.scsi import sense as s
from target.scsi.mode import Values
from target.scsi.sense import CheckCondition, Code

if TYPE_CHECKING:
    from target.tape.drive import Drive

_CODES = {
    "swp": s.SOFTWARE_WRITE_PROTECTED,
    "asocwp": s.ASSOCIATED_WRITE_PROTECT,
    "perswp": s.PERSISTENT_WRITE_PROTECT,
    "prmwp": s.PERMANENT_WRITE_PROTECT,
}
"""The bits of page 10h, by what a write is refused with."""
OF_VOLUME = ("asocwp", "perswp", "prmwp")
KEPT = OF_VOLUME[1:]
"""Those that the cartridge keeps."""


def kept(drive: Drive) -> Values:
    """What the loaded cartridge keeps, by the bits of page 10h."""
    names = drive.cartridge.info["protection"] if drive.loaded and drive.cartridge else ()
    return {name: int(name in names) for name in KEPT}


def states(drive: Drive) -> Values:
    """What protects, by the bits of page 10h."""
    return {**{name: drive.modes.value(name, 0x10) for name in ("swp", "asocwp")}, **kept(drive)}


def refusal(drive: Drive) -> Code | None:
    """What a write is refused with, or None."""
    return next((_CODES[name] for name, on in states(drive).items() if on), None)


def check(drive: Drive, asked: Mapping[str, int]) -> None:
    """Whether the protection of the volume may become as ``asked``, by some bits of page 10h.

    Raises CheckCondition: 2/3A/00 without a volume, 7/27/05 if it is to lose a permanent
    protection, 5/3B/0C away from its beginning, 7/27/00 if the tab is in the way.
    """
    present = states(drive)
    changed = {name for name, on in asked.items() if on != present[name]}
    if not changed:
        return
    drive.require_volume()
    if "prmwp" in changed and present["prmwp"]:
        raise CheckCondition(s.PERMANENT_WRITE_PROTECT)
    drive.require_beginning()
    assert drive.cartridge is not None
    if drive.cartridge.write_protect and changed & set(KEPT):
        raise CheckCondition(s.WRITE_PROTECTED)


def apply(drive: Drive, asked: Mapping[str, int]) -> None:
    """Protect the volume as ``asked``, which `check` has let pass.

    Raises CheckCondition 3/0C/00 if the cartridge cannot be told.
    """
    wanted = {**states(drive), **asked}
    if wanted == states(drive):
        return
    if "asocwp" in asked:
        drive.modes[0x10]["asocwp"] = asked["asocwp"]
    names = [name for name in KEPT if wanted[name]]
    assert drive.cartridge is not None
    info = drive.cartridge.info
    before, info["protection"] = info["protection"], names
    try:
        drive.cartridge.save()
    except OSError:
        info["protection"] = before
        raise drive.write_failed() from None

"""What hands do at the drives of a rig: the power switch, cartridges in and out.

Drives in a library are out of reach for hands: its robot and its operators have them. Functions
raise OperatorError with one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from target.library.errors import OperatorError
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.plan import RigPlan
from target.scsi.sense import MEDIUM_MAY_HAVE_CHANGED, CheckCondition
from target.shelf import take
from target.tape.drive import Drive

if TYPE_CHECKING:
    from target.library.library import Library


def power_cycle(drives: Mapping[str, Drive], libraries: Mapping[str, Library], unit: str) -> None:
    """Take a unit's power away and give it back; a cartridge stays in its drive, at its beginning.

    Hosts hear of both, 6/29/00 and 6/28/00, as when a drive is powered on with a cartridge inside.
    """
    for library in libraries.values():
        if unit in library.changers:
            with library.changers[unit].stopped():
                library.changers[unit].power_on()
            return
        for number in library.drives:
            if library.drive_name(number) == unit:
                library.ports[number].power_cycle()
                return
    drive = _find(drives, unit, [*drives, *(n for one in libraries.values() for n in one.changers)])
    with drive.stopped():
        drive.power_on()
        if drive.loaded:
            drive.attention(MEDIUM_MAY_HAVE_CHANGED)


def insert(
    plan: RigPlan,
    drives: Mapping[str, Drive],
    libraries: Mapping[str, Library],
    name: str,
    barcode: str,
) -> None:
    """Put a cartridge of the rig, which is in no drive and no library, into an empty drive."""
    drive = _stand_alone(drives, libraries, name)
    known = [told.barcode for told in plan.cartridges]
    if barcode not in known:
        raise OperatorError(
            f"the rig has no cartridge {barcode}: name one of {', '.join(known) or 'none'}"
        )
    for library in libraries.values():
        place = library.inventory.where(barcode)
        if place is not None:
            raise OperatorError(
                f"{barcode} is in {place} of library {library.name}: take it out there first"
            )
    for other, one in drives.items():
        if any(cartridge.barcode == barcode for cartridge in one.aside):
            raise OperatorError(
                f"a fault has taken {barcode} out of {other}: remove that fault first"
            )
    with drive.stopped():
        if drive.cartridge is not None:
            raise OperatorError(f"there is a cartridge in {name}: eject it first")
        try:
            drive.insert(take(plan.cartridge(barcode)))
        except (MediumError, OSError) as error:
            raise OperatorError(str(error)) from None
        except CheckCondition as condition:
            raise OperatorError(
                f"{name} cannot load {barcode}, which is in it: {condition.sense.code}"
            ) from None


def eject(drives: Mapping[str, Drive], libraries: Mapping[str, Library], name: str) -> None:
    """Take the cartridge out of a drive, as its button does: not while a host prevents it."""
    drive = _stand_alone(drives, libraries, name)
    with drive.stopped():
        if drive.cartridge is None:
            raise OperatorError(f"there is no cartridge in {name}: insert one first")
        if drive.removal_prevented:
            raise OperatorError(
                f"a host prevents that {name} is unloaded: it has to allow it first"
            )
        try:
            cartridge = drive.eject()
        except CheckCondition as condition:
            raise OperatorError(
                f"{name} cannot eject its cartridge: {condition.sense.code}"
            ) from None
        if isinstance(cartridge, Cartridge):
            try:
                cartridge.close()
            except (MediumError, OSError) as error:
                raise OperatorError(str(error)) from None


def _find(drives: Mapping[str, Drive], name: str, known: list[str]) -> Drive:
    if name not in drives:
        raise OperatorError(f"the rig has no {name!r}: name one of {', '.join(known)}")
    return drives[name]


def _stand_alone(drives: Mapping[str, Drive], libraries: Mapping[str, Library], name: str) -> Drive:
    drive = _find(drives, name, [*drives])
    for library in libraries.values():
        if drive in library.drives.values():
            raise OperatorError(
                f"{name} is in library {library.name}: let its robot move the cartridge (keyreel"
                " library move)"
            )
    return drive

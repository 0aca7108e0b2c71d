"""The cartridges of a rig as files: made, checked against the plan, taken from the shelf."""

from __future__ import annotations

from pathlib import Path

from target.medium.cartridge import Blank, Cartridge, create_all, read_identity
from target.medium.errors import MediumError
from target.plan import CartridgePlan, RigPlan


def stock(plan: RigPlan) -> None:
    """Make all cartridges of a rig that do not exist, and check the others.

    For whoever starts a rig: there may be thousands. They are durable unless the rig is disposable.
    Raises MediumError as `ensure` does.
    """
    there = {cartridge for cartridge in plan.cartridges if Path(cartridge.path).exists()}
    new = [_blank(cartridge) for cartridge in plan.cartridges if cartridge not in there]
    create_all(new, durable=not plan.disposable)
    for cartridge in there:
        ensure(cartridge)


def ensure(plan: CartridgePlan) -> None:
    """Make a cartridge unless its folder is there already.

    Raises MediumError if it is there with another barcode or capacity than the plan says.
    """
    folder = Path(plan.path)
    if not folder.exists():
        create_all([_blank(plan)])
        return
    info = read_identity(folder)
    for key, wanted in (("barcode", plan.barcode), ("capacity", plan.capacity)):
        if wanted is not None and wanted != info[key]:
            raise MediumError(
                f"cartridge {folder} has {key} {info[key]} and the rig says {wanted}:"
                " change the rig or remove the cartridge"
            )


def take(plan: CartridgePlan) -> Cartridge:
    """Open a cartridge, made if it is not there. Raises as `ensure` and `opened` do."""
    ensure(plan)
    return opened(plan)


def opened(plan: CartridgePlan) -> Cartridge:
    """Open a cartridge, with tab, damage and uses left as the plan says. Raises MediumError."""
    cartridge = Cartridge(Path(plan.path))
    cartridge.info["write_protect"] = plan.write_protect
    cartridge.info["damage"] = list(plan.damage)
    if plan.cleanings is not None:
        cartridge.info["cleanings_left"] = plan.cleanings
    return cartridge


def _blank(plan: CartridgePlan) -> Blank:
    return Blank(Path(plan.path), plan.barcode, plan.capacity, plan.write_protect)

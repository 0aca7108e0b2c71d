"""From a plan to drives with their cartridges in them: what every transport starts from."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from target import personality
from target.medium.cartridge import Blank, Cartridge, create_all, read_identity
from target.medium.errors import MediumError
from target.medium.formats import FORMATS
from target.medium.null import NullCartridge
from target.plan import CartridgePlan, DrivePlan, RigPlan
from target.scsi.sense import MEDIUM_MAY_HAVE_CHANGED, CheckCondition
from target.tape import commands
from target.tape.drive import Drive


def build(plan: RigPlan) -> dict[str, Drive]:
    """The drives of a rig by name, powered on, each with its cartridge loaded.

    A cartridge that is to be loaded and does not exist is made. Raises MediumError, ValueError.
    """
    return {drive.name: build_drive(plan, drive) for drive in plan.drives}


def stock(plan: RigPlan) -> None:
    """Make all cartridges of a rig that do not exist, and check the others.

    For whoever starts a rig: there may be thousands. Raises MediumError as `ensure` does.
    """
    there = {cartridge for cartridge in plan.cartridges if Path(cartridge.path).exists()}
    create_all([_blank(cartridge) for cartridge in plan.cartridges if cartridge not in there])
    for cartridge in there:
        ensure(cartridge)


def _blank(plan: CartridgePlan) -> Blank:
    return Blank(Path(plan.path), plan.barcode, plan.capacity, plan.write_protect)


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


def build_drive(plan: RigPlan, drive_plan: DrivePlan) -> Drive:
    """One drive and its cartridge, made if it is not there. Raises as `build` does."""
    model = personality.load(drive_plan.model)
    state = None if drive_plan.state is None else Path(drive_plan.state)
    drive = Drive(
        model,
        drive_plan.serial,
        commands.of(model),
        drive_plan.compression,
        state,
        factor=drive_plan.timing,
        control=drive_plan.encryption,
    )
    if drive_plan.medium == "null":
        drive.insert(NullCartridge(FORMATS[model.media["native"]]))
    elif drive_plan.cartridge is not None:
        told = plan.cartridge(drive_plan.cartridge)
        ensure(told)
        cartridge = Cartridge(Path(told.path))
        cartridge.info["write_protect"] = told.write_protect
        cartridge.info["damage"] = list(told.damage)
        if told.cleanings is not None:
            cartridge.info["cleanings_left"] = told.cleanings
        # One that cannot be loaded is in the drive all the same: commands say what is wrong.
        with suppress(CheckCondition):
            drive.insert(cartridge)
        # It was loaded after the power came. A host that was writing when the power failed gets
        # two unit attentions, so: the second ends the filemark that Linux (before 6.6) writes to
        # the rewound tape, not having understood the first.
        drive.since_power_on.append(MEDIUM_MAY_HAVE_CHANGED)
    return drive


def shut_down(drives: dict[str, Drive]) -> None:
    """Make every cartridge durable and close it. Raises the first failure, all closed."""
    failures: list[MediumError | OSError] = []
    for drive in drives.values():
        try:
            cartridge = drive.eject()
            if cartridge is not None:
                cartridge.close()
        except (MediumError, OSError) as error:
            failures.append(error)
    if failures:
        raise failures[0]

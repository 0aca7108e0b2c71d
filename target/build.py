"""From a plan to what every transport starts from: drives with their cartridges in them, and
libraries with their drives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from target import personality
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.medium.formats import FORMATS
from target.medium.null import NullCartridge
from target.plan import DrivePlan, RigPlan
from target.scsi.sense import MEDIUM_MAY_HAVE_CHANGED, CheckCondition
from target.shelf import take
from target.tape import commands
from target.tape.drive import Drive

if TYPE_CHECKING:
    from keymgr.api import KeySource, Notice
    from target.library.library import Library


def build(plan: RigPlan) -> dict[str, Drive]:
    """The drives of a rig by name, powered on, each with its cartridge loaded; empty those of
    libraries.

    A cartridge that is to be loaded and does not exist is made. Raises MediumError, ValueError.
    """
    drives = {drive.name: build_drive(plan, drive) for drive in plan.drives}
    for library in plan.libraries:
        for partition in library.partitions:
            for name in partition.drives:
                # Its partition may get a key source at any time.
                drives[name].waits = True
    return drives


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
    fill(drive, plan, drive_plan)
    return drive


def fill(drive: Drive, plan: RigPlan, drive_plan: DrivePlan) -> None:
    """Put into a drive what is in it at the start. Raises as `build` does."""
    if drive_plan.medium == "null":
        drive.insert(NullCartridge(FORMATS[drive.personality.media["native"]]))
    elif drive_plan.cartridge is not None:
        load(drive, take(plan.cartridge(drive_plan.cartridge)))


def load(drive: Drive, cartridge: Cartridge) -> None:
    """Put a cartridge into a drive that has just been powered on.

    One that cannot be loaded is in the drive all the same: commands say what is wrong.
    """
    with suppress(CheckCondition):
        drive.insert(cartridge)
    # It was loaded after the power came. A host that was writing when the power failed gets two
    # unit attentions, so: the second ends the filemark that Linux (before 6.6) writes to the
    # rewound tape, not having understood the first.
    drive.since_power_on.append(MEDIUM_MAY_HAVE_CHANGED)


def build_sources(plan: RigPlan, tell: Callable[[str, Notice], None]) -> dict[str, KeySource]:
    """The key sources of a rig by name; ``tell`` hears what they, by their names, have to say.

    Raises ValueError with one sentence, and what a source raises.
    """
    if not plan.key_sources:
        return {}
    # Loaded here because few rigs need what comes with it.
    from keymgr.api import UnknownSource, World, find

    sources = {}
    for told in plan.key_sources:
        world = World(told.name, Path(told.folder), told.options, tell=partial(tell, told.name))
        try:
            sources[told.name] = find(told.source)(world)
        except UnknownSource as error:
            raise ValueError(str(error)) from None
    return sources


def attach(plan: RigPlan, drives: Mapping[str, Drive], sources: Mapping[str, KeySource]) -> None:
    """Let agents in drives ask their key sources. Raises ValueError."""
    asking = [told for told in plan.drives if told.key_source is not None]
    if not asking:
        return
    from keymgr.api import Refused

    for told in asking:
        try:
            drives[told.name].ask_by_itself(sources[told.key_source or ""])
        except Refused as refusal:
            raise ValueError(
                f"drive {told.name} cannot ask {told.key_source}: {refusal.text}; {refusal.cure}"
            ) from None


def build_libraries(
    plan: RigPlan, drives: Mapping[str, Drive], sources: Mapping[str, KeySource]
) -> dict[str, Library]:
    """The libraries of a rig by name, their drives as the inventories say."""
    if not plan.libraries:
        return {}
    from target.library.library import Library

    cartridges = {cartridge.barcode: cartridge for cartridge in plan.cartridges}
    libraries: dict[str, Library] = {}
    for told in plan.libraries:
        taken = partial(_taken, told.name, libraries, drives)
        libraries[told.name] = Library(told, drives, cartridges, sources, taken=taken)
    return libraries


def _taken(
    asks: str, libraries: Mapping[str, Library], drives: Mapping[str, Drive], barcode: str
) -> str:
    """Who has a cartridge that the library which asks may want: a drive of none, another one."""
    inside = {drive for library in libraries.values() for drive in library.drives.values()}
    for name, drive in drives.items():
        cartridge = drive.cartridge
        if drive not in inside and cartridge is not None and cartridge.barcode == barcode:
            return f"drive {name}"
    for name, library in libraries.items():
        if name != asks and library.inventory.where(barcode) is not None:
            return f"library {name}"
    return ""


def shut_down(drives: dict[str, Drive]) -> None:
    """Make every cartridge durable and close it. Raises the first failure, all closed."""
    failures: list[MediumError | OSError] = []
    for drive in drives.values():
        try:
            cartridge = drive.eject()
            if cartridge is not None:
                cartridge.close()
            if drive.external is not None:
                # The last that its key source hears is that the volume is gone.
                drive.external.settle()
        except (MediumError, OSError) as error:
            failures.append(error)
    if failures:
        raise failures[0]

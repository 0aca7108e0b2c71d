"""What a library shows of itself: from what it is to the views that operators get.

No lock is taken: a robot that waits for a drive keeps nobody from looking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.library import layout, options
from target.library.inventory import Kind, Location
from target.library.partition import Partition
from target.library.views import (
    DriveView,
    MethodView,
    OptionView,
    PartitionView,
    PlaceView,
    StatusView,
    UserView,
)

if TYPE_CHECKING:
    from target.library.library import Library


def status(library: Library) -> StatusView:
    """The library and its drives."""
    owner = layout.owners(library.partitions)
    messages = library.messages.since()
    locked = library.safe.opened is not None and library.safe.opened.locked
    return StatusView(
        name=library.name,
        model=library.model.name,
        serial=library.serial,
        door="open" if library.door_open else "closed",
        partitions=list(library.partitions),
        drives=[_drive(library, number, owner(_drive_place(number))) for number in library.drives],
        slots=library.size.slots,
        mail_slots=library.size.mail_slots,
        cartridges=sum(1 for _ in library.inventory),
        options=sorted(library.options),
        encryption="locked" if locked else "ready",
        last_message=messages[-1].number if messages else 0,
    )


def partition(library: Library, one: Partition) -> PartitionView:
    """A partition."""
    places = {place for kind in Kind for place in one.places(kind)}
    return PartitionView(
        name=one.name,
        serial=one.serial,
        encryption=one.encryption,
        drives=[library.drive_name(number) for number in one.drives],
        slots=len(one.slots),
        mail_slots=len(one.mail_slots),
        cartridges=sum(1 for at, _ in library.inventory if at in places),
    )


def places(library: Library, name: str, empty: bool) -> list[PlaceView]:
    """The places of a partition, "" for all, that hold something; ``empty``: the others too."""
    owner = layout.owners(library.partitions)
    counts = {
        Kind.STORAGE: range(1, library.size.slots + 1),
        Kind.IMPORT_EXPORT: range(1, library.size.mail_slots + 1),
        Kind.DRIVE: library.drives,
    }
    every = [Location(kind, number) for kind, numbers in counts.items() for number in numbers]
    return [
        _place(library, at, owner(at))
        for at in every
        if (not name or owner(at) == name) and (empty or library.inventory.at(at) is not None)
    ]


def users(library: Library) -> list[UserView]:
    """All users."""
    return [UserView(user.name, str(user.role)) for user in library.users.values()]


def all_options(library: Library) -> list[OptionView]:
    """All options, enabled or not."""
    enabled = library.options
    return [OptionView(name, title, name in enabled) for name, title in options.OPTIONS.items()]


def methods(library: Library) -> list[MethodView]:
    """The encryption methods that partitions can have."""
    enabled = library.options
    return [
        MethodView(one.name, one.option, not one.option or one.option in enabled)
        for one in library.methods.values()
    ]


def _drive_place(number: int) -> Location:
    return Location(Kind.DRIVE, number)


def _drive(library: Library, number: int, owner: str) -> DriveView:
    drive, at = library.drives[number], _drive_place(number)
    held = library.inventory.at(at)
    return DriveView(
        name=library.drive_name(number),
        place=str(at),
        model=drive.personality.name,
        serial=drive.serial,
        partition=owner,
        barcode="" if held is None else held.barcode,
        loaded=drive.loaded,
    )


def _place(library: Library, at: Location, owner: str) -> PlaceView:
    held = library.inventory.at(at)
    return PlaceView(
        place=str(at),
        partition=owner,
        barcode="" if held is None else held.barcode,
        home="" if held is None or held.home is None else str(held.home),
        drive=library.drive_name(at.number) if at.kind is Kind.DRIVE else "",
    )

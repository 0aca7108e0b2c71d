"""Which places a partition owns: at the first start, and when operators change it. Pure functions.

Slots, mail slots and drives belong to one partition or to none. A partition that grows gets the
lowest numbers that are free behind those it has, one that shrinks gives up its last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from target.library.errors import OperatorError
from target.library.inventory import Inventory, Kind, Location
from target.library.partition import Partition
from target.plan import LibraryPlan

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class Size(NamedTuple):
    """How many places the library has."""

    slots: int
    mail_slots: int


def size(plan: LibraryPlan) -> Size:
    """Those of all partitions together."""
    return Size(
        sum(one.slots for one in plan.partitions), sum(one.mail_slots for one in plan.partitions)
    )


def first(plan: LibraryPlan, number: Mapping[str, int]) -> dict[str, Partition]:
    """The partitions as the plan has them; ``number``: of each drive, by name."""
    partitions, slots, mail = {}, 0, 0
    for one in plan.partitions:
        partitions[one.name] = Partition(
            one.name,
            one.serial,
            tuple(number[drive] for drive in one.drives),
            tuple(range(slots + 1, slots + one.slots + 1)),
            tuple(range(mail + 1, mail + one.mail_slots + 1)),
            one.encryption,
        )
        slots, mail = slots + one.slots, mail + one.mail_slots
    return partitions


def stocked(plan: LibraryPlan) -> dict[Location, str]:
    """Where the plan puts cartridges: in the first slots of their partitions. Raises ValueError."""
    where, slots = {}, 0
    for one in plan.partitions:
        if len(one.cartridges) > one.slots:
            raise ValueError(
                f"partition {one.name} of library {plan.name} has {one.slots} slots and"
                f" {len(one.cartridges)} cartridges: give it more slots"
            )
        for at, barcode in enumerate(one.cartridges, slots + 1):
            where[Location(Kind.STORAGE, at)] = barcode
        slots += one.slots
    return where


def require_places(inventory: Inventory, total: Size, drives: Collection[int]) -> None:
    """Raises ValueError where a cartridge is in a place that the library does not have."""
    for at, held in inventory:
        if (
            (at.kind is Kind.STORAGE and at.number > total.slots)
            or (at.kind is Kind.IMPORT_EXPORT and at.number > total.mail_slots)
            or (at.kind is Kind.DRIVE and at.number not in drives)
        ):
            raise ValueError(
                f"{held.barcode} is in {at}, and the rig's library has no such place: bring back"
                " what the rig had, or remove the library's folder to begin anew"
            )


def require_room(one: Partition, total: Size) -> None:
    """Raises OperatorError where a partition has places that the library does not have."""
    if max(one.slots, default=0) > total.slots or max(one.mail_slots, default=0) > total.mail_slots:
        raise OperatorError(
            f"partition {one.name} has more slots than the library: add some in the rig file"
        )


def shape(partition: Partition) -> tuple[tuple[int, ...], ...]:
    """What hosts see of it: all but the encryption method."""
    return partition.drives, partition.slots, partition.mail_slots


def require_name(name: str) -> None:
    """Raises OperatorError for what no partition can be called."""
    if not _NAME.fullmatch(name):
        raise OperatorError(
            f"{name!r} will not do as the name of a partition: take 1 to 32 small letters, digits"
            " and hyphens"
        )


def reshaped(
    partitions: Mapping[str, Partition],
    total: Size,
    old: Partition,
    drives: Sequence[int] | None,
    slots: int | None,
    mail_slots: int | None,
) -> Partition:
    """The partition as it is to be, ``old`` being in ``partitions`` or a new one without places.

    None: as it is. Raises OperatorError where there are not as many places.
    """
    others = [one for one in partitions.values() if one.name != old.name]
    mine = old.drives if drives is None else tuple(drives)
    if len(set(mine)) != len(mine):
        raise OperatorError(f"partition {old.name} cannot have a drive twice: name each once")
    return replace(
        old,
        drives=mine,
        slots=_numbers(old, "slots", others, total.slots, slots),
        mail_slots=_numbers(old, "mail_slots", others, total.mail_slots, mail_slots),
    )


def given_up(old: Partition, new: Partition) -> list[Location]:
    """The places that a partition has and is not to have any more."""
    return [place for kind in Kind for place in old.places(kind) if place not in new.places(kind)]


def owners(partitions: Mapping[str, Partition]) -> Callable[[Location], str]:
    """What tells of a place which partition it belongs to; "": none."""
    owner = {
        Location(kind, number): one.name
        for one in partitions.values()
        for kind, numbers in (
            (Kind.STORAGE, one.slots),
            (Kind.IMPORT_EXPORT, one.mail_slots),
            (Kind.DRIVE, one.drives),
        )
        for number in numbers
    }
    return lambda place: owner.get(place, "")


def _numbers(
    old: Partition, what: str, others: Sequence[Partition], total: int, wanted: int | None
) -> tuple[int, ...]:
    mine: tuple[int, ...] = getattr(old, what)
    words = what.replace("_", " ")
    if wanted is None:
        return mine
    if wanted < 0:
        raise OperatorError(f"partition {old.name} cannot have {wanted} {words}: give 0 or more")
    taken = {number for one in others for number in getattr(one, what)}
    free = [at for at in range(1, total + 1) if at not in taken and at not in mine]
    if wanted > len(mine) + len(free):
        raise OperatorError(
            f"partition {old.name} cannot have {wanted} {words}, there are"
            f" {len(mine) + len(free)} for it: take some from another partition first"
        )
    # In this order: what stays keeps its element address.
    return (*mine[:wanted], *free[: max(wanted - len(mine), 0)])

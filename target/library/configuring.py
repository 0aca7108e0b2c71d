"""What operators do with partitions: make, change and delete them, set their encryption method.

A place changes hands only while it is empty, so no cartridge is ever where nobody shows it. A
partition gets another encryption method only while its drives are empty: what is on a tape was
written under the old one, the drive may be in the middle of it, and a volume is encrypted in one
way. Real libraries want idle, empty drives for that, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from target.library import layout, methods
from target.library.errors import OperatorError
from target.library.inventory import Kind, Location
from target.library.partition import Partition

if TYPE_CHECKING:
    from target.library.library import Library


def set_partition(
    library: Library,
    name: str,
    drives: Sequence[str] | None,
    slots: int | None,
    mail_slots: int | None,
) -> Partition:
    """Make a partition, or change one, see `Session.set_partition`."""
    with library.still():
        old = library.partitions.get(name)
        if old is None:
            layout.require_name(name)
            _require_own_name(library, name)
            old = Partition(name, _serial(library, name), (), ())
        numbers = None if drives is None else [library.drive_number(drive) for drive in drives]
        new = layout.reshaped(library.partitions, library.size, old, numbers, slots, mail_slots)
        _require_free(library, new)
        try:
            library.model.require_addresses(new)
        except ValueError as error:
            raise OperatorError(str(error)) from None
        _require_empty(library, layout.given_up(old, new), f"leave partition {name}")
        _configure(library, {**library.partitions, name: new})
        return new


def delete_partition(library: Library, name: str) -> None:
    """Delete a partition, which is empty."""
    with library.still():
        old = library.partition(name)
        places = layout.given_up(old, Partition(name, old.serial, (), ()))
        _require_empty(library, places, f"leave partition {name}")
        _configure(library, {key: one for key, one in library.partitions.items() if key != name})


def set_encryption(library: Library, name: str, method: str) -> Partition:
    """Give a partition another encryption method."""
    with library.still():
        old = library.partition(name)
        methods.find(library.methods, method, library.options)
        if method == old.encryption:
            return old
        _require_empty(
            library, old.places(Kind.DRIVE), f"have their encryption changed to {method}"
        )
        new = replace(old, encryption=method)
        _configure(library, {**library.partitions, name: new})
        return new


def require_drives_empty(library: Library, partitions: Mapping[str, Partition], what: str) -> None:
    """Raises OperatorError unless drives that get another partition or method are empty."""
    had, gets = methods.assignments(library.partitions), methods.assignments(partitions)
    changed = [number for number in library.drives if had.get(number) != gets.get(number)]
    _require_empty(library, [Location(Kind.DRIVE, number) for number in changed], what)


def _configure(library: Library, partitions: Mapping[str, Partition]) -> None:
    library.configure(replace(library.configuration, partitions=partitions))


def _require_own_name(library: Library, name: str) -> None:
    """Hosts' commands find drives and changers by their names, with _ for -."""
    if name.replace("-", "_") in library.names_of_drives:
        raise OperatorError(f"a drive is called {name}: choose another name for the partition")


def _require_free(library: Library, new: Partition) -> None:
    """Drives are in one partition."""
    for other in library.partitions.values():
        both = set(other.drives) & set(new.drives)
        if other.name != new.name and both:
            raise OperatorError(
                f"drive {library.drive_name(min(both))} is in partition {other.name}: take it out"
                " there first"
            )


def _require_empty(library: Library, places: Iterable[Location], what: str) -> None:
    for at in places:
        held = library.inventory.at(at)
        if held is not None:
            name = library.drive_name(at.number) if at.kind is Kind.DRIVE else str(at)
            kind = "drives" if at.kind is Kind.DRIVE else "places"
            raise OperatorError(
                f"{held.barcode} is in {name}, and only empty {kind} can {what}: move it first"
            )


def _serial(library: Library, name: str) -> str:
    """Of a new changer: ten digits, always the same for the library and the name."""
    text = "\0".join((library.serial, name, "partition"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return f"{number % 10**10:010d}"

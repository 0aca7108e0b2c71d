"""What operators do with cartridges: move them, put them in and take them out, open the door.

Everything happens in `Library.still`, so no host moves anything meanwhile. Hosts of the partitions
concerned hear of it (6/28/00, of mail slots 6/28/01). A host that prevents the removal of media has
locked the mail slots of its partition, its drive, and the door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.library import layout
from target.library.errors import OperatorError
from target.library.inventory import WORDS, Held, Kind, Location
from target.library.robot import MoveFailed
from target.library.views import MovedView
from target.scsi.unit import LogicalUnit

if TYPE_CHECKING:
    from target.library.library import Library

HOME = "home"


def move(library: Library, source: str, destination: str) -> MovedView:
    """Move a cartridge within the library, see `Session.move`."""
    with library.still():
        if library.door_open:
            raise OperatorError("the robot stands still while the door is open: close it first")
        start = _cartridge(library, source)
        held = library.inventory.at(start)
        if held is None:
            raise OperatorError(f"{start} is empty: name a place with a cartridge, or its barcode")
        end = _room(library, destination, held)
        _require_owner(library, end)
        if start.kind is Kind.DRIVE:
            drive = library.drives[start.number]
            _require_allowed(drive, f"{held.barcode} is not moved", "the drive's medium")
        try:
            library.robot.move(start, end)
        except MoveFailed as failure:
            raise OperatorError(str(failure)) from None
        finally:
            # Also where a drive got a cartridge and could not load it.
            if library.inventory.at(start) is None:
                for name in _owners(library, start, end):
                    library.changers[name].inventory_changed()
        return MovedView(held.barcode, str(start), str(end))


def insert(library: Library, barcode: str, mail_slot: str) -> MovedView:
    """Put a cartridge from outside into a mail slot, see `Session.insert`."""
    with library.still():
        _require_outside(library, barcode)
        at = _mail_slot(library, mail_slot) if mail_slot else _empty_mail_slot(library)
        _require_owner(library, at)
        if library.inventory.at(at) is not None:
            raise OperatorError(f"{at} is full: name another mail slot, or empty it")
        _require_unlocked(library, at, f"{barcode} is not inserted")
        _change(library, at, Held(barcode))
        return MovedView(barcode, "", str(at))


def remove(library: Library, source: str) -> MovedView:
    """Take a cartridge out of a mail slot, see `Session.remove`."""
    with library.still():
        at = _cartridge(library, source)
        held = library.inventory.at(at)
        if at.kind is not Kind.IMPORT_EXPORT:
            raise OperatorError(f"{source} is in {at}: move it to a mail slot first")
        if held is None:
            raise OperatorError(f"{at} is empty: name a mail slot with a cartridge")
        _require_unlocked(library, at, f"{held.barcode} is not removed")
        _change(library, at, None)
        return MovedView(held.barcode, str(at), "")


def open_door(library: Library) -> None:
    """The robot stops."""
    with library.still():
        if library.door_open:
            raise OperatorError("the door is open already: close it when you are done")
        for changer in library.changers.values():
            _require_allowed(changer, "the door stays closed", f"media of {changer.partition.name}")
        _set_door(library, True)


def close_door(library: Library) -> None:
    """The robot looks what is where, and hosts hear that it may have changed."""
    with library.still():
        if not library.door_open:
            raise OperatorError("the door is closed already: there is nothing to do")
        _set_door(library, False)


def _set_door(library: Library, is_open: bool) -> None:
    library.door_open = is_open
    for changer in library.changers.values():
        changer.door_moved()


def _change(library: Library, at: Location, held: Held | None) -> None:
    """Something is in a mail slot now, or not any more."""
    try:
        library.inventory.change({at: held})
    except OSError as error:
        raise OperatorError(
            f"the library cannot write its inventory ({error.strerror}): make room for it"
        ) from None
    for name in _owners(library, at):
        library.changers[name].mail_accessed()


# --- what is meant -------------------------------------------------------------------------------


def place(library: Library, text: str) -> Location | None:
    """The place that a drive's name or a text such as slot:17 means; None: it is neither.

    Raises OperatorError for one that the library does not have.
    """
    for number in library.drives:
        if library.drive_name(number) == text:
            return Location(Kind.DRIVE, number)
    if text.partition(":")[0] not in WORDS.values():
        return None
    try:
        at = Location.parse(text)
    except ValueError as error:
        raise OperatorError(str(error)) from None
    there = {
        Kind.TRANSPORT: 0,
        Kind.STORAGE: library.size.slots,
        Kind.IMPORT_EXPORT: library.size.mail_slots,
        Kind.DRIVE: max(library.drives, default=0),
    }
    if at.number > there[at.kind] or (at.kind is Kind.DRIVE and at.number not in library.drives):
        raise OperatorError(f"{library} has no place {text}: `inventory` shows those it has")
    return at


def _cartridge(library: Library, text: str) -> Location:
    """Where what is named is: by barcode, place or drive."""
    at = library.inventory.where(text) or place(library, text)
    if at is None:
        raise OperatorError(
            f"{library} has no cartridge, place or drive {text!r}: `inventory` shows what it has"
        )
    return at


def _room(library: Library, text: str, held: Held) -> Location:
    """Where something is to go: a place, a drive, home, or the first empty slot of a partition."""
    if text == HOME:
        if held.home is None:
            raise OperatorError(f"{held.barcode} has no home slot: name a place for it")
        return held.home
    at = place(library, text)
    if at is not None:
        return at
    if text not in library.partitions:
        raise OperatorError(f"{library} has no place, drive or partition {text!r}: name another")
    for slot in library.partitions[text].places(Kind.STORAGE):
        if library.inventory.at(slot) is None:
            return slot
    raise OperatorError(f"partition {text} has no empty slot: name another place")


def _mail_slot(library: Library, text: str) -> Location:
    at = place(library, text)
    if at is None or at.kind is not Kind.IMPORT_EXPORT:
        raise OperatorError(f"{text!r} is no mail slot: name one such as mail:1")
    return at


def _empty_mail_slot(library: Library) -> Location:
    for partition in library.partitions.values():
        for at in partition.places(Kind.IMPORT_EXPORT):
            if library.inventory.at(at) is None and not _preventing(
                library.changers[partition.name]
            ):
                return at
    raise OperatorError("no mail slot is empty and unlocked: empty one, or give a partition more")


def _require_outside(library: Library, barcode: str) -> None:
    if barcode not in library.cartridges:
        raise OperatorError(
            f"the rig has no cartridge {barcode!r}: add it to the rig file, or name another one"
        )
    at = library.inventory.where(barcode)
    if at is not None:
        raise OperatorError(f"{barcode} is in {at} already: move it from there")
    where = library.taken(barcode)
    if where:
        raise OperatorError(f"{barcode} is in {where}: take it out there first")


def _require_owner(library: Library, at: Location) -> None:
    """Nothing goes where no host could find it."""
    if not _owners(library, at):
        raise OperatorError(f"{at} is in no partition: name another place, or give it to one")


# --- what hosts prevent --------------------------------------------------------------------------


def _owners(library: Library, *places: Location) -> list[str]:
    """The partitions that these places belong to, each once."""
    owner = layout.owners(library.partitions)
    return sorted({owner(at) for at in places} - {""})


def _preventing(unit: LogicalUnit) -> list[str]:
    # A copy: a drive may meet another host meanwhile.
    nexuses = list(unit.nexuses.items())
    return sorted({nexus.initiator for nexus, state in nexuses if state.removal_prevented})


def _require_unlocked(library: Library, at: Location, what: str) -> None:
    for name in _owners(library, at):
        _require_allowed(library.changers[name], what, f"media of {name}")


def _require_allowed(unit: LogicalUnit, what: str, of: str) -> None:
    hosts = _preventing(unit)
    if hosts:
        raise OperatorError(
            f"{what}, host {', '.join(hosts)} prevents the removal of {of}: let it allow that first"
        )

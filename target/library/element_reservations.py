"""RESERVE and RELEASE of elements, in models that have it (``reserves_elements``; SMC 5.8, 5.12).

A host reserves some elements under an id of its own, and others cannot move anything from or to
them: RESERVATION CONFLICT. Without the ELEMENT bit it is the whole unit, as everywhere (SPC-2),
which conflicts while another host has elements. They are released by id, all together by a RELEASE
of the unit, and by a reset, a loss of power or the loss of the nexus. What was reserved under the
same id is replaced, if the new list can be had.

An element that is in the list and not there is 5/26/00 (no document says what it is).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.library.inventory import Location
from target.scsi import reservations
from target.scsi.command import (
    GOOD,
    Call,
    Completion,
    Data,
    Nexus,
    ReservationConflict,
    Rule,
    command,
)
from target.scsi.layout import Layout
from target.scsi.sense import PARAMETER_LIST_LENGTH, CheckCondition, invalid_parameter

if TYPE_CHECKING:
    from target.library.changer import Changer

LIST = Layout("2-3 count, 4-5 start", 6)
MOST = 16
"""Descriptors in a list (StorageTek SL500)."""

Reserved = dict[tuple[Nexus, int], frozenset[Location]]


def reserved(changer: Changer) -> Reserved:
    """What is reserved, by whom and under which id."""
    known: Reserved = changer.volatile.setdefault("reserved_elements", {})
    return known


def require_free(changer: Changer, nexus: Nexus, *places: Location) -> None:
    """Conflict where another nexus has reserved one of these places."""
    for (owner, _), taken in reserved(changer).items():
        if owner != nexus and taken.intersection(places):
            raise ReservationConflict


def forget(changer: Changer, nexus: Nexus) -> None:
    """Nothing is reserved by that nexus any more."""
    known = reserved(changer)
    for key in [key for key in known if key[0] == nexus]:
        del known[key]


def reserve(changer: Changer, call: Call) -> Completion:
    """RESERVE(6)."""
    if not call["element"]:
        if any(owner != call.nexus for owner, _ in reserved(changer)):
            raise ReservationConflict
        return reservations.reserve(changer, call)
    if changer.persistent.keys:
        raise ReservationConflict
    length = call["list_length"]
    if length % LIST.size or length > MOST * LIST.size:
        raise CheckCondition(PARAMETER_LIST_LENGTH)
    data = call.parameters(length)
    places: set[Location] = set()
    for at in range(0, length, LIST.size):
        places |= _listed(changer, data, at)
    require_free(changer, call.nexus, *places)
    reserved(changer)[call.nexus, call["id"]] = frozenset(places)
    return GOOD


def _listed(changer: Changer, data: bytearray, at: int) -> set[Location]:
    """The elements of one descriptor; a count of 0 is all from the start on."""
    one = data[at : at + LIST.size]
    stray = LIST.stray_bit(one)
    if stray:
        raise invalid_parameter(at + stray[0], stray[1])
    start, count = LIST["start"].get(one), LIST["count"].get(one)
    known = changer.elements.by_address
    if start not in known:
        raise invalid_parameter(at + LIST["start"].first)
    following = sorted(address for address in known if address >= start)
    if count > len(following):
        raise invalid_parameter(at + LIST["count"].first)
    return {known[address] for address in following[: count or None]}


def release(changer: Changer, call: Call) -> Completion:
    """RELEASE(6): no error where nothing is reserved."""
    if call["element"]:
        reserved(changer).pop((call.nexus, call["id"]), None)
        return GOOD
    forget(changer, call.nexus)
    return reservations.release(changer, call)


_FIELDS = "1.0 element, 2 id"

COMMANDS = (
    command(
        0x16, "RESERVE(6)", f"{_FIELDS}, 3-4 list_length", reserve, Data.OUT, Rule.PASSES_UNRESERVED
    ),
    command(
        0x17, "RELEASE(6)", _FIELDS, release, rules=Rule.PASSES_LEGACY | Rule.PASSES_UNRESERVED
    ),
)
"""In place of those that reserve the unit alone."""

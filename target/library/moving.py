"""MOVE MEDIUM, EXCHANGE MEDIUM, POSITION TO ELEMENT, OPEN/CLOSE IMPORT/EXPORT ELEMENT (SMC-3 6).

The robot does the work, see `robot`; here addresses become places, and what fails becomes sense
data. An address that is no element of the partition is 5/21/01, and so is the picker as source or
destination: device capabilities (mode page 1Fh) say that it keeps nothing. Decided where documents
disagree or are silent:

- Source and destination alike: the destination is full, 5/3B/0D.
- A cartridge that does not fit into a drive by its shape (3592 into LTO) is not put in: 5/30/00, or
  the maker's own code (Quantum: 5/3B/A0). Of another generation it fits, and the drive itself says
  that it cannot use it: real robots do not know more either.
- A drive that is loaded is unloaded by the move, or the move is 5/3A/00 (``unloads = false``,
  StorageTek: "drive not unloaded", the host has to do it). A host that prevents removal in the
  drive makes it 5/53/02 always.
- A drive that gets a cartridge and cannot load it: 4/53/00. The cartridge is in the drive. A drive
  that cannot eject (nothing can be made durable): 4/53/00, and the cartridge stays there.
- A drive that the rig no longer has: 5/3B/1A.
- INVERT is 5/24/00: no picker here turns cartridges over.
- A host's move is told to nobody. Unit attentions (6/28/00) are for what operators and other
  partitions do: several hosts of one changer are one application, which knows what it moves, and
  tools such as mtx end at a unit attention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.library.alerts import Flag
from target.library.element_reservations import require_free
from target.library.inventory import Kind, Location
from target.library.robot import MoveFailed
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Rule, command
from target.scsi.sense import CheckCondition, Sense

if TYPE_CHECKING:
    from target.library.changer import Changer

_OPEN, _CLOSE = 0, 1


def move_medium(changer: Changer, call: Call) -> Completion:
    """MOVE MEDIUM (SMC-3 6.5)."""
    _transport(changer, call)
    source, destination = _keeper(changer, call, "source"), _keeper(changer, call, "destination")
    if call["invert"]:
        raise call.invalid("invert")
    require_free(changer, call.nexus, source, destination)
    changer.require_closed(source, destination)
    try:
        with changer.library.lock:
            changer.library.robot.move(source, destination, unload=_unloads(changer))
    except MoveFailed as failure:
        raise _told(changer, failure) from None
    return GOOD


def exchange_medium(changer: Changer, call: Call) -> Completion:
    """EXCHANGE MEDIUM (SMC-3 6.2): the source's to the first destination, and what was there to
    the second, which may be the source."""
    _transport(changer, call)
    places = [_keeper(changer, call, name) for name in ("source", "first", "second")]
    for name in ("inv1", "inv2"):
        if call[name]:
            raise call.invalid(name)
    require_free(changer, call.nexus, *places)
    changer.require_closed(*places)
    try:
        with changer.library.lock:
            changer.library.robot.exchange(*places, unload=_unloads(changer))
    except MoveFailed as failure:
        raise _told(changer, failure) from None
    return GOOD


def position_to_element(changer: Changer, call: Call) -> Completion:
    """POSITION TO ELEMENT (SMC-3 6.7): the picker goes before any element; nothing changes."""
    _transport(changer, call)
    changer.element(call["destination"], call.command.layout["destination"].first)
    if call["invert"]:
        raise call.invalid("invert")
    return GOOD


def open_close(changer: Changer, call: Call) -> Completion:
    """OPEN/CLOSE IMPORT/EXPORT ELEMENT (SMC-3 6.6): a mail slot.

    One that is open has ACCESS 0 and cannot be moved to or from: 2/3A/02, as StorageTek's, for the
    picker cannot reach it. Closing it is an access, 6/28/01 for the other hosts. 5/53/02 while any
    host prevents removal, 5/21/01 for another element, 5/24/00 for another action.
    """
    place = changer.element(call["element"], 2)
    if place.kind is not Kind.IMPORT_EXPORT:
        raise CheckCondition(Sense(s.INVALID_ELEMENT, pointer=(2, None)))
    action = call["action"]
    if action not in (_OPEN, _CLOSE):
        raise call.invalid("action")
    if action == _OPEN:
        if changer.prevents:
            raise CheckCondition(s.REMOVAL_PREVENTED)
        changer.opened.add(place)
    elif place in changer.opened:
        changer.opened.discard(place)
        changer.attention(s.IMPORT_EXPORT_ACCESSED, but=call.nexus)
    return GOOD


def _unloads(changer: Changer) -> bool:
    return bool(changer.model.quirks.get("unloads", True))


def _transport(changer: Changer, call: Call) -> None:
    """The picker, or 0 for the library's own choice, which is the same; else 5/21/01."""
    if call["transport"] and call["transport"] not in changer.elements.of(Kind.TRANSPORT):
        raise CheckCondition(Sense(s.INVALID_ELEMENT, pointer=(2, None)))


def _keeper(changer: Changer, call: Call, field: str) -> Location:
    """The place that a field of the CDB names, if it can keep a cartridge."""
    where = call.command.layout[field].first
    place = changer.element(call[field], where)
    if place.kind is Kind.TRANSPORT:
        raise CheckCondition(Sense(s.INVALID_ELEMENT, pointer=(where, None)))
    return place


def _told(changer: Changer, failure: MoveFailed) -> CheckCondition:
    """The sense data of a move that failed."""
    if failure.code == s.LOAD_OR_EJECT_FAILED:
        changer.alerts.raise_(Flag.LOAD_RETRY)
        changer.happened("alert", flag=int(Flag.LOAD_RETRY), name="library load retry")
    return CheckCondition(failure.code)


_MOVES = Rule.NEEDS_MEDIUM

COMMANDS = (
    command(
        0x1B, "OPEN/CLOSE IMPORT/EXPORT ELEMENT", "2-3 element, 4.4-0 action", open_close,
        rules=_MOVES, timeout="move",
    ),
    command(
        0x2B, "POSITION TO ELEMENT", "2-3 transport, 4-5 destination, 8.0 invert",
        position_to_element, rules=_MOVES, timeout="move",
    ),
    command(
        0xA5, "MOVE MEDIUM", "2-3 transport, 4-5 source, 6-7 destination, 10.0 invert",
        move_medium, rules=_MOVES, timeout="move",
    ),
    command(
        0xA6, "EXCHANGE MEDIUM",
        "2-3 transport, 4-5 source, 6-7 first, 8-9 second, 10.1 inv1, 10.0 inv2",
        exchange_medium, rules=_MOVES, timeout="move",
    ),
)  # fmt: skip
"""NEEDS_MEDIUM: of a changer that is the robot, which stands still while the door is open."""

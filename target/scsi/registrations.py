"""Persistent reservations as such: who is registered, who holds the unit, what an action changes.

This is the state machine of SPC-4 5.13, without CDBs and parameter lists (see `reservations`).
An action either raises and changes nothing, or changes the state and returns whom to tell what.
I_T nexuses are told apart by the address of the initiator port and the name of the target port, as
SPC-4 5.13.5.1 has it: these can be registered before they were ever seen, and kept without power.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from target.scsi import sense as s
from target.scsi.command import Nexus, ReservationConflict, Rule
from target.scsi.sense import CheckCondition, Code, invalid_parameter
from target.scsi.transport_id import SAS, address_of


class Registrant(NamedTuple):
    """An I_T nexus that is, or might be, registered."""

    address: int
    target: str

    @classmethod
    def of(cls, nexus: Nexus) -> Registrant:
        """The nexus by its address."""
        return cls(address_of(nexus.initiator), nexus.target)


class Type(IntEnum):
    """Persistent reservation type (SPC-4 6.15.3.4)."""

    WRITE_EXCLUSIVE = 1
    EXCLUSIVE_ACCESS = 3
    WRITE_EXCLUSIVE_REGISTRANTS_ONLY = 5
    EXCLUSIVE_ACCESS_REGISTRANTS_ONLY = 6
    WRITE_EXCLUSIVE_ALL_REGISTRANTS = 7
    EXCLUSIVE_ACCESS_ALL_REGISTRANTS = 8


_WRITE_EXCLUSIVE = (1, 5, 7)
_FOR_REGISTRANTS = (5, 6, 7, 8)
_ALL_REGISTRANTS = (7, 8)


@dataclass(frozen=True)
class Capabilities:
    """What a model can do with persistent reservations; REPORT CAPABILITIES tells most of it.

    ``conflicts``: opcodes that conflict although SPC-4 lets them pass, as footnote b of its table
    65 leaves to units of earlier standards. ``allow_commands``: what the field of that name says
    of it (0: nothing). ``limit``: how many nexuses can be registered. ``protocol``: that of the
    TransportIDs.
    """

    types: tuple[int, ...] = tuple(Type)
    crh: bool = True
    sip_c: bool = True
    ptpl_c: bool = True
    allow_commands: int = 3
    conflicts: tuple[int, ...] = ()
    limit: int = 32
    protocol: int = SAS


Told = list[tuple[Registrant, Code]]


class Registrations:
    """Registrations in the order they were made, and the reservation if there is one."""

    def __init__(self) -> None:
        self.capabilities = Capabilities()
        self.keys: dict[Registrant, int] = {}
        self.type: Type | None = None
        """None: nothing is reserved."""
        self.holder: Registrant | None = None
        """The one holder; None where nothing is reserved or every registrant holds."""
        self.generation = 0
        self.persists = False
        """APTPL of the last registration: all of this is kept without power."""

    # --- who may -----------------------------------------------------------------------------

    def holds(self, who: Registrant) -> bool:
        """Whether ``who`` is a persistent reservation holder (5.13.10)."""
        if self.type in _ALL_REGISTRANTS:
            return who in self.keys
        return self.type is not None and who == self.holder

    def holders(self) -> set[Registrant]:
        """Every persistent reservation holder."""
        return {who for who in self.keys if self.holds(who)}

    def admits(self, who: Registrant) -> bool:
        """Whether there is a reservation, and it lets ``who`` do everything."""
        return self.holds(who) or (self.type in _FOR_REGISTRANTS and who in self.keys)

    def barrier(self, who: Registrant) -> Rule | None:
        """The rule that lets a command pass on this nexus; None if none is needed."""
        if self.type is None or self.admits(who):
            return None
        write = self.type in _WRITE_EXCLUSIVE
        return Rule.PASSES_WRITE_EXCLUSIVE if write else Rule.PASSES_EXCLUSIVE_ACCESS

    # --- service actions ---------------------------------------------------------------------

    def register(self, who: Iterable[Registrant], key: int) -> None:
        """REGISTER with a key: new registrations, or new keys. 5/55/04 if there are too many."""
        changed = dict.fromkeys(who, key)
        if len(self.keys | changed) > self.capabilities.limit:
            raise CheckCondition(s.INSUFFICIENT_REGISTRATIONS)
        self.keys |= changed

    def unregister(self, who: Registrant) -> Told:
        """REGISTER with key 0 (5.13.11.2.3): a reservation whose holders are gone is released."""
        kind, held = self.type, self.holds(who)
        del self.keys[who]
        if not held or (kind in _ALL_REGISTRANTS and self.keys):
            return []
        self._free()
        return self._tell(s.RESERVATIONS_RELEASED) if kind in _FOR_REGISTRANTS else []

    def require_free(self, who: Registrant) -> None:
        """Conflict if the unit is reserved, and not by ``who``."""
        if self.type is not None and not self.holds(who):
            raise ReservationConflict

    def reserve(self, who: Registrant, kind: Type) -> None:
        """RESERVE (5.13.9). Conflict with any other reservation; its holder may repeat it."""
        self.require_free(who)
        if self.type is None:
            self._take(who, kind)
        elif kind != self.type:
            raise ReservationConflict

    def release(self, who: Registrant, scope: int, kind: int) -> Told:
        """RELEASE (5.13.11.2.2): no effect for others than a holder.

        5/26/04 if ``scope`` and ``kind`` are not those of the reservation.
        """
        if not self.holds(who):
            return []
        if scope or kind != self.type:
            raise CheckCondition(s.INVALID_RELEASE)
        self._free()
        return self._tell(s.RESERVATIONS_RELEASED, but=who) if kind in _FOR_REGISTRANTS else []

    def clear(self, who: Registrant) -> Told:
        """CLEAR (5.13.11.2.7): no reservation and no registration any more."""
        told = self._tell(s.RESERVATIONS_PREEMPTED, but=who)
        self.keys.clear()
        self._free()
        return told

    def preempts(self, key: int) -> bool:
        """Whether PREEMPT with ``key`` takes the reservation (table 72).

        5/26/00 for key 0, which stands for all of all registrants, with any other type.
        """
        if self.type is None:
            return False
        if self.holder is None:
            return not key
        if not key:
            raise invalid_parameter(8)
        return self.keys[self.holder] == key

    def preempt(self, who: Registrant, key: int, kind: Type) -> Told:
        """PREEMPT that takes the reservation (5.13.11.2.4.3)."""
        old = self.type
        named = [one for one, known in self.keys.items() if not key or known == key]
        told = self._remove(who, [one for one in named if one != who])
        self._take(who, kind)
        return told + (self._tell(s.RESERVATIONS_RELEASED, but=who) if kind != old else [])

    def remove(self, who: Registrant, key: int) -> Told:
        """PREEMPT that only removes registrations, be it the sender's own (5.13.11.2.5).

        Conflict if no nexus is registered with ``key``.
        """
        gone = [one for one, known in self.keys.items() if known == key]
        if not gone:
            raise ReservationConflict
        told = self._remove(who, gone)
        if not self.keys:
            self._free()
        return told

    def move(self, who: Registrant, to: Registrant, key: int, leave: bool) -> None:
        """REGISTER AND MOVE of a reservation that ``who`` holds (5.13.8); ``leave``: UNREG."""
        self.register([to], key)
        self.holder = to
        if leave:
            del self.keys[who]

    def _take(self, who: Registrant, kind: Type) -> None:
        self.type = kind
        self.holder = None if kind in _ALL_REGISTRANTS else who

    def _free(self) -> None:
        self.type = self.holder = None

    def _remove(self, who: Registrant, gone: list[Registrant]) -> Told:
        for one in gone:
            del self.keys[one]
        return [(one, s.REGISTRATIONS_PREEMPTED) for one in gone if one != who]

    def _tell(self, code: Code, but: Registrant | None = None) -> Told:
        return [(one, code) for one in self.keys if one != but]

    # --- without power -----------------------------------------------------------------------

    def to_json(self) -> dict[str, Any] | None:
        """What is kept without power: None unless it was asked for."""
        if not self.persists:
            return None
        rows = [
            [f"{one.address:016x}", one.target, f"{key:016x}"] for one, key in self.keys.items()
        ]
        held = None if self.holder is None else list(self.keys).index(self.holder)
        return {"registrations": rows, "type": self.type and int(self.type), "holder": held}

    def restore(self, kept: dict[str, Any] | None) -> None:
        """Loss of power: what was kept is all that is left, and the generation starts anew."""
        known = kept or {"registrations": [], "type": None, "holder": None}
        self.persists = bool(kept)
        self.generation = 0
        self.keys = {
            Registrant(int(address, 16), target): int(key, 16)
            for address, target, key in known["registrations"]
        }
        self.type = None if known["type"] is None else Type(known["type"])
        self.holder = None if known["holder"] is None else list(self.keys)[known["holder"]]

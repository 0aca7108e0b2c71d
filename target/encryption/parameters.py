"""Data encryption parameter sets: which one a nexus uses, and what drops one (SSC-4 4.2.22).

There is at most one set with scope ALL I_T NEXUS and one LOCAL set for each nexus. A nexus with
scope PUBLIC, or ALL, uses the ALL set; where there is none, the defaults: everything disabled.

What neither SSC-3 and SSC-4 nor the makers' references tell is decided here:

* The ALL set belongs to no nexus. It stays when the nexus that set it takes another scope or is
  lost: the others, who were told nothing, would write in clear from then on.
* With the set that a nexus established, its scope goes as well: it is PUBLIC then. A nexus with
  scope LOCAL and no set would either use a key that others set, or need defaults of its own.
* A lock stays broken when the counter returns to what it was, which that of the defaults, 0, does.
  That the counter alone does not show it was said on the T10 reflector (Butt, 2 April 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from keymgr.secret import Secret
from target.medium.runs import Kads
from target.scsi.command import Nexus


class Scope(IntEnum):
    """Data encryption scope."""

    PUBLIC = 0
    LOCAL = 1
    ALL = 2


class Encryption(IntEnum):
    """ENCRYPTION MODE: what happens to blocks that are written."""

    DISABLE = 0
    EXTERNAL = 1
    ENCRYPT = 2


class Decryption(IntEnum):
    """DECRYPTION MODE: what happens to blocks that are read."""

    DISABLE = 0
    RAW = 1
    DECRYPT = 2
    MIXED = 3


CHECK_NOT_EXTERNAL, CHECK_NOT_ENCRYPT = 2, 3
"""CEEM: reading a block that was written in EXTERNAL, or in ENCRYPT, mode is an error."""


@dataclass(frozen=True)
class ParameterSet:
    """One set of data encryption parameters, as a SET DATA ENCRYPTION page established it."""

    scope: Scope = Scope.PUBLIC
    encryption: Encryption = Encryption.DISABLE
    decryption: Decryption = Decryption.DISABLE
    algorithm: int = 0
    key: Secret = field(default_factory=lambda: Secret(b""))
    kads: Kads = field(default_factory=Kads)
    """As the page brought them."""
    nonce: bytes = b""
    ceem: int = 0
    raw_disabled: bool = False
    """Blocks written with this set are marked as not to be read in RAW mode."""
    ckod: bool = False
    ckorp: bool = False
    ckorl: bool = False
    counter: int = 0
    """Key instance counter when the set was established."""

    @property
    def active(self) -> bool:
        """Whether the set does anything."""
        return bool(self.encryption or self.decryption)


DEFAULTS = ParameterSet()


def told(one: ParameterSet) -> dict[str, Any]:
    """What may be said of a set: everything but the key and the nonce, as JSON values."""
    kads = {
        name: data.decode("ascii") if data.isascii() and data.decode().isprintable() else data.hex()
        for name, data in zip(Kads._fields[:3], one.kads[:3], strict=True)
        if data
    }
    return {
        "scope": one.scope.name.lower(),
        "encryption": one.encryption.name.lower(),
        "decryption": one.decryption.name.lower(),
        "counter": one.counter,
        "key_data": kads,
    }


_BROKEN = -1
"""In place of the counter that a nexus is locked to: what it was locked to has changed."""


class Parameters:
    """All the sets of one drive, and which nexus uses which.

    ``gone`` hears why when sets with keys go, other than by a page that sets others.
    """

    def __init__(self, gone: Callable[[str], None] = lambda why: None) -> None:
        self._gone = gone
        self.counter = 0
        self.shared: ParameterSet | None = None
        self.local: dict[Nexus, ParameterSet] = {}
        self.scopes: dict[Nexus, Scope] = {}
        self.locks: dict[Nexus, int] = {}
        self.registered: set[Nexus] = set()
        """Nexuses that have used protocol 20h: only they hear of changes."""

    def of(self, nexus: Nexus) -> ParameterSet:
        """The set that a nexus reads and writes with."""
        if nexus in self.local:
            return self.local[nexus]
        return self.shared or DEFAULTS

    def scope(self, nexus: Nexus) -> Scope:
        """The scope that a nexus has chosen."""
        return self.scopes.get(nexus, Scope.PUBLIC)

    def stale(self, nexus: Nexus) -> bool:
        """Whether the nexus locked itself to a set that is no longer the one it uses."""
        locked = self.locks.get(nexus)
        return locked is not None and locked != self.of(nexus).counter

    def next_counter(self) -> int:
        """The key instance counter for a set about to be established; 0 is that of the defaults."""
        return self.counter % 0xFFFFFFFF + 1

    def establish(
        self, nexus: Nexus, scope: Scope, new: ParameterSet | None, lock: bool
    ) -> set[Nexus]:
        """Take over a SET DATA ENCRYPTION page; ``new`` is None for scope PUBLIC.

        Returns the other registered nexuses whose parameters changed by it.
        """
        self.counter = self.next_counter()
        affected: set[Nexus] = set()
        old_local = self.local.pop(nexus, None)
        if old_local:
            old_local.key.wipe()
        if new and scope is Scope.LOCAL:
            self.local[nexus] = new
        elif new:
            if self.shared:
                self.shared.key.wipe()
            self.shared = new
            affected = {other for other in self.registered if other not in self.local}
        self.scopes[nexus] = scope
        self.locks.pop(nexus, None)
        if lock:
            self.locks[nexus] = self.of(nexus).counter
        self._break_locks()
        return affected - {nexus}

    def give(self, new: ParameterSet) -> set[Nexus]:
        """Take over the set that a key source gave, for all nexuses; all that are registered have
        to hear of it and are returned."""
        self.counter = new.counter
        if self.shared:
            self.shared.key.wipe()
        self.shared = new
        self._break_locks()
        return set(self.registered)

    def taken_over(self) -> set[Nexus]:
        """Somebody else controls the parameters from now on: every set and scope goes. All that
        are registered have to hear of it and are returned."""
        self._release({one.counter for one in self._sets()}, "control taken over")
        self.scopes.clear()
        return set(self.registered)

    def demounted(self, why: str = "volume demounted") -> set[Nexus]:
        """The volume is gone: sets with CKOD are released. Returns the nexuses that had them."""
        return self._release({s.counter for s in self._sets() if s.ckod}, why)

    def reservation_lost(self) -> set[Nexus]:
        """A reservation ended: sets with CKORL are released. Returns the nexuses that had them."""
        return self._release({s.counter for s in self._sets() if s.ckorl}, "reservation lost")

    def reservation_preempted(self) -> set[Nexus]:
        """A persistent reservation was preempted: sets with CKORP are released, likewise."""
        counters = {s.counter for s in self._sets() if s.ckorp}
        return self._release(counters, "reservation preempted")

    def nexus_gone(self, nexus: Nexus) -> None:
        """A nexus is lost: its LOCAL set goes, its scope is PUBLIC, and it is not registered."""
        lost = self.local.pop(nexus, None)
        if lost:
            self._tell([lost], "nexus lost")
            lost.key.wipe()
        self.scopes.pop(nexus, None)
        self.locks.pop(nexus, None)
        self.registered.discard(nexus)

    def reset(self) -> None:
        """Power-on or hard reset: every set, lock and registration is gone."""
        self._tell(self._sets(), "reset")
        for one in self._sets():
            one.key.wipe()
        self.__init__(self._gone)  # type: ignore[misc]  # the power-on state is the initial state

    def _sets(self) -> list[ParameterSet]:
        return [*self.local.values(), *([self.shared] if self.shared else [])]

    def _break_locks(self) -> None:
        for nexus, locked in self.locks.items():
            if locked != self.of(nexus).counter:
                self.locks[nexus] = _BROKEN

    def _tell(self, sets: list[ParameterSet], why: str) -> None:
        if any(one.active for one in sets):
            self._gone(why)

    def _release(self, counters: set[int], why: str) -> set[Nexus]:
        users = {nexus for nexus in self.registered if self.of(nexus).counter in counters}
        released = [one for one in self._sets() if one.counter in counters]
        self._tell(released, why)
        for one in released:
            one.key.wipe()
        for nexus, scope in list(self.scopes.items()):
            if scope is not Scope.PUBLIC and self.of(nexus).counter in counters:
                del self.scopes[nexus]
        self.local = {n: one for n, one in self.local.items() if one.counter not in counters}
        if self.shared and self.shared.counter in counters:
            self.shared = None
        self._break_locks()
        return users

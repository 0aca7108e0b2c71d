"""Any sequence of reservations, resets and losses of power, against a model of a few lines."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from target.scsi import sense as s
from target.scsi.command import Nexus
from target.scsi.transport_id import address_of
from tests.scsi.persistent import (
    ABORT,
    CLEAR,
    EA_AR,
    IGNORE,
    PREEMPT,
    REGISTER,
    RELEASE,
    RESERVE,
    TYPES,
    WE,
    WE_AR,
    WE_RO,
    Client,
    transport_id,
    unit,
)
from tests.tape.host import CHECK, CONFLICT, GOOD

NAMES = ("a", "b", "c")
EVENTS = ("clear", "reset", "lose_nexus", "lose_power", "build_anew")
MODE_SENSE = bytes((0x1A, 0, 0, 0, 0, 0))
WRITE, READ_KEYS = bytes((0x0A, 0, 0, 0, 0, 0)), bytes((0x5E, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0))

names = st.sampled_from(NAMES)
keys = st.sampled_from((1, 1, 2, 2, 3, 3, 0))
wrong = st.sampled_from((None, None, None, None, 0, 1))
"""A key instead of the right one; None: the right one."""
kinds = st.sampled_from(TYPES)


class Reservations(RuleBasedStateMachine):
    """The model is what is registered, and who holds the unit by which type."""

    def __init__(self) -> None:
        super().__init__()
        self.server = unit()
        self.clients = {name: Client(self.server, name) for name in NAMES}
        self.keys: dict[str, int] = {}
        self.holder: str | None = None
        self.kind = 0
        self.generation = 0
        self.kept = False
        self.legacy: str | None = None
        self.calm()

    def calm(self) -> None:
        """Every nexus has heard all that there is to hear."""
        for client in self.clients.values():
            self.server.nexuses.get(client.nexus) or client.send(b"\x12" + bytes(5))
            self.server.nexuses[client.nexus].attentions.clear()

    # --- the model -----------------------------------------------------------------------------

    @property
    def all_registrants(self) -> bool:
        return self.kind in (WE_AR, EA_AR)

    def holds(self, name: str) -> bool:
        if self.all_registrants:
            return name in self.keys
        return bool(self.kind) and name == self.holder

    def admits(self, name: str) -> bool:
        return self.holds(name) or (self.kind >= WE_RO and name in self.keys)

    def gone(self, *names: str) -> None:
        """Registrations were removed."""
        for name in names:
            del self.keys[name]
        if not self.keys or (self.holder in names and not self.all_registrants):
            self.holder, self.kind = None, 0

    def free(self) -> None:
        self.holder, self.kind = None, 0

    def right(self, name: str, key: int | None) -> int:
        return self.keys.get(name, 0) if key is None else key

    def out(self, name: str, action: int, key: int, new: int, wanted: int, **more: int) -> None:
        """Send it; ``wanted`` is the status if nobody holds the unit by RESERVE."""
        reply = self.clients[name].out(action, key, new, **more)  # type: ignore[arg-type]  # numbers all
        assert reply.status == (CONFLICT if self.legacy else wanted), reply

    # --- what may happen -------------------------------------------------------------------------

    @initialize(given=st.fixed_dictionaries(dict.fromkeys(NAMES, keys)), name=names, kind=kinds)
    def begin(self, given: dict[str, int], name: str, kind: int) -> None:
        for one, key in given.items():
            self.register(one, None, key, False, True)
        self.reserve(name, None, kind)

    @rule(name=names, key=wrong, new=keys, ignore=st.booleans(), keep=st.booleans())
    def register(self, name: str, key: int | None, new: int, ignore: bool, keep: bool) -> None:
        key = self.right(name, key)
        fits = ignore or self.keys.get(name, 0) == key
        action = IGNORE if ignore else REGISTER
        self.out(name, action, key, new, GOOD if fits else CONFLICT, flags=int(keep))
        if self.legacy or not fits or (name not in self.keys and not new):
            return
        self.generation += 1
        self.kept = keep
        if new:
            self.keys[name] = new
        else:
            self.gone(name)

    @rule(name=names, key=wrong, kind=kinds)
    def reserve(self, name: str, key: int | None, kind: int) -> None:
        key = self.right(name, key)
        known = self.keys.get(name) == key
        fits = known and (not self.kind or (self.holds(name) and self.kind == kind))
        self.out(name, RESERVE, key, 0, GOOD if fits else CONFLICT, kind=kind)
        if fits and not self.legacy and not self.kind:
            self.holder, self.kind = name, kind

    @rule(name=names, key=wrong, kind=kinds)
    def release(self, name: str, key: int | None, kind: int) -> None:
        key = self.right(name, key)
        if self.keys.get(name) != key:
            self.out(name, RELEASE, key, 0, CONFLICT, kind=kind)
        elif self.holds(name) and kind != self.kind:
            self.out(name, RELEASE, key, 0, CHECK, kind=kind)
        else:
            self.out(name, RELEASE, key, 0, GOOD, kind=kind)
            if self.holds(name) and not self.legacy:
                self.free()

    @rule(name=names, key=wrong, new=keys, kind=kinds, abort=st.booleans())
    def preempt(self, name: str, key: int | None, new: int, kind: int, abort: bool) -> None:
        key = self.right(name, key)
        action = ABORT if abort else PREEMPT
        named = [one for one, known in self.keys.items() if known == new]
        takes = self.all_registrants and not new
        takes = takes or (self.kind > 0 and not self.all_registrants and self.holder in named)
        if self.keys.get(name) != key:
            wanted = CONFLICT
        elif self.kind and not self.all_registrants and not new:
            wanted = CHECK
        else:
            wanted = GOOD if takes or named else CONFLICT
        self.out(name, action, key, new, wanted, kind=kind)
        if self.legacy or wanted != GOOD:
            return
        self.generation += 1
        if takes:
            kept = {one: known for one, known in self.keys.items() if new and known != new}
            self.keys = {**{name: self.keys[name]}, **kept}
            self.holder, self.kind = name, kind
        else:
            self.gone(*named)

    @rule(name=names, to=names, key=wrong, new=keys, leave=st.booleans(), keep=st.booleans())
    def move(self, name: str, to: str, key: int | None, new: int, leave: bool, keep: bool) -> None:
        key = self.right(name, key)
        destination = transport_id(address_of(to))
        reply = self.clients[name].move(key, new, destination, flags=leave << 1 | keep)
        if self.legacy or self.keys.get(name) != key:
            wanted = CONFLICT
        elif not self.kind:
            wanted = CHECK
        elif self.all_registrants or not self.holds(name):
            wanted = CONFLICT
        else:
            wanted = GOOD if new and to != name else CHECK
        assert reply.status == wanted
        if wanted == GOOD:
            self.keys[to] = new
            self.holder = to
            if leave:
                del self.keys[name]
            self.generation += 1
            self.kept = keep

    @rule(name=names, release=st.booleans())
    def legacy_command(self, name: str, release: bool) -> None:
        reply = self.clients[name].send(bytes((0x16 + release, 0, 0, 0, 0, 0)))
        if self.legacy:
            wanted = GOOD if release or self.legacy == name else CONFLICT
        else:
            wanted = GOOD if not self.keys or self.admits(name) else CONFLICT
        assert reply.status == wanted
        if wanted == GOOD and not self.keys:
            if not release:
                self.legacy = name
            elif self.legacy == name:
                self.legacy = None

    @rule(event=st.sampled_from(EVENTS), name=names, key=wrong)
    def now_and_then(self, event: str, name: str, key: int | None) -> None:
        """What would be in the way of everything else if it came as often."""
        getattr(self, event)(name, self.right(name, key))

    def clear(self, name: str, key: int) -> None:
        fits = self.keys.get(name) == key
        self.out(name, CLEAR, key, 0, GOOD if fits else CONFLICT)
        if fits and not self.legacy:
            self.keys.clear()
            self.free()
            self.generation += 1

    def reset(self, name: str, key: int) -> None:
        self.server.reset(s.DEVICE_RESET)
        self.legacy = None

    def lose_nexus(self, name: str, key: int) -> None:
        self.server.nexus_lost(Nexus(name))
        if self.legacy == name:
            self.legacy = None

    def lose_power(self, name: str, key: int) -> None:
        self.server.power_on()
        self.powered()

    def build_anew(self, name: str, key: int) -> None:
        memory = json.loads(json.dumps(self.server.memory))
        self.server = unit()
        self.server.restore(memory)
        self.clients = {name: Client(self.server, name) for name in NAMES}
        self.powered()

    def powered(self) -> None:
        self.legacy = None
        self.generation = 0
        if not self.kept:
            self.keys.clear()
            self.free()

    # --- what always holds -----------------------------------------------------------------------

    @invariant()
    def the_unit_is_as_the_model_says(self) -> None:
        self.calm()
        if self.legacy:
            for name, client in self.clients.items():
                assert client.send(WRITE).status == (GOOD if name == self.legacy else CONFLICT)
                assert client.send(READ_KEYS).status == CONFLICT
            return
        client = self.clients["a"]
        assert client.generation == self.generation
        assert sorted(client.keys) == sorted(self.keys.values())
        key = 0 if self.all_registrants or not self.holder else self.keys[self.holder]
        assert client.reservation == ((key, self.kind) if self.kind else None)
        for name, one in self.clients.items():
            free = not self.kind or self.admits(name)
            assert one.send(WRITE).status == (GOOD if free else CONFLICT)
            shared = free or self.kind in (WE, WE_RO, WE_AR)
            assert one.send(MODE_SENSE).status == (GOOD if shared else CONFLICT)

    @invariant()
    def there_is_one_holder_or_all_registrants(self) -> None:
        if self.legacy:
            return
        holders = [row for row in self.clients["a"].full_status if row.holds]
        wanted = len(self.keys) if self.all_registrants else int(self.kind > 0)
        assert len(holders) == wanted
        assert all(row.type == self.kind for row in holders)

    @precondition(lambda self: not self.legacy)
    @invariant()
    def what_is_kept_is_json(self) -> None:
        memory = self.server.memory.get("reservations")
        assert bool(memory) == self.kept
        assert json.loads(json.dumps(memory)) == memory


Reservations.TestCase.settings = settings(max_examples=120, stateful_step_count=30)
TestReservations = Reservations.TestCase

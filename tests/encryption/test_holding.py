"""The keys that a drive holds, against a model: which are there, and that all others are wiped."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from keymgr.api import Grant, KeyData
from keymgr.secret import Secret
from target.encryption.holding import Held

SLOTS = 3
NAMES = "ABC"
Named = list[tuple[str, int]]
KEYS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 2)), max_size=SLOTS + 1)


def grants(keys: Named) -> list[Grant]:
    return [Grant(Secret(bytes([value]) * 32), KeyData(name.encode())) for name, value in keys]


class Holding(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.held = Held(SLOTS)
        self.keys: Named = []
        self.later: Named | None = None
        self.loaded = False
        self.mount = 0
        self.secrets: list[Secret] = []
        """What was given, which is copied."""
        self.seen: list[Secret] = []
        """The copies."""

    def give(self, keys: Named) -> list[Grant]:
        given = grants(keys)
        self.secrets += [one.key for one in given]
        return given

    @rule(keys=KEYS)
    def hold(self, keys: Named) -> None:
        given = self.give(keys)
        try:
            self.held.hold(given)
        except ValueError:
            assert len(keys) > SLOTS
        else:
            assert len(keys) <= SLOTS
            if self.loaded and not set(self.keys) <= set(keys):
                self.later = keys
            else:
                self.keys, self.later = keys, None

    @rule(keys=KEYS, late=st.booleans())
    def add(self, keys: Named, late: bool) -> None:
        """``late``: for a volume that is gone."""
        try:
            self.held.add(self.mount - late, self.give(keys))
        except ValueError:
            assert len(self.keys) * (not late) + len(keys) > SLOTS
            return
        if not late:
            self.keys = self.keys + keys
            assert len(self.keys) <= SLOTS

    @rule()
    def load(self) -> None:
        self.mount = self.held.load()
        self.loaded = True

    @rule()
    def unload(self) -> None:
        self.held.unload()
        self.keys, self.later = self.later or [], None
        self.loaded = False
        self.mount += 1

    @rule()
    def reset(self) -> None:
        self.held.reset()
        self.keys, self.later = [], None
        self.mount += 1

    @rule()
    def drop(self) -> None:
        self.held.drop()
        self.keys, self.later = [], None
        assert self.held.dropped

    @invariant()
    def as_it_should_be(self) -> None:
        assert len(self.held) == len(self.keys)
        for name in NAMES:
            found = [one.key.reveal()[0] for one in self.held.find(KeyData(name.encode()))]
            assert found == [value for which, value in self.keys if which == name]

    @invariant()
    def nothing_is_left_elsewhere(self) -> None:
        assert not any(any(secret.reveal()) for secret in self.secrets), "what was given is wiped"
        inside = [one.key for one in [*self.held._keys, *(self.held._later or [])]]
        self.seen += [key for key in inside if not any(key is old for old in self.seen)]
        for key in self.seen:
            assert any(key is one for one in inside) or not any(key.reveal())


TestHolding = Holding.TestCase
TestHolding.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)

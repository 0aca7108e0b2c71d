"""Random calls of a keystore, held against a dictionary; now and then it is opened anew."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from keymgr.errors import KeyDestroyed, KeyExists, KeyMissing, WrongPassword
from keymgr.kdf import Cost
from keymgr.keystore import Keystore, New
from keymgr.secret import Secret
from tests.keymgr.stores import Place, value
from tests.runs import Say

STEPS = 400
REALMS = ("one", "two")
STATES = ("", "active", "used")
PASSWORD = b"password"
CHEAP = Cost(memory=8, passes=1, lanes=1)


@dataclass
class Key:
    value: bytes
    """Empty: destroyed."""
    state: str
    attributes: dict[str, Any]


@dataclass
class Realm:
    keys: dict[str, Key] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


class Undone(Exception):
    pass


class Run:
    """A keystore, what should be in it, and what may happen to it."""

    def __init__(self, place: Place, chance: random.Random) -> None:
        self.place = place
        self.chance = chance
        self.store: Keystore = place.open()
        self.model = {realm: Realm() for realm in REALMS}
        self.sealed: dict[str, tuple[bytes, Realm]] = {}
        self.actions: list[Callable[[str, str], None]] = [
            self.add,
            self.add,
            self.add_many,
            self.change,
            self.destroy,
            self.set,
            self.seal,
            self.unseal,
            self.undone,
            self.reopen,
        ]

    def step(self) -> None:
        """Something, somewhere."""
        realm = self.chance.choice(REALMS)
        name = f"key {self.chance.randrange(12)}"
        self.chance.choice(self.actions)(realm, name)

    def add(self, realm: str, name: str) -> None:
        keys, key, state = self.model[realm].keys, self.chance.randbytes(32), self.state()
        if name in keys:
            with pytest.raises(KeyExists):
                self.store.add(realm, name, Secret(key), state=state)
        else:
            self.store.add(realm, name, Secret(key), state=state, attributes={"of": name})
            keys[name] = Key(key, state, {"of": name})

    def add_many(self, realm: str, name: str) -> None:
        keys = self.model[realm].keys
        names = [name, *(f"many {self.chance.randrange(60)}" for _ in range(3))]
        some = [New(one, Secret(one.encode() * 2), "active") for one in names]
        if len(set(names)) < len(names) or set(names) & set(keys):
            with pytest.raises(KeyExists):
                self.store.add_many(realm, some)
        else:
            assert self.store.add_many(realm, some) == len(some)
            keys.update({one: Key(one.encode() * 2, "active", {}) for one in names})

    def change(self, realm: str, name: str) -> None:
        key, state = self.model[realm].keys.get(name), self.state()
        if key is None:
            with pytest.raises(KeyMissing):
                self.store.change(realm, name, state=state)
        else:
            key.state = self.store.change(realm, name, state=state).state
            assert key.state == state

    def destroy(self, realm: str, name: str) -> None:
        keys = self.model[realm].keys
        keep = self.chance.choice([None, "gone"])
        if name not in keys:
            with pytest.raises(KeyMissing):
                self.store.destroy(realm, name, keep=keep)
            return
        self.store.destroy(realm, name, keep=keep)
        if keep is None:
            del keys[name]
        else:
            keys[name].value, keys[name].state = b"", keep

    def set(self, realm: str, name: str) -> None:
        number = self.chance.random()
        self.store.set_setting(realm, name, [number])
        self.model[realm].settings[name] = [number]

    def seal(self, realm: str, name: str) -> None:
        data = self.store.seal(realm, Secret(PASSWORD), CHEAP)
        self.sealed[realm] = data, copy.deepcopy(self.model[realm])

    def unseal(self, realm: str, name: str) -> None:
        if realm in self.sealed:
            data, then = self.sealed[realm]
            with pytest.raises(WrongPassword):
                self.store.unseal(realm, data, Secret(b"another"))
            self.store.unseal(realm, data, Secret(PASSWORD))
            self.model[realm] = copy.deepcopy(then)

    def undone(self, realm: str, name: str) -> None:
        before, sealed = copy.deepcopy(self.model), dict(self.sealed)
        quiet = [self.add, self.add_many, self.change, self.destroy, self.set, self.unseal]
        with pytest.raises(Undone), self.store.transaction():
            for action in self.chance.choices(quiet, k=3):
                action(realm, name)
            raise Undone
        self.model, self.sealed = before, sealed

    def reopen(self, realm: str, name: str) -> None:
        self.store.close()
        self.store = self.place.open()

    def state(self) -> str:
        return self.chance.choice(STATES)

    def check(self) -> None:
        """Whether the keystore is what it should be."""
        for realm, expected in self.model.items():
            records = list(self.store.records(realm))
            found = {one.name: (one.state, dict(one.attributes)) for one in records}
            assert found == {
                name: (key.state, key.attributes) for name, key in expected.keys.items()
            }
            assert [one.number for one in records] == sorted(one.number for one in records)
            assert self.store.count(realm) == len(expected.keys)
            for state in STATES:
                named = {one.name for one in self.store.records(realm, state)}
                assert named == {n for n, key in expected.keys.items() if key.state == state}
            for name, key in expected.keys.items():
                if key.value:
                    assert value(self.store, realm, name) == key.value
                else:
                    with pytest.raises(KeyDestroyed):
                        self.store.secret(realm, name)
            for name, setting in expected.settings.items():
                assert self.store.setting(realm, name) == setting
        self.store.verify_audit()


def test_random_calls(place: Place, say: Say) -> None:
    seed = random.SystemRandom().getrandbits(32)
    run = Run(place, random.Random(seed))
    for step in range(STEPS):
        try:
            run.step()
            if step % 20 == 19:
                run.check()
        except Exception as error:
            raise AssertionError(f"seed {seed}, step {step}") from error
    run.store.close()
    say(f"{place.kind}, seed {seed}: {STEPS} random calls")

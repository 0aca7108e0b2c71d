"""A process that makes keys and hands them out is killed at any moment: each key is there.

A child of this process opens the keystore, adds keys and tells name and digest of a key when the
call has returned, as a key manager gives it to a drive then. It is killed after a random number
of keys and a random moment, sometimes while it makes the keystore.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from keymgr.keystore import Keystore, New
from tests.keymgr.postgresql import Server
from tests.keymgr.stores import Place, PostgresqlPlace, SqlitePlace, value
from tests.killing import heard_until_killed
from tests.runs import Say

KILLS = 200
PER_STORE = 40
"""Kills, then another keystore is made."""
REALM = "killed"


def digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


def add_some(store: Keystore, beginning: str, chance: random.Random) -> list[str]:
    """Add keys in one of the ways that there are; the names of those that may be given out."""
    kind = chance.random()
    if kind < 0.7:
        return [store.add(REALM, beginning, state="new").name]
    names = [f"{beginning}.{part}" for part in range(chance.randrange(1, 30))]
    if kind < 0.85:
        store.add_many(REALM, (New(name) for name in names))
        return names
    with store.transaction():
        for name in names[:3]:
            store.add(REALM, name)
            store.change(REALM, name, state="changed")
        store.set_setting(REALM, "last", beginning)
    return names[:3]


def start(place: Place, kill: int, chance: random.Random) -> tuple[int, int]:
    """A child that makes keys; its id and the pipe that it tells them to."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        os.close(reading)
        store = place.open()
        for number in range(1_000_000):
            for name in add_some(store, f"{kill}-{number}", chance):
                line = f"{name} {digest(value(store, REALM, name))}\n"
                os.write(writing, line.encode())
    except BaseException as error:
        # Whatever it is, it must reach the parent and must not run the parent's test on.
        text = "".join(traceback.format_exception(error)).replace("\n", " | ")
        os.write(writing, f"failed {text}\n".encode())
    finally:
        os._exit(1)


def kill_sometime(child: int, pipe: int, chance: random.Random) -> list[str]:
    """Let the child work for a random while, kill it; everything that it told."""
    lines = int(chance.random() ** 2 * 25)
    pause = chance.random() * (0.02 if lines == 0 else 0.004)
    # The last line may have been cut: that key was not given out.
    return heard_until_killed(child, pipe, lines, pause).split("\n")[:-1]


def check(place: Place, given: dict[str, str]) -> int:
    """Every key that was given out is there with its value; how many keys there are."""
    store = place.open()
    try:
        for name, told in given.items():
            assert digest(value(store, REALM, name)) == told, name
        store.verify_audit()
        # What was not given out may be there, but whole: each key with its value.
        records = [record.name for record in store.records(REALM)]
        assert all(len(value(store, REALM, name)) == 32 for name in records[-30:])
        return len(records)
    finally:
        store.close()


@pytest.mark.crash
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_key_that_was_given_out_is_stored(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, say: Say
) -> None:
    seed = random.SystemRandom().getrandbits(32)
    make: Callable[[Path], Place] = SqlitePlace
    if kind == "postgresql":
        server: Server = request.getfixturevalue("server")

        def make(folder: Path) -> Place:
            return PostgresqlPlace(folder, server)

    total = 0
    for kill in range(KILLS):
        chance = random.Random(f"{seed} {kill}")
        if kill % PER_STORE == 0:
            folder = tmp_path / str(kill)
            folder.mkdir()
            place, given = make(folder), dict[str, str]()
        fresh = {}
        for line in kill_sometime(*start(place, kill, chance), chance):
            name, told = line.split(" ", 1)
            assert name != "failed", f"seed {seed}, kill {kill}: {told}"
            fresh[name] = told
        given |= fresh
        total += len(fresh)
        last = kill % PER_STORE == PER_STORE - 1
        try:
            check(place, given if last else fresh)
        except Exception as error:
            raise AssertionError(f"seed {seed}, kill {kill}") from error
    say(f"{place.kind}, seed {seed}: {KILLS} kills, {total} keys given out, none lost")
    assert total > KILLS

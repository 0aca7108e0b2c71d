"""A keystore with a million keys."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from keymgr.keystore import Keystore, New
from tests.keymgr.conftest import running
from tests.keymgr.stores import Place, PostgresqlPlace, SqlitePlace
from tests.runs import Say

KEYS = 1_000_000
REALM = "million"
LOOKUPS = 2000
LIMIT = 0.05
"""Seconds for the median look-up, fifty times what is wanted of an idle machine."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, memory: Path) -> Iterator[Place]:
    """A server of its own: what it keeps of the million, others need not look through."""
    if request.param == "sqlite":
        yield SqlitePlace(tmp_path)
        return
    with running(memory) as server:
        yield PostgresqlPlace(tmp_path, server)


def name(number: int) -> str:
    return f"KRL{number:07}L9-{number % 97:02}"


def median(store: Keystore, chance: random.Random, call: Callable[[str], object]) -> float:
    """Seconds."""
    took = []
    for number in chance.choices(range(KEYS), k=LOOKUPS):
        began = time.perf_counter()
        call(name(number))
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def test_a_million_keys(place: Place, say: Say) -> None:
    seed = random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)
    store = place.open()
    began = time.perf_counter()
    some = (New(name(n), state="unused" if n % 1000 else "active") for n in range(KEYS))
    assert store.add_many(REALM, some) == KEYS
    filled = time.perf_counter() - began

    lookup = median(store, chance, lambda wanted: store.secret(REALM, wanted))
    record = median(store, chance, lambda wanted: store.record(REALM, wanted))
    began = time.perf_counter()
    store.add(REALM, "one more", state="active")
    added = time.perf_counter() - began
    assert len(store.secret(REALM, "one more")) == 32

    # Pages of a state, however far behind the beginning, and the next unused one.
    began = time.perf_counter()
    active = [found.name for found in store.records(REALM, "active")]
    paged = time.perf_counter() - began
    assert active == [*(name(n) for n in range(0, KEYS, 1000)), "one more"]
    behind = store.records(REALM, "unused", after=KEYS // 2)
    assert next(behind).name == name(KEYS // 2 + 1)
    assert len(list(islice(store.records(REALM), 5000))) == 5000
    assert store.count(REALM) == KEYS + 1
    assert store.verify_audit() == 3
    store.close()
    say(
        f"{place.kind}, seed {seed}: a million keys added in {filled:.1f} s; by name, median of"
        f" {LOOKUPS}: value {lookup * 1e6:.0f} µs, record {record * 1e6:.0f} µs; one more"
        f" {added * 1e3:.1f} ms; 1001 of a state {paged * 1e3:.0f} ms"
    )
    assert max(lookup, record) < LIMIT

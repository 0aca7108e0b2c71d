"""The index: as quick on a tape of millions of objects as on a short one; holes end it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest

from target.medium.errors import BlockDamaged
from target.medium.index import ENCRYPTED, ENTRY_SIZE, FILEMARK, Index
from tests.runs import Say

OBJECTS = 3_000_000
EVERY = 1000
"""One object in so many is a filemark."""
SLOW = 0.005
"""Seconds: tens of times more than it takes, less than one look at all of the index would."""
TRIES = 5
"""The best of them counts: the machine may be busy."""


@pytest.fixture(scope="module")
def long_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of OBJECTS objects of 64 bytes, filemarks at 999, 1999 and so on."""
    path = tmp_path_factory.mktemp("long") / "index"
    index, offset = Index(path), 0
    for number in range(1, OBJECTS + 1):
        if number % EVERY:
            index.append(offset, 64, 64, 1, ENCRYPTED)
            offset += 64
        else:
            index.append(offset, 0, 0, 0, FILEMARK)
        if index.due:
            index.commit()
    index.commit()
    index.close()
    return path


def _median(work: Callable[[int], object], arguments: list[int]) -> float:
    times = []
    for argument in arguments:
        start = perf_counter()
        work(argument)
        times.append(perf_counter() - start)
    return median(times)


def test_a_long_tape_is_quick(long_tape: Path, say: Say) -> None:
    """Opening it, finding an object, finding a filemark, saying which file one is in."""
    seed = random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)
    openings = []
    for _ in range(TRIES):
        start = perf_counter()
        index = Index(long_tape)
        openings.append(perf_counter() - start)
        index.close()
    index = Index(long_tape)
    assert index.count == OBJECTS
    assert index.files == OBJECTS // EVERY
    objects = [chance.randrange(OBJECTS) for _ in range(500)]
    files = [chance.randrange(OBJECTS // EVERY) for _ in range(500)]
    for number in objects:
        assert index[number].files == number // EVERY
        assert bool(index[number].flags & FILEMARK) == (number % EVERY == EVERY - 1)
    for file in files:
        assert index.filemark(file) == file * EVERY + EVERY - 1
    spent = {
        "locate": _median(index.__getitem__, objects),
        "filemark": _median(index.filemark, files),
        "files before": _median(index.files_before, objects),
    }
    index.close()
    figures = ", ".join(f"{name} {1e6 * one:.0f} µs" for name, one in spent.items())
    say(f"open {1e3 * min(openings):.2f} ms, {figures}; seed {seed}")
    assert max(spent.values()) < SLOW
    assert min(openings) < 0.1


def test_a_long_cut_is_quick(long_tape: Path) -> None:
    index = Index(long_tape)
    took = []
    for _ in range(TRIES):
        count = index.count
        start = perf_counter()
        index.cut(count // 2)
        took.append(perf_counter() - start)
        assert index.count == count // 2
    assert min(took) < 0.1
    assert index.files == count // 2 // EVERY
    index.close()


@pytest.mark.parametrize("hole", [0, 1, 5, 9])
def test_a_hole_ends_it(tmp_path: Path, hole: int) -> None:
    """Entries that a power loss kept from the disk are zeros, whatever stands behind them."""
    path = tmp_path / "index"
    index = Index(path)
    for number in range(10):
        index.append(64 * number, 0, 0, 0, FILEMARK)
    index.commit()
    index.close()
    content = bytearray(path.read_bytes())
    content[hole * ENTRY_SIZE : (hole + 1) * ENTRY_SIZE] = bytes(ENTRY_SIZE)
    path.write_bytes(content)
    index = Index(path)
    assert (index.count, index.files) == (hole, hole)
    index.append(0, 0, 0, 0, FILEMARK)
    index.commit()
    index.close()
    index = Index(path)
    assert (index.count, index.files) == (hole + 1, hole + 1)
    index.close()


def test_a_damaged_entry_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = Index(path)
    for _ in range(3):
        index.append(0, 0, 0, 0, FILEMARK)
    index.commit()
    index.close()
    content = bytearray(path.read_bytes())
    content[ENTRY_SIZE] ^= 1
    path.write_bytes(content)
    index = Index(path)
    assert index[0].files == 0
    assert index[2].files == 2
    with pytest.raises(BlockDamaged):
        index[1]
    index.close()


def test_what_becomes_durable_at_once_is_what_is_searched_for_holes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many filemarks one command writes, a hole of its commit is found."""
    path = tmp_path / "index"
    index = Index(path)
    for _ in range(200_000):
        index.append(0, 0, 0, 0, FILEMARK)
    grown = [0]

    def fdatasync(file: int) -> None:
        grown.append(os.fstat(file).st_size)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fdatasync)
        index.commit()
    index.close()
    assert grown[-1] == 200_000 * ENTRY_SIZE
    content = path.read_bytes()
    for before, after in pairwise(grown):
        cut = bytearray(content[:after])
        cut[before : before + ENTRY_SIZE] = bytes(ENTRY_SIZE)
        path.write_bytes(cut)
        index = Index(path)
        assert index.count * ENTRY_SIZE == before
        index.close()

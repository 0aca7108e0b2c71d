"""A tape of a million blocks: opened within a second, any block found within 5 ms."""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path

import pytest

from target.medium.cartridge import Cartridge
from tests.runs import Say
from tests.tape.host import CHECK, GOOD, OBJECT, Host, new_drive

BLOCKS = 1_000_000
SIZE = 64
BATCH = 10_000
LOOKS = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cartridge with a million blocks, each of which holds its number; a mark every 1000."""
    path = tmp_path_factory.mktemp("million") / "KRL001L9"
    Cartridge.create(path, "KRL001L9")
    cartridge = Cartridge(path)
    partition = cartridge.partitions[0]
    view = memoryview(bytearray(SIZE))
    for number in range(BLOCKS):
        if number % 1000 == 999:
            partition.write_filemarks(1)
        else:
            view[:8] = number.to_bytes(8)
            partition.write_clear([view], SIZE)
    cartridge.close()
    return path


def test_it_is_found_at_once(folder: Path, say: Say) -> None:
    openings = []
    for _ in range(3):
        start = time.perf_counter()
        cartridge = Cartridge(folder)
        openings.append(time.perf_counter() - start)
        cartridge.close()
    opened = min(openings)
    cartridge = Cartridge(folder)
    drive = new_drive()
    host = Host(drive)
    drive.insert(cartridge)
    host.hear()
    assert drive.partition.count == BLOCKS
    seed = random.SystemRandom().getrandbits(32)
    source = random.Random(seed)
    took = {}
    for name, kind in (("locate to a block", OBJECT), ("space over filemarks", None)):
        seconds = []
        for _ in range(LOOKS):
            number = source.randrange(BLOCKS)
            if kind is None:
                host.rewind()
                start = time.perf_counter()
                reply = host.space(1, number // 1000)
                number -= number % 1000
            else:
                start = time.perf_counter()
                reply = host.locate(number, kind)
            seconds.append(time.perf_counter() - start)
            assert reply.status == GOOD
            reply = host.read(SIZE)
            if number % 1000 == 999:
                assert reply.status == CHECK
            else:
                assert int.from_bytes(reply.data[:8]) == number
        took[name] = statistics.median(seconds)
    drive.eject()
    cartridge.close()
    figures = ", ".join(f"{name} {1000 * one:.3f} ms" for name, one in took.items())
    say(f"a million blocks: opened in {1000 * opened:.1f} ms; median {figures}; seed {seed}")
    assert opened < 1.0
    assert max(took.values()) < 0.005

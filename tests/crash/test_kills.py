"""A drive is killed while it writes, at any instant: what was durable is there, and all of it.

A child of this process drives a drive in process; it is killed after a random number of commands
and a random moment. Then the cartridge must open, hold everything durable, hold nothing that was
not written, end with end of data, and take new blocks.
"""

from __future__ import annotations

import os
import random
import sys
import traceback
from pathlib import Path

import pytest

from tests.crash.checks import Totals, check
from tests.crash.workload import Known, Writer
from tests.killing import heard_until_killed
from tests.runs import Say

KILLS = 300
LONGEST = 1500
"""Objects; a longer tape gives way to a new one."""


def start(folder: Path, seed: str, chance: random.Random, known: Known) -> tuple[int, int]:
    """A child that writes; its id and the pipe that it reports to."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading

    def report(line: str) -> None:
        os.write(writing, f"{line}\n".encode())

    try:
        os.close(reading)
        writer = Writer(folder, seed, chance, known, report)
        while True:
            writer.work(100)
    except BaseException as error:
        # Whatever it is, it must reach the parent and must not run the parent's test on.
        text = "".join(traceback.format_exception(error)).replace("\n", " | ")
        report(f"failed {text}")
    finally:
        os._exit(1)


def kill_sometime(child: int, pipe: int, chance: random.Random) -> list[str]:
    """Let the child work for a random while, kill it; everything that it reported."""
    lines = int(chance.random() ** 2 * 300)
    return heard_until_killed(child, pipe, lines, chance.random() * 0.004).splitlines()


@pytest.mark.crash
def test_kills(tmp_path: Path, say: Say) -> None:
    master = random.SystemRandom().getrandbits(32)
    totals = Totals()
    known, folder = Known(), tmp_path / "cartridge0"
    for kill in range(KILLS):
        chance = random.Random(f"{master} {kill}")
        # Blocks of a tape that goes on are known by the seed that the tape began with.
        if not known.tape:
            seed = f"{master} {kill}"
        reports = kill_sometime(*start(folder, seed, chance, known), chance)
        totals.kills += 1
        try:
            for report in reports:
                known.hear(report)
            known = check(folder, seed, known, totals)
        except Exception as error:
            totals.failures.append(f"seed {master}, kill {kill}: {error!r}")
            known = Known()
        if not known.tape or len(known.tape) > LONGEST or chance.random() < 0.03:
            known, folder = Known(), tmp_path / f"cartridge{kill + 1}"
    say(f"seed {master}: {totals}")
    assert not totals.failures, "\n".join(totals.failures)

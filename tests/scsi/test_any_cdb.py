"""100,000 random and mutated commands to drives of all models: each is answered properly, and the
drive lives on."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from target.clock import ManualClock
from target.scsi.command import STATUS_CHECK_CONDITION, Completion
from target.scsi.sense import decode
from target.tape.drive import Drive
from tests.runs import Say
from tests.scsi.fuzz import MODELS, NEXUSES, Fuzzer, case, close
from tests.tape.host import CHECK, CONFLICT, GOOD

COMMANDS = 100_000
ROUND = 250
"""Commands to one drive before the next one, in another state, takes its place."""

LEGAL_KEYS = {0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0xB, 0xD}
INTERNAL_FAILURE = (0x4, 0x44, 0x00)
READY = bytes(6)
LOAD = bytes((0x1B, 0, 0, 0, 1, 0))
"""Now and then, as what is unloaded has little to say."""


def check(done: Completion, room: int, drive: Drive) -> int | None:
    """Raise AssertionError unless this is a legal answer; returns the sense key."""
    assert done.status in (GOOD, CHECK, CONFLICT)
    assert 0 <= done.length <= room
    if done.status != STATUS_CHECK_CONDITION:
        assert not done.sense
        return None
    data = done.sense
    if data[0] & 0x7E == 0x70:
        assert len(data) == data[7] + 8 == drive.personality.limits["sense_length"]
        if not data[0] & 0x80:
            assert not any(data[3:7])
        if "sense_tail" not in drive.personality.quirks:
            assert not any(data[18:])
    else:
        assert data[0] in (0x72, 0x73)
        assert len(data) == data[7] + 8
        assert not any(data[4:7])
    code = decode(data).code
    assert code[:3] != INTERNAL_FAILURE
    assert code.key in LEGAL_KEYS
    assert code.asc or code.ascq or code.key == 0
    return code.key


@pytest.mark.req("SSC-SENSE-LENGTH")
def test_any_command_is_answered(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    say: Say,
) -> None:
    seed = int(pytestconfig.getoption("hypothesis_seed"))
    # What is tested here is the device server, not how fast this machine's disk is.
    monkeypatch.setattr(os, "fdatasync", lambda file: None)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    fuzzer = Fuzzer(seed)
    statuses: Counter[int] = Counter()
    keys: Counter[int | None] = Counter()
    started = time.perf_counter()
    for number in range(COMMANDS // ROUND):
        folder = tmp_path / f"round{number}"
        folder.mkdir()
        state, what = case(number, folder, seed)
        host = state(what)
        clock = host.drive.clock
        for _ in range(ROUND):
            if isinstance(clock, ManualClock) and fuzzer.random.random() < 0.2:
                clock.sleep(fuzzer.random.uniform(0, 100))
            if not host.drive.loaded and fuzzer.random.random() < 0.1:
                check(host.unit.execute(NEXUSES[0], LOAD), 0, host.drive)
            nexus = NEXUSES[fuzzer.random.random() < 0.2]
            cdb, out = fuzzer.command(host)
            room = fuzzer.number(100_000)
            fuzzer.noise[: len(out)] = out
            done = host.unit.execute(
                nexus,
                cdb,
                fuzzer.scatter(fuzzer.noise, len(out)),
                fuzzer.scatter(fuzzer.room, room),
            )
            try:
                keys[check(done, room, host.drive)] += 1
                check(host.unit.execute(nexus, READY), 0, host.drive)
            except AssertionError:
                pytest.fail(
                    f"seed {seed}, {what.model.name} {state.__name__}, nexus {nexus.initiator}: "
                    f"CDB {cdb.hex(' ')}, data-out {out[:128].hex(' ')}, room {room}: {done}"
                )
            statuses[done.status] += 1
        close(host.drive)
        shutil.rmtree(folder)
    seconds = time.perf_counter() - started
    counts = ", ".join(f"{status:02X}h {count}" for status, count in sorted(statuses.items()))
    say(
        f"{COMMANDS} commands to {len(MODELS)} models, {COMMANDS / seconds:.0f} a second, "
        f"seed {seed}; status {counts}"
    )
    assert sum(statuses.values()) == COMMANDS
    seen = {key for key, count in keys.items() if count > 20}
    assert seen >= {None, 0x0, 0x2, 0x5, 0x7, 0x8, 0xB, 0xD}, "the mix reaches every kind of answer"
    assert statuses[GOOD] > COMMANDS // 10

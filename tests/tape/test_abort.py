"""Aborting a command that waits for time, and commands from several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from target import personality
from target.scsi.command import STATUS_GOOD, STATUS_TASK_ABORTED, Completion, Nexus
from target.tape import commands
from target.tape.drive import Drive
from tests.tape.host import new_cartridge

HERE, THERE = Nexus("here"), Nexus("there")
TEST_UNIT_READY, REWIND = bytes(6), bytes((0x01, 0, 0, 0, 0, 0))
LOCATE_1 = bytes((0x2B, 0, 0, 0, 0, 0, 1, 0, 0, 0))
READ_POSITION = bytes((0x34, *bytes(9)))
TIMEOUT = 60.0


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    """With two blocks on its tape, at the beginning; moves take hours from now on."""
    model = personality.load("ibm/ult3580-td5")
    unit = Drive(model, "0123456789", commands.of(model), factor=1e-9)
    unit.insert(new_cartridge(tmp_path, "KRL001L5"))
    for nexus in (HERE, THERE):
        while unit.execute(nexus, TEST_UNIT_READY).status != STATUS_GOOD:
            pass
    for _ in range(2):
        block = [memoryview(bytearray(1000))]
        assert unit.execute(HERE, b"\x0a\0\0\x03\xe8\0", block).status == STATUS_GOOD
    assert unit.execute(HERE, REWIND).status == STATUS_GOOD
    assert unit.timing
    unit.timing.seconds_between = lambda here, there: 3600.0  # type: ignore[method-assign] # no model takes as long
    return unit


def position(drive: Drive) -> int:
    data = memoryview(bytearray(20))
    assert drive.execute(THERE, READ_POSITION, (), [data]).status == STATUS_GOOD
    return int.from_bytes(data[4:8], "big")


def started(run: Callable[[], Completion]) -> tuple[threading.Thread, list[Completion]]:
    done: list[Completion] = []
    thread = threading.Thread(target=lambda: done.append(run()))
    thread.start()
    return thread, done


def until(condition: Callable[[], bool], thread: threading.Thread) -> None:
    while not condition():
        assert thread.is_alive()
        thread.join(0.001)


def test_a_locate_is_aborted(drive: Drive) -> None:
    thread, done = started(lambda: drive.execute(HERE, LOCATE_1))
    until(drive.abort, thread)
    thread.join(TIMEOUT)
    assert [one.status for one in done] == [STATUS_TASK_ABORTED]
    assert position(drive) == 0, "it has never begun"
    assert not drive.abort(), "nothing is left to be aborted"


def test_only_the_nexus_that_is_meant(drive: Drive) -> None:
    thread, done = started(lambda: drive.execute(HERE, LOCATE_1))
    until(lambda: drive.running == HERE and drive.alarm.call(lambda: False) is False, thread)
    assert not drive.abort(THERE)
    assert not done
    until(lambda: drive.abort(HERE), thread)
    thread.join(TIMEOUT)
    assert [one.status for one in done] == [STATUS_TASK_ABORTED]


def test_another_host_waits_for_its_turn(drive: Drive) -> None:
    first, _ = started(lambda: drive.execute(HERE, LOCATE_1))
    until(lambda: drive.running == HERE, first)
    second, done = started(lambda: drive.execute(THERE, TEST_UNIT_READY))
    until(drive.abort, first)
    first.join(TIMEOUT)
    second.join(TIMEOUT)
    assert [one.status for one in done] == [STATUS_GOOD]


def test_a_reset_follows_an_abort(drive: Drive) -> None:
    thread, done = started(lambda: drive.execute(HERE, LOCATE_1))
    until(drive.abort, thread)
    with drive.turn:
        drive.reset()
    thread.join(TIMEOUT)
    assert [one.status for one in done] == [STATUS_TASK_ABORTED]
    assert drive.execute(HERE, TEST_UNIT_READY).sense[12:14] == bytes((0x29, 0x00))

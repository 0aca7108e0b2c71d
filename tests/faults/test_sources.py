"""Key sources that are down, slow, wrong or flapping: what a drive makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keymgr.api import Grant, KeyData, KeySource, Request
from keymgr.secret import Secret
from target import personality
from target.faults.board import Faults
from target.faults.fault import Fault
from target.tape import commands
from target.tape.drive import Drive
from tests.tape.host import GOOD, TD9, Host, new_cartridge, sense_of

KEY = bytes(range(32))
FAR = 600.0


class Source(KeySource):
    """Always the same key."""

    def __init__(self) -> None:
        self.asked = 0

    def key_for_write(self, request: Request) -> Grant:
        self.asked += 1
        return Grant(Secret(KEY), KeyData(b"name"))

    def key_for_read(self, request: Request) -> Grant:
        self.asked += 1
        return Grant(Secret(KEY), KeyData(b"name"))


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def asking(tmp_path: Path, source: Source) -> Iterator[Host]:
    """A host at a drive that has its keys from the source."""
    model = personality.load(TD9)
    drive = Drive(model, "KRL0000001", commands.of(model), control="library")
    drive.put_under("library", source)
    drive.insert(new_cartridge(tmp_path, "KRL001L9"))
    host = Host(drive)
    host.hear()
    yield host
    cartridge = drive.eject()
    if cartridge is not None:
        cartridge.close()


def broken(host: Host, **options: Any) -> Fault:
    return Faults({"drive0": host.drive}, 3).add(kind="key-source", **options)


def fresh(host: Host) -> None:
    """The drive has no key any more."""
    host.drive.reset()
    host.hear()


def test_down_until_it_is_removed(asking: Host, source: Source) -> None:
    fault = broken(asking, state="down")
    refused = sense_of(asking.write(b"block"))
    assert refused.code.key == 7
    assert (source.asked, fault.struck) == (0, 1)
    assert asking.write(b"block").status != GOOD
    fault.remove()
    assert asking.write(b"block").status == GOOD
    assert asking.drive.key_source is source


def test_down_for_some_requests(asking: Host) -> None:
    fault = broken(asking, state="down", nth=2, times=1)
    assert asking.write(b"block").status == GOOD
    fresh(asking)
    assert asking.read(5).status != GOOD
    assert asking.read(5).data == b"block"
    assert (fault.struck, fault.seen) == (1, 3)


def test_slow_is_too_slow_for_the_drive(asking: Host) -> None:
    fault = broken(asking, state="slow", seconds=FAR)
    asking.drive.key_timeout = 0.05
    assert asking.write(b"block").status != GOOD
    fault.remove()
    asking.drive.key_timeout = FAR
    assert asking.write(b"block").status == GOOD


def test_slow_in_time(asking: Host) -> None:
    fault = broken(asking, state="slow", seconds=0.01)
    assert asking.write(b"block").status == GOOD
    assert fault.struck == 1


def test_a_wrong_key_is_for_reading_alone(asking: Host) -> None:
    fault = broken(asking, state="wrong")
    assert asking.write(b"block").status == GOOD
    asking.rewind()
    fresh(asking)
    assert sense_of(asking.read(5)).code.key == 7
    fault.remove()
    assert asking.read(5).data == b"block"


def test_flapping_comes_from_the_seed(asking: Host) -> None:
    fault = broken(asking, state="flapping")
    statuses = []
    for _ in range(20):
        statuses.append(asking.write(b"block").status == GOOD)
        asking.rewind()
        fresh(asking)
    assert {True, False} == set(statuses)
    assert fault.struck == 20


def test_a_source_that_comes_later(asking: Host) -> None:
    later = Source()
    fault = broken(asking, state="down")
    asking.drive.put_under("library", later)
    assert asking.drive.key_source == later, "a library need not know"
    assert asking.write(b"block").status != GOOD
    fault.remove()
    assert asking.drive.key_source is later
    assert asking.write(b"block").status == GOOD
    asking.drive.put_under("library", None)
    assert "put_under" not in vars(asking.drive)

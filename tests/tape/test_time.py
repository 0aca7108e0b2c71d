"""Time: what goes on after IMMED, what waits, what is refused, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from target import personality
from target.clock import ManualClock
from target.scsi import sense as s
from target.tape import commands
from target.tape.drive import Drive
from tests.tape.host import GOOD, MIB, TD9, Host, new_cartridge, sense_of

LOAD, UNLOAD = 1, 0


class Stopped(ManualClock):
    """Time that passes by `pass_` alone; whoever sleeps by it is counted."""

    slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        super().sleep(seconds)


@pytest.fixture
def clock() -> Stopped:
    return Stopped(now=1_000_000.0)


def drive(clock: Stopped, factor: float = 1.0, **quirks: object) -> Drive:
    model = personality.load(TD9)
    timing = {**model.timing, "load": 17, "rate": 400, "buffer": 256, "optimise": 3600}
    quirks = {**model.quirks, "optimises_media": False, **quirks}
    model = replace(model, quirks=quirks, timing=timing)
    return Drive(model, "KRL0000001", commands.of(model), clock=clock, factor=factor)


@pytest.fixture
def host(clock: Stopped, tmp_path: Path) -> Iterator[Host]:
    """A host at a drive in real time, its cartridge loaded and heard of."""
    unit = drive(clock)
    one = Host(unit)
    unit.insert(new_cartridge(tmp_path, "KRL001L9", capacity=1 << 30))
    one.hear()
    clock.passed += 60
    one.hear()
    assert one.ready().status == GOOD
    clock.slept = 0.0
    yield one
    cartridge = unit.eject()
    assert cartridge is not None
    cartridge.close()


def load_unload(host: Host, load: int, *, immed: bool) -> None:
    assert host.send(bytes((0x1B, immed, 0, 0, load, 0))).status == GOOD


def request(host: Host, size: int = 252) -> s.Sense:
    return s.decode(host.send(bytes((0x03, 0, 0, 0, size, 0)), size=size).data)


def progress(host: Host) -> int:
    """The progress indication, as REQUEST SENSE has it in its last bytes."""
    data = host.send(bytes((0x03, 0, 0, 0, 252, 0)), size=252).data
    assert data[15] & 0x80
    return int.from_bytes(data[16:18])


@pytest.mark.req("SSC-TUR-04", "SSC-LOAD-05", "SSC-SENSE-2-04-01")
def test_a_cartridge_becomes_ready(clock: Stopped, tmp_path: Path) -> None:
    unit = drive(clock)
    host = Host(unit)
    host.hear()
    unit.insert(new_cartridge(tmp_path, "KRL001L9"))
    assert sense_of(host.ready()).code is s.BECOMING_READY
    before = progress(host)
    clock.passed += 5
    assert progress(host) > before
    clock.passed += 30
    assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert host.ready().status == GOOD
    assert clock.slept == 0
    cartridge = unit.eject()
    assert cartridge is not None
    cartridge.close()


@pytest.mark.req("SSC-REWIND-01", "SSC-RSENSE-03", "SSC-SENSE-0-00-1A", "SSC-SENSE-2-04-07")
def test_a_rewind_goes_on(host: Host, clock: Stopped) -> None:
    for _ in range(8):
        host.write(bytes(MIB))
    assert host.send(bytes((0x01, 1, 0, 0, 0, 0))).status == GOOD
    assert request(host).code is s.REWIND_IN_PROGRESS
    assert sense_of(host.ready()).code is s.NOT_READY_IN_OPERATION
    # A command that needs the tape waits for it.
    before = clock.slept
    assert host.read(MIB).status == GOOD
    assert clock.slept > before
    assert request(host).code is s.NO_SENSE


def test_without_immed_the_command_takes_the_time(host: Host, clock: Stopped) -> None:
    for _ in range(8):
        host.write(bytes(MIB))
    before = clock.passed
    assert host.rewind().status == GOOD
    assert clock.passed > before + 1
    assert request(host).code is s.NO_SENSE


@pytest.mark.req("SSC-SENSE-0-00-19")
def test_a_locate_that_fails_is_told_later(host: Host, clock: Stopped) -> None:
    host.write_tape([b"one", b"two"])
    cdb = bytes((0x92, 1, 0, 0)) + (7).to_bytes(8) + bytes(4)
    assert host.send(cdb).status == GOOD
    assert request(host).code is s.LOCATE_IN_PROGRESS
    clock.passed += 300
    sense = sense_of(host.ready())
    assert (sense.code, sense.deferred) == (s.END_OF_DATA, True)
    assert host.position() == 2


@pytest.mark.req("SSC-ERASE-04", "SSC-SENSE-0-00-18")
def test_a_long_erase_takes_hours(host: Host, clock: Stopped) -> None:
    host.write(b"data")
    host.rewind()
    assert host.send(bytes((0x19, 3, 0, 0, 0, 0))).status == GOOD
    assert request(host).code is s.ERASE_IN_PROGRESS
    assert sense_of(host.read(4)).code is s.NOT_READY_IN_OPERATION
    clock.passed += 3600
    assert sense_of(host.read(4)).code is s.END_OF_DATA


@pytest.mark.req("SSC-LOAD-04", "SSC-SENSE-2-04-00", "SSC-SENSE-0-00-16")
def test_unloading_goes_on(host: Host, clock: Stopped) -> None:
    load_unload(host, UNLOAD, immed=True)
    assert request(host).code is s.OPERATION_IN_PROGRESS
    assert sense_of(host.ready()).code is s.NOT_READY
    clock.passed += 300
    assert sense_of(host.ready()).code is s.NO_MEDIUM


@pytest.mark.req("SSC-VERIFY-08")
def test_verify_goes_on_and_tells_of_damage_later(host: Host, clock: Stopped) -> None:
    host.write_tape([b"one", b"two"])
    host.set_block_length(5)
    assert host.send(bytes((0x13, 0x05, 0, 0, 1, 0))).status == GOOD
    clock.passed += 300
    sense = sense_of(host.ready())
    assert (sense.ili, sense.deferred, sense.information) == (True, True, 1)


def test_writing_waits_for_the_tape_once_the_buffer_is_full(host: Host, clock: Stopped) -> None:
    start = clock.passed
    for _ in range(900):
        host.write(bytes(MIB))
    expected = (900 * MIB - 256e6) / 400e6
    assert expected - 0.1 < clock.passed - start < expected + 0.1


@pytest.mark.req("SSC-SENSE-2-30-03")
def test_cleaning(clock: Stopped, tmp_path: Path) -> None:
    unit = drive(clock)
    host = Host(unit)
    host.hear()
    unit.insert(new_cartridge(tmp_path, "CLN001CU"))
    assert sense_of(host.ready()).code is s.CLEANING
    clock.passed += 600
    assert sense_of(host.ready()).code is s.NO_MEDIUM
    assert unit.lifetime.cleanings == 1
    cartridge = unit.eject()
    assert cartridge is not None
    cartridge.close()


@pytest.mark.req("SSC-SENSE-2-04-01")
def test_a_new_cartridge_is_optimised_once(clock: Stopped, tmp_path: Path) -> None:
    for first in (True, False):
        unit = drive(clock, optimises_media=True)
        host = Host(unit)
        host.hear()
        unit.insert(new_cartridge(tmp_path, "KRL001L9"))
        clock.passed += 60
        code = sense_of(host.ready()).code
        assert code is (s.BECOMING_READY if first else s.MEDIUM_MAY_HAVE_CHANGED)
        clock.passed += 3 * 3600
        host.hear()
        assert host.ready().status == GOOD
        cartridge = unit.eject()
        assert cartridge is not None
        cartridge.close()


def test_instant_drives_take_no_time(clock: Stopped, tmp_path: Path) -> None:
    unit = drive(clock, factor=0.0)
    host = Host(unit)
    unit.insert(new_cartridge(tmp_path, "KRL001L9"))
    host.hear()
    host.write(b"data")
    assert host.send(bytes((0x01, 1, 0, 0, 0, 0))).status == GOOD
    assert request(host).code is s.NO_SENSE
    assert host.read(4).data == b"data"
    assert clock.slept == 0
    cartridge = unit.eject()
    assert cartridge is not None
    cartridge.close()


def test_a_reset_ends_what_goes_on(host: Host, clock: Stopped) -> None:
    host.write(b"data")
    assert host.send(bytes((0x01, 1, 0, 0, 0, 0))).status == GOOD
    host.drive.reset()
    host.hear()
    assert host.ready().status == GOOD
    assert host.position() == 0

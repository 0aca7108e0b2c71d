"""Log pages of a drive's life and of its present state: hours, motion, cleaning, 11h."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from target.clock import ManualClock
from target.scsi import sense as s
from target.scsi.command import Completion
from target.tape import nonvolatile
from target.tape.drive import Drive
from tests.tape.host import GOOD, Host, new_cartridge, sense_of
from tests.tape.logs import (
    drive_of,
    flags,
    known,
    log_sense,
    logged,
    number,
    numbers,
    page,
    remount,
    split,
)

NOISE = random.Random(5).randbytes(10**6)


@pytest.fixture
def host() -> Iterator[Host]:
    with logged() as one:
        yield one


def write(host: Host, megabytes: int) -> None:
    for _ in range(megabytes):
        assert host.write(NOISE).status == GOOD


# --- the drive's life --------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-14", "SSC-LOG-0C")
def test_loads_and_hours(tmp_path: Path) -> None:
    path, clock = tmp_path / "drive.json", ManualClock()
    with logged(state=path, clock=clock) as host:
        remount(host)
        clock.sleep(3600 * 2.5)
        found = numbers(host, 0x14)
        assert (found[0], found[2], found[0x0C], found[0x0D]) == (2, 2, 1, 2)
        assert number(host, 0x0C, 0x8001) == 2
        assert number(host, 0x0C, 0x8003) == 9000
    again = Host(drive_of(known(), state=path, clock=clock))
    again.hear()
    clock.sleep(3600)
    found = numbers(again, 0x14)
    assert (found[0], found[2], found[0x0C]) == (2, 3, 2)


def test_power_cycles_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "drive.json"
    for count in (1, 2, 3):
        drive = drive_of(known(), state=path)
        assert drive.lifetime.power_cycles == count
    drive.power_on()
    drive.power_on()
    assert nonvolatile.load(path)["lifetime"]["power_cycles"] == 5


@pytest.mark.req("SSC-LOG-14")
def test_duty_cycles() -> None:
    """Of a drive that is empty, then ready; a reset begins them anew."""
    clock = ManualClock()
    with logged(clock=clock) as host:
        clock.sleep(30)
        found = numbers(host, 0x14)
        assert (found[0x10], found[0x14], found[0x15]) == (30_000, 0, 100)
        host.load(load=False)
        clock.sleep(10)
        assert numbers(host, 0x14)[0x15] == 75
        host.drive.reset()
        host.hear()
        clock.sleep(10)
        found = numbers(host, 0x14)
        assert (found[0x10], found[0x14], found[0x15]) == (10_000, 0, 0)
        cartridge = host.drive.eject()
        assert cartridge is not None
        clock.sleep(30)
        assert numbers(host, 0x14)[0x14] == 75
        host.drive.insert(cartridge)


@pytest.mark.req("SSC-LOG-14")
def test_motion(tmp_path: Path) -> None:
    clock = ManualClock()
    model = known(timing={"load": 20, "rate": 10, "buffer": 0, "rewind": 10, "settle": 2})
    drive = drive_of(model, clock=clock, factor=1.0)
    host = Host(drive)
    host.hear()
    clock.sleep(30)
    cartridge = new_cartridge(tmp_path, "KRL001L9")
    drive.insert(cartridge)
    clock.sleep(20)
    host.hear()
    write(host, 40)
    found = numbers(host, 0x14)
    assert found[0x10] == 54_000
    assert (found[0x14], found[0x15]) == (round(100 * 30 / 54), round(100 * 4 / 54))
    assert (found[0x11], found[0x12]) == (0, round(100 * 4 / 54))
    assert found[0x13] == found[0x12]
    assert found[0x16] == 40
    host.rewind()
    moved = drive.lifetime.seconds_moving
    assert 4 + 2 <= moved <= 4 + 10
    assert drive.lifetime.moving_by_medium == {"6098": pytest.approx(moved)}
    drive.lifetime.seconds_moving = 7200.0
    drive.lifetime.moving_by_medium = {"6098": 7200.0}
    assert number(host, 0x14, 3) == 2
    assert page(host, 0x14)[0x1000][16:24] == bytes.fromhex("00006098 00000002")
    drive.eject()
    cartridge.close()


def test_without_timing_nothing_moves_in_no_time(host: Host) -> None:
    write(host, 5)
    host.rewind()
    found = numbers(host, 0x14)
    assert [found[code] for code in (3, 0x11, 0x12, 0x13)] == [0, 0, 0, 0]


@pytest.mark.req("SSC-LOG-14", "SSC-LOG-0C", "SSC-TA-20", "SSC-TA-21")
def test_cleaning(tmp_path: Path) -> None:
    model = known(limits={**known().limits, "clean_after": 1, "clean_now": 2})
    with logged(model) as host:
        life = host.drive.lifetime
        write(host, 1)
        assert number(host, 0x0C, 0x0100) == 0
        life.bytes_since_clean, life.seconds_moving = 10**9, 36_000.0
        assert number(host, 0x0C, 0x0100) == 1
        assert page(host, 0x11)[0][0] & 0x06 == 0x04, "requested"
        assert flags(host) == {0x15}
        assert flags(host) == set()
        life.bytes_since_clean = 2 * 10**9
        assert number(host, 0x0C, 0x0100) == 1
        assert page(host, 0x11)[0][0] & 0x06 == 0x06, "required"
        assert page(host, 0x3E)[1][0] == 0x06
        assert flags(host) == {0x14}
        tape = host.drive.eject()
        assert tape is not None
        tape.close()
        cleaner = new_cartridge(tmp_path, "CLN001CU")
        host.drive.insert(cleaner)
        assert number(host, 0x0C, 0x0100) == number(host, 0x0C, 0x8000) == 0
        assert host.drive.alerts.active == {0x0B}
        found = numbers(host, 0x14)
        assert (found[1], number(host, 0x0C, 0x8002)) == (1, 1)
        assert (found[8], found[9], found[0x0A]) == (0, 10, 10)
        host.drive.eject()
        cleaner.close()


@pytest.mark.req("SSC-SENSE-0-00-17", "SSC-SENSE-1-00-17")
def test_who_hears_that_the_drive_wants_to_be_cleaned() -> None:
    """REQUEST SENSE tells everyone; a command ends with it where recovered errors are reported."""
    model = known(limits={**known().limits, "clean_after": 1}, sense={})
    with logged(model) as host:
        asked = bytes((0x03, 0, 0, 0, 96, 0))
        assert host.send(asked, size=96).data[2:14:10] == bytes((0, 0))
        host.drive.lifetime.bytes_since_clean = 10**9
        data = host.send(asked, size=96).data
        assert (data[2], data[12], data[13]) == (0, 0x00, 0x17)
        assert host.ready().status == GOOD
        host.drive.alerts.clear()
        host.drive.modes.of(host.nexus, 0x1C).update(dexcpt=0, mrie=4)
        host.drive.tally()
        assert sense_of(host.ready()).code is s.CLEANING_NEEDED
        assert host.ready().status == GOOD


@pytest.mark.req("SSC-SENSE-0-82-82")
@pytest.mark.parametrize("model", ["ibm/ult3580-td9", "hp/ultrium-5"])
def test_makers_ask_for_cleaning_in_their_own_words(model: str) -> None:
    with logged(known(model, limits={**known(model).limits, "clean_after": 1})) as host:
        host.drive.lifetime.bytes_since_clean = 10**9
        data = host.send(bytes((0x03, 0, 0, 0, 22, 0)), size=22).data
        assert (data[2], data[12], data[13]) == (0, 0x82, 0x82)


def test_an_incompatible_volume_is_noted(tmp_path: Path) -> None:
    host = Host(drive_of(known()))
    host.hear()
    host.drive.lifetime.seconds_moving = 7200.0
    cartridge = new_cartridge(tmp_path, "KRL001L6")
    host.drive.insert(cartridge)
    host.hear()
    assert number(host, 0x14, 5) == 2
    host.drive.eject()
    cartridge.close()


def test_prevented_removal(host: Host) -> None:
    assert number(host, 0x14, 0x80) == 0
    host.prevent(True)
    assert number(host, 0x14, 0x80) == 1


# --- DT device status --------------------------------------------------------------------------


def status(host: Host) -> bytes:
    return page(host, 0x11)[0]


@pytest.mark.req("SSC-LOG-11")
def test_very_high_frequency_data(host: Host) -> None:
    assert status(host) == bytes.fromhex("21 17 00 00"), (
        "memory, present, seated, threaded, mounted"
    )
    host.prevent(True)
    assert status(host)[0] == 0xA1
    host.prevent(False)
    host.load(load=False)
    assert status(host) == bytes.fromhex("41 30 00 00"), "unloaded by a host, may be taken"
    host.load()
    host.hear()
    assert status(host) == bytes.fromhex("21 17 00 00")
    host.send(bytes((0x1B, 0, 0, 0, 8, 0)))
    assert status(host)[0] & 0x20, "held: its memory can be read"
    empty = Host(drive_of(known()))
    empty.hear()
    assert status(empty) == bytes.fromhex("01 20 00 00")


@pytest.mark.req("SSC-LOG-11")
def test_bits_of_the_volume_and_of_compression() -> None:
    with logged(protect=True, compression="lz4") as host:
        assert status(host)[0] == 0x21 | 0x10 | 0x08
        host.write(b"x")
        assert status(host)[3] == 0x01, "a TapeAlert flag that this nexus has not read"
        flags(host)
        assert status(host)[3] == 0x00


@pytest.mark.req("SSC-LOG-11")
def test_activities() -> None:
    clock = ManualClock()
    with logged(clock=clock, factor=1.0) as host:
        drive: Drive = host.drive

        def began(*cdb: int) -> int:
            done = drive.execute(host.nexus, bytes(cdb))
            assert done == Completion(GOOD)
            found = status(host)[2]
            drive.background.wait()
            return found

        write(host, 4)
        assert began(0x01, 1, 0, 0, 0, 0) == 0x08
        assert began(0x2B, 1, 0, 0, 0, 0, 2, 0, 0, 0) == 0x07
        assert began(0x19, 3, 0, 0, 0, 0) == 0x09
        assert drive.execute(host.nexus, bytes((0x1B, 1, 0, 0, 0, 0))).status == GOOD
        assert status(host)[:3] == bytes.fromhex("61 97 03"), "in transition"
        clock.sleep(3600)
        assert status(host)[2] == 0
        assert drive.execute(host.nexus, bytes((0x1B, 1, 0, 0, 1, 0))).status == GOOD
        assert status(host)[1:3] == bytes.fromhex("90 02")
        while drive.unsettled:
            clock.sleep(3600)
            drive.settle()
        host.hear()
        assert split(log_sense(host, 0x11))[0][1][2] == 0

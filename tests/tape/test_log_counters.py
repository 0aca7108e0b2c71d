"""That counters of log pages are true: each is shown to move by the thing that it counts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from target.clock import ManualClock
from target.scsi import sense as s
from tests.tape.host import EOD, GOOD, MIB, Host, sense_of
from tests.tape.logs import (
    drive_of,
    known,
    log_select,
    log_sense,
    logged,
    number,
    numbers,
    page,
    remount,
)
from tests.tape.memory import number as attribute

MB = 10**6
NOISE = random.Random(5).randbytes(MB)


@pytest.fixture
def host() -> Iterator[Host]:
    with logged() as one:
        yield one


def write(host: Host, megabytes: int) -> None:
    for _ in range(megabytes):
        assert host.write(NOISE).status == GOOD


# --- bytes -------------------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-0C", "SSC-LOG-02", "SSC-LOG-03")
def test_bytes_of_both_sides(host: Host) -> None:
    write(host, 10)
    host.rewind()
    for _ in range(3):
        assert host.read(MB).data == NOISE
    found = numbers(host, 0x0C)
    assert (found[0], found[3]) == (10 * MB, 3 * MB), "from and to the host"
    assert 10 * MB <= found[1] < 10 * MB + 4096
    assert 3 * MB <= found[2] < 3 * MB + 4096
    assert number(host, 0x02, 5) == found[1]
    assert number(host, 0x03, 5) == found[2]
    assert found[0x8000] == 13


@pytest.mark.req("SSC-LOG-0C")
def test_where_the_tape_stands() -> None:
    with logged(capacities=(64 * MB,)) as host:
        write(host, 16)
        found = numbers(host, 0x0C)
        assert found[4] == found[7] == 16
        assert (found[5], found[6]) == (60, 4), "early warning is in the last sixteenth"
        assert found[8] == 1024, "of the model"
        host.locate(8)
        found = numbers(host, 0x0C)
        assert (found[4], found[7]) == (16, 8)


@pytest.mark.req("SSC-LOG-1B", "SSC-LOG-32")
def test_what_compression_makes_of_it() -> None:
    with logged(compression="lz4") as host:
        for _ in range(5):
            host.write(NOISE)
            host.write(bytes(MB))
        host.rewind()
        host.read(MB)
        host.read(MB)
        found = numbers(host, 0x1B)
        assert 195 <= found[0] <= 205 >= found[1] >= 195
        assert (found[2], found[3], found[6], found[7]) == (2, 0, 10, 0)
        assert (found[4], found[8]) == (1, 5)
        assert found[0x0100] == 1
        assert numbers(host, 0x32) == {code: found[code] for code in range(10)}
        statistics = numbers(host, 0x17)
        assert (statistics[0x12], statistics[0x13]) == (found[1], found[0])
        # Both belong together, and are reset as one.
        assert log_select(host, 0x1B).status == GOOD
        assert not any(numbers(host, 0x1B)[code] for code in range(10))
        assert numbers(host, 0x32)[6] == 10
        host.read(MB)
        assert numbers(host, 0x1B)[2] == 1
        remount(host)
        assert not any(numbers(host, code)[row] for code in (0x1B, 0x32) for row in range(10))


def test_a_remainder_is_told_in_bytes(host: Host) -> None:
    host.write(bytes(1_234_567))
    found = numbers(host, 0x1B)
    assert (found[6], found[7]) == (1, 234_567)
    assert log_select(host, 0x1B).status == GOOD
    host.write(bytes(900_000))
    found = numbers(host, 0x1B)
    assert (found[6], found[7]) == (0, 900_000)


@pytest.mark.req("SSC-LOG-38")
def test_blocks_and_data_sets(host: Host) -> None:
    host.set_block_length(1000)
    host.write(bytes(50_000), blocks=50)
    host.set_block_length(0)
    write(host, 20)
    host.rewind()
    assert [host.read(2000).status for _ in range(7)] == [2] * 7, "shorter than asked for"
    found = numbers(host, 0x38)
    assert (found[0], found[1], found[2], found[3]) == (70, 70, 7, 7)
    assert (found[4], found[8]) == (3, 3), "of 9.8 MB"
    assert found[5] == found[9] == number(host, 0x0C, 1) // 1024
    assert (found[6], found[7]) == (1, number(host, 0x0C, 2) // 1024)
    used = 64 * MIB // 1024 - found[0x10]
    assert found[0x0C] == found[0x0E] == 64 * 1024
    assert found[0x0D] == found[0x0F] == 255 * used // (64 * 1024)
    assert found[0x11] == found[0x10]


# --- what resets them --------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-R5")
def test_log_select_resets_a_page(host: Host) -> None:
    write(host, 2)
    assert log_select(host, 0x0C).status == GOOD
    assert [numbers(host, 0x0C)[code] for code in (0, 1)] == [0, 0]
    assert number(host, 0x02, 5) > 0, "another page"
    assert number(host, 0x0C, 4) == 2, "where the tape stands"
    assert number(host, 0x0C, 0x8000) == 2, "of the drive's life"


@pytest.mark.req("SSC-LOG-R5")
def test_log_select_leaves_what_is_of_a_life(host: Host) -> None:
    write(host, 2)
    pages = (0x17, 0x30, 0x31, 0x12, 0x11, 0x3D)
    before = [log_sense(host, code) for code in pages]
    assert log_select(host).status == GOOD
    assert [log_sense(host, code) for code in pages] == before
    found = numbers(host, 0x14)
    assert (found[0], found[0x0D]) == (1, 0), "loads, and those since they were reset"
    assert [numbers(host, 0x02)[5], numbers(host, 0x0C)[0], numbers(host, 0x38)[0]] == [0, 0, 0]


def test_a_load_resets_what_counts_by_mount(host: Host) -> None:
    write(host, 2)
    host.load(load=False)
    assert number(host, 0x0C, 0) == 2 * MB, "of the last mount, until the next"
    host.load()
    host.hear()
    for code, row in ((0x02, 5), (0x0C, 0), (0x0C, 1), (0x38, 0), (0x17, 0x0E), (0x17, 0x12)):
        assert number(host, code, row) == 0
    assert number(host, 0x17, 0x10) == 2


def test_loss_of_power_resets_all_but_lives(host: Host) -> None:
    write(host, 2)
    host.drive.power_on()
    host.hear()
    for code, row in ((0x02, 5), (0x0C, 0), (0x38, 0), (0x1B, 6), (0x14, 0x16)):
        assert number(host, code, row) == 0
    assert number(host, 0x17, 0x10) == number(host, 0x0C, 0x8000) == 2
    assert number(host, 0x14, 0x0C) == 2


def test_a_reset_leaves_counters(host: Host) -> None:
    write(host, 2)
    host.drive.reset()
    host.hear()
    assert number(host, 0x0C, 0) == 2 * MB
    assert number(host, 0x14, 0x16) == 0, "but for the duty cycle's own"


# --- the volume --------------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-17", "SSC-LOG-30", "SSC-LOG-39")
def test_the_volume_counts_over_its_life(host: Host) -> None:
    write(host, 20)
    remount(host)
    for _ in range(11):
        host.read(MB)
    found = numbers(host, 0x17)
    assert found[0x01] == 2
    assert (found[0x02], found[0x07]) == (3, 2), "data sets"
    assert (found[0x0E], found[0x0F], found[0x10], found[0x11]) == (0, 11, 20, 11)
    usage = numbers(host, 0x30)
    assert (usage[1], usage[2], usage[7]) == (2, 3, 2)
    both = numbers(host, 0x3D)
    assert [both[code] for code in (0x20, 0x21, 0x22)] == [2, 20, 11]
    assert [both[code] for code in (0x40, 0x41, 0x42)] == [2, 20, 11]


@pytest.mark.req("SSC-LOG-17")
def test_another_drive_goes_on_counting(host: Host, tmp_path: Path) -> None:
    write(host, 3)
    cartridge = host.drive.eject()
    assert cartridge is not None
    other = Host(drive_of(known("ibm/ult3580-hh9")))
    other.drive.insert(cartridge)
    other.hear()
    write(other, 4)
    found = numbers(other, 0x17)
    assert (found[0x01], found[0x0E], found[0x10]) == (2, 4, 4 + 3)
    assert numbers(other, 0x3D)[0x41] == 4, "of the drive"
    other.drive.eject()
    host.drive.insert(cartridge)


def test_the_memory_and_the_logs_agree(host: Host) -> None:
    write(host, 5)
    host.rewind()
    host.read(MB)
    found = numbers(host, 0x17)
    for identifier, row in ((0x0220, 0x10), (0x0221, 0x11), (0x0222, 0x0E), (0x0223, 0x0F)):
        assert attribute(host, identifier) == found[row] * MB // MIB


@pytest.mark.req("SSC-LOG-17")
def test_capacities(host: Host) -> None:
    write(host, 7)
    found = numbers(host, 0x17)
    assert (found[0x16], found[0x17], found[0x18]) == (67, 7, 67)
    assert found[0x19] == 100
    assert page(host, 0x17)[0x0204] == bytes.fromhex("07000000 0000003c")


@pytest.mark.req("SSC-LOG-17")
def test_times_of_a_mount() -> None:
    clock = ManualClock()
    with logged(clock=clock) as host:
        found = numbers(host, 0x17)
        assert (found[0x14], found[0x15]) == (0, 0)
        clock.sleep(1.5)
        found = numbers(host, 0x17)
        assert (found[0x14], found[0x15]) == (1500, 1500)
        remount(host)
        assert numbers(host, 0x17)[0x14] == 0


@pytest.mark.req("SSC-LOG-17")
def test_loading_takes_its_time() -> None:
    clock = ManualClock()
    with logged(known("ibm/ult3580-td8", timing={"thread": 12}), clock=clock, factor=1.0) as host:
        host.load(load=False)
        host.load()
        clock.sleep(3)
        host.hear()
        found = numbers(host, 0x17)
        assert (found[0x14], found[0x15]) == (15_000, 3_000), "from being threaded, and from ready"


@pytest.mark.req("SSC-LOG-17")
def test_passes(host: Host) -> None:
    """Of 280 wraps of a 64 MiB cartridge each holds 240 kB."""

    def passes() -> tuple[int, int]:
        found = numbers(host, 0x17)
        return found[0x0101], found[0x0102]

    assert passes() == (1, 0), "the load"
    host.rewind()
    assert passes() == (1, 0), "it is there already"
    wrap = 64 * MIB / 280
    write(host, 10)
    turns = int(10 * MB / wrap / 2)
    begun, middle = passes()
    assert abs(begun - 1 - turns) <= 1
    assert abs(middle - 10 * MB / wrap) <= 2
    host.rewind()
    assert passes()[0] == begun + 1
    host.locate(0, EOD)
    there = passes()
    remount(host)
    assert passes()[0] == there[0] + 2, "back to its beginning, and threaded again"


@pytest.mark.req("SSC-LOG-14")
def test_metres_of_tape() -> None:
    with logged() as host:
        host.drive.lifetime.metres = 0.0
        write(host, 10)
        wraps = 10 * MB / (64 * MIB) * 280
        assert number(host, 0x14, 4) == pytest.approx(wraps * 1035, rel=0.01)


@pytest.mark.req("SSC-LOG-17")
def test_encrypted_objects_are_found(host: Host) -> None:
    host.write_tape([bytes(10)] * 4)
    assert page(host, 0x17)[0x0200] == bytes.fromhex("09000000 ffffffffffff")


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-03", "SSC-LOG-17")
def test_read_errors(host: Host) -> None:
    host.write_tape([bytes(100), bytes(100)])
    host.damage(0)
    assert sense_of(host.read(100)).code is s.READ_ERROR
    assert number(host, 0x03, 6) == 1
    found = numbers(host, 0x17)
    assert (found[0x09], found[0x0D], found[0x04], found[0x0C]) == (1, 1, 0, 0)
    assert number(host, 0x30, 9) == 1
    assert number(host, 0x14, 0x0F) == 1
    remount(host)
    found = numbers(host, 0x17)
    assert (found[0x09], found[0x0D]) == (1, 0), "of its life, and of this mount"
    assert number(host, 0x03, 6) == 0


class Full:
    """A host's file system that takes nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("os.pwrite", self.refuse)

    @staticmethod
    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.req("SSC-LOG-02", "SSC-LOG-17")
def test_write_errors(host: Host) -> None:
    host.write(bytes(10))
    with pytest.MonkeyPatch.context() as patch:
        Full(patch)
        assert sense_of(host.filemarks()).code is s.WRITE_ERROR
    assert number(host, 0x02, 6) == 1
    found = numbers(host, 0x17)
    assert (found[0x04], found[0x0C]) == (1, 1)
    assert (number(host, 0x30, 4), number(host, 0x14, 0x0E)) == (1, 1)


@pytest.mark.req("SSC-LOG-06")
def test_errors_that_are_not_of_the_medium(host: Host) -> None:
    assert host.send(bytes((0x0A, 0, 0, 0, 10, 0)), out=b"four").status == 2
    assert number(host, 0x06, 0) == 1, "aborted: the data did not come"
    host.send(bytes((0x08, 0, 0, 0, 1, 0)), size=1)
    assert number(host, 0x06, 0) == 1, "the end of data is none"
    assert log_select(host, 0x06).status == GOOD
    assert number(host, 0x06, 0) == 0


@pytest.mark.req("SSC-LOG-16")
def test_tape_diagnostic_data(host: Host) -> None:
    assert page(host, 0x16) == {}
    host.write_tape([bytes(100), bytes(100)])
    host.damage(0)
    host.drive.clock.sleep(12.5)
    host.read(100)
    golden = "0000 60 98 00000000 00 03 11 00 00000000 {} 00000000 08 00 0000"
    text = golden.format(b"N9P1".hex())
    entry = bytes.fromhex(text) + b"KRL001L9".ljust(32)
    assert page(host, 0x16) == {0: entry + bytes.fromhex("00 00 0000000030d4")}
    host.rewind()
    host.verify(100)
    found = page(host, 0x16)
    assert found.keys() == {0, 1}
    assert (found[0][24], found[1][24]) == (0x13, 0x08), "the latest first"


@pytest.mark.req("SSC-LOG-16")
def test_an_error_again_and_again_is_one_entry(host: Host) -> None:
    host.write_tape([bytes(100)])
    host.damage(0)
    for _ in range(3):
        host.rewind()
        host.read(100)
    found = page(host, 0x16)
    assert found.keys() == {0}
    assert found[0][9] == 0x83, "REPEAT, medium error"


@pytest.mark.req("SSC-LOG-16", "SSC-LOG-11")
def test_diagnostic_data_are_kept_and_announced(tmp_path: Path) -> None:
    path = tmp_path / "drive.json"
    with logged(state=path) as host:
        other = Host(host.drive, "other")
        other.hear()
        host.write_tape([bytes(100)])
        host.damage(0)
        other.hear()
        assert page(host, 0x11)[0][3] & 0x20 == 0
        host.read(100)
        assert page(host, 0x11)[0][3] & 0x20, "TDDEC"
        kept = page(host, 0x16)
        assert page(host, 0x11)[0][3] & 0x20 == 0
        assert page(other, 0x11)[0][3] & 0x20, "who has not read it yet"
    again = Host(drive_of(known(), state=path))
    again.hear()
    assert page(again, 0x16) == kept
    assert json.loads(path.read_text())["errors"]


def test_only_so_many_entries_are_kept(host: Host) -> None:
    host.write_tape([bytes(100)])
    host.damage(0)
    for number_ in range(70):
        host.rewind()
        host.read(100) if number_ % 2 else host.verify(100)
    assert len(page(host, 0x16)) == 60


@pytest.mark.req("SSC-LOG-33")
def test_wellness_of_hp() -> None:
    with logged(known(logs={"33": "hp"})) as host:
        host.write_tape([bytes(100)])
        host.damage(0)
        host.drive.clock.sleep(5)
        host.read(100)
        found = page(host, 0x33)
        assert found[0][:4] == bytes.fromhex("00000005")
        assert found[0][8:] == bytes.fromhex("03 11 00 00")
        assert not any(found[1])

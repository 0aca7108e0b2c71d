"""What each kind of fault does to a command, a drive or a tape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from target import personality
from target.clock import ManualClock
from target.faults.board import Faults
from target.faults.kinds import KINDS
from target.medium.cartridge import Cartridge
from target.scsi import sense as s
from target.scsi.command import STATUS_TASK_ABORTED
from target.tape import commands
from target.tape.drive import Drive
from tests.encryption import keys
from tests.tape.host import GOOD, TD9, Host, new_cartridge, sense_of, tape

INQUIRY = bytes((0x12, 0, 0, 0, 96, 0))
KEY = bytes(range(32))


def codes(host: Host) -> list[str]:
    return [str(code)[:7] for code in host.hear()]


# --- answers -----------------------------------------------------------------------------------


def test_sense_in_place_of_a_command(host: Host, faults: Faults) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    host.drive.listener = lambda kind, details: heard.append((kind, details))
    faults.add(kind="sense", command="WRITE(6)", nth=2, code="3/0C/00", information=5, eom=True)
    assert host.write(b"one").status == GOOD
    reply = host.write(b"two")
    sense = sense_of(reply)
    assert (sense.code, sense.information, sense.eom) == (s.WRITE_ERROR, 5, True)
    assert host.position() == 1
    assert {3, 6} <= host.drive.alerts.active, "with the flags of that sense"
    assert heard[0] == ("fault", {"name": "sense-1", "fault": "sense", "cdb": "0a0000000300"})


def test_sense_of_a_command_that_was_done(host: Host, faults: Faults) -> None:
    faults.add(kind="sense", command="WRITE(6)", code="1/37/00", done=True)
    assert sense_of(host.write(b"one")).code.key == 1
    assert host.position() == 1


def test_sense_of_a_read_that_was_done_has_its_data(host: Host, faults: Faults) -> None:
    host.write_tape([b"block"])
    faults.add(kind="sense", command="READ(6)", code="FAILURE_PREDICTED", done=True)
    reply = host.read(5)
    assert (reply.data, sense_of(reply).code) == (b"block", s.FAILURE_PREDICTED)


@pytest.mark.parametrize(
    ("name", "status"),
    [("busy", 0x08), ("task-set-full", 0x28), ("reservation-conflict", 0x18), ("task-aborted", 64)],
)
def test_a_status(host: Host, faults: Faults, name: str, status: int) -> None:
    faults.add(kind="status", status=name, command="0A")
    reply = host.write(b"block")
    assert (reply.status, reply.sense) == (status, None)
    assert host.position() == 0


def test_keys_of_a_command_that_is_struck_are_overwritten(host: Host, faults: Faults) -> None:
    faults.add(kind="sense", code="4/44/00", command="B5/20", times=0)
    faults.add(kind="status", command="SECURITY PROTOCOL OUT", nth=2, times=0)
    page = keys.set_page(key=KEY, encryption=2, decryption=2)
    for _ in range(3):
        sent = bytearray(page)
        host.unit.execute(host.nexus, keys.spout_cdb(len(page)), [memoryview(sent)])
        assert KEY not in sent


# --- time (hang and aborts: test_waiting) --------------------------------------------------------


@pytest.mark.parametrize("done", [False, True])
def test_slow_by_the_clock_of_the_unit(done: bool) -> None:
    clock, model = ManualClock(), personality.load(TD9)
    drive = Drive(model, "KRL0000001", commands.of(model), clock=clock)
    Faults({"drive0": drive}).add(kind="slow", seconds=90, command="INQUIRY", done=done)
    assert drive.waits
    host = Host(drive)
    assert host.send(INQUIRY, size=96).status == GOOD
    assert clock.passed == 90
    assert host.send(INQUIRY, size=96).status == GOOD
    assert clock.passed == 90


# --- power and resets ----------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_power_lost_takes_what_is_not_durable(host: Host, faults: Faults, when: str) -> None:
    keys.set_keys(host, KEY)
    host.write(b"durable")
    host.filemarks()
    for number in range(20):
        host.write(b"%d" % number)
    faults.add(kind="power", when=when, command="WRITE(6)")
    assert host.write(b"last").status == (GOOD if when == "after" else STATUS_TASK_ABORTED)
    assert codes(host) == ["6/29/00", "6/28/00"]
    assert not host.drive.parameters.local, "keys are gone"
    assert host.position() == 0
    host.space(3)
    assert 2 <= host.position() <= (23 if when == "in" else 2)
    keys.set_keys(host, KEY)
    host.rewind()
    assert host.read(7).data == b"durable"


def test_power_lost_in_a_command_leaves_what_the_seed_says() -> None:
    def left(seed: int) -> int:
        with tape() as host:
            faults = Faults({"drive0": host.drive}, seed)
            faults.add(kind="power", command="WRITE FILEMARKS(6)")
            for number in range(30):
                host.write(b"%d" % number)
            assert host.filemarks(5).status == STATUS_TASK_ABORTED
            host.hear()
            host.space(3)
            end = host.position()
            host.rewind()
            assert [host.read(9, sili=True).data for _ in range(min(end, 30))] == [
                b"%d" % number for number in range(min(end, 30))
            ]
            return end

    ends = [left(seed) for seed in range(8)]
    assert len(set(ends)) > 2
    assert max(ends) <= 35
    assert left(3) == ends[3]


def test_power_lost_with_an_empty_drive(host: Host, faults: Faults) -> None:
    cartridge = host.drive.eject()
    assert cartridge is not None
    cartridge.close()
    faults.add(kind="power")
    assert host.ready().status == STATUS_TASK_ABORTED
    assert codes(host) == ["6/29/00"]


@pytest.mark.parametrize(
    ("what", "code"), [("lun", "6/29/03"), ("bus", "6/29/02"), ("nexus", "6/29/07")]
)
@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_reset(host: Host, faults: Faults, what: str, code: str, when: str) -> None:
    faults.add(kind="reset", what=what, when=when, command="WRITE(6)")
    assert host.write(b"block").status == (GOOD if when == "after" else STATUS_TASK_ABORTED)
    assert codes(host) == [code]
    host.space(3)
    assert host.position() == (0 if when == "before" else 1)


# --- the tape ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bit-flip", "torn"])
def test_damage_to_a_block_in_clear(host: Host, faults: Faults, kind: str) -> None:
    host.write_tape([b"first", b"second" * 100, None, b"third"])
    host.locate(1)
    faults.add(kind=kind, command="READ(6)")
    assert sense_of(host.read(600)).code is s.READ_ERROR
    assert sense_of(host.read(600)).filemark
    assert host.read(5).data == b"third"
    host.rewind()
    assert host.read(5).data == b"first"
    assert sense_of(host.read(600)).code is s.READ_ERROR, "it stays"


@pytest.mark.parametrize("part", ["cut", "overwritten"])
@pytest.mark.parametrize("block", [bytes(1000), b"\1" * 1000])
def test_a_torn_block_is_another_one(host: Host, faults: Faults, part: str, block: bytes) -> None:
    host.write_tape([block])
    faults.add(kind="torn", part=part, object=0)
    assert sense_of(host.read(1000)).code is s.READ_ERROR


def test_damage_to_an_encrypted_block(host: Host, faults: Faults) -> None:
    keys.set_keys(host, KEY)
    host.write_tape([b"first", b"second"])
    faults.add(kind="bit-flip", bits=3, object=1)
    assert host.read(5).data == b"first"
    assert sense_of(host.read(6)).code is s.INTEGRITY_FAILED


def test_damage_to_a_block_just_written(host: Host, faults: Faults) -> None:
    faults.add(kind="torn", command="WRITE(6)", nth=2, done=True)
    host.write_tape([b"first" * 50, b"second" * 50, b"third" * 50])
    assert host.read(250).data == b"first" * 50
    assert sense_of(host.read(300)).code is s.READ_ERROR
    assert host.read(250).data == b"third" * 50


def test_damage_where_there_is_no_block(host: Host, faults: Faults) -> None:
    fault = faults.add(kind="bit-flip", times=0)
    host.filemarks(2)
    host.rewind()
    assert sense_of(host.read(10)).filemark
    assert fault.struck == 3
    host.load(load=False)
    assert host.load().status == GOOD


def test_bits_come_from_the_seed() -> None:
    def flipped(seed: int) -> bytes:
        with tape() as host:
            host.write_tape([bytes(4096)])
            Faults({"drive0": host.drive}, seed).add(kind="bit-flip", bits=5)
            host.ready()
            cartridge = host.drive.cartridge
            assert isinstance(cartridge, Cartridge)
            return (cartridge.folder / "partition0" / "data").read_bytes()

    assert flipped(1) == flipped(1)
    assert flipped(1) != flipped(2)
    assert sum(map(int.bit_count, flipped(3))) == 5


def test_a_cartridge_is_taken_out_and_put_back(host: Host, faults: Faults) -> None:
    host.write(b"block")
    fault = faults.add(kind="remove-medium", command="REWIND", back_after=3)
    assert host.ready().status == GOOD
    for cdb in (bytes((1, 0, 0, 0, 0, 0)), bytes(6), bytes(6)):
        assert sense_of(host.send(cdb)).code is s.NO_MEDIUM
    assert codes(host) == ["6/28/00"]
    assert host.read(5).data == b"block"
    assert fault.struck == 1


def test_a_cartridge_comes_back_with_the_end_of_the_fault(host: Host, faults: Faults) -> None:
    fault = faults.add(kind="remove-medium")
    assert sense_of(host.ready()).code is s.NO_MEDIUM
    assert sense_of(host.ready()).code is s.NO_MEDIUM
    assert 0x10 in host.drive.alerts.active, "forced eject"
    fault.remove()
    assert codes(host) == ["6/28/00"]


def test_another_cartridge_was_put_in_meanwhile(host: Host, faults: Faults, tmp_path: Path) -> None:
    fault = faults.add(kind="remove-medium")
    assert sense_of(host.ready()).code is s.NO_MEDIUM
    host.drive.insert(new_cartridge(tmp_path, "KRL002L9"))
    fault.remove()
    assert host.drive.cartridge is not None
    assert host.drive.cartridge.barcode == "KRL002L9"


# --- the drive -----------------------------------------------------------------------------------


def revision(host: Host) -> bytes:
    return host.send(INQUIRY, size=96).data[32:36]


def test_other_firmware(host: Host, faults: Faults) -> None:
    before = revision(host)
    fault = faults.add(kind="firmware", command="TEST UNIT READY", revision="ZZ99", done=True)
    assert host.ready().status == GOOD
    assert revision(host) == b"ZZ99"
    assert codes(host) == ["6/3F/01", "6/3F/03"]
    fault.remove()
    assert revision(host) == before


def test_a_tape_alert(host: Host, faults: Faults) -> None:
    faults.add(kind="tape-alert", flags=[20, "cooling fan failure"])
    host.ready()
    assert {20, 26} <= host.drive.alerts.active
    data = host.send(bytes((0x4D, 0, 0x6E)) + bytes(4) + b"\2\0\0", size=512).data
    assert [at for at in range(1, 65) if data[4 + 5 * at - 1] == 1] == [20, 26]


def test_every_kind_has_a_test_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    others = {"hang": "test_waiting", "defect": "test_defects", "key-source": "test_sources"}
    missing = [kind for kind in KINDS if f'kind="{kind}"' not in text and kind not in others]
    assert missing == []

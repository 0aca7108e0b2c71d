"""What may be done with which cartridge: WORM, cleaning, damaged, foreign, in another format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from target.medium.cartridge import Cartridge
from target.scsi import sense as s
from target.scsi.sense import CheckCondition
from target.tape.tape_alert import Flag
from tests.tape.host import (
    CHECK,
    EOD,
    GOOD,
    MIB,
    TD9,
    Host,
    new_cartridge,
    new_drive,
    sense_of,
    tape,
)


def alerts(host: Host) -> set[int]:
    return host.drive.alerts.unread(host.nexus)


@contextmanager
def loaded(model: str, folder: Path, barcode: str, **info: object) -> Iterator[Host]:
    """A host at a drive with a cartridge about which ``info`` is so; unit attentions heard."""
    cartridge = new_cartridge(folder, barcode)
    cartridge.info.update(info)
    drive = new_drive(model)
    host = Host(drive)
    host.hear()
    with suppress(CheckCondition):
        drive.insert(cartridge)
    host.hear()
    yield host
    drive.eject()
    cartridge.close()


class TestWorm:
    @pytest.fixture
    def host(self) -> Iterator[Host]:
        with tape(TD9, barcode="KRL001LZ") as one:
            yield one

    @pytest.mark.req("SSC-WRITE-10", "SSC-SENSE-7-30-0C")
    def test_data_are_not_written_over(self, host: Host) -> None:
        host.write_tape([b"one", b"two", None])
        sense = sense_of(host.write(b"other"))
        assert sense.code is s.WORM_OVERWRITE
        assert alerts(host) == {Flag.WORM_OVERWRITE}
        assert host.read(3).data == b"one"

    def test_it_is_appended_to(self, host: Host) -> None:
        host.write_tape([b"one", None])
        host.locate(0, EOD)
        assert host.write(b"two").status == GOOD
        host.rewind()
        assert host.read(3).data == b"one"

    def test_filemarks_before_the_end_of_data_are_written_over(self, host: Host) -> None:
        """As st does after a second filemark, and every backup program that goes on."""
        host.write_tape([b"one", None, None])
        host.locate(2)
        assert host.write(b"two").status == GOOD
        host.rewind()
        assert host.drive.partition.count == 3

    def test_a_filemark_between_data_is_not(self, host: Host) -> None:
        host.write_tape([b"one", None, b"two"])
        host.locate(1)
        assert sense_of(host.write(b"x")).code is s.WORM_OVERWRITE

    @pytest.mark.parametrize("long", [False, True])
    def test_nothing_is_erased(self, host: Host, long: bool) -> None:
        host.write_tape([b"one", None])
        host.locate(1)
        assert sense_of(host.erase(long=long)).code is s.WORM_OVERWRITE
        assert host.drive.partition.count == 2

    def test_the_medium_says_that_it_is_worm(self, host: Host) -> None:
        mode = host.send(bytes((0x1A, 0, 0, 0, 255, 0)), size=255)
        assert mode.data[1] == 0x9C


class TestCleaning:
    def test_it_cleans_once_and_is_not_threaded(self, tmp_path: Path) -> None:
        with loaded(TD9, tmp_path, "CLN001CU", cleanings_left=2) as host:
            assert sense_of(host.ready()).code is s.NO_MEDIUM
            assert alerts(host) == {Flag.CLEANING_MEDIA}
            assert host.drive.lifetime.cleanings == 1
            assert host.drive.lifetime.bytes_since_clean == 0
        again = Cartridge(tmp_path / "CLN001CU")
        assert again.info["cleanings_left"] == 1
        again.close()

    def test_a_used_up_one_does_not_clean(self, tmp_path: Path) -> None:
        with loaded(TD9, tmp_path, "CLN001CU", cleanings_left=0) as host:
            assert host.drive.lifetime.cleanings == 0
            assert alerts(host) == {Flag.CLEANING_MEDIA, Flag.EXPIRED_CLEANING}


class TestDamage:
    @pytest.mark.req("SSC-SENSE-3-53-00")
    def test_a_broken_leader_cannot_be_threaded(self, tmp_path: Path) -> None:
        with loaded(TD9, tmp_path, "KRL001L9", damage=["leader"]) as host:
            assert sense_of(host.ready()).code is s.NO_MEDIUM
            assert sense_of(host.load()).code is s.LOAD_FAILED
            assert alerts(host) == {Flag.CARTRIDGE_FAILURE, Flag.LOAD_FAILED}

    def test_a_broken_chip_leaves_the_data(self, tmp_path: Path) -> None:
        with loaded(TD9, tmp_path, "KRL001L9", damage=["memory"]) as host:
            assert alerts(host) == {Flag.MEMORY_CHIP_FAILURE}
            assert host.write(b"data").status == GOOD


class TestFormats:
    @pytest.mark.parametrize(
        ("model", "barcode"), [("ibm/ult3580-td9", "KRL001L7"), ("ibm/ult3580-td7", "KRL001M8")]
    )
    def test_a_foreign_one_raises_an_alert(self, tmp_path: Path, model: str, barcode: str) -> None:
        with loaded(model, tmp_path, barcode) as host:
            assert sense_of(host.ready()).code is s.INCOMPATIBLE_MEDIUM
            assert alerts(host) == {Flag.UNSUPPORTED_FORMAT}

    def test_one_that_is_only_read_says_why(self, tmp_path: Path) -> None:
        with loaded("ibm/ult3580-td6", tmp_path, "KRL001L4") as host:
            assert sense_of(host.write(b"x")).code is s.CANNOT_WRITE_MEDIUM
            assert alerts(host) == {Flag.READ_ONLY_FORMAT}

    @pytest.mark.req("SSC-SENSE-3-30-02")
    def test_a_blank_one_gets_the_format_of_the_drive(self, tmp_path: Path) -> None:
        with loaded("ibm/ts1150", tmp_path, "KRL001JC") as host:
            assert host.drive.cartridge is not None
            assert host.drive.cartridge.recorded is None
            assert host.write(b"data").status == GOOD
            assert host.drive.density.name == "3592-E08"
        with loaded("ibm/ts1140", tmp_path, "KRL001JC") as host:
            # Recorded by a newer drive: not read, but written from the beginning.
            assert host.ready().status == GOOD
            assert sense_of(host.read(4)).code is s.INCOMPATIBLE_FORMAT
            assert host.write(b"older").status == GOOD
            assert host.drive.density.name == "3592-E07"
            host.rewind()
            assert host.read(5).data == b"older"

    def test_an_older_format_is_kept_behind_what_is_there(self, tmp_path: Path) -> None:
        with loaded("ibm/ts1140", tmp_path, "KRL001JC") as host:
            host.write_tape([b"old"])
        with loaded("ibm/ts1150", tmp_path, "KRL001JC") as host:
            assert host.read(3).data == b"old"
            assert host.write(b"more").status == GOOD
            assert host.drive.density.name == "3592-E07"

    def test_one_that_is_only_read_is_written_from_its_beginning(self, tmp_path: Path) -> None:
        with loaded("ibm/ts1140", tmp_path, "KRL001JC") as host:
            host.write_tape([b"old"])
        with loaded("ibm/ts1160", tmp_path, "KRL001JC") as host:
            assert host.read(3).data == b"old"
            assert sense_of(host.write(b"more")).code is s.CANNOT_WRITE_MEDIUM
            host.rewind()
            assert host.write(b"new").status == GOOD
            assert host.drive.density.name == "3592-E08"


class TestWarnings:
    def pews(self, host: Host, megabytes: int) -> None:
        data = bytearray(8) + bytes((0x50, 0x01, 0, 0x1C)) + bytes(28)
        data[3] = 0x10
        data[8 + 5] = 0x02
        data[8 + 6 : 8 + 8] = megabytes.to_bytes(2, "big")
        cdb = bytes((0x55, 0x10)) + bytes(5) + len(data).to_bytes(2, "big") + bytes(1)
        assert host.send(cdb, out=bytes(data)).status == GOOD

    @pytest.mark.req("SSC-WRITE-06", "SSC-SENSE-0-00-07")
    def test_the_programmable_zone_is_told_once(self) -> None:
        with tape(TD9, capacity=64 * MIB) as host:
            self.pews(host, 20)
            codes: list[s.Code] = []
            block = bytes(MIB)
            while len(codes) < 2 or codes[-1] is not s.EARLY_WARNING:
                reply = host.write(block)
                if reply.status == CHECK:
                    sense = sense_of(reply)
                    assert sense.eom
                    codes.append(sense.code)
            assert codes == [s.PROGRAMMABLE_EARLY_WARNING, s.EARLY_WARNING]

    def test_going_back_before_the_zone_arms_it_again(self) -> None:
        with tape(TD9, capacity=64 * MIB) as host:
            self.pews(host, 20)
            told = 0
            for _ in range(2):
                host.rewind()
                for _ in range(45):
                    told += host.write(bytes(MIB)).status == CHECK
            assert told == 2

    @pytest.mark.req("SSC-RPOS-08", "SSC-RPOS-06")
    def test_position_tells_of_the_zones(self) -> None:
        with tape(TD9, capacity=64 * MIB) as host:
            self.pews(host, 20)
            for _ in range(44):
                host.write(bytes(MIB))
            assert host.send(bytes((0x34, 6)) + bytes(8), size=32).data[0] == 0x01
            while not (host.send(bytes((0x34, 6)) + bytes(8), size=32).data[0] & 0x40):
                host.write(bytes(MIB))
            assert host.send(bytes((0x34, 6)) + bytes(8), size=32).data[0] == 0x41

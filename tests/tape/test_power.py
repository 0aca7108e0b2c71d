"""What survives a loss of power, what survives a reset, and that nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from target import personality
from target.build import build, shut_down
from target.plan import CartridgePlan, DrivePlan, RigPlan
from target.scsi import sense as s
from target.tape import commands
from target.tape.drive import Drive
from tests.encryption import keys
from tests.tape.host import CONFLICT, GOOD, TD9, Host, new_cartridge

KEY = 0xFEEDFACECAFEBEEF


class Bench:
    """A drive in its place: each `power` is a new one with the memory of the last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: dict[str, Host] = {}
        self.power()

    def power(self) -> None:
        """Power goes and comes; the cartridge is as it was last made durable."""
        model = personality.load(TD9)
        drive = Drive(model, "KRL0000001", commands.of(model), state=self.folder / "drive.json")
        self.drive = drive
        self.hosts = {}

    def host(self, name: str = "host0") -> Host:
        if name not in self.hosts:
            self.hosts[name] = Host(self.drive, name)
            self.hosts[name].hear()
        return self.hosts[name]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def reserve_out(host: Host, action: int, key: int = 0, new: int = 0, *, aptpl: bool = False) -> int:
    data = key.to_bytes(8) + new.to_bytes(8) + bytes((0, 0, 0, 0, aptpl, 0, 0, 0))
    cdb = bytes((0x5F, action, 3 if action else 0, 0, 0)) + len(data).to_bytes(4) + bytes(1)
    return host.send(cdb, out=data).status


def keys_held(host: Host) -> list[int]:
    data = host.send(bytes((0x5E, 0)) + bytes(5) + b"\0\xff\0", size=255).data
    return [int.from_bytes(data[at : at + 8]) for at in range(8, len(data), 8)]


def select(host: Host, page: bytes, *, save: bool) -> int:
    data = bytes(3) + b"\x10" + bytes(4) + page
    cdb = bytes((0x55, 0x10 | save)) + bytes(5) + len(data).to_bytes(2) + bytes(1)
    return host.send(cdb, out=data).status


def page(host: Host, code: int, subpage: int = 0, control: int = 0) -> bytearray:
    """A mode page as it is, ready to be sent back."""
    cdb = bytes((0x5A, 8, control << 6 | code, subpage)) + bytes(3) + b"\0\xff\0"
    data = bytearray(host.send(cdb, size=255).data[8:])
    data[0] &= 0x7F
    return data


def pews(host: Host, control: int = 0) -> int:
    """Of mode page 10h subpage 01h, which these drives save."""
    return int.from_bytes(page(host, 0x10, 1, control)[6:8])


def zone(host: Host, value: int) -> bytes:
    data = page(host, 0x10, 1)
    data[6:8] = value.to_bytes(2)
    return bytes(data)


def write_delay(host: Host) -> int:
    """Of mode page 10h, which these drives do not save."""
    return int.from_bytes(page(host, 0x10)[6:8])


def delayed(host: Host, value: int) -> bytes:
    data = page(host, 0x10)
    data[6:8] = value.to_bytes(2)
    return bytes(data)


class TestReservations:
    def take(self, bench: Bench, *, aptpl: bool) -> None:
        assert reserve_out(bench.host(), 0, new=KEY, aptpl=aptpl) == GOOD
        assert reserve_out(bench.host(), 1, key=KEY) == GOOD

    @pytest.mark.req("SSC-PR-14")
    def test_with_aptpl_they_come_back(self, bench: Bench) -> None:
        self.take(bench, aptpl=True)
        bench.power()
        other = bench.host("other")
        assert keys_held(other) == [KEY]
        assert select(other, delayed(bench.host(), 5), save=False) == CONFLICT
        assert select(bench.host(), delayed(bench.host(), 5), save=False) == GOOD

    def test_without_they_are_gone(self, bench: Bench) -> None:
        self.take(bench, aptpl=False)
        bench.power()
        assert keys_held(bench.host("other")) == []

    def test_a_reset_takes_none(self, bench: Bench) -> None:
        self.take(bench, aptpl=False)
        bench.drive.reset()
        bench.hosts.clear()
        other = bench.host("other")
        assert keys_held(other) == [KEY]
        assert select(other, delayed(bench.host(), 5), save=False) == CONFLICT

    def test_of_reserve_nothing_is_left(self, bench: Bench) -> None:
        host = bench.host()
        assert host.send(bytes((0x16,)) + bytes(5)).status == GOOD
        bench.drive.reset()
        bench.hosts.clear()
        assert bench.host("other").ready().status != CONFLICT


class TestModePages:
    def test_saved_values_come_back(self, bench: Bench) -> None:
        host = bench.host()
        assert select(host, zone(host, 250), save=True) == GOOD
        assert select(host, zone(host, 7), save=False) == GOOD
        assert pews(host) == 7
        bench.power()
        assert pews(bench.host()) == pews(bench.host(), control=3) == 250

    def test_values_that_were_not_saved_do_not(self, bench: Bench) -> None:
        host = bench.host()
        before = pews(host)
        assert select(host, zone(host, 7), save=False) == GOOD
        bench.power()
        assert pews(bench.host()) == before

    def test_fields_that_are_not_saved_do_not(self, bench: Bench) -> None:
        host = bench.host()
        before = write_delay(host)
        assert select(host, delayed(host, 7), save=True) == GOOD
        assert write_delay(host) == 7
        bench.power()
        assert write_delay(bench.host()) == before

    def test_a_reset_goes_back_to_what_was_saved(self, bench: Bench) -> None:
        host = bench.host()
        assert select(host, zone(host, 250), save=True) == GOOD
        assert select(host, zone(host, 7), save=False) == GOOD
        bench.drive.reset()
        bench.hosts.clear()
        assert pews(bench.host()) == 250

    def test_defaults_stay(self, bench: Bench) -> None:
        host = bench.host()
        default = pews(host, control=2)
        assert select(host, zone(host, 250), save=True) == GOOD
        bench.power()
        assert pews(bench.host(), control=2) == default != 250


def test_keys_do_not_outlive_the_power(bench: Bench) -> None:
    bench.drive.insert(new_cartridge(bench.folder, "KRL001L9"))
    host = bench.host()
    keys.set_keys(host, keys.KEY_A, encryption=keys.ENCRYPT, decryption=keys.DECRYPT)
    assert host.write(b"secret").status == GOOD
    cartridge = bench.drive.eject()
    assert cartridge is not None
    cartridge.close()
    bench.power()
    bench.drive.insert(new_cartridge(bench.folder, "KRL001L9"))
    host = bench.host()
    sense = host.read(6).sense
    assert sense is not None
    assert sense.code is s.UNABLE_TO_DECRYPT
    assert keys.KEY_A.hex() not in (bench.folder / "drive.json").read_text()
    cartridge = bench.drive.eject()
    assert cartridge is not None
    cartridge.close()


def test_the_life_of_the_drive_goes_on(bench: Bench) -> None:
    before = bench.drive.lifetime.power_cycles
    bench.drive.remember(lifetime=vars(bench.drive.lifetime))
    bench.power()
    assert bench.drive.lifetime.power_cycles == before + 1


@pytest.mark.parametrize("barcode", ["KRL001L9", None])
def test_who_was_writing_hears_twice(tmp_path: Path, barcode: str | None) -> None:
    """Of the power and of the volume: Linux' st, not having understood the first, would write a
    filemark to the rewound tape."""
    cartridges = (CartridgePlan("KRL001L9", str(tmp_path / "KRL001L9")),)
    plan = RigPlan("power", 0, (DrivePlan("drive0", TD9, "KRL0000001", barcode),), cartridges)
    drives = build(plan)
    heard = Host(drives["drive0"]).hear()
    assert heard == [s.POWER_ON, s.MEDIUM_MAY_HAVE_CHANGED][: 2 if barcode else 1]
    shut_down(drives)

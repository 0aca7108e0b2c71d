"""Random moves by hosts and operators: no cartridge is lost or doubled, and the inventory file is
what READ ELEMENT STATUS says; also when the process is killed between any two steps of a move."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from target import personality
from target.library.changer import Changer
from target.library.inventory import Inventory, Kind, Location
from target.library.robot import MoveFailed, Robot
from target.medium.cartridge import Cartridge
from target.scsi import sense as s
from target.tape import commands
from target.tape.drive import Drive
from tests.library.changers import (
    GOOD,
    MODELS,
    FakePort,
    Host,
    Tower,
    code_of,
    drive,
    mail,
    partition,
    slot,
)
from tests.tape.host import Host as TapeHost

BARCODES = ("KRL001L9", "KRL002L9", "KRL003L5", "CLN001CU", "KRL004JE")
SLOTS, MAILS, DRIVES = 4, 1, 2
PLACES = (*map(slot, range(1, SLOTS + 1)), mail(1), *map(drive, range(1, DRIVES + 1)))
places = st.sampled_from(PLACES)
REFUSALS = {
    s.DESTINATION_FULL, s.SOURCE_EMPTY, s.WRONG_CARTRIDGE, s.NOT_UNLOADED, s.REMOVAL_PREVENTED,
    s.LOAD_OR_EJECT_FAILED, s.INVALID_OPCODE,
}  # fmt: skip


class Moves(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="keyreel-", dir=_memory())
        self.tower: Tower | None = None

    @rule(model=st.sampled_from(MODELS))
    def begin(self, model: str) -> None:
        if self.tower is None:
            self.tower = Tower(Path(self.folder.name), model, ["LTO-9"] * DRIVES)
            for number, barcode in enumerate(BARCODES, 1):
                self.tower.add(barcode, PLACES[number - 1])
            self.host = Host(Changer(partition(DRIVES, SLOTS, MAILS), self.tower))
            self.host.hear()
            self.expected = {PLACES[at]: barcode for at, barcode in enumerate(BARCODES)}

    @rule(source=places, destination=places)
    def move(self, source: Location, destination: Location) -> None:
        if self.tower is not None:
            reply = self.host.move(source, destination)
            if reply.status == GOOD or code_of(reply) == s.LOAD_OR_EJECT_FAILED:
                self._took({source: destination}, reply.status == GOOD)
            else:
                assert code_of(reply)[:3] in {code[:3] for code in REFUSALS} | {(5, 0x3B, 0xA0)}

    @rule(source=places, first=places, second=places)
    def exchange(self, source: Location, first: Location, second: Location) -> None:
        if self.tower is not None:
            reply = self.host.exchange(source, first, second)
            if reply.status == GOOD or code_of(reply) == s.LOAD_OR_EJECT_FAILED:
                self._took({source: first, first: second}, reply.status == GOOD)

    @rule(source=places, destination=places)
    def operator(self, source: Location, destination: Location) -> None:
        if self.tower is not None:
            try:
                self.tower.robot.move(source, destination)
            except MoveFailed as failure:
                if failure.code == s.LOAD_OR_EJECT_FAILED:
                    self._took({source: destination}, False)
            else:
                self._took({source: destination}, True)

    def _took(self, ways: dict[Location, Location], good: bool) -> None:
        """A drive that cannot load has its cartridge; one that cannot eject has kept it."""
        assert self.tower is not None
        first = next(iter(ways))
        now = self.tower.inventory.at(first)
        stays = now is not None and now.barcode == self.expected.get(first)
        if good or not stays:
            carried = {there: self.expected.pop(at) for at, there in ways.items()}
            self.expected |= carried

    @rule(number=st.integers(1, DRIVES), how=st.sampled_from(["damaged", "prevented", "stuck"]))
    def hinder(self, number: int, how: str) -> None:
        if self.tower is not None:
            fake = self.tower.fakes[number]
            setattr(fake, how, not getattr(fake, how))

    @rule(number=st.integers(1, DRIVES))
    def unload(self, number: int) -> None:
        if self.tower is not None:
            self.tower.fakes[number].loaded = False

    @rule()
    def restart(self) -> None:
        """The process is killed, and another one starts."""
        if self.tower is not None:
            for number, fake in self.tower.fakes.items():
                if isinstance(fake.cartridge, Cartridge):
                    fake.cartridge.abandon()
                self.tower.ports[number] = self.tower.fakes[number] = FakePort(number)
            self.tower.inventory = Inventory(self.tower.folder / "inventory.json")
            self.tower.robot = Robot(self.tower.inventory, self.tower.ports, self.tower.plans)
            for at, _ in self.tower.inventory:
                if at.kind is Kind.DRIVE:
                    self.tower.robot.reload(at)
            self.host = Host(Changer(partition(DRIVES, SLOTS, MAILS), self.tower))
            self.host.hear()

    @invariant()
    def everything_is_where_it_should_be(self) -> None:
        if self.tower is None:
            return
        file = Inventory(self.tower.folder / "inventory.json")
        assert {at: held.barcode for at, held in file} == self.expected
        length = self.tower.model.tag["length"]
        assert self.host.contents() == {
            at: barcode[:length] for at, barcode in self.expected.items()
        }
        for number, fake in self.tower.fakes.items():
            inside = fake.cartridge.info["barcode"] if fake.cartridge is not None else None
            assert inside == self.expected.get(drive(number))

    def teardown(self) -> None:
        if self.tower is not None:
            for fake in self.tower.fakes.values():
                if isinstance(fake.cartridge, Cartridge):
                    fake.cartridge.abandon()
        self.folder.cleanup()


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.mark.req("SMC-MOVE-STATE")
def test_random_moves() -> None:
    run_state_machine_as_test(Moves, settings=settings(max_examples=60, stateful_step_count=40))


# --- kills ---------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is no more."""


CALLS = ("open", "replace", "fsync", "fdatasync", "mkdir", "unlink", "write", "pwrite", "pwritev")


class Death:
    """What became of a process: whether it ``died``, which folders it had opened and not closed
    (a cartridge's is its lock), and which files that were open before it had closed."""

    def __init__(self) -> None:
        self.died = False
        self.opened = set[int]()
        self.closed = set[int]()


@contextmanager
def killed_at(number: int) -> Iterator[Death]:
    """Die at the so-manieth call that touches files; what it opened is closed, as death does."""
    real = {name: getattr(os, name) for name in (*CALLS, "close")}
    death, calls = Death(), 0

    def made(name: str) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            death.died = calls > number
            if death.died:
                raise Killed
            done = real[name](*args, **kwargs)
            if name == "open" and int(str(args[1])) & os.O_DIRECTORY:
                assert isinstance(done, int)
                death.opened.add(done)
            return done

        return call

    def close(file: int) -> None:
        real["close"](file)
        if file in death.opened:
            death.opened.discard(file)
        else:
            death.closed.add(file)

    with pytest.MonkeyPatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, made(name))
        patched.setattr(os, "close", close)
        with suppress(Killed):
            yield death
    if death.died:
        for file in death.opened:
            os.close(file)


class Bay:
    """The port of a real drive, for the robot alone."""

    def __init__(self) -> None:
        model = personality.load("ibm/ult3580-td9")
        self.drive = Drive(model, "KRL0000001", commands.of(model))
        self.identity = FakePort(1).identity
        self.insert = self.drive.insert
        self.eject = self.drive.eject

    @property
    def loaded(self) -> bool:
        return self.drive.loaded


WAYS: dict[str, Callable[[Robot], None]] = {
    "into a drive": lambda robot: robot.move(slot(1), drive(2)),
    "out of a drive": lambda robot: robot.move(drive(1), slot(3)),
    "from drive to drive": lambda robot: robot.move(drive(1), drive(2)),
    "from slot to slot": lambda robot: robot.move(slot(1), slot(3)),
    "an exchange": lambda robot: robot.exchange(slot(1), drive(1), slot(1)),
}


@pytest.mark.req("SMC-MOVE-SAFE")
@pytest.mark.parametrize("way", WAYS)
def test_a_kill_between_any_two_steps_loses_nothing(tmp_path: Path, way: str) -> None:
    number = 0
    outcomes = set()
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        died, where = _die_while(folder, WAYS[way], number)
        outcomes.add(frozenset(where.items()))
        if not died:
            break
        number += 1
    assert number >= 4, "there are steps"
    assert len(outcomes) == 2, "as it was, or as it is to be"


def _die_while(
    folder: Path, act: Callable[[Robot], None], number: int
) -> tuple[bool, dict[str, Location]]:
    """Whether it died, and where the cartridges are for whoever comes after."""
    tower = Tower(folder, "spectra/t950")
    tower.add("KRL001L9", slot(1))
    tower.add("KRL002L9", drive(1))
    tower.ports.update({1: Bay(), 2: Bay()})
    tower.robot.reload(drive(1))
    port = tower.ports[1]
    assert isinstance(port, Bay)
    tape = TapeHost(port.drive)
    tape.hear()
    (before,) = _open_files(tower)
    assert tape.write(b"kept" * 1000).status == GOOD
    with killed_at(number) as death:
        act(tower.robot)
    if not death.died:
        for cartridge in _open_files(tower):
            cartridge.abandon()
    elif before._lock not in death.closed:
        before.abandon()
    inventory = Inventory(folder / "inventory.json")
    where = {held.barcode: at for at, held in inventory}
    assert sorted(where) == ["KRL001L9", "KRL002L9"]
    if where["KRL002L9"] != drive(1):
        # It has left: what was written is on it.
        again = Cartridge(folder / "KRL002L9")
        assert again.partitions[0].count == 1
        again.close()
    after = Robot(inventory, {1: Bay(), 2: Bay()}, tower.plans)
    for at in where.values():
        if at.kind is Kind.DRIVE:
            after.reload(at)
            assert after.ports[at.number].loaded
            taken = after.ports[at.number].eject()
            assert taken is not None
            taken.close()
    return death.died, where


def _open_files(tower: Tower) -> list[Cartridge]:
    """The cartridges that are in drives."""
    bays = [bay for bay in tower.ports.values() if isinstance(bay, Bay)]
    found = [bay.drive.cartridge for bay in bays]
    return [one for one in found if isinstance(one, Cartridge)]

"""Random and changed commands to drives and changers of all models, in every state, from several
nexuses: each is answered legally, as `tests.layers.legal` defines it, nothing fails inside, the
unit lives on, and no cartridge is lost.

KEYREEL_FUZZ_COMMANDS sets how many commands there are; with 1000000 it takes some minutes.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from harness.layers import cdb as c
from harness.layers.log import LogPage
from harness.layers.mode import ChangerModeData10, ModeData10
from target import personality
from target.clock import ManualClock
from target.library import personality as library_models
from target.library.changer import Changer
from target.scsi.command import Nexus
from target.scsi.firmware import image
from target.scsi.primary import PrimaryUnit
from target.tape import commands
from target.tape.drive import Drive
from tests.layers.fuzzing import Fuzzer, Target
from tests.layers.legal import Illegal, check, insist
from tests.layers.states import MODELS, STATES, case, close
from tests.library import changers
from tests.library.changers import Tower, drive, mail, slot
from tests.runs import Say

COMMANDS = int(os.environ.get("KEYREEL_FUZZ_COMMANDS", "40000"))
ROUND = 200
"""Commands to one unit before the next one, in another state, takes its place."""
CHANGERS = 6
"""Each of so many rounds is of a changer."""
NEXUSES = tuple(Nexus(f"host{number}") for number in range(3))
OTHERS = 0.2
"""How often it is another nexus than the first that sends."""
LIVES = 0.1
"""How often TEST UNIT READY is sent in between."""
MOVING = [0xA5, 0xA5, 0xA6, 0xB8]
"""Commands of a changer that it is sent as often as all the others."""
READY = bytes(6)
LOAD = bytes(c.LoadUnload(load=1))
"""Now and then, as what is unloaded has little to say."""
ROOM = memoryview(bytearray(1 << 17))

BARCODES = {slot(1): "KRL001L9", slot(2): "KRL002L9", mail(1): "CLN001CU", slot(4): "KRL001JE"}


class Failures(logging.Handler):
    """What a target reports of itself: nothing should fail inside."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class Round:
    """One unit under fire."""

    def __init__(self, unit: Drive | Changer, what: Target, fuzzer: Fuzzer, name: str) -> None:
        self.unit = unit
        model = unit.personality if isinstance(unit, Drive) else unit.model
        self.sense = model.limits["sense_length"]
        self.what = what
        self.fuzzer = fuzzer
        self.name = name
        self.codes: Counter[str] = Counter()

    def step(self, cdb: bytes, out: bytes, nexus: Nexus, room: int) -> None:
        """Send one command; pytest fails where the answer is not legal."""
        done = self.unit.execute(nexus, cdb, [memoryview(bytearray(out))], self.scatter(room))
        try:
            insist(0 <= done.length <= room, f"{done.length} bytes of data-in, and room for {room}")
            came = bytes(ROOM[: done.length])
            code = check(cdb, done.status, done.sense, came, room, len(out), self.what.device)
            if done.sense and done.sense[0] & 0x7E == 0x70:
                insist(len(done.sense) == self.sense, f"{len(done.sense)} bytes of sense data")
        except Illegal as error:
            pytest.fail(
                f"{error}\nseed {self.fuzzer.seed}, {self.name}, nexus {nexus.initiator}: "
                f"CDB {cdb.hex(' ')}, data-out {out[:128].hex(' ')}, room {room}: "
                f"status {done.status:02X}h, sense {done.sense.hex(' ')}"
            )
        self.codes[code or f"{done.status:02X}h"] += 1

    def scatter(self, room: int) -> list[memoryview]:
        """``room`` bytes of the buffer, sometimes in two pieces."""
        if not room or self.fuzzer.random.random() < 0.8:
            return [ROOM[:room]]
        cut = self.fuzzer.random.randrange(room)
        return [ROOM[:cut], ROOM[cut:room]]

    def run(self, count: int, block: int = 512) -> None:
        """Send so many random commands."""
        dice = self.fuzzer.random
        for _ in range(count):
            nexus = NEXUSES[0] if dice.random() > OTHERS else dice.choice(NEXUSES)
            cdb, out = self.fuzzer.command(self.what, block)
            self.step(cdb, out, nexus, self.fuzzer.number(100_000))
            if dice.random() < LIVES:
                self.step(READY, b"", nexus, 0)
            self.between()

    def between(self) -> None:
        """What happens to the unit between commands."""


class DriveRound(Round):
    """A drive whose time goes on; what is unloaded is loaded again."""

    def between(self) -> None:
        unit, dice = self.unit, self.fuzzer.random
        assert isinstance(unit, Drive)
        if isinstance(unit.clock, ManualClock) and dice.random() < 0.2:
            unit.clock.sleep(dice.uniform(0, 100))
        if not unit.loaded and dice.random() < 0.1:
            self.step(LOAD, b"", NEXUSES[0], 0)


class ChangerRound(Round):
    """A changer whose door is opened and whose drives fail, now and then."""

    tower: Tower

    def between(self) -> None:
        dice = self.fuzzer.random
        self.tower.door_open = dice.random() < 0.02
        fake = self.tower.fakes[dice.choice((1, 2))]
        fake.damaged, fake.stuck = dice.random() < 0.1, dice.random() < 0.1


def target_of(unit: PrimaryUnit, device: str, addresses: tuple[int, ...] = ()) -> Target:
    """What is known of a unit, asked of it once by its model's name."""
    pages: dict[str, Sequence[int]] = {
        "Mod": [0, 0x3F, *(page.code for page in unit.modes.pages)],
        "Log": [0, *(page.code for page in unit.logs)],
        "Inq": [0, *unit.vpd_pages],
    }
    layer = ModeData10 if device == "tape" else ChangerModeData10
    asked = bytes(c.ModeSense10(page_code=0x3F, subpage_code=0xFF, allocation_length=0x2000))
    modes = [bytes(page) for page in layer(send(unit, asked)).pages]
    logs = []
    for log in unit.logs:
        asked = bytes(
            c.LogSense(pc=1, page_code=log.code, subpage_code=log.subpage, allocation_length=0x1000)
        )
        logs.append(bytes(LogPage(send(unit, asked))))
    opcodes = sorted({row.opcode for row in unit.commands})
    if device == "changer":
        opcodes += MOVING * (len(opcodes) // 4)
    product = bytes(unit.inquiry_data[16:32]).decode().rstrip()
    return Target(device, opcodes, pages, modes, logs, addresses, image(product, "Z9Z9"))


def send(unit: PrimaryUnit, cdb: bytes) -> bytes:
    """Data-in of a command of a nexus of its own, which hears unit attentions before."""
    asking = Nexus("curious")
    for _ in range(10):
        done = unit.execute(asking, cdb, (), [ROOM[:0x2000]])
        if done.status == 0:
            break
    return bytes(ROOM[: done.length])


@cache
def drive_target(model: str) -> Target:
    """What there is to know of a drive model."""
    known = personality.load(model)
    return target_of(Drive(known, "KRL0000001", commands.of(known)), "tape")


def drive_round(number: int, folder: Path, fuzzer: Fuzzer) -> Iterator[Round]:
    """A drive in one of the states."""
    state, what = case(number, folder, fuzzer.seed)
    host = state(what)
    name = f"{what.model.name} {state.__name__}"
    yield DriveRound(host.drive, drive_target(MODELS[number % len(MODELS)]), fuzzer, name)
    close(host.drive)


def changer_round(number: int, folder: Path, fuzzer: Fuzzer) -> Iterator[Round]:
    """A changer with four cartridges, and drives that hold them."""
    name = changers.MODELS[number % len(changers.MODELS)]
    tower = Tower(folder, library_models.load(name))
    for at, barcode in BARCODES.items():
        tower.add(barcode, at)
    unit = Changer(changers.partition(), tower, folder / "changer.json")
    likely = [unit.elements.address_of[at] for at in (*BARCODES, drive(1), drive(2))]
    addresses = (*unit.elements.by_address, 0, 0xFFFF, *likely, *likely)
    made = ChangerRound(unit, target_of(unit, "changer", addresses), fuzzer, name)
    made.tower = tower
    yield made
    assert {held.barcode for _, held in tower.inventory} == set(BARCODES.values())
    for bay, fake in tower.fakes.items():
        inside, held = fake.cartridge, tower.inventory.at(drive(bay))
        assert (inside is None) == (held is None)
        if inside is not None:
            inside.close()


@pytest.mark.req("SSC-SENSE-LENGTH", "SMC-CMD-ANY")
def test_any_command_is_answered_legally(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    say: Say,
) -> None:
    seed = int(pytestconfig.getoption("hypothesis_seed"))
    # What is tested here are the units, not how fast this machine's disk is.
    monkeypatch.setattr(os, "fdatasync", lambda file: None)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    failures = Failures()
    logging.getLogger().addHandler(failures)
    fuzzer = Fuzzer(seed)
    codes: Counter[str] = Counter()
    units: Counter[str] = Counter()
    started = time.perf_counter()
    for number in range(-(-COMMANDS // ROUND)):
        folder = tmp_path / f"round{number}"
        folder.mkdir()
        of_changer = number % CHANGERS == CHANGERS - 1
        rounds = (changer_round if of_changer else drive_round)(number, folder, fuzzer)
        for one in rounds:
            one.run(ROUND)
            codes += one.codes
            units[one.what.device] += 1
        shutil.rmtree(folder)
    seconds = time.perf_counter() - started
    logging.getLogger().removeHandler(failures)
    assert not failures.texts, failures.texts[0]
    total = sum(codes.values())
    say(
        f"{total} fuzzed commands in {seconds:.0f} s, {total / seconds:.0f} a second, to"
        f" {units['tape']} drives of {len(MODELS)} models in {len(STATES)} states and"
        f" {units['changer']} changers of {len(changers.MODELS)} models, seed {seed}:"
        f" {codes['00h'] * 100 // total}% GOOD, {len(codes)} different ends, no illegal answer"
    )
    keys = {code[0] for code, count in codes.items() if "/" in code}
    # Of the others there are some in most runs.
    assert keys >= set("0256"), "the mix reaches every kind of answer"
    assert codes["00h"] > total // 10
    assert codes["18h"] > 0

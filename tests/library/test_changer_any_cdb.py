"""30,000 random and mutated commands to changers of all models: each is answered properly, and no
cartridge is lost."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from target.library import personality
from target.library.changer import Changer
from target.scsi.command import STATUS_CHECK_CONDITION, Command, Completion, Data, Nexus
from target.scsi.sense import decode
from tests.library.changers import (
    CHECK,
    CONFLICT,
    GOOD,
    MODELS,
    Tower,
    drive,
    mail,
    partition,
    slot,
)
from tests.runs import Say

COMMANDS = 30_000
ROUND = 250
"""Commands to one changer before the next one takes its place."""
NEXUSES = (Nexus("host0"), Nexus("host1"))
BARCODES = {slot(1): "KRL001L9", slot(2): "KRL002L9", mail(1): "CLN001CU", slot(4): "KRL001JE"}
LEGAL_KEYS = {0x0, 0x1, 0x2, 0x4, 0x5, 0x6, 0xB}
INTERNAL_FAILURE = (0x4, 0x44, 0x00)
LIKELY = {
    "type": (0, 1, 2, 3, 4), "evpd": (0, 1), "subpage_code": (0, 0, 0xFF), "invert": (0,),
    "page_code": (0, 0x0A, 0x1D, 0x1F, 0x2E, 0x3F, 0x80, 0x83), "inv1": (0,), "inv2": (0,),
    "action": (0, 1, 5), "prevent": (0, 0, 1), "transport": (0, 1), "scope": (0,),
    "reporting_options": (0, 1, 2, 3), "select_report": (0, 1), "parameter_pointer": (0,),
    "page_control": (0, 1, 2, 3), "element": (0x10, 0x11),
}  # fmt: skip
"""Values that get somewhere, by the names of fields."""
ADDRESSES = {"source", "destination", "first", "second", "start"}


class Fuzzer:
    """Random commands to one changer."""

    def __init__(self, seed: int, changer: Changer) -> None:
        self.random = random.Random(seed)
        self.changer = changer
        self.moving = [row for row in changer.commands if row.opcode in (0xA5, 0xA6, 0xB8)]
        likely = [changer.elements.address_of[at] for at in (*BARCODES, drive(1), drive(2))]
        self.addresses = (*changer.elements.by_address, 0, 0xFFFF, *likely, *likely)

    def field(self, name: str, maximum: int) -> int:
        dice = self.random
        if name in ADDRESSES:
            return dice.choice(self.addresses)
        if name in LIKELY and dice.random() < 0.9:
            return dice.choice(LIKELY[name]) & maximum
        if "length" in name:
            return min(maximum, dice.choice((0, 4, 8, 24, 40, 96, 255, 1000, maximum)))
        return dice.choice((0, 1, maximum, dice.randint(0, maximum)))

    def command(self) -> tuple[bytes, bytes]:
        """A CDB and data-out."""
        dice = self.random
        rows = self.moving if dice.random() < 0.4 else self.changer.commands
        row = dice.choice(rows)
        if dice.random() < 0.1:
            return dice.randbytes(dice.choice((6, 10, 12, 16, 32))), dice.randbytes(40)
        values = {one.name: self.field(one.name, one.maximum) for one in row.layout}
        values |= {"opcode": row.opcode, "control_vendor": 0}
        if row.service_action is not None:
            values["service_action"] = row.service_action
        cdb = bytearray(row.layout.encode(values))
        if dice.random() < 0.15:
            cdb[dice.randrange(len(cdb))] ^= 1 << dice.randrange(8)
        return bytes(cdb), self.data_out(row, values)

    def data_out(self, row: Command, values: dict[str, int]) -> bytes:
        if row.data is not Data.OUT:
            return b""
        dice = self.random
        length = min(values.get("parameter_list_length", 24), 2000)
        if dice.random() < 0.2:
            length = dice.randrange(100)
        zeros = bytes(length)
        return zeros if dice.random() < 0.3 else dice.randbytes(length)


def check(done: Completion, room: int, changer: Changer) -> int | None:
    """Raise AssertionError unless this is a legal answer; returns the sense key."""
    assert done.status in (GOOD, CHECK, CONFLICT)
    assert 0 <= done.length <= room
    if done.status != STATUS_CHECK_CONDITION:
        assert not done.sense
        return None
    data = done.sense
    if data[0] & 0x7E == 0x70:
        assert len(data) == data[7] + 8 == changer.model.limits["sense_length"]
    else:
        assert data[0] in (0x72, 0x73)
        assert len(data) == data[7] + 8
    code = decode(data).code
    assert code[:3] != INTERNAL_FAILURE
    assert code.key in LEGAL_KEYS
    assert code.asc or code.key == 0
    return code.key


@pytest.mark.req("SMC-CMD-ANY")
def test_any_command_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config, say: Say
) -> None:
    seed = int(pytestconfig.getoption("hypothesis_seed"))
    # What is tested here is the device server, not how fast this machine's disk is.
    monkeypatch.setattr(os, "fdatasync", lambda file: None)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    statuses: Counter[int] = Counter()
    keys: Counter[int | None] = Counter()
    started = time.perf_counter()
    for number in range(COMMANDS // ROUND):
        name = MODELS[number % len(MODELS)]
        folder = tmp_path / str(number)
        folder.mkdir()
        tower = Tower(folder, personality.load(name))
        for at, barcode in BARCODES.items():
            tower.add(barcode, at)
        changer = Changer(partition(), tower, folder / "changer.json")
        fuzzer = Fuzzer(seed + number, changer)
        dice = fuzzer.random
        for _ in range(ROUND):
            tower.door_open = dice.random() < 0.02
            fake = tower.fakes[dice.choice((1, 2))]
            fake.damaged, fake.stuck = dice.random() < 0.1, dice.random() < 0.1
            cdb, out = fuzzer.command()
            room = dice.choice((0, 8, 100, 4000))
            nexus = NEXUSES[dice.random() < 0.2]
            done = changer.execute(
                nexus, cdb, [memoryview(bytearray(out))], [memoryview(bytearray(room))]
            )
            try:
                keys[check(done, room, changer)] += 1
            except AssertionError:
                pytest.fail(
                    f"seed {seed}, {name}, {nexus.initiator}: CDB {cdb.hex(' ')},"
                    f" data-out {out[:64].hex(' ')}, room {room}: {done}"
                )
            statuses[done.status] += 1
        kept = {held.barcode for _, held in tower.inventory}
        assert kept == set(BARCODES.values())
        for bay, fake in tower.fakes.items():
            inside, held = fake.cartridge, tower.inventory.at(drive(bay))
            assert (inside is None) == (held is None)
            if inside is not None:
                inside.close()
    seconds = time.perf_counter() - started
    counts = ", ".join(f"{status:02X}h {count}" for status, count in sorted(statuses.items()))
    say(
        f"{COMMANDS} commands to {len(MODELS)} medium changers, {COMMANDS / seconds:.0f} a second,"
        f" seed {seed}; status {counts}"
    )
    assert {key for key, count in keys.items() if count > 5} >= {None, 0x2, 0x4, 0x5, 0x6, 0xB}
    assert statuses[GOOD] > COMMANDS // 10

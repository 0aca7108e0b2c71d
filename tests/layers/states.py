"""Drives in every state: what random commands are sent to."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from target import personality
from target.clock import SYSTEM, Clock, ManualClock
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.medium.formats import FORMATS, TYPES, CartridgeType, Format, Kind
from target.personality import Personality
from target.scsi.command import Nexus
from target.scsi.sense import CheckCondition
from target.tape import commands
from target.tape.drive import Drive
from tests.encryption.keys import set_page, spout
from tests.tape.host import MIB, Host, new_cartridge, own_media

NEXUSES = (Nexus("host0"), Nexus("host1"))
KEYS = (bytes(range(32)), bytes(32), b"\xff" * 32)


class Case(NamedTuple):
    """What a state is made of."""

    model: Personality
    folder: Path
    dice: random.Random

    @property
    def native(self) -> Format:
        return FORMATS[self.model.media["native"]]

    def cartridge(
        self,
        fits: Callable[[CartridgeType], bool] = lambda kind: True,
        kind: Kind = Kind.DATA,
        *,
        protect: bool = False,
    ) -> Cartridge:
        """A cartridge of a kind that fits, of the model's own format if there is none."""
        found = [one for one in TYPES.values() if one.kind is kind and fits(one)]
        suffix = self.dice.choice(found).suffix if found else own_media(self.model)
        return new_cartridge(self.folder, f"KRL001{suffix}", MIB, protect=protect)

    def drive(
        self, *, compression: str = "off", clock: Clock = SYSTEM, factor: float = 0.0
    ) -> Host:
        """A host at an empty drive."""
        rows = commands.of(self.model)
        made = Drive(self.model, "KRL0000001", rows, compression, clock=clock, factor=factor)
        return Host(made, NEXUSES[0].initiator)

    def loaded(self, cartridge: Cartridge | None = None, *, compression: str = "off") -> Host:
        """A host at a drive with a cartridge, by default one of its own format."""
        host = self.drive(compression=compression)
        with suppress(CheckCondition):
            host.drive.insert(cartridge or self.cartridge(self.own))
        return host

    def own(self, kind: CartridgeType) -> bool:
        """Whether it can be recorded in the model's own format."""
        return self.native in kind.formats


def with_tape(case: Case) -> Host:
    host = case.loaded()
    host.hear()
    host.write_tape([b"clear" * 20, None, bytes(4096), None])
    return host


def empty(case: Case) -> Host:
    return case.drive()


def write_protected(case: Case) -> Host:
    return case.loaded(case.cartridge(case.own, protect=True))


def compressing(case: Case) -> Host:
    return case.loaded(compression="lz4")


def encrypting(case: Case) -> Host:
    """A tape of clear and encrypted blocks under two keys, encryption on, where the model can."""
    host = with_tape(case)
    host.rewind() if case.model.quirks.get("encrypts_whole_volume") else host.space(3)
    for key in KEYS[:2]:
        spout(host, set_page(key=key, encryption=2, decryption=3, u_kad=b"label"))
        host.write(bytes(600))
    host.rewind()
    return host


def raw(case: Case) -> Host:
    """As `encrypting`, blocks readable in raw form, raw reading and EXTERNAL on."""
    host = with_tape(case)
    spout(host, set_page(key=KEYS[0], encryption=2, decryption=3, rdmc=2))
    for size in (300, 600):
        host.write(bytes(size))
    host.rewind()
    spout(host, set_page(encryption=1, decryption=1, m_kad=bytes(64)))
    return host


def locked(case: Case) -> Host:
    """The first nexus is locked to a set that the second one has replaced since."""
    host = encrypting(case)
    spout(host, set_page(key=KEYS[0], encryption=2, decryption=3, lock=1))
    other = Host(host.drive, NEXUSES[1].initiator)
    other.hear()
    spout(other, set_page(key=KEYS[1], encryption=2, decryption=2))
    return host


def full(case: Case) -> Host:
    host = case.loaded()
    host.hear()
    host.write(bytes(MIB - 40960))
    return host


def damaged(case: Case) -> Host:
    """Clear and encrypted blocks, some of them with flipped bits, as are index and runs."""
    host = encrypting(case)
    cartridge = host.drive.eject()
    assert isinstance(cartridge, Cartridge)
    cartridge.close()
    for name in ("data", "index", "runs"):
        path = cartridge.folder / "partition0" / name
        data = bytearray(path.read_bytes())
        for _ in range(case.dice.randint(0, 3) if data else 0):
            data[case.dice.randrange(len(data))] ^= 1 << case.dice.randrange(8)
        path.write_bytes(data)
    with suppress(MediumError):
        host.drive.insert(Cartridge(cartridge.folder))
    return host


def broken(case: Case) -> Host:
    """A cartridge whose leader, memory or both are damaged."""
    cartridge = case.cartridge(case.own)
    cartridge.info["damage"] = case.dice.sample(["leader", "memory"], case.dice.randint(1, 2))
    return case.loaded(cartridge)


def of_the_family(case: Case) -> Host:
    """Any data cartridge that drives of the family might meet: a blank one of several formats, an
    older one, a newer one."""
    return case.loaded(case.cartridge(lambda kind: kind.family == case.native.family))


def foreign(case: Case) -> Host:
    return case.loaded(case.cartridge(lambda kind: kind.family != case.native.family))


def worm(case: Case) -> Host:
    host = case.loaded(case.cartridge(case.own, Kind.WORM))
    host.hear()
    host.write_tape([b"once", None, bytes(500), None, None])
    return host


def cleaning(case: Case) -> Host:
    family = case.native.family
    return case.loaded(case.cartridge(lambda kind: kind.family == family, Kind.CLEANING))


def partitioned(case: Case) -> Host:
    """As many partitions as the format has, a block in each."""
    count = case.native.partitions if "04" in case.model.commands else 1
    cartridge = case.cartridge(case.own)
    cartridge.format([MIB // count] * count, case.native)
    host = case.loaded(cartridge)
    host.hear()
    for number in range(count):
        host.send(bytes((0x2B, 2, 0, 0, 0, 0, 0, 0, number, 0)))
        host.write(bytes(100 + number))
    return host


def append_only(case: Case) -> Host:
    host = case.loaded()
    host.hear()
    page = bytes.fromhex("5001 001c 00 12") + bytes(26)
    host.send(bytes((0x15, 0x10, 0, 0, 36, 0)), out=bytes((0, 0, 0x10, 0)) + page)
    host.write_tape([b"first", None, b"second"])
    return host


def under_way(case: Case) -> Host:
    """Something goes on that takes its time: a load, or what a command has begun."""
    clock = ManualClock()
    host = case.drive(clock=clock, factor=1.0)
    with suppress(CheckCondition):
        host.drive.insert(case.cartridge(case.own, case.dice.choice((*[Kind.DATA] * 8, *Kind))))
    begun = case.dice.choice(BEGINNINGS)
    if begun:
        clock.sleep(1e5)
        host.hear()
        host.write(bytes(5000))
        if begun[0] in (0x04, 0x0B, 0x19):
            host.rewind()
        host.send(bytes(begun))
    return host


BEGINNINGS = (
    (), (0x01, 1, 0, 0, 0, 0), (0x1B, 1, 0, 0, 0, 0), (0x1B, 1, 0, 0, 1, 0), (0x19, 3, 0, 0, 0, 0),
    (0x04, 1, 0, 0, 0, 0), (0x0B, 1, 0, 0xFF, 0xFF, 0), (0x2B, 1, *bytes(8)),
    (0x13, 0x24, 0, 0, 0, 0),
)  # fmt: skip
"""CDBs with IMMED; nothing: the load goes on."""

STATES: Sequence[Callable[[Case], Host]] = (
    with_tape, empty, write_protected, compressing, encrypting, raw, locked, full, damaged, broken,
    of_the_family, foreign, worm, cleaning, partitioned, append_only, under_way,
)  # fmt: skip
MODELS = personality.models()


def case(number: int, folder: Path, seed: int) -> tuple[Callable[[Case], Host], Case]:
    """A state and a model: in time each state of each model, as 17 and 49 have no divisor."""
    model = personality.load(MODELS[number % len(MODELS)])
    dice = random.Random(f"{seed} {number}")
    return STATES[number % len(STATES)], Case(model, folder, dice)


def close(drive: Drive) -> None:
    cartridge = drive.cartridge
    if cartridge is not None:
        drive.eject()
        cartridge.close()

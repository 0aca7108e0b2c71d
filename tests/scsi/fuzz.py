"""Random commands: what a broken or hostile initiator might send, and drives in every state."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from target import personality
from target.clock import SYSTEM, Clock, ManualClock
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.medium.formats import FORMATS, TYPES, CartridgeType, Format, Kind
from target.personality import Personality
from target.scsi.command import Command, Data, Nexus
from target.scsi.firmware import image
from target.scsi.sense import CheckCondition
from target.tape import commands
from target.tape.commands import COMMANDS
from target.tape.drive import Drive
from tests.encryption.keys import set_page, spout
from tests.scsi.cdbs import plain, row_named
from tests.tape.host import MIB, Host, new_cartridge, own_media

NEXUSES = (Nexus("host0"), Nexus("host1"))
CDB_LENGTHS = (6, 10, 12, 16, 32)
KEYS = (bytes(range(32)), bytes(32), b"\xff" * 32)
ATTRIBUTES = (0x0003, 0x0400, 0x0800, 0x0803, 0x0805, 0x0806, 0x0809, 0x080C, 0x1400, 0x1623)
LIKELY: dict[str, Sequence[int]] = {
    "security_protocol": (0x20,), "inc_512": (0,), "subpage_code": (0, 0, 0, 1, 0xFF),
    "page": (0, 1, 0x10, 0x11, 0x12, 0x20, 0x21, 0x30, 0x31), "page_control": (0, 0, 1, 2, 3),
    "mode": (0, 2, 3, 4, 5, 6, 7, 0x0A, 0x0B), "buffer_id": (0, 1), "buffer_offset": (0,),
    "volume": (0,), "partition": (0, 0, 1), "first_attribute": (0, 3, 0x400, 0x800),
    "parameter_pointer": (0,), "service_action_code": (0, 1, 6, 8), "code": (0, 1, 3),
    "dest_type": (0, 1, 3), "eot": (0,), "format": (0, 1, 2), "allow_overwrite": (0, 1, 2),
    "prevent": (0, 0, 1), "reporting_options": (0, 1, 2, 3), "scope": (0,), "bytcmp": (0,),
    "self_test_code": (0, 1, 2, 5, 6), "evpd": (0, 1, 1),
}  # fmt: skip
"""Values that get somewhere, by the names of fields."""
MODE_PAGES = (
    b"",
    bytes.fromhex("0a0a 04 01 00000000 ffff0000"),
    bytes.fromhex("0a0a 00 01 00000000 ffff0000"),
    bytes.fromhex("0f0e c0 80 000000ff 000000ff 00000000"),
    bytes.fromhex("0f0e 40 80 000000ff 000000ff 00000000"),
    bytes.fromhex("010a 2c ff 00000000 06 000000"),
    bytes.fromhex("4af0 001c 01 04 c0") + bytes(25),
    bytes.fromhex("1c0a 04 04 00000000 00000014"),
)


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


class Fuzzer:
    """Makes commands from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.noise = memoryview(bytearray(self.random.randbytes(1 << 17)))
        self.room = memoryview(bytearray(1 << 17))

    def number(self, limit: int) -> int:
        """Mostly a number at the edge of something, sometimes any."""
        pick = self.random.random()
        if pick < 0.35:
            return 0
        if pick < 0.8:
            return min(limit, self.random.choice((1, 2, 3, 4, 16, 20, 32, 36, 64, 255, 512, 4096)))
        return limit if pick < 0.9 else self.random.randint(0, limit)

    def row(self, known: Sequence[Command]) -> Command:
        """Mostly one of those ``known``, each operation code as often as any other."""
        rows = known if self.random.random() < 0.95 else COMMANDS
        opcode = self.random.choice(sorted({row.opcode for row in rows}))
        return self.random.choice([row for row in rows if row.opcode == opcode])

    def cdb(self, drive: Drive) -> tuple[bytes, Command | None]:
        """A CDB, and the row of the table that it came from."""
        if self.random.random() < 0.15:
            return self.random.randbytes(self.random.choice(CDB_LENGTHS)), None
        row = self.row(drive.commands)
        if row.name.startswith("RESERVE") and self.random.random() < 0.9:
            row = row_named("RELEASE(6)")  # Else one nexus is locked out most of the time.
        fields = {
            field.name: self.number(field.maximum)
            for field in row.layout
            if field.name not in ("opcode", "service_action", "control_vendor")
        }
        for name, values in (*LIKELY.items(), ("page_code", self.pages(row, drive))):
            if name in fields and self.random.random() < 0.7:
                fields[name] = self.random.choice(values)
        cdb = bytearray(plain(row, **fields))
        if self.random.random() < 0.2:
            for _ in range(self.random.randint(1, 3)):
                cdb[self.random.randrange(len(cdb))] ^= 1 << self.random.randrange(8)
        return bytes(cdb), row

    def pages(self, row: Command, drive: Drive) -> Sequence[int]:
        """The page codes that a command of this drive knows."""
        kinds: dict[str, Sequence[int]] = {
            "MODE": [0, 0x3F, *(page.code for page in drive.modes.pages)],
            "LOG": [0, *(page.code for page in drive.logs)],
            "INQUIRY": [0, *drive.vpd_pages],
        }
        return next((kinds[name] for name in kinds if row.name.startswith(name)), (0, 0x80))

    def command(self, host: Host) -> tuple[bytes, bytes]:
        """A CDB and its data-out: noise, or a parameter list that is nearly right."""
        cdb, row = self.cdb(host.drive)
        if row is None or row.data is not Data.OUT or self.random.random() < 0.15:
            return cdb, bytes(self.noise[: self.number(5000)])
        if row.name == "WRITE(6)":
            length = int.from_bytes(cdb[2:5], "big") * (host.drive.block_length if cdb[1] else 1)
            return cdb, bytes(self.noise[:length])
        data = bytearray(self.parameter_list(row, host))
        if data and self.random.random() < 0.4:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        made = bytearray(cdb)
        for where in ("transfer_length", "parameter_list_length"):
            if where in row.layout:
                row.layout[where].put(made, min(len(data), row.layout[where].maximum))
        if row.name.startswith("SEC"):
            row.layout["page"].put(made, 0x10)
        return bytes(made), bytes(data)

    def parameter_list(self, row: Command, host: Host) -> bytes:
        """What a command brings, often a valid one."""
        makers: dict[str, Callable[[], bytes]] = {
            "SECURITY": self.key_page,
            "MODE SELECT": lambda: self.mode_list(row, host),
            "PERSISTENT": self.reservation,
            "WRITE ATTRIBUTE": self.attributes,
            "LOG SELECT": lambda: self.log_page(host),
            "WRITE BUFFER": lambda: image(host.drive.personality.inquiry["product"], "Z9Z9"),
            "SET TIMESTAMP": lambda: bytes(4) + self.random.randbytes(6) + bytes(2),
            "SEND DIAGNOSTIC": lambda: bytes.fromhex("80 00 0004 0160 0000"),
        }
        for name, maker in makers.items():
            if row.name.startswith(name):
                return maker()
        return bytes(self.noise[: self.number(64)])

    def key_page(self) -> bytes:
        """A SET DATA ENCRYPTION page, often a valid one."""
        choice = self.random.choice
        return set_page(
            scope=choice((0, 1, 2, 2, 2, 3)),
            lock=choice((0, 0, 1)),
            ceem=choice((0, 1, 2, 3)),
            rdmc=choice((0, 0, 2, 3, 1)),
            ckod=choice((0, 0, 1)),
            ckorl=choice((0, 0, 0, 1)),
            encryption=choice((0, 1, 2, 2, 2)),
            decryption=choice((0, 1, 2, 3)),
            algorithm=choice((1, 1, 2, 3)),
            key=choice(KEYS),
            u_kad=choice((b"", b"label", bytes(32))),
            a_kad=choice((b"", b"DKi" + bytes(9))),
            m_kad=choice((b"", b"", bytes(64))),
        )

    def mode_list(self, row: Command, host: Host) -> bytes:
        """A mode parameter list: header, perhaps a block descriptor, perhaps a page."""
        blocks = self.random.choice((b"", bytes(6) + b"\2\0", bytes(7) + b"\x10"))
        page = self.random.choice(MODE_PAGES)
        modes = host.drive.modes
        if self.random.random() < 0.6:
            page = modes.sense(self.random.choice(modes.pages), 0, host.drive, host.nexus)
        mode = self.random.choice((0x00, 0x10))
        if row.size == 6:
            return bytes((0, 0, mode, len(blocks))) + blocks + page
        return bytes((0, 0, 0, mode, 0, 0, 0, len(blocks))) + blocks + page

    def reservation(self) -> bytes:
        """A PERSISTENT RESERVE OUT list, perhaps with a TransportID."""
        keys = b"".join(self.random.choice((0, 0, 1, 2)).to_bytes(8) for _ in range(2))
        more = (28).to_bytes(4) + bytes((6,)) + bytes(23)
        flags = bytes((self.random.choice((0, 0, 0, 1, 8)), 0, 0, 0))
        return keys + bytes(4) + flags + more * (self.random.random() < 0.1)

    def attributes(self) -> bytes:
        """One attribute or two for the cartridge's memory."""
        body = b""
        for number in sorted(self.random.sample(ATTRIBUTES, self.random.randint(1, 2))):
            value = self.random.choice((b"", b"x", b"KEYREEL ", bytes(70)))
            form = self.random.choice((0, 1, 1, 2))
            body += number.to_bytes(2) + bytes((form,)) + len(value).to_bytes(2) + value
        return len(body).to_bytes(4) + body

    def log_page(self, host: Host) -> bytes:
        """A log page as the drive has it."""
        page = self.random.choice(host.drive.logs)
        cdb = bytes((0x4D, 0, 0x40 | page.code, page.subpage, 0, 0, 0, 0x10, 0, 0))
        return host.send(cdb, size=4096).data

    def scatter(self, memory: memoryview, size: int) -> list[memoryview]:
        """``size`` bytes of memory, in up to four pieces."""
        count = self.random.choice((0, 0, 1, 3))
        edges = [0, *sorted(self.random.randint(0, size) for _ in range(count)), size]
        return [memory[low:high] for low, high in pairwise(edges)]

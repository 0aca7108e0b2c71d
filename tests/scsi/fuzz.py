"""Random commands: what a broken or hostile initiator might send, and drives in every state."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.scsi.command import Command, Data, Nexus
from target.tape.commands import COMMANDS
from target.tape.drive import Drive
from tests.encryption.keys import set_page, spout
from tests.scsi.cdbs import plain, row_named
from tests.tape.host import MIB, Host, new_cartridge, new_drive

NEXUSES = (Nexus("host0"), Nexus("host1"))
CDB_LENGTHS = (6, 10, 12, 16, 32)
KEYS = (bytes(range(32)), bytes(32), b"\xff" * 32)
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


def _loaded(folder: Path, *, protect: bool = False, compression: str = "off") -> Host:
    drive = new_drive(compression=compression)
    drive.insert(new_cartridge(folder, "KRL001L9", MIB, protect=protect))
    return Host(drive, NEXUSES[0].initiator)


def with_tape(folder: Path) -> Host:
    host = _loaded(folder)
    host.hear()
    host.write_tape([b"clear" * 20, None, bytes(4096), None])
    return host


def empty(folder: Path) -> Host:
    return Host(new_drive(), NEXUSES[0].initiator)


def write_protected(folder: Path) -> Host:
    return _loaded(folder, protect=True)


def compressing(folder: Path) -> Host:
    return _loaded(folder, compression="lz4")


def encrypting(folder: Path) -> Host:
    """A tape of clear and encrypted blocks under two keys, encryption on."""
    host = with_tape(folder)
    host.space(3)
    for key in KEYS[:2]:
        spout(host, set_page(key=key, encryption=2, decryption=3, u_kad=b"label"))
        host.write(bytes(600))
    host.rewind()
    return host


def raw(folder: Path) -> Host:
    """As `encrypting`, blocks readable in raw form, raw reading and EXTERNAL on."""
    host = with_tape(folder)
    spout(host, set_page(key=KEYS[0], encryption=2, decryption=3, rdmc=2))
    host.write_tape([bytes(300), bytes(600)])
    spout(host, set_page(encryption=1, decryption=1, m_kad=bytes(64)))
    return host


def locked(folder: Path) -> Host:
    """The first nexus is locked to a set that the second one has replaced since."""
    host = encrypting(folder)
    spout(host, set_page(key=KEYS[0], encryption=2, decryption=3, lock=1))
    other = Host(host.drive, NEXUSES[1].initiator)
    other.hear()
    spout(other, set_page(key=KEYS[1], encryption=2, decryption=2))
    return host


def full(folder: Path) -> Host:
    host = _loaded(folder)
    host.hear()
    host.write(bytes(MIB - 40960))
    return host


def damaged(folder: Path) -> Host:
    """Clear and encrypted blocks, some of them with flipped bits, as are index and runs."""
    dice = random.Random(folder.name)
    host = encrypting(folder)
    cartridge = host.drive.eject()
    assert isinstance(cartridge, Cartridge)
    cartridge.close()
    for name in ("data", "index", "runs"):
        path = cartridge.folder / "partition0" / name
        data = bytearray(path.read_bytes())
        for _ in range(dice.randint(0, 3)):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
    with suppress(MediumError):
        host.drive.insert(Cartridge(cartridge.folder))
    return host


STATES: Sequence[Callable[[Path], Host]] = (
    with_tape, empty, write_protected, compressing, encrypting, raw, locked, full, damaged,
)  # fmt: skip


def close(drive: Drive) -> None:
    cartridge = drive.cartridge
    if cartridge is not None:
        drive.eject()
        cartridge.close()
        assert isinstance(cartridge, Cartridge)


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

    def cdb(self) -> tuple[bytes, Command | None]:
        """A CDB, and the row of the table that it came from."""
        if self.random.random() < 0.15:
            return self.random.randbytes(self.random.choice(CDB_LENGTHS)), None
        row = self.random.choice(COMMANDS)
        if row.name.startswith("RESERVE") and self.random.random() < 0.9:
            row = row_named("RELEASE(6)")  # Else one nexus is locked out most of the time.
        fields = {
            field.name: self.number(field.maximum)
            for field in row.layout
            if field.name not in ("opcode", "service_action", "control_vendor")
        }
        if "security_protocol" in fields and self.random.random() < 0.9:
            fields["security_protocol"] = 0x20
            fields["inc_512"] = 0
            fields["page"] = self.random.choice((0, 1, 0x10, 0x11, 0x12, 0x20, 0x21, 0x30, 0x31))
        cdb = bytearray(plain(row, **fields))
        if self.random.random() < 0.3:
            for _ in range(self.random.randint(1, 3)):
                cdb[self.random.randrange(len(cdb))] ^= 1 << self.random.randrange(8)
        return bytes(cdb), row

    def command(self, host: Host) -> tuple[bytes, bytes]:
        """A CDB and its data-out: noise, or a parameter list that is nearly right."""
        cdb, row = self.cdb()
        if row is None or row.data is not Data.OUT or self.random.random() < 0.15:
            return cdb, bytes(self.noise[: self.number(5000)])
        if row.name == "WRITE(6)":
            length = int.from_bytes(cdb[2:5], "big") * (host.drive.block_length if cdb[1] else 1)
            return cdb, bytes(self.noise[:length])
        data = bytearray(
            self.key_page() if row.name.startswith("SECURITY") else self.mode_list(row)
        )
        if data and self.random.random() < 0.4:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        where = "transfer_length" if row.name.startswith("SEC") else "parameter_list_length"
        made = bytearray(cdb)
        row.layout[where].put(made, min(len(data), row.layout[where].maximum))
        if row.name.startswith("SEC"):
            row.layout["page"].put(made, 0x10)
        return bytes(made), bytes(data)

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
            key=choice(KEYS),
            u_kad=choice((b"", b"label", bytes(32))),
            a_kad=choice((b"", b"DKi" + bytes(9))),
            m_kad=choice((b"", b"", bytes(64))),
        )

    def mode_list(self, row: Command) -> bytes:
        """A mode parameter list: header, perhaps a block descriptor, perhaps a page."""
        blocks = self.random.choice((b"", bytes(6) + b"\2\0", bytes(7) + b"\x10"))
        page = self.random.choice(MODE_PAGES)
        mode = self.random.choice((0x00, 0x10))
        if row.size == 6:
            return bytes((0, 0, mode, len(blocks))) + blocks + page
        return bytes((0, 0, 0, mode, 0, 0, 0, len(blocks))) + blocks + page

    def scatter(self, memory: memoryview, size: int) -> list[memoryview]:
        """``size`` bytes of memory, in up to four pieces."""
        count = self.random.choice((0, 0, 1, 3))
        edges = [0, *sorted(self.random.randint(0, size) for _ in range(count)), size]
        return [memory[low:high] for low, high in pairwise(edges)]

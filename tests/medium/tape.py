"""Cartridges for tests: one that is blank, one in a drive with a host, one without a drive.

A tape is compared as a list of objects: bytes are a block, None is a filemark.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keymgr.secret import Secret
from target.build import build, shut_down
from target.medium.cartridge import Cartridge
from target.medium.crypt import BlockCipher
from target.medium.index import ENCRYPTED, FILEMARK, Entry
from target.medium.runs import Kads, external_run, new_run
from target.plan import CartridgePlan, DrivePlan, RigPlan
from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from target.tape.drive import Drive
from target.transports.inprocess import Initiator

BARCODE = "KRL001L9"
MODEL = "ibm/ult3580-td9"
KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))

DISABLE, EXTERNAL, ENCRYPT = 0, 1, 2
RAW, DECRYPT, MIXED = 1, 2, 3

FILES = ("data", "index", "runs")
"""What a partition's folder holds."""

Object = bytes | None


def block(size: int, seed: int | str = 0) -> bytes:
    """Bytes that no other seed gives."""
    return random.Random(f"{size} {seed}").randbytes(size)


def blank(folder: Path, capacity: int | None = None) -> Path:
    """A new cartridge."""
    Cartridge.create(folder, BARCODE, capacity)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of a cartridge's files by their path in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def restore(folder: Path, content: dict[str, bytes]) -> None:
    """Put back what `files` returned."""
    for name, data in content.items():
        (folder / name).write_bytes(data)


class Refused(Exception):
    """A command ended with CHECK CONDITION."""

    def __init__(self, sense: Sense) -> None:
        self.sense = sense
        super().__init__(str(sense.code))

    @property
    def code(self) -> Code:
        return self.sense.code


class Host(Initiator):
    """A host at a drive; commands that are refused raise `Refused`."""

    def __init__(self, drive: Drive) -> None:
        super().__init__(drive)
        self.drive = drive
        self.clear_attentions()

    def clear_attentions(self) -> None:
        while self.send(bytes(6)).sense is not None:
            pass

    def do(self, cdb: bytes, *, out: bytes = b"", size: int = 0) -> bytes:
        reply = self.send(cdb, out=out, size=size)
        if reply.sense is not None:
            raise Refused(reply.sense)
        assert reply.status == 0
        return reply.data

    def write(self, data: bytes) -> None:
        self.do(bytes((0x0A, 0)) + len(data).to_bytes(3, "big") + b"\0", out=data)

    def filemarks(self, count: int = 1, immed: bool = False) -> None:
        self.do(bytes((0x10, immed)) + count.to_bytes(3, "big") + b"\0")

    def read(self, size: int = 1 << 16) -> Object:
        """The next object; blocks may be shorter than ``size``."""
        cdb = bytes((0x08, 2)) + size.to_bytes(3, "big") + b"\0"
        try:
            return self.do(cdb, size=size)
        except Refused as refused:
            if refused.sense.filemark:
                return None
            raise

    def rest(self, size: int = 1 << 16) -> list[Object]:
        """Every object from here to the end of data."""
        objects: list[Object] = []
        while True:
            try:
                objects.append(self.read(size))
            except Refused as refused:
                if refused.code is s.END_OF_DATA:
                    return objects
                raise

    def rewind(self) -> None:
        self.do(bytes((1, 0, 0, 0, 0, 0)))

    def locate(self, number: int) -> None:
        self.do(bytes((0x2B, 0, 0)) + number.to_bytes(4, "big") + bytes(3))

    def to_end(self) -> None:
        self.do(bytes((0x11, 3, 0, 0, 0, 0)))

    def erase(self) -> None:
        self.do(bytes((0x19, 0, 0, 0, 0, 0)))

    def unload(self) -> None:
        self.do(bytes((0x1B, 0, 0, 0, 0, 0)))

    def load(self) -> None:
        self.do(bytes((0x1B, 0, 0, 0, 1, 0)))
        self.clear_attentions()

    def position(self) -> int:
        return int.from_bytes(self.do(bytes((0x34,)) + bytes(9), size=20)[4:8], "big")

    def key(
        self,
        key: bytes | None,
        *,
        encryption: int = ENCRYPT,
        decryption: int = MIXED,
        kads: Kads | None = None,
    ) -> None:
        """Encrypt with a key, or with None write in clear and read no encrypted block."""
        if key is None:
            encryption = decryption = DISABLE
        page = bytes((0x40, 0x40, encryption, decryption, 1)) + bytes(9)
        page += (32).to_bytes(2, "big") + (key or bytes(32))
        for kind, kad in enumerate((kads or Kads())[:3]):
            # Descriptor types: U-KAD 0, A-KAD 1, M-KAD 3.
            code = (0, 1, 3)[kind]
            page += bytes((code, 0)) + len(kad).to_bytes(2, "big") + kad if kad else b""
        page = b"\x00\x10" + len(page).to_bytes(2, "big") + page
        cdb = b"\xb5\x20\x00\x10\0\0" + len(page).to_bytes(4, "big") + bytes(2)
        self.do(cdb, out=page)


def power_on(folder: Path, compression: str = "off") -> Host:
    """A drive with that cartridge, made if it is not there; a host with no key set."""
    cartridge = CartridgePlan(BARCODE, str(folder))
    drive = DrivePlan("drive0", MODEL, "0000000001", BARCODE, compression)
    return Host(build(RigPlan("test", 0, (drive,), (cartridge,)))["drive0"])


def power_off(host: Host) -> None:
    """Make the cartridge durable and close it."""
    shut_down({"drive0": host.drive})


def crash(host: Host) -> None:
    """The drive is gone without a word: nothing is made durable, the files are closed."""
    cartridge = host.drive.cartridge
    assert isinstance(cartridge, Cartridge)
    cartridge.abandon()
    host.drive.cartridge, host.drive.loaded = None, False


@contextmanager
def drive(folder: Path, key: bytes | None = None, compression: str = "off") -> Iterator[Host]:
    """A powered drive with a host that has set ``key``; switched off in the end."""
    host = power_on(folder, compression)
    try:
        if key is not None:
            host.key(key)
        yield host
    finally:
        power_off(host)


class Medium:
    """An open cartridge without a drive: what a drive does with it, at the medium's interface."""

    def __init__(self, folder: Path, method: str = "off") -> None:
        self.cartridge = Cartridge(folder)
        self.partition = self.cartridge.partitions[0]
        self.method = method
        self._run: tuple[bytes, Kads, int, BlockCipher] | None = None

    def write(self, data: bytes, key: bytes | None = None, kads: Kads | None = None) -> None:
        """Append a block, given in ``pieces`` of one buffer; encrypted if there is a key."""
        self.write_pieces([memoryview(data)], len(data), key, kads or Kads())

    def write_pieces(
        self, pieces: list[memoryview], length: int, key: bytes | None, kads: Kads
    ) -> None:
        partition = self.partition
        if key is None:
            partition.write_clear(pieces, length, self.method)
            return
        if self._run is None or self._run[:2] != (key, kads):
            run = new_run(partition.identity, partition.count, 0, kads, Secret(key))
            number = partition.runs.append(run)
            self._run = key, kads, number, run.cipher(Secret(key))
        partition.write_sealed(pieces, length, self._run[2], self._run[3], self.method)

    def write_raw(self, raw: bytes, kads: Kads) -> None:
        """Append a block in EXTERNAL mode, in a run of its own."""
        number = self.partition.runs.append(external_run(self.partition.count, kads))
        self.partition.write_external([memoryview(raw)], len(raw), number)

    def cut(self, count: int) -> None:
        self.partition.cut(count)
        self._run = None

    def read(self, number: int, key: bytes | None = None, pieces: int = 1) -> Object:
        """An object; the block is received in so many pieces. Raises MediumError."""
        partition = self.partition
        entry = partition.index[number]
        if entry.flags & FILEMARK:
            return None
        out = bytearray(entry.length)
        step = max(1, -(-entry.length // pieces))
        views = [memoryview(out)[at : at + step] for at in range(0, entry.length, step)]
        if entry.flags & ENCRYPTED:
            cipher = partition.cipher(number, entry, Secret(key or b""))
            got = partition.read_sealed(number, entry, cipher, views)
        else:
            got = partition.read_clear(number, entry, views)
        assert got == entry.length
        return bytes(out)

    def raw(self, number: int) -> bytes:
        """An encrypted block in its raw form."""
        entry: Entry = self.partition.index[number]
        out = bytearray(self.partition.raw_length(entry))
        assert self.partition.read_raw(number, entry, [memoryview(out)]) == len(out)
        return bytes(out)

    def objects(self, key: bytes | None = None) -> list[Object]:
        return [self.read(number, key) for number in range(self.partition.count)]

    def close(self) -> None:
        self.cartridge.close()

    def leave(self) -> None:
        self.cartridge.abandon()


@contextmanager
def medium(folder: Path, method: str = "off") -> Iterator[Medium]:
    """An open cartridge, closed in the end."""
    one = Medium(folder, method)
    try:
        yield one
    finally:
        one.close()

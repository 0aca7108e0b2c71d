"""A host at a drive, in the same process: commands by name, and drives with a tape in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from target import personality
from target.medium.cartridge import Cartridge
from target.medium.formats import TYPES, Kind
from target.personality import Personality
from target.scsi import sense as s
from target.scsi.command import Completion
from target.scsi.sense import Code, Sense
from target.tape import commands
from target.tape.drive import Drive
from target.transports.inprocess import Initiator, Reply

MODELS = [f"ibm/ult3580-td{number}" for number in range(5, 10)]
"""Those that most tests take; `tests/personalities` goes through all models."""
TD9 = "ibm/ult3580-td9"
MIB = 1 << 20

BLOCKS, FILEMARKS, END_OF_DATA = 0, 1, 3
OBJECT, FILE, EOD = 0, 1, 3

GOOD, CHECK, CONFLICT = 0x00, 0x02, 0x18


class Host(Initiator):
    """An initiator that knows the commands of a tape drive."""

    @property
    def drive(self) -> Drive:
        assert isinstance(self.unit, Drive)
        return self.unit

    def pieces(self, cdb: bytes, *, out: tuple[bytes, ...] = (), sizes: tuple[int, ...] = ()) -> (
        tuple[Completion, list[bytes]]
    ):  # fmt: skip
        """Send a command with scatter-gather lists; returns what is in the data-in pieces."""
        data_in = [bytearray(size) for size in sizes]
        done = self.unit.execute(
            self.nexus,
            cdb,
            [memoryview(bytearray(piece)) for piece in out],
            [memoryview(piece) for piece in data_in],
        )
        return done, [bytes(piece) for piece in data_in]

    def hear(self) -> list[Code]:
        """Every pending unit attention, which TEST UNIT READY reports and clears."""
        heard: list[Code] = []
        while True:
            sense = self.ready().sense
            if sense is None or sense.code.key != 6:
                return heard
            heard.append(sense.code)

    def ready(self) -> Reply:
        return self.send(bytes(6))

    # --- data --------------------------------------------------------------------------------

    def write(self, data: bytes, *, blocks: int | None = None) -> Reply:
        """One variable block, or ``blocks`` fixed ones."""
        fixed = blocks is not None
        length = len(data) if blocks is None else blocks
        return self.send(bytes((0x0A, fixed, *length.to_bytes(3, "big"), 0)), out=data)

    def read(self, length: int, *, sili: bool = False, size: int | None = None) -> Reply:
        """One variable block of at most ``length`` bytes."""
        cdb = bytes((0x08, sili << 1, *length.to_bytes(3, "big"), 0))
        return self.send(cdb, size=length if size is None else size)

    def read_fixed(self, blocks: int, *, size: int | None = None) -> Reply:
        room = blocks * self.drive.block_length if size is None else size
        return self.send(bytes((0x08, 1, *blocks.to_bytes(3, "big"), 0)), size=room)

    def verify(self, length: int, *, flags: int = 0) -> Reply:
        """VERIFY(6); ``flags`` is byte 1 (20h VTE, 08h VBF, 02h BYTCMP, 01h FIXED)."""
        return self.send(bytes((0x13, flags, *length.to_bytes(3, "big"), 0)))

    def filemarks(self, count: int = 1, *, immed: bool = False) -> Reply:
        return self.send(bytes((0x10, immed, *count.to_bytes(3, "big"), 0)))

    def erase(self, *, long: bool = False) -> Reply:
        return self.send(bytes((0x19, long, 0, 0, 0, 0)))

    # --- positioning -------------------------------------------------------------------------

    def rewind(self) -> Reply:
        return self.send(bytes((0x01, 0, 0, 0, 0, 0)))

    def space(self, code: int, count: int = 0, *, long: bool = False) -> Reply:
        """SPACE(6), or with ``long`` SPACE(16)."""
        if long:
            tail = count.to_bytes(8, "big", signed=True)
            return self.send(bytes((0x91, code, 0, 0)) + tail + bytes(4))
        return self.send(bytes((0x11, code)) + count.to_bytes(3, "big", signed=True) + bytes(1))

    def locate(self, number: int, kind: int | None = None) -> Reply:
        """LOCATE(10), or with a destination ``kind`` LOCATE(16)."""
        if kind is None:
            return self.send(bytes((0x2B, 0, 0)) + number.to_bytes(4, "big") + bytes(3))
        return self.send(bytes((0x92, kind << 3, 0, 0)) + number.to_bytes(8, "big") + bytes(4))

    def position(self) -> int:
        """The object number that READ POSITION, long form, reports."""
        reply = self.send(bytes((0x34, 6)) + bytes(8), size=32)
        assert reply.status == GOOD, reply
        return int.from_bytes(reply.data[8:16], "big")

    # --- the volume and the drive ------------------------------------------------------------

    def load(self, *, load: bool = True) -> Reply:
        return self.send(bytes((0x1B, 0, 0, 0, load, 0)))

    def prevent(self, prevent: bool) -> Reply:
        return self.send(bytes((0x1E, 0, 0, 0, prevent, 0)))

    def set_block_length(self, length: int) -> None:
        """MODE SELECT(6) with a block descriptor, buffered mode 1."""
        data = bytes((0, 0, 0x10, 8, 0, 0, 0, 0, 0)) + length.to_bytes(3, "big")
        reply = self.send(bytes((0x15, 0x10, 0, 0, len(data), 0)), out=data)
        assert reply.status == GOOD, reply

    def damage(self, number: int, at: int = 0) -> None:
        """Flip a bit in the stored form of an object; the tape is at its beginning after it."""
        assert isinstance(self.drive.cartridge, Cartridge)
        where = self.drive.partition.index[number].offset + at
        folder = self.drive.cartridge.folder
        cartridge = self.drive.eject()
        assert cartridge is not None
        cartridge.close()
        path = folder / "partition0" / "data"
        with path.open("r+b") as file:
            file.seek(where)
            (byte,) = file.read(1)
            file.seek(where)
            file.write(bytes((byte ^ 0x10,)))
        self.drive.insert(Cartridge(folder))
        assert self.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]

    def write_tape(self, objects: list[bytes | None]) -> None:
        """Write a tape from its beginning (None: a filemark), then rewind."""
        self.rewind()
        for item in objects:
            reply = self.filemarks() if item is None else self.write(item)
            assert reply.status == GOOD, reply
        self.rewind()


def sense_of(reply: Reply) -> Sense:
    """The sense data of a reply that must be CHECK CONDITION."""
    assert reply.status == CHECK, reply
    assert reply.sense is not None
    return reply.sense


def new_cartridge(
    folder: Path, barcode: str, capacity: int | None = 64 * MIB, *, protect: bool = False
) -> Cartridge:
    """A cartridge in a folder of its own; one that is there already is opened."""
    path = folder / barcode
    if not path.exists():
        Cartridge.create(path, barcode, capacity, protect)
    return Cartridge(path)


def new_drive(
    model: str | Personality = TD9, compression: str = "off", control: str | None = None
) -> Drive:
    """An empty drive."""
    known = personality.load(model) if isinstance(model, str) else model
    return Drive(known, "KRL0000001", commands.of(known), compression, control=control)


def own_media(model: Personality) -> str:
    """The media id of a data cartridge in the model's own format."""
    native = model.media["native"]
    fitting = (kind for kind in TYPES.values() if native in kind.capacities)
    return next(kind.suffix for kind in fitting if kind.kind is Kind.DATA)


@contextmanager
def tape(
    model: str | Personality = TD9,
    *,
    barcode: str | None = None,
    capacity: int | None = 64 * MIB,
    protect: bool = False,
    compression: str = "off",
) -> Iterator[Host]:
    """A host at a drive with a blank cartridge, by default of its own generation, ready."""
    drive = new_drive(model, compression)
    label = barcode or f"KRL001{own_media(drive.personality)}"
    with TemporaryDirectory(prefix="keyreel-") as folder:
        drive.insert(new_cartridge(Path(folder), label, capacity, protect=protect))
        host = Host(drive)
        assert host.hear() == [s.POWER_ON]
        try:
            yield host
        finally:
            cartridge = drive.cartridge
            if cartridge is not None:
                drive.eject()
                cartridge.close()

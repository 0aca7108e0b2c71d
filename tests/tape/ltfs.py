"""An LTFS volume as the LTFS programs drive it: the commands that they send, in their order.

Not LTFS itself: labels and indexes are small texts of the same shape. Partition 1 holds the
indexes, partition 0 the data, as mkltfs divides a volume; the volume change reference ties the
indexes to the partitions (LTFS format 2.4, 8.2 and 10.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from tests.tape.host import GOOD, Host

DATA, INDEX = 0, 1
BLOCK = 4096
FIRST_INDEX = 4
"""Behind the label, which is two blocks and two filemarks."""
VOLUME_UUID = UUID("30a91a08-daae-48d1-ae75-69804e61d2ea")
KEY = 0x4B45595245454C31


@dataclass
class Coherency:
    """Attribute 080Ch: which index is the last one of a partition, and since which change."""

    reference: int
    generation: int
    block: int
    uuid: str = str(VOLUME_UUID)
    version: int = 1

    def encode(self) -> bytes:
        """70 bytes: reference, generation and block, then LTFS's own part."""
        own = b"LTFS\0" + self.uuid.encode() + b"\0" + bytes((self.version,))
        head = bytes((8,)) + self.reference.to_bytes(8)
        return head + self.generation.to_bytes(8) + self.block.to_bytes(8) + b"\0\x2b" + own

    @classmethod
    def decode(cls, data: bytes) -> Coherency:
        assert len(data) == 70
        assert data[0] == 8
        assert data[27:32] == b"LTFS\0"
        reference, generation, block = (int.from_bytes(data[at : at + 8]) for at in (1, 9, 17))
        return cls(reference, generation, block, data[32:68].decode(), data[69])


class Volume:
    """A mounted volume: one host's view, with the state that LTFS keeps in memory."""

    def __init__(self, host: Host, *, worm: bool = False, careful: bool = False) -> None:
        """``worm``: nothing is written over; ``careful``: in append-only mode, by permission."""
        self.host = host
        self.worm = worm
        self.careful = careful
        self.generation = 0
        self.files: dict[str, tuple[int, int]] = {}
        """First block in the data partition and length, by name."""

    # --- commands ----------------------------------------------------------------------------

    def open_device(self) -> None:
        """INQUIRY, TEST UNIT READY, the table of time-outs, register and reserve."""
        host = self.host
        assert host.send(bytes((0x12, 0, 0, 0, 96, 0)), size=96).data[0] == 1
        host.hear()
        reply = host.send(
            bytes((0xA3, 0x0C, 0x80)) + bytes(3) + (8192).to_bytes(4) + bytes(2), size=8192
        )
        assert reply.status == GOOD
        count, rest = divmod(int.from_bytes(reply.data[:4]), 20)
        assert not rest
        seconds = {
            reply.data[4 + 20 * n]: int.from_bytes(reply.data[20 + 20 * n : 24 + 20 * n])
            for n in range(count)
        }
        assert all(seconds[opcode] >= 60 for opcode in (0x08, 0x0A, 0x04, 0x92, 0x91))
        self.persist(0, new=KEY)
        self.persist(1, key=KEY, kind=3)

    def close_device(self) -> None:
        """Release and unregister."""
        self.persist(2, key=KEY, kind=3)
        self.persist(0, key=KEY)

    def persist(self, action: int, key: int = 0, new: int = 0, kind: int = 0) -> None:
        data = key.to_bytes(8) + new.to_bytes(8) + bytes(8)
        cdb = bytes((0x5F, action, kind, 0, 0)) + len(data).to_bytes(4) + bytes(1)
        assert self.host.send(cdb, out=data).status == GOOD

    def select_page(self, page: bytes) -> None:
        data = bytes(3) + b"\x10" + bytes(4) + page
        cdb = bytes((0x55, 0x10)) + bytes(5) + len(data).to_bytes(2) + bytes(1)
        reply = self.host.send(cdb, out=data)
        # A size that no wraps make is rounded, and said to be.
        assert reply.status == GOOD or (reply.sense and reply.sense.code[:3] == (1, 0x37, 0)), reply

    def sense_page(self, code: int, subpage: int = 0) -> bytes:
        """MODE SENSE(10) without a block descriptor: the page."""
        cdb = bytes((0x5A, 0x08, code, subpage, 0, 0, 0)) + (4096).to_bytes(2) + bytes(1)
        reply = self.host.send(cdb, size=4096)
        assert reply.status == GOOD, reply
        return reply.data[8:]

    def format(self, kind: int) -> None:
        assert self.host.send(bytes((0x04, 0, kind, 0, 0, 0))).status == GOOD

    def allow_overwrite(self, partition: int, number: int) -> None:
        cdb = bytes((0x82, 0, 1, partition)) + number.to_bytes(8) + bytes(4)
        assert self.host.send(cdb).status == GOOD

    def attribute(self, number: int, partition: int = 0) -> bytes:
        cdb = bytes((0x8C, 0)) + bytes(5) + bytes((partition,)) + number.to_bytes(2)
        reply = self.host.send(cdb + (4096).to_bytes(4) + bytes(2), size=4096)
        assert reply.status == GOOD, reply
        length = int.from_bytes(reply.data[7:9])
        assert int.from_bytes(reply.data[4:6]) == number
        return reply.data[9 : 9 + length]

    def set_attribute(self, number: int, value: bytes, kind: int = 0, partition: int = 0) -> None:
        item = number.to_bytes(2) + bytes((kind,)) + len(value).to_bytes(2) + value
        data = len(item).to_bytes(4) + item
        cdb = bytes((0x8D, 1)) + bytes(5) + bytes((partition,)) + bytes(2)
        reply = self.host.send(cdb + len(data).to_bytes(4) + bytes(2), out=data)
        assert reply.status == GOOD, reply

    def locate(self, partition: int, number: int) -> None:
        cdb = bytes((0x92, 0x02, 0, partition)) + number.to_bytes(8) + bytes(4)
        assert self.host.send(cdb).status == GOOD

    def end_of(self, partition: int) -> int:
        """To the end of data of a partition; its object number."""
        cdb = bytes((0x92, 0x1A, 0, partition)) + bytes(12)
        assert self.host.send(cdb).status == GOOD
        where = self.position()
        assert where[0] == partition
        return where[1]

    def position(self) -> tuple[int, int, int]:
        """Partition, object and file, from READ POSITION in long form."""
        data = self.host.send(bytes((0x34, 6)) + bytes(8), size=32).data
        return int.from_bytes(data[4:8]), int.from_bytes(data[8:16]), int.from_bytes(data[16:24])

    def write(self, data: bytes) -> int:
        """Blocks of BLOCK bytes; the number of the first."""
        first = self.position()[1]
        for at in range(0, len(data), BLOCK):
            reply = self.host.write(data[at : at + BLOCK])
            assert reply.status == GOOD, reply
        return first

    def mark(self) -> None:
        assert self.host.filemarks().status == GOOD

    def read(self, length: int) -> bytes:
        """Blocks up to a filemark or ``length`` bytes; a short last one is asked for with SILI."""
        data = b""
        while len(data) < length:
            reply = self.host.read(min(BLOCK, length - len(data)), sili=True)
            assert reply.status == GOOD, reply
            data += reply.data
        return data

    # --- mkltfs ------------------------------------------------------------------------------

    def make(self, barcode: str) -> None:
        """mkltfs: divide the volume, label both partitions, write the first index in each."""
        most = self.sense_page(0x11)[2]
        assert most >= 1
        # Initiator-defined, in units of 10**9 bytes, made by FORMAT MEDIUM: the rest, and 1 GB.
        self.select_page(bytes((0x11, 10, most, 1, 0x3C, 3, 9, 0)) + b"\xff\xff\x00\x01")
        self.format(1)
        page = self.sense_page(0x11)
        assert page[3] == 1
        for number, value in ((0x0800, b"KEYREEL "), (0x0801, b"LTFS test".ljust(32))):
            self.set_attribute(number, value, kind=1)
        self.set_attribute(0x0803, b"a volume".ljust(160, b"\0"), kind=2)
        self.set_attribute(0x080B, b"2.4.0".ljust(16), kind=1)
        for partition in (DATA, INDEX):
            self.locate(partition, 0)
            self.write(f"VOL1{barcode[:6]}L             LTFS".ljust(79).encode() + b"4")
            self.mark()
            self.write(self.label(partition))
            self.mark()
        for partition in (DATA, INDEX):
            self.write_index(partition)

    def label(self, partition: int) -> bytes:
        return f"<ltfslabel><volumeuuid>{VOLUME_UUID}</volumeuuid>{partition}</ltfslabel>".encode()

    def index(self) -> bytes:
        files = "".join(f"<file>{n}:{at}:{size}</file>" for n, (at, size) in self.files.items())
        return f"<ltfsindex>{self.generation}{files}</ltfsindex>".encode()

    def write_index(self, partition: int) -> None:
        """An index at the end of a partition, between filemarks, and its coherency data."""
        self.generation += 1
        if partition == INDEX and not self.worm and self.generation > 2:
            # The index partition holds the newest index only.
            self.locate(partition, FIRST_INDEX)
            if self.careful:
                self.allow_overwrite(partition, FIRST_INDEX)
        else:
            self.end_of(partition)
        self.mark()
        block = self.write(self.index())
        self.mark()
        # The reference counts only once it is read after the last write.
        reference = int.from_bytes(self.attribute(0x0009))
        for which in (DATA, INDEX):
            if which == partition:
                value = Coherency(reference, self.generation, block)
            else:
                try:
                    value = Coherency.decode(self.attribute(0x080C, which))
                except AssertionError:
                    continue
                value.reference = reference
            self.set_attribute(0x080C, value.encode(), partition=which)

    # --- ltfs --------------------------------------------------------------------------------

    def mount(self) -> None:
        """Labels agree, and the newest index is the one that the cartridge memory names."""
        for partition in (DATA, INDEX):
            self.locate(partition, 2)
            assert self.read(len(self.label(partition))) == self.label(partition)
        last = {which: Coherency.decode(self.attribute(0x080C, which)) for which in (DATA, INDEX)}
        reference = int.from_bytes(self.attribute(0x0009))
        assert {one.reference for one in last.values()} == {reference}
        newest = max(last, key=lambda which: last[which].generation)
        self.generation = last[newest].generation
        self.locate(newest, last[newest].block)
        reply = self.host.read(1 << 20, sili=True)
        assert reply.status == GOOD, reply
        text = reply.data.decode()
        assert text.startswith(f"<ltfsindex>{self.generation}")
        for item in text.split("<file>")[1:]:
            name, at, size = item.partition("<")[0].split(":")
            self.files[name] = int(at), int(size)

    def put(self, name: str, data: bytes) -> None:
        """A file at the end of the data partition."""
        self.end_of(DATA)
        self.files[name] = self.write(data), len(data)

    def get(self, name: str) -> bytes:
        at, size = self.files[name]
        self.locate(DATA, at)
        return self.read(size)

    def unmount(self) -> None:
        """The index goes to the data partition, then to the index partition."""
        self.write_index(DATA)
        self.write_index(INDEX)

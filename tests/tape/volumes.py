"""What a host does to a volume as a whole: format, partitions, capacity, append-only mode."""

from __future__ import annotations

from dataclasses import replace

from target import personality
from target.personality import Personality
from target.tape.mode_partitions import PARTITIONS
from target.transports.inprocess import Reply
from tests.tape.host import GOOD, OBJECT, Host

FDP, SDP, IDP = 0x80, 0x40, 0x20
REST = 0xFFFF
ALL = 0xFFFF
"""What SET CAPACITY calls the whole tape."""
GB = 10**9

TD5, TD6, TD8, TD9 = (f"ibm/ult3580-td{number}" for number in (5, 6, 8, 9))

OFF, HERE, FORMAT = 0, 1, 2
"""What ALLOW OVERWRITE may be asked for."""


def format_medium(
    host: Host, kind: int = 0, *, immed: bool = False, verify: bool = False, length: int = 0
) -> Reply:
    return host.send(bytes((0x04, verify << 1 | immed, kind)) + length.to_bytes(2, "big") + b"\0")


def set_capacity(host: Host, proportion: int, *, immed: bool = False) -> Reply:
    return host.send(bytes((0x0B, immed, 0)) + proportion.to_bytes(2, "big") + b"\0")


def allow_overwrite(host: Host, what: int, partition: int = 0, number: int = 0) -> Reply:
    return host.send(bytes((0x82, 0, what, partition)) + number.to_bytes(8, "big") + bytes(4))


def go(host: Host, partition: int, number: int = 0, kind: int = OBJECT) -> Reply:
    """LOCATE(16) with CP."""
    cdb = bytes((0x92, kind << 3 | 2, 0, partition)) + number.to_bytes(8, "big") + bytes(4)
    return host.send(cdb)


def where(host: Host) -> tuple[int, int]:
    """(partition, object) that READ POSITION, long form, reports."""
    data = host.send(bytes((0x34, 6)) + bytes(8), size=32).data
    return int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:16], "big")


def page(host: Host, code: int = 0x11, subpage: int = 0, control: int = 0) -> bytes:
    """One mode page, by MODE SENSE(10)."""
    cdb = bytes((0x5A, 8, control << 6 | code, subpage, 0, 0, 0, 0, 255, 0))
    reply = host.send(cdb, size=255)
    assert reply.status == GOOD, reply
    return reply.data[8:]


def select(host: Host, data: bytes) -> Reply:
    """One mode page, by MODE SELECT(10)."""
    data = bytes(8) + data
    return host.send(
        bytes((0x55, 0x10)) + bytes(5) + len(data).to_bytes(2, "big") + b"\0", out=data
    )


def request(
    host: Host,
    *sizes: int,
    method: int = IDP,
    more: int | None = None,
    psum: int = 3,
    units: int = 9,
) -> bytes:
    """Page 11h as it is, but asking for these partitions; longer if they need that."""
    data = bytearray(page(host))
    data[3] = max(0, len(sizes) - 1) if more is None else more
    data[4] = method | psum << 3 | data[4] & 0x07
    data[6] = units
    tail = b"".join(size.to_bytes(2, "big") for size in sizes)
    data[8:] = tail.ljust(len(data) - 8, b"\0")
    data[1] = len(data) - 2
    return bytes(data)


def told(host: Host) -> list[int]:
    """The sizes of the partitions that page 11h tells of, in bytes."""
    values = PARTITIONS.layout.decode(page(host))
    assert values["psum"] == 3
    unit = 10 ** values["partition_units"]
    return [values[f"size_{n}"] * unit for n in range(values["additional_defined"] + 1)]


def made(host: Host) -> list[int]:
    """The capacities of the partitions that there are, in bytes."""
    assert host.drive.cartridge is not None
    return [partition.capacity for partition in host.drive.cartridge.partitions]


def partition(host: Host, *sizes: int, units: int = 9) -> None:
    """Make partitions of these sizes."""
    assert select(host, request(host, *sizes, units=units)).status in (0, 2)
    reply = format_medium(host, 1)
    assert reply.status == GOOD, reply
    assert len(made(host)) == len(sizes)


def append_only(host: Host, on: bool = True) -> Reply:
    """Mode page 10h subpage 01h, WRITE MODE."""
    data = bytearray(page(host, 0x10, 0x01))
    data[5] = on << 4 | data[5] & 0x0F
    return select(host, bytes(data))


def model(name: str, **quirks: object) -> Personality:
    """A model that does these things otherwise."""
    known = personality.load(name)
    return replace(known, quirks={**known.quirks, **quirks})

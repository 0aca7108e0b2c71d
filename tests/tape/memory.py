"""READ ATTRIBUTE and WRITE ATTRIBUTE as a host sends them, and what their data say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from target import personality
from target.medium.cartridge import Cartridge
from target.transports.inprocess import Reply
from tests.tape.host import GOOD, TD9, Host, new_cartridge, new_drive, own_media

VALUES, LIST, VOLUMES, PARTITIONS, SUPPORTED = 0, 1, 2, 3, 5
BINARY, ASCII, TEXT = 0, 1, 2
READ_ONLY = 0x80
TWO = (8 << 20, 32 << 20)
"""Bytes of two partitions."""


class Found(NamedTuple):
    """An attribute as READ ATTRIBUTE gives it: READ ONLY and FORMAT, and the value."""

    flags: int
    value: bytes


def read(
    host: Host,
    action: int = VALUES,
    first: int = 0,
    *,
    partition: int = 0,
    volume: int = 0,
    allocation: int = 1 << 16,
    cache: bool = False,
) -> Reply:
    cdb = bytes((0x8C, action, 0, 0, 0, volume, 0, partition)) + first.to_bytes(2, "big")
    tail = bytes((cache, 0))
    return host.send(cdb + allocation.to_bytes(4, "big") + tail, size=allocation)


def attribute(number: int, value: bytes, form: int = BINARY) -> bytes:
    return number.to_bytes(2, "big") + bytes((form,)) + len(value).to_bytes(2, "big") + value


def write(
    host: Host,
    *attributes: bytes,
    partition: int = 0,
    volume: int = 0,
    through: bool = True,
    said: int | None = None,
) -> Reply:
    """A list of ``attributes``, whose header says ``said`` or the right length."""
    body = b"".join(attributes)
    data = (len(body) if said is None else said).to_bytes(4, "big") + body
    return send_list(host, data, partition=partition, volume=volume, through=through)


def send_list(
    host: Host, data: bytes, *, partition: int = 0, volume: int = 0, through: bool = True
) -> Reply:
    cdb = bytes((0x8D, through, 0, 0, 0, volume, 0, partition, 0, 0))
    return host.send(cdb + len(data).to_bytes(4, "big") + bytes(2), out=data)


def parse(data: bytes) -> dict[int, Found]:
    """The attributes of READ ATTRIBUTE data, which must be whole and ascending."""
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    found: dict[int, Found] = {}
    at = 4
    while at < len(data):
        number, length = (int.from_bytes(data[at + i : at + i + 2], "big") for i in (0, 3))
        assert number > max(found, default=-1)
        found[number] = Found(data[at + 2], data[at + 5 : at + 5 + length])
        at += 5 + length
    assert at == len(data)
    return found


def everything(host: Host, partition: int = 0) -> dict[int, Found]:
    reply = read(host, partition=partition)
    assert reply.status == GOOD, reply
    return parse(reply.data)


def value(host: Host, number: int, partition: int = 0) -> bytes:
    """One attribute, which must exist."""
    reply = read(host, first=number, partition=partition)
    assert reply.status == GOOD, reply
    return parse(reply.data)[number].value


def number(host: Host, identifier: int, partition: int = 0) -> int:
    """The value of a binary attribute."""
    return int.from_bytes(value(host, identifier, partition), "big")


def identifiers(host: Host, action: int = LIST, partition: int = 0) -> list[int]:
    reply = read(host, action, partition=partition)
    assert reply.status == GOOD, reply
    body = reply.data[4:]
    assert int.from_bytes(reply.data[:4], "big") == len(body)
    return [int.from_bytes(body[i : i + 2], "big") for i in range(0, len(body), 2)]


def hosts_own(host: Host, partition: int = 0) -> dict[int, bytes]:
    """What hosts wrote."""
    found = everything(host, partition)
    return {number: item.value for number, item in found.items() if not item.flags & READ_ONLY}


def reopen(host: Host, name: str = TD9) -> Host:
    """The same cartridge, closed and opened again, in another drive."""
    cartridge = host.drive.eject()
    assert isinstance(cartridge, Cartridge)
    cartridge.close()
    other = new_drive(name)
    other.insert(Cartridge(cartridge.folder))
    again = Host(other)
    again.hear()
    return again


@contextmanager
def partitioned(
    attributes: dict[str, Any] | None = None, capacities: tuple[int, ...] = TWO, model: str = TD9
) -> Iterator[Host]:
    """A host at a drive with a tape in partitions; the model may differ in ``attributes``."""
    known = replace(personality.load(model), attributes=attributes or {})
    drive = new_drive(known)
    with TemporaryDirectory(prefix="keyreel-") as folder:
        cartridge = new_cartridge(Path(folder), f"KRL001{own_media(known)}", sum(capacities))
        cartridge.format(capacities)
        drive.insert(cartridge)
        host = Host(drive)
        host.hear()
        try:
            yield host
        finally:
            left = drive.cartridge
            if left is not None:
                drive.eject()
                left.close()


def coherency(reference: int, generation: int = 1, block: int = 5) -> bytes:
    """Volume coherency information as LTFS writes it: 70 bytes."""
    volume = b"30a91a08-daae-48d1-ae75-69804e61d2ea"
    own = b"LTFS\0" + volume + b"\0\1"
    numbers = (reference, generation, block)
    return b"\x08" + b"".join(n.to_bytes(8, "big") for n in numbers) + b"\0\x2b" + own

"""Log pages as a host asks for them, and drives whose clock a test holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from target import personality
from target.clock import Clock, ManualClock
from target.personality import Personality
from target.tape import commands
from target.tape.drive import Drive
from target.transports.inprocess import Reply
from tests.tape.host import GOOD, MIB, TD9, Host, new_cartridge, own_media

CUMULATIVE = 1
ALERTS = 0x2E


def log_sense(
    host: Host, code: int, subpage: int = 0, *, control: int = CUMULATIVE, room: int = 16384
) -> bytes:
    """A whole page."""
    cdb = bytes((0x4D, 0, control << 6 | code, subpage, 0, 0, 0)) + room.to_bytes(2, "big") + b"\0"
    reply = host.send(cdb, size=room)
    assert reply.status == GOOD, reply
    return reply.data


def log_select(host: Host, code: int = 0, subpage: int = 0) -> Reply:
    """Reset the counters of a page, or of all."""
    return host.send(bytes((0x4C, 0x02, CUMULATIVE << 6 | code, subpage, 0, 0, 0, 0, 0, 0)))


def split(data: bytes) -> dict[int, tuple[int, bytes]]:
    """Control byte and value by parameter code; the lengths must add up."""
    assert int.from_bytes(data[2:4], "big") == len(data) - 4
    found, at = {}, 4
    while at < len(data):
        end = at + 4 + data[at + 3]
        found[int.from_bytes(data[at : at + 2], "big")] = data[at + 2], data[at + 4 : end]
        at = end
    assert at == len(data)
    return found


def page(host: Host, code: int, subpage: int = 0) -> dict[int, bytes]:
    """The values of a page."""
    return {key: value for key, (_, value) in split(log_sense(host, code, subpage)).items()}


def number(host: Host, code: int, parameter: int) -> int:
    return int.from_bytes(page(host, code)[parameter], "big")


def numbers(host: Host, code: int) -> dict[int, int]:
    return {key: int.from_bytes(value, "big") for key, value in page(host, code).items()}


def flags(host: Host) -> set[int]:
    """The TapeAlert flags that a nexus sees, which are read with that."""
    return {code for code, value in page(host, ALERTS).items() if value == b"\1"}


def response(host: Host) -> set[int]:
    """Page 12h: the active flags."""
    bits = int.from_bytes(page(host, 0x12)[0], "big")
    return {flag for flag in range(1, 65) if bits >> 64 - flag & 1}


def known(model: str = TD9, **tables: object) -> Personality:
    """A model that has every log page, unless ``tables`` say otherwise."""
    return replace(personality.load(model), **{"logs": {}, **tables})  # type: ignore[arg-type]  # any table


def remount(host: Host) -> None:
    """Off the heads and on again."""
    assert host.load(load=False).status == GOOD
    assert host.load().status == GOOD
    host.hear()


def drive_of(
    model: Personality,
    *,
    compression: str = "off",
    clock: Clock | None = None,
    factor: float = 0.0,
    state: Path | None = None,
) -> Drive:
    return Drive(
        model,
        "KRL0000001",
        commands.of(model),
        compression,
        state,
        clock=clock or ManualClock(),
        factor=factor,
    )


@contextmanager
def logged(
    model: Personality | None = None,
    *,
    barcode: str | None = None,
    capacities: tuple[int, ...] = (64 * MIB,),
    compression: str = "off",
    clock: Clock | None = None,
    factor: float = 0.0,
    state: Path | None = None,
    protect: bool = False,
) -> Iterator[Host]:
    """A host at a drive with a blank tape, ready; without timing no time passes."""
    found = model or known()
    drive = drive_of(found, compression=compression, clock=clock, factor=factor, state=state)
    label = barcode or f"KRL001{own_media(found)}"
    with TemporaryDirectory(prefix="keyreel-") as folder:
        cartridge = new_cartridge(Path(folder), label, sum(capacities), protect=protect)
        if len(capacities) > 1:
            cartridge.format(capacities)
        drive.insert(cartridge)
        while drive.unsettled:
            drive.clock.sleep(3600)
            drive.settle()
        host = Host(drive)
        host.hear()
        try:
            yield host
        finally:
            left = drive.cartridge
            if left is not None:
                drive.eject()
                left.close()

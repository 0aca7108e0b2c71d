"""Which cartridges a model can use: each kind is put into a drive, which tries to read and write.

The cartridges are of the null medium: nothing reaches a disk, and the drive cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from target.medium.formats import CLEANINGS, FORMATS, TYPES, CartridgeType, Format
from target.medium.null import NullCartridge
from target.personality import Personality
from target.scsi import sense as s
from target.tape import commands
from target.tape.drive import Drive
from target.transports.inprocess import Initiator, Reply


class Blank(NullCartridge):
    """A cartridge of any kind, recorded in a format or in none."""

    def __init__(
        self, form: Format, kind: CartridgeType | None = None, blank: bool = False
    ) -> None:
        super().__init__(form)
        if kind is not None:
            self.type = kind
            self.barcode = f"NULL00{kind.suffix}"
        self.info["cleanings_left"] = CLEANINGS
        if blank:
            self.recorded = None  # type: ignore[assignment]  # as that of a real cartridge

    def record(self, form: Format) -> None:
        """It is recorded in another format now."""
        self.recorded = form


def matrix(model: Personality) -> Iterator[dict[str, Any]]:
    """A row for each kind of cartridge of the model's family and each format that it may have.

    ``recorded``: the format that it is recorded in, None for a blank one that could get any.
    ``reads``; ``writes``: the format that writing at the beginning leaves, None where that is
    refused; ``appends``: whether what is there can be written on. ``sense``: what a refused TEST
    UNIT READY, READ or WRITE says.
    """
    family = FORMATS[model.media["native"]].family
    drive = Drive(model, "KRL0000001", commands.of(model))
    for kind in TYPES.values():
        if kind.family != family:
            continue
        recorded: list[Format | None] = list(kind.formats)
        if len(recorded) != 1:
            recorded.insert(0, None)
        for form in recorded:
            yield _try(drive, kind, form)
            drive.eject()


def _try(drive: Drive, kind: CartridgeType, form: Format | None) -> dict[str, Any]:
    cartridge = Blank(form or FORMATS[drive.personality.media["native"]], kind, form is None)
    cleanings = drive.lifetime.cleanings
    drive.insert(cartridge)
    host = Initiator(drive)
    ready = host.send(bytes(6))
    while ready.sense is not None and ready.sense.code.key == s.POWER_ON.key:
        ready = host.send(bytes(6))
    row: dict[str, Any] = {
        "media": kind.suffix,
        "kind": kind.kind.value,
        "recorded": form.name if form else None,
        "reads": False,
        "writes": None,
        "appends": False,
        "cleans": drive.lifetime.cleanings > cleanings,
        "sense": {},
    }
    if ready.status:
        row["sense"]["ready"] = _code(ready)
        return row
    # One byte: an empty tape that can be read has no data.
    read = host.send(bytes((0x08, 0, 0, 0, 1, 0)), size=1)
    row["reads"] = read.sense is not None and read.sense.code == s.END_OF_DATA
    if not row["reads"]:
        row["sense"]["read"] = _code(read)
    written = host.send(bytes((0x0A, 0, 0, 0, 1, 0)), out=b"\0")
    if written.status:
        row["sense"]["write"] = _code(written)
    else:
        row["writes"] = cartridge.recorded.name
        row["appends"] = form in (None, cartridge.recorded)
    return row


def _code(reply: Reply) -> str:
    return "" if reply.sense is None else str(reply.sense.code).split()[0]

"""Sense data, as little as checks need, until the layers are there."""

from __future__ import annotations

from typing import NamedTuple


class Sense(NamedTuple):
    """Fields of sense data, named as SPC names them."""

    key: int
    asc: int
    ascq: int
    deferred: bool
    valid: bool
    information: int
    filemark: bool
    eom: bool
    ili: bool
    field_pointer: tuple[int, int | None, bool] | None
    text: str = ""

    @property
    def code(self) -> str:
        """As 5/24/00."""
        return f"{self.key:X}/{self.asc:02X}/{self.ascq:02X}"


def dissect_sense(data: bytes) -> Sense:
    """Fixed format only."""
    sense = data + bytes(18)
    pointer = None
    if sense[15] & 0x80:
        bit = sense[15] & 7 if sense[15] & 8 else None
        pointer = (int.from_bytes(sense[16:18]), bit, not sense[15] & 0x40)
    return Sense(
        key=sense[2] & 15,
        asc=sense[12],
        ascq=sense[13],
        deferred=bool(sense[0] & 1),
        valid=bool(sense[0] & 0x80),
        information=int.from_bytes(sense[3:7]),
        filemark=bool(sense[2] & 0x80),
        eom=bool(sense[2] & 0x40),
        ili=bool(sense[2] & 0x20),
        field_pointer=pointer,
    )

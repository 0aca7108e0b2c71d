"""A lively run to be reported: two drives, two hosts, keys, faults, errors, a load in between."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from harness.initiators.inprocess import InProcess
from harness.rig import Rig
from target.scsi.primary import PrimaryUnit
from target.serve import Service
from target.shelf import stock
from tests.e2e.tools import cartridge, rig_text

DRIVES = (
    'name = "drive0"\nmodel = "ibm/ult3580-td9"\ncartridge = "KRL001L9"',
    'name = "drive1"\nmodel = "hp/ultrium-6"\ncartridge = "KRL002L6"',
)
FAULTS = """
[[fault]]
name = "a scratch on the tape"
kind = "sense"
unit = "drive1"
command = "READ(6)"
nth = 20
code = "3/11/00"
"""
REWIND, UNLOAD, LOAD = b"\x01" + bytes(5), b"\x1b" + bytes(5), bytes([0x1B, 0, 0, 0, 1, 0])
FILEMARK = bytes([0x10, 0, 0, 0, 1, 0])
SIZE = 64 << 10


class Host:
    """One host of a drive."""

    def __init__(self, unit: PrimaryUnit, name: str) -> None:
        self.initiator = InProcess(unit, name)
        while self.initiator.send(bytes(6)).status:
            pass

    def key(self, on: bool) -> None:
        page = bytearray(20 + 32 * on)
        page[1], page[3], page[4], page[8] = 0x10, len(page) - 4, 0x40, 1
        if on:
            page[6], page[7], page[19] = 2, 2, 32
            page[20:] = bytes(range(32))
        self.send(bytes([0xB5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, len(page), 0, 0]), out=bytes(page))

    def send(self, cdb: bytes, *, out: bytes = b"", size: int = 0) -> None:
        self.initiator.send(cdb, out=out, size=size)

    def write(self, data: bytes) -> None:
        self.send(b"\x0a\x00" + len(data).to_bytes(3) + b"\x00", out=data)

    def read(self) -> None:
        self.send(b"\x08\x00" + SIZE.to_bytes(3) + b"\x00", size=SIZE)


def make(folder: Path) -> Path:
    """Run it; the folder of its state, with the trace."""
    shelf = "".join(cartridge(name) for name in ("KRL001L9", "KRL002L6"))
    (folder / "rig.toml").write_text(rig_text("nightly", *DRIVES, cartridges=shelf) + FAULTS)
    state = folder / "state"
    (state / "run").mkdir(parents=True)
    plan = Rig.load(folder / "rig.toml").plan(state)
    plan = replace(plan, transports=(), run="", trace=str(state / "run" / "trace.jsonl"))
    stock(plan)
    service = Service(plan)
    try:
        data = random.Random(1)
        first, second = (Host(service.units[f"drive{n}"], "backup") for n in (0, 1))
        other = Host(service.units["drive0"], "monitor")
        first.key(on=True)
        for number in range(3):
            for _ in range(60):
                first.write(data.randbytes(SIZE))
            first.send(FILEMARK)
            for _ in range(30):
                second.write(data.randbytes(SIZE))
            other.send(bytes([0x4D, 0, 0x6E, 0, 0, 0, 0, 1, 0, 0]), size=256)
            if number == 1:
                second.send(REWIND)
                for _ in range(40):
                    second.read()
        first.send(UNLOAD)
        first.send(LOAD)
        first.send(bytes(6))
        for _ in range(80):
            first.read()
        first.key(on=False)
        first.send(REWIND)
        first.read()
    finally:
        service.close()
    return state

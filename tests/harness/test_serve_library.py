"""`keyreel serve` of a rig with a library: what it says, changers over iSCSI, what stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.initiators.iscsi import IscsiInitiator
from harness.rig import Rig
from harness.status import Messages, Status
from target.serve import Service
from target.shelf import stock

ROOT = Path(__file__).parents[2]
FAR = 60.0
"""Seconds that nothing here comes near to, on any machine."""
RIG = """
[rig]
name = "yard"
transport = "iscsi"
[iscsi]
port = 0
[[cartridge]]
barcode = "KRL001L9"
count = 3
[[drive]]
name = "drive"
count = 2
model = "ibm/ult3580-td9"
[[library]]
name = "tower"
model = "spectra/t950"
serial = "TOWER00001"
[[library.partition]]
name = "finance"
serial = "FINANCE001"
drives = ["drive0", "drive1"]
slots = 4
mail_slots = 1
cartridges = [{ barcode = "KRL001L9", count = 3 }]
"""
CHANGER, DRIVE = (f"iqn.2026-01.io.keyreel:yard:{name}" for name in ("finance", "drive1"))
SLOT_1, SLOT_2, MAIL, DRIVE_1 = 0x1000, 0x1001, 0x10, 0x101


def move(source: int, to: int) -> bytes:
    """MOVE MEDIUM."""
    return bytes((0xA5, 0, 0, 0, *source.to_bytes(2), *to.to_bytes(2), 0, 0, 0, 0))


def first(one: IscsiInitiator, cdb: bytes) -> int:
    """The status of a command, once every unit attention was heard."""
    while one.send(bytes(6)).status:
        pass
    return one.send(cdb).status


@contextmanager
def served(folder: Path) -> Iterator[list[str]]:
    """What a `keyreel serve` says until it is ready; stopped in order at the end."""
    (folder / "yard.toml").write_text(RIG, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "serve", "yard.toml", "--state", "shelf"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        said = [""]
        while said[-1] != "ready":
            said.append(process.stdout.readline().rstrip("\n"))
            assert said[-1], process.communicate()
        yield said[1:]
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=FAR) == ("stopping\nstopped\n", "")
    finally:
        process.kill()
        process.communicate()


def session(said: list[str], target: str) -> IscsiInitiator:
    line = next(line for line in said if line.endswith(f" {target}"))
    host, _, port = line.split()[1].rpartition(":")
    return IscsiInitiator((host, int(port)), target)


def test_a_changer_is_a_target_of_its_own_and_the_library_stays_as_it_was(tmp_path: Path) -> None:
    with served(tmp_path) as said:
        assert [line for line in said if line.startswith(("library", "changer"))] == [
            "library tower: spectra/t950, serial TOWER00001",
            "changer finance: library tower, serial FINANCE001, drive0 drive1, 4 slots,"
            " 1 mail slots",
        ]
        with session(said, CHANGER) as changer, session(said, DRIVE) as drive:
            assert changer.send(bytes((0x12, 0, 0, 0, 36, 0)), size=36).data[:2] == b"\x08\x80"
            assert first(changer, move(SLOT_1, DRIVE_1)) == 0
            assert first(changer, move(SLOT_2, MAIL)) == 0
            assert first(drive, bytes((0x0A, 0, 0, 0, 0, 0))) == 0
            assert drive.send(bytes((0x10, 0, 0, 0, 1, 0))).status == 0
    with served(tmp_path) as said:
        assert any(line.startswith("drive drive1: ") and "KRL001L9" in line for line in said)
        with session(said, CHANGER) as changer:
            assert first(changer, move(MAIL, SLOT_2)) == 0
            assert first(changer, move(DRIVE_1, SLOT_1)) == 0


@pytest.fixture
def status(tmp_path: Path) -> Iterator[Status]:
    """The status of that rig, served in this process."""
    (tmp_path / "yard.toml").write_text(RIG, encoding="utf-8")
    plan = replace(Rig.load(tmp_path / "yard.toml").plan(tmp_path), run=str(tmp_path))
    stock(plan)
    service = Service(plan)
    yield Status(service, "serving yard", Messages())
    service.close()


def shown(status: Status) -> str:
    status.refresh()
    console = Console(width=120, height=40)
    with console.capture() as capture:
        console.print(status.screen(console))
    return capture.get()


def test_the_screen_shows_changers(status: Status) -> None:
    row = ["finance", "tower", "t950", "ready", "3", "of", "4", "0", "of", "1", "0", "of", "2"]
    assert row in [line.split() for line in shown(status).splitlines()]
    changer = status.service.libraries["tower"].changers["finance"]
    host, port = status.service.transports[0].ways()[0].split()[1].split(":")
    with IscsiInitiator((host, int(port)), CHANGER) as one:
        assert first(one, move(SLOT_1, DRIVE_1)) == 0
        text = shown(status)
    assert [*row[:4], *["2", "of", "4", "0", "of", "1", "1", "of", "2", "initiator"]] in [
        line.split() for line in text.splitlines()
    ]
    assert any(line.startswith("drive1") and "KRL001L9" in line for line in text.splitlines())
    assert changer.commands_run

"""The machine loses power: of what was not made durable, any part may be on the disk.

What a drive does to the files of a cartridge is noted while it works. For many moments, the files
are put together as a disk could hold them then: everything up to the last fdatasync of a file,
and of what came after it any pages; where a file grew but a page did not come, there are zeros.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.crash.checks import Totals, check
from tests.crash.workload import Known, Writer
from tests.medium.tape import BARCODE, FILES, blank, medium
from tests.runs import Say

HISTORIES = 25
MOMENTS = 12
"""In each history."""


@dataclass
class Event:
    """Something done to a file, or a report of the writer."""

    what: str
    file: str = ""
    at: int = 0
    data: bytes = b""


class Disk:
    """Notes what is done to the files of a partition."""

    def __init__(self, partition: Path) -> None:
        self.partition = str(partition)
        self.events: list[Event] = []

    def hear(self, report: str) -> None:
        self.events.append(Event(report))

    def _noting(self, what: str) -> Callable[..., Any]:
        real = getattr(os, what)

        def call(file: int, *arguments: Any) -> Any:
            folder, name = os.path.split(os.readlink(f"/proc/self/fd/{file}"))
            if folder == self.partition:
                data = bytes(arguments[0]) if what == "pwrite" else b""
                self.events.append(Event(what, name, arguments[-1] if arguments else 0, data))
            return real(file, *arguments)

        return call

    def noting(self) -> Any:
        calls: Any = {what: self._noting(what) for what in ("pwrite", "ftruncate", "fdatasync")}
        return mock.patch.multiple(os, **calls)


@dataclass
class File:
    """What is surely on the disk, and what may be."""

    durable: bytearray = field(default_factory=bytearray)
    open: list[Event] = field(default_factory=list)

    def do(self, event: Event) -> None:
        if event.what != "fdatasync":
            self.open.append(event)
            return
        for one in self.open:
            if one.what == "ftruncate":
                _resize(self.durable, one.at)
            else:
                _write(self.durable, one.at, one.data)
        self.open.clear()

    def found(self, chance: random.Random) -> bytearray:
        """What the file may hold after a loss of power."""
        content = bytearray(self.durable)
        page = chance.choice((512, 4096))
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        for event in self.open:
            if event.what == "ftruncate":
                if chance.random() < share:
                    _resize(content, event.at)
                continue
            end = event.at + len(event.data)
            for start in range(event.at - event.at % page, end, page):
                first, last = max(start, event.at), min(start + page, end)
                if chance.random() < share:
                    _write(content, first, event.data[first - event.at : last - event.at])
            if end > len(content) and chance.random() < 0.3:
                _resize(content, end)
        return content


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content += bytes(size - len(content))


def _write(content: bytearray, at: int, data: bytes) -> None:
    if at > len(content):
        _resize(content, at)
    content[at : at + len(data)] = data


def history(folder: Path, seed: str) -> list[Event]:
    """What a drive does to a new cartridge, and its reports."""
    disk = Disk(folder / "partition0")
    chance = random.Random(seed)
    with disk.noting():
        writer = Writer(folder, seed, chance, Known(), disk.hear)
        if chance.random() < 0.5:
            _long_stretch(writer)
        writer.work(40)
    return disk.events


def _long_stretch(writer: Writer) -> None:
    """Many small objects that become durable together: their entries fill several pages."""
    for number in range(150):
        writer.announce(f"marks {number} 1", [None])
        writer.host.filemarks(1, immed=True)
    writer.rewind()


@pytest.mark.crash
def test_power_loss(tmp_path: Path, say: Say) -> None:
    master = random.SystemRandom().getrandbits(32)
    totals = Totals("losses of power")
    for number in range(HISTORIES):
        seed = f"{master} {number}"
        chance = random.Random(f"{seed} moments")
        folder = tmp_path / f"cartridge{number}"
        events = history(folder, seed)
        identity = (folder / "cartridge.json").read_bytes()
        # Just before something becomes durable there is most to lose.
        syncs = [at for at, event in enumerate(events) if event.what == "fdatasync"]
        moments = {*chance.choices(range(len(events)), k=MOMENTS)}
        moments |= {*chance.choices(syncs, k=MOMENTS)}
        files, known = {name: File() for name in FILES}, Known()
        for at, event in enumerate(events):
            if at in moments:
                found = tmp_path / f"found{number}-{at}"
                (found / "partition0").mkdir(parents=True)
                (found / "cartridge.json").write_bytes(identity)
                for name, file in files.items():
                    (found / "partition0" / name).write_bytes(file.found(chance))
                totals.kills += 1
                try:
                    check(found, seed, known, totals)
                except Exception as error:
                    totals.failures.append(f"seed {master}, {number} at {at}: {error!r}")
            if event.file:
                files[event.file].do(event)
            else:
                known.hear(event.what)
    say(f"seed {master}: {totals}")
    assert not totals.failures, "\n".join(totals.failures)


def test_new_names_are_durable_before_what_they_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose folder was not synced may not be there after a loss of power."""
    synced: set[str] = set()
    real = os.fsync

    def fsync(file: int) -> None:
        real(file)
        path = Path(os.readlink(f"/proc/self/fd/{file}"))
        if path.is_dir():
            synced.update(one.name for one in path.iterdir())

    monkeypatch.setattr(os, "fsync", fsync)
    folder = blank(tmp_path / BARCODE)
    with medium(folder) as tape:
        tape.write(b"data")
        tape.partition.sync()
        assert synced == {BARCODE, "cartridge.json", "partition0", *FILES}

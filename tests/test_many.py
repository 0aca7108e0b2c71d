"""Many drives and cartridges: a silo starts, drives work together, none waits for another."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.cartridges import show
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from target import personality, serve
from target.build import build, shut_down
from target.clock import SYSTEM, Clock
from target.medium.errors import MediumError
from target.plan import RigPlan
from target.shelf import stock
from target.tape import commands
from target.tape.drive import Drive
from tests.runs import Say
from tests.tape.host import GOOD, Host, new_cartridge

SILO = """
[rig]
name = "silo"
[[cartridge]]
barcode = "KR0000L8"
count = 2000
[[drive]]
name = "drive"
count = {drives}
model = "ibm/ult3580-td8"
cartridge = "KR0000L8"
"""
SLOW = """
[[cartridge]]
barcode = "SLOW01L8"
[[drive]]
name = "slow"
model = "ibm/ult3580-td8"
cartridge = "SLOW01L8"
timing = 0.2
"""
TASK_ABORTED = 0x40
FAR = 120.0
"""Seconds that nothing here comes near to, on any machine."""


def silo(tmp_path: Path, drives: int, more: str = "") -> Rig:
    path = tmp_path / "silo.toml"
    path.write_text(SILO.format(drives=drives) + more, encoding="utf-8")
    return Rig.load(path)


def ready(host: Host) -> Host:
    """After the unit attentions that a new host hears."""
    host.hear()
    assert host.ready().status == GOOD
    return host


def test_a_silo_starts_and_starts_again(tmp_path: Path, say: Say) -> None:
    plan = silo(tmp_path, 64).plan(tmp_path)
    for start in ("first", "second"):
        began = time.monotonic()
        stock(plan)
        drives = build(plan)
        took = time.monotonic() - began
        say(f"{start} start of 64 drives and 2,000 cartridges: {took:.1f} s")
        assert took < FAR
        assert len(drives) == 64
        assert all(drive.loaded for drive in drives.values())
        shut_down(drives)
    assert len(list((tmp_path / "cartridges").iterdir())) == 2000


def test_a_cartridge_that_was_never_loaded_is_a_blank_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = silo(tmp_path, 1).plan(tmp_path)
    stock(plan)
    spare = tmp_path / "cartridges" / "KR1999L8"
    assert [path.name for path in spare.iterdir()] == ["cartridge.json"]
    assert show(spare) == 0
    assert "blank" in capsys.readouterr().out
    assert [path.name for path in spare.iterdir()] == ["cartridge.json"]


def test_a_shelf_that_cannot_be_made_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = silo(tmp_path, 1).plan(tmp_path)

    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "sync", full)
    with pytest.raises(MediumError, match="could not be made"):
        stock(plan)
    assert not list((tmp_path / "cartridges").iterdir())


def test_drives_that_work_together_keep_their_data_apart(tmp_path: Path) -> None:
    drives = build(silo(tmp_path, 16).plan(tmp_path))
    together = threading.Barrier(len(drives))

    def work(name: str) -> bool:
        host = ready(Host(drives[name], name))
        blocks = [hashlib.shake_256(f"{name} {n}".encode()).digest(4096) for n in range(50)]
        together.wait(FAR)
        written = [host.write(block).status for block in blocks]
        host.filemarks()
        host.rewind()
        return written == [GOOD] * 50 and [host.read(4096).data for _ in blocks] == blocks

    with ThreadPoolExecutor(len(drives)) as pool:
        assert all(pool.map(work, drives))
    shut_down(drives)


@contextmanager
def one(folder: Path, clock: Clock = SYSTEM, factor: float = 0.0) -> Iterator[Host]:
    """A host at a drive with a blank tape, ready."""
    model = personality.load("ibm/ult3580-td8")
    drive = Drive(model, "KRL0000001", commands.of(model), clock=clock, factor=factor)
    drive.insert(new_cartridge(folder, "KRL001L8"))
    # It would take its time to load.
    drive.background.reset()
    yield ready(Host(drive))
    shut_down({"drive": drive})


class Held(Clock):
    """A clock by which nothing that takes time ends before `release`."""

    def __init__(self) -> None:
        self.waiting = threading.Event()
        self.release = threading.Event()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waiting.set()
        assert self.release.wait(FAR)
        return event.is_set()


def test_a_drive_in_a_long_command_keeps_no_other_waiting(tmp_path: Path) -> None:
    clock = Held()
    with one(tmp_path / "slow", clock, 1.0) as slow, one(tmp_path / "fast") as fast:
        ended: list[int] = []
        unloads = threading.Thread(target=lambda: ended.append(slow.load(load=False).status))
        unloads.start()
        assert clock.waiting.wait(FAR)
        for _ in range(100):
            assert fast.write(b"block").status == GOOD
        assert fast.rewind().status == GOOD
        assert not ended
        clock.release.set()
        unloads.join(FAR)
        assert ended == [GOOD]


class Patient:
    """A transport as a kernel is: away only once its command is over."""

    def __init__(self, plan: RigPlan, drives: Mapping[str, Drive]) -> None:
        (self.drive,) = drives.values()
        self.drive.background.reset()
        self.host = ready(Host(self.drive))
        self.statuses: list[int] = []
        self.thread = threading.Thread(target=self.unload)

    def unload(self) -> None:
        self.statuses.append(self.host.load(load=False).status)

    def close(self) -> None:
        self.thread.start()
        self.thread.join(FAR)


def test_a_service_that_stops_waits_for_no_tape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slow.toml"
    path.write_text('[rig]\nname = "slow"' + SLOW.replace("0.2", "1000"), encoding="utf-8")
    monkeypatch.setattr(serve, "find", lambda name: Patient)
    service = serve.Service(Rig.load(path).plan(tmp_path))
    (transport,) = service.transports
    assert isinstance(transport, Patient)
    service.close()
    assert transport.statuses == [TASK_ABORTED]


@pytest.mark.guest
def test_a_silo_in_a_guest(tmp_path: Path, say: Say) -> None:
    """One of its drives takes its time; meanwhile another does a hundred commands."""
    rig = silo(tmp_path, 7, SLOW)
    began = time.monotonic()
    with open_state(tmp_path / "state") as state, make_guest(rig, state) as guest:
        took = time.monotonic() - began
        say(f"guest with 8 drives and 2,001 cartridges: {took:.1f} s")
        assert len(guest.devices) == 8
        slow, fast = guest.devices["slow"].sg, guest.devices["drive6"].sg
        while guest.run(["sg_turs", slow]).status:
            assert time.monotonic() - began < FAR
        # A long erase takes hours: it ends with the reset.
        script = f"""
            sg_raw -t 12000 {slow} 19 01 00 00 00 00 & erase=$!
            until [ $(cat /sys/class/scsi_generic/{slow[5:]}/device/device_busy) != 0 ]; do :; done
            until sg_turs -n 100 {fast}; do :; done
            kill -0 $erase && echo meanwhile
            sg_reset -d {slow} && wait $erase && echo ended
        """
        done = guest.run(["sh", "-c", script], timeout=FAR)
        said = done.stdout.decode()
        assert "meanwhile" in said, done
        assert "ended" in said, done

"""Key sources of a rig: found by entry point, asked by a library's drives and by agents."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.rig import Rig
from keymgr.secret import Secret
from target.plan import RigPlan
from target.serve import Service
from target.shelf import stock
from target.transports.inprocess import Initiator

SOURCE = '''
"""A key source that writes down what it hears."""

import json

from keymgr.api import Grant, KeyData, KeySource, Notice, Severity
from keymgr.secret import Secret


class Diary(KeySource):
    def __init__(self, world):
        world.folder.mkdir(parents=True, exist_ok=True)
        self.path, self.world = world.folder / "diary", world
        self.note("made", world.name, dict(world.options))

    def note(self, *what):
        with self.path.open("a") as file:
            file.write(json.dumps(what) + "\\n")

    def attached(self, drive, holder):
        self.note("attached", drive.serial)

    def key_for_write(self, request):
        self.note("write", request.drive.serial, request.library, request.partition)
        self.world.tell(Notice(Severity.WARNING, "a key was given", "look who has it"))
        return Grant(Secret(bytes(range(32))), KeyData(unauthenticated=b"diary"))

    def unmounted(self, request):
        self.note("unmounted", request.volume.barcode)

    def close(self):
        self.note("close")
'''
RIG = """
[rig]
name = "house"
transport = "iscsi"
[iscsi]
port = 0
[[cartridge]]
barcode = "KRL001L9"
count = 2
[[drive]]
name = "inside"
serial = "INSIDE0001"
model = "ibm/ult3580-td9"
[[drive]]
name = "alone"
serial = "ALONE00001"
model = "ibm/ult3580-td9"
cartridge = "KRL002L9"
key_source = "mine"
[[library]]
name = "tower"
serial = "TOWER00001"
model = "spectra/t950"
[[library.partition]]
name = "finance"
drives = ["inside"]
slots = 1
encryption = "mine"
cartridges = ["KRL001L9"]
[[key_source]]
name = "mine"
source = "diary"
since = 2026-01-02
servers = ["one", "two"]
"""
MOVE = bytes.fromhex("a5 00 00 00 10 00 01 00 00 00 00 00")
WRITE = bytes((0x0A, 0, 0, 0, 6, 0))
REWIND = bytes((1, 0, 0, 0, 0, 0))


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RigPlan:
    """The plan of the rig, its source installed."""
    package = tmp_path / "package"
    (package / "diary-1.dist-info").mkdir(parents=True)
    (package / "diary-1.dist-info/METADATA").write_text("Name: diary\nVersion: 1\n")
    (package / "diary-1.dist-info/entry_points.txt").write_text(
        "[keyreel.key_sources]\ndiary = keyreel_test_diary:Diary\n"
    )
    (package / "keyreel_test_diary.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(package)
    monkeypatch.delitem(sys.modules, "keyreel_test_diary", raising=False)
    (tmp_path / "rig.toml").write_text(RIG, encoding="utf-8")
    plan = Rig.load(tmp_path / "rig.toml").plan(tmp_path)
    stock(plan)
    plan.save(tmp_path / "plan.json")
    return RigPlan.load(tmp_path / "plan.json")


@pytest.fixture
def service(plan: RigPlan) -> Iterator[Service]:
    service = Service(plan)
    yield service
    service.close()


def good(one: Initiator, cdb: bytes, out: bytes = b"") -> None:
    """Run a command that ends well once every unit attention was heard."""
    while one.send(bytes(6)).status:
        pass
    reply = one.send(cdb, out=out)
    assert reply.status == 0, reply.sense


def diary(tmp_path: Path) -> list[list[object]]:
    path = tmp_path / "key-sources/mine/diary"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_source_serves_partitions_and_agents(service: Service, tmp_path: Path) -> None:
    good(Initiator(service.units["finance"]), MOVE)
    for name in ("inside", "alone"):
        one = Initiator(service.units[name])
        good(one, WRITE, b"letter")
        good(one, REWIND)
    service.close()
    said = diary(tmp_path)
    assert said[0] == ["made", "mine", {"since": "2026-01-02", "servers": ["one", "two"]}]
    assert sorted(said[1:3]) == [["attached", "ALONE00001"], ["attached", "INSIDE0001"]]
    assert said[3:5] == [
        ["write", "INSIDE0001", "TOWER00001", "finance"],
        ["write", "ALONE00001", "", ""],
    ]
    assert sorted(said[5:7]) == [["unmounted", "KRL001L9"], ["unmounted", "KRL002L9"]]
    assert said[7:] == [["close"]]
    for barcode in ("KRL001L9", "KRL002L9"):
        files = [one for one in (tmp_path / "cartridges" / barcode).rglob("*") if one.is_file()]
        assert not [one for one in files if b"letter" in one.read_bytes()], "all is encrypted"


def test_what_a_source_has_to_say_is_a_message_of_the_library(service: Service) -> None:
    good(Initiator(service.units["finance"]), MOVE)
    good(Initiator(service.units["inside"]), WRITE, b"letter")
    tower = service.libraries["tower"].login("su", Secret(b""))
    told = [message for message in tower.messages() if message.origin == "mine"]
    assert [(one.severity, one.text, one.cure) for one in told] == [
        ("warning", "a key was given", "look who has it")
    ]


def test_commands_of_drives_that_ask_may_be_aborted(service: Service) -> None:
    assert all(service.units[name].waits for name in ("inside", "alone", "finance"))


def test_a_drive_that_takes_no_keys_from_outside(plan: RigPlan, tmp_path: Path) -> None:
    alone = 'serial = "ALONE00001"\nmodel = "ibm/ult3580-td9"\ncartridge = "KRL002L9"\n'
    older = 'serial = "ALONE00001"\nmodel = "ibm/ult3580-td3"\n'
    assert alone in RIG
    (tmp_path / "rig.toml").write_text(RIG.replace(alone, older), encoding="utf-8")
    with pytest.raises(ValueError, match=r"drive alone cannot ask mine: .* takes no keys"):
        Service(Rig.load(tmp_path / "rig.toml").plan(tmp_path))
    assert diary(tmp_path)[-1] == ["close"]


def test_a_rig_without_them_loads_nothing_for_them() -> None:
    """The target's start-up time is the rig's."""
    script = "import sys, target.serve, target.transports.tcmu; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "target.tape.drive" in loaded
    assert not loaded & {
        "importlib.metadata", "keymgr.bluescale", "keymgr.keystore", "secrets", "sqlalchemy",
        "target.library", "target.transports.iscsi",
    }  # fmt: skip

"""What a trace tells besides commands."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from harness.rig import Rig
from harness.trace.reader import Command, Event, read
from keymgr.api import Grant, KeyData, KeySource, Reason, Refused, Request, Severity
from keymgr.secret import Secret
from target.scsi import sense as s
from target.scsi.command import Nexus
from target.serve import Service
from target.shelf import stock
from target.tape.tape_alert import Flag
from tests.encryption.keys import keys_off, set_keys
from tests.tape.host import Host
from tests.trace.conftest import Traced, traced

LIBRARY = Path(__file__).parents[2] / "fixtures" / "rigs" / "library.toml"
KEY = random.Random(8).randbytes(32)


def whats(rig: Traced, kind: str) -> list[str]:
    return [str(event.details["what"]) for event in rig.events(kind)]


def test_the_life_of_a_volume(tmp_path: Path) -> None:
    with traced(tmp_path) as rig:
        rig.host.hear()
        rig.host.load(load=False)
        rig.host.load()
        cartridge = rig.host.drive.eject()
        assert cartridge is not None
        rig.host.drive.insert(cartridge)
    medium = rig.events("medium")
    assert [one.details["what"] for one in medium] == [
        "unloaded", "loaded", "unloaded", "ejected", "inserted", "loaded", "unloaded", "ejected"
    ]  # fmt: skip
    assert {one.details["barcode"] for one in medium} == {"KRL001L9"}
    assert {one.unit for one in medium} == {"drive0"}


def test_resets_power_and_lost_nexuses(rig: Traced) -> None:
    rig.host.hear()
    drive = rig.host.drive
    drive.reset(s.DEVICE_RESET)
    drive.power_on()
    rig.host.hear()
    drive.nexus_lost(rig.host.nexus)
    drive.nexus_lost(Nexus("nobody"))
    assert whats(rig, "reset") == [s.DEVICE_RESET.name, s.POWER_ON.name]
    assert whats(rig, "power") == ["lost"]
    (lost,) = rig.events("nexus")
    assert lost.details == {"what": "lost", "nexus": "host0"}


def test_keys_of_hosts(rig: Traced) -> None:
    rig.host.hear()
    set_keys(rig.host, KEY, a_kad=b"label")
    rig.host.drive.reset(s.DEVICE_RESET)
    rig.host.hear()
    set_keys(rig.host, KEY, ckod=1)
    rig.host.load(load=False)
    rig.host.hear()
    keys_off(rig.host)
    keys = rig.events("key")
    assert [one.details["what"] for one in keys] == ["put", "dropped", "put", "dropped", "dropped"]
    first = keys[0].details
    assert (first["by"], first["scope"]) == ("host0", "all")
    assert (first["encryption"], first["decryption"]) == ("encrypt", "decrypt")
    assert first["key_data"] == {"authenticated": "label"}
    assert [keys[1].details["why"], keys[3].details["why"]] == ["reset", "volume demounted"]
    assert keys[-1].details["encryption"] == "disable"


class Source(KeySource):
    """Gives one key for writing, none for reading."""

    def key_for_write(self, request: Request) -> Grant:
        return Grant(Secret(KEY), KeyData(authenticated=b"moniker"))

    def key_for_read(self, request: Request) -> Grant:
        raise Refused(Reason.NOT_FOUND, "there is no such key", "import it")


def test_keys_that_are_asked_for(rig: Traced) -> None:
    rig.host.hear()
    rig.host.drive.put_under("library", Source())
    rig.host.hear()
    rig.host.write(b"encrypted")
    rig.host.rewind()
    rig.host.load(load=False)
    rig.host.load()
    rig.host.hear()
    rig.host.read(100)
    keys = rig.events("key")
    assert [one.details["what"] for one in keys] == [
        "asked", "granted", "put", "dropped", "asked", "refused"
    ]  # fmt: skip
    assert keys[0].details == {"what": "asked", "reason": "write", "position": [0, 0]}
    assert keys[2].details["by"] == "key source"
    assert keys[2].details["key_data"] == {"authenticated": "moniker"}
    assert keys[5].details["text"] == "there is no such key"
    assert KEY.hex() not in rig.path.read_text()


def test_alerts(rig: Traced) -> None:
    rig.host.drive.alert(Flag.CLEAN_NOW)
    (alert,) = rig.events("alert")
    assert alert.details == {"flag": 0x14, "name": "cleaning required"}


def test_whoever_listens_hears_what_can_be_written(rig: Traced) -> None:
    rig.host.drive.happened("fault", what="slow", seconds=3.5, bits=[1, 2])
    (fault,) = rig.events("fault")
    assert fault.details == {"what": "slow", "seconds": 3.5, "bits": [1, 2]}
    rig.host.drive.happened("fault", what=object())
    rig.host.drive.happened("fault", what="next")
    assert whats(rig, "fault") == ["slow", "next"]


def test_changers_and_messages_of_a_library(tmp_path: Path) -> None:
    rig = Rig.load(LIBRARY).traced(tmp_path / "trace.jsonl")
    plan = replace(rig.plan(tmp_path), transports=(), run="")
    stock(plan)
    service = Service(plan)
    try:
        (library,) = service.libraries.values()
        library.messages.add(Severity.WARNING, "the door is open", cure="close it")
        name, changer = next(iter(library.changers.items()))
        Host(changer).ready()
        assert service.tracing is not None
        library.login("su", Secret(b"")).set_partition("later", slots=0)
        service.tracing.stop()
        service.tracing.start(tmp_path / "second.jsonl")
        Host(library.changers["later"]).ready()
    finally:
        service.close()
    trace = read(tmp_path / "trace.jsonl")
    kinds = {unit.name: unit.kind for unit in trace.header.units}
    assert kinds[name] == "changer"
    assert set(kinds.values()) == {"changer", "drive"}
    message, command = list(trace.records)[:2]
    assert isinstance(message, Event)
    assert (message.kind, message.unit) == ("message", library.name)
    assert message.details["text"] == "the door is open"
    assert isinstance(command, Command)
    assert (command.unit, command.position) == (name, None)
    trace = read(tmp_path / "second.jsonl")
    assert {unit.name: unit.kind for unit in trace.header.units} == {**kinds, "later": "changer"}
    assert [one.unit for one in trace.records] == ["later"]

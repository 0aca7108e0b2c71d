"""The bench of a rig: everything as when it was started, power, cartridges by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.control import Control, Kind, Refusal
from harness.rig import Rig
from target.library.library import Library
from target.scsi import sense as s
from target.serve import Service
from target.shelf import stock
from tests.harness.operators import Keyreel
from tests.runs import Say
from tests.tape.host import GOOD, Host

RIG = """
[rig]
name = "bench"
[[cartridge]]
barcode = "KRL000L9"
count = 2
capacity = "8MiB"
[[drive]]
name = "drive0"
model = "MODEL"
cartridge = "KRL000L9"
[[drive]]
name = "drive1"
model = "ibm/ult3580-td9"
"""


def served(folder: Path, model: str = "ibm/ult3580-td9", *, disposable: bool = True) -> Service:
    """A rig in this process, its state in that folder."""
    folder.mkdir(exist_ok=True)
    file = folder / "bench.toml"
    file.write_text(RIG.replace("MODEL", model).replace("L9", "L6" if "6" in model else "L9"))
    plan = Rig.load(file).plan(folder / "state")
    plan = replace(plan, transports=(), disposable=disposable)
    stock(plan)
    return Service(plan)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Service]:
    made = served(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bench(two: Service) -> Iterator[Control]:
    with Control(two.plan.control) as control:
        yield control


def use(host: Host) -> None:
    """Leave traces of every kind in a drive: on the tape, in its memories, for other hosts."""
    host.hear()
    for _ in range(30):
        assert host.write(bytes(range(256)) * 40).status == GOOD
        assert host.filemarks().status == GOOD
    host.rewind()
    host.read(100)
    host.space(1, 3)
    select = bytes(4) + bytes(8) + bytes((0x10, 14)) + bytes(14)
    host.send(bytes((0x15, 0x11, 0, 0, len(select), 0)), out=select)
    everything = host.send(bytes((0x1A, 0x08, 0x3F, 0, 255, 0)), size=255).data
    assert host.send(bytes((0x15, 0x11, 0, 0, len(everything), 0)), out=bytes(2) + everything[2:])
    register = bytes(8) + (7).to_bytes(8, "big") + bytes((0, 0, 0, 0, 1, 0, 0, 0))
    out = bytes((0x5F, 0, 0, 0, 0, 0, 0, 0, 24, 0))
    assert host.send(out, out=register).status == GOOD
    attribute = (0x0800).to_bytes(2, "big") + bytes((1, 0, 8)) + b"TESTERS "
    written = len(attribute).to_bytes(4, "big") + attribute
    cdb = bytes((0x8D, *bytes(9))) + len(written).to_bytes(4, "big") + bytes(2)
    assert host.send(cdb, out=written).status == GOOD
    key = bytes((0, 16, 0, 48, 0x40, 0, 2, 3, 1, *bytes(9), 0, 32)) + bytes(range(32))
    cdb = bytes((0xB5, 0x20, 0, 16, 0, 0)) + len(key).to_bytes(4, "big") + bytes(2)
    assert host.send(cdb, out=key).status == GOOD
    host.write(b"secret")
    host.send(bytes((0x1E, 0, 0, 0, 1, 0)))
    host.send(bytes(6))
    host.send(bytes((0x4C, 0x02, 0xC0, *bytes(7))))
    host.drive.alerts.raise_(3)
    host.send(
        bytes((0xA4, 0x0F, *bytes(4), 0, 0, 0, 12, 0, 0)), out=bytes(4) + b"\x01" * 6 + bytes(2)
    )


def answers(host: Host) -> dict[str, bytes]:
    """What a drive answers to whatever asks and changes nothing: mode, log, inquiry, security
    pages, attributes, reservations; how each command ends."""
    found: dict[str, bytes] = {}

    def ask(name: str, *cdb: int) -> bytes:
        reply = host.send(bytes(cdb), size=0x4000)
        code = b"" if reply.sense is None else str(reply.sense.code).encode()
        found[name] = bytes((reply.status,)) + code + reply.data
        return reply.data

    ask("ready", *bytes(6))
    for control in range(4):
        ask(f"mode {control}", 0x5A, 8, control << 6 | 0x3F, 0xFF, 0, 0, 0, 0x40, 0, 0)
    for page in ask("vpd", 0x12, 1, 0, 1, 0, 0)[4:]:
        ask(f"vpd {page:02x}", 0x12, 1, page, 0x10, 0, 0)
    pages = ask("logs", 0x4D, 0, 0x40, 0, 0, 0, 0, 0x40, 0, 0)[4:]
    for page in pages:
        ask(f"log {page:02x}", 0x4D, 0, 0x40 | page, 0, 0, 0, 0, 0x40, 0, 0)
    for action in range(4):
        ask(f"reservations {action}", 0x5E, action, *bytes(5), 0x10, 0, 0)
    for page in (0x00, 0x01, 0x10, 0x11, 0x12, 0x20, 0x21, 0x30):
        ask(f"security {page:02x}", 0xA2, 0x20, 0, page, 0, 0, 0, 0, 0x40, 0, 0, 0)
    ask("attributes", 0x8C, *bytes(9), 0, 0, 0x40, 0, 0, 0)
    ask("position", 0x34, 6, *bytes(8))
    ask("densities", 0x44, *bytes(6), 0x40, 0, 0)
    ask("sense", 0x03, 0, 0, 0, 252, 0)
    ask("inquiry", 0x12, 0, 0, 0, 96, 0)
    ask("block", 0x08, 0, 0, 1, 0, 0)
    return found


OF_ITS_OWN = {"attributes", "log 17", "sense", "log 14", "security 30"}
"""What has in it the serial number of the medium, milliseconds with power, or a random key."""


@pytest.mark.parametrize("model", ["ibm/ult3580-td9", "hp/ultrium-6"])
def test_a_drive_is_as_when_it_was_started(tmp_path: Path, model: str) -> None:
    service, other = served(tmp_path / "used", model), served(tmp_path / "new", model)
    try:
        host, new = Host(service.drives["drive0"]), Host(other.drives["drive0"])
        expected = new.hear(), answers(new)
        use(host)
        assert answers(host).items() - expected[1].items(), "nothing was left"
        with Control(service.plan.control) as bench:
            bench.call("rig.reset")
        assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
        found = answers(host)
        assert found.keys() == expected[1].keys()
        differs = {name for name, data in found.items() if data != expected[1][name]}
        assert differs <= OF_ITS_OWN, {name: (found[name], expected[1][name]) for name in differs}
        # Somebody else, who has heard of nothing yet, finds a drive that was powered on.
        stranger = Host(service.drives["drive0"], "stranger")
        assert stranger.hear() == expected[0] == [s.POWER_ON, s.MEDIUM_MAY_HAVE_CHANGED]
        file = Path(service.plan.drives[0].state or "")
        assert '"modes"' not in file.read_text() and '"reservations"' not in file.read_text()
    finally:
        service.close()
        other.close()


def test_it_takes_little_time(two: Service, bench: Control, say: Say) -> None:
    host, taken = Host(two.drives["drive0"]), []
    for _ in range(5):
        host.hear()
        for _ in range(50):
            assert host.write(bytes(10240)).status == GOOD
        began = time.monotonic()
        bench.call("rig.reset")
        taken.append(time.monotonic() - began)
    say(f"reset of two drives, one with half a MiB: {min(taken) * 1000:.1f} ms")
    assert min(taken) < 2


def test_a_reset_ends_what_waits(two: Service, bench: Control) -> None:
    host = Host(two.drives["drive0"])
    host.hear()
    bench.call("rig.add_fault", fault={"kind": "hang", "unit": "drive0", "command": "READ(6)"})
    replies = []
    waiting = threading.Thread(target=lambda: replies.append(host.read(1)))
    waiting.start()
    while not bench.call("rig.faults")[0]["struck"]:
        pass
    bench.call("rig.reset")
    waiting.join(60)
    assert replies and replies[0].status
    assert bench.call("rig.faults") == []


def test_what_is_kept_is_not_thrown_away(tmp_path: Path) -> None:
    service = served(tmp_path, disposable=False)
    try:
        host = Host(service.drives["drive0"])
        host.hear()
        host.write(b"precious")
        wanted = pytest.raises(Refusal, match="run it without --state")
        with Control(service.plan.control) as bench, wanted as refused:
            bench.call("rig.reset")
        assert refused.value.kind is Kind.REFUSED
        host.rewind()
        assert host.read(8).data == b"precious"
    finally:
        service.close()


def test_by_hand(two: Service, bench: Control) -> None:
    def refused(call: str, **told: str) -> str:
        with pytest.raises(Refusal) as raised:
            bench.call(call, **told)
        assert raised.value.kind is Kind.REFUSED
        return str(raised.value)

    first, second = Host(two.drives["drive0"]), Host(two.drives["drive1"])
    first.hear()
    second.hear()
    assert first.write(b"x").status == GOOD
    bench.call("rig.eject", drive="drive0")
    assert str(first.ready().sense.code).startswith("2/3A/00")  # type: ignore[union-attr]  # it has
    bench.call("rig.insert", drive="drive1", barcode="KRL000L9")
    assert second.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert second.read(1).data == b"x"
    units = {one["name"]: one["cartridge"] for one in bench.call("rig.units")}
    assert units == {"drive0": None, "drive1": "KRL000L9"}
    assert refused("rig.insert", drive="drive1", barcode="KRL001L9") == (
        "there is a cartridge in drive1: eject it first"
    )
    assert "is in use by another drive" in refused("rig.insert", drive="drive0", barcode="KRL000L9")
    assert refused("rig.eject", drive="drive0").endswith("insert one first")
    second.send(bytes((0x1E, 0, 0, 0, 1, 0)))
    assert "a host prevents that drive1 is unloaded" in refused("rig.eject", drive="drive1")
    assert refused("rig.power_cycle", unit="tower") == (
        "the rig has no 'tower': name one of drive0, drive1"
    )
    bench.call("rig.power_cycle", unit="drive1")
    assert second.hear() == [s.POWER_ON, s.MEDIUM_MAY_HAVE_CHANGED]
    assert second.position() == 0
    bench.call("rig.reset")
    units = {one["name"]: one["cartridge"] for one in bench.call("rig.units")}
    assert units == {"drive0": "KRL000L9", "drive1": None}


def test_typed(keyreel: Keyreel, tower: Library) -> None:
    assert {row["kind"] for row in keyreel("rig units --json").rows} == {"drive", "changer"}
    assert "drive0" in keyreel("rig units").out
    assert "its robot move the cartridge" in keyreel("rig eject drive0", status=1).err
    assert keyreel("rig power-cycle drive0").out == "drive0 has lost power and has it back\n"
    assert "run it without --state" in keyreel("rig reset", status=1).err

"""keyreel trace replay: the same drive answers the same; of another each difference is told."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.initiators.api import TIMEOUT, Reply
from harness.initiators.inprocess import InProcess
from harness.rig import Rig
from harness.trace.ignoring import DEFAULT
from harness.trace.reader import read
from harness.trace.replaying import Replay
from target.scsi import sense as s
from target.serve import Service
from target.shelf import stock
from tests.encryption.keys import keys_off, set_keys, set_page, spout
from tests.tape.host import Host
from tests.trace.conftest import Traced, Typed, traced

SAMPLE = Path(__file__).parents[2] / "fixtures" / "traces" / "one-lto9.jsonl"
RIG = """
[rig]
name = "other"
guest = "none"
{more}

[[cartridge]]
barcode = "KRL001{media}"
capacity = "64MiB"

[[drive]]
name = "drive0"
model = "{model}"
cartridge = "KRL001{media}"
"""


@pytest.fixture
def rig_file(tmp_path: Path) -> Callable[..., Path]:
    def write(model: str = "ibm/ult3580-td9", media: str = "L9", more: str = "") -> Path:
        path = tmp_path / "other.toml"
        path.write_text(RIG.format(model=model, media=media, more=more))
        return path

    return write


def play(rig: Traced) -> None:
    """Blocks short and long, with two keys and without, read back right and wrong."""
    host = rig.host
    host.hear()
    noise = random.Random(9)
    one, two = (noise.randbytes(32) for _ in range(2))
    set_keys(host, one, a_kad=b"one")
    host.write(noise.randbytes(1000))
    host.write(noise.randbytes(200_000))
    set_keys(host, two, u_kad=b"two")
    host.write(noise.randbytes(5000))
    keys_off(host)
    host.write(b"in clear")
    host.filemarks()
    host.rewind()
    set_keys(host, one)
    host.read(1000)
    host.read(262_144)
    host.read(5000)
    set_keys(host, two, decryption=3)
    host.read(100)
    host.read(5000)
    host.read(1 << 20)
    host.read(100)
    host.read(100)
    spout(host, set_page(encryption=2, key=one[:17]))


def test_the_same_drive_answers_the_same(
    typed: Typed, rig: Traced, rig_file: Callable[..., Path]
) -> None:
    play(rig)
    status, out, _ = typed("replay", rig.path, rig_file())
    assert status == 0, out
    assert out.startswith(f"{len(rig.commands) - 1} commands of drive0 sent to ")
    assert ": 0 answered otherwise" in out
    assert "left out: lists with keys that are no proper page (1)" in out
    assert "not compared: serial (serial numbers and names of units and media)" in out


def test_another_target(typed: Typed, rig_file: Callable[..., Path]) -> None:
    status, out, _ = typed("replay", SAMPLE, f"{rig_file()}:drive0")
    assert (status, ": 0 answered otherwise" in out) == (0, True), out


@pytest.mark.parametrize(
    ("model", "media", "product"),
    [("ibm/ult3580-td5", "L5", "from byte 26"), ("hp/ultrium-6", "L6", "from byte 8")],
)
def test_of_another_model_the_differences_are_told(
    typed: Typed, rig_file: Callable[..., Path], model: str, media: str, product: str
) -> None:
    file = rig_file(model, media)
    status, out, _ = typed("replay", SAMPLE, file)
    assert status == 1
    lines = out.splitlines()
    (at,) = (n for n, line in enumerate(lines) if "INQUIRY" in line and "GOOD" in line)
    assert f"data-in {product}" in lines[at + 1]
    assert " in the trace: " in lines[at + 1]
    assert " of the target: " in lines[at + 2]
    before = out.count("of the target:")
    _, out, _ = typed("replay", SAMPLE, file, "--ignore", "product")
    assert out.count("of the target:") == before - 1


def changed(trace: Path, number: int, **values: object) -> None:
    """Let a line of the trace say something else."""
    lines = trace.read_text().splitlines()
    record = json.loads(lines[number])
    lines[number] = json.dumps({**record, **values})
    trace.write_text("\n".join(lines) + "\n")


def test_each_kind_of_difference(
    typed: Typed, tmp_path: Path, rig_file: Callable[..., Path]
) -> None:
    trace = tmp_path / "trace"
    trace.write_bytes(SAMPLE.read_bytes())
    records = list(read(trace).records)
    inquiry, end = (
        next(n for n, one in enumerate(records, 1) if getattr(one, "cdb", b"")[:1] == code)
        for code in (b"\x12", b"\x34")
    )
    lines = SAMPLE.read_text().splitlines()
    page = json.loads(lines[inquiry])["in"]
    changed(trace, inquiry, **{"in": page[:-2]})
    changed(trace, end, status=2, sense="70000500000000000000000024000000")
    first = json.loads(lines[1])["sense"]
    changed(trace, 1, sense=first[:24] + "2a" + first[26:])
    status, out, _ = typed("replay", trace, rig_file())
    assert status == 1
    assert "length of data-in in the trace: 95 bytes" in out
    assert "status in the trace: 5/24/00 INVALID FIELD IN CDB" in out
    assert "status of the target: GOOD" in out
    assert "sense data in the trace: 6/2A/00" in out
    assert ": 3 answered otherwise" in out


def test_several_initiators_and_resets(
    typed: Typed, rig: Traced, rig_file: Callable[..., Path]
) -> None:
    other = Host(rig.host.unit, "host1")
    rig.host.hear()
    other.hear()
    rig.host.send(bytes.fromhex("160000000000"))
    assert other.write(b"conflict").status == 0x18
    rig.host.unit.nexus_lost(rig.host.nexus)
    assert other.write(b"no conflict").status == 0
    rig.host.hear()
    rig.host.unit.reset(s.DEVICE_RESET)
    assert rig.host.hear() == [s.DEVICE_RESET]
    assert other.hear() == [s.DEVICE_RESET]
    status, out, _ = typed("replay", rig.path, rig_file())
    assert status == 0, out
    assert "left out: reset" not in out


def test_over_iscsi(typed: Typed, rig: Traced, rig_file: Callable[..., Path]) -> None:
    """Two nexuses, two sessions, another way in."""
    play(rig)
    Host(rig.host.unit, "host1").hear()
    loaded = Rig.load(rig_file(more='transport = "iscsi"\n[iscsi]\nport = 0'))
    folder = rig.path.parent / "state"
    plan = loaded.plan(folder)
    (folder / "run").mkdir(parents=True)
    stock(plan)
    service = Service(plan)
    try:
        (way,) = service.transports
        _, portal, target = way.ways()[0].split()
        status, out, _ = typed("replay", rig.path, f"iscsi://{portal}/{target}")
    finally:
        service.close()
    assert status == 0, out


def test_unit_attentions_that_do_not_matter(
    typed: Typed, tmp_path: Path, rig_file: Callable[..., Path]
) -> None:
    """A trace that began when all attentions had been heard."""
    part = tmp_path / "part"
    typed("filter", SAMPLE, "-o", part, "--from", list(read(SAMPLE).records)[2].t)
    status, out, _ = typed("replay", part, rig_file())
    assert status == 1
    assert "status of the target: 6/29/00" in out
    status, out, _ = typed("replay", part, rig_file(), "--ignore", "attention")
    assert status == 0, out


class Padding(InProcess):
    """As the kernel: the buffer is full with CHECK CONDITION, of whatever was in it."""

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> Reply:
        reply = super().send(cdb, out=out, size=size, timeout=timeout)
        return reply._replace(data=reply.data.ljust(size, b"x")) if reply.status else reply


def test_a_way_that_does_not_say_how_much_came(tmp_path: Path) -> None:
    with traced(tmp_path, on=False) as rig:
        run = Replay(Padding(rig.host.unit), frozenset(DEFAULT), vague=True)
        assert list(run.of(read(SAMPLE).records)) == []
        assert run.count == 27
    (tmp_path / "again").mkdir()
    with traced(tmp_path / "again", on=False) as rig:
        run = Replay(Padding(rig.host.unit), frozenset(DEFAULT))
        assert {one.what for one in run.of(read(SAMPLE).records)} == {"length of data-in"}


def test_errors_of_the_user(typed: Typed, rig_file: Callable[..., Path]) -> None:
    file = rig_file()
    for words, status, said in (
        ((SAMPLE, "/dev/null"), 125, "/dev/null"),
        ((SAMPLE, file, "--ignore", "all"), 2, "all is nothing: use serial, time"),
        ((SAMPLE, file, "--cdb", "erase"), 2, "is chosen: choose otherwise"),
        ((SAMPLE, f"{file}:drive1"), 125, "drive1"),
    ):
        ended, _, err = typed("replay", *words)
        assert (ended, said in err) == (status, True), err

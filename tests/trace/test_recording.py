"""What a trace says of commands: all of them, in order, and nothing when it is off."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import threading
from pathlib import Path

import pytest

from harness.trace.reader import Command, TraceError, parse, read
from target.bench import Bench
from target.library.errors import OperatorError
from tests.tape.host import CHECK, GOOD, TD9, Host
from tests.trace.conftest import Traced, traced


def test_header(rig: Traced) -> None:
    header = rig.trace.header
    (unit,) = header.units
    assert (header.rig, header.seed) == ("traced", 7)
    assert (unit.name, unit.kind, unit.model, unit.serial) == ("drive0", "drive", TD9, "KRL0000001")


def test_a_command_and_its_answer(rig: Traced) -> None:
    rig.host.hear()
    reply = rig.host.send(bytes.fromhex("120000002400"), size=36)
    last = rig.commands[-1]
    assert last.cdb == bytes.fromhex("120000002400")
    assert (last.unit, last.nexus, last.port) == ("drive0", "host0", "port1")
    assert (last.status, last.sense, last.data.head, last.room) == (GOOD, b"", reply.data, 36)
    assert last.position == (0, 0)
    assert last.t >= 0
    assert last.took >= 0


def test_sense_data_and_position(rig: Traced) -> None:
    rig.host.hear()
    rig.host.write(b"block")
    rig.host.read(100)
    first, _, write, read_ = rig.commands[0], *rig.commands[-3:]
    assert first.status == CHECK
    assert first.sense[2] == 6
    assert (write.out.head, write.position) == (b"block", (0, 1))
    assert read_.sense[2] & 0xF == 8


def test_long_blocks_are_told_by_their_digest(rig: Traced) -> None:
    rig.host.hear()
    block = os.urandom(100_000)
    rig.host.write(block)
    rig.host.rewind()
    rig.host.read(len(block))
    commands = rig.commands
    for data in (commands[-3].out, commands[-1].data):
        assert (data.length, data.head) == (len(block), block[:4096])
        assert data.sha256 == hashlib.sha256(block).hexdigest()
    assert commands[-1].room == len(block)


def test_buffers_in_pieces_are_one(rig: Traced) -> None:
    rig.host.hear()
    block = bytes(range(250)) * 20
    cut = (block[:3], block[3:4000], b"", block[4000:])
    rig.host.pieces(bytes((0x0A, 0, *len(block).to_bytes(3, "big"), 0)), out=cut)
    out = rig.commands[-1].out
    assert (out.head, out.length) == (block[:4096], 5000)
    assert out.sha256 == hashlib.sha256(block).hexdigest()


def test_cdbs_that_are_none(rig: Traced) -> None:
    for cdb in (b"", b"\x12", b"\xa3", bytes(300), b"\xff" * 16):
        rig.host.send(cdb, out=b"abc", size=10)
    assert [one.cdb for one in rig.commands[-5:]] == [
        b"", b"\x12", b"\xa3", bytes(300), b"\xff" * 16
    ]  # fmt: skip


def test_lines_of_many_threads_are_whole_and_numbered(rig: Traced) -> None:
    def work(name: str) -> None:
        host = Host(rig.host.unit, name)
        for _ in range(200):
            host.send(bytes.fromhex("120000002400"), size=36)

    threads = [threading.Thread(target=work, args=[f"host{n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = list(rig.trace.records)
    assert [one.n for one in records] == list(range(1, len(records) + 1))
    assert len(records) == 800


def test_the_file_is_its_owners(tmp_path: Path) -> None:
    old = tmp_path / "trace.jsonl"
    old.write_text("something else")
    old.chmod(0o644)
    with traced(tmp_path) as rig:
        assert stat.S_IMODE(rig.path.stat().st_mode) == 0o600
        assert "something" not in rig.path.read_text()


def test_off_there_is_nothing(tmp_path: Path) -> None:
    with traced(tmp_path, on=False) as rig:
        assert rig.host.drive.interposers == ()
        assert rig.host.drive.listener is None
        rig.host.ready()
    assert not rig.path.exists()


def test_a_full_disk_ends_the_trace_and_no_command(
    rig: Traced, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig.host.hear()
    before = len(rig.commands)

    def full(fd: int, data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("target.trace.writer.os.write", full)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert rig.host.ready().status == GOOD
    monkeypatch.undo()
    assert rig.host.ready().status == GOOD
    (line,) = caplog.messages
    assert line == f"the trace {rig.path} ends here: No space left on device"
    assert len(rig.commands) == before
    assert rig.service.tracing is not None
    with pytest.raises(ValueError, match="ended before: it could not be written any more"):
        rig.service.tracing.stop()


def test_a_cut_line_ends_it(rig: Traced) -> None:
    rig.host.ready()
    rig.host.ready()
    data = rig.path.read_bytes()
    rig.path.write_bytes(data[:-10])
    assert len(rig.commands) == 1


def test_what_is_no_trace(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for text in (
        "",
        "hello\n",
        "{}\n",
        '{"trace": 2, "rig": "", "seed": 0, "start": 0, "units": []}',
        '{"trace": 1, "rig": 5, "seed": 0, "start": 0, "units": []}',
        '{"trace": 1, "rig": "", "seed": 0, "start": 1e300, "units": []}',
    ):
        file.write_text(text)
        with pytest.raises(TraceError, match=str(file)):
            read(file)
    with pytest.raises(TraceError, match="cannot be read"):
        read(tmp_path / "none")


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"{}",
        b"[]",
        b'{"kind": "command"}',
        b'{"kind": "key"}',
        b"\xff\xfe",
        b'{"n":1,"t":0,"unit":"","kind":"command","nexus":"","port":"","took":0,"cdb":"0","out":"",'
        b'"in":"","status":0,"sense":"","position":[]}',
    ],
)
def test_a_line_that_is_none(rig: Traced, line: bytes) -> None:
    rig.path.write_bytes(rig.path.read_bytes() + line + b"\n")
    with pytest.raises(TraceError, match=r"line 2: no record"):
        list(rig.trace.records)


SOME = {
    "n": 1, "t": 0.5, "unit": "drive0", "kind": "command", "nexus": "host0", "port": "port1",
    "took": 0.1, "cdb": "000000000000", "out": "", "in": "", "status": 0, "sense": "",
    "position": [0, 0], "room": 0, "redacted": [], "keys": [],
}  # fmt: skip
LONG = {"length": 9, "head": "00", "sha256": ""}
WRONG: tuple[tuple[str, object], ...] = (
    ("n", None), ("t", None), ("t", "soon"), ("t", -1), ("t", 1e300), ("t", float("nan")),
    ("unit", 5), ("kind", 5), ("nexus", 5), ("port", None), ("took", "long"), ("took", -1),
    ("status", 256), ("status", "GOOD"), ("position", [0]), ("position", ["a", "b"]),
    ("room", -1), ("room", "x"), ("out", {**LONG, "length": -1}), ("out", {**LONG, "length": "9"}),
    ("in", {**LONG, "length": 1 << 50}), ("in", {**LONG, "sha256": 5}), ("redacted", [[0, 1]]),
)  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG, ids=[f"{key} {value}" for key, value in WRONG])
def test_a_field_that_will_not_do(key: str, value: object) -> None:
    parse(json.dumps(SOME))
    parse(json.dumps(SOME | {"out": LONG}))
    with pytest.raises((ValueError, TypeError)):
        parse(json.dumps(SOME | {key: value}))


def test_begun_and_ended_while_the_rig_runs(tmp_path: Path) -> None:
    with traced(tmp_path, on=False) as rig:
        service, host = rig.service, rig.host
        bench = Bench(service.plan, service.drives, service.libraries, service.tracing)
        host.hear()
        with pytest.raises(OperatorError, match="no trace is written"):
            bench.stop_trace()
        assert bench.start_trace(str(rig.path)) == str(rig.path)
        with pytest.raises(OperatorError, match="stop it first"):
            bench.start_trace(str(tmp_path / "other"))
        host.rewind()
        assert bench.stop_trace() == str(rig.path)
        host.ready()
        assert [one.cdb[0] for one in rig.commands] == [0x01]
        assert host.drive.interposers == ()
        with pytest.raises(OperatorError, match="name another file"):
            bench.start_trace(str(tmp_path / "no" / "folder"))
        os.mkfifo(tmp_path / "fifo")
        for file in (tmp_path / "fifo", "/dev/null"):
            with pytest.raises(OperatorError, match=f"the trace {file} cannot be written"):
                bench.start_trace(str(file))
        bench.start_trace(str(rig.path))
        host.ready()
        assert [one.cdb[0] for one in rig.commands] == [0x00]


def test_others_that_see_commands_stay(tmp_path: Path) -> None:
    with traced(tmp_path, on=False) as rig:
        seen = []

        def other(run, nexus, cdb, data_out, data_in):  # type: ignore[no-untyped-def]  # an interposer
            seen.append(cdb)
            return run(nexus, cdb, data_out, data_in)

        rig.host.drive.interpose([other])
        assert rig.service.tracing is not None
        rig.service.tracing.start(rig.path)
        rig.host.ready()
        rig.service.tracing.stop()
        rig.host.ready()
        assert rig.host.drive.interposers == (other,)
    assert len(seen) == 2
    assert len(rig.commands) == 1
    assert isinstance(rig.commands[0], Command)

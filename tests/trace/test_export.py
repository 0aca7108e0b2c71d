"""An exported trace, as tshark decodes it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from harness.trace.reader import Command, read
from tests.tape.host import CHECK, Host
from tests.trace.conftest import Traced, Typed

SAMPLE = Path(__file__).parents[2] / "fixtures" / "traces" / "one-lto9.jsonl"
LENGTH = "iscsi.scsicommand.expecteddatatransferlength"
TAPE = "scsi.decode_scsi_messages_as:Sequential Device"

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(file: Path, wanted: str, *fields: str) -> list[list[str]]:
    """The fields of the packets that a display filter lets through."""
    words = ["tshark", "-n", "-r", str(file), "-o", TAPE, "-Y", wanted, "-T", "fields"]
    for field in fields or ("frame.number",):
        words += ["-e", field]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def export(typed: Typed, trace: Path, output: Path) -> list[Command]:
    status, out, _ = typed("export", trace, "-o", output)
    commands = [one for one in read(trace).records if isinstance(one, Command)]
    assert status == 0
    assert out.startswith(f"{output}: {len(commands)} commands, ")
    return commands


def test_every_command_status_and_sense(typed: Typed, rig: Traced, tmp_path: Path) -> None:
    rig.host.hear()
    other = Host(rig.host.unit, "iqn.2026-01.org.example:other")
    other.hear()
    block = os.urandom(300_000)
    for length in (1, 512, 4097, 32_768, 32_769, 300_000):
        rig.host.write(block[:length])
    rig.host.filemarks()
    other.rewind()
    for room in (10, 512, 4097, 65_536, 32_769, 300_000, 99):
        rig.host.read(room)
    other.send(bytes.fromhex("ff0000000000"))
    other.send(bytes.fromhex("120000006000"), size=96)
    file = tmp_path / "out.pcapng"
    commands = export(typed, rig.path, file)

    rows = tshark(file, "iscsi.opcode==0x01", LENGTH, "ip.src")
    assert len(rows) == len(commands)
    assert Counter(ip for *_, ip in rows) == Counter(
        f"10.0.0.{1 + ('other' in one.nexus)}" for one in commands
    )
    assert [int(length, 0) for length, _ in rows] == [
        one.out.length or one.room for one in commands
    ]
    answers = tshark(
        file, "iscsi.opcode==0x21", "iscsi.scsiresponse.status", "scsi.sns.key", "scsi.sns.ascascq"
    )
    assert [int(row[0], 0) for row in answers] == [one.status for one in commands]
    assert [
        (int(key, 0), int(code, 0)) for status, key, code in answers if int(status, 0) == CHECK
    ] == [
        (one.sense[2] & 0xF, one.sense[12] << 8 | one.sense[13])
        for one in commands
        if one.status == CHECK
    ]
    assert tshark(file, "_ws.malformed") == []
    assert tshark(file, "tcp.analysis.flags") == []
    logins = tshark(file, "iscsi.opcode==0x23", "iscsi.login.status")
    assert [row[0] for row in logins] == ["0x0000"] * 2


def test_data_are_where_they_belong(typed: Typed, rig: Traced, tmp_path: Path) -> None:
    rig.host.hear()
    rig.host.write(b"\x5a" * 100_000)
    rig.host.rewind()
    rig.host.read(100_000)
    file = tmp_path / "out.pcapng"
    export(typed, rig.path, file)
    moved = tshark(
        file,
        "iscsi.opcode==0x05 or iscsi.opcode==0x25",
        "iscsi.opcode", "iscsi.bufferOffset", "iscsi.datasegmentlength", "frame.len",
        "frame.cap_len",
    )  # fmt: skip
    whole = [(int(op, 0), int(at, 0), int(length, 0)) for op, at, length, _, _ in moved]
    assert whole == [
        (0x05, 32_768, 32_768), (0x05, 65_536, 32_768), (0x05, 98_304, 1696),
        (0x25, 0, 32_768), (0x25, 32_768, 32_768), (0x25, 65_536, 32_768), (0x25, 98_304, 1696),
    ]  # fmt: skip
    assert [int(row[3]) for row in moved] == [88 + length for _, _, length in whole]
    first_in = moved[3]
    assert int(first_in[4]) == 88 + 4096, "only what was traced is captured"


def test_tape_commands_are_told_as_such(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    commands = export(typed, SAMPLE, file)
    rows = tshark(file, "scsi_ssc.opcode", "scsi_ssc.opcode", "iscsi.opcode")
    # Of SECURITY PROTOCOL IN it does not know the name.
    tape = [one.cdb[0] for one in commands if one.cdb[0] != 0xA2]
    said = [code.partition(",")[0] for code, kind in rows if kind == "0x01"]
    assert [int(code, 0) for code in said] == tape


def test_events_and_keys_are_comments(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    export(typed, SAMPLE, file)
    said = "\n".join(row[0] for row in tshark(file, "frame.comment", "frame.comment"))
    assert "key put: by" in said
    assert "bytes 20 to 51 of data-out may be a key, and are zeros here" in said


def test_of_part_of_a_trace(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    status, out, _ = typed("export", SAMPLE, "-o", file, "--cdb", "write", "--unit", "drive0")
    assert status == 0
    assert out.startswith(f"{file}: 6 commands, 1 session\n")
    assert len(tshark(file, "iscsi.opcode==0x01")) == 6


def test_cdbs_of_all_lengths(typed: Typed, rig: Traced, tmp_path: Path) -> None:
    for length in (1, 6, 17, 32, 260, 5000):
        rig.host.send(bytes((0x7F,)) * length, out=b"data", size=4)
    file = tmp_path / "out.pcapng"
    export(typed, rig.path, file)
    assert len(tshark(file, "iscsi.opcode==0x01")) == 6
    lengths = tshark(file, "iscsi.opcode==0x01", "iscsi.totalahslength")
    assert [int(row[0], 0) * 4 for row in lengths] == [0, 0, 8, 20, 248, 248]


def test_where_it_cannot_be_written(typed: Typed, tmp_path: Path) -> None:
    status, _, err = typed("export", SAMPLE, "-o", tmp_path / "no" / "file")
    assert status == 2
    assert "cannot be written" in err

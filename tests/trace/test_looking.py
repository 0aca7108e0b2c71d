"""keyreel trace show, filter and stats."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.trace import fields, names
from harness.trace.reader import Command, read
from tests.runs import Say
from tests.tape.host import Host
from tests.trace.conftest import Traced, Typed

SAMPLE = Path(__file__).parents[2] / "fixtures" / "traces" / "one-lto9.jsonl"


def test_a_line_a_command(typed: Typed) -> None:
    status, out, _ = typed("show", SAMPLE)
    lines = out.splitlines()
    assert status == 0
    assert len(lines) == len(list(read(SAMPLE).records))
    assert "TEST UNIT READY" in lines[0]
    assert lines[0].endswith("6/29/00 POWER ON, RESET, OR BUS DEVICE RESET OCCURRED")
    (write,) = (line for line in lines if "131072 bytes" in line)
    assert write.split()[3:] == ["0:5", "WRITE(6)", "131072", "bytes", "GOOD"]
    assert any("** key put: by" in line for line in lines)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--cdb", "write"), {"WRITE(6)"}),
        (("--cdb", "SPACE(6)"), {"SPACE(6)"}),
        (("--cdb", "0x08"), None),
        (("--cdb", "b5"), {"SECURITY PROTOCOL OUT"}),
        (("--cdb", "read position", "--cdb", "REWIND"), {"READ POSITION", "REWIND"}),
        (("--errors", "--cdb", "security_protocol_out"), {"SECURITY PROTOCOL OUT"}),
        (("--kind", "command", "--unit", "drive0", "--cdb", "12h"), {"INQUIRY"}),
    ],
)
def test_chosen_commands(
    typed: Typed, tmp_path: Path, options: tuple[str, ...], expected: set[str] | None
) -> None:
    status, _, err = typed("filter", SAMPLE, "-o", tmp_path / "part", *options)
    if expected is None:
        assert status == 2
        assert "no command is called 0x08" in err
        return
    assert status == 0
    records = read(tmp_path / "part").records
    assert {names.name(one.cdb) for one in records if isinstance(one, Command)} == expected


def test_chosen_kinds_and_times(typed: Typed, tmp_path: Path) -> None:
    part = tmp_path / "part"
    typed("filter", SAMPLE, "-o", part, "--kind", "key", "--kind", "medium")
    assert {one.kind for one in read(part).records} == {"key", "medium"}
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    every = list(read(SAMPLE).records)
    begin, end = every[5].t, every[9].t
    typed("filter", SAMPLE, "-o", part, "--from", begin, "--to", end)
    assert list(read(part).records) == [one for one in every if begin <= one.t <= end]
    assert read(part).header == read(SAMPLE).header


def test_errors_of_the_user(typed: Typed, tmp_path: Path) -> None:
    for words, said in (
        (("show", tmp_path / "none"), "cannot be read"),
        (("show", tmp_path / ("x" * 300)), "cannot be read: File name too long"),
        (("export", SAMPLE, "-o", tmp_path / ("x" * 300)), "cannot be written: File name too long"),
        (("show", SAMPLE, "--unit", "drive1"), "its units are drive0"),
        (("show", SAMPLE, "--kind", "keys"), "keys is no kind: use command"),
        (("show", SAMPLE, "--nexus", "nobody", "--cdb", "x"), "no command is called x"),
        (("filter", SAMPLE, "-o", SAMPLE), "name another file"),
        (("export", SAMPLE, "-o", SAMPLE), "name another file"),
        (("filter", SAMPLE, "-o", tmp_path / "no" / "file"), "cannot be written"),
    ):
        status, out, err = typed(*words)
        assert status == 2
        assert said in err
        assert err.startswith("keyreel: ")
        assert out == ""


def test_a_pipe_is_no_trace(typed: Typed, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    status, _, err = typed("show", tmp_path / "pipe")
    assert (status, err.endswith("is read more than once: name a file\n")) == (2, True)


def test_standard_output_is_full() -> None:
    words = (sys.executable, "-m", "harness", "trace", "stats", str(SAMPLE))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, check=False, stdout=full, stderr=subprocess.PIPE, text=True)
    said = "keyreel: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (125, said)


@pytest.mark.parametrize(
    ("options", "count"), [(("inquiry",), "1 command"), (("rewind",), "3 commands")]
)
def test_one_is_told_as_one(typed: Typed, options: tuple[str, ...], count: str) -> None:
    assert typed("stats", SAMPLE, "--cdb", *options)[1].startswith(f"{count} in ")


def test_fields_in_words(typed: Typed) -> None:
    _, out, _ = typed("show", SAMPLE, "-v", "--cdb", "b5")
    assert "Set Data Encryption page: page_code 16 (10h)" in out
    assert "data-out bytes 20 to 51 may be a key: they are not in the trace" in out
    assert "INVALID FIELD IN PARAMETER LIST" in out


def test_fields_without_scapy(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "has_layers", lambda: False)
    status, out, err = typed("show", SAMPLE, "-v", "--cdb", "inquiry")
    assert status == 0
    assert "CDB 12 00 00 00 60 00" in out
    assert "data-in 01 80 06 02" in out
    assert err == "keyreel: for all fields in words: pip install 'keyreel[scapy]'\n"


def test_stats(typed: Typed, rig: Traced) -> None:
    rig.host.hear()
    other = Host(rig.host.unit, "host1")
    other.hear()
    for _ in range(3):
        rig.host.write(bytes(1000))
    rig.host.read(1000)
    status, out, _ = typed("stats", rig.path)
    rows = {line[:9].strip(): line.split() for line in out.splitlines()}
    assert status == 0
    assert rows["WRITE(6)"][1:3] == ["3", "3000"]
    assert rows["READ(6)"][1:3] == ["1", "1"]
    assert rows["drive0  h"][1] in ("host0", "host1")
    assert out.startswith(f"{len(rig.commands)} commands in ")


def test_every_command_of_the_drive_has_its_name(rig: Traced) -> None:
    for row in rig.host.unit.commands:
        cdb = bytes((row.opcode, row.service_action or 0)).ljust(row.size, b"\0")
        said = names.name(cdb)
        if not said.startswith("command"):
            assert names.words(cdb).startswith(said)
            assert names.is_known(said)
            assert names.is_called(cdb, said)
            plain = "".join(filter(str.isalpha, row.name.partition("(")[0]))
            assert "".join(filter(str.isalpha, said.partition("(")[0])) == plain, row.name
        else:
            assert row.opcode >= 0xC0, row.name


def test_a_hundred_thousand_lines(typed: Typed, tmp_path: Path, say: Say) -> None:
    first, *lines = SAMPLE.read_text().splitlines(keepends=True)
    short = [line for line in lines if len(line) < 2000]
    long = tmp_path / "long"
    with long.open("w") as file:
        file.write(first)
        for n in range(100_000):
            file.write(short[n % len(short)])
    begun = time.perf_counter()
    _, out, _ = typed("show", long, "--cdb", "SPACE(6)")
    took = time.perf_counter() - begun
    assert len(out.splitlines()) == sum(
        json.loads(short[n % len(short)]).get("cdb", "").startswith("11") for n in range(100_000)
    )
    say(f"trace: 100,000 lines are looked through in {took:.1f} s")


def test_looking_loads_no_target() -> None:
    assert "harness.trace.looking" in sys.modules
    code = (
        "import sys; from harness.trace import looking, exporting;"
        "print([one for one in sys.modules if one.startswith(('target', 'scapy', 'rich'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""The page of a traced run: what it tells, how long and large it gets, how it looks."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import keyreel
from harness.report.bins import MOST, Bins, busy
from harness.report.digest import digest
from harness.report.page import render
from harness.trace.reader import read
from tests.pages import holds_together, picture, size_of
from tests.report.workload import make
from tests.runs import Say

BIG = 100_000
SAMPLE = Path(__file__).parents[2] / "fixtures" / "traces" / "one-lto9.jsonl"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("report"))


def test_a_run_is_told(state: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = CliRunner().invoke(keyreel, ["report", str(state), "-o", str(page)])
    assert (done.exit_code, done.output.startswith(str(page))) == (0, True), done.output
    text = page.read_text(encoding="utf-8")
    run = digest(read(state / "run" / "trace.jsonl"))
    assert f"{run.commands} commands, {run.errors} errors" in done.output
    for words in (
        "drive0, backup",
        "drive0, monitor",
        "drive1, backup",
        "Tape position, drive1",
        "3/11/00 UNRECOVERED READ ERROR",
        "7/74/01 UNABLE TO DECRYPT DATA",
        "a scratch on the tape",
        "KRL001L9",
        "encryption disable",
    ):
        assert words in text, words
    assert bytes(range(32)).hex() not in text
    assert run.written == 270 * 65536
    assert run.units["drive1"].errors == 1


def test_the_page_can_be_read_on_any_screen(state: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(digest(read(state / "run" / "trace.jsonl"))), encoding="utf-8")
    holds_together(page)


def test_its_picture(state: Path, tmp_path: Path, pictures: Path | None) -> None:
    page, made = tmp_path / "report.html", (pictures or tmp_path) / "report.png"
    page.write_text(render(digest(read(state / "run" / "trace.jsonl"))), encoding="utf-8")
    picture(page, made, 1100, 1500)
    assert size_of(made) == (1100, 1500)
    assert 20_000 < made.stat().st_size < 300_000


def big(path: Path) -> None:
    """A trace of many commands in eight minutes."""
    rolls = random.Random(3)
    units = [{"name": f"drive{n}", "kind": "drive", "model": "m", "serial": "s"} for n in range(4)]
    head = {"trace": 1, "rig": "big", "seed": 3, "start": 1.79e9, "units": units}
    data = {"length": 262144, "head": "00", "sha256": "00"}
    t, place = 0.0, [0] * 4
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head) + "\n")
        for n in range(1, BIG + 1):
            t += rolls.expovariate(200)
            unit, wrong = rolls.randrange(4), n % 97 == 0
            place[unit] = 0 if n % 20000 == 0 else place[unit] + 1
            line = {
                "n": n, "t": t, "unit": f"drive{unit}", "kind": "command", "port": "p",
                "nexus": f"host{n % 3}", "took": rolls.random() / 200,
                "cdb": "0a0004000000", "out": data, "in": "", "status": 2 * wrong,
                "sense": "700003000000000a000000000c00" * wrong, "position": [0, place[unit]],
            }  # fmt: skip
            file.write(json.dumps(line) + "\n")


def test_a_hundred_thousand_commands(tmp_path: Path, say: Say) -> None:
    big(tmp_path / "trace.jsonl")
    began = time.monotonic()
    text = render(digest(read(tmp_path / "trace.jsonl")))
    say(f"report of {BIG} commands: {time.monotonic() - began:.1f} s, {len(text) / 1e6:.2f} MB")
    assert len(text.encode()) < 2 << 20
    assert "100,000" in text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path / "none", "none: there is no such file: name a trace, or a state fold"),
        (lambda path: path / ("x" * 300), "cannot be read: File name too long"),
        (lambda path: path, "has no trace: run the rig with --trace, or write trace = true in"),
    ],
)
def test_a_run_without_a_trace_is_said(
    tmp_path: Path, make: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(make)
    done = CliRunner().invoke(keyreel, ["report", str(make(tmp_path))])
    assert done.exit_code == 2
    assert said in done.output


def test_the_trace_itself_is_not_overwritten(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_bytes(SAMPLE.read_bytes())
    done = CliRunner().invoke(keyreel, ["report", str(trace), "-o", str(trace)])
    assert done.exit_code == 2
    assert trace.read_bytes() == SAMPLE.read_bytes()


def test_one_is_told_as_one(tmp_path: Path) -> None:
    first, *lines = SAMPLE.read_text().splitlines(keepends=True)
    trace = tmp_path / "trace.jsonl"
    trace.write_text(first + next(line for line in lines if '"sense":"700005' in line))
    done = CliRunner().invoke(keyreel, ["report", str(trace), "-o", str(tmp_path / "page")])
    assert done.output.endswith("page: 1 command, 1 error\n")
    assert "The error<" in (tmp_path / "page").read_text()


def test_bins_keep_everything_in_few() -> None:
    bins = busy()
    for number in range(10_000):
        one = bins.at(number * 0.37)
        one.count += 1
    assert isinstance(bins, Bins)
    assert len(bins) <= MOST
    assert sum(one.count for _, one in bins) == 10_000
    starts = [start for start, _ in bins]
    assert starts == sorted(starts) and starts[-1] <= 3700

"""Our own models keep to the standards: by iSCSI, in a guest, and whatever the order of checks."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.conform.check import Outcome
from harness.conform.checks import all_checks
from harness.conform.results import Run, counted
from harness.conform.runner import NEEDS_SCRATCH, Runner
from harness.initiators.opening import open_initiator
from tests.conform.models import MODELS, rig
from tests.e2e.tools import rig_guest
from tests.portal import portal as served
from tests.runs import Say

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def portal(memory: Path) -> Iterator[str]:
    """Where an iSCSI server has the drives, each as ...:name."""
    folder = memory / "conform"
    folder.mkdir()
    with served(rig(*MODELS), folder) as address:
        yield address


def failures(run: Run) -> str:
    return "\n".join(f"{one.check.id}: {one.summary}" for one in run.having(Outcome.FAIL))


@pytest.mark.parametrize("name", MODELS)
def test_no_check_fails_by_iscsi(portal: str, name: str, say: Say) -> None:
    with open_initiator(f"{portal}:{name}") as initiator:
        run = Runner(initiator, scratch=True, timeout=120.0).run(all_checks().values())
    say(f"conform {name} by iSCSI: {counted(run.counts)}, {run.seconds:.1f} s")
    assert not run.having(Outcome.FAIL), failures(run)
    assert not run.ended_early
    assert len(run.results) >= 400
    encryption = [one for one in run.results if one.check.topic.startswith("encryption")]
    assert len(encryption) >= 150


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For a rig and its state."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_without_scratch_the_tape_stays_as_it_is(folder: Path) -> None:
    (folder / "rig.toml").write_text(rig("lto5"))
    read, rewind = bytes([8, 0, 0, 1, 0, 0]), b"\x01" + bytes(5)
    modes = bytes([0x5A, 0, 0x3F, 0xFF, 0, 0, 0, 0x10, 0, 0])
    with open_initiator(str(folder / "rig.toml")) as initiator:
        while initiator.send(bytes(6)).status:
            pass
        data = random.Random(1).randbytes(256)
        assert initiator.send(bytes([0x0A, 0, 0, 1, 0, 0]), out=data).status == 0
        before = initiator.send(modes, size=4096)
        run = Runner(initiator).run(all_checks().values())
        after = initiator.send(modes, size=4096)
        assert initiator.send(rewind).status == 0
        assert initiator.send(read, size=256).data == data
        ended = initiator.send(read, size=256)
    assert after == before
    assert ended.sense[2] & 0x0F == 8
    assert not run.having(Outcome.FAIL), failures(run)
    left_out = [one for one in run.results if one.reason == NEEDS_SCRATCH]
    assert {one.check.id for one in left_out} == {
        check.id for check in all_checks().values() if check.scratch and check.kind == "tape"
    }


def test_the_order_of_checks_does_not_matter(folder: Path, say: Say) -> None:
    seed = random.SystemRandom().getrandbits(32)
    say(f"conform in another order: --shuffle {seed}")
    (folder / "rig.toml").write_text(rig("lto9"))
    with open_initiator(str(folder / "rig.toml")) as initiator:
        run = Runner(initiator, scratch=True, seed=seed).run(all_checks().values())
    assert not run.having(Outcome.FAIL), f"--shuffle {seed}\n{failures(run)}"


@pytest.mark.parametrize(
    ("unit", "kind", "least"), [("drive0", "tape", 400), ("finance", "changer", 150)]
)
def test_an_empty_drive_and_a_changer(
    folder: Path, unit: str, kind: str, least: int, say: Say
) -> None:
    with open_initiator(f"{ROOT / 'fixtures/rigs/library.toml'}:{unit}") as initiator:
        run = Runner(initiator, scratch=True).run(all_checks().values())
    say(f"conform of a {run.identity.kind}, {run.identity.volume}: {counted(run.counts)}")
    assert run.identity.kind == kind
    assert not run.having(Outcome.FAIL), failures(run)
    assert run.counts[Outcome.PASS] >= least


@pytest.mark.guest
def test_no_check_fails_in_a_guest(tmp_path: Path, say: Say) -> None:
    with rig_guest(rig(*MODELS), tmp_path / "guest") as guest:
        nodes = [f"{name}={guest.devices[name].sg}" for name in MODELS]
        command = [sys.executable, "-m", "tests.conform.in_guest", *nodes]
        done = guest.run(command, cwd=ROOT, timeout=600.0)
    assert done.status == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    for name, one in told.items():
        counts = Counter({Outcome(word): count for word, count in one["counts"].items()})
        say(f"conform {name} in a guest: {counted(counts)}, {one['seconds']:.1f} s")
    assert told.keys() == MODELS.keys()
    wrong = [f"{name}: {text}" for name, one in told.items() for text in one["failed"]]
    assert not wrong, "\n".join(wrong)
    assert not any(one["ended_early"] for one in told.values())

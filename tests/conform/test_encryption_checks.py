"""The encryption checks: on drives of other makers, where hosts set no keys, what they leave behind
of keys, and that each defect of encryption is found by the check that is meant for it (those of
`tests/conform/test_mutations.py` are found there)."""

from __future__ import annotations

import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.conform.check import Check, Outcome
from harness.conform.checks import all_checks
from harness.conform.encryption import KEY_A, KEYS
from harness.conform.encryption_pages import Status
from harness.conform.results import Result, Run, counted
from harness.conform.runner import Runner
from harness.initiators.inprocess import InProcess
from harness.initiators.opening import open_initiator
from target.faults.defects import DEFECTS, MUTATIONS
from tests.conform.test_mutations import failing
from tests.e2e.tools import cartridge, rig_text
from tests.encryption import keys
from tests.runs import Say
from tests.tape.host import Host, tape

ROOT = Path(__file__).parents[2]
OTHERS = {
    "ibm/ult3580-td8-n4q0": "KRL001L8",
    "quantum/ultrium-6": "KRL001L6",
    "stk/t9840d": "KRL001R1",
}
"""Models that are not among the five of `tests/conform/models.py`."""
OUTSIDE = (
    ("ibm/ult3580-td9", "KRL001L9", "library"),
    ("ibm/ts1160", "KRL001JE", "system"),
    ("stk/t10000b", "KRL001T1", "agent"),
)
FOUND_BY = {
    "public-keeps-key": "ENC-SCOPE-PUBLIC-RELEASES",
    "disable-ignored": "ENC-SCOPE-ALL-OFF",
    "key-length-accepted": "ENC-SET-KEY-31",
    "algorithm-accepted": "ENC-SET-ALGORITHM",
    "mode-accepted": "ENC-SET-ENCRYPTION-03",
    "kad-accepted": "ENC-SET-KAD-TWICE",
    "list-reserved-accepted": "ENC-SET-SCOPE-3",
    "list-length-accepted": "ENC-SET-LENGTH-LONG",
    "ckod-without-volume": "ENC-SET-CKOD-EMPTY",
    "ckorl-ignored": "ENC-CKORL-RELEASE",
    "ckorp-ignored": "ENC-CKORP-PREEMPT",
    "nexus-loss-keeps-key": "ENC-NEXUS-LOSS-LOCAL",
    "external-in-clear": "ENC-EXTERNAL-COPY",
    "decrypt-as-mixed": "ENC-READ-CLEAR-BOT-DISABLE-DECRYPT",
    "mixed-as-decrypt": "ENC-READ-CLEAR-BOT-DISABLE-MIXED",
    "raw-decrypted": "ENC-RAW-HIDDEN",
    "no-key-reads": "ENC-READ-KEY-BOT-DISABLE-DISABLE",
    "wrong-key-sense": "ENC-READ-OTHER-BOT-DISABLE-DECRYPT",
    "no-key-sense": "ENC-READ-KEY-BOT-DISABLE-DISABLE",
    "counter-stuck": "ENC-COUNTER-SAME-KEY",
    "status-scope-wrong": "ENC-STATUS-SCOPE-ALL",
    "status-modes-swapped": "ENC-STATUS-MODES-DISABLE-DECRYPT",
    "vcelb-missing": "ENC-STATUS-VCELB-ENCRYPTED",
    "next-block-clear": "ENC-NEXT-OFF",
    "next-block-number": "ENC-NEXT-CLEAR",
    "kad-order": "ENC-KAD-STATUS-BOTH",
    "kad-authenticated": "ENC-KAD-AUTHENTICATED-A-KAD-KEY",
    "kad-cut": "ENC-KAD-STATUS-U",
    "spin-length-cut": "ENC-IN-0020-ALLOCATION",
    "spin-page-accepted": "ENC-IN-UNLISTED-20",
    "spin-pages-incomplete": "ENC-IN-LIST",
    "capabilities-key-size": "ENC-CAP-KEY-SIZE-USED",
    "key-half": "ENC-READ-KEY-CHANGED-BIT",
    "kads-stay": "ENC-KAD-STATUS-NONE",
    "kads-of-others": "ENC-KAD-STATUS-NEXUS",
    "counter-of-others": "ENC-COUNTER-OTHER",
    "ckod-stays": "ENC-CKOD-REPLACED",
    "public-releases-all": "ENC-STATUS-SCOPE-PUBLIC",
    "read-ahead-kept": "ENC-SCOPE-READ-AHEAD",
    "refused-read-moves": "ENC-READ-AGAIN",
    "vcelbre-ignored": "ENC-WRITE-VCELBRE",
    "next-block-before-space": "ENC-NEXT-SPACE",
}
"""Defects of encryption, and the check that has to find each of them."""
READING = {0x00, 0x01, 0x03, 0x12, 0x1E, 0x44, 0x5A, 0x5E, 0xA2, 0xA3}
"""Commands that change nothing on a tape and no key; the runner rewinds and allows removal."""


@pytest.fixture(autouse=True)
def in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state of rigs that an initiator opens is where the test's own files are."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def encryption_checks() -> list[Check]:
    return [one for one in all_checks().values() if one.topic.startswith("encryption")]


def run(
    folder: Path,
    model: str,
    barcode: str,
    checks: Iterable[Check],
    *,
    control: str = "",
    scratch: bool = True,
) -> Run:
    drive = f'name = "drive0"\nmodel = "{model}"\ncartridge = "{barcode}"\n'
    if control:
        drive += f'encryption = "{control}"\n'
    path = folder / "rig.toml"
    path.write_text(rig_text("keys", drive, cartridges=cartridge(barcode)))
    with open_initiator(str(path)) as initiator:
        return Runner(initiator, scratch=scratch).run(checks)


def failed(run: Run) -> list[str]:
    return [f"{one.check.id}: {one.summary}" for one in run.having(Outcome.FAIL)]


@pytest.mark.parametrize("model", OTHERS)
def test_other_makers(tmp_path: Path, model: str, say: Say) -> None:
    """A quarter of the checks, another one each time."""
    seed = random.SystemRandom().getrandbits(32)
    every = encryption_checks()
    done = run(tmp_path, model, OTHERS[model], random.Random(seed).sample(every, len(every) // 4))
    say(f"encryption checks of {model}, seed {seed}: {counted(done.counts)}")
    assert not failed(done), f"seed {seed}"


@pytest.mark.parametrize(("model", "barcode", "control"), OUTSIDE)
def test_keys_from_outside(tmp_path: Path, model: str, barcode: str, control: str) -> None:
    done = run(tmp_path, model, barcode, encryption_checks(), control=control)
    assert not failed(done)
    left_out = done.having(Outcome.NOT_APPLICABLE)
    assert len(left_out) > len(done.results) // 2
    assert all(one.reason for one in left_out)


def test_a_drive_without_encryption(tmp_path: Path) -> None:
    done = run(tmp_path, "hp/ultrium-3", "KRL001L3", encryption_checks())
    applicable = [one for one in done.results if one.outcome is not Outcome.NOT_APPLICABLE]
    assert [(one.check.id, one.outcome) for one in applicable] == [("ENC-NONE", Outcome.WARNING)]


def test_no_key_is_kept(tmp_path: Path) -> None:
    """Whatever of a page was wrong, the exchanges that a report shows have no part of its key."""
    chosen = [
        one
        for one in encryption_checks()
        if one.id.startswith(("ENC-SET", "ENC-SECRET", "ENC-OUT"))
    ]
    done = run(tmp_path, "ibm/ult3580-td9", "KRL001L9", chosen)
    assert not failed(done)
    sent = [one for result in done.results for one in result.exchanges]
    assert any(one.cdb[0] == 0xB5 for one in sent)
    parts = {key[at : at + 4] for key in KEYS.values() for at in range(len(key) - 3)}
    for one in sent:
        data = one.out + (one.reply.data + one.reply.sense if one.reply else b"")
        windows = {data[at : at + 4] for at in range(len(data) - 3)}
        assert not windows & parts, one.cdb.hex()


def test_without_scratch_no_key_is_sent(tmp_path: Path) -> None:
    done = run(tmp_path, "ibm/ult3580-td9", "KRL001L9", encryption_checks(), scratch=False)
    assert not failed(done)
    assert len(done.having(Outcome.PASS)) >= 40
    used = {one.cdb[0] for result in done.results for one in result.exchanges}
    assert used <= READING, {f"{one:02X}h" for one in used - READING}


def test_without_scratch_the_key_of_another_host_stays() -> None:
    """Of whatever area the checks are, and when a run is interrupted."""

    def interrupt(result: Result, done: int, every: int) -> None:
        raise KeyboardInterrupt

    with tape() as host:
        other = Host(host.drive, "other")
        other.hear()
        assert not keys.spout(other, keys.set_page(encryption=2, decryption=2, key=KEY_A)).status
        runner = Runner(InProcess(host.drive))
        assert not failed(runner.run(all_checks().values()))
        with pytest.raises(KeyboardInterrupt):
            runner.run(encryption_checks(), interrupt)
        other.hear()
        assert Status.of(keys.spin(other, 0x20)).modes == (2, 2)


def test_each_defect_is_found() -> None:
    ours = {
        name
        for name, one in DEFECTS.items()
        if one.apply.__module__
        in ("target.faults.defects_encryption", "target.faults.defects_keys")
    }
    assert ours == set(FOUND_BY) | ours & set(MUTATIONS), "each has its check"
    checks = {name: all_checks()[id] for name, id in FOUND_BY.items()}
    assert failing(None, list(checks.values())) is None, "without a defect they pass"
    missed = [name for name, check in checks.items() if failing(name, [check]) is not check]
    assert not missed


def test_the_page_of_the_manual_has_every_topic() -> None:
    text = (ROOT / "docs" / "conform-encryption.md").read_text()
    told = {
        match[1]: int(match[2]) for match in re.finditer(r"^\| ([^|]+) \| (\d+) \|", text, re.M)
    }
    counts = Counter(one.topic.removeprefix("encryption: ") for one in encryption_checks())
    assert told == counts

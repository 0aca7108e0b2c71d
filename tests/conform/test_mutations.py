"""The checks find a drive that misbehaves: each of thirty defects, one at a time, fails a check.

A defect is found by the first check that fails; that check passes on a drive without it. Checks
that are about the same thing come first, which only saves time.
"""

from __future__ import annotations

import pytest

from harness.conform.check import Check, Outcome
from harness.conform.checks import all_checks
from harness.conform.results import Result
from harness.conform.runner import Runner
from harness.initiators.inprocess import InProcess
from target.faults.board import Faults
from target.faults.defects import DEFECTS, MUTATIONS
from tests.runs import Say
from tests.tape.host import TD9, tape

ENOUGH = 29
FIRST = {
    "residual-missing": "READ-SHORT",
    "ili-missing": "READ-SHORT",
    "sili-ignored": "READ-",
    "filemark-bit-missing": "READ-FILEMARK",
    "early-warning-missing": "WRITE-",
    "end-of-data-key": "READ-",
    "space-wrong-side": "SPACE-",
    "locate-beyond-end": "LOCATE-",
    "position-off-by-one": "POS",
    "erase-ignored": "ERASE-",
    "write-protect-ignored": "WRITE-PROTECT",
    "prevent-ignored": "LOAD-",
    "reserved-bits-accepted": "OP-RESERVED",
    "field-sense-wrong": "ENC-IN-UNLISTED",
    "field-pointer-wrong": "ENC-IN-UNLISTED",
    "additional-length-wrong": "INQ-",
    "vpd-unknown-accepted": "VPD-",
    "mode-select-ignored": "MODE-",
    "reservations-ignored": "RESERVE-",
    "attention-twice": "UA-",
    "lock-ignored": "ENC-LOCK",
    "scope-ignored": "ENC-STATUS-SCOPE",
    "ckod-ignored": "ENC-CKOD",
    "reset-keeps-key": "ENC-RESET",
    "stored-in-clear": "ENC-NEXT",
    "wrong-key-reads": "ENC-READ-OTHER",
    "ceem-ignored": "ENC-CEEM",
    "rdmc-ignored": "ENC-RDMC",
    "key-change-silent": "ENC-UA",
    "kad-missing": "ENC-KAD",
}
"""How the checks begin that are to be tried first."""
MODELS = {"write-protect-ignored": "ibm/ts1160"}
"""Where the usual model has nothing that could be checked: its hosts cannot protect a volume."""


class Found(Exception):
    """A check has failed."""

    def __init__(self, check: Check) -> None:
        self.check = check


def failing(defect: str | None, checks: list[Check], model: str = TD9) -> Check | None:
    """The first check that fails on a drive with that defect."""

    def watch(result: Result, done: int, all_: int) -> None:
        if result.outcome is Outcome.FAIL:
            raise Found(result.check)

    with tape(model) as host:
        if defect is not None:
            Faults({"drive0": host.drive}, 1).add(kind="defect", defect=defect)
        try:
            Runner(InProcess(host.drive), scratch=True).run(checks, watch)
        except Found as found:
            return found.check
    return None


def ordered(checks: list[Check], defect: str) -> list[Check]:
    begin = FIRST.get(defect, "-")
    return sorted(checks, key=lambda check: not check.id.startswith(begin))


@pytest.fixture(scope="module")
def checks() -> list[Check]:
    return list(all_checks().values())


def test_thirty_defects_stand_for_all() -> None:
    assert len(MUTATIONS) == len(set(MUTATIONS)) == 30
    assert set(MUTATIONS) <= set(DEFECTS)
    assert set(FIRST) == set(MUTATIONS)


def test_the_checks_find_defects(checks: list[Check], say: Say) -> None:
    found: dict[str, Check | None] = {}
    passing: dict[str, list[Check]] = {}
    for defect in MUTATIONS:
        model = MODELS.get(defect, TD9)
        found[defect] = check = failing(defect, ordered(checks, defect), model)
        passing.setdefault(model, []).extend([check] if check is not None else [])
    for model, some in passing.items():
        assert failing(None, some, model) is None, "without a defect they pass"
    for defect, check in found.items():
        say(f"{defect:24} {check.id if check else 'not found'}")
    caught = sum(check is not None for check in found.values())
    say(f"{caught} of {len(MUTATIONS)} defects of a drive found by a check")
    assert caught >= ENOUGH

"""Several hosts at one drive, the same situations by every way in; what came of them at the end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from target.plan import IscsiPlan, RigPlan
from target.transports.iscsi.names import target_name
from target.transports.iscsi.server import IscsiServer
from tests.e2e.tools import cartridge, rig_text
from tests.hosts import page
from tests.hosts.play import PASSED, play
from tests.hosts.situation import EVENTS, HOSTS, Situation
from tests.hosts.table import SITUATIONS
from tests.hosts.ways import InProcess, Sessions
from tests.hosts.words import ACTIONS
from tests.runs import Say
from tests.tape.host import tape

ROOT = Path(__file__).parents[2]
BARCODE = "KRL001L9"
DRIVE = f'name = "drive0"\nmodel = "ibm/ult3580-td9"\ncartridge = "{BARCODE}"\nhosts = {len(HOSTS)}'
WAYS = ("in process", "iSCSI", "TCMU")

Outcomes = dict[tuple[str, str], str]
"""By way and situation."""

every_situation = pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    """What came of each, for the table at the end."""
    return {}


@pytest.fixture(scope="module")
def in_process() -> Iterator[InProcess]:
    with tape() as host:
        yield InProcess(host.drive)


@pytest.fixture(scope="module")
def by_iscsi() -> Iterator[Sessions]:
    plan = RigPlan("hosts", 1, (), (), run="", iscsi=IscsiPlan(port=0))
    with tape() as host:
        server = IscsiServer(plan, {"drive0": host.drive})
        try:
            sessions = Sessions(host.drive, server.address, target_name("hosts", "drive0"))
            yield sessions
            sessions.close()
        finally:
            server.close()


@pytest.fixture(scope="module")
def by_tcmu(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """All of them, played by one process in a guest."""
    folder = tmp_path_factory.mktemp("hosts")
    rig = folder / "rig.toml"
    rig.write_text(rig_text("hosts", DRIVE, cartridges=cartridge(BARCODE)), encoding="utf-8")
    with open_state(folder / "state") as state, make_guest(Rig.load(rig), state) as guest:
        names = ["drive0", *(f"drive0@{number}" for number in range(1, len(HOSTS)))]
        done = guest.run(
            [sys.executable, "-m", "tests.hosts.in_guest", *(guest.devices[n].sg for n in names)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=300,
        )
    assert done.status == 0, done.stderr.decode()
    found: dict[str, str] = json.loads(done.stdout)
    return found


def judge(outcomes: Outcomes, way: str, situation: Situation, outcome: str) -> None:
    """Note it; a situation that the way cannot bring about is skipped, with the reason."""
    outcomes[way, situation.name] = outcome
    if outcome.startswith("cannot: "):
        pytest.skip(outcome)
    assert outcome == PASSED


@every_situation
def test_in_process(outcomes: Outcomes, in_process: InProcess, situation: Situation) -> None:
    judge(outcomes, "in process", situation, play(situation, in_process))


@every_situation
def test_by_iscsi(outcomes: Outcomes, by_iscsi: Sessions, situation: Situation) -> None:
    judge(outcomes, "iSCSI", situation, play(situation, by_iscsi))


@pytest.mark.guest
@every_situation
def test_by_tcmu(outcomes: Outcomes, by_tcmu: Mapping[str, str], situation: Situation) -> None:
    judge(outcomes, "TCMU", situation, by_tcmu[situation.name])


def test_what_came_of_them(outcomes: Outcomes, say: Say) -> None:
    """At the end of the run: situation by way."""
    say(matrix(outcomes))


def matrix(outcomes: Outcomes) -> str:
    """A line for each situation; reasons why it cannot be have a letter and stand below."""
    reasons: dict[str, str] = {}
    wide = max(len(one.name) for one in SITUATIONS)
    lines = ["", "situation".ljust(wide) + "".join(f"  {way:10}" for way in WAYS)]
    for one in SITUATIONS:
        cells = []
        for way in WAYS:
            outcome = outcomes.get((way, one.name), "not played")
            if outcome.startswith("cannot: "):
                letter = reasons.setdefault(outcome, "abcdefgh"[len(reasons)])
                outcome = f"cannot ({letter})"
            cells.append(outcome if outcome.startswith(("cannot", "not", PASSED)) else "FAILED")
        lines.append((one.name.ljust(wide) + "".join(f"  {cell:10}" for cell in cells)).rstrip())
    lines += [f"({letter}) {reason}" for reason, letter in reasons.items()]
    return "\n".join(lines)


# --- the table itself ----------------------------------------------------------------------------


def test_names_are_names_of_one_situation() -> None:
    assert len({one.name for one in SITUATIONS}) == len(SITUATIONS)


@every_situation
def test_a_situation_is_written_in_known_words(situation: Situation) -> None:
    for line in situation.lines():
        assert line.host in HOSTS
        assert line.action in EVENTS or line.action in ACTIONS
        assert line.seen


def test_a_wrong_expectation_fails(in_process: InProcess) -> None:
    """Also one that is only missing."""
    wrong = Situation("wrong", "A blocks 512\nB ready -> 6/2A/02")
    assert play(wrong, in_process) == "line 2, B ready: 6/2A/02 expected, not 6/2A/01"
    assert play(Situation("silent", "A clock"), in_process) == "at the end host B hears 2A/10"


def test_the_manual_tells_what_is_played() -> None:
    """Else: python -m tests.hosts.page."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.render(text) == text

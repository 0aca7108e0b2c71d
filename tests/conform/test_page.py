"""The page of a conformance run, looked at with a browser; its picture in the manual."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.conform import diff, page
from harness.conform.check import Outcome
from harness.conform.checks import all_checks
from harness.conform.exchange import Exchange
from harness.conform.results import Result, Run
from harness.conform.runner import Runner
from harness.initiators.opening import open_initiator
from tests.conform.models import rig
from tests.pages import holds_together, picture, size_of

DEFECT = '\n[[fault]]\nkind = "defect"\nunit = "lto9"\ndefect = "wrong-key-sense"\n'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of a drive that is not quite right."""
    file = tmp_path_factory.mktemp("page") / "lto9.toml"
    file.write_text(rig("lto9", more=DEFECT))
    chosen = [
        check
        for check in all_checks().values()
        if check.topic in {"reading", "writing", "inquiry", "encryption: reading", "commands"}
    ]
    with open_initiator(str(file)) as initiator:
        return Runner(initiator, target="/dev/sg0", scratch=True).run(chosen)


def test_the_page_can_be_read_on_any_screen(run: Run, tmp_path: Path) -> None:
    assert run.having(Outcome.FAIL), "a page without failures shows little"
    file = tmp_path / "conform.html"
    file.write_text(page.render(run), encoding="utf-8")
    assert file.stat().st_size < 3 << 20
    holds_together(file)


def test_the_page_of_a_comparison(run: Run, tmp_path: Path) -> None:
    other = Run(run.identity, run.started, True, 30.0)
    other.results = [replace(one, exchanges=renamed(one)) for one in run.results[10:]]
    file = tmp_path / "diff.html"
    file.write_text(diff.render(run, other), encoding="utf-8")
    assert "<td>Ultrium" in file.read_text(encoding="utf-8")
    holds_together(file)


def renamed(result: Result) -> tuple[Exchange, ...]:
    """What was sent and came, with another product in INQUIRY data."""
    return tuple(
        one._replace(reply=reply._replace(data=reply.data.replace(b"ULT3580", b"Ultrium")))
        for one in result.exchanges
        if (reply := one.reply)
    )


def test_its_picture(run: Run, tmp_path: Path, pictures: Path | None) -> None:
    file, made = tmp_path / "conform.html", (pictures or tmp_path) / "conform.png"
    file.write_text(page.render(run), encoding="utf-8")
    picture(file, made, 1100, 1250)
    assert size_of(made) == (1100, 1250)
    assert 20_000 < made.stat().st_size < 300_000

"""How a rig comes to have a trace: a key of the rig file, an option."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.rig import Rig, RigError
from target.plan import RigPlan

RIG = """
[rig]
name = "one"
{}
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
"""


def load(folder: Path, line: str) -> Rig:
    (folder / "rig.toml").write_text(RIG.format(line), encoding="utf-8")
    return Rig.load(folder / "rig.toml")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", None),
        ("trace = false", None),
        ("trace = true", "state/run/trace.jsonl"),
        ('trace = "here.jsonl"', "here.jsonl"),
        ('trace = "/tmp/there.jsonl"', "/tmp/there.jsonl"),
    ],
)
def test_the_key(tmp_path: Path, line: str, expected: str | None) -> None:
    plan = load(tmp_path, line).plan(tmp_path / "state")
    plan.save(tmp_path / "plan.json")
    wanted = None if expected is None else str(tmp_path / expected)
    assert RigPlan.load(tmp_path / "plan.json").trace == wanted


def test_the_option_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rig = load(tmp_path, "trace = true")
    assert rig.traced(Path("mine")).plan(tmp_path).trace == str(tmp_path / "mine")
    assert rig.traced(None) == rig


def test_what_it_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(RigError, match=r"trace in \[rig\]: 3 will not do"):
        load(tmp_path, "trace = 3")

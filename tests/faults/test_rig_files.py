"""[[fault]] in rig files, and keyreel fault at a rig that runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import keyreel
from harness.rig import Rig, RigError
from target.bench import Bench
from target.library.errors import OperatorError
from target.plan import FaultPlan, RigPlan
from target.serve import Service
from target.shelf import stock
from target.transports.inprocess import Initiator

RIG = """
[rig]
name = "faulty"
seed = 7
guest = "none"
transport = "iscsi"

[iscsi]
port = 0

[[cartridge]]
barcode = "KRL001L9"
capacity = "64MiB"

[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
cartridge = "KRL001L9"
"""
LIBRARY = """
[[library]]
name = "tower"
model = "spectra/t950"

[[library.partition]]
name = "shelf"
drives = ["drive0"]
slots = 2
"""
TWO = """
[[fault]]
kind = "sense"
unit = "drive0"
command = ["READ(6)", "13"]
nth = 2
code = "3/11/00"

[[fault]]
name = "later"
kind = "slow"
seconds = 5
after = 3600
probability = 0.5
"""


def load(folder: Path, text: str) -> Rig:
    file = folder / "rig.toml"
    file.write_text(text, encoding="utf-8")
    return Rig.load(file)


def test_faults_of_a_rig_reach_the_target(tmp_path: Path) -> None:
    plan = load(tmp_path, RIG + TWO).plan(tmp_path)
    sense, slow = plan.faults
    assert (sense.name, sense.command, sense.nth) == ("sense-1", ("READ(6)", "13"), 2)
    assert sense.options["code"] == "3/11/00"
    assert slow == FaultPlan(
        "later", "slow", after=3600.0, probability=0.5, options={"seconds": 5.0, "done": False}
    )
    plan.save(tmp_path / "plan.json")
    assert RigPlan.load(tmp_path / "plan.json").faults == plan.faults


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nth = 2", "kind in [[fault]] 1: is missing: add it"),
        ('kind = "odd"', "kind in [[fault]] 1: 'odd' will not do: use one of sense, "),
        ('kind = "hang"\ncode = "3/11/00"', "code in [[fault]] 1: is not known: use kind, name"),
        ('kind = "hang"\nunit = "drive7"', "unit in [[fault]] 1: there is no drive7 for that: use"),
        ('kind = "hang"\ncommand = "GO"', "command in [[fault]] 1: 'GO' is no command: write"),
        ('kind = "slow"\nseconds = "a"', "seconds in [[fault]] 1: 'a' will not do: write a number"),
        ('kind = "hang"\nname = "x"\n[[fault]]\nkind = "hang"\nname = "x"', "name in [[fault]] 2:"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RigError) as error:
        load(tmp_path, f"{RIG}\n[[fault]]\n{text}\n")
    assert told in str(error.value)


def test_units_may_be_libraries_and_changers(tmp_path: Path) -> None:
    rig = (RIG + LIBRARY).replace('cartridge = "KRL001L9"', "")
    for kind, unit in (("hang", "shelf"), ("hang", "tower"), ("power", "tower")):
        load(tmp_path, f'{rig}\n[[fault]]\nkind = "{kind}"\nunit = "{unit}"\n')
    with pytest.raises(RigError, match=r"unit in .* there is no shelf for that: use "):
        load(tmp_path, f'{rig}\n[[fault]]\nkind = "power"\nunit = "shelf"\n')


@pytest.fixture
def service(tmp_path: Path) -> Any:
    plan = replace(load(tmp_path, RIG + TWO).plan(tmp_path / "state"), disposable=True)
    (tmp_path / "state" / "run").mkdir(parents=True)
    stock(plan)
    service = Service(plan)
    yield service
    service.close()


def typed(state: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(keyreel, ["fault", *words, "--state", str(state)])
    return done.exit_code, done.output


def test_live_from_the_command_line(tmp_path: Path, service: Service) -> None:
    state = tmp_path / "state"
    host = Initiator(service.drives["drive0"])
    while host.send(bytes(6)).status:
        pass
    assert typed(state, "add", "status", "unit=drive0", "times=0", "command=REWIND,03") == (
        0,
        "status-1\n",
    )
    assert host.send(bytes((1, 0, 0, 0, 0, 0))).status == 0x08
    _, text = typed(state, "list")
    assert [line.split()[:5] for line in text.splitlines()] == [
        ["name", "unit", "command", "struck", "seen"],
        ["sense-1", "drive0", "READ(6),", "13", "0"],
        ["later", "*", "any", "0", "0"],
        ["status-1", "drive0", "REWIND,", "03", "1"],
    ]
    told = json.loads(typed(state, "list", "--json")[1])
    assert (told[2]["name"], told[2]["struck"]) == ("status-1", 1)
    assert typed(state, "remove", "status-1") == (0, "")
    assert host.send(bytes((1, 0, 0, 0, 0, 0))).status == 0
    code, text = typed(state, "remove", "status-1")
    assert (code, "there is no fault status-1" in text) == (1, True)
    for setting, said in (
        ("nth", "write KEY=VALUE"),
        ("=3", "write KEY=VALUE"),
        ("kind=hang", "kind is given twice"),
        ("nth=9999999999", "nth: 9999999999 will not do: at most 2147483647"),
    ):
        code, text = typed(state, "add", "status", setting)
        assert (code, said in text) == (2, True), text
    code, text = typed(tmp_path / "nowhere", "list")
    assert (code, "no rig runs at" in text) == (1, True)


def test_a_reset_of_the_rig_begins_anew(service: Service) -> None:
    from harness.control import Control

    with Control(service.plan.control) as control:
        control.call("rig.add_fault", fault={"kind": "remove-medium"})
        host = Initiator(service.drives["drive0"])
        host.send(bytes(6))
        assert service.drives["drive0"].cartridge is None
        control.call("rig.reset")
        assert [row["name"] for row in control.call("rig.faults")] == ["sense-1", "later"]
    assert [host.send(bytes(6)).status for _ in range(2)] == [2, 0], "there is a cartridge again"


def test_a_cartridge_that_a_fault_has_is_not_put_in_by_hand(service: Service) -> None:
    bench = Bench(service.plan, service.drives, {})
    service.faults.add(kind="remove-medium", unit="drive0")
    Initiator(service.drives["drive0"]).send(bytes(6))
    with pytest.raises(OperatorError, match="a fault has taken KRL001L9 out of drive0: remove"):
        bench.insert("drive0", "KRL001L9")


@pytest.mark.parametrize("what", ["kinds", "defects"])
def test_tables_are_printed(what: str) -> None:
    done = CliRunner().invoke(keyreel, ["fault", what])
    assert done.exit_code == 0
    for name in {"kinds": ("remove-medium", "3/11/00"), "defects": ("lock-ignored",)}[what]:
        assert name in done.output

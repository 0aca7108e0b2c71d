"""Which commands a fault strikes, and that the same ones are struck again."""

from __future__ import annotations

from typing import Any

import pytest

from target import personality
from target.clock import ManualClock
from target.faults.board import Faults
from target.faults.plans import FaultError
from target.tape import commands
from target.tape.drive import Drive
from tests.tape.host import TD9, Host, new_drive

READY, REWIND = bytes(6), bytes((1, 0, 0, 0, 0, 0))
OPCODES = bytes((0xA3, 0x0C)) + bytes(10)
TIMESTAMP = bytes((0xA3, 0x0F)) + bytes(10)


def struck(host: Host, cdb: bytes, times: int) -> list[int]:
    """Which of so many commands, from 1, end with BUSY."""
    return [n for n in range(1, times + 1) if host.send(cdb, size=64).status == 0x08]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, [1]),
        ({"nth": 3}, [3]),
        ({"nth": 2, "times": 3}, [2, 3, 4]),
        ({"every": 3, "times": 0}, [1, 4, 7, 10]),
        ({"nth": 2, "every": 4, "times": 2}, [2, 6]),
        ({"times": 0}, list(range(1, 11))),
    ],
)
def test_the_nth_and_every_so_manieth(
    host: Host, faults: Faults, when: dict[str, int], expected: list[int]
) -> None:
    fault = faults.add(kind="status", unit="drive0", command="TEST UNIT READY", **when)
    host.rewind()
    assert struck(host, READY, 10) == expected
    assert (fault.struck, fault.seen) == (len(expected), 10)


@pytest.mark.parametrize(
    ("named", "strikes", "passes"),
    [
        ("rewind", REWIND, READY),
        ("01", REWIND, READY),
        ("A3/0C", OPCODES, TIMESTAMP),
        ("REPORT TIMESTAMP", TIMESTAMP, OPCODES),
        ("A2/20", bytes((0xA2, 0x20)) + bytes(10), bytes((0xA2, 0x00)) + bytes(10)),
    ],
)
def test_commands_by_name_and_number(
    host: Host, faults: Faults, named: str, strikes: bytes, passes: bytes
) -> None:
    faults.add(kind="status", command=["ERASE(6)", named], times=0)
    assert not struck(host, passes, 1)
    assert struck(host, strikes, 1)


def test_only_those_of_a_nexus(host: Host, faults: Faults) -> None:
    faults.add(kind="status", nexus="other", times=0)
    assert not struck(host, READY, 3)
    assert struck(Host(host.drive, "other"), READY, 3) == [1, 2, 3]


def test_after_some_time_by_the_clock_of_the_unit() -> None:
    clock, model = ManualClock(), personality.load(TD9)
    drive = Drive(model, "KRL0000001", commands.of(model), clock=clock)
    host = Host(drive)
    faults = Faults({"drive0": drive})
    faults.add(kind="status", after=60, times=0)
    assert not struck(host, READY, 2)
    clock.sleep(59.9)
    assert not struck(host, READY, 2)
    clock.sleep(0.2)
    assert struck(host, READY, 2) == [1, 2]


def test_chance_comes_from_the_seed_the_name_and_the_unit() -> None:
    def run(seed: int, name: str, unit: str = "drive0") -> list[int]:
        host = Host(new_drive())
        Faults({unit: host.drive}, seed).add(
            kind="status", name=name, probability=0.3, times=0, command="TEST UNIT READY"
        )
        return struck(host, READY, 60)

    first = run(1, "some")
    assert 5 < len(first) < 35
    assert run(1, "some") == first
    assert run(2, "some") != first
    assert run(1, "other") != first
    assert run(1, "some", "drive1") != first


def test_each_unit_counts_for_itself() -> None:
    one, other = Host(new_drive()), Host(new_drive())
    faults = Faults({"drive0": one.drive, "drive1": other.drive, "x": Host(new_drive()).drive})
    fault = faults.add(kind="status", unit="*", nth=2, command="TEST UNIT READY")
    assert struck(one, READY, 3) == struck(other, READY, 3) == [2]
    assert fault.struck == 2
    grouped = Faults({"drive0": one.drive, "drive1": other.drive}, 0, {"tower": ["drive1"]})
    grouped.add(kind="status", unit="tower")
    assert not struck(one, READY, 1)
    assert struck(other, READY, 1)


def test_several_faults_at_one_command(host: Host, faults: Faults) -> None:
    faults.add(kind="tape-alert", flags=[4])
    faults.add(kind="status")
    assert struck(host, READY, 2) == [1]
    assert 4 not in host.drive.alerts.active, "the one that was set last answers first"
    faults.clear()
    faults.add(kind="status")
    faults.add(kind="tape-alert", flags=[4])
    assert struck(host, READY, 2) == [1]
    assert 4 in host.drive.alerts.active


def test_a_fault_that_is_removed_strikes_no_more(host: Host, faults: Faults) -> None:
    fault = faults.add(kind="status", times=0)
    assert struck(host, READY, 1)
    assert [one["name"] for one in faults.list()] == ["status-1"]
    fault.remove()
    assert not struck(host, READY, 3)
    assert faults.list() == []
    with pytest.raises(FaultError, match="there is no fault status-1: those there are: none"):
        faults.remove("status-1")


def test_faults_of_the_rig_begin_anew(host: Host, faults: Faults) -> None:
    plan = faults.add(kind="status", name="mine").plan
    faults.add(kind="hang", nth=9)
    assert struck(host, READY, 2) == [1]
    faults.renew([plan])
    assert [one["name"] for one in faults.list()] == ["mine"]
    assert struck(host, READY, 2) == [1]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "kind: is missing: add it, one of sense, "),
    ({"kind": "sens"}, "kind: 'sens' will not do: use one of sense, "),
    ({"kind": "sense"}, "code: is missing: add it: key, ASC and ASCQ"),
    ({"kind": "sense", "code": "3/11"}, "code: '3/11' is no sense code: write key, ASC"),
    ({"kind": "sense", "code": "3/11/00", "ili": 1}, "ili: 1 will not do: write true or false"),
    ({"kind": "hang", "code": "3/11/00"}, "code: is not known: use kind, name, unit, "),
    ({"kind": "hang", "nth": 0}, "nth: 0 will not do: write 1 or more"),
    ({"kind": "hang", "nth": True}, "nth: True will not do: write a whole number"),
    ({"kind": "hang", "times": -1}, "times: -1 will not do: write 0 or more"),
    ({"kind": "hang", "probability": 0}, "probability: 0.0 will not do: above 0, at most 1"),
    ({"kind": "hang", "unit": "drive7"}, "unit: there is no drive7: use * or one of drive0"),
    ({"kind": "hang", "command": "REED(6)"}, "command: 'REED(6)' is no command: write the"),
    ({"kind": "hang", "command": "A3/4C"}, "command: 'A3/4C' is no command: write the"),
    ({"kind": "hang", "command": []}, "command: [] will not do: write a text or a list"),
    ({"kind": "hang", "name": ""}, "name: '' will not do: write a text"),
    ({"kind": "slow", "seconds": -1}, "seconds: -1.0 will not do: write 0 or more"),
    ({"kind": "slow", "seconds": float("nan")}, "seconds: nan will not do: write 0 or more"),
    ({"kind": "slow", "seconds": float("inf")}, "seconds: inf will not do: write 2147483647 or"),
    ({"kind": "hang", "after": float("nan")}, "after: nan will not do: write 0 or more"),
    ({"kind": "torn", "partition": -1}, "partition: -1 will not do: write 0 or more"),
    ({"kind": "bit-flip", "object": -1}, "object: -1 will not do: write 0 or more"),
    ({"kind": "power", "when": "ever"}, "when: 'ever' will not do: use before, in, after"),
    ({"kind": "bit-flip", "bits": 0}, "bits: 0 will not do: write 1 or more"),
    ({"kind": "firmware", "revision": "N9"}, "revision: a revision is four printable ASCII"),
    ({"kind": "tape-alert", "flags": [65]}, "flags: '65' is no flag: write its number, 1 to 64"),
    ({"kind": "defect", "defect": "odd"}, "defect: 'odd' is no defect: see `keyreel fault de"),
]


@pytest.mark.parametrize(("table", "text"), WRONG, ids=[text[:40] for _, text in WRONG])
def test_what_will_not_do_is_told(faults: Faults, table: dict[str, Any], text: str) -> None:
    with pytest.raises(FaultError) as error:
        faults.add(**table)
    assert str(error.value).startswith(text)
    assert faults.list() == []


def test_a_name_is_for_one_fault(faults: Faults) -> None:
    faults.add(kind="status", name="mine")
    with pytest.raises(FaultError, match="name: 'mine' is used twice"):
        faults.add(kind="status", name="mine")
    assert [faults.add(kind="status").name for _ in range(2)] == ["status-1", "status-2"]

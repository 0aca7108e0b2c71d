"""A device comes and goes in a guest: events, nodes by any name, `keyreel devices`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.e2e.tools import Tools

pytestmark = pytest.mark.guest

ROOT = Path(__file__).parents[2]


def test_a_unit_comes_and_goes(field: dict[str, Tools]) -> None:
    unit = field["hp/ultrium-6"]
    done = unit.guest.run(
        [sys.executable, "-m", "tests.e2e.hotplug", "models", "hp6", unit.serial],
        cwd=ROOT,
        timeout=300.0,
    )
    assert done.status == 0, done.stderr.decode()
    listed, table, rest = done.stdout.decode().split("---\n")
    seen = json.loads(rest)
    first = [unit.serial, unit.tape, unit.sg]
    assert seen["before"] == [first]
    added, *second = seen["come"]
    assert added and second[0] == unit.serial and second[1:] != first[1:]
    assert seen["both"] == [first, second], "by the numbers of their hosts"
    assert seen["waited"] == first
    assert seen["found"] == [second] * 5, "by st, nst, nst0a, sg and a link"
    assert seen["gone"] == [False, *second]
    assert seen["found after"] == []
    rows = [row for row in json.loads(listed) if row["serial"] == unit.serial]
    assert [(row["tape"], row["sg"], row["by_id"]) for row in rows] == [
        (unit.tape, unit.sg, []), (second[1], second[2], ["/dev/tape/by-id/scsi-hot"]),
    ]  # fmt: skip
    assert (rows[0]["vendor"], rows[0]["product"]) == ("HP", "Ultrium 6-SCSI")
    words = [line.split() for line in table.splitlines()]
    assert words[0][:6] == ["serial", "vendor", "product", "tape", "changer", "sg"]
    assert [unit.serial, "HP", "Ultrium", "6-SCSI", unit.tape, "-", unit.sg, "-"] in words

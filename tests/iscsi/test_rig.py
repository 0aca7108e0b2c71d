"""The table [iscsi] of rig files."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.rig import Rig, RigError
from target.plan import IscsiPlan, RigPlan

RIG = """
[rig]
name = "one"
transport = "iscsi"
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
"""


def planned(folder: Path, table: str) -> RigPlan:
    """The plan of a rig with this table, as the target reads it."""
    (folder / "rig.toml").write_text(RIG + table, encoding="utf-8")
    plan = Rig.load(folder / "rig.toml").plan(folder)
    plan.save(folder / "plan.json")
    return RigPlan.load(folder / "plan.json")


def test_defaults(tmp_path: Path) -> None:
    plan = planned(tmp_path, "")
    assert plan.transports == ("iscsi",)
    assert plan.iscsi == IscsiPlan("127.0.0.1", 3260, None, False)


def test_credentials_are_relative_to_the_rig_file(tmp_path: Path) -> None:
    table = '[iscsi]\nlisten = "::1"\nport = 0\ninsecure = true\ncredentials = "some.toml"\n'
    assert planned(tmp_path, table).iscsi == IscsiPlan("::1", 0, str(tmp_path / "some.toml"), True)
    assert planned(tmp_path, '[iscsi]\ncredentials = "/etc/c"\n').iscsi.credentials == "/etc/c"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("[iscsi]\nport = 70000\n", r"port in \[iscsi\]: 70000 will not do"),
        ("[iscsi]\ncolour = 1\n", r"colour in \[iscsi\]: is not known: use listen, port, cred"),
        ("[[iscsi]]\n", r"\[iscsi\]"),
        ('iscsi = "x"\n' + "", "iscsi"),
    ],
)
def test_mistakes(tmp_path: Path, table: str, told: str) -> None:
    text = table + RIG if table.startswith("iscsi") else RIG + table
    (tmp_path / "rig.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RigError, match=told):
        Rig.load(tmp_path / "rig.toml")

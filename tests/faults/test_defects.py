"""Each defect changes what a host sees, and is gone without a trace when its fault is removed."""

from __future__ import annotations

import pytest

from target.faults.board import Faults
from target.faults.defects import DEFECTS
from target.faults.plans import FaultError
from target.scsi import sense as s
from tests.faults.probes import PROBES
from tests.tape.host import GOOD, sense_of, tape

SMALL = 4 << 20


def test_every_defect_is_probed() -> None:
    assert set(PROBES) == set(DEFECTS) - {"write-protect-ignored"}
    assert len(DEFECTS) >= 36


def test_defects_are_told_in_a_sentence() -> None:
    for defect in DEFECTS.values():
        assert defect.text.endswith("."), defect.name
        assert defect.text[0].isupper(), defect.name


@pytest.mark.parametrize("name", PROBES)
def test_a_defect_shows_and_goes(name: str) -> None:
    probe = PROBES[name]
    with tape(capacity=SMALL) as host:
        without = probe(host)
    with tape(capacity=SMALL) as host:
        Faults({"drive0": host.drive}).add(kind="defect", defect=name)
        assert probe(host) != without
    with tape(capacity=SMALL) as host:
        faults = Faults({"drive0": host.drive})
        faults.add(kind="defect", defect=name).remove()
        assert probe(host) == without
        assert not host.drive.interposers


def test_a_write_protected_volume_is_written() -> None:
    with tape(protect=True) as host:
        assert sense_of(host.write(b"block")).code is s.WRITE_PROTECTED
        fault = Faults({"drive0": host.drive}).add(kind="defect", defect="write-protect-ignored")
        assert host.write(b"block").status == GOOD
        fault.remove()
        host.drive.forget_checks()
        assert sense_of(host.write(b"block")).code is s.WRITE_PROTECTED


def test_nothing_is_left_of_any_of_them() -> None:
    with tape() as host:
        faults = Faults({"drive0": host.drive})
        before = {**vars(host.drive)}, {**vars(host.drive.parameters)}, host.drive._by_opcode.copy()
        for name in DEFECTS:
            fault = faults.add(kind="defect", defect=name)
            with pytest.raises(FaultError, match=f"drive0 has the defect {name} already"):
                faults.add(kind="defect", defect="lock-ignored")
            fault.remove()
        assert (vars(host.drive), vars(host.drive.parameters), host.drive._by_opcode) == before


def test_a_model_without_the_command() -> None:
    with tape("ibm/ult3580-td1") as host:
        faults = Faults({"drive0": host.drive})
        with pytest.raises(FaultError, match="has no command SECURITY PROTOCOL OUT"):
            faults.add(kind="defect", defect="algorithm-accepted")
        assert faults.list() == []

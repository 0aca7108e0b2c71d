"""Faults under the tools of a real kernel: of the rig, and live."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from harness.control import Control
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from tests.e2e.tools import Tools

RIG = """
[rig]
name = "faulty"
seed = 7

[[cartridge]]
barcode = "KRL001L9"
capacity = "64MiB"

[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
cartridge = "KRL001L9"

[[fault]]
kind = "sense"
unit = "drive0"
command = "READ(6)"
nth = 2
code = "3/11/00"
"""
FAR = 60.0


@pytest.mark.guest
def test_faults_under_a_kernel(tmp_path: Path) -> None:
    file = tmp_path / "faulty.toml"
    file.write_text(RIG, encoding="utf-8")
    work = tmp_path / "work"
    work.mkdir()
    with open_state(tmp_path / "state") as state, make_guest(Rig.load(file), state) as guest:
        tools = Tools(guest, work)
        tools.ok("dd if=/dev/zero of=$TAPE bs=64k count=4 2>/dev/null; mt -f $TAPE rewind")
        told = tools.ok("dd if=$TAPE of=/dev/null bs=64k 2>&1 || :")
        assert "Input/output error" in told
        assert "1+0 records in" in told
        control = state.folder / "run" / "control"
        thread = threading.Thread(target=hang_and_tell, args=[control, work])
        thread.start()
        tools.ok(
            "until [ -e set ]; do sleep 0.05; done; mt -f $TAPE rewind & "
            "until [ -e hung ]; do sleep 0.05; done; sg_reset --device $SG; wait"
        )
        thread.join()


def hang_and_tell(path: Path, work: Path) -> None:
    """Have REWIND hang on a drive none of whose commands could wait so far. From outside calls get
    through while a command runs."""
    with Control(path) as control:
        assert [fault["struck"] for fault in control.call("rig.faults")] == [1]
        control.call("rig.add_fault", fault={"kind": "hang", "command": "REWIND"})
        (work / "set").touch()
        deadline = time.monotonic() + FAR
        while not control.call("rig.faults")[1]["struck"] and time.monotonic() < deadline:
            pass
    (work / "hung").touch()

"""Operators of a library in a guest: commands beside the others, and from this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.guest

Keyreel = Callable[..., "subprocess.Popen[bytes]"]
FAR = 120.0
RIG = """
[rig]
name = "tower"
guest = "uml"
[[cartridge]]
barcode = "KRL001L9"
capacity = "64MiB"
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
[[library]]
name = "tower"
model = "spectra/t950"
[[library.partition]]
name = "finance"
drives = ["drive0"]
slots = 3
cartridges = ["KRL001L9"]
"""
SCRIPT = """
keyreel() { "$PYTHON" -m harness "$@"; }
echo "$KEYREEL_CONTROL"
keyreel library status; echo "status $?"
echo | keyreel library login
keyreel library move KRL001L9 drive0
mt -f "$KEYREEL_DRIVE0_TAPE" status | grep -c BOT
keyreel library move drive0 home
echo ready
read -r word
keyreel library inventory
keyreel library messages
"""


def test_operators_in_the_guest_and_outside(keyreel: Keyreel, tmp_path: Path) -> None:
    rig, state = tmp_path / "tower.toml", tmp_path / "shelf"
    rig.write_text(RIG, encoding="utf-8")
    environment = {"PYTHON": sys.executable}
    running = keyreel("run", "--state", state, rig, "--", "sh", "-c", SCRIPT, env=environment)
    assert running.stdin is not None
    assert running.stdout is not None
    said: list[str] = []
    while not said or said[-1] != "ready":
        line = running.stdout.readline().decode()
        assert line, (said, running.communicate())
        said.append(line.rstrip("\n"))
    assert said == [
        "/dev/shm/keyreel/control",
        "status 1",
        "su has logged in to tower",
        "KRL001L9: slot:1 -> drive:1",
        "1",
        "KRL001L9: drive:1 -> slot:1",
        "ready",
    ]

    def outside(*words: str | Path, status: int = 0) -> str:
        done = keyreel("library", *words, "--state", state)
        out, err = done.communicate(b"\n", timeout=FAR)
        assert done.returncode == status, err
        return out.decode()

    outside("status", status=1)
    assert outside("login") == "su has logged in to tower\n"
    assert outside("move", "KRL001L9", "slot:3") == "KRL001L9: slot:1 -> slot:3\n"
    assert json.loads(outside("status", "--json"))["cartridges"] == 1
    outside("user", "add", "helper", "--role", "operator")
    rest, errors = running.communicate(b"go on\n", timeout=FAR)
    assert running.returncode == 0
    assert "log in first" in errors.decode()
    assert "slot:3" in rest.decode()
    assert "added user helper" in rest.decode()
    assert not (state / "run" / "control").exists()
    outside("status", status=1)

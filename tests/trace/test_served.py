"""keyreel serve --trace, and a trace begun and ended from another process while it runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from harness.initiators.opening import open_initiator
from harness.trace.reader import Command, read

ROOT = Path(__file__).parents[2]
RIG = """
[rig]
name = "away"
transport = "iscsi"
[iscsi]
port = 0
[[drive]]
name = "drive0"
model = "ibm/ult3580-td8"
"""
KEYREEL = (sys.executable, "-m", "harness")
INQUIRY = bytes.fromhex("120000002400")


def inquire(target: str) -> None:
    with open_initiator(target) as initiator:
        assert initiator.send(INQUIRY, size=36).status == 0


def inquiries(trace: Path) -> int:
    return sum(isinstance(one, Command) and one.cdb[0] == 0x12 for one in read(trace).records)


def rig_command(*words: str | Path) -> str:
    done = subprocess.run(
        [*KEYREEL, "rig", *words], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.strip()


def test_from_the_start_and_live(tmp_path: Path) -> None:
    (tmp_path / "away.toml").write_text(RIG, encoding="utf-8")
    state, first, second = (tmp_path / name for name in ("state", "first", "second"))
    serving = subprocess.Popen(
        [*KEYREEL, "serve", tmp_path / "away.toml", "--state", state, "--trace", first],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert serving.stdout is not None
        portal = ""
        for line in serving.stdout:
            if line.startswith("iscsi: "):
                portal = line.split()[1]
            if line == "ready\n":
                break
        target = f"iscsi://{portal}/iqn.2026-01.io.keyreel:away:drive0"
        inquire(target)
        assert rig_command("stop-trace", "--state", state) == str(first)
        inquire(target)
        assert rig_command("start-trace", second, "--state", state) == str(second)
        for _ in range(3):
            inquire(target)
        serving.send_signal(signal.SIGTERM)
        assert serving.wait() == 0
    finally:
        serving.kill()
        serving.communicate()
    assert (inquiries(first), inquiries(second)) == (1, 3)

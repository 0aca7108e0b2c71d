"""What the host's side of a guest looks after: state folders, missing packages, processes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from harness.guest import minded, minder, uml
from harness.guest.api import Device, GuestError
from harness.state import StateError, open_state
from target.plan import RigPlan


def test_a_state_folder_is_used_by_one_run_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    refused = pytest.raises(StateError, match="another run uses")
    with open_state(folder), refused, open_state(folder):
        pass
    with open_state(folder) as again:
        assert again.folder == folder


def test_a_temporary_state_folder_is_removed() -> None:
    with open_state(None) as state:
        (state.folder / "cartridges").mkdir()
    assert not state.folder.exists()


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="name another one"), open_state(tmp_path / "file" / "x"):
        pass


@pytest.mark.parametrize(
    ("program", "package"), [("linux.uml", "user-mode-linux"), ("modprobe", "kmod")]
)
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, package: str
) -> None:
    for other in {"linux.uml", "modprobe"} - {program}:
        (tmp_path / other).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(minded, "SYSTEM_PATH", "")
    guest = uml.UmlGuest(RigPlan("none", 0, (), ()), tmp_path / "run")
    with pytest.raises(GuestError, match=f"^{program} is not installed: .*{package}$"):
        guest.start()


def test_no_room_for_the_memory_is_said() -> None:
    with pytest.raises(GuestError, match="set TMPDIR"):
        uml.choose_memory_folder(1 << 40)


def test_environment_of_a_device() -> None:
    device = Device("my-drive_1", "1234567890", "/dev/nst3", "/dev/sg5")
    assert device.environment() == {
        "KEYREEL_MY_DRIVE_1_TAPE": "/dev/nst3",
        "KEYREEL_MY_DRIVE_1_SG": "/dev/sg5",
        "KEYREEL_MY_DRIVE_1_SERIAL": "1234567890",
    }
    changer = Device("robot@1", "1234567890", "", "/dev/sg6", "/dev/sch1")
    assert changer.environment() == {
        "KEYREEL_ROBOT_HOST1_CHANGER": "/dev/sch1",
        "KEYREEL_ROBOT_HOST1_SG": "/dev/sg6",
        "KEYREEL_ROBOT_HOST1_SERIAL": "1234567890",
    }


def start_minder(folder: str, script: str) -> tuple[subprocess.Popen[bytes], int]:
    """A minder of a shell script; the end of its lifeline that keeps it going."""
    lifeline, ours = os.pipe()
    console = os.dup(lifeline)
    process = subprocess.Popen(
        [
            sys.executable,
            minder.__file__,
            str(lifeline),
            str(console),
            folder,
            "0",
            "sh",
            "-c",
            script,
        ],
        pass_fds=(lifeline, console),
        stdout=subprocess.PIPE,
    )
    os.close(lifeline)
    os.close(console)
    return process, ours


def test_a_minder_gives_its_program_s_status() -> None:
    process, lifeline = start_minder("", "exit 7")
    assert process.wait(120) == 7
    os.close(lifeline)


def test_a_minder_ends_every_descendant_and_removes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    (folder / "run").mkdir(parents=True)
    # A daemon in a session of its own, whose parent has gone, and a child.
    script = "(setsid sleep 1000 & echo $!); sleep 1001 & echo $!; echo $$; wait"
    process, lifeline = start_minder(str(folder), script)
    assert process.stdout
    ended = [os.pidfd_open(int(process.stdout.readline())) for _ in range(3)]
    os.close(lifeline)
    assert process.wait(120) == 128 + 9
    assert len(select.select(ended, [], [], 0)[0]) == len(ended)
    assert not folder.exists()

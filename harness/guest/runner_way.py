"""In a guest with the way tcmu-runner: start Debian's tcmu-runner with keyreel's handler.

It runs without D-Bus, in a mount namespace of its own, because the guest's files are the host's:
its lock in /run is private, and so is a line in /run/modprobe.d by which tcmu-runner, which wants
to load target_core_user, finds that name without a /lib/modules. Its log is beside the plan.
"""

from __future__ import annotations

import os
import time

from harness.guest.ways import HANDLERS

PROGRAM = "/usr/bin/tcmu-runner"
LOG = "tcmu-runner.log"
READY = "Handler keyreel is registered"
TIMEOUT = 60.0
"""Seconds that it may take to start."""
SCRIPT = """\
mount -t tmpfs tmpfs /run
mkdir /run/modprobe.d
echo install target_core_user true > /run/modprobe.d/keyreel.conf
exec "$@"
"""


def prepare(plan: str) -> None:
    """Start it and return when it knows the handler. Raises RuntimeError."""
    # The target process, forked from this one, needs them as well.
    from pathlib import Path

    from target.plan import RigPlan

    # For it, and for the target process: where they meet.
    os.environ["KEYREEL_RUN"] = RigPlan.load(Path(plan)).run
    folder = os.path.dirname(plan)
    log = os.path.join(folder, LOG)
    runner = [PROGRAM, "--handler-path", os.path.join(folder, HANDLERS), "--tcmu-log-dir", folder]
    # In the agent's session, so that it is not ended with the guest's commands.
    pid = os.posix_spawn(
        "/usr/bin/unshare",
        ["unshare", "-m", "sh", "-e", "-c", SCRIPT, "tcmu-runner", *runner],
        {name: os.environ[name] for name in ("PATH", "KEYREEL_RUN")},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_RDWR, 0),
        ],
    )
    deadline = time.monotonic() + TIMEOUT
    while READY not in _read(log):
        if os.waitpid(pid, os.WNOHANG)[0]:
            said = (_read(log).strip().splitlines() or ["it wrote no log"])[-1]
            raise RuntimeError(f"tcmu-runner ended at once: {said}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"tcmu-runner did not load the handler in {TIMEOUT:g} s, see {log}")
        time.sleep(0.005)


def connect(plan: str) -> None:
    """Nothing: devices appear by themselves."""


def disconnect(plan: str) -> None:
    """Nothing: tcmu-runner is there until the power goes, as on a machine."""


def _read(log: str) -> str:
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""

"""How a guest with a kernel of its own comes up: the script that becomes its agent.

The guest's root is this machine's, so the script is a file in the run directory, and uses this
machine's programs.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from harness.guest.minded import SYSTEM_PATH, import_path, require_program

GUEST_RUN = "/dev/shm/keyreel"
"""The target's folder for sockets, in a guest: those of this machine's files do not work there."""


def write_init(folder: Path, modules: Path, names: Sequence[str], agent: Sequence[str]) -> Path:
    """Write the script that mounts, loads modules and becomes the agent; its path.

    ``modules`` is the folder that has lib/modules with those of the guest's kernel. Raises
    GuestError when this machine lacks what loads them.
    """
    modprobe = require_program("modprobe", "kmod")
    table = folder / "fstab"
    table.write_text(MOUNTS, encoding="utf-8")
    init = folder / "init"
    load = shlex.join([modprobe, "-d", str(modules), "-a", *names])
    init.write_text(
        "#!/bin/sh\n"
        "set -e\n"
        f"PATH={SYSTEM_PATH}\n"
        f"PYTHONPATH={shlex.quote(os.pathsep.join(import_path()))}\n"
        "export PATH PYTHONPATH\n"
        "mkdir /dev/pts /dev/shm\n"
        f"mount -a -T {shlex.quote(str(table))}\n"
        f"{load}\n"
        # LIO would look for four modules that nobody needs, a process each.
        "echo > /proc/sys/kernel/modprobe\n"
        # There with the modules of LIO alone.
        "[ ! -d /sys/kernel/config ] || mount -t configfs configfs /sys/kernel/config\n"
        f"exec {shlex.join(agent)}\n",
        encoding="utf-8",
    )
    init.chmod(0o700)
    return init


# No option that mount would note in /run/mount/utab: that file is the host's.
MOUNTS = """\
proc /proc proc nosuid,nodev,noexec 0 0
sysfs /sys sysfs nosuid,nodev,noexec 0 0
devpts /dev/pts devpts nosuid,noexec,gid=5,mode=620,ptmxmode=666 0 0
tmpfs /dev/shm tmpfs nosuid,nodev,mode=1777 0 0
"""

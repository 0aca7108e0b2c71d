"""The user-mode-linux guest: a Linux kernel as an ordinary process, with this machine's files.

Boots in one to two seconds, needs no privileges, no KVM and no modules on the host. Its root is
hostfs on /, so commands see the caller's files with the caller's rights; only /proc, /sys and /dev
are its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.guest import ways
from harness.guest.api import GuestError
from harness.guest.boot import GUEST_RUN, write_init
from harness.guest.minded import MindedGuest, require_program
from target.plan import RigPlan

KERNEL = "linux.uml"
MODULES = Path("/usr/lib/uml/modules")
DEFAULT_MEMORY = 1024
"""MiB. The guest takes from the host what it touches, and keeps it until it stops."""


class UmlGuest(MindedGuest):
    """A guest that is a user-mode Linux kernel with ``memory`` MiB."""

    said_at_every_boot = (
        "SELinux: ",
        "Failed to initialize ubd device",
        "db_root: cannot open",
        "Unable to load target_core_",
        "sysrq: Power Off",
        "reboot: Power down",
    )

    def __init__(
        self,
        plan: RigPlan,
        run_directory: Path,
        *,
        memory: int = DEFAULT_MEMORY,
        keep_open: Sequence[int] = (),
        remove: Path | None = None,
    ) -> None:
        plan = replace(plan, run=GUEST_RUN)
        super().__init__(plan, run_directory, keep_open=keep_open, remove=remove)
        self.memory = memory

    def require(self) -> None:
        """See `harness.guest.minded.MindedGuest.require`."""
        require_program(KERNEL, "user-mode-linux")
        require_program("modprobe", "kmod")
        if not any(MODULES.glob("*/modules.dep")):
            raise GuestError(
                f"there are no kernel modules in {MODULES}: install the package user-mode-linux"
            )
        choose_memory_folder(self.memory)
        if '"' in str(self.run_directory) or "\n" in str(self.run_directory):
            raise GuestError(
                f"the state folder's name {self.run_directory} must not have quotes in it"
            )

    def environment(self) -> dict[str, str]:
        """The kernel keeps its process id and management socket below HOME."""
        return super().environment() | {"TMPDIR": str(choose_memory_folder(self.memory))}

    def command(self, bell: int, memory: int) -> list[str]:
        """The kernel; the agent finds the bell as /dev/tty1 and the memory as /dev/mmapper."""
        modules = self.run_directory / "modules"
        (modules / "lib").mkdir(parents=True)
        (modules / "lib" / "modules").symlink_to(MODULES)
        agent = self.agent_command("harness.guest.agent", "/dev/tty1", "/dev/mmapper")
        init = write_init(
            self.run_directory,
            modules,
            ways.modules(self.plan.transports, bool(self.plan.libraries)),
            agent,
        )
        return [
            require_program(KERNEL, "user-mode-linux"),
            f"mem={self.memory}M",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
            "rw",
            f'init="{init}"',
            "con=null",
            "con0=fd:0,fd:1",
            f"con1=fd:{bell}",
            f"iomem=mmapper,/proc/self/fd/{memory}",
            # Measures for most of a second which RAID-6 code is fastest; nothing here uses any.
            "initcall_blacklist=raid6_select_algo",
            # No 512 nodes of old-style terminals.
            "pty.legacy_count=0",
            "quiet",
        ]


def choose_memory_folder(memory: int) -> Path:
    """Where the guest's memory (MiB) can be: room for it, and executable mappings allowed.

    Raises GuestError that names what was tried.
    """
    tried = [Path("/dev/shm"), Path(os.environ.get("TMPDIR", "/tmp")), Path("/tmp")]
    for folder in tried:
        try:
            about = os.statvfs(folder)
        except OSError:
            continue
        room = about.f_bavail * about.f_frsize
        if room >= memory << 20 and not about.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK):
            return folder
    raise GuestError(
        f"the guest needs {memory} MiB of room in a folder that is not mounted noexec, and"
        f" {', '.join(dict.fromkeys(map(str, tried)))} have none: set TMPDIR to one that has"
    )

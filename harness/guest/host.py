"""The host guest: this machine's own kernel, for root, with devices that are taken away at the end.

Modules that had to be loaded stay loaded, and configfs mounted.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.guest import ways
from harness.guest.api import GuestError
from harness.guest.host_agent import take_away
from harness.guest.minded import MindedGuest, import_path
from target.plan import RigPlan
from target.transports.lio import devices
from target.transports.tcmu import SUBTYPE

CONFIGFS = Path("/sys/kernel/config")
LOCKS = Path("/run")
AGENT = "harness.guest.host_agent"
RECHECK = 0.2
"""Seconds between two looks at a guest that ends."""


class HostGuest(MindedGuest):
    """A guest that is no guest: the kernel that this process runs on."""

    grace = 45.0

    def __init__(
        self,
        plan: RigPlan,
        run_directory: Path,
        *,
        keep_open: Sequence[int] = (),
        remove: Path | None = None,
    ) -> None:
        super().__init__(plan, run_directory, keep_open=keep_open, remove=remove)
        self._locks = self.keep_open
        self._lock = -1

    def require(self) -> None:
        """See `harness.guest.minded.MindedGuest.require`. Loads what is missing."""
        require_host(self.plan.transports, bool(self.plan.libraries))
        self._lock_name()
        take_away(self.plan)

    def command(self, bell: int, memory: int) -> list[str]:
        """The agent itself."""
        return self.agent_command(AGENT, str(bell), f"/proc/self/fd/{memory}")

    def environment(self) -> dict[str, str]:
        """What the agent imports, as well."""
        return super().environment() | {"PYTHONPATH": os.pathsep.join(import_path())}

    def kill(self) -> None:
        """As every guest; then no device is left, even if the agent was killed."""
        super().kill()
        if self._lock >= 0:
            take_away(self.plan)
            os.close(self._lock)
            self._lock = -1
            self.keep_open = self._locks

    def await_minder(self) -> int:
        """As every guest. Commands that wait for the drive of a dead target cannot be killed
        before the drive has failed them, so it is made to."""
        assert self._minder is not None
        while self._minder.poll() is None:
            if self.processes() == [self._minder.pid]:
                self._fail_pending()
            with suppress(subprocess.TimeoutExpired):
                self._minder.wait(RECHECK)
        return self._minder.returncode

    def end_unminded(self) -> None:
        """The agent ends by itself, now that its channel is closed; else it is killed."""
        for pid in self.processes():
            with suppress(OSError):
                ended = os.pidfd_open(pid)
                poll = select.poll()
                poll.register(ended, select.POLLIN)
                poll.poll(self.grace * 1000)
                os.close(ended)
        super().end_unminded()

    def _fail_pending(self) -> None:
        for device in devices(self.plan, SUBTYPE):
            with suppress(OSError):
                device.reset_ring()

    def _lock_name(self) -> None:
        """One run at a time may have devices of this rig's name."""
        path = LOCKS / f"keyreel-host-{self.plan.name}.lock"
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = -1
            raise GuestError(
                f"a rig with the name {self.plan.name} is in this machine's kernel already: end"
                " that run, or give the rig another name"
            ) from None
        self.keep_open = (*self._locks, self._lock)


def require_host(transports: tuple[str, ...] = ("tcmu",), changers: bool = False) -> None:
    """Raise GuestError, with the cure, when this kernel cannot have drives, and changers if there
    are any; loads its modules."""
    other = [name for name in transports if name != "tcmu"]
    if other:
        raise GuestError(
            f'the guest host has no way in by {other[0]}: set transport = "tcmu" in the rig file,'
            ' or guest = "uml"'
        )
    if os.geteuid() != 0:
        raise GuestError(
            'the guest host needs root, to make devices in this kernel: set guest = "uml"'
        )
    for name in ways.modules(("tcmu",), changers):
        if not Path("/sys/module", name).exists():
            _load(name)
    if not (CONFIGFS / "target").exists():
        _run(["mount", "-t", "configfs", "configfs", str(CONFIGFS)], "configfs cannot be mounted")


def hindrance() -> str:
    """What this kernel lacks for drives, with the cure; nothing is loaded. Empty if nothing."""
    if os.geteuid() != 0:
        return "be root"
    for name in ways.modules(("tcmu",)):
        if not Path("/sys/module", name).exists():
            try:
                _run(["modprobe", "-n", name], "")
            except GuestError:
                return f"a kernel with the module {name}, or the package that has its modules"
    return ""


def _load(module: str) -> None:
    release = os.uname().release
    cure = (
        f"this machine's kernel {release} has no module {module}: install the package that has"
        f' its modules (Debian: linux-image-{release}), or set guest = "uml"'
    )
    _run(["modprobe", module], cure)


def _run(command: list[str], failure: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise GuestError(f"{failure} ({command[0]} is not installed)") from None
    if done.returncode:
        raise GuestError(f"{failure} ({done.stderr.strip()})")

"""The agent of the guest `host`: a process among others, which touches only its own.

Ends in order when keyreel goes, however that happens: commands, target, kernel devices.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

from harness.guest.agent import Agent, map_memory
from harness.guest.channel import Channel
from harness.guest.command import GRACE
from target.plan import RigPlan
from target.transports.lio import devices
from target.transports.tcmu import SUBTYPE

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


class HostAgent(Agent):
    """An agent that is not alone."""

    def end_commands(self) -> None:
        """End its descendants but the target."""
        for number in (15, 9):
            deadline = time.monotonic() + GRACE
            while others := self._commands():
                if time.monotonic() > deadline:
                    break
                if not self.target_alive:
                    self.fail_pending_commands()
                for pid in others:
                    try:
                        os.kill(pid, number)
                        os.waitpid(pid, os.WNOHANG)
                    except (ProcessLookupError, ChildProcessError):
                        pass
                time.sleep(0.01)

    def stop(self) -> int | None:
        """As every agent; then no device is left in the kernel."""
        status = super().stop()
        take_away(RigPlan.load(Path(self.plan)))
        return status

    def _commands(self) -> list[int]:
        found, ancestors = [], [os.getpid()]
        while ancestors:
            for pid in children(ancestors.pop()):
                if not (self.target_alive and pid == self.target):
                    found.append(pid)
                    ancestors.append(pid)
        return found


def main() -> None:
    """Be that process. Arguments: as `harness.guest.agent.main`, the bell being a descriptor."""
    bell, memory, plan, log, transports, *units = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    # Orphans of commands become children, so that they can be found; and a minder that is killed
    # does not take this process with it, which has devices to take away.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    libc.prctl(PR_SET_PDEATHSIG, 0)
    os.set_inheritable(int(bell), False)
    os.set_blocking(int(bell), False)
    channel = Channel(int(bell), map_memory(memory), first=False)
    agent = HostAgent(channel, plan, log, tuple(transports.split(",")), len(units))
    agent.own_devices = RigPlan.load(Path(plan)).name + "."
    agent.live(units)


def take_away(plan: RigPlan) -> None:
    """Remove the kernel's devices of a rig that nobody serves any more."""
    for device in devices(plan, SUBTYPE):
        if device.exists():
            device.reset_ring()
        device.remove()


def children(pid: int) -> list[int]:
    """Process ids; none if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]

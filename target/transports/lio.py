"""The kernel's side of TCMU, through configfs: a device whose commands come to user space, and the
loopback host by which this kernel sees it.

Linux-IO calls the first a backstore (here of type ``user``) and the second a fabric. Needs root,
the modules target_core_user and tcm_loop, and configfs. Layout and order: Linux
`Documentation/target/tcmu-design.rst`, and what the kernel does.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target.plan import RigPlan

CONFIGFS = Path("/sys/kernel/config/target")
UIO = Path("/sys/class/uio")
HBA = "user_0"
_OUI = "5001405"
"""NAA 5 and the OUI that Linux-IO uses for names that nobody assigned."""
_SIZE = 1 << 20
"""Bytes that the kernel believes the device to have. It wants to be told a size, even of a tape."""
ATTRIBUTES = {
    # A tape command may take hours; the kernel's default would abort it after 30 seconds.
    "cmd_time_out": "0",
    "emulate_pr": "1",
    # Aborts and resets are told through the ring.
    "tmr_notification": "1",
}
RING_SIZE = 1
"""MiB for commands, not their data: a unit is given few at a time."""


class LioDevice:
    """One host's way to a unit: ``host`` counts from 0, ``subtype`` says who is to serve it.

    Nothing is made before `make`. Methods raise OSError where the kernel lacks something.
    """

    def __init__(self, rig: str, unit: str, host: int, subtype: str = "keyreel") -> None:
        self.configuration = f"{subtype}/{rig}/{unit}/{host}"
        """What the kernel tells whoever serves the device."""
        self.unit, self.host = unit, f"host{host}"
        self.name = f"{rig}.{unit}.{host}"
        self._core = CONFIGFS / "core" / HBA / self.name
        digest = hashlib.sha256(self.configuration.encode()).hexdigest()
        self._port = f"naa.{_OUI}0{digest[:8]}"
        self._initiator = f"naa.{_OUI}1{digest[:8]}"
        self._fabric = CONFIGFS / "loopback" / self._port

    def exists(self) -> bool:
        """Whether the kernel has it, from a process that ended without taking it away."""
        return self._core.is_dir() and (self._core / "enable").read_text().strip() == "1"

    def make(self, *, answered: bool) -> None:
        """The backstore, enabled. ``answered``: somebody answers the kernel's netlink events;
        where nobody does, enabling would wait for it."""
        if not CONFIGFS.parent.is_dir():
            raise OSError("configfs is not mounted: this needs target_core_user, tcm_loop and root")
        if self._core.is_dir():
            self._core.rmdir()
        os.makedirs(self._core)
        put(self._core / "control", f"dev_config={self.configuration},dev_size={_SIZE}")
        # Else 8 MiB of the kernel's memory; kernels that do not know it pass over it.
        put(self._core / "control", f"cmd_ring_size_mb={RING_SIZE}")
        if not answered:
            put(self._core / "control", "nl_reply_supported=-1")
        put(self._core / "enable", "1")
        for name, value in ATTRIBUTES.items():
            put(self._core / "attrib" / name, value)
        # RESERVE and PERSISTENT RESERVE reach the unit, where the kernel is not too old for that.
        with suppress(OSError):
            put(self._core / "attrib" / "pgr_support", "0")

    def uio(self) -> str:
        """The name of the uio device through which commands come."""
        wanted = f"tcm-user/{HBA.split('_')[1]}/{self.name}/"
        for uio in UIO.iterdir():
            if (uio / "name").read_text().startswith(wanted):
                return uio.name
        raise OSError(f"the kernel made no uio device for {self.name}")

    def block(self, blocked: bool) -> None:
        """Hold commands back in the kernel, or let them come."""
        put(self._core / "action" / "block_dev", str(int(blocked)))

    def reset_ring(self) -> None:
        """End every command that is in the ring with CHECK CONDITION, and empty it. Only while
        the device is blocked, or nobody serves it."""
        put(self._core / "action" / "reset_ring", "2")

    def link(self) -> None:
        """Make the loopback host; returns when the kernel has probed the device, which is why
        somebody must serve it by now."""
        group = self._fabric / "tpgt_1"
        lun = group / "lun" / "lun_0"
        if (lun / self.name).is_symlink():
            return
        os.makedirs(group, exist_ok=True)
        put(group / "nexus", self._initiator)
        lun.mkdir(exist_ok=True)
        (lun / self.name).symlink_to(self._core)

    def remove(self) -> None:
        """Take away whatever of it there is. Whoever serves it finds its uio device gone."""
        group = self._fabric / "tpgt_1"
        lun = group / "lun" / "lun_0"
        with suppress(FileNotFoundError):
            (lun / self.name).unlink()
        with suppress(FileNotFoundError):
            lun.rmdir()
        if group.is_dir():
            put(group / "nexus", "NULL")
            group.rmdir()
            self._fabric.rmdir()
        with suppress(FileNotFoundError):
            self._core.rmdir()


def devices(plan: RigPlan, subtype: str = "keyreel") -> list[LioDevice]:
    """A device for each host of each drive and each medium changer."""
    return [
        LioDevice(plan.name, unit.name, host, subtype)
        for unit in plan.units
        for host in range(unit.hosts)
    ]


def put(path: Path, text: str) -> None:
    """Write an attribute of configfs or sysfs."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)

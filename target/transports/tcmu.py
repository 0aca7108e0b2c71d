"""TCMU without tcmu-runner: make the kernel's devices through configfs and serve their rings.

For each drive: a core device of type ``user``, enabled; a thread that serves its ring; then a
loopback target with the device as LUN 0, which makes the kernel probe it and bind st and sg. The
thread must run before the LUN is linked, because linking sends INQUIRY. Needs root, the modules
target_core_user and tcm_loop, and configfs.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from target.scsi.command import Nexus
from target.scsi.device_server import DeviceServer
from target.transports.tcmu_ring import Ring

CONFIGFS = Path("/sys/kernel/config/target")
UIO = Path("/sys/class/uio")
_HBA = "user_0"
_OUI = "5001405"
"""NAA 5 and the OUI that Linux-IO uses for names that nobody assigned."""


class TcmuDevice:
    """One drive as a SCSI device of this kernel.

    ``number`` tells devices apart in their world-wide names (below 2**32). Raises OSError, with
    a sentence, where the kernel lacks something.
    """

    def __init__(self, rig: str, name: str, number: int, unit: DeviceServer) -> None:
        self.name = name
        self._core = CONFIGFS / "core" / _HBA / name
        self._fabric = CONFIGFS / "loopback" / f"naa.{_OUI}0{number:08x}"
        self._initiator = f"naa.{_OUI}1{number:08x}"
        if not CONFIGFS.parent.is_dir():
            raise OSError("configfs is not mounted: this needs target_core_user, tcm_loop and root")
        os.makedirs(self._core)
        # Nobody answers the kernel's netlink events here: without this, enabling would wait.
        _put(self._core / "control", f"dev_config=keyreel/{rig}/{name},dev_size=1048576")
        _put(self._core / "control", "nl_reply_supported=-1")
        _put(self._core / "enable", "1")
        # A tape command may take hours; the kernel's default would abort it after 30 seconds.
        _put(self._core / "attrib" / "cmd_time_out", "0")
        _put(self._core / "attrib" / "emulate_pr", "1")
        _put(self._core / "attrib" / "tmr_notification", "1")
        with suppress(OSError):
            _put(self._core / "attrib" / "pgr_support", "0")
        uio = self._find_uio()
        size = int((uio / "maps" / "map0" / "size").read_text(), 16)
        self._ring = Ring(f"/dev/{uio.name}", size, unit, Nexus("loopback", name))
        self._thread = threading.Thread(target=self._ring.serve, name=f"tcmu-{name}", daemon=True)
        self._thread.start()
        self._link()

    def _find_uio(self) -> Path:
        wanted = f"tcm-user/{_HBA.split('_')[1]}/{self.name}/"
        for uio in UIO.iterdir():
            if (uio / "name").read_text().startswith(wanted):
                return uio
        raise OSError(f"the kernel made no uio device for {self.name}")

    def _link(self) -> None:
        """Make the loopback target; returns when the kernel has probed the device."""
        group = self._fabric / "tpgt_1"
        os.makedirs(group)
        _put(group / "nexus", self._initiator)
        lun = group / "lun" / "lun_0"
        lun.mkdir()
        (lun / self.name).symlink_to(self._core)

    def close(self) -> None:
        """Take the device away from the kernel; the thread ends with it."""
        group = self._fabric / "tpgt_1"
        lun = group / "lun" / "lun_0"
        (lun / self.name).unlink()
        lun.rmdir()
        _put(group / "nexus", "NULL")
        group.rmdir()
        self._fabric.rmdir()
        self._core.rmdir()
        self._thread.join(timeout=1)


def _put(path: Path, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)

"""TCMU without tcmu-runner: make the kernel's devices and serve their rings in this process.

For each host of each drive: a backstore, a thread that serves its ring, then the loopback host,
which makes the kernel probe the device and bind st and sg. The thread must run before that,
because the probe sends INQUIRY. A device that a killed process has left is taken over: what was
in its ring ends with CHECK CONDITION, and work goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from target.plan import RigPlan
from target.scsi.command import Nexus
from target.tape.drive import Drive
from target.transports.lio import LioDevice
from target.transports.tcmu_ring import Ring


class Tcmu:
    """Every drive of a plan as SCSI devices of this kernel.

    Raises OSError, with a sentence, where the kernel lacks something.
    """

    def __init__(self, plan: RigPlan, drives: Mapping[str, Drive]) -> None:
        self._devices: list[LioDevice] = []
        self._threads: list[threading.Thread] = []
        try:
            for drive in plan.drives:
                for host in range(drive.hosts):
                    self._serve(plan.name, drive.name, host, drives[drive.name])
        except BaseException:
            self.close()
            raise

    def _serve(self, rig: str, name: str, host: int, drive: Drive) -> None:
        device = LioDevice(rig, name, host)
        left = device.exists()
        if left:
            device.block(True)
            device.reset_ring()
        else:
            device.make(answered=False)
        self._devices.append(device)
        node, size = device.uio()
        ring = Ring(node, size, drive, Nexus(f"host{host}", name))
        thread = threading.Thread(target=ring.serve, name=f"tcmu-{name}-{host}", daemon=True)
        thread.start()
        self._threads.append(thread)
        if left:
            device.block(False)
        device.link()

    def close(self) -> None:
        """Take the devices away from the kernel; the threads end with them."""
        for device in self._devices:
            device.remove()
        for thread in self._threads:
            thread.join(timeout=1)
        self._devices, self._threads = [], []

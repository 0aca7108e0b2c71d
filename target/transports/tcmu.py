"""TCMU without tcmu-runner: make the kernel's devices and serve their rings in this process.

For each host of each unit: a backstore, a thread that serves its ring, then the loopback host,
which makes the kernel probe the device and bind its drivers. The thread must run before that,
because the probe sends INQUIRY. A device that a killed process has left is taken over: what was
in its ring ends with CHECK CONDITION, and work goes on.

Devices that somebody else makes, with ``dev_config=keyreel-direct/RIG/UNIT/HOST``, are served as
soon as the kernel tells of them. The name is not the one that a handler of tcmu-runner has, so
that a tcmu-runner that runs beside this leaves them alone.
"""

from __future__ import annotations

import errno
import logging
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from target.plan import RigPlan
from target.scsi.command import Nexus
from target.scsi.primary import PrimaryUnit
from target.transports.lio import UIO, LioDevice, devices
from target.transports.tcmu_events import ADDED, RECONFIGURED, Event, Events
from target.transports.tcmu_watch import WatchedRing

SUBTYPE = "keyreel-direct"

log = logging.getLogger(__name__)


class Tcmu:
    """Every unit of a plan as SCSI devices of this kernel.

    Raises OSError, with a sentence, where the kernel lacks something.
    """

    def __init__(self, plan: RigPlan, units: Mapping[str, PrimaryUnit]) -> None:
        self._units = units
        self._ours = re.compile(rf"{SUBTYPE}/{re.escape(plan.name)}/([^/]+)(?:/(\d+))?")
        self._devices: list[LioDevice] = []
        self._threads: dict[str, threading.Thread] = {}
        """By the name of the uio device."""
        self._turn = threading.Lock()
        """Held while a device is being taken up: the kernel tells of our own ones too."""
        self._events: Events | None = None
        try:
            self._events = Events()
            threading.Thread(target=self._listen, args=[self._events], daemon=True).start()
            for device in devices(plan, SUBTYPE):
                self._add(device)
        except BaseException:
            self.close()
            raise

    def _add(self, device: LioDevice) -> None:
        """Make a device, or take it over, and serve it."""
        self._devices.append(device)
        with self._turn:
            left = device.exists()
            if left:
                device.block(True)
                device.reset_ring()
            else:
                device.make(answered=False)
            self._serve(device.uio(), device.configuration)
        if left:
            device.block(False)
        device.link()

    def _serve(self, uio: str, configuration: str) -> None:
        """Serve a device of the kernel by what its configuration says. Raises LookupError if
        that is none of ours."""
        ours = self._ours.fullmatch(configuration)
        if ours is None:
            raise LookupError(configuration)
        unit = self._units[ours[1]]
        nexus = Nexus(f"host{int(ours[2] or 0)}", ours[1])
        size = int((UIO / uio / "maps" / "map0" / "size").read_text(), 16)
        ring = WatchedRing(str(Path("/dev", uio)), size, unit, nexus)
        thread = threading.Thread(
            target=self._run, args=[ring, unit, nexus], name=f"tcmu-{uio}", daemon=True
        )
        self._threads[uio] = thread
        thread.start()

    def _run(self, ring: WatchedRing, unit: PrimaryUnit, nexus: Nexus) -> None:
        """Serve until the kernel has taken the device away: that host is gone."""
        ring.serve()
        unit.abort(nexus)
        with unit.turn:
            unit.nexus_lost(nexus)

    def _listen(self, events: Events) -> None:
        for event in events.listen():
            status = self._heard(event)
            # Nobody waits for an answer about a device that `_add` has made.
            if all(event.name != device.name for device in self._devices):
                events.answer(event, status)

    def _heard(self, event: Event) -> int:
        """Act on an event; what the kernel is to be told: 0, or minus an errno."""
        if not self._ours.fullmatch(event.configuration):
            return 0 if event.kind != RECONFIGURED else -errno.EINVAL
        if event.kind == RECONFIGURED:
            # The size of a tape device means nothing; which unit it is cannot change.
            return -errno.EINVAL if event.reconfigures else 0
        with self._turn:
            if event.kind != ADDED:
                self._threads.pop(event.uio, None)
            elif event.uio not in self._threads:
                try:
                    self._serve(event.uio, event.configuration)
                except (LookupError, OSError) as error:
                    log.error("%s cannot be served: %s", event.configuration, error)
                    return -errno.ENODEV
        return 0

    def ways(self) -> list[str]:
        """That they are devices of this kernel."""
        return ["tcmu: devices of this kernel, see lsscsi"]

    def hosts(self, unit: str) -> list[str]:
        """The hosts of this kernel whose devices are made here."""
        return [device.host for device in self._devices if device.unit == unit]

    def close(self) -> None:
        """Take the devices away from the kernel; the threads end with them."""
        threads = list(self._threads.values())
        for device in self._devices:
            device.remove()
        if self._events is not None:
            self._events.stop()
        for thread in threads:
            thread.join(timeout=1)
        self._devices, self._threads, self._events = [], {}, None

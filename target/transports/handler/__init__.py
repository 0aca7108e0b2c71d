"""TCMU by way of tcmu-runner: its handler, handler_keyreel.so, hands over the rings of the devices.

tcmu-runner keeps the lives of the kernel's devices: it answers netlink and survives this process.
When the first command of a device comes, the handler connects to the socket RIG.sock in
/run/keyreel (or in the folder that KEYREEL_RUN names, in the environment of both), sends "SIZE
DEV_CONFIG" and the descriptor of the uio device, and is answered one byte. From then on the ring
is served here, as `target.transports.tcmu` serves it; when either side closes the connection, it is
the handler's again. So a rig's devices may be made by anybody, such as targetcli, with
``dev_config=keyreel/RIG/UNIT[/HOST]``; those that nobody made are made here.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from target.plan import RigPlan
from target.scsi.command import Nexus
from target.scsi.primary import PrimaryUnit
from target.transports.lio import CONFIGFS, LioDevice, devices
from target.transports.tcmu_watch import WatchedRing

FOLDER = "/run/keyreel"
_TAKEN = b"\1"
_HELLO_SIZE = 512
_NETLINK_TIMEOUT = 20.0
"""Seconds that tcmu-runner may take to start."""
_ABORT_INTERVAL = 0.05
_END_TIMEOUT = 5.0

log = logging.getLogger(__name__)


class Handler:
    """Every unit of a plan, for devices that tcmu-runner looks after.

    Raises OSError, with a sentence, where the kernel or tcmu-runner lacks something.
    """

    def __init__(self, plan: RigPlan, units: Mapping[str, PrimaryUnit]) -> None:
        self._rig = plan.name
        self._units = units
        self._devices: list[LioDevice] = []
        self._connections: dict[socket.socket, threading.Thread] = {}
        """One for each device that is served, and its thread."""
        self._nexuses: dict[socket.socket, Nexus] = {}
        self._path = Path(os.environ.get("KEYREEL_RUN") or FOLDER) / f"{plan.name}.sock"
        self._listener = _listen(self._path)
        threading.Thread(target=self._accept, name="handler", daemon=True).start()
        try:
            made = _configured()
            for device in devices(plan):
                self._make(device, made)
        except BaseException:
            self.close()
            raise

    def ways(self) -> list[str]:
        """That they are devices of this kernel, and where its handler finds us."""
        return [f"tcmu-runner: devices of this kernel, see lsscsi; rings by {self._path}"]

    def hosts(self, unit: str) -> list[str]:
        """The hosts of this kernel whose devices are served here."""
        served = [
            nexus.initiator for nexus in self._nexuses.copy().values() if nexus.target == unit
        ]
        return sorted(served)

    def close(self) -> None:
        """Take away the devices made here, let go of the others; tcmu-runner answers for those."""
        for device in self._devices:
            device.remove()
        self._devices = []
        # Wakes the thread that waits for connections.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        for connection, thread in list(self._connections.items()):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
            thread.join(_END_TIMEOUT)

    def _make(self, device: LioDevice, made: set[str]) -> None:
        """Make a device, unless somebody did: host 0 may be left out of its configuration."""
        if not device.exists():
            if {device.configuration, device.configuration.removesuffix("/0")} & made:
                return
            if not _runs("tcmu-runner"):
                raise OSError("tcmu-runner does not run: start it (systemctl start tcmu-runner)")
            self._devices.append(device)
            _make_answered(device)
        else:
            self._devices.append(device)
        device.link()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._attend, args=(connection,), daemon=True)
            self._connections[connection] = thread
            thread.start()

    def _attend(self, connection: socket.socket) -> None:
        """One device, from its handing over until the connection ends."""
        try:
            configuration, ring, unit, nexus = self._take(connection)
        except (OSError, ValueError, LookupError) as error:
            # The handler answers for it as if nobody were here.
            log.error("a device cannot be served: %s", error)
            self._forget(connection)
            return
        self._nexuses[connection] = nexus
        serving = threading.Thread(target=ring.serve, args=[connection.fileno()], daemon=True)
        with suppress(OSError):
            # Before anything is done: what is in the ring is known to be ours from here on.
            connection.send(_TAKEN)
            serving.start()
            connection.recv(1)
        # What waits for time must not hold the device: tcmu-runner could not open it again.
        while serving.is_alive():
            unit.abort(nexus)
            serving.join(_ABORT_INTERVAL)
        ring.close()
        self._forget(connection)
        # tcmu-runner may be starting again, of which a host sees nothing; but without the device
        # that host is gone.
        if configuration not in _configured():
            with unit.turn:
                unit.nexus_lost(nexus)

    def _forget(self, connection: socket.socket) -> None:
        self._connections.pop(connection, None)
        self._nexuses.pop(connection, None)
        connection.close()

    def _take(self, connection: socket.socket) -> tuple[str, WatchedRing, PrimaryUnit, Nexus]:
        """The device that the handler offers. Raises OSError, ValueError or LookupError."""
        hello, descriptors, _, _ = socket.recv_fds(connection, _HELLO_SIZE, 1)
        try:
            size, configuration = hello.decode("ascii").split(" ")
            name, host = self._resolve(configuration)
            unit, nexus = self._units[name], Nexus(f"host{host}", name)
            ring = WatchedRing(descriptors.pop(), int(size), unit, nexus)
            return configuration, ring, unit, nexus
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _resolve(self, configuration: str) -> tuple[str, int]:
        """Unit and host that a device's configuration names. Raises ValueError."""
        _, rig, unit, host, *_ = [*configuration.split("/"), "0"]
        if rig != self._rig or unit not in self._units:
            raise ValueError(f"{configuration}: rig {self._rig} has no such drive or changer")
        return unit, int(host)


def _listen(path: Path) -> socket.socket:
    """The socket at which handlers call. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        if listener.connect_ex(str(path)) == 0:
            raise OSError(f"another keyreel process serves this rig at {path}: stop it first")
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _configured() -> set[str]:
    """The configurations of all TCMU devices that the kernel has."""
    found = set()
    for info in CONFIGFS.glob("core/user_*/*/info"):
        words = info.read_text().split()
        found |= {words[at + 1] for at, word in enumerate(words[:-1]) if word == "Config:"}
    return found


def _runs(program: str) -> bool:
    """Whether there is a process of that name that has not ended."""
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if Path(words.read_text(errors="replace").partition("\0")[0]).name == program:
                return True
    return False


def _make_answered(device: LioDevice) -> None:
    """Make a device that tcmu-runner takes; wait while it is starting. Raises OSError."""
    deadline = time.monotonic() + _NETLINK_TIMEOUT
    while True:
        try:
            return device.make(answered=True)
        except OSError as error:
            if error.errno == errno.EAGAIN and time.monotonic() < deadline:
                time.sleep(0.01)
            elif error.errno in (errno.ENOENT, errno.EINVAL):
                raise OSError(
                    f"tcmu-runner does not take {device.configuration}: put handler_keyreel.so,"
                    " which keyreel build-handler makes, into its folder of handlers and start it"
                    " again"
                ) from None
            else:
                raise

"""Ways to a drive by which situations are played in this process: without a transport, by iSCSI."""

from __future__ import annotations

from collections.abc import Mapping

from target.scsi import sense as s
from target.scsi.command import Nexus
from target.tape.drive import Drive
from tests.hosts.situation import HOSTS
from tests.hosts.words import Seen


class InProcess:
    """Hosts that call the drive."""

    cannot: Mapping[str, str] = {}

    def __init__(self, drive: Drive) -> None:
        self.drive = drive
        self.nexuses = {host: Nexus(f"host{number}") for number, host in enumerate(HOSTS)}

    def send(self, host: str, cdb: bytes, out: bytes, size: int) -> Seen:
        """A command as that host."""
        data = bytearray(size)
        done = self.drive.execute(
            self.nexuses[host], cdb, [memoryview(bytearray(out))], [memoryview(data)]
        )
        return Seen(done.status, done.sense, bytes(data[: done.length]))

    def event(self, host: str, name: str) -> None:
        """What a transport tells the drive."""
        match name:
            case "reset":
                self.drive.reset(s.DEVICE_RESET)
            case "lost":
                self.drive.nexus_lost(self.nexuses[host])
            case "power":
                self.drive.power_on()

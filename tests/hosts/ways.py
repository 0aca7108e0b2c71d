"""Ways to a drive by which situations are played in this process: without a transport, by iSCSI."""

from __future__ import annotations

from collections.abc import Mapping

from harness.initiators.iscsi import ISID, IscsiInitiator
from target.scsi import sense as s
from target.scsi.command import Nexus
from target.tape.drive import Drive
from target.transports.iscsi.management import COMPLETE, LOGICAL_UNIT_RESET
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


class Sessions:
    """Hosts that are iSCSI initiators, each with a session to a server of this process."""

    cannot: Mapping[str, str] = {}

    def __init__(self, drive: Drive, address: tuple[str, int], target: str) -> None:
        self.drive = drive
        self.sessions = {
            host: IscsiInitiator(address, target, isid=ISID + number)
            for number, host in enumerate(HOSTS)
        }

    def send(self, host: str, cdb: bytes, out: bytes, size: int) -> Seen:
        """A command by that host's session."""
        reply = self.sessions[host].send(cdb, out=out, size=size)
        return Seen(reply.status, reply.sense.fixed() if reply.sense else b"", reply.data)

    def event(self, host: str, name: str) -> None:
        """LUN reset by task management; a connection that breaks and comes back; the power of the
        drive, while the port keeps its sessions."""
        match name:
            case "reset":
                assert self.sessions[host].manage(LOGICAL_UNIT_RESET) == COMPLETE
            case "lost":
                self.sessions[host].nexus_lost()
            case "power":
                with self.drive.turn:
                    self.drive.power_on()

    def close(self) -> None:
        """Log out."""
        for session in self.sessions.values():
            session.close()

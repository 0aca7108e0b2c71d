"""An initiator in the same process: for tests, benchmarks and tools that need no kernel."""

from __future__ import annotations

from typing import NamedTuple

from target.scsi import sense
from target.scsi.command import STATUS_CHECK_CONDITION, Nexus
from target.scsi.device_server import DeviceServer


class Reply(NamedTuple):
    """What an initiator sees: status, decoded sense (None if there is none), data-in."""

    status: int
    sense: sense.Sense | None
    data: bytes


class Initiator:
    """One I_T nexus to a logical unit."""

    def __init__(self, unit: DeviceServer, name: str = "host0") -> None:
        self.unit = unit
        self.nexus = Nexus(name)

    def send(self, cdb: bytes, *, out: bytes = b"", size: int = 0) -> Reply:
        """Run a command with ``out`` as data-out and room for ``size`` bytes of data-in."""
        data_in = bytearray(size)
        done = self.unit.execute(
            self.nexus, cdb, [memoryview(bytearray(out))], [memoryview(data_in)]
        )
        decoded = sense.decode(done.sense) if done.status == STATUS_CHECK_CONDITION else None
        return Reply(done.status, decoded, bytes(data_in[: done.length]))

"""Initiators that reserve: PERSISTENT RESERVE IN and OUT, and units that do nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from target.scsi import reservations
from target.scsi.command import GOOD, STATUS_GOOD, Nexus
from target.scsi.device_server import DeviceServer
from target.scsi.sense import INVALID_PARAMETER, Sense
from target.tape.commands import COMMANDS
from target.transports.inprocess import Initiator, Reply

WE, EA, WE_RO, EA_RO, WE_AR, EA_AR = TYPES = (1, 3, 5, 6, 7, 8)
REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, ABORT, IGNORE, MOVE = range(8)
KEY_A, KEY_B, KEY_C = 0xA1A2A3A4A5A6A7A8, 0xB1B2B3B4B5B6B7B8, 0xC


RESERVATIONS_PREEMPTED = [(0x2A, 3)]
RESERVATIONS_RELEASED = [(0x2A, 4)]
REGISTRATIONS_PREEMPTED = [(0x2A, 5)]


class Holder(NamedTuple):
    """One full status descriptor."""

    key: int
    holds: bool
    type: int
    port: int
    address: int


class Client(Initiator):
    """An initiator that speaks of persistent reservations to any unit."""

    def __init__(self, unit: DeviceServer, name: str = "host0", port: str = "port1") -> None:
        super().__init__(unit, name)
        self.nexus = Nexus(name, port)

    def out(
        self,
        action: int,
        key: int = 0,
        new: int = 0,
        *,
        kind: int = 0,
        scope: int = 0,
        flags: int = 0,
        more: bytes = b"",
        length: int | None = None,
    ) -> Reply:
        """PERSISTENT RESERVE OUT. ``flags`` is byte 20: 08h SPEC_I_PT, 04h ALL_TG_PT, 01h APTPL."""
        data = key.to_bytes(8, "big") + new.to_bytes(8, "big") + bytes(4) + bytes((flags, 0, 0, 0))
        return self.list_out(action, data + more, kind=kind, scope=scope, length=length)

    def move(
        self,
        key: int,
        new: int,
        to: bytes,
        *,
        flags: int = 0,
        port: int = 1,
        length: int | None = None,
    ) -> Reply:
        """REGISTER AND MOVE to a TransportID; ``flags`` is byte 17 (02h UNREG, 01h APTPL)."""
        size = len(to) if length is None else length
        data = key.to_bytes(8, "big") + new.to_bytes(8, "big") + bytes((0, flags))
        return self.list_out(MOVE, data + port.to_bytes(2, "big") + size.to_bytes(4, "big") + to)

    def list_out(
        self, action: int, data: bytes, *, kind: int = 0, scope: int = 0, length: int | None = None
    ) -> Reply:
        size = len(data) if length is None else length
        cdb = bytes((0x5F, action, scope << 4 | kind, 0, 0)) + size.to_bytes(4, "big") + b"\0"
        return self.send(cdb, out=data)

    def ask(self, action: int, allocation: int = 0x2000) -> Reply:
        """PERSISTENT RESERVE IN."""
        cdb = bytes((0x5E, action, 0, 0, 0, 0, 0)) + allocation.to_bytes(2, "big") + b"\0"
        return self.send(cdb, size=0x2000)

    # --- what is there ------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        return int.from_bytes(self.ask(0).data[:4], "big")

    @property
    def keys(self) -> list[int]:
        data = self.ask(0).data
        assert int.from_bytes(data[4:8], "big") == len(data) - 8
        return [int.from_bytes(data[at : at + 8], "big") for at in range(8, len(data), 8)]

    @property
    def reservation(self) -> tuple[int, int] | None:
        """(key, type)."""
        data = self.ask(1).data
        assert int.from_bytes(data[4:8], "big") == len(data) - 8
        return (int.from_bytes(data[8:16], "big"), data[21]) if len(data) > 8 else None

    @property
    def full_status(self) -> list[Holder]:
        data = self.ask(3).data
        assert int.from_bytes(data[4:8], "big") == len(data) - 8
        found, at = [], 8
        while at < len(data):
            one = data[at : at + 24 + int.from_bytes(data[at + 20 : at + 24], "big")]
            key, address = (int.from_bytes(one[i : i + 8], "big") for i in (0, 28))
            assert one[24] == 6 and not any(one[36:]) and len(one) == 48
            port = int.from_bytes(one[18:20], "big")
            found.append(Holder(key, bool(one[12] & 1), one[13], port, address))
            at += len(one)
        return found


def unit() -> DeviceServer:
    """A unit that does everything any model does, without doing it: it answers GOOD."""
    real = {row.opcode for row in reservations.COMMANDS}
    return DeviceServer(
        [
            row if row.opcode in real else replace(row, handler=lambda unit, call: GOOD)
            for row in COMMANDS
        ]
    )


def capable(**values: Any) -> DeviceServer:
    """Such a unit with other capabilities."""
    made = unit()
    made.persistent.capabilities = replace(made.persistent.capabilities, **values)
    return made


def heard(client: Client) -> list[tuple[int, int]]:
    """(ASC, ASCQ) of the unit attentions that are pending for it, which are cleared."""
    attentions = client.unit.nexuses[client.nexus].attentions
    codes = [(code.asc, code.ascq) for code in attentions]
    attentions.clear()
    return codes


def clients(of: DeviceServer, *names: str) -> list[Client]:
    """Initiators that have heard of the power-on."""
    made = [Client(of, name) for name in names]
    for one in made:
        one.send(bytes(6))
    return made


def three() -> tuple[Client, Client, Client]:
    """Three registered nexuses with keys A, B and C."""
    a, b, c = clients(unit(), "a", "b", "c")
    for one, key in ((a, KEY_A), (b, KEY_B), (c, KEY_C)):
        assert one.out(REGISTER, new=key).status == STATUS_GOOD
    return a, b, c


def in_list(at: int, bit: int | None = None) -> Sense:
    """5/26/00 with the field pointer."""
    return Sense(INVALID_PARAMETER, pointer=(at, bit), in_cdb=False)


def transport_id(address: int, protocol: int = 6) -> bytes:
    """Of a SAS port (SPC-4 7.6.4.5), or of a Fibre Channel one."""
    where = {6: 4, 0: 8}[protocol]
    return (bytes((protocol,)) + bytes(where - 1) + address.to_bytes(8, "big")).ljust(24, b"\0")

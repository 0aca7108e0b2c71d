"""The seam between a transport and a logical unit, and what one row of a command table says.

A transport hands over a CDB, the nexus it came from and memory views of its own buffers; it gets
a `Completion`. Nothing else passes between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Any, NamedTuple

from target.scsi.layout import Layout
from target.scsi.sense import DATA_PHASE_ERROR, PARAMETER_LIST_LENGTH, CheckCondition, invalid_cdb

STATUS_GOOD = 0x00
STATUS_CHECK_CONDITION = 0x02
STATUS_RESERVATION_CONFLICT = 0x18
STATUS_TASK_ABORTED = 0x40

Buffers = Sequence[memoryview]
"""A scatter-gather list: writable views of bytes, usually one."""


class Nexus(NamedTuple):
    """An I_T nexus: which initiator port speaks to which target port."""

    initiator: str
    target: str = "port1"


class Completion(NamedTuple):
    """How a command ended: SAM status, sense data (empty if none), bytes put into data-in."""

    status: int
    sense: bytes = b""
    length: int = 0


GOOD = Completion(STATUS_GOOD)
CONFLICT = Completion(STATUS_RESERVATION_CONFLICT)
ABORTED = Completion(STATUS_TASK_ABORTED)


class ReservationConflict(Exception):
    """A command ends with RESERVATION CONFLICT, which has no sense data."""


class Data(Enum):
    """Which way a command moves data."""

    NONE = auto()
    IN = auto()
    OUT = auto()


class Rule(Flag):
    """What the device server lets pass or demands before a command's own function runs.

    A row without any of the reservation rules ends with RESERVATION CONFLICT on a nexus that the
    reservation shuts out. Who says which row has which: for the commands of SPC its table 65
    (SPC-4 5.13.1), for RESERVE and RELEASE SPC-2 5.5.1. Of the commands of SSC only READ BLOCK
    LIMITS, and PREVENT ALLOW MEDIUM REMOVAL with PREVENT 0, pass: there is one position for all
    nexuses, so that reading, spacing or asking for the position would disturb the holder, or
    depend on it, under Write Exclusive as well.
    """

    NONE = 0
    PASSES_ATTENTION = auto()
    """Runs although a unit attention is pending (INQUIRY, REPORT LUNS, REQUEST SENSE)."""
    PASSES_LEGACY = auto()
    """Runs although another nexus holds the unit by RESERVE."""
    PASSES_WRITE_EXCLUSIVE = auto()
    """Runs on a nexus that a Write Exclusive persistent reservation of any kind shuts out."""
    PASSES_EXCLUSIVE_ACCESS = auto()
    """Runs on a nexus that an Exclusive Access persistent reservation of any kind shuts out."""
    PASSES_PERSISTENT = PASSES_WRITE_EXCLUSIVE | PASSES_EXCLUSIVE_ACCESS
    PASSES_RESERVATION = PASSES_LEGACY | PASSES_PERSISTENT
    """Runs whatever reservation another nexus holds."""
    PASSES_UNLESS_PREVENT = auto()
    """Runs whatever reservation another nexus holds if PREVENT, a field of its CDB, is 0."""
    PASSES_UNRESERVED = auto()
    """Runs where nothing is reserved although it has to be (OIR), as what is allowed under a Write
    Exclusive persistent reservation does."""
    NEEDS_MEDIUM = auto()
    """2/3A/00 and its like unless a volume is loaded and threaded."""


@dataclass(frozen=True)
class Command:
    """One row: opcode (and service action), the CDB's fields, the function, the conditions.

    ``layout`` declares bytes 1 up to the control byte; the opcode and CONTROL are added here.
    ``timeout`` names the entry in the personality's timeouts.
    """

    opcode: int
    name: str
    layout: Layout
    handler: Callable[[Any, Call], Completion]
    data: Data
    rules: Rule
    timeout: str
    service_action: int | None = None
    needs_medium: bool = False
    """`Rule.NEEDS_MEDIUM`, as every command asks for it."""
    reserved: int = 0
    """The CDB bits that must be zero, as one big-endian number over the whole CDB."""
    secret: bool = False
    """Data-out may hold keys: it is overwritten whatever becomes of the command. The function does
    so when it runs, the device server when it does not, see `DeviceServer.forget`."""

    @property
    def size(self) -> int:
        """CDB length in bytes."""
        return self.layout.size

    def usage(self) -> bytes:
        """CDB usage data (SPC-4 6.35.3): opcode, service action, then a one for each bit used."""
        usage = bytearray(self.layout.mask)
        usage[0] = self.opcode
        if self.service_action is not None:
            usage[1] = usage[1] & ~0x1F | self.service_action
        return bytes(usage)


CDB_SIZES = {0: 6, 1: 10, 2: 10, 4: 16, 5: 12, 7: 12}
"""CDB length by the group code in bits 7-5 of the opcode; of the makers' own groups, of those that
are here."""


def command(
    opcode: int,
    name: str,
    fields: str,
    handler: Callable[[Any, Call], Completion],
    data: Data = Data.NONE,
    rules: Rule = Rule.NONE,
    timeout: str = "short",
    service_action: int | None = None,
    secret: bool = False,
) -> Command:
    """A row of a command table; ``fields`` as `Layout` takes them, without opcode and control."""
    size = CDB_SIZES[opcode >> 5]
    # NACA and LINK of CONTROL are not supported: only its vendor bits may be set (SAM-5 5.2).
    text = f"0 opcode\n{fields}\n{size - 1}.7-6 control_vendor"
    if service_action is not None:
        text += "\n1.4-0 service_action"
    layout = Layout(text, size)
    reserved = int.from_bytes(layout.mask, "big") ^ (1 << 8 * size) - 1
    return Command(
        opcode,
        name,
        layout,
        handler,
        data,
        rules,
        timeout,
        service_action,
        bool(rules & Rule.NEEDS_MEDIUM),
        reserved,
        secret,
    )


class Call:
    """One command in flight, as its function sees it."""

    __slots__ = ("cdb", "command", "data_in", "data_out", "nexus")

    def __init__(
        self, command: Command, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers
    ) -> None:
        self.command = command
        self.nexus = nexus
        self.cdb = cdb
        self.data_out = data_out
        self.data_in = data_in

    def __getitem__(self, field: str) -> int:
        return self.command.layout[field].get(self.cdb)

    def invalid(self, field: str) -> CheckCondition:
        """5/24/00 pointing at a field of the CDB; the caller raises it."""
        where = self.command.layout[field]
        return invalid_cdb(where.first, where.top_bit)

    def reply(self, data: bytes | bytearray, allocation: int) -> Completion:
        """Data-in, cut to the allocation length and to what the initiator has room for."""
        left = memoryview(data)[:allocation]
        sent = 0
        for buffer in self.data_in:
            count = min(len(buffer), len(left))
            buffer[:count] = left[:count]
            left = left[count:]
            sent += count
        return Completion(STATUS_GOOD, b"", sent)

    def parameters(self, length: int, at_least: int = 0) -> bytearray:
        """The parameter list of ``length`` bytes that the CDB announced.

        Raises CheckCondition 5/1A/00 if it announced less than ``at_least`` bytes (a length of
        zero is no error in most commands: the caller decides), B/4B/00 if the initiator sent
        less than it announced.
        """
        if length < at_least:
            raise CheckCondition(PARAMETER_LIST_LENGTH)
        data = bytearray()
        for buffer in self.data_out:
            data += buffer[: length - len(data)]
        if len(data) < length:
            raise CheckCondition(DATA_PHASE_ERROR)
        return data

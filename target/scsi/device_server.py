"""The device server: what happens to every command before and after its own function.

The order is that of SAM-5 and SPC-4: is there such a command, is the unit reserved by another
nexus, is a unit attention pending, is the CDB well formed, is the medium there. Then the row's
function runs. Whatever goes wrong becomes sense data; nothing that a client sends gets past here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from target.clock import SYSTEM, Clock
from target.scsi import sense as s
from target.scsi.command import (
    STATUS_CHECK_CONDITION,
    STATUS_RESERVATION_CONFLICT,
    Buffers,
    Call,
    Command,
    Completion,
    Data,
    Nexus,
    Rule,
)
from target.scsi.sense import CheckCondition, Code, Sense, invalid_cdb


class NexusState:
    """What the unit remembers about one nexus."""

    def __init__(self, attentions: Iterable[Code]) -> None:
        self.attentions = list(attentions)
        self.removal_prevented = False


class DeviceServer:
    """A logical unit: a command table and the state that every SCSI device has.

    ``sense_length``: how many bytes of fixed-format sense data this model returns. ``clock`` is
    the only source of time; ``memory`` is what the unit keeps without power (JSON values).
    """

    def __init__(
        self, commands: Sequence[Command], sense_length: int = 18, clock: Clock = SYSTEM
    ) -> None:
        self.commands = tuple(commands)
        self.sense_length = sense_length
        self.clock = clock
        self.memory: dict[str, Any] = {}
        self.volatile: dict[str, Any] = {}
        """What areas of the command set keep until a reset, each under its own name."""
        self.reset_at = clock.monotonic()
        """When the unit was last powered on or reset."""
        self.descriptor_sense = False
        self.reservation: Nexus | None = None
        self.nexuses: dict[Nexus, NexusState] = {}
        self._by_opcode: dict[int, Command | dict[int, Command]] = {}
        for row in self.commands:
            if row.service_action is None:
                self._by_opcode[row.opcode] = row
            else:
                group = self._by_opcode.setdefault(row.opcode, {})
                assert isinstance(group, dict), f"{row.name}: opcode is in the table already"
                group[row.service_action] = row

    def execute(
        self, nexus: Nexus, cdb: bytes, data_out: Buffers = (), data_in: Buffers = ()
    ) -> Completion:
        """Run one command. Never raises: every failure is a status with sense data.

        ``data_in`` and ``data_out`` may be the same buffers: a command uses one direction only.
        """
        try:
            state = self.nexuses.get(nexus) or self.meet(nexus)
            command = self._by_opcode.get(cdb[0])
            if command.__class__ is not Command:
                command = self._find(cdb)
            rules = command.rules
            if (
                self.reservation is not None
                and self.reservation != nexus
                and not rules & Rule.PASSES_RESERVATION
            ):
                return Completion(STATUS_RESERVATION_CONFLICT)
            if state.attentions and not rules & Rule.PASSES_ATTENTION:
                raise CheckCondition(state.attentions.pop(0))
            if len(cdb) != command.size:
                cdb = bytes(cdb[: command.size]).ljust(command.size, b"\0")
            if int.from_bytes(cdb, "big") & command.reserved:
                byte, bit = command.layout.stray_bit(cdb) or (0, 0)
                raise invalid_cdb(byte, bit)
            self.admit(command)
            return command.handler(self, Call(command, nexus, cdb, data_out, data_in))
        except CheckCondition as condition:
            return self._check(condition.sense, condition.length)
        except Exception as error:
            return self._check(self.failed(error, cdb), 0)

    def admit(self, command: Command) -> None:
        """Raise CheckCondition when the unit is in no state to run ``command``."""

    def failed(self, error: Exception, cdb: bytes) -> Sense:
        """What to tell the initiator of an exception that a command did not expect."""
        # Loaded here because a target's start-up time is its rig's, and this should not be
        # needed at all. The CDB is no secret; buffers may hold keys and are not shown.
        import logging

        logging.getLogger(__name__).error("%s: CDB %s", self, bytes(cdb).hex(" "), exc_info=error)
        return Sense(s.INTERNAL_FAILURE)

    def meet(self, nexus: Nexus) -> NexusState:
        """First command of a nexus: it has yet to hear of the power-on."""
        state = self.nexuses[nexus] = NexusState((s.POWER_ON,))
        return state

    def attention(self, code: Code, but: Nexus | None = None) -> None:
        """Establish a unit attention for every known nexus except ``but``, once each."""
        for nexus in self.nexuses:
            if nexus != but:
                self.tell(nexus, code)

    def tell(self, nexus: Nexus, code: Code) -> None:
        """Establish a unit attention for one known nexus, unless the same is pending."""
        attentions = self.nexuses[nexus].attentions
        if code not in attentions:
            attentions.append(code)

    def reset(self, attention: Code | None = s.POWER_ON) -> None:
        """Power-on or hard reset: reservations, prevents and pending attentions are gone.

        ``attention`` is None where the transport tells every nexus of the reset itself.
        """
        self.reservation = None
        self.volatile.clear()
        self.reset_at = self.clock.monotonic()
        for state in self.nexuses.values():
            state.attentions = [] if attention is None else [attention]
            state.removal_prevented = False

    def remember(self, **values: Any) -> None:
        """Keep values over a loss of power; durable when it returns."""
        self.memory.update(values)

    def release_reservation(self) -> None:
        """Nobody holds the unit any more."""
        self.reservation = None

    def find(self, opcode: int, service_action: int | None) -> Command | None:
        """The row of an opcode (and service action), or None."""
        row = self._by_opcode.get(opcode)
        if isinstance(row, dict):
            return row.get(service_action) if service_action is not None else None
        return row if service_action is None else None

    def has_service_actions(self, opcode: int) -> bool:
        """Whether the opcode's commands are told apart by service action."""
        return isinstance(self._by_opcode.get(opcode), dict)

    def returns_data(self, cdb: bytes) -> bool:
        """Whether the command, known or not, may have data-in."""
        row = self._by_opcode.get(cdb[0])
        if isinstance(row, dict):
            row = row.get(cdb[1] & 0x1F)
        return row is None or row.data is not Data.OUT

    def timeouts(self, command: Command) -> tuple[int, int]:
        """(nominal, recommended) seconds for REPORT SUPPORTED OPERATION CODES; 0: not said."""
        return (0, 0)

    def _find(self, cdb: bytes) -> Command:
        row: Any = self._by_opcode.get(cdb[0])
        if row is None:
            raise CheckCondition(Sense(s.INVALID_OPCODE, pointer=(0, None)))
        command = row.get(cdb[1] & 0x1F if len(cdb) > 1 else 0)
        if command is None:
            raise invalid_cdb(1, 4)
        assert isinstance(command, Command)
        return command

    def _check(self, sense: Sense, length: int) -> Completion:
        data = sense.descriptor() if self.descriptor_sense else sense.fixed(self.sense_length)
        return Completion(STATUS_CHECK_CONDITION, data, length)

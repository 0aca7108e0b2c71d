"""The device server: what happens to every command before and after its own function.

The order is that of SAM-5 and SPC-4: is there such a command, does a reservation shut its nexus
out, is a unit attention pending, is the CDB well formed, is the medium there. Then the row's
function runs. Whatever goes wrong becomes sense data; nothing that a client sends gets past here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from target.clock import SYSTEM, Clock, Woken
from target.scsi import sense as s
from target.scsi.command import (
    ABORTED,
    CONFLICT,
    STATUS_CHECK_CONDITION,
    STATUS_GOOD,
    Buffers,
    Call,
    Command,
    Completion,
    Data,
    Nexus,
    ReservationConflict,
    Rule,
)
from target.scsi.sense import CheckCondition, Code, Sense, invalid_cdb
from target.scsi.unit import LogicalUnit

ILLEGAL_REQUEST = 0x5


class Informational(Exception):
    """What `DeviceServer.admit` raises, once: the command is carried out all the same, and ends
    with CHECK CONDITION and ``code`` if there is nothing else to say of it (SPC-4 7.5.11)."""

    def __init__(self, code: Code) -> None:
        self.code = code


Run = Callable[[Nexus, bytes, Buffers, Buffers], Completion]
"""Runs a command, as `DeviceServer.execute` does."""
Interposer = Callable[[Run, Nexus, bytes, Buffers, Buffers], Completion]
"""Stands between a transport and a unit: what comes after it is the first argument, which it may
call or not. It must not raise, and must leave no key where it was not."""
_JOINING = threading.Lock()
"""Faults and traces come and go from any thread."""


class DeviceServer(LogicalUnit):
    """A logical unit that runs commands from a table.

    ``sense_length``: how many bytes of fixed-format sense data this model returns.
    """

    def __init__(
        self, commands: Sequence[Command], sense_length: int = 18, clock: Clock = SYSTEM
    ) -> None:
        super().__init__(clock)
        self.commands = tuple(commands)
        self.sense_length = sense_length
        self.descriptor_sense = False
        self.vendor_sense: dict[str, tuple[Code, int | None]] = {}
        """A maker's own code and fault symptom code, by the name of a condition in `sense`."""
        self.block_length = 0
        """Bytes of a block, where a CDB with FIXED set counts in those."""
        self.unsettled = False
        """Whether something goes on after its command, see `settle`."""
        self.interposers: tuple[Interposer, ...] = ()
        """Who sees every command now; set by `interpose`."""
        self._interposed: Run | None = None
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
        Threads may call at the same time: each waits for its turn.
        """
        with self.turn:
            self.running = nexus
            self.commands_run += 1
            run = self._interposed
            if run is None:
                done = self._execute(nexus, cdb, data_out, data_in)
            else:
                done = run(nexus, cdb, data_out, data_in)
            if done.status:
                self.forget(cdb, data_out)
            return done

    def interpose(self, interposers: Sequence[Interposer]) -> None:
        """These see every command from the next one on, the first one first; nobody else does.

        A command that runs keeps those that it began with, and is not waited for: it may hang.
        """
        run: Run = self._execute
        for interposer in reversed(interposers):
            run = partial(interposer, run)
        self.interposers = tuple(interposers)
        self._interposed = run if interposers else None

    def join(self, interposer: Interposer, *, outermost: bool = False) -> None:
        """One comes beside those that are there: next to the unit, or next to its hosts."""
        with _JOINING:
            there = self.interposers
            self.interpose((interposer, *there) if outermost else (*there, interposer))

    def leave(self, interposer: Interposer) -> None:
        """One goes; the others stay."""
        with _JOINING:
            self.interpose([one for one in self.interposers if one is not interposer])

    def carries_secrets(self, cdb: bytes) -> bool:
        """Whether data-out may hold a key, see `forget`."""
        row = self._by_opcode.get(cdb[0]) if cdb else None
        return row is None or (isinstance(row, Command) and row.secret)

    def forget(self, cdb: bytes, data_out: Buffers) -> None:
        """Overwrite data-out that may hold a key, of a command that was refused or is never run.

        That is so where the command's row says it, and where there is no row: the key was meant for
        another model. For transports, too, that drop a command before they have passed it on.
        """
        if self.carries_secrets(cdb):
            for buffer in data_out:
                buffer[:] = bytes(len(buffer))

    def _execute(self, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers) -> Completion:
        try:
            if self.unsettled:
                self.settle()
            state = self.nexuses.get(nexus) or self.meet(nexus)
            command = self._by_opcode.get(cdb[0])
            if command.__class__ is not Command:
                command = self._find(cdb)
            rules = command.rules
            if state.barrier is not None and self._shut_out(command, state.barrier, cdb):
                return CONFLICT
            if state.attentions and not rules & Rule.PASSES_ATTENTION:
                raise CheckCondition(state.attentions.pop(0))
            if len(cdb) != command.size:
                cdb = bytes(cdb[: command.size]).ljust(command.size, b"\0")
            if int.from_bytes(cdb, "big") & command.reserved:
                byte, bit = command.layout.stray_bit(cdb) or (0, 0)
                raise invalid_cdb(byte, bit)
            self.admit(command, nexus)
            return command.handler(self, Call(command, nexus, cdb, data_out, data_in))
        except CheckCondition as condition:
            self.told(condition.sense, cdb)
            return self._check(condition.sense, condition.length)
        except ReservationConflict:
            return CONFLICT
        except Woken:
            self.aborted()
            return ABORTED
        except Informational as exception:
            done = self._execute(nexus, cdb, data_out, data_in)
            if done.status == STATUS_GOOD:
                return self._check(Sense(exception.code), done.length)
            self.postpone(nexus, exception.code)
            return done
        except Exception as error:
            sense = self.failed(error, cdb)
            self.told(sense, cdb)
            return self._check(sense, 0)

    def settle(self) -> None:
        """Look how far what is going on has come; called before any command."""

    def admit(self, command: Command, nexus: Nexus) -> None:
        """Raise CheckCondition when the unit is in no state to run ``command``."""

    def aborted(self) -> None:
        """A command was aborted while it waited for time."""

    def told(self, sense: Sense, cdb: bytes) -> None:
        """A command ends with these sense data."""

    def postpone(self, nexus: Nexus, code: Code) -> None:
        """An informational exception could not be reported, for the command failed by itself."""

    def failed(self, error: Exception, cdb: bytes) -> Sense:
        """What to tell the initiator of an exception that a command did not expect."""
        # Loaded here because a target's start-up time is its rig's, and this should not be
        # needed at all. The CDB is no secret; buffers may hold keys and are not shown.
        import logging

        logging.getLogger(__name__).error("%s: CDB %s", self, bytes(cdb).hex(" "), exc_info=error)
        return Sense(s.INTERNAL_FAILURE)

    # --- the command table -------------------------------------------------------------------

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
        row = self._row(cdb)
        return row is None or row.data is not Data.OUT

    def takes_data(self, cdb: bytes) -> bool:
        """Whether the command, known or not, may have data-out."""
        row = self._row(cdb)
        return row is None or row.data is Data.OUT

    def announced(self, cdb: bytes) -> int:
        """How many bytes a CDB asks to move, 0 for one that does not say: what an initiator that
        knows its buffer's size compares that with."""
        row = self._row(cdb)
        if row is None or row.data is Data.NONE:
            return 0
        fields = row.layout.fields
        for name in ("transfer_length", "allocation_length", "parameter_list_length"):
            if name in fields:
                count = fields[name].get(cdb)
                fixed = "fixed" in fields and fields["fixed"].get(cdb)
                return count * self.block_length if fixed else count
        return 0

    def timeouts(self, command: Command) -> tuple[int, int]:
        """(nominal, recommended) seconds for REPORT SUPPORTED OPERATION CODES; 0: not said."""
        return (0, 0)

    def _shut_out(self, command: Command, barrier: Rule, cdb: bytes) -> bool:
        """Whether that is a conflict; 5/2C/0B where there is nothing to conflict with (OIR)."""
        refused = self.reservation is None and self.persistent.capabilities.conflicts
        if command.rules & Rule.PASSES_UNLESS_PREVENT:
            shut = bool(command.layout["prevent"].get(cdb))
        else:
            shut = (refused and command.opcode in refused) or not command.rules & barrier
        if shut and barrier & Rule.PASSES_UNRESERVED:
            raise CheckCondition(s.NOT_RESERVED)
        return shut

    def _row(self, cdb: bytes) -> Command | None:
        row = self._by_opcode.get(cdb[0]) if cdb else None
        if isinstance(row, dict):
            row = row.get(cdb[1] & 0x1F) if len(cdb) > 1 else None
        return row

    def _find(self, cdb: bytes) -> Command:
        row: Any = self._by_opcode.get(cdb[0])
        if row is None:
            raise CheckCondition(Sense(s.INVALID_OPCODE, pointer=(0, None)))
        command = row.get(cdb[1] & 0x1F if len(cdb) > 1 else 0)
        if command is None:
            raise invalid_cdb(1, 4)
        assert isinstance(command, Command)
        return command

    def encode_sense(self, sense: Sense, descriptor: bool) -> bytes:
        """Sense data as this model gives them, in descriptor or fixed format."""
        if self.vendor_sense:
            sense = self.translate(sense)
        return sense.descriptor() if descriptor else sense.fixed(self.sense_length)

    def translate(self, sense: Sense) -> Sense:
        """The condition in the maker's own words, if there are any for it. Only ILLEGAL REQUEST
        has a field pointer."""
        own = self.vendor_sense.get(s.NAMES.get(sense.code, ""))
        if own is None:
            return sense
        code, fsc = own
        pointer = sense.pointer if code.key == ILLEGAL_REQUEST else None
        return replace(sense, code=code, pointer=pointer, fsc=sense.fsc if fsc is None else fsc)

    def _check(self, sense: Sense, length: int) -> Completion:
        data = self.encode_sense(sense, self.descriptor_sense)
        return Completion(STATUS_CHECK_CONDITION, data, length)

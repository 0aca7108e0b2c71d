"""What a drive tells of its failures beside sense data: TapeAlert, diagnostic data, exceptions.

A command that fails is looked at once, when its sense data are made: they may raise TapeAlert
flags (`tape_alert.BY_SENSE`), and a medium or hardware error leaves an entry of tape diagnostic
data, which log page 16h shows and which is kept without power.

An informational exception (SPC-4 7.5.11, SSC-4 4.2.20) is that some TapeAlert flag was raised. A
nexus that has enabled reporting (DEXCPT 0 in mode page 1Ch) hears of it at the end of its next
command that has nothing else to say: 1/5D/00 with MRIE 4, and with MRIE 3 if PER in mode page 01h
lets recovered errors be reported. The command is carried out.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from target.scsi import maintenance
from target.scsi import sense as s
from target.scsi.command import Command, Nexus, Rule
from target.scsi.device_server import Informational
from target.scsi.sense import Code, Sense
from target.tape.accounting import Accounted
from target.tape.tape_alert import BY_SENSE, Flag

EXCEPTIONS, ERROR_RECOVERY = (0x1C, 0x00), (0x01, 0x00)
"""Mode pages."""
CONDITIONALLY, UNCONDITIONALLY = 3, 4
"""MRIE: recovered errors, if they may be reported, or whether they may or not."""

MEDIUM_ERROR, HARDWARE_ERROR, ABORTED_COMMAND = 0x3, 0x4, 0xB

_CLEANING = (Flag.CLEAN_NOW, Flag.CLEAN_PERIODIC)

KEPT = 60
"""How many entries of tape diagnostic data."""


class Entry(NamedTuple):
    """Tape diagnostic data of one error (SSC-4 8.2.7); hours are those of motion, ``time`` is the
    timestamp with its origin. An error that comes again at once is ``repeated``."""

    key: int
    asc: int
    ascq: int
    opcode: int
    action: int
    volume: str
    density: int
    medium_type: int
    hours: int
    hours_since_clean: int
    revision: str
    fsc: int
    origin: int
    time: int
    repeated: bool = False

    @property
    def error(self) -> tuple[int | str, ...]:
        """What makes it another error than the last one."""
        return self[:6]


class Reporting(Accounted):
    """A drive that says what went wrong."""

    def restore(self, memory: dict[str, object]) -> None:
        """No nexus waits for anything."""
        super().restore(memory)
        self.exceptions: dict[Nexus, Code] = {}
        """What each nexus has yet to hear of."""
        self.diagnosed = 0
        """Entries that were made since power came."""
        self._diagnosed_read: dict[Nexus, int] = {}

    # --- a command that failed -----------------------------------------------------------------

    def told(self, sense: Sense, cdb: bytes) -> None:
        """Flags and an entry, as the sense data say."""
        for flag in BY_SENSE.get(sense.code, ()):
            self.alert(flag)
        if sense.code.key in (HARDWARE_ERROR, ABORTED_COMMAND):
            self.counters.other_errors += 1
        if sense.code.key in (MEDIUM_ERROR, HARDWARE_ERROR):
            try:
                self._note(sense, cdb)
            except OSError:
                # The error itself is what the host must hear of.
                logging.getLogger(__name__).exception("%s: not kept", self)

    def diagnostic_data(self) -> list[Entry]:
        """The entries that are kept, the latest first."""
        kept = self.memory.get("errors", ())
        return [Entry(*entry) for entry in kept]

    def diagnosed_since(self, nexus: Nexus) -> bool:
        """Whether there are entries that a nexus has not read."""
        return self.diagnosed > self._diagnosed_read.get(nexus, 0)

    def diagnostic_data_read(self, nexus: Nexus) -> None:
        """A nexus has read them."""
        self._diagnosed_read[nexus] = self.diagnosed

    def _note(self, sense: Sense, cdb: bytes) -> None:
        entry = self._entry(sense, b"" if sense.deferred else cdb)
        kept = self.diagnostic_data()
        self.diagnosed += 1
        if kept and kept[0].error == entry.error:
            if kept[0].repeated:
                return
            kept = kept[1:]
            entry = entry._replace(repeated=True)
        self.remember(errors=[list(one) for one in (entry, *kept)][:KEPT])

    def _entry(self, sense: Sense, cdb: bytes) -> Entry:
        """Of a deferred error, which has no ``cdb``, operation code and action are 0."""
        cartridge = self.cartridge
        origin, milliseconds = maintenance.timestamp(self)
        opcode = cdb[0] if cdb else 0
        code = self.translate(sense)
        return Entry(
            *sense.code[:3],
            opcode,
            cdb[1] & 0x1F if self.has_service_actions(opcode) and len(cdb) > 1 else 0,
            cartridge.barcode if cartridge else "",
            self.density_code(),
            self.medium_type(),
            int(self.lifetime.seconds_moving) // 3600,
            int(self.since_cleaning()[0]) // 3600,
            self.inquiry_data[32:36].decode("ascii", "replace"),
            code.fsc or 0,
            origin,
            milliseconds,
        )

    def density_code(self) -> int:
        """The density code of the loaded volume; 0 without one."""
        raise NotImplementedError

    def medium_type(self) -> int:
        """The MEDIUM TYPE byte."""
        raise NotImplementedError

    # --- informational exceptions --------------------------------------------------------------

    def alert(self, flag: int) -> None:
        """A TapeAlert flag is an informational exception; the need to clean has a code of its own,
        1/00/17."""
        super().alert(flag)
        dirty = flag in _CLEANING and self.cleaning()[Flag(flag)]
        self.predict(s.CLEANING_NEEDED if dirty else s.FAILURE_PREDICTED)

    def predict(self, code: Code) -> None:
        """Have ``code`` reported to whoever wants to hear of exceptions."""
        if EXCEPTIONS in self.modes:
            for nexus in self.nexuses:
                if self._hears(nexus):
                    self.exceptions.setdefault(nexus, code)

    def _hears(self, nexus: Nexus) -> bool:
        control = self.modes.of(nexus, *EXCEPTIONS)
        if control["dexcpt"]:
            return False
        if control["mrie"] == CONDITIONALLY and ERROR_RECOVERY in self.modes:
            return bool(self.modes[ERROR_RECOVERY]["per"])
        return control["mrie"] in (CONDITIONALLY, UNCONDITIONALLY)

    def inform(self, command: Command, nexus: Nexus) -> None:
        """Raise what ``nexus`` has yet to hear of, if ``command`` is one to report it by."""
        if not command.rules & Rule.PASSES_ATTENTION:
            code = self.exceptions.pop(nexus, None)
            if code is not None:
                raise Informational(code)

    def postpone(self, nexus: Nexus, code: Code) -> None:
        """The command failed by itself; the next one will tell."""
        self.exceptions.setdefault(nexus, code)

    def nexus_gone(self, nexus: Nexus) -> None:
        """It hears of nothing any more."""
        super().nexus_gone(nexus)
        self.exceptions.pop(nexus, None)

    def reset(self, attention: Code | None = s.POWER_ON, but: Nexus | None = None) -> None:
        """Nobody waits to hear of anything: mode page 1Ch has its default values."""
        super().reset(attention, but)
        self.exceptions.clear()

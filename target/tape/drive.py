"""A tape drive: what it holds between two commands, and the few things that change it.

The commands themselves are functions in the modules beside this one; `commands` is their table.
A drive is made in layers, each on those before it: `mount` (the cartridge and the position),
`recorder` (writing), `motion` (time), `accounting` and `reporting` (what is counted, what is told
later), `service` (buffers, self-test, microcode), `keyed` (keys), and here the rest: mode
parameters, reset and power.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from target.clock import SYSTEM, Clock
from target.medium.errors import MediumError, WriteFailed
from target.personality import Personality
from target.scsi import firmware
from target.scsi import sense as s
from target.scsi.command import Command, Nexus
from target.scsi.command_table import key
from target.scsi.mode import ModePages
from target.scsi.registrations import Capabilities
from target.scsi.sense import CheckCondition, Sense, invalid_parameter
from target.tape import (
    inquiry,
    log_pages,
    mam,
    mode_pages,
    mode_partitions,
    nonvolatile,
    sense_tail,
    write_protection,
)
from target.tape.keyed import Keyed
from target.tape.mount import Medium
from target.tape.protection import METHODS, SIZE, Protection

KEEP_DENSITY = (0x00, 0x7F)
_PROTECTION = (0x0A, 0xF0)
"""The mode page of control data protection."""
_RESETS_FROM_HOSTS = (None, s.BUS_RESET, s.DEVICE_RESET)
_REWINDS = 0b01
"""REWIND ON RESET; other values keep the position (HP LTO volume 2, IBM LTO SCSI Reference)."""


class Drive(Keyed):
    """A drive of one model, with or without a cartridge.

    ``compression`` is off, lz4 or zstd: what mode page 0Fh may switch on. ``state`` is the file of
    what the drive remembers without power. ``factor``: how much of real time operations take.
    ``control``: who sets encryption parameters, see `Keyed`. Raises ValueError if the file, or the
    personality's timing, is none.
    """

    def __init__(
        self,
        personality: Personality,
        serial: str,
        commands: Sequence[Command],
        compression: str = "off",
        state: Path | None = None,
        clock: Clock = SYSTEM,
        factor: float = 0.0,
        control: str | None = None,
    ) -> None:
        super().__init__(personality, commands, compression, clock, factor, control)
        self.serial = serial
        self._state = state
        self.persistent.capabilities = Capabilities(**personality.reservations)
        self.vendor_sense = s.own_codes(personality.sense)
        self.restore(nonvolatile.load(state))
        self.lifetime.power_cycles += 1
        self.save_life()
        self.modes = ModePages(
            mode_pages.pages(compression != "off"), personality.modes, self.memory.get("modes")
        )
        self._describe()
        self.logs = log_pages.of(personality)
        self.block_length = 0
        self.buffered = 1
        self.failing = 0
        """Operation code of the last command that failed."""
        self.protected: dict[Nexus, Protection] = {}
        """Nexuses whose blocks travel with protection behind them."""
        self.power_lost: Callable[[], object] = lambda: None
        """Called where power is lost by mishap, before it comes back, in the drive's turn."""
        self.modes_changed()

    def __str__(self) -> str:
        return f"{self.personality.name} {self.serial}"

    # --- the cartridge's memory --------------------------------------------------------------

    def loading(self, cartridge: Medium) -> None:
        """The cartridge keeps who loaded it; how to divide the last one is no longer asked for."""
        self.modes.forget(*mode_partitions.KEY)
        super().loading(cartridge)
        mam.mounted(self)

    def unloading(self) -> None:
        """The cartridge keeps what happened to it."""
        super().unloading()
        mam.unloading(self)

    def change_partition(self, number: int) -> None:
        """The cartridge counts by partition."""
        self.tally()
        mam.partition_changes(self, number)
        super().change_partition(number)

    def format_volume(
        self, capacities: Sequence[int | None], proportion: int | None = None
    ) -> None:
        """What mode page 11h has asked for is done, and the cartridge's memory is a new one."""
        super().format_volume(capacities, proportion)
        self.modes.forget(*mode_partitions.KEY)
        mam.formatted(self)

    def volume_changes(self) -> None:
        """The volume change reference is another one."""
        mam.volume_changed(self)

    # --- keys --------------------------------------------------------------------------------

    def unloaded(self) -> None:
        """Append-only mode and associated write protection end; keys of the volume go."""
        super().unloaded()
        self.modes.revert("write_mode", 0x10, 0x01)
        self.modes.revert("asocwp", 0x10)
        self.modes.forget(*mode_partitions.KEY)
        self.forget_key_failures()
        self.release(self.parameters.demounted())
        if self.external is not None:
            self.external.left()

    def nexus_gone(self, nexus: Nexus) -> None:
        """Keys and mode parameters of the nexus alone go."""
        super().nexus_gone(nexus)
        self.parameters.nexus_gone(nexus)
        self._forget_ciphers()
        self.modes.lost(nexus)
        self.modes_changed()

    # --- state of the unit -------------------------------------------------------------------

    def admit(self, command: Command, nexus: Nexus) -> None:
        """Nothing that goes on is in the way; commands that need a volume have one."""
        if self.unsettled:
            self.background.admit(command, nexus)
        if command.needs_medium and self.unfit is not None:
            raise CheckCondition(self.unfit)
        if self.guard is not None:
            self.guard.admit(command, nexus)
        if self.exceptions:
            self.inform(command, nexus)

    def failed(self, error: Exception, cdb: bytes) -> Sense:
        """3/31/00 where the structure of the volume is damaged and no command knew better."""
        if isinstance(error, WriteFailed):
            return self.write_failed().sense
        if isinstance(error, MediumError):
            self.read_failed()
            return Sense(s.FORMAT_CORRUPTED)
        return super().failed(error, cdb)

    def told(self, sense: Sense, cdb: bytes) -> None:
        """Sense data of some makers name the command."""
        self.failing = cdb[0] if cdb else 0
        super().told(sense, cdb)

    def encode_sense(self, sense: Sense, descriptor: bool) -> bytes:
        """In fixed format with the maker's own bytes."""
        if descriptor or "sense_tail" not in self.personality.quirks:
            return super().encode_sense(sense, descriptor)
        return sense_tail.fixed(self, self.translate(sense), self.sense_length)

    def timeouts(self, command: Command) -> tuple[int, int]:
        """Only the recommended one is known of these models."""
        return 0, self.personality.timeout(command.timeout, key(command))

    def remember(self, **values: Any) -> None:
        """Keep values in the drive's file."""
        super().remember(**values)
        nonvolatile.save(self._state, self.memory)

    def _describe(self) -> None:
        """VPD pages tell of the firmware too."""
        revision = self.inquiry_data[32:36].decode("ascii")
        identity = inquiry.Identity(self.personality, self.serial, revision, self.modes.pages)
        self.vpd_pages = inquiry.vital_product_data(identity)

    def show_revision(self, revision: bytes) -> None:
        """Other microcode, four characters: INQUIRY data and VPD pages tell of it."""
        firmware.set_revision(self, revision)
        self._describe()

    def reset(self, attention: s.Code | None = s.POWER_ON, but: Nexus | None = None) -> None:
        """Power-on or hard reset: keys are gone, the volume stays.

        It is at its beginning, or where it was, as REWIND ON RESET (mode page 10h) says, after a
        reset that came from a host.
        """
        rewinds = self.modes.value("rewind_on_reset", 0x10) == _REWINDS
        super().reset(attention, but)
        self._describe()
        self.parameters.reset()
        if self.external is not None:
            self.external.reset()
        self.modes.reset()
        self.modes_changed()
        self.block_length, self.buffered = 0, 1
        self.forget_key_failures()
        if self.loaded and (rewinds or attention not in _RESETS_FROM_HOSTS):
            self.seat(0)
        self.travel(moved=True)
        self.overwrite = None
        self._forget_ciphers()

    def renew(self) -> None:
        """A drive that has never had power before: it remembers nothing, and no known nexus has
        anything to hear of. It must be empty; whoever calls has the turn. What it remembers now is
        in its file with the next `save_life`, which any load brings."""
        # Nothing of what is on the way there is worth a file that is made durable.
        file, self._state = self._state, None
        self.power_on()
        self.restore({})
        self._describe()
        self.modes.power_on(None)
        self.modes_changed()
        self.lifetime.power_cycles = 1
        self.accounts.power_on()
        self._state = file
        self.forget_attentions()

    # --- mode parameters ---------------------------------------------------------------------

    def protection(self) -> s.Code | None:
        """The tab, or what hosts have asked for."""
        return super().protection() or write_protection.refusal(self)

    def mode_header(self) -> tuple[int, int]:
        """Medium type; WP, buffered mode and speed 0."""
        protected = self.loaded and self.protection() is not None
        return self.medium_type(), protected << 7 | self.buffered << 4

    def medium_type(self) -> int:
        """The MEDIUM TYPE byte: by kind for models that say so, else the cartridge's own."""
        if not self.loaded or self.cartridge is None:
            return 0
        kind = self.cartridge.type
        by_kind: dict[str, int] = self.personality.media.get("medium_types", {})
        return by_kind.get(kind.kind.value.lower(), kind.medium_type)

    def block_descriptor(self) -> bytes:
        """Density of the volume (0 without one), no block count, block length."""
        return bytes((self.density_code(), 0, 0, 0, 0)) + self.block_length.to_bytes(3, "big")

    def longest_block(self, nexus: Nexus) -> int:
        """As it travels: with logical block protection behind it, if there is any."""
        return self.personality.limits["max_block"] + (SIZE if nexus in self.protected else 0)

    def density_code(self) -> int:
        """The density code of the loaded volume; 0 without one."""
        if not self.loaded:
            return 0
        form = self.density
        if form.encrypted_density != form.density and self.volume_has_encrypted_blocks():
            return form.encrypted_density
        return form.density

    def mode_select(self, nexus: Nexus, header: bytes, descriptor: bytes, start: int) -> None:
        """Buffered mode 0 or 1, speed 0, the present density, a block length within the limits."""
        if header[1] & 0x0F or header[1] >> 4 & 7 > 1:
            raise invalid_parameter(2 if start == 4 else 3)
        if descriptor:
            if descriptor[0] not in (*KEEP_DENSITY, self.density.density, self.density_code()):
                raise invalid_parameter(start)
            length = int.from_bytes(descriptor[5:8], "big")
            if length > self.longest_block(nexus):
                raise invalid_parameter(start + 5)
            self.block_length = length
        self.buffered = header[1] >> 4 & 7

    def modes_changed(self) -> None:
        """Mode parameters were set: what the drive has worked out from them is void."""
        self.descriptor_sense = bool(self.modes[0x0A].get("d_sense"))
        extension = self.modes.current.get((0x10, 0x01), {})
        worm = self.cartridge is not None and self.cartridge.type.worm
        self.append_only = worm or bool(extension.get("write_mode"))
        if not self.append_only:
            self.overwrite = None
        self.protected = {}
        for nexus in self.nexuses if _PROTECTION in self.modes.current else ():
            values = self.modes.of(nexus, *_PROTECTION)
            method = METHODS.get(values["lbp_method"])
            if method:
                write, read = (method if values[way] else None for way in ("lbp_w", "lbp_r"))
                self.protected[nexus] = Protection(write, read)
        self.forget_checks()
        self.demand_reservations(bool(self.modes.value("oir", 0x10)))
        self.look_out()
        if self.loaded:
            self.set_warnings()

"""A tape drive: what it holds between two commands, and the few things that change it.

The commands themselves are functions in the modules beside this one; `commands` is their table.
Position is an object number: blocks and filemarks count alike, 0 is the beginning of the partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from target.encryption.parameters import Encryption, Parameters, ParameterSet
from target.medium.cartridge import OBJECT_COST, Cartridge
from target.medium.crypt import TAG_SIZE, BlockCipher
from target.medium.errors import MediumError, WriteFailed
from target.medium.generations import FIRST_ENCRYPTING, GENERATIONS, Generation
from target.medium.null import NullCartridge
from target.medium.partition import Partition
from target.medium.runs import RUN_RAW_DISABLED, external_run, new_run
from target.personality import Personality
from target.scsi import sense as s
from target.scsi.command import Command, Nexus
from target.scsi.mode import ModePages
from target.scsi.primary import Page, PrimaryUnit
from target.scsi.sense import CheckCondition, Sense, invalid_parameter
from target.tape import inquiry, log_pages, mode_pages
from target.tape.nonvolatile import NonVolatile

KEEP_DENSITY = (0x00, 0x7F)


@dataclass
class Counters:
    """What the log pages count. Bytes; *host* is before compression, *medium* is as stored."""

    host_written: int = 0
    host_read: int = 0
    medium_written: int = 0
    medium_read: int = 0
    write_errors: int = 0
    read_errors: int = 0


class Drive(PrimaryUnit):
    """A drive of one model, with or without a cartridge.

    ``compression`` is off, lz4 or zstd: what mode page 0Fh may switch on. ``state`` is the file of
    what the drive remembers without power. Raises ValueError if that is no such file.
    """

    def __init__(
        self,
        personality: Personality,
        serial: str,
        commands: Sequence[Command],
        compression: str = "off",
        state: Path | None = None,
    ) -> None:
        super().__init__(commands, personality.limits["sense_length"])
        self.personality = personality
        self.serial = serial
        self.compression = compression
        self.inquiry_data = inquiry.standard(personality)
        self.vpd_pages = inquiry.vital_product_data(personality, serial)
        self.modes = ModePages(mode_pages.pages(compression != "off"), personality.modes)
        self.logs = log_pages.PAGES
        self.block_length = 0
        self.buffered = 1
        self.cartridge: Cartridge | NullCartridge | None = None
        self.loaded = False
        self.position = 0
        self.counters: Counters = Counters()
        self._state = state
        self.lifetime: NonVolatile = NonVolatile.load(state)
        self.alerts: dict[Nexus, set[int]] = {}
        self.parameters = Parameters()
        self.key_failures = 0
        self._failed_key = 0
        self.read_cipher: tuple[int, int, BlockCipher | None] = (0, 0, None)
        self._run: tuple[int, int, BlockCipher | None] | None = None
        self._early_warning = 0

    def __str__(self) -> str:
        return f"{self.personality.name} {self.serial}"

    # --- the volume --------------------------------------------------------------------------

    @property
    def partition(self) -> Partition:
        """The partition at the heads; a volume must be loaded."""
        assert self.cartridge is not None
        # A null medium serves the same calls for clear blocks, and refuses encryption below.
        return self.cartridge.partitions[0]  # type: ignore[return-value]

    def insert(self, cartridge: Cartridge | NullCartridge) -> None:
        """A cartridge goes into an empty drive and is loaded at once."""
        assert self.cartridge is None, "one at a time"
        self.cartridge = cartridge
        self.load()

    def load(self) -> None:
        """Thread the cartridge: position 0, and every nexus hears of it."""
        assert self.cartridge is not None
        self.loaded = True
        self.position = 0
        # Small test cartridges keep a proportion of themselves, full-size ones a fixed amount.
        self._early_warning = min(1 << 30, self.cartridge.capacity // 16)
        self.cartridge.info["loads"] += 1
        self.lifetime.load_cycles += 1
        self.lifetime.save(self._state)
        self._forget_ciphers()
        self.attention(s.MEDIUM_MAY_HAVE_CHANGED)

    def unload(self) -> None:
        """Make the volume durable and take it off the heads; the cartridge stays in the drive."""
        if not self.loaded:
            return
        try:
            self.partition.sync()
        except WriteFailed:
            raise self.write_failed() from None
        self.loaded = False
        self.lifetime.save(self._state)
        self._forget_key_failures()
        self._forget_ciphers()
        for nexus in self.parameters.demounted():
            self.tell(nexus, s.ENCRYPTION_CHANGED_BY_EVENT)

    def eject(self) -> Cartridge | NullCartridge | None:
        """Unload and hand the cartridge out, still open; None if the drive is empty."""
        self.unload()
        cartridge, self.cartridge = self.cartridge, None
        return cartridge

    def require_volume(self) -> None:
        """2/3A/00 with no volume on the heads, 3/30/00 with one of a generation it cannot use."""
        if not self.loaded or self.cartridge is None:
            raise CheckCondition(s.NO_MEDIUM)
        media = self.personality.media
        if self.cartridge.generation.number not in (*media["read_write"], *media["read_only"]):
            raise CheckCondition(s.INCOMPATIBLE_MEDIUM)

    def require_writable(self) -> None:
        """7/27/00 for a write-protected volume, 7/30/05 for a generation that is read-only here."""
        assert self.cartridge is not None
        if self.cartridge.write_protect:
            self.alert(0x09)
            raise CheckCondition(s.WRITE_PROTECTED)
        if self.cartridge.generation.number not in self.personality.media["read_write"]:
            raise CheckCondition(s.CANNOT_WRITE_MEDIUM)

    @property
    def density(self) -> Generation:
        """The format in use: the volume's, or the drive's own without one."""
        if self.loaded and self.cartridge is not None:
            return self.cartridge.generation
        return GENERATIONS[self.personality.media["native"]]

    @property
    def remaining(self) -> int:
        """Bytes that still fit on the volume."""
        assert self.cartridge is not None
        return self.cartridge.remaining()

    @property
    def past_early_warning(self) -> bool:
        """Whether what is written ends inside the early-warning zone."""
        return self.remaining < self._early_warning

    def volume_has_encrypted_blocks(self) -> bool:
        """VCELB."""
        return self.first_encrypted() is not None

    def first_encrypted(self) -> int | None:
        """Object number of the first encrypted block, or None."""
        if isinstance(self.cartridge, NullCartridge):
            return None
        return self.partition.first_encrypted()

    def can_encrypt_volume(self) -> bool:
        """Whether encryption works on the loaded volume."""
        return self.density.number >= FIRST_ENCRYPTING

    def count_life(self, counter: str, stored: int) -> None:
        """Count bytes on the medium for as long as the cartridge and the drive live."""
        assert self.cartridge is not None
        self.cartridge.info[counter] += stored
        self.lifetime.bytes_since_clean += stored

    # --- state of the unit -------------------------------------------------------------------

    def admit(self, command: Command) -> None:
        """Commands that need a volume have one."""
        if command.needs_medium:
            self.require_volume()

    def failed(self, error: Exception, cdb: bytes) -> Sense:
        """3/31/00 where the structure of the volume is damaged and no command knew better."""
        if isinstance(error, WriteFailed):
            return self.write_failed().sense
        if isinstance(error, MediumError):
            self.counters.read_errors += 1
            return Sense(s.FORMAT_CORRUPTED)
        return super().failed(error, cdb)

    def timeouts(self, command: Command) -> tuple[int, int]:
        """Only the recommended one is known of these models."""
        return 0, self.personality.timeout(command.timeout)

    def reset(self, attention: s.Code | None = s.POWER_ON) -> None:
        """Power-on or hard reset: keys are gone, the volume stays and is at its beginning."""
        super().reset(attention)
        self.parameters.reset()
        self.modes.reset()
        self.descriptor_sense = False
        self.block_length, self.buffered = 0, 1
        self._forget_key_failures()
        self.position = 0
        self._forget_ciphers()

    def release_reservation(self) -> None:
        """Keys that were to go with the reservation go."""
        super().release_reservation()
        for nexus in self.parameters.reservation_lost():
            self.tell(nexus, s.ENCRYPTION_CHANGED_BY_EVENT)
        self._forget_ciphers()

    def alert(self, flag: int) -> None:
        """Raise a TapeAlert flag for every nexus."""
        for nexus in self.nexuses:
            self.alerts.setdefault(nexus, set()).add(flag)

    def parameters_changed(self) -> None:
        """A key came or went: whatever was derived from it is forgotten."""
        self._forget_ciphers()

    def key_failed(self, counter: int) -> None:
        """A block was read with a wrong key; each key, told by its counter, counts once."""
        if self._failed_key != counter:
            self._failed_key = counter
            self.key_failures += 1

    def key_fitted(self) -> None:
        """A block was read with the right key: the row of failures, unless at its limit, ends."""
        if self.key_failures < self.personality.encryption["key_fail_limit"]:
            self._forget_key_failures()

    def _forget_key_failures(self) -> None:
        self.key_failures = self._failed_key = 0

    def _forget_ciphers(self) -> None:
        self.read_cipher = (0, 0, None)
        self._run = None

    # --- writing -----------------------------------------------------------------------------

    def require_encryptable(
        self, used: ParameterSet, buffers: Sequence[memoryview], length: int
    ) -> None:
        """Before the tape is touched: 7/74/07 where encryption is not possible, 7/74/04 for a
        block in EXTERNAL mode that is not in this drive's raw format."""
        if used.encryption is Encryption.DISABLE:
            return
        if isinstance(self.cartridge, NullCartridge) or not self.can_encrypt_volume():
            raise CheckCondition(s.ENCRYPTION_NOT_USEABLE)
        external = used.encryption is Encryption.EXTERNAL
        if external and not self.partition.is_raw(buffers, length):
            raise CheckCondition(s.INTEGRITY_FAILED)

    def write_block(self, used: ParameterSet, buffers: Sequence[memoryview], length: int) -> None:
        """Write one block at the end of data, as the parameter set ``used`` says.

        `require_encryptable` has agreed. Raises CheckCondition 3/0C/00 if the cartridge cannot be
        written.
        """
        partition = self.partition
        before = partition.used
        method = self.compression if self.modes[0x0F]["dce"] else "off"
        try:
            if used.encryption is Encryption.DISABLE:
                partition.write_clear(buffers, length, method)
            else:
                if self._run is None or self._run[0] != used.counter:
                    self._run = self._new_run(used)
                _, number, cipher = self._run
                if cipher is None:
                    partition.write_external(buffers, length, number)
                else:
                    partition.write_sealed(buffers, length, number, cipher, method)
        except WriteFailed:
            raise self.write_failed() from None
        self.position += 1
        counters = self.counters
        counters.host_written += length
        stored = partition.used - before
        counters.medium_written += stored
        self.count_life("bytes_written", stored)

    def _new_run(self, used: ParameterSet) -> tuple[int, int, BlockCipher | None]:
        partition = self.partition
        if used.encryption is Encryption.EXTERNAL:
            return used.counter, partition.runs.append(external_run(self.position, used.kads)), None
        flags = RUN_RAW_DISABLED if used.raw_disabled else 0
        run = new_run(partition.identity, self.position, flags, used.kads, used.key)
        return used.counter, partition.runs.append(run), run.cipher(used.key)

    def cut(self) -> None:
        """End the tape at the position: what is written there starts a new run."""
        if self.position != self.partition.count:
            try:
                self.partition.cut(self.position)
            except WriteFailed:
                raise self.write_failed() from None
            finally:
                # A run number that was cut off may come again, with another salt.
                self._forget_ciphers()

    def room_for_filemarks(self) -> int:
        """How many filemarks still fit."""
        return max(0, self.remaining // OBJECT_COST)

    def room_for(self, length: int) -> bool:
        """Whether a block of ``length`` bytes still fits."""
        return self.remaining >= length + TAG_SIZE + OBJECT_COST

    def sync(self) -> None:
        """Make what was written durable. Raises CheckCondition 3/0C/00."""
        try:
            self.partition.sync()
        except WriteFailed:
            raise self.write_failed() from None

    def write_failed(self) -> CheckCondition:
        """The host file system refused data: what reached it stays, the run is over."""
        self._run = None
        self.position = min(self.position, self.partition.count)
        self.counters.write_errors += 1
        self.alert(0x06)
        return CheckCondition(Sense(s.WRITE_ERROR))

    # --- mode parameters ---------------------------------------------------------------------

    def mode_header(self) -> tuple[int, int]:
        """Medium type; WP, buffered mode and speed 0."""
        protected = self.loaded and self.cartridge is not None and self.cartridge.write_protect
        medium = self.density.medium_type if self.loaded else 0
        return medium, protected << 7 | self.buffered << 4

    def block_descriptor(self) -> bytes:
        """Density of the volume (0 without one), no block count, block length."""
        density = self.density.density if self.loaded else 0
        return bytes((density, 0, 0, 0, 0)) + self.block_length.to_bytes(3, "big")

    def mode_select(
        self, nexus: Nexus, header: bytes, descriptor: bytes, pages: list[Page], start: int
    ) -> None:
        """Buffered mode 0 or 1, speed 0, the present density, a block length within the limits."""
        if header[1] & 0x0F or header[1] >> 4 & 7 > 1:
            raise invalid_parameter(2 if start == 4 else 3)
        if descriptor:
            if descriptor[0] not in (*KEEP_DENSITY, self.density.density):
                raise invalid_parameter(start)
            length = int.from_bytes(descriptor[5:8], "big")
            if length > self.personality.limits["max_block"]:
                raise invalid_parameter(start + 5)
            self.block_length = length
        self.buffered = header[1] >> 4 & 7
        for page, values in pages:
            self.modes.current[page.code, page.subpage] = values
        self.descriptor_sense = bool(self.modes[0x0A].get("d_sense"))

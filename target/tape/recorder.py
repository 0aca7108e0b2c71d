"""Putting blocks and filemarks on the tape: cutting, encryption runs, room, early warning."""

from __future__ import annotations

from collections.abc import Sequence

from target.clock import SYSTEM, Clock
from target.encryption import abilities
from target.encryption.guard import Guard
from target.encryption.parameters import Encryption, Parameters, ParameterSet
from target.medium.crypt import TAG_SIZE, BlockCipher
from target.medium.errors import WriteFailed
from target.medium.null import NullCartridge
from target.medium.partition import OBJECT_COST
from target.medium.runs import RUN_RAW_DISABLED, external_run, new_run
from target.personality import Personality
from target.scsi import sense as s
from target.scsi.command import Command
from target.scsi.sense import CheckCondition, Sense
from target.tape.counters import Accounts
from target.tape.mount import Medium, Mount
from target.tape.tape_alert import Flag

MB = 10**6


class Recorder(Mount):
    """A drive as far as writing goes.

    ``compression`` is off, lz4 or zstd: what mode page 0Fh may switch on.
    """

    def __init__(
        self,
        personality: Personality,
        commands: Sequence[Command],
        compression: str = "off",
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(personality, commands, clock)
        self.compression = compression
        self.accounts = Accounts(clock)
        self.counters = self.accounts.counters
        self.parameters = Parameters(lambda why: self.happened("key", what="dropped", why=why))
        self.abilities = abilities.of(personality)
        self.guard: Guard | None = None
        """What is looked at before writing and moving; None: nothing."""
        self.read_cipher: tuple[int, int, BlockCipher | None] = (0, 0, None)
        self._run: tuple[int, int, BlockCipher | None] | None = None
        self.early_warning = 0
        """Bytes before the end of the partition from which on every write reports it."""
        self._warning_zone = 0
        """Bytes before the end of the partition from which on a write has something to report."""
        self._programmable_told = False

    def loading(self, cartridge: Medium) -> None:
        """The new volume has its own runs and its own early warning."""
        self._forget_ciphers()
        self.modes_changed()

    def modes_changed(self) -> None:
        """Mode parameters, or what they speak of, have changed."""
        raise NotImplementedError

    def change_partition(self, number: int) -> None:
        """Runs are numbered by partition."""
        super().change_partition(number)
        self._forget_ciphers()
        self.set_warnings()

    def _forget_ciphers(self) -> None:
        self.read_cipher = (0, 0, None)
        self._run = None

    # --- encryption --------------------------------------------------------------------------

    def first_encrypted(self, partition: int = 0) -> int | None:
        """Object number of the first encrypted block in a partition, or None."""
        if isinstance(self.cartridge, NullCartridge) or self.cartridge is None:
            return None
        return self.cartridge.partitions[partition].first_encrypted()

    def volume_has_encrypted_blocks(self) -> bool:
        """VCELB."""
        return any(self.first_encrypted(n) is not None for n in range(self.partitions))

    def can_encrypt_volume(self) -> bool:
        """Whether blocks of the loaded volume may be encrypted ones."""
        if self.abilities is None or isinstance(self.cartridge, NullCartridge):
            return False
        return self.abilities.algorithm_of(self.density) is not None

    def can_encrypt_here(self, used: ParameterSet) -> bool:
        """Whether a parameter set works for what is written at the position."""
        form = self.format_here()
        if self.abilities is None or form is None or isinstance(self.cartridge, NullCartridge):
            return False
        return self.abilities.usable(used, form)

    def require_encryptable(
        self, used: ParameterSet, buffers: Sequence[memoryview], length: int
    ) -> None:
        """Before the tape is touched: 7/74/07 where encryption is not possible, 7/74/04 for a
        block in EXTERNAL mode that is not in this drive's raw format."""
        if used.encryption is Encryption.DISABLE:
            return
        going_on = self._run is not None and self._run[0] == used.counter
        if not (going_on or self.can_encrypt_here(used)):
            raise CheckCondition(s.ENCRYPTION_NOT_USEABLE)
        external = used.encryption is Encryption.EXTERNAL
        if external and not self.partition.is_raw(buffers, length):
            raise CheckCondition(s.INTEGRITY_FAILED)

    def _new_run(self, used: ParameterSet) -> tuple[int, int, BlockCipher | None]:
        partition = self.partition
        if used.encryption is Encryption.EXTERNAL:
            return used.counter, partition.runs.append(external_run(self.position, used.kads)), None
        flags = RUN_RAW_DISABLED if used.raw_disabled else 0
        # Only what can be encrypted gets this far.
        kads = self.abilities.recorded(used.kads, self.density) if self.abilities else used.kads
        run = new_run(partition.identity, self.position, flags, kads, used.key)
        return used.counter, partition.runs.append(run), run.cipher(used.key)

    # --- writing -----------------------------------------------------------------------------

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
        counters.medium_written += partition.used - before
        counters.blocks_written += 1

    def cut(self) -> None:
        """End the tape at the position: what is written there starts a new run."""
        position = self.position
        if not position and not self.partition_number:
            self.begin_volume()
        if position != self.partition.count:
            try:
                self.partition.cut(position)
            except WriteFailed:
                raise self.write_failed() from None
            finally:
                # A run number that was cut off may come again, with another salt.
                self._forget_ciphers()

    def sync(self) -> None:
        """Make what was written durable. Raises CheckCondition 3/0C/00."""
        try:
            self.partition.sync()
        except WriteFailed:
            raise self.write_failed() from None

    def write_failed(self) -> CheckCondition:
        """The host's file system refused data: what reached it stays, the run is over."""
        self._run = None
        self.position = min(self.position, self.partition.count)
        self.failed_to_write()
        self.alert(Flag.HARD_ERROR)
        self.alert(Flag.WRITE_FAILURE)
        return CheckCondition(Sense(s.WRITE_ERROR))

    def failed_to_write(self) -> None:
        """Data did not get onto the tape."""

    # --- room --------------------------------------------------------------------------------

    @property
    def remaining(self) -> int:
        """Bytes that still fit into the partition."""
        return self.partition.remaining

    def set_warnings(self) -> None:
        """Small test cartridges keep a proportion of themselves, full-size ones a fixed amount.

        The programmable zone (PEWS of mode page 10h subpage 01h, in 10**6 bytes) lies before it.
        """
        self.early_warning = min(1 << 30, self.partition.capacity // 16)
        extension = self.modes.current.get((0x10, 0x01), {})
        self._warning_zone = self.early_warning + extension.get("pews", 0) * MB
        self._programmable_told = self.remaining < self._warning_zone

    @property
    def past_early_warning(self) -> bool:
        """Whether what is written ends inside the early-warning zone."""
        return self.remaining < self.early_warning

    @property
    def past_programmable_warning(self) -> bool:
        """BPEW: whether what is written ends inside either zone."""
        return self.remaining < self._warning_zone

    def warning(self) -> CheckCondition | None:
        """What a write that went well has to report about the room that is left.

        0/00/02 with EOM after every write in the early-warning zone, 0/00/07 with EOM once for
        each entry into the programmable zone (SSC-4 4.2.5).
        """
        remaining = self.partition.remaining
        if remaining >= self._warning_zone:
            self._programmable_told = False
            return None
        if remaining < self.early_warning:
            self._programmable_told = True
            return CheckCondition(Sense(s.EARLY_WARNING, information=0, eom=True))
        if self._programmable_told:
            return None
        self._programmable_told = True
        return CheckCondition(Sense(s.PROGRAMMABLE_EARLY_WARNING, information=0, eom=True))

    def room_for_filemarks(self) -> int:
        """How many filemarks still fit."""
        return max(0, self.remaining // OBJECT_COST)

    def room_for(self, length: int) -> bool:
        """Whether a block of ``length`` bytes still fits."""
        return self.partition.remaining >= length + TAG_SIZE + OBJECT_COST

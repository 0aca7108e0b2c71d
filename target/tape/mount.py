"""The cartridge in a drive: what may be loaded, read and written, and where the tape stands.

Position is an object number in a partition: blocks and filemarks count alike, 0 is its beginning.

Whether a volume can be used is a question of formats. The one it is recorded in must be among
those that the model reads; writing needs one that the model writes. A 3592 or T10000 cartridge
that is recorded in another format gets the drive's own when it is written from its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from target.clock import SYSTEM, Clock
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError, WriteFailed
from target.medium.formats import FORMATS, Format
from target.medium.index import FILEMARK
from target.medium.null import NullCartridge, NullPartition
from target.medium.partition import Partition
from target.personality import Personality
from target.scsi import sense as s
from target.scsi.command import Command
from target.scsi.primary import PrimaryUnit
from target.scsi.sense import CheckCondition, Code
from target.tape.nonvolatile import Lifetime
from target.tape.tape_alert import Clears, Flag, TapeAlerts, cleared_by, name_of

Medium = Cartridge | NullCartridge

FORMATTING = (-1, -1)
"""What ALLOW OVERWRITE allows that is not a place: the whole volume."""


def last_block(partition: Partition | NullPartition) -> int:
    """The number of the object behind the last block: only filemarks are from there on, or what a
    damaged index does not tell."""
    number = partition.count
    with suppress(MediumError):
        while number and partition.index[number - 1].flags & FILEMARK:
            number -= 1
    return number


class Usable(NamedTuple):
    """What a model can do with a cartridge."""

    readable: bool
    fresh: Format | None
    """The format that writing from the beginning gives it; None: it cannot be written."""
    appendable: bool
    """Whether it can be written on behind what is there."""


def usable(personality: Personality, cartridge: Medium) -> Usable:
    """What a drive of that model can do with a cartridge, its write protection aside."""
    media, recorded = personality.media, cartridge.recorded
    held = {form.name for form in cartridge.type.formats}
    fresh = next((name for name in media["read_write"] if name in held), None)
    if recorded is None:
        return Usable(fresh is not None, FORMATS.get(fresh or ""), fresh is not None)
    writes = recorded.name in media["read_write"]
    if writes:
        fresh = recorded.name
    readable = writes or recorded.name in media["read_only"]
    return Usable(readable, FORMATS.get(fresh or ""), writes)


class Mount(PrimaryUnit):
    """A drive as far as its cartridge goes."""

    partition: Partition
    """The partition at the heads; there is one once a volume was loaded."""

    def __init__(
        self, personality: Personality, commands: Sequence[Command], clock: Clock = SYSTEM
    ) -> None:
        super().__init__(commands, personality.limits["sense_length"], clock)
        self.personality = personality
        self.lifetime = Lifetime()
        self.alerts = TapeAlerts()
        self.cartridge: Medium | None = None
        self.aside: list[Medium] = []
        """What a fault has taken out and will put back, still open; a robot may take it first."""
        self.loaded = False
        self.held = False
        """A cartridge is not threaded, but held where its memory can be read."""
        self.position = 0
        self.partition_number = 0
        self.append_only = False
        """Written only at the end of data: WORM, or by mode page 10h subpage 01h."""
        self.overwrite: tuple[int, int] | None = None
        """(partition, object) that ALLOW OVERWRITE named, or FORMATTING."""
        self.tampered = False
        """A WORM volume that holds less than when it was last unloaded."""
        self.volume_written = False
        """Whether anything was written in this mount."""
        self.unfit: Code | None = s.NO_MEDIUM
        """Why commands that need a volume are refused, or None."""
        self._usable = Usable(False, None, False)
        self._checked = False

    # --- in and out --------------------------------------------------------------------------

    def insert(self, cartridge: Medium) -> None:
        """A cartridge goes into an empty drive and is loaded at once."""
        assert self.cartridge is None, "one at a time"
        self.cartridge = cartridge
        self.happened("medium", what="inserted", barcode=cartridge.barcode)
        self.load()

    def load(self) -> None:
        """Thread the cartridge: position 0, and every nexus hears of it.

        One whose leader is damaged is not threaded; a cleaning cartridge cleans and is not either.
        """
        assert self.cartridge is not None
        cartridge = self.cartridge
        self.hold(False)
        self.alerts.clear(cleared_by(Clears.LOAD))
        self.lifetime.load_cycles += 1
        info = cartridge.info
        if "leader" in info["damage"]:
            self.alert(Flag.CARTRIDGE_FAILURE)
            self.alert(Flag.LOAD_FAILED)
            self.save_life()
            raise CheckCondition(s.LOAD_FAILED)
        if cartridge.type.cleaning:
            self._clean(cartridge)
            return
        if "memory" in info["damage"]:
            self.alert(Flag.MEMORY_CHIP_FAILURE)
        self.loaded = True
        self._judge()
        self.seat(0)
        self.overwrite = None
        self.volume_written = False
        info["loads"] += 1
        info["last_written"] = info["last_read"] = 0
        self.save_life()
        self.loading(cartridge)
        self._check_integrity(cartridge)
        if self.unfit is not None:
            self.alert(Flag.UNSUPPORTED_FORMAT)
            self.lifetime.moving_at_incompatible = self.lifetime.seconds_moving
        self.attention(s.MEDIUM_MAY_HAVE_CHANGED)
        self.happened("medium", what="loaded", barcode=cartridge.barcode)

    def _check_integrity(self, cartridge: Medium) -> None:
        """Blocks of a WORM volume never go: one that has fewer of them was tampered with."""
        held = cartridge.info.get("worm_blocks", ()) if cartridge.type.worm else ()
        have = map(last_block, cartridge.partitions)
        self.tampered = any(now < then for now, then in zip(have, held, strict=False))
        if self.tampered:
            self.alert(Flag.WORM_INTEGRITY)

    def _clean(self, cartridge: Medium) -> None:
        """A cleaning cartridge cleans once, and stays unthreaded (SSC-4 4.2.20, flags 0Bh, 16h,
        and 17h for one of another kind of drive, which does not clean)."""
        info, life = cartridge.info, self.lifetime
        self.alert(Flag.CLEANING_MEDIA)
        if cartridge.type.family != FORMATS[self.personality.media["native"]].family:
            self.alert(Flag.INVALID_CLEANING)
        elif info["cleanings_left"] <= 0:
            self.alert(Flag.EXPIRED_CLEANING)
        else:
            info["cleanings_left"] -= 1
            life.cleanings += 1
            life.bytes_since_clean = 0
            life.moving_at_cleaning = [life.seconds_moving, *life.moving_at_cleaning][:3]
            self.alerts.clear(cleared_by(Clears.CLEAN))
            cartridge.save()
        self.save_life()

    def unload(self) -> None:
        """Make the volume durable and take it off the heads; the cartridge stays in the drive."""
        if not self.loaded or self.cartridge is None:
            return
        self.unloading()
        try:
            for partition in self.cartridge.partitions:
                partition.sync()
            if self.cartridge.type.worm and not self.tampered:
                held = [last_block(partition) for partition in self.cartridge.partitions]
                self.cartridge.info["worm_blocks"] = held
            self.cartridge.save()
        except (WriteFailed, OSError) as error:
            lost = isinstance(error, WriteFailed)
            self.alert(Flag.DIRECTORY_INVALID if lost else Flag.SYSTEM_AREA_WRITE)
            self.alert(Flag.UNLOAD_FAILED)
            raise self.write_failed() from None
        self.loaded = False
        self.hold(self.held)
        self.save_life()
        self.unloaded()
        self.happened("medium", what="unloaded", barcode=self.cartridge.barcode)

    def hold(self, held: bool) -> None:
        """A cartridge that is not threaded stays where its memory can be read, or does not."""
        self.held = held
        if not self.loaded:
            self.unfit = s.MEMORY_ACCESSIBLE if held else s.NO_MEDIUM

    def eject(self) -> Medium | None:
        """Unload and hand the cartridge out, still open; None if the drive is empty."""
        self.unload()
        self.hold(False)
        cartridge, self.cartridge = self.cartridge, None
        if cartridge is not None:
            self.happened("medium", what="ejected", barcode=cartridge.barcode)
        return cartridge

    def loading(self, cartridge: Medium) -> None:
        """A volume is being threaded: what the drive keeps of the last one is void."""

    def unloading(self) -> None:
        """The volume is about to leave the heads."""

    def unloaded(self) -> None:
        """The volume has left the heads."""

    def write_failed(self) -> CheckCondition:
        """The host's file system refused data."""
        raise NotImplementedError

    def save_life(self) -> None:
        """Keep the lifetime counters over a loss of power."""
        self.remember(lifetime=vars(self.lifetime))

    def alert(self, flag: int) -> None:
        """Raise a TapeAlert flag for every nexus."""
        self.alerts.raise_(flag)
        self.happened("alert", flag=int(flag), name=name_of(flag))

    # --- where ------------------------------------------------------------------------------

    def seat(self, number: int) -> None:
        """The heads are at the beginning of a partition."""
        assert self.cartridge is not None
        self.partition_number = number
        # A null medium serves the same calls for clear blocks, and refuses encryption.
        self.partition = self.cartridge.partitions[number]  # type: ignore[assignment]
        self.position = 0

    def change_partition(self, number: int) -> None:
        """Go to the beginning of another partition, which must exist."""
        self.seat(number)

    def _judge(self) -> None:
        """What can be done with the loaded volume."""
        assert self.cartridge is not None
        self._usable = usable(self.personality, self.cartridge)
        hopeless = not self._usable.readable and self._usable.fresh is None
        self.unfit = s.INCOMPATIBLE_MEDIUM if hopeless else None

    @property
    def partitions(self) -> int:
        """How many partitions the loaded volume has; 1 without one."""
        return len(self.cartridge.partitions) if self.loaded and self.cartridge is not None else 1

    # --- what may be done -------------------------------------------------------------------

    def require_volume(self) -> None:
        """2/3A/00 or 04 with no volume on the heads, 3/30/00 with one of a format it cannot use."""
        if self.unfit is not None:
            raise CheckCondition(self.unfit)

    def require_readable(self) -> None:
        """3/30/02 for a volume in a format that can only be written over."""
        if not self._usable.readable:
            raise CheckCondition(s.INCOMPATIBLE_FORMAT)

    def require_writable(self, *, erasing: bool = False, formatting: bool = False) -> None:
        """Before the tape is changed at the position, or with ``formatting`` all of it.

        7/27/00 and its like for a write-protected volume, 7/30/05 for a format that is read-only
        here, 7/30/0C for a WORM volume and 7/50/01 for one in append-only mode where the position
        is before what is written, 7/30/0D for a WORM volume that has lost data. ``erasing``:
        nothing of a WORM volume may go, wherever it is.
        What ALLOW OVERWRITE has allowed is for one such command.
        """
        if self._checked and not self.append_only:
            return
        assert self.cartridge is not None
        protection = self.protection()
        if protection is not None:
            self.alert(Flag.WRITE_PROTECT)
            raise CheckCondition(protection)
        beginning = self.position == 0 and self.partition_number == 0
        if self._usable.fresh is None or not (self._usable.appendable or beginning):
            self.alert(Flag.READ_ONLY_FORMAT)
            raise CheckCondition(s.CANNOT_WRITE_MEDIUM)
        if self.append_only:
            self._require_end(erasing, formatting)
        elif self._usable.appendable:
            self._checked = True
        if not formatting:
            self._first_change()

    def _first_change(self) -> None:
        if not self.volume_written:
            self.volume_written = True
            self.volume_changes()

    def require_beginning(self) -> None:
        """5/3B/0C anywhere but at the beginning of partition 0."""
        if self.position or self.partition_number:
            raise CheckCondition(s.NOT_AT_BEGINNING)

    def _require_end(self, erasing: bool, formatting: bool) -> None:
        """Of a WORM volume filemarks right before the end of data may be written over, and nothing
        else; of one that was tampered with nothing. In append-only mode `_append_point` says where
        one may write, beside what ALLOW OVERWRITE has allowed."""
        assert self.cartridge is not None
        allowed, self.overwrite = self.overwrite, None
        worm = self.cartridge.type.worm
        blank = not any(partition.count for partition in self.cartridge.partitions)
        if self.tampered:
            raise CheckCondition(s.WORM_INTEGRITY)
        if formatting:
            good = blank or (not worm and allowed == FORMATTING)
        elif worm:
            end = self.position == self.partition.count
            good = end or (not erasing and self._only_filemarks_ahead())
        else:
            good = allowed == (self.partition_number, self.position) or self._append_point()
        if not good:
            self.alert(Flag.WORM_OVERWRITE if worm else Flag.WRITE_PROTECT)
            raise CheckCondition(s.WORM_OVERWRITE if worm else s.APPEND_POSITION)

    def _append_point(self) -> bool:
        """The end of data, or a position with nothing but filemarks ahead, right behind a filemark
        or at the beginning (IBM LTO SCSI Reference 4.2.3)."""
        index, position = self.partition.index, self.position
        if position >= index.count:
            return True
        behind = not position or index[position - 1].flags & FILEMARK
        return bool(behind) and self._only_filemarks_ahead()

    def _only_filemarks_ahead(self) -> bool:
        return last_block(self.partition) <= self.position

    def protection(self) -> Code | None:
        """Why the volume may not be written, or None."""
        assert self.cartridge is not None
        return s.WRITE_PROTECTED if self.cartridge.write_protect else None

    def forget_checks(self) -> None:
        """What decides over writing has changed."""
        self._checked = False

    def volume_changes(self) -> None:
        """The first write in this mount is about to happen."""

    def begin_volume(self) -> None:
        """Written from the beginning: the volume gets the drive's format.

        If that is another one than it had, partitions of the old one are gone.
        """
        assert self.cartridge is not None
        fresh = self._usable.fresh
        if fresh is not None and fresh is not self.cartridge.recorded:
            if self.partitions > 1:
                self.format_volume([None])
                return
            try:
                self.cartridge.record(fresh)
            except OSError:
                raise self.write_failed() from None
            self._judge()

    @property
    def fresh(self) -> Format | None:
        """The format that writing from the beginning gives the volume; None: it cannot be."""
        return self._usable.fresh

    def format_here(self) -> Format | None:
        """The format of what is written at the position; None: nothing can be."""
        if self.position == 0 and self.partition_number == 0:
            return self._usable.fresh
        return self.density if self._usable.appendable else None

    def format_volume(
        self, capacities: Sequence[int | None], proportion: int | None = None
    ) -> None:
        """Make new, empty partitions (`Cartridge.format`) in the drive's format; to the first one.

        `require_writable` has agreed. Raises CheckCondition 3/31/01, nothing changed.
        """
        assert self.cartridge is not None
        self._first_change()
        try:
            self.cartridge.format(capacities, self.fresh, proportion)
        except (OSError, MediumError):
            self.write_failed()
            raise CheckCondition(s.FORMAT_FAILED) from None
        self._judge()
        self.forget_checks()
        self.change_partition(0)

    @property
    def density(self) -> Format:
        """The format in use: the volume's, or the drive's own without one."""
        if self.loaded and self.cartridge is not None:
            found = self.cartridge.recorded or self._usable.fresh
            if found is not None:
                return found
            return self.cartridge.type.formats[-1]
        return FORMATS[self.personality.media["native"]]

    # --- state over power ---------------------------------------------------------------------

    def restore(self, memory: dict[str, object]) -> None:
        """What the drive remembered when it last had power."""
        super().restore(memory)
        self.lifetime = Lifetime(**memory.get("lifetime", {}))  # type: ignore[arg-type]  # JSON

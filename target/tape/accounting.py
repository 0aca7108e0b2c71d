"""Keeping the books of a drive: what `counters` counts reaches the cartridge and the drive's life.

Where data move only the counters grow. `Accounted.tally` adds what they grew by to everything
that is kept: before the volume or the partition changes, and when somebody asks.
"""

from __future__ import annotations

from math import inf

from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.scsi import sense as s
from target.scsi.command import Nexus
from target.scsi.log import Reset
from target.scsi.sense import Sense
from target.tape.counters import Travel, move, statistics, stream
from target.tape.motion import Motion
from target.tape.mount import Medium
from target.tape.tape_alert import Flag

GB = 10**9


class Accounted(Motion):
    """A drive that knows what it has done."""

    host_unloaded = False
    """Whether the cartridge in the drive is unloaded because a command said so."""

    @property
    def removal_prevented(self) -> bool:
        """Whether any nexus keeps the cartridge in the drive."""
        return any(state.removal_prevented for state in self.nexuses.values())

    # --- settling ------------------------------------------------------------------------------

    def tally(self) -> None:
        """Add what was counted since the last time to the cartridge's and the drive's life."""
        more, life = self.accounts.take(), self.lifetime
        stored = more.medium_written + more.medium_read
        if stored and self.cartridge is not None:
            info = self.cartridge.info
            info["bytes_written"] += more.medium_written
            info["last_written"] += more.medium_written
            info["bytes_read"] += more.medium_read
            info["last_read"] += more.medium_read
        life.bytes_written += more.medium_written
        life.bytes_read += more.medium_read
        life.bytes_since_clean += stored
        if self.timing:
            self.count_motion(self.timing.seconds_to_stream(stored))
        self.travel()
        for flag, wanted in self.cleaning().items():
            if wanted and flag not in self.alerts.active:
                self.alert(flag)

    def travel(self, *, moved: bool = False) -> None:
        """Account for the tape between here and where the heads were at the last time.

        ``moved``: they went straight here, else what is between was written or read.
        """
        if not self.loaded:
            return
        try:
            place = self.place()
        except MediumError:
            # Of a damaged index nobody knows; the next object will tell.
            return
        went = (move if moved else stream)(self.accounts.place, place)
        self.accounts.place = place
        self._passed(went)

    def behind(self) -> int:
        """Bytes from the beginning of the partition to the position, as the room they take; more
        than there are where a damaged index does not tell."""
        try:
            return self.offset()
        except MediumError:
            return 1 << 62

    def _passed(self, went: Travel) -> None:
        assert self.cartridge is not None
        kept = statistics(self.cartridge.info)
        kept["passes"] += went.passes
        kept["middle_passes"] += went.middle_passes
        self.lifetime.metres += went.lengths * self.cartridge.type.length

    def count_motion(self, seconds: float) -> None:
        """The tape moved for so long."""
        life = self.lifetime
        life.seconds_moving += seconds
        if self.loaded and self.cartridge is not None:
            key = f"{self.density.density:02X}{self.cartridge.type.medium_type:02X}"
            life.moving_by_medium[key] = life.moving_by_medium.get(key, 0.0) + seconds

    def since_cleaning(self) -> tuple[float, float, float]:
        """Seconds of motion since the last cleaning, the second to last and the third to last; in
        the drive's life where there were not so many."""
        moved, at = self.lifetime.seconds_moving, self.lifetime.moving_at_cleaning
        first, second, third = (*at, 0.0, 0.0, 0.0)[:3]
        return moved - first, moved - second, moved - third

    def cleaning(self) -> dict[Flag, bool]:
        """Whether cleaning is requested, and required: by the amount since the last one, of which
        a model may say in its limits (``clean_after``, ``clean_now``, 10**9 bytes)."""
        amount, limits = self.lifetime.bytes_since_clean / GB, self.personality.limits
        return {
            Flag.CLEAN_PERIODIC: amount >= limits.get("clean_after", inf),
            Flag.CLEAN_NOW: amount >= limits.get("clean_now", inf),
        }

    def pending_sense(self, nexus: Nexus) -> Sense:
        """REQUEST SENSE asks for cleaning where there is nothing else to say."""
        found = super().pending_sense(nexus)
        self.tally()
        if found.code == s.NO_SENSE and any(self.cleaning().values()):
            return Sense(s.CLEANING_REQUESTED)
        return found

    def seconds_on(self) -> float:
        """Seconds with power in the drive's life."""
        self.lifetime.seconds_on += self.accounts.seconds_on()
        return self.lifetime.seconds_on

    def save_life(self) -> None:
        """The hours of the present day count."""
        self.seconds_on()
        super().save_life()

    # --- errors --------------------------------------------------------------------------------

    def failed_to_write(self) -> None:
        """Count data that did not get onto the tape."""
        self.counters.write_errors += 1
        self.lifetime.write_errors += 1
        if self.cartridge is not None:
            statistics(self.cartridge.info)["write_errors"] += 1

    def read_failed(self) -> None:
        """Count a block that could not be read."""
        self.counters.read_errors += 1
        self.lifetime.read_errors += 1
        if self.cartridge is not None:
            statistics(self.cartridge.info)["read_errors"] += 1

    # --- what happens --------------------------------------------------------------------------

    def insert(self, cartridge: Medium) -> None:
        """A cartridge is in the drive."""
        try:
            super().insert(cartridge)
        finally:
            self._watch()

    def load_volume(self, nexus: Nexus | None, *, immed: bool) -> None:
        """The mount begins."""
        self.accounts.mounted_at = self.clock.monotonic()
        super().load_volume(nexus, immed=immed)

    def load(self) -> None:
        """The mount ends; the beginning of the tape is at the heads."""
        self.host_unloaded = False
        try:
            super().load()
        finally:
            self._watch()

    def loading(self, cartridge: Medium) -> None:
        """What counts by mount begins anew."""
        super().loading(cartridge)
        self.accounts.loaded()
        self.log_state.reset(self.logs, self, Reset.LOAD)
        self._passed(Travel(passes=1))
        if isinstance(cartridge, Cartridge) and any(p.recovered for p in cartridge.partitions):
            # The index was mended; what was counted in that mount is lost (SSC-4 annex A).
            self.alert(Flag.DIRECTORY_CORRUPTED)
            self.alert(Flag.LOST_STATISTICS)

    def unload_volume(self, nexus: Nexus, *, immed: bool) -> None:
        """A command takes the volume off the heads."""
        super().unload_volume(nexus, immed=immed)
        self.host_unloaded = True

    def unloading(self) -> None:
        """The tape goes back to its beginning."""
        super().unloading()
        self.tally()
        self._passed(move(self.accounts.place, 0.0))

    def unloaded(self) -> None:
        """The mount is over."""
        super().unloaded()
        self.accounts.unloaded()
        self._watch()

    def eject(self) -> Medium | None:
        """The drive is empty, and if nobody was to take the volume, this was by force."""
        if self.loaded and self.removal_prevented:
            self.alert(Flag.FORCED_EJECT)
        cartridge = super().eject()
        self.accounts.unloaded()
        self._watch()
        return cartridge

    def arrive(self, position: int, partition: int | None = None) -> None:
        """The tape went by."""
        self.travel()
        super().arrive(position, partition)
        self.travel(moved=True)

    def change_partition(self, number: int) -> None:
        """What was counted is of the partition that is left."""
        self.tally()
        super().change_partition(number)

    def _watch(self) -> None:
        state = "ready" if self.loaded else "empty" if self.cartridge is None else "present"
        self.accounts.watch.enter(state)

    # --- reset and power -----------------------------------------------------------------------

    def reset(self, attention: s.Code | None = s.POWER_ON, but: Nexus | None = None) -> None:
        """Duty cycles are counted anew."""
        self.tally()
        super().reset(attention, but)
        self.accounts.restart(self.lifetime.seconds_moving)

    def power_on(self) -> None:
        """What is not kept begins anew, TapeAlert flags as well."""
        self.tally()
        self.save_life()
        super().power_on()
        self.lifetime.power_cycles += 1
        self.save_life()
        self.accounts.power_on()
        self.alerts.clear()

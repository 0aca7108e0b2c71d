"""Moving the tape and the cartridge, in no time or in the model's own (see `timing`).

Everything that takes time goes through here: what a command waits for, and what goes on after it
(see `operation`). Without timing nothing takes any, and the same code runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from target.clock import SYSTEM, Clock
from target.medium.partition import OBJECT_COST
from target.personality import Personality
from target.scsi import sense as s
from target.scsi.command import Command, Nexus
from target.scsi.sense import CheckCondition, Sense
from target.tape import timing
from target.tape.mount import Medium
from target.tape.operation import Background
from target.tape.recorder import Recorder

LOADED, MEMORY_ONLY = 0, 1
"""AUTOLOAD MODE; 2: not loaded at all."""


class Motion(Recorder):
    """A drive as far as time goes. ``factor``: of real time, 0 for none.

    Raises ValueError for a personality whose timing table is wrong.
    """

    def __init__(
        self,
        personality: Personality,
        commands: Sequence[Command],
        compression: str = "off",
        clock: Clock = SYSTEM,
        factor: float = 0.0,
    ) -> None:
        super().__init__(personality, commands, compression, clock)
        self.times = timing.table(personality.timing)
        """What the model takes, whether or not it is to take it."""
        self.timing = timing.Timing(self.times, factor, self.alarm) if factor else None
        self.waits = bool(factor)
        self.background = Background(
            self.alarm, lambda error: self.failed(error, b""), self._set_unsettled
        )

    def _set_unsettled(self, active: bool) -> None:
        self.unsettled = active

    def settle(self) -> None:
        """End an operation whose time has come."""
        self.background.settle()

    def aborted(self) -> None:
        """The mechanism stops."""
        if self.timing:
            self.timing.halt()

    def pending_sense(self, nexus: Nexus) -> Sense:
        """REQUEST SENSE: a deferred error, the operation in progress, or nothing."""
        return self.background.report(nexus) or Sense(s.NO_SENSE)

    # --- the cartridge -----------------------------------------------------------------------

    def insert(self, cartridge: Medium) -> None:
        """A cartridge goes into an empty drive and is loaded, as far as AUTOLOAD MODE says (mode
        page 0Ah, SPC-4 7.5.8): one that is not is 2/3A/04 or 2/04/02 until a LOAD."""
        assert self.cartridge is None, "one at a time"
        self.cartridge = cartridge
        self.happened("medium", what="inserted", barcode=cartridge.barcode)
        mode = self.modes.value("autoload", 0x0A)
        if mode == LOADED or cartridge.type.cleaning:
            self.load_volume(None, immed=True)
        else:
            self.hold(mode == MEMORY_ONLY)
            self.unfit = s.MEMORY_ACCESSIBLE if self.held else s.LOAD_NEEDED

    def load_volume(self, nexus: Nexus | None, *, immed: bool) -> None:
        """Thread what is in the drive. Raises CheckCondition 3/53/00 if it cannot be threaded.

        ``nexus`` is None where nobody asked for it: a cartridge was put in.
        """
        assert self.cartridge is not None
        clock = self.timing
        if self.cartridge.type.cleaning:
            self.background.run("clean", nexus, clock.clean if clock else 0, self.load, immed=immed)
            return
        seconds = 0.0
        if clock:
            seconds = clock.load if nexus is None else clock.thread
        fresh = self._optimises() and not self.cartridge.info["optimised"]
        end = self.load if not fresh else lambda: self._optimise(nexus)
        self.background.run("load", nexus, seconds, end, immed=immed)

    def _optimises(self) -> bool:
        """Whether the drive characterises the medium, once in its life and when it is formatted
        (LTO-9)."""
        assert self.cartridge is not None
        own = self.personality.media["native"] in self.cartridge.type.capacities
        return own and bool(self.personality.quirks.get("optimises_media"))

    def _optimise(self, nexus: Nexus | None) -> None:
        seconds = self.timing.optimise if self.timing else 0

        def finish() -> None:
            assert self.cartridge is not None
            self.cartridge.info["optimised"] = True
            self.load()

        self.background.run("optimise", nexus, seconds, finish, immed=True)

    def unload_volume(self, nexus: Nexus, *, immed: bool) -> None:
        """Take the volume off the heads; what was written is made durable first."""
        if not self.loaded:
            return
        self.sync()
        seconds = 0.0
        if self.timing:
            seconds = self._engage(self.timing, self.timing.seconds_to_unload(self.place()))
        self.background.run("unload", nexus, seconds, self.unload, immed=immed)

    def eject(self) -> Medium | None:
        """Unload and hand the cartridge out; what was going on is over at once."""
        self.background.reset()
        return super().eject()

    # --- the tape ----------------------------------------------------------------------------

    def place(self, position: int | None = None, partition: int | None = None) -> float:
        """Where an object is on the tape, in wraps; by default where the heads are."""
        assert self.cartridge is not None
        which = self.partition_number if partition is None else partition
        before = sum(one.capacity for one in self.cartridge.partitions[:which])
        used = self.offset(position, which)
        return timing.place(used, before, self.cartridge.capacity, self.density.wraps)

    def offset(self, position: int | None = None, partition: int | None = None) -> int:
        """How much of a partition's capacity is before an object, in bytes; by default before the
        heads. Raises MediumError where a damaged index does not tell."""
        assert self.cartridge is not None
        which = self.partition_number if partition is None else partition
        at = self.cartridge.partitions[which]
        number = self.position if position is None else position
        index = at.index
        offset = at.used if number >= index.count else index[number].offset
        return offset + number * OBJECT_COST

    def go(self, position: int, partition: int | None = None) -> None:
        """Move to an object, at once or in the time that it takes."""
        stop = self.guard.stop(position) if self.guard is not None else None
        if stop:
            position = stop[0]
        if self.timing:
            there = self.place(position, partition)
            seconds = self.timing.seconds_between(self.place(), there)
            seconds = self._engage(self.timing, seconds)
            self.alarm.sleep(seconds)
        self.arrive(position, partition)
        if stop:
            raise stop[1]

    def arrive(self, position: int, partition: int | None = None) -> None:
        """The heads are there; an overwrite that was allowed is so while they stay."""
        if position != self.position or partition not in (None, self.partition_number):
            self.overwrite = None
        if partition is not None and partition != self.partition_number:
            self.change_partition(partition)
        self.position = position

    def locate(
        self,
        nexus: Nexus,
        position: int,
        partition: int,
        failure: CheckCondition | None,
        *,
        immed: bool,
    ) -> None:
        """LOCATE: go there, then end with ``failure`` if there is one."""
        if self.guard is not None and partition == self.partition_number:
            stop = self.guard.stop(position)
            if stop:
                position, failure = stop
        seconds = 0.0
        if self.timing:
            there = self.place(position, partition)
            seconds = self._engage(self.timing, self.timing.seconds_between(self.place(), there))

        def finish() -> None:
            self.arrive(position, partition)
            if failure:
                raise failure

        self.background.run("locate", nexus, seconds, finish, immed=immed)

    def rewind(self, nexus: Nexus, *, immed: bool, partition: int | None = None) -> None:
        """To the beginning of the partition or of another one; what was written is durable."""
        self.sync()
        seconds = 0.0
        if self.timing:
            seconds = self._engage(self.timing, self.timing.seconds_to_rewind(self.place()))
        self.background.run(
            "rewind", nexus, seconds, lambda: self.arrive(0, partition), immed=immed
        )

    def pass_over(
        self,
        name: str,
        nexus: Nexus,
        count: int,
        finish: Callable[[], object],
        *,
        immed: bool,
    ) -> None:
        """An operation that goes over as much tape as ``count`` bytes take: erase, verify."""
        seconds = 0.0
        if self.timing:
            seconds = self._engage(self.timing, self.timing.seconds_to_stream(count))
        self.background.run(name, nexus, seconds, finish, immed=immed)

    def reform(self, name: str, nexus: Nexus, finish: Callable[[], object], *, immed: bool) -> None:
        """An operation that makes the volume anew: format, set capacity."""
        seconds = 0.0
        if self.timing:
            again = name == "format" and self._optimises()
            seconds = self.timing.format + (self.timing.optimise if again else 0)
            seconds = self._engage(self.timing, seconds)
        self.background.run(name, nexus, seconds, finish, immed=immed)

    def _engage(self, mechanism: timing.Timing, seconds: float) -> float:
        """The mechanism moves tape for so long; returns how long that is from now."""
        self.count_motion(seconds)
        return mechanism.engage(seconds)

    def count_motion(self, seconds: float) -> None:
        """The tape moved for so long."""

    def reset(self, attention: s.Code | None = s.POWER_ON, but: Nexus | None = None) -> None:
        """Nothing goes on any more."""
        self.background.reset()
        if self.timing:
            self.timing.halt()
        super().reset(attention, but)

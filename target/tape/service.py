"""What a tape drive brings to diagnostics, buffers and microcode: `target.scsi` does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from target.clock import SYSTEM, Clock
from target.medium.errors import MediumError
from target.personality import Personality
from target.scsi import buffers, firmware
from target.scsi import sense as s
from target.scsi.command import Command
from target.scsi.sense import CheckCondition, Sense
from target.tape import inquiry
from target.tape.reporting import Reporting
from target.tape.tape_alert import Clears, Flag, cleared_by


class Serviced(Reporting):
    """A drive with its model's buffers and diagnostic pages."""

    def __init__(
        self,
        personality: Personality,
        commands: Sequence[Command],
        compression: str = "off",
        clock: Clock = SYSTEM,
        factor: float = 0.0,
    ) -> None:
        super().__init__(personality, commands, compression, clock, factor)
        self.diagnostics = personality.diagnostics
        self.buffers = buffers.table(personality.buffers)

    def restore(self, memory: dict[str, Any]) -> None:
        """Take up what was remembered: the firmware is the model's, or the one that was saved."""
        super().restore(memory)
        self.inquiry_data = bytes(inquiry.standard(self.personality))
        firmware.restore(self)

    def self_test(self, extended: bool) -> Sense | None:
        """With a volume: what was written can be made durable; extended: both ends of the tape
        can be found. Neither moves the position nor changes what is on the tape.

        TapeAlert 39 is there from a test that failed to one that passed.
        """
        found = self._test(extended)
        if found is None:
            self.alerts.clear(cleared_by(Clears.TEST))
        else:
            self.alert(Flag.DIAGNOSTICS_REQUIRED)
        return found

    def _test(self, extended: bool) -> Sense | None:
        if not self.loaded:
            return None
        try:
            self.sync()
            index = self.partition.index
            for number in {0, index.count - 1} if extended and index.count else ():
                index[number]
        except CheckCondition as condition:
            return condition.sense
        except MediumError:
            return Sense(s.FORMAT_CORRUPTED)
        return None

    def power_on_hours(self) -> int:
        """Over the drive's life."""
        return int(self.seconds_on()) // 3600

    def downloaded(self, good: bool) -> None:
        """TapeAlert 34 is there from an image that was refused to one that was taken."""
        if good:
            self.alerts.clear(cleared_by(Clears.DOWNLOAD))
        else:
            self.alert(Flag.DOWNLOAD_FAILED)

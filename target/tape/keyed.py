"""The keys of a drive: who controls them, which fail, and the pair that keys are wrapped with."""

from __future__ import annotations

from collections.abc import Sequence

from target.clock import SYSTEM, Clock
from target.encryption import abilities, guard
from target.encryption.abilities import APPLICATION
from target.encryption.external import External, KeySource
from target.encryption.wrapped import WrappingKey
from target.personality import Personality
from target.scsi import sense as s
from target.scsi.command import Command, Nexus
from target.tape.service import Serviced

_IDENTIFICATION, _ASSOCIATION = 0x83, 0x30
"""The VPD page of designators; the bits that are 0 in those of the logical unit (SPC-4 7.8.5)."""


class Keyed(Serviced):
    """A drive as far as its keys go.

    ``control``: who sets the encryption parameters, of those that the model knows; None: as the
    model has it. Raises ValueError for another one.
    """

    def __init__(
        self,
        personality: Personality,
        commands: Sequence[Command],
        compression: str = "off",
        clock: Clock = SYSTEM,
        factor: float = 0.0,
        control: str | None = None,
    ) -> None:
        super().__init__(personality, commands, compression, clock, factor)
        known = abilities.controls(personality)
        if control is not None and control not in known:
            raise ValueError(f"{personality.name} does not know encryption control {control!r}")
        self.control = control or abilities.default_control(personality)
        self.external = None if self.control == APPLICATION else External(self)
        self.key_source: KeySource | None = None
        """Who gives keys while the hosts do not control encryption; None: nobody."""
        self.key_failures = 0
        self._failed_key = 0
        self._wrapping_key: WrappingKey | None = None

    # --- keys that fit, and others -----------------------------------------------------------

    def key_failed(self, counter: int) -> None:
        """A block was read with a wrong key; each key, told by its counter, counts once."""
        if self._failed_key != counter:
            self._failed_key = counter
            self.key_failures += 1

    def key_fitted(self) -> None:
        """A block was read with the right key: the row of failures, unless at its limit, ends."""
        if self.abilities is None or self.key_failures < self.abilities.key_fail_limit:
            self.forget_key_failures()

    def forget_key_failures(self) -> None:
        """The row of failures ends."""
        self.key_failures = self._failed_key = 0

    # --- keys that go ------------------------------------------------------------------------

    def parameters_changed(self) -> None:
        """A key came or went: whatever was derived from it is forgotten."""
        self._forget_ciphers()

    def release(self, users: set[Nexus]) -> None:
        """A parameter set that those nexuses used is gone."""
        for nexus in users:
            self.tell(nexus, s.ENCRYPTION_CHANGED_BY_EVENT)
        self._forget_ciphers()

    def reservation_lost(self) -> None:
        """Keys that were to go with the reservation go."""
        self.release(self.parameters.reservation_lost())

    def reservation_preempted(self) -> None:
        """Keys that were to go when another nexus takes the reservation go."""
        self.release(self.parameters.reservation_preempted())

    def change_partition(self, number: int) -> None:
        """A key from outside is for one partition (IBM LTO SCSI Reference 4.15.1)."""
        super().change_partition(number)
        if self.external is not None:
            self.release(self.parameters.demounted())
        self.look_out()

    def look_out(self) -> None:
        """What decides over writing and moving has changed."""
        self.guard = guard.of(self)

    # --- wrapped keys ------------------------------------------------------------------------

    def wrapping_key(self) -> WrappingKey:
        """The pair that hosts wrap keys with, made when it is first needed."""
        if self._wrapping_key is None:
            self._wrapping_key = WrappingKey()
        return self._wrapping_key

    def power_on(self) -> None:
        """Power was lost: the next pair is another one."""
        self._wrapping_key = None
        super().power_on()

    def designators(self) -> set[bytes]:
        """The names of the logical unit, as the device identification page has them."""
        page, at, names = self.vpd_pages.get(_IDENTIFICATION, b""), 0, set()
        while at < len(page):
            end = at + 4 + page[at + 3]
            if not page[at + 1] & _ASSOCIATION:
                names.add(page[at + 4 : end])
            at = end
        return names

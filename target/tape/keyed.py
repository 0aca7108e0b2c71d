"""The keys of a drive: who controls them, which fail, and the pair that keys are wrapped with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keymgr.api import KeySource, Reason, Refused
from target.clock import SYSTEM, Clock
from target.encryption import abilities, guard
from target.encryption.abilities import APPLICATION, KEY_TIMEOUT
from target.encryption.external import Asker, External
from target.encryption.wrapped import WrappingKey
from target.personality import Personality
from target.scsi import sense as s
from target.scsi.command import Command, Nexus
from target.tape.mount import Medium
from target.tape.service import Serviced

_IDENTIFICATION, _ASSOCIATION, _TYPE = 0x83, 0x30, 0x0F
"""The VPD page of designators; the bits that are 0 in those of the logical unit; DESIGNATOR TYPE
(SPC-4 7.8.5)."""


class Keyed(Serviced):
    """A drive as far as its keys go.

    ``control``: who sets the encryption parameters, of those that the model knows; None: as the
    model has it. Raises ValueError for another one.
    """

    serial: str

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
        self._require_known(control)
        self.control = control or abilities.default_control(personality)
        self.external = None if self.control == APPLICATION else External(self)
        self.key_timeout = self.abilities.key_timeout if self.abilities else KEY_TIMEOUT
        """Seconds that a command waits for a key."""
        self.key_failures = 0
        self._failed_key = 0
        self._wrapping_key: WrappingKey | None = None

    # --- who controls them -------------------------------------------------------------------

    @property
    def key_source(self) -> KeySource | None:
        """Who gives keys while the hosts do not control encryption; None: nobody."""
        return self.external.source if self.external is not None else None

    def put_under(
        self, control: str, source: KeySource | None = None, asker: Asker | None = None
    ) -> None:
        """From now on that ``control`` sets the parameters, and ``source`` gives the keys.

        All parameters that there are go, and nexuses that use protocol 20h hear of it. Raises
        ValueError for a control that the model does not know, Refused if the source does not serve
        such drives; then nothing has changed.
        """
        self._require_known(control)
        new = None if control == APPLICATION else External(self, source, asker)
        if new is not None:
            new.attach()
        with self.turn:
            self.release(self.parameters.taken_over())
            self.forget_key_failures()
            if self.external is not None:
                self.external.close()
            self.control, self.external = control, new
            self.waits = self.waits or source is not None
            self.look_out()
            if new is not None and self.loaded:
                new.mounted()

    def ask_by_itself(self, source: KeySource, asker: Asker | None = None) -> None:
        """An agent in the drive asks ``source`` for keys: under the control that the drive has, or
        the first from outside that its model knows. Raises Refused."""
        known = [who for who in abilities.controls(self.personality) if who != APPLICATION]
        if not known:
            raise Refused(
                Reason.NOT_CONFIGURED,
                f"{self.personality.name} takes no keys from outside",
                "leave its key source out, or take a model that does",
            )
        agent = known[-1] if self.control == APPLICATION else self.control
        self.put_under(agent, source, asker)

    def _require_known(self, control: str | None) -> None:
        if control is not None and control not in abilities.controls(self.personality):
            raise ValueError(
                f"{self.personality.name} does not know encryption control {control!r}"
            )

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

    # --- keys that come and go ---------------------------------------------------------------

    def loading(self, cartridge: Medium) -> None:
        """Whoever gives keys hears of the volume."""
        super().loading(cartridge)
        if self.external is not None:
            self.external.mounted()

    def unloading(self) -> None:
        """The last moment to say which volume it was."""
        super().unloading()
        if self.external is not None:
            self.external.leaving()

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
            self.release(self.parameters.demounted("partition left"))
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
        if self.external is not None and self.loaded:
            self.external.mounted()

    def designators(self) -> set[bytes]:
        """The names of the logical unit, as the device identification page has them."""
        return {name for _, name in self.designators_by_type()}

    def designators_by_type(self) -> Iterator[tuple[int, bytes]]:
        """The same with their DESIGNATOR TYPE, in their order."""
        page, at = self.vpd_pages.get(_IDENTIFICATION, b""), 0
        while at < len(page):
            end = at + 4 + page[at + 3]
            if not page[at + 1] & _ASSOCIATION:
                yield page[at + 1] & _TYPE, page[at + 4 : end]
            at = end

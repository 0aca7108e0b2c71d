"""The automation port of a drive: what a library tells it and asks it, beside all hosts.

Real drives have a second logical unit for that, of device type 12h, with the command set ADC. Here
it is a Python interface with ADC's states and words (ADC-3 4; the layouts of its encryption pages
are in no public source): who controls the encryption parameters, whether the drive requests
encryption service and what for, how the last request was completed, what is in the drive.

Under the library's control the hosts cannot set keys (5/74/21); the port carries the drive's
questions to the key source of its partition, and tells operators of every refusal.

A drive that loses power alone, with a cartridge inside, gets no key any more until the cartridge
was moved out and the drive was reset after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

from keymgr.api import DriveIdentity, KeySource, Notice, Reason, Refused
from target.encryption import abilities, requests
from target.encryption.abilities import APPLICATION, LIBRARY
from target.encryption.external import Asker
from target.scsi import sense as s
from target.scsi.command import Nexus
from target.scsi.sense import CheckCondition
from target.scsi.unit import ABORT_INTERVAL
from target.tape.drive import Drive
from target.tape.logs.status import Seen, very_high_frequency
from target.tape.mount import Medium

AUTOMATION = Nexus("automation", "port0")
"""The library's own nexus: hosts have port1."""
NO_KEY_SENT = "no encryption key was sent to the drive"
MOVE_AND_RESET = "move the cartridge out of the drive, then reset the drive"
PATIENCE = 1.0
"""Seconds that a library waits for a command to end before it looks what keeps the drive."""


class _Power(Enum):
    """Whether the drive gets keys."""

    SERVED = auto()
    LOST = auto()
    """It lost power with a cartridge inside, which is still there."""
    EMPTIED = auto()
    """That cartridge was moved out; the drive was not reset since."""


@dataclass(frozen=True)
class PortStatus:
    """The drive as its library sees it; JSON values."""

    partition: str
    method: str
    controls: str
    """Who sets the encryption parameters: application, library, system or agent."""
    service_requested: bool
    """ESR: the drive waits for a key now."""
    parameters_request: str
    """What it waits for: write or read, else empty."""
    parameters_complete: str
    """How the last request ended: granted, refused, or empty if there was none."""
    refusal: str
    """Why it was refused."""
    parameters_present: bool
    """EPP: a key is in place."""
    keys_held: int
    """Beside the one in place."""
    inserted: bool
    loaded: bool
    barcode: str
    removal_prevented: bool
    power_lost: bool
    """No key is sent, see above."""


class AutomationPort:
    """``library``: its serial number. ``tell`` hears of every refusal, from any thread and with the
    drive's turn taken: it must take no lock that is held while a drive is called."""

    def __init__(self, drive: Drive, *, library: str, tell: Callable[[Notice], None]) -> None:
        self.drive = drive
        self._library = library
        self._tell = tell
        self._partition = self._method = ""
        self._power = _Power.SERVED
        drive.power_lost = self._power_lost

    @property
    def identity(self) -> DriveIdentity:
        """Vendor, product, serial number, firmware and what keys need to know."""
        return requests.identity(self.drive)

    @property
    def status(self) -> PortStatus:
        """At any time: also while the drive waits for a key."""
        drive, external = self.drive, self.drive.external
        asked = external.asked if external is not None else None
        cartridge, shared = drive.cartridge, drive.parameters.shared
        return PortStatus(
            partition=self._partition,
            method=self._method,
            controls=drive.control,
            service_requested=asked is not None,
            parameters_request=external.asked_to if external is not None else "",
            parameters_complete=external.completed if external is not None else "",
            refusal=external.refused.text if external is not None and external.refused else "",
            parameters_present=shared is not None and shared.active,
            keys_held=len(external.held) if external is not None else 0,
            inserted=cartridge is not None,
            loaded=drive.loaded,
            barcode=cartridge.barcode if cartridge is not None else "",
            removal_prevented=drive.removal_prevented,
            power_lost=self._power is not _Power.SERVED,
        )

    @property
    def very_high_frequency(self) -> bytes:
        """The 4 bytes that log page 11h tells of the drive, also while it waits for a key."""
        return very_high_frequency(Seen(self.drive, AUTOMATION))

    @property
    def loaded(self) -> bool:
        """Whether a volume is on the heads."""
        return self.drive.loaded

    # --- encryption --------------------------------------------------------------------------

    def assign(self, partition: str, method: str, source: KeySource | None) -> None:
        """The drive is in that partition, whose ``method`` has keys from ``source``; None: hosts
        control the encryption. Parameters that there are go.

        A command that waits for a key is aborted. Raises Refused if the drive takes no keys from
        libraries, or the source does not serve it.
        """
        drive = self.drive
        asker = Asker(self._library, partition, method, self._tell, self._barred)
        if source is None:
            if drive.control == LIBRARY:
                with self._unasked():
                    drive.put_under(APPLICATION)
        else:
            if LIBRARY not in abilities.controls(drive.personality):
                raise Refused(
                    Reason.NOT_CONFIGURED,
                    f"drive {drive.serial}, {drive.personality.name}, takes no keys from a library",
                    "put it into a partition whose encryption is disabled",
                )
            if drive.external is not None and (drive.control, drive.key_source) == (
                LIBRARY,
                source,
            ):
                drive.external.asker = asker
            else:
                with self._unasked():
                    drive.put_under(LIBRARY, source, asker)
        self._partition, self._method = partition, method

    def _barred(self) -> Refused | None:
        if self._power is _Power.SERVED:
            return None
        return Refused(Reason.UNAVAILABLE, NO_KEY_SENT, MOVE_AND_RESET)

    # --- cartridges --------------------------------------------------------------------------

    def insert(self, cartridge: Medium) -> None:
        """A cartridge goes into the empty drive, which loads it. CheckCondition, such as 3/53/00:
        it cannot be loaded, and is in the drive all the same."""
        with self._between_commands():
            self.drive.insert(cartridge)

    def eject(self) -> Medium | None:
        """Unload and take the cartridge out, still open; None if there is none.

        One that a fault has taken out is the library's all the same, and does not come back.

        Raises CheckCondition: 5/53/02 while a host prevents removal, 3/0C/00 where what was written
        cannot be made durable, 2/04/07 while a command waits for a key; then it stays in the
        drive.
        """
        drive = self.drive
        with self._between_commands():
            if drive.cartridge is not None and drive.removal_prevented:
                raise CheckCondition(s.REMOVAL_PREVENTED)
            cartridge = drive.eject()
            if cartridge is None and drive.aside:
                cartridge = drive.aside.pop()
            if cartridge is not None and self._power is _Power.LOST:
                self._power = _Power.EMPTIED
            return cartridge

    # --- power -------------------------------------------------------------------------------

    def power_on(self) -> None:
        """The drive loses power, and gets it back, together with its library."""
        with self.drive.stopped():
            self._power = _Power.SERVED
            self.drive.power_on()

    def power_cycle(self) -> None:
        """The drive alone loses power, and gets it back."""
        with self.drive.stopped():
            self._power_lost()
            self.drive.power_on()

    def reset(self) -> None:
        """The library resets the drive, which begins anew as when power comes."""
        with self.drive.stopped():
            self._restarted()
            self.drive.reset()
            external = self.drive.external
            if external is not None and self.drive.loaded:
                external.mounted()

    @property
    def _asking(self) -> bool:
        external = self.drive.external
        return external is not None and external.asked is not None

    @contextmanager
    def _between_commands(self) -> Iterator[None]:
        """The drive's turn. Raises CheckCondition 2/04/07 where a key is waited for, or a command
        stands still: that may take long, and whoever moves cartridges holds up the whole library.
        """
        while not self.drive.turn.acquire(PATIENCE):
            if self._asking or self.drive.stuck:
                raise CheckCondition(s.NOT_READY_IN_OPERATION)
        try:
            yield
        finally:
            self.drive.turn.release()

    @contextmanager
    def _unasked(self) -> Iterator[None]:
        """The drive's turn: what waits for a key is aborted."""
        while not self.drive.turn.acquire(ABORT_INTERVAL):
            if self._asking or self.drive.stuck:
                self.drive.abort()
        try:
            yield
        finally:
            self.drive.turn.release()

    def _power_lost(self) -> None:
        if self.drive.cartridge is not None:
            self._power = _Power.LOST
        else:
            self._restarted()

    def _restarted(self) -> None:
        if self._power is _Power.EMPTIED:
            self._power = _Power.SERVED

"""A medium changer: one partition of a library as its hosts see it, through SMC-3's commands.

The commands are functions in the modules beside this one; `commands` is their table. What is where
comes from the library's inventory, which only the robot changes: here is only what hosts have
asked of this changer. A changer's turn is taken before the library's lock, so whoever holds the
lock must not call what is said to take the turn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from target.clock import SYSTEM, Clock
from target.files import replace_json
from target.library import commands, element_reservations, inquiry, logs, mode_pages
from target.library.alerts import Flag, LibraryAlerts
from target.library.inventory import Inventory, Location
from target.library.partition import Elements, Partition
from target.library.personality import LibraryModel
from target.library.robot import Port, Robot
from target.scsi import firmware
from target.scsi import sense as s
from target.scsi.command import Command, Nexus, ReservationConflict
from target.scsi.mode import ModePages
from target.scsi.primary import PrimaryUnit
from target.scsi.registrations import Capabilities
from target.scsi.sense import CheckCondition, Code, Sense, invalid_parameter


class LibraryView(Protocol):
    """What a changer knows of the library that it is a part of."""

    @property
    def model(self) -> LibraryModel:
        """What the library is."""

    @property
    def inventory(self) -> Inventory:
        """What is where."""

    @property
    def robot(self) -> Robot:
        """Who moves it."""

    @property
    def ports(self) -> Mapping[int, Port]:
        """The automation ports by the number of the drive's place."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while places change; it may be taken again by the same thread."""

    @property
    def door_open(self) -> bool:
        """Whether operators have stopped the robot."""


class Changer(PrimaryUnit):
    """The medium changer of a partition, powered on.

    ``state``: the file of what it remembers without power; None: it begins anew. Raises ValueError
    if the file is none, or the model has too few addresses for the partition's places.
    """

    header_mask = header_default = b"\0\0"

    def __init__(
        self,
        partition: Partition,
        library: LibraryView,
        state: Path | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        model = library.model
        model.require_addresses(partition)
        super().__init__(commands.of(model), model.limits["sense_length"], clock)
        self.library = library
        self.model = model
        self.partition = partition
        self.elements = Elements(partition, model.first)
        self.opened: set[Location] = set()
        """Mail slots that hosts have opened."""
        self.alerts = LibraryAlerts()
        self.waits = True
        self._state = state
        self.persistent.capabilities = Capabilities(**model.reservations)
        self.vendor_sense = s.own_codes(model.sense)
        self.restore(_load(state))
        self.modes = ModePages(mode_pages.PAGES, model.modes, self.memory.get("modes"))
        self.logs = logs.of(model)
        self._describe()
        self.modes_changed()

    def __str__(self) -> str:
        return f"{self.model.name} {self.partition.name} {self.partition.serial}"

    # --- what happens around it ---------------------------------------------------------------
    # Each takes the changer's turn: call it without the library's lock.

    def inventory_changed(self) -> None:
        """Somebody else than a host of this changer moved a cartridge: 6/28/00 for every host."""
        with self.turn:
            self.attention(s.MEDIUM_MAY_HAVE_CHANGED)

    def mail_accessed(self) -> None:
        """An operator put something into a mail slot or took it out: 6/28/01 for every host."""
        with self.turn:
            self.attention(s.IMPORT_EXPORT_ACCESSED)

    def repartition(self, partition: Partition) -> None:
        """The partition has other places: 6/3F/0E, 6/2A/01 and 6/28/00 for every host."""
        with self.turn:
            self.partition = partition
            self.elements = Elements(partition, self.model.first)
            self.opened &= set(self.elements.address_of)
            self._describe()
            for code in (s.LUNS_CHANGED, s.MODE_PARAMETERS_CHANGED, s.MEDIUM_MAY_HAVE_CHANGED):
                self.attention(code)

    def door_moved(self) -> None:
        """The door was opened or closed: TapeAlert 16 as long as it is open, then 6/28/00, since
        anything may have changed."""
        with self.turn:
            if self.library.door_open:
                self.alerts.raise_(Flag.DOOR)
                self.happened("alert", flag=int(Flag.DOOR), name="library door")
            else:
                self.alerts.clear(frozenset({Flag.DOOR}))
                self.attention(s.MEDIUM_MAY_HAVE_CHANGED)

    @property
    def prevents(self) -> bool:
        """Whether a host has locked mail slots and door; operators are told."""
        return any(state.removal_prevented for state in list(self.nexuses.values()))

    # --- what commands need -------------------------------------------------------------------

    def element(self, address: int, where: int) -> Location:
        """The place of an element address; 5/21/01 pointing at byte ``where`` of the CDB."""
        location = self.elements.by_address.get(address)
        if location is None:
            raise CheckCondition(Sense(s.INVALID_ELEMENT, pointer=(where, None)))
        return location

    def require_closed(self, *locations: Location) -> None:
        """2/3A/02 where a host has opened a mail slot."""
        if self.opened.intersection(locations):
            raise CheckCondition(s.TRAY_OPEN)

    # --- a unit -------------------------------------------------------------------------------

    def admit(self, command: Command, nexus: Nexus) -> None:
        """What needs the robot needs a closed door."""
        if command.needs_medium and self.library.door_open:
            raise CheckCondition(s.DOOR_OPEN)

    def encode_sense(self, sense: Sense, descriptor: bool) -> bytes:
        """Some makers' fixed sense data end with the condition in words."""
        data = super().encode_sense(sense, descriptor)
        if descriptor or not self.model.quirks.get("sense_text"):
            return data
        text = self.translate(sense).code.name.encode()
        return data[:18] + text.ljust(len(data) - 18)[: len(data) - 18]

    def timeouts(self, command: Command) -> tuple[int, int]:
        """Only the recommended one is known of these models."""
        return 0, self.model.timeout(command.timeout)

    def require_no_legacy(self) -> None:
        """Conflict also while anybody has reserved elements."""
        super().require_no_legacy()
        if element_reservations.reserved(self):
            raise ReservationConflict

    def restore(self, memory: dict[str, Any]) -> None:
        """The firmware is the model's, or the one that was saved."""
        super().restore(memory)
        self.inquiry_data = bytes(inquiry.standard(self.model, self.partition.serial))
        firmware.restore(self)

    def remember(self, **values: Any) -> None:
        """Keep values in the changer's file."""
        super().remember(**values)
        if self._state is not None:
            self._state.parent.mkdir(parents=True, exist_ok=True)
            replace_json(self._state, self.memory)

    def reset(self, attention: Code | None = s.POWER_ON, but: Nexus | None = None) -> None:
        """Power-on or hard reset: mail slots close, what hosts have asked for is void."""
        super().reset(attention, but)
        self.opened.clear()
        self.modes.reset()
        self._describe()
        self.modes_changed()

    def power_on(self) -> None:
        """Power was lost and is back; whoever calls holds the turn, as with drives."""
        self.alerts = LibraryAlerts()
        super().power_on()
        self.modes.power_on(self.memory.get("modes"))
        self.modes_changed()

    def renew(self) -> None:
        """As `Drive.renew`: a changer that has never had power before."""
        self.power_on()
        self.restore({})
        self._describe()
        self.modes.power_on(None)
        self.modes_changed()
        self.remember()
        self.forget_attentions()

    def _describe(self) -> None:
        self.vpd_pages = inquiry.vital_product_data(self)

    def nexus_gone(self, nexus: Nexus) -> None:
        """Elements that it has reserved are free."""
        super().nexus_gone(nexus)
        element_reservations.forget(self, nexus)
        self.modes.lost(nexus)

    # --- mode parameters ----------------------------------------------------------------------

    def mode_header(self) -> tuple[int, int]:
        """Changers have no medium type and nothing device-specific (SMC-3 7.2)."""
        return 0, 0

    def block_descriptor(self) -> bytes:
        """There is none, whether DBD is set or not."""
        return b""

    def mode_select(self, nexus: Nexus, header: bytes, descriptor: bytes, start: int) -> None:
        """Nothing but pages can be set."""
        first = 1 if start == 4 else 2
        for at, value in enumerate(header, first):
            if value:
                raise invalid_parameter(at)
        if descriptor:
            raise invalid_parameter(start - 1)

    def modes_changed(self) -> None:
        """Sense data are in the format that D_SENSE asks for."""
        self.descriptor_sense = bool(self.modes.value("d_sense", 0x0A))


def _load(path: Path | None) -> dict[str, Any]:
    if path is None or not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not a medium changer's state: remove it to start anew"
        ) from error

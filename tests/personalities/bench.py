"""A bench for one drive model: what its tables say of it, drives made of it, cartridges for them.

What a check expects comes from here, that is from the personality and the tables of formats, not
from what a drive answers.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from target import personality
from target.clock import SYSTEM, Clock
from target.medium.cartridge import Cartridge
from target.medium.formats import FORMATS, TYPES, CartridgeType, Format, Kind
from target.personality import Personality
from target.scsi import command_table
from target.scsi import sense as s
from target.scsi.command import Command
from target.scsi.sense import CheckCondition, Code, Sense
from target.tape import commands
from target.tape.drive import Drive
from target.transports.inprocess import Reply
from tests.tape.host import CHECK, GOOD, MIB, Host

SERIAL = "KRL0000001"
ROWS = {command_table.key(row): row for row in commands.COMMANDS}
"""Every command there is, by its name in a personality."""


@dataclass(frozen=True)
class Model:
    """What the tables say of a model."""

    name: str
    personality: Personality

    @cached_property
    def native(self) -> Format:
        return FORMATS[self.personality.media["native"]]

    @cached_property
    def writes(self) -> tuple[Format, ...]:
        return tuple(FORMATS[name] for name in self.personality.media["read_write"])

    @cached_property
    def reads(self) -> tuple[Format, ...]:
        """Every format that it reads, those that it writes first."""
        return self.writes + tuple(FORMATS[name] for name in self.personality.media["read_only"])

    @cached_property
    def types(self) -> tuple[CartridgeType, ...]:
        """Every cartridge of the model's family."""
        return tuple(kind for kind in TYPES.values() if kind.family == self.native.family)

    def cartridge(self, form: Format, kind: Kind = Kind.DATA) -> CartridgeType | None:
        """A cartridge of that kind that can be recorded in a format, or None."""
        fitting = (one for one in self.types if one.kind is kind and form in one.formats)
        return next(fitting, None)

    @cached_property
    def worm(self) -> CartridgeType | None:
        """A WORM cartridge that the model writes."""
        found = (self.cartridge(form, Kind.WORM) for form in self.writes)
        return next((kind for kind in found if kind), None)

    @cached_property
    def partitions(self) -> int:
        """The most that a cartridge of its own format may have, if it can make them."""
        return self.native.partitions if "04" in self.personality.commands else 1

    @cached_property
    def encrypts(self) -> bool:
        return bool(self.personality.encryption)

    @cached_property
    def rows(self) -> dict[str, Command]:
        """Its commands."""
        return {key: row for key, row in ROWS.items() if key in self.personality.commands}

    def has(self, *keys: str) -> bool:
        """Whether it has all of these commands."""
        return all(key in self.personality.commands for key in keys)

    def mode(self, key: str) -> bool:
        """Whether it has a mode page."""
        return key in self.personality.modes

    def log(self, key: str) -> bool:
        """Whether it has a log page."""
        return key in self.personality.logs

    def vpd(self, key: str) -> bool:
        """Whether it has a VPD page."""
        return key in self.personality.vpd["pages"]

    def quirk(self, name: str) -> bool:
        return bool(self.personality.quirks.get(name))

    def code(self, condition: Code) -> Code:
        """What the model says for a condition: its own code, or the standard's."""
        own = s.own_codes(self.personality.sense)
        return own.get(s.NAMES[condition], (condition, None))[0]


@cache
def model(name: str) -> Model:
    """A model by its name."""
    return Model(name, personality.load(name))


class Shelf:
    """Blank cartridges. One that was used is made blank again and not made anew, as thousands of
    checks want one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._free: dict[tuple[str, int | None], list[Cartridge]] = {}
        self._new: dict[str, dict[str, Any]] = {}
        """What a cartridge said of itself when it was new, by its label."""

    def take(self, kind: CartridgeType, capacity: int | None, protect: bool) -> Cartridge:
        """A blank cartridge, open."""
        free = self._free.get((kind.suffix, capacity))
        if free:
            made = free.pop()
        else:
            barcode = f"K{len(self._new):05}{kind.suffix}"
            Cartridge.create(self._folder / barcode, barcode, capacity)
            made = Cartridge(self._folder / barcode)
            self._new[barcode] = deepcopy(made.info)
        made.info["write_protect"] = protect
        return made

    def put_back(self, used: Cartridge) -> None:
        """Make it blank, or throw it away if it was divided."""
        if len(used.partitions) > 1:
            self._drop(used)
            return
        # Folders of partitions are named by how often there were new ones.
        kept = {name: used.info[name] for name in ("partitions", "initializations")}
        used.info.clear()
        used.info.update(deepcopy(self._new[used.folder.name]), **kept)
        used.attributes.clear()
        used.info["partitions"][0]["capacity"] = None
        used.partitions[0].cut(0)
        used.partitions[0].capacity = used.capacity
        key = used.type.suffix, used.info["capacity"]
        self._free.setdefault(key, []).append(used)

    def close(self) -> None:
        """Throw all of them away."""
        for cartridges in self._free.values():
            for cartridge in cartridges:
                self._drop(cartridge)
        self._free.clear()

    def _drop(self, cartridge: Cartridge) -> None:
        cartridge.abandon()
        shutil.rmtree(cartridge.folder)


class Bench:
    """A model, and cartridges for it, which go back to their shelf by `close`."""

    def __init__(self, about: Model, shelf: Shelf) -> None:
        self.model = about
        self._shelf = shelf
        self._taken: list[Cartridge] = []

    # --- drives ---------------------------------------------------------------------------------

    def empty(
        self,
        *,
        compression: str = "off",
        clock: Clock = SYSTEM,
        factor: float = 0.0,
        control: str | None = None,
    ) -> Host:
        """A host at an empty drive, its unit attention heard."""
        known = self.model.personality
        drive = Drive(
            known,
            SERIAL,
            commands.of(known),
            compression,
            clock=clock,
            factor=factor,
            control=control,
        )
        host = Host(drive)
        host.hear()
        return host

    def tape(
        self,
        kind: CartridgeType | None = None,
        *,
        capacity: int | None = MIB,
        protect: bool = False,
        recorded: Format | None = None,
        compression: str = "off",
        partitions: Sequence[int] = (),
    ) -> Host:
        """A host at a drive with a cartridge, by default a blank one of its own format.

        ``recorded``: the format that the cartridge has; ``partitions``: their capacities.
        """
        host = self.empty(compression=compression)
        made = self.cartridge(
            kind, capacity=capacity, protect=protect, recorded=recorded, partitions=partitions
        )
        host.drive.insert(made)
        host.hear()
        return host

    def another(self, host: Host, name: str = "host1") -> Host:
        """Another host at the same drive."""
        other = Host(host.drive, name)
        other.hear()
        return other

    # --- cartridges -----------------------------------------------------------------------------

    def cartridge(
        self,
        kind: CartridgeType | None = None,
        *,
        capacity: int | None = MIB,
        protect: bool = False,
        recorded: Format | None = None,
        partitions: Sequence[int] = (),
    ) -> Cartridge:
        """A blank cartridge, open, or one in partitions or a format."""
        if kind is None:
            kind = self.model.cartridge(self.model.native)
            assert kind is not None
        made = self._shelf.take(kind, capacity, protect)
        self._taken.append(made)
        if partitions:
            made.format(partitions, self.model.native)
        # What would take an LTO-9 drive hours was done before.
        made.info["optimised"] = True
        if recorded is not None:
            made.record(recorded)
        return made

    def put(self, host: Host, cartridge: Cartridge) -> None:
        """Take out what is in a drive, put this in, and hear of it."""
        host.drive.eject()
        with suppress(CheckCondition):
            host.drive.insert(cartridge)
        host.hear()

    def close(self) -> None:
        """Drives are gone, with whatever is in them."""
        for cartridge in self._taken:
            self._shelf.put_back(cartridge)


# --- answers ------------------------------------------------------------------------------------


def refused(reply: Reply, code: Code, pointer: tuple[int, int | None] | None = None) -> Sense:
    """The sense data of a reply, which must be CHECK CONDITION with this code, and this field
    pointer if one is given. The T10000's has no bit."""
    assert reply.status == CHECK, reply
    assert reply.sense is not None
    assert reply.sense.code[:3] == code[:3], reply.sense
    if pointer is not None:
        told = reply.sense.pointer
        assert told is not None, reply.sense
        assert told[0] == pointer[0] and told[1] in (pointer[1], None), reply.sense
    return reply.sense


def good(reply: Reply) -> bytes:
    """The data of a reply, which must be GOOD."""
    assert reply.status == GOOD, reply
    return reply.data

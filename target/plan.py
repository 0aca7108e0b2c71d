"""What a target is told to be: plain data, checked by whoever wrote it.

A rig file is read and validated by the harness; what reaches the target, which may run on the
other side of a guest's console, is this: paths, names and serial numbers, as JSON. Only the
standard library is needed to read it, because the target's start-up time is the rig's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from target.files import write_json


@dataclass(frozen=True)
class CartridgePlan:
    """A cartridge that the rig owns; ``path`` is its folder, made at start if it is not there."""

    barcode: str
    path: str
    capacity: int | None = None
    """Native bytes of the whole; None: what its format has."""
    write_protect: bool = False
    damage: tuple[str, ...] = ()
    """leader: it cannot be threaded; memory: the cartridge memory cannot be read; label: a library
    cannot read the barcode."""
    cleanings: int | None = None
    """Uses that a cleaning cartridge has left; None: as it is."""


@dataclass(frozen=True)
class DrivePlan:
    """A drive: ``model`` is a personality's name, ``cartridge`` the barcode loaded at start."""

    name: str
    model: str
    serial: str
    cartridge: str | None = None
    compression: str = "off"
    """off, lz4 or zstd."""
    medium: str = "file"
    """file, or null: a medium that accepts and discards, for measuring the transport."""
    timing: float = 0.0
    """Factor of real time that operations take; 0: none."""
    encryption: str | None = None
    """Who controls it: application, library, system or agent; None: as the model has it."""
    state: str | None = None
    """File with what the drive remembers without power, made when it is first needed."""
    hosts: int = 1
    """How many hosts reach it through this machine's kernel, each by a device of its own."""
    key_source: str | None = None
    """The name of the key source that an agent in the drive asks by itself."""


@dataclass(frozen=True)
class KeySourcePlan:
    """A key manager of the rig's own, see `keymgr.api`."""

    name: str
    source: str
    """Its entry point."""
    folder: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PartitionPlan:
    """A library partition; its medium changer has the same name. What it says holds when the
    library starts for the first time; later operators may have changed it."""

    name: str
    serial: str
    drives: tuple[str, ...]
    slots: int
    mail_slots: int = 0
    encryption: str = "disabled"
    """disabled, bluescale, or the name of a key source of the rig."""
    cartridges: tuple[str, ...] = ()
    """Barcodes, in the first slots."""
    hosts: int = 1
    """As of a drive."""


@dataclass(frozen=True)
class ChangerPlan:
    """A medium changer as hosts find it: that of the partition with its name."""

    name: str
    serial: str
    hosts: int = 1
    """As of a drive."""


@dataclass(frozen=True)
class UserPlan:
    """Who may log in at a library when it starts for the first time."""

    name: str
    role: str
    """operator, administrator or superuser."""
    password_file: str | None = None
    """None: the password is blank."""


@dataclass(frozen=True)
class LibraryPlan:
    """A library: its places are those of its partitions, one after the other."""

    name: str
    model: str
    """A library personality's name, such as spectra/t950."""
    serial: str
    partitions: tuple[PartitionPlan, ...]
    folder: str
    """For what it remembers: places, configuration, messages, and what its key manager keeps."""
    options: tuple[str, ...] = ()
    """What is enabled by option keys from the start, see `target.library.options`."""
    password_file: str | None = None
    """File with the first superuser's password; None: it is blank."""
    users: tuple[UserPlan, ...] = ()
    """Besides the first superuser."""
    keystore: str | None = None
    """SQLAlchemy URL of its keys; None: SQLite in its folder."""
    passphrase_file: str | None = None
    """File with the keystore's passphrase; None: a random master key in its folder."""
    bluescale: dict[str, Any] = field(default_factory=dict)
    """What the rig says to the key manager inside, see `keymgr.bluescale`."""
    remembered: tuple[ChangerPlan, ...] | None = None
    """The changers of the partitions that operators have left; None: those of ``partitions``."""

    @property
    def changers(self) -> tuple[ChangerPlan, ...]:
        """Those that hosts find when the library starts."""
        if self.remembered is not None:
            return self.remembered
        return tuple(ChangerPlan(one.name, one.serial, one.hosts) for one in self.partitions)


@dataclass(frozen=True)
class IscsiPlan:
    """Where the iSCSI server listens, and whom it lets in."""

    listen: str = "127.0.0.1"
    """An address of this machine."""
    port: int = 3260
    """0: one that is free."""
    credentials: str | None = None
    """File with names and secrets of CHAP, see `target.transports.iscsi.chap`; None: no CHAP."""
    insecure: bool = False
    """Listen without CHAP where other machines can connect."""


@dataclass(frozen=True)
class FaultPlan:
    """Something that goes wrong on purpose: what, where, and when it strikes.

    It strikes at commands that match, the first time at match number ``nth`` of those since it was
    set, then at each ``every``-th, ``times`` times in all (0: for ever). See `target.faults`.
    """

    name: str
    kind: str
    """See `target.faults.kinds`."""
    unit: str = "*"
    """A drive or a changer; *: each of them, for itself."""
    command: tuple[str, ...] = ()
    """Names of the standard, or hex such as 0A or A3/0C; none: any command."""
    nth: int = 1
    every: int = 1
    times: int = 1
    probability: float = 1.0
    """Of each match that would be struck, by the rig's seed."""
    nexus: str | None = None
    """Only commands of that initiator."""
    after: float = 0.0
    """Seconds since it was set, by the unit's clock, in which nothing matches."""
    options: dict[str, Any] = field(default_factory=dict)
    """Those of its kind."""


@dataclass(frozen=True)
class RigPlan:
    """Everything that a target process serves."""

    name: str
    seed: int
    drives: tuple[DrivePlan, ...]
    cartridges: tuple[CartridgePlan, ...]
    transports: tuple[str, ...] = ("tcmu",)
    """The ways in, see `target.transports`."""
    run: str = "/run/keyreel"
    """Folder for sockets and other files of this run; empty: there are to be none."""
    disposable: bool = False
    """Whether everything that is kept is thrown away at the end of the run, so that it may be
    before, too."""
    iscsi: IscsiPlan = IscsiPlan()
    libraries: tuple[LibraryPlan, ...] = ()
    key_sources: tuple[KeySourcePlan, ...] = ()
    faults: tuple[FaultPlan, ...] = ()
    trace: str | None = None
    """File for everything that units are asked and answer, from the start; None: none."""

    @property
    def units(self) -> tuple[DrivePlan | ChangerPlan, ...]:
        """What hosts find: the drives, then the medium changers."""
        changers = [changer for library in self.libraries for changer in library.changers]
        return (*self.drives, *changers)

    @property
    def control(self) -> Path:
        """The socket of `target.control`."""
        return Path(self.run, "control")

    def cartridge(self, barcode: str) -> CartridgePlan:
        """The cartridge of that barcode; KeyError if the rig has none."""
        for cartridge in self.cartridges:
            if cartridge.barcode == barcode:
                return cartridge
        raise KeyError(barcode)

    def save(self, path: Path) -> None:
        """Write the plan as JSON, for its owner alone: options of key sources are in it."""
        write_json(path, asdict(self), durable=False)

    @classmethod
    def load(cls, path: Path) -> RigPlan:
        """Read a plan that `save` wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            name=raw["name"],
            seed=raw["seed"],
            drives=tuple(DrivePlan(**drive) for drive in raw["drives"]),
            cartridges=tuple(_cartridge(cartridge) for cartridge in raw["cartridges"]),
            transports=tuple(raw["transports"]),
            run=raw["run"],
            disposable=raw["disposable"],
            iscsi=IscsiPlan(**raw["iscsi"]),
            libraries=tuple(_library(library) for library in raw["libraries"]),
            key_sources=tuple(KeySourcePlan(**source) for source in raw["key_sources"]),
            faults=tuple(_fault(fault) for fault in raw.get("faults", ())),
            trace=raw.get("trace"),
        )


def _cartridge(raw: dict[str, Any]) -> CartridgePlan:
    return CartridgePlan(**{**raw, "damage": tuple(raw["damage"])})


def _fault(raw: dict[str, Any]) -> FaultPlan:
    return FaultPlan(**{**raw, "command": tuple(raw["command"])})


def _library(raw: dict[str, Any]) -> LibraryPlan:
    values = {**raw, "options": tuple(raw["options"])}
    values["users"] = tuple(UserPlan(**user) for user in raw["users"])
    values["partitions"] = tuple(_partition(partition) for partition in raw["partitions"])
    if raw["remembered"] is not None:
        values["remembered"] = tuple(ChangerPlan(**changer) for changer in raw["remembered"])
    return LibraryPlan(**values)


def _partition(raw: dict[str, Any]) -> PartitionPlan:
    lists = {key: tuple(raw[key]) for key in ("drives", "cartridges")}
    return PartitionPlan(**{**raw, **lists})

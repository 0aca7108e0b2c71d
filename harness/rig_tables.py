"""The tables of a rig file, each checked by itself; `rig_checks` looks at them together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness import series
from harness.rig_values import (
    Barcode,
    Barcodes,
    Damage,
    Hosts,
    List,
    Name,
    Serial,
    Size,
    Timing,
    Transports,
)


class Table(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RigSection(Table):
    """``[rig]``: what holds for the whole rig. ``transport``: the ways in; ``kernel``: of the guest
    qemu, "" for a stock one; ``trace``: whether a trace is written, or the file for it, relative to
    the rig file."""

    name: Name
    guest: Literal["uml", "qemu", "host", "none"] = "uml"
    kernel: str = ""
    seed: int = 0
    transport: Transports = ("tcmu",)
    trace: bool | str = False


class Iscsi(Table):
    """``[iscsi]``: as `target.plan.IscsiPlan`; ``credentials`` is relative to the rig file."""

    listen: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 3260
    credentials: str | None = None
    insecure: bool = False


class Cartridge(Table):
    """``[[cartridge]]``: ``capacity`` in bytes, None for what its format has.

    With ``count`` it stands for so many, whose barcodes follow one another.
    """

    barcode: Barcode
    count: Annotated[int, Field(ge=1, le=100_000)] | None = None
    capacity: Size | None = None
    write_protect: bool = False
    damage: Damage = ()
    cleanings: Annotated[int, Field(ge=0, le=0xFFFF)] | None = None

    @model_validator(mode="after")
    def _enough_barcodes(self) -> Self:
        series.barcodes(self.barcode, self.count or 1)
        return self

    def each(self) -> Iterator[Self]:
        """Those that this table stands for, one by one."""
        if self.count is None:
            yield self
            return
        for barcode in series.barcodes(self.barcode, self.count):
            yield self.model_copy(update={"barcode": barcode, "count": None})


class Drive(Table):
    """``[[drive]]``: ``cartridge`` is the barcode loaded at start.

    With ``count`` it stands for so many, named with numbers from 0; ``cartridge`` is the first
    one's, the next barcode is in the next drive.
    """

    name: Name
    count: Annotated[int, Field(ge=1, le=1000)] | None = None
    model: str
    serial: Serial | None = None
    cartridge: Barcode | None = None
    compression: Literal["off", "lz4", "zstd"] = "off"
    medium: Literal["file", "null"] = "file"
    timing: Timing = 0.0
    encryption: Literal["application", "library", "system", "agent"] | None = None
    key_source: str | None = None
    hosts: Hosts = 1

    @model_validator(mode="after")
    def _of_its_own(self) -> Self:
        if self.count is not None and self.serial is not None:
            raise ValueError("serial is one drive's and count makes several: leave one of them out")
        if self.cartridge is not None:
            series.barcodes(self.cartridge, self.count or 1)
        return self

    def each(self) -> Iterator[Self]:
        """Those that this table stands for, one by one."""
        if self.count is None:
            yield self
            return
        loaded: Sequence[str | None] = [None] * self.count
        if self.cartridge is not None:
            loaded = series.barcodes(self.cartridge, self.count)
        for name, cartridge in zip(series.names(self.name, self.count), loaded, strict=True):
            yield self.model_copy(update={"name": name, "cartridge": cartridge, "count": None})


class Partition(Table):
    """``[[library.partition]]``: as `target.plan.PartitionPlan`."""

    name: Name
    serial: Serial | None = None
    drives: Annotated[tuple[str, ...], List] = ()
    slots: Annotated[int, Field(ge=1, le=60_000)]
    mail_slots: Annotated[int, Field(ge=0, le=1000)] = 0
    encryption: str = "disabled"
    cartridges: Barcodes = ()
    hosts: Hosts = 1


class User(Table):
    """``[[library.user]]``: as `target.plan.UserPlan`."""

    name: str
    role: Literal["operator", "administrator", "superuser"]
    password_file: str | None = None


class Library(Table):
    """``[[library]]``: as `target.plan.LibraryPlan`; files are relative to the rig file.

    ``bluescale`` is for the key manager in the library, which looks at it itself.
    """

    name: Name
    model: str
    serial: Serial | None = None
    options: Annotated[tuple[str, ...], List] = ()
    password_file: str | None = None
    keystore: str | None = None
    passphrase_file: str | None = None
    bluescale: dict[str, Any] = {}
    user: Annotated[tuple[User, ...], List] = ()
    partition: Annotated[tuple[Partition, ...], List, Field(min_length=1)]


class KeySource(Table):
    """``[[key_source]]``: as `target.plan.KeySourcePlan`; keys that are not known here are options
    of the source."""

    model_config = ConfigDict(extra="allow")

    name: Name
    source: str


class Fault(Table):
    """``[[fault]]``: as `target.plan.FaultPlan`; keys that are not known here are looked at by
    `target.faults.plans`."""

    model_config = ConfigDict(extra="allow")

    kind: str


class Tables(Table):
    """All of a rig file."""

    rig: RigSection
    iscsi: Iscsi = Iscsi()
    cartridge: tuple[Cartridge, ...] = ()
    drive: Annotated[tuple[Drive, ...], Field(min_length=1)]
    library: tuple[Library, ...] = ()
    key_source: tuple[KeySource, ...] = ()
    fault: tuple[Fault, ...] = ()

    def default_serial(self, *names: str) -> str:
        """Ten digits, always the same for the same rig name, seed and names: a drive's; a
        library's and "library"; its, a partition's and "partition"."""
        text = "\0".join((self.rig.name, str(self.rig.seed), *names))
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        return f"{number % 10**10:010d}"

    def drive_serial(self, drive: Drive) -> str:
        """Its serial number."""
        return drive.serial or self.default_serial(drive.name)

    def library_serial(self, library: Library) -> str:
        """Its serial number."""
        return library.serial or self.default_serial(library.name, "library")

    def changer_serial(self, library: Library, partition: Partition) -> str:
        """The serial number of a partition's medium changer."""
        names = (library.name, partition.name, "partition")
        return partition.serial or self.default_serial(*names)


NAMES: dict[tuple[str, ...], type[Table]] = {
    (): Tables,
    ("rig",): RigSection,
    ("iscsi",): Iscsi,
    ("cartridge",): Cartridge,
    ("drive",): Drive,
    ("library",): Library,
    ("library", "partition"): Partition,
    ("library", "user"): User,
    ("key_source",): KeySource,
    ("fault",): Fault,
}
"""Tables by their names."""
SINGLE = ("rig", "iscsi")
"""Names of which there is one table."""

_Any = TypeVar("_Any")
_Many = TypeVar("_Many", Cartridge, Drive)
Numbered = Sequence[tuple[int, _Any]]
"""Things with the number of the table that they come from, which counts over the file."""


def variable(name: str) -> str:
    """A unit's name as environment variables have it: no two units may share theirs."""
    return name.replace("-", "_")


def each(tables: Iterable[_Many]) -> Numbered[_Many]:
    """What the tables stand for, each with the number of its table."""
    return [(number, one) for number, table in enumerate(tables, 1) for one in table.each()]

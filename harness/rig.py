"""Rig files: which drives and cartridges there are, in which guest; checked before anything runs.

An error is one sentence that names the file, the key and the cure.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from harness import series
from harness.models import unknown
from target.medium.formats import FORMATS, of_barcode
from target.personality import load as load_model
from target.personality import models as known_models
from target.plan import CartridgePlan, DrivePlan, IscsiPlan, RigPlan


class RigError(Exception):
    """A rig file is wrong; the text is one sentence with the file, the key and the cure."""


def _match(pattern: str, cure: str) -> BeforeValidator:
    """A check that a value is text of that pattern."""

    def check(value: object) -> object:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} will not do: {cure}")
        return value

    return BeforeValidator(check)


_UNITS: dict[str | None, int] = {None: 1}
for _power, _prefix in enumerate("KMGT", 1):
    _UNITS[_prefix + "B"] = int(1000**_power)
    _UNITS[_prefix + "iB"] = int(1024**_power)


def parse_size(value: object) -> int:
    """Bytes, from a whole number or text such as 64MiB or 2GB (K, M, G, T). Raises ValueError."""
    match = re.fullmatch(r"(\d+)\s*([KMGT]i?B)?", str(value))
    if isinstance(value, bool) or not isinstance(value, int | str) or not match:
        raise ValueError(
            f'{value!r} is no size: write bytes as a whole number, or text such as "64MiB" or "2GB"'
        )
    size = int(match[1]) * _UNITS[match[2]]
    if size == 0:
        raise ValueError("0 is no size: write one above 0, or leave the key out")
    return size


Name = Annotated[
    str, _match(r"[a-z][a-z0-9_-]*", "start with a letter a-z, go on with a-z, 0-9, _ or -")
]


def _check_barcode(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} will not do: a barcode is text such as KRL001L9")
    of_barcode(value)
    return value


Barcode = Annotated[str, BeforeValidator(_check_barcode)]
Serial = Annotated[
    str, _match(r"[A-Z0-9]{10}", "a serial number is ten of 0-9 and A-Z; leave it out to get one")
]
Size = Annotated[int, BeforeValidator(parse_size)]


def _check_timing(value: object) -> float:
    """The factor by which a drive's time passes."""
    known = {"instant": 0.0, "real": 1.0}
    if isinstance(value, str) and value in known:
        return known[value]
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1000:
        return float(value)
    raise ValueError(
        f'{value!r} will not do: write "instant", "real" or a factor of real time such as 0.01'
    )


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_transports(value: object) -> object:
    return (value,) if isinstance(value, str) else _as_tuple(value)


Transport = Literal["tcmu", "tcmu-runner", "iscsi"]
Transports = Annotated[tuple[Transport, ...], BeforeValidator(_as_transports), Field(min_length=1)]
Damage = Annotated[tuple[Literal["leader", "memory"], ...], BeforeValidator(_as_tuple)]
Timing = Annotated[float, BeforeValidator(_check_timing)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RigSection(_Table):
    """``[rig]``: what holds for the whole rig. ``transport``: the ways in; ``kernel``: of the guest
    qemu, "" for a stock one."""

    name: Name
    guest: Literal["uml", "qemu", "host", "none"] = "uml"
    kernel: str = ""
    seed: int = 0
    transport: Transports = ("tcmu",)


class Iscsi(_Table):
    """``[iscsi]``: as `target.plan.IscsiPlan`; ``credentials`` is relative to the rig file."""

    listen: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 3260
    credentials: str | None = None
    insecure: bool = False


class Cartridge(_Table):
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


class Drive(_Table):
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
    hosts: Annotated[int, Field(ge=1, le=16)] = 1

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


_Any = TypeVar("_Any")
_Many = TypeVar("_Many", Cartridge, Drive)
Numbered = Sequence[tuple[int, _Any]]
"""Things with the number of the table that they come from."""


class Rig(_Table):
    """A whole rig file. Once loaded, each table is one cartridge or one drive."""

    rig: RigSection
    iscsi: Iscsi = Iscsi()
    cartridge: tuple[Cartridge, ...] = ()
    drive: Annotated[tuple[Drive, ...], Field(min_length=1)]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a rig file. Raises RigError."""
        try:
            with path.open("rb") as file:
                raw = tomllib.load(file)
        except OSError as error:
            raise RigError(f"{path}: cannot be read ({error.strerror}): name a rig file") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RigError(f"{path}: is not valid TOML: {error}") from None
        try:
            # Lists come from TOML, the model keeps tuples: only that may be converted.
            rig = cls.model_validate(
                {key: tuple(v) if isinstance(v, list) else v for key, v in raw.items()}
            )
        except ValidationError as error:
            raise RigError(f"{path}: {_sentence(error.errors()[0], raw)}") from None
        drives, cartridges = _each(rig.drive), _each(rig.cartridge)
        iscsi = rig.iscsi
        if iscsi.credentials is not None:
            file_there = str(path.parent.absolute() / iscsi.credentials)
            iscsi = iscsi.model_copy(update={"credentials": file_there})
        rig = rig.model_copy(
            update={
                "iscsi": iscsi,
                "drive": tuple(drive for _, drive in drives),
                "cartridge": tuple(cartridge for _, cartridge in cartridges),
            }
        )
        for complaint in rig._complaints(drives, cartridges):
            raise RigError(f"{path}: {complaint}")
        return rig

    def plan(self, state: Path) -> RigPlan:
        """What the target is told, with the cartridges in that state folder."""
        return RigPlan(
            name=self.rig.name,
            seed=self.rig.seed,
            drives=tuple(
                DrivePlan(
                    name=drive.name,
                    model=drive.model,
                    serial=drive.serial or self.default_serial(drive.name),
                    cartridge=drive.cartridge,
                    compression=drive.compression,
                    medium=drive.medium,
                    timing=drive.timing,
                    encryption=drive.encryption,
                    state=str(state.absolute() / "drives" / f"{drive.name}.json"),
                    hosts=drive.hosts,
                )
                for drive in self.drive
            ),
            cartridges=tuple(
                CartridgePlan(
                    barcode=cartridge.barcode,
                    path=str(state.absolute() / "cartridges" / cartridge.barcode),
                    capacity=cartridge.capacity,
                    write_protect=cartridge.write_protect,
                    damage=cartridge.damage,
                    cleanings=cartridge.cleanings,
                )
                for cartridge in self.cartridge
            ),
            transports=self.rig.transport,
            run=str(state.absolute() / "run"),
            iscsi=IscsiPlan(**self.iscsi.model_dump()),
        )

    def default_serial(self, drive: str) -> str:
        """Ten digits, always the same for the same rig name, seed and drive name."""
        text = f"{self.rig.name}\0{self.rig.seed}\0{drive}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        return f"{number % 10**10:010d}"

    def _complaints(
        self, drives: Numbered[Drive], cartridges: Numbered[Cartridge]
    ) -> Iterable[str]:
        """What is wrong between tables, by their numbers; each key may be right by itself."""
        if {"tcmu", "tcmu-runner"} <= set(self.rig.transport):
            yield (
                "transport in [rig]: tcmu and tcmu-runner make the same devices of this kernel:"
                " name one of them"
            )
        yield from _repeated("cartridge", "barcode", [(n, c.barcode) for n, c in cartridges])
        # As the environment variables have them, so that no two drives share theirs.
        names = [(number, drive.name.replace("-", "_")) for number, drive in drives]
        yield from _repeated("drive", "name", names)
        serials = [(n, drive.serial or self.default_serial(drive.name)) for n, drive in drives]
        yield from _repeated("drive", "serial", serials)
        loaded = [(n, drive.cartridge) for n, drive in drives if drive.cartridge is not None]
        yield from _repeated("drive", "cartridge", loaded)
        barcodes = {cartridge.barcode for cartridge in self.cartridge}
        for number, drive in drives:
            if drive.cartridge is not None and drive.cartridge not in barcodes:
                yield (
                    f"cartridge in [[drive]] {number}: there is no {drive.cartridge}: add a"
                    " [[cartridge]] with that barcode"
                )
            if drive.model not in known_models():
                yield f"model in [[drive]] {number}: {unknown(drive.model)}"
                continue
            if drive.encryption is not None:
                yield from _unfit_control(number, drive.model, drive.encryption)
            if drive.cartridge is not None:
                native = FORMATS[load_model(drive.model).media["native"]]
                if of_barcode(drive.cartridge).family != native.family:
                    yield (
                        f"cartridge in [[drive]] {number}: {drive.cartridge} does not fit into"
                        f" {drive.model}: use a {native.family} cartridge"
                    )


def _unfit_control(number: int, model: str, control: str) -> Iterable[str]:
    # Loaded here because few rigs need what comes with it.
    from target.encryption.abilities import controls

    known = controls(load_model(model))
    if control not in known:
        cure = f"use {' or '.join(known)}" if known else "it cannot encrypt: remove the key"
        yield f"encryption in [[drive]] {number}: {control} does not control {model}: {cure}"


def _each(tables: Iterable[_Many]) -> Numbered[_Many]:
    """What the tables stand for, each with the number of its table."""
    return [(number, one) for number, table in enumerate(tables, 1) for one in table.each()]


def _repeated(table: str, key: str, values: Numbered[str]) -> Iterable[str]:
    seen = set()
    for number, value in values:
        if value in seen:
            yield (
                f"{key} in [[{table}]] {number}: {value} is used twice: give each {table}"
                " one of its own"
            )
        seen.add(value)


_TABLES: dict[str, type[_Table]] = {
    "rig": RigSection,
    "iscsi": Iscsi,
    "cartridge": Cartridge,
    "drive": Drive,
}
_SINGLE = ("rig", "iscsi")
"""Tables of which there is one."""


def _sentence(error: ErrorDetails, raw: dict[str, Any]) -> str:
    """One sentence for what pydantic found: the key, what is wrong with it, the cure."""
    location = list(error["loc"])
    table = str(location[0])
    model: type[_Table] = Rig
    where = str(location[-1])
    if len(location) > 1:
        model = _TABLES[table]
        single = table in _SINGLE
        written = f"[{table}]" if single else f"[[{table}]] {int(location[1]) + 1}"
        where = f"{location[-1]} in {written}" if len(location) > 2 - single else written
    elif table in _TABLES:
        where = f"[{table}]" if table in _SINGLE else f"[[{table}]]"
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "missing" | "too_short":
            return f"{where}: is missing: add it"
        case "extra_forbidden":
            return f"{where}: is not known: use {', '.join(model.model_fields)} or remove it"
        case "literal_error":
            return f"{where}: {error['input']!r} will not do: use {context['expected']}"
        case "value_error":
            return f"{where}: {context['error']}"
        case _:
            cure = error["msg"].removeprefix("Input should be ")
            return f"{where}: {error['input']!r} will not do: write {cure}"

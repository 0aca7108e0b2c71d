"""Rig files: which drives, cartridges and libraries there are, in which guest; checked before
anything runs.

An error is one sentence that names the file, the key and the cure.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.rig_checks import complaints
from harness.rig_tables import NAMES, SINGLE, Drive, Library, Table, Tables, each, variable
from harness.state import LIBRARIES
from target.personality import is_path
from target.plan import (
    CartridgePlan,
    ChangerPlan,
    DrivePlan,
    FaultPlan,
    IscsiPlan,
    KeySourcePlan,
    LibraryPlan,
    PartitionPlan,
    RigPlan,
    UserPlan,
)
from target.trace.tracing import TRACE


class RigError(Exception):
    """A rig file is wrong; the text is one sentence with the file, the key and the cure."""


class Rig(Tables):
    """A whole rig file. Once loaded, each table is one cartridge or one drive."""

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
        folder = path.parent.absolute()
        drives = [(number, _drive_located(drive, folder)) for number, drive in each(rig.drive)]
        cartridges = each(rig.cartridge)
        rig = rig.model_copy(
            update={
                "rig": _located(rig.rig, folder, "trace"),
                "iscsi": _located(rig.iscsi, folder, "credentials"),
                "drive": tuple(drive for _, drive in drives),
                "cartridge": tuple(cartridge for _, cartridge in cartridges),
                "library": tuple(_library_located(library, folder) for library in rig.library),
            }
        )
        for complaint in complaints(rig, drives, cartridges):
            raise RigError(f"{path}: {complaint}")
        return rig

    def traced(self, path: Path | None) -> Self:
        """The rig with that file for its trace, if there is one; RigError if none can be made."""
        trace = self.rig.trace if path is None else str(path.absolute())
        if isinstance(trace, str) and (why := _hindrance(Path(trace))):
            raise RigError(f"the trace {trace} cannot be written: {why}")
        section = self.rig.model_copy(update={"trace": trace})
        return self.model_copy(update={"rig": section})

    def plan(self, state: Path) -> RigPlan:
        """What the target is told, with the cartridges in that state folder.

        Raises ValueError or OSError where a library cannot tell what it remembers.
        """
        state = state.absolute()
        plan = RigPlan(
            name=self.rig.name,
            seed=self.rig.seed,
            drives=tuple(self._drive(drive, state) for drive in self.drive),
            cartridges=tuple(
                CartridgePlan(
                    barcode=cartridge.barcode,
                    path=str(state / "cartridges" / cartridge.barcode),
                    capacity=cartridge.capacity,
                    write_protect=cartridge.write_protect,
                    damage=cartridge.damage,
                    cleanings=cartridge.cleanings,
                )
                for cartridge in self.cartridge
            ),
            transports=self.rig.transport,
            run=str(state / "run"),
            trace=self._trace(state / "run"),
            iscsi=IscsiPlan(**self.iscsi.model_dump()),
            libraries=tuple(self._library(library, state) for library in self.library),
            key_sources=tuple(
                KeySourcePlan(
                    name=source.name,
                    source=source.source,
                    folder=str(state / "key-sources" / source.name),
                    options=_plain(source.model_extra or {}),
                )
                for source in self.key_source
            ),
            faults=self._faults(),
        )
        for name, count in Counter(variable(unit.name) for unit in plan.units).items():
            if count > 1:
                # Each file alone is right, so nobody has said so before.
                raise ValueError(
                    f"an operator has called a partition {name}, as another unit of the rig is"
                    " called: rename that one in the rig file"
                )
        return plan

    def _faults(self) -> tuple[FaultPlan, ...]:
        if not self.fault:
            return ()
        # Loaded here because few rigs need what comes with it.
        from harness.rig_faults import fault_plans

        return fault_plans(self)

    def _trace(self, run: Path) -> str | None:
        asked = self.rig.trace
        return asked if isinstance(asked, str) else str(run / TRACE) if asked else None

    def _drive(self, drive: Drive, state: Path) -> DrivePlan:
        return DrivePlan(
            name=drive.name,
            model=drive.model,
            serial=self.drive_serial(drive),
            cartridge=drive.cartridge,
            compression=drive.compression,
            medium=drive.medium,
            timing=drive.timing,
            encryption=drive.encryption,
            state=str(state / "drives" / f"{drive.name}.json"),
            hosts=drive.hosts,
            key_source=drive.key_source,
        )

    def _library(self, library: Library, state: Path) -> LibraryPlan:
        partitions = tuple(
            PartitionPlan(
                name=partition.name,
                serial=self.changer_serial(library, partition),
                drives=partition.drives,
                slots=partition.slots,
                mail_slots=partition.mail_slots,
                encryption=partition.encryption,
                cartridges=partition.cartridges,
                hosts=partition.hosts,
            )
            for partition in library.partition
        )
        plan = LibraryPlan(
            name=library.name,
            model=library.model,
            serial=self.library_serial(library),
            partitions=partitions,
            folder=str(state / LIBRARIES / library.name),
            options=library.options,
            password_file=library.password_file,
            users=tuple(UserPlan(**user.model_dump()) for user in library.user),
            keystore=library.keystore,
            passphrase_file=library.passphrase_file,
            bluescale=_plain(library.bluescale),
        )
        return replace(plan, remembered=_remembered(plan))


def _remembered(plan: LibraryPlan) -> tuple[ChangerPlan, ...] | None:
    """The changers that the library's operators have left, if they have set anything."""
    from target.library.state import file_in, load

    state = load(file_in(Path(plan.folder)))
    if state is None:
        return None
    hosts = {partition.name: partition.hosts for partition in plan.partitions}
    return tuple(
        ChangerPlan(one.name, one.serial, hosts.get(one.name, 1))
        for one in state.configuration.partitions.values()
    )


_One = TypeVar("_One", bound=Table)


def _located(table: _One, folder: Path, *keys: str) -> _One:
    """The table with its files, which may be named from the rig file's folder, as paths."""
    files = {key: getattr(table, key) for key in keys}
    there = {key: str(folder / file) for key, file in files.items() if isinstance(file, str)}
    return table.model_copy(update=there)


def _hindrance(trace: Path) -> str:
    """Why no trace can be written there, or "": better told now than by a guest that ends."""
    if not trace.parent.is_dir():
        return f"make the folder {trace.parent} first"
    if not os.access(trace if trace.exists() else trace.parent, os.W_OK):
        return "you have no right to: name another file"
    return ""


def _drive_located(drive: Drive, folder: Path) -> Drive:
    """Its model may be a file."""
    return _located(drive, folder, "model") if is_path(drive.model) else drive


def _library_located(library: Library, folder: Path) -> Library:
    users = tuple(_located(user, folder, "password_file") for user in library.user)
    located = _located(library, folder, "password_file", "passphrase_file")
    return located.model_copy(update={"user": users})


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """The same in JSON: dates are text."""
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return plain


def _sentence(error: ErrorDetails, raw: dict[str, Any]) -> str:
    """One sentence for what pydantic found: the key, what is wrong with it, the cure."""
    names, written, key = _found(error["loc"], raw)
    where = f"{key} in {written}" if key and written else key or written
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "missing" | "too_short":
            return f"{where}: is missing: add it"
        case "extra_forbidden":
            known = NAMES[names].model_fields
            return f"{where}: is not known: use {', '.join(known)} or remove it"
        case "literal_error":
            return f"{where}: {error['input']!r} will not do: use {context['expected']}"
        case "value_error":
            return f"{where}: {context['error']}"
        case _ if not key:
            return f"{where}: is written otherwise: write it as {where.partition(' ')[0]}"
        case _:
            cure = error["msg"].removeprefix("Input should be ")
            return f"{where}: {error['input']!r} will not do: write {cure}"


def _found(location: Sequence[int | str], raw: dict[str, Any]) -> tuple[tuple[str, ...], str, str]:
    """The names of the table that a location is in, how it is written, the key in it or ""."""
    name = str(location[0])
    if (name,) not in NAMES:
        return (), "", name
    if name in SINGLE:
        return (name,), f"[{name}]", _key(location[1:])
    if len(location) == 1:
        return (name,), f"[[{name}]]", ""
    number = int(location[1])
    written = f"[[{name}]] {number + 1}"
    inner = (name, _key(location[2:]))
    if inner not in NAMES:
        return (name,), written, inner[1]
    title = f"[[{'.'.join(inner)}]]"
    if len(location) == 3:
        return inner, f"{title} of {written}", ""
    # Counted over the file, as one finds them there.
    earlier = sum(len(one.get(inner[1], ())) for one in raw[name][:number])
    return inner, f"{title} {earlier + int(location[3]) + 1}", _key(location[4:])


def _key(rest: Sequence[int | str]) -> str:
    """The first of what is left of a location, or ""."""
    return str(rest[0]) if rest else ""

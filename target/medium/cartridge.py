"""A cartridge is a folder: who it is (`cartridge.json`) and a folder for each partition.

The identity file is replaced whole (written beside, synced, renamed), so it is always one or the
other version; it names the partitions' folders, so formatting is one rename too: what it does not
name is removed when the cartridge is next opened. A partition's folder is made when a cartridge is
first opened for writing: a shelf of thousands that were never loaded is two names for each. An open
cartridge is locked against a second drive.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from keymgr.files import sync_folder
from target.files import replace_json, write_json
from target.medium.errors import MediumError
from target.medium.formats import CLEANINGS, FORMATS, TYPES, CartridgeType, Format, of_barcode
from target.medium.partition import Partition

FORMAT = 2
WHOLE = 0xFFFF
_IDENTITY = "cartridge.json"
_FEW = 16
"""Cartridges that are made durable one by one."""
_KEYS = {
    "barcode", "identity", "type", "recorded", "capacity", "write_protect", "partitions", "loads",
    "bytes_written", "bytes_read",
}  # fmt: skip
_COUNTERS: dict[str, Any] = {
    "loads": 0,
    "bytes_written": 0,
    "bytes_read": 0,
    "last_written": 0,
    "last_read": 0,
    "last_loads": [],
    "initializations": 0,
    "cleanings_left": CLEANINGS,
    "optimised": False,
    "damage": [],
    "protection": [],
    "attributes": {},
    "proportion": WHOLE,
}
"""What a new cartridge begins with. ``damage``: memory or leader, see `target.tape.mount`;
``protection``: what hosts have asked for, see `target.tape.write_protection`; ``proportion``: what
SET CAPACITY left of it, in 65535ths.
"""


class Cartridge:
    """An open cartridge.

    ``info`` is what `cartridge.json` says: barcode, identity (hex), type (media id), recorded (a
    format's name, empty while it could become any), capacity in bytes (None: what the format
    has), write_protect, partitions, and the counters of `_COUNTERS`. ``attributes``: what hosts
    wrote into the cartridge memory, by partition and attribute id.
    """

    def __init__(self, folder: Path, writable: bool = True) -> None:
        """Open a cartridge; raises MediumError if it is none, is in use or of a newer format.

        Without ``writable`` nothing is changed, not even what a crash left; `save` is not for it.
        """
        self.folder = folder
        read_identity(folder)
        self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Only now, when nobody else replaces it any more.
            self.info = read_identity(folder)
            self.identity = bytes.fromhex(self.info["identity"])
            self.type: CartridgeType = TYPES[self.info["type"]]
            if writable:
                self._remove_strays()
            self.partitions = self._open_partitions(writable)
            self.attributes: dict[int, dict[int, bytes]] = {
                int(partition): {int(number, 16): bytes.fromhex(v) for number, v in values.items()}
                for partition, values in self.info["attributes"].items()
            }
        except BlockingIOError as error:
            os.close(self._lock)
            raise MediumError(f"cartridge {folder} is in use by another drive") from error
        except (OSError, ValueError, KeyError, TypeError, MediumError) as error:
            os.close(self._lock)
            raise MediumError(f"cartridge {folder} cannot be opened: {error}") from error

    @classmethod
    def create(
        cls, folder: Path, barcode: str, capacity: int | None = None, write_protect: bool = False
    ) -> None:
        """Make a new, blank cartridge; raises MediumError if something is there already.

        ``capacity`` in bytes, by default the format's; ValueError for a bad barcode.
        """
        create_all([Blank(folder, barcode, capacity, write_protect)])

    def _open_partitions(self, writable: bool) -> tuple[Partition, ...]:
        whole = self.capacity
        opened: list[Partition] = []
        try:
            for entry in self.info["partitions"]:
                capacity = whole if entry["capacity"] is None else entry["capacity"]
                identity = bytes.fromhex(entry["identity"])
                opened.append(
                    Partition(self.folder / entry["folder"], identity, writable, capacity)
                )
        except BaseException:
            for partition in opened:
                partition.close()
            raise
        return tuple(opened)

    def _remove_strays(self) -> None:
        """Partitions that a format did not live to make, or to remove."""
        named = {entry["folder"] for entry in self.info["partitions"]}
        for path in self.folder.glob("partition*"):
            if path.name not in named:
                shutil.rmtree(path, ignore_errors=True)

    @property
    def barcode(self) -> str:
        """The label, volume and media id."""
        return str(self.info["barcode"])

    @property
    def write_protect(self) -> bool:
        """Position of the write-protect tab."""
        return bool(self.info["write_protect"])

    @property
    def recorded(self) -> Format | None:
        """The format it is recorded in; None while it could become any of its type's."""
        return FORMATS.get(self.info["recorded"])

    @property
    def capacity(self) -> int:
        """Native capacity in bytes, of all partitions together, as SET CAPACITY left it."""
        return self.capacity_as(self.recorded) * int(self.info["proportion"]) // WHOLE

    def capacity_as(self, form: Format | None) -> int:
        """Native capacity in bytes of the whole cartridge, recorded in a format it can have.

        None: in the newest one.
        """
        if self.info["capacity"] is not None:
            return int(self.info["capacity"])
        name = form.name if form else next(reversed(self.type.capacities), None)
        return self.type.capacities[name] * 10**6 if name else 0

    def record(self, form: Format) -> None:
        """The cartridge, written from its beginning, gets a format; durable.

        Raises OSError.
        """
        self.info["recorded"] = form.name
        self.save()
        if len(self.partitions) == 1:
            self.partitions[0].capacity = self.capacity

    def format(
        self,
        capacities: Sequence[int | None],
        form: Format | None = None,
        proportion: int | None = None,
    ) -> None:
        """Make new, empty partitions (bytes; None: all there is); what was recorded is gone.

        The cartridge gets the format ``form``, and ``proportion`` 65535ths of its capacity, unless
        these are None. All of it happens or nothing. Raises OSError or MediumError.
        """
        number = self.info["initializations"] + 1
        changes: dict[str, Any] = {
            "partitions": [
                _new_partition(f"partition{which}-{number}", capacity)
                for which, capacity in enumerate(capacities)
            ],
            "initializations": number,
        }
        if form is not None:
            changes["recorded"] = form.name
        if proportion is not None:
            changes["proportion"] = proportion
        before = {key: self.info[key] for key in changes}
        self.info.update(changes)
        new: tuple[Partition, ...] = ()
        try:
            new = self._open_partitions(True)
            self.save()
        except BaseException:
            self.info.update(before)
            for partition in new:
                partition.close()
            raise
        old, self.partitions = self.partitions, new
        for partition in old:
            partition.close()
        self._remove_strays()

    def save(self) -> None:
        """Write the identity, the counters and the attributes; durable. Raises OSError."""
        self.info["attributes"] = {
            str(partition): {f"{number:04X}": value.hex() for number, value in values.items()}
            for partition, values in self.attributes.items()
            if values
        }
        replace_json(self.folder / _IDENTITY, self.info)

    def close(self) -> None:
        """Make everything durable and close. Raises WriteFailed, closed all the same."""
        try:
            for partition in self.partitions:
                partition.sync()
            self.save()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close without writing anything."""
        for partition in self.partitions:
            partition.close()
        os.close(self._lock)


def serial_of(identity: str) -> str:
    """The serial number that the medium of the cartridge with that identity has."""
    return bytes.fromhex(identity).ljust(16, b"\0")[:5].hex().upper()


class Blank(NamedTuple):
    """A cartridge to be made: its folder, barcode, capacity in bytes (None: its format's)."""

    folder: Path
    barcode: str
    capacity: int | None = None
    write_protect: bool = False


def create_all(blanks: Sequence[Blank], *, durable: bool = True) -> None:
    """Make new, blank cartridges, ``durable`` when this returns.

    Raises MediumError if something is there already, ValueError for a bad barcode.
    """
    made: list[Path] = []
    few = durable and len(blanks) <= _FEW
    try:
        for blank in blanks:
            # Made beside and renamed: a cartridge that is there is a whole one.
            made.append(blank.folder.with_name(f".{blank.folder.name}.{os.urandom(4).hex()}"))
            _make(made[-1], blank, durable=few)
        if durable and not few:
            # All at once, instead of waiting thousands of times.
            os.sync()
        for new, blank in zip(made, blanks, strict=True):
            new.rename(blank.folder)
        for parent in {blank.folder.parent for blank in blanks if durable}:
            sync_folder(parent)
    except OSError as error:
        raise MediumError(f"a cartridge could not be made: {error}") from error
    finally:
        for new in made:
            if new.exists():
                shutil.rmtree(new, ignore_errors=True)


def _make(new: Path, blank: Blank, *, durable: bool) -> None:
    """A whole cartridge in the folder ``new``."""
    folder, kind = blank.folder, of_barcode(blank.barcode)
    if folder.exists():
        raise MediumError(f"{folder} exists already; a new cartridge needs a new name")
    info = {
        "format": FORMAT,
        "barcode": blank.barcode,
        "identity": os.urandom(16).hex(),
        "type": kind.suffix,
        "recorded": kind.formats[0].name if len(kind.formats) == 1 else "",
        "capacity": blank.capacity,
        "write_protect": blank.write_protect,
        "partitions": [_new_partition("partition0", None)],
        **deepcopy(_COUNTERS),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    new.mkdir(mode=0o700)
    write_json(new / _IDENTITY, info, durable=durable)
    if durable:
        sync_folder(new)


def _new_partition(folder: str, capacity: int | None) -> dict[str, Any]:
    """A partition's entry; its identity is mixed into every block key."""
    return {"folder": folder, "identity": os.urandom(16).hex(), "capacity": capacity}


def read_identity(folder: Path) -> dict[str, Any]:
    """What a cartridge says of itself, without opening it; raises MediumError if it is none."""
    try:
        info = json.loads((folder / _IDENTITY).read_text(encoding="utf-8"))
        if info["format"] == 1:
            info = _upgrade(info)
        known = info["format"] <= FORMAT and info["type"] in TYPES
        whole = not known or info.keys() >= _KEYS
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MediumError(f"{folder} is not a cartridge: no readable {_IDENTITY}") from error
    if not whole:
        raise MediumError(f"{folder} is not a cartridge: its {_IDENTITY} is not complete")
    if not known:
        raise MediumError(f"cartridge {folder} was made by a newer version: update keyreel")
    return {**deepcopy(_COUNTERS), **info}


def _upgrade(info: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had one partition and a generation number instead of a type."""
    identity = info["identity"] + "00"
    new = {
        **info,
        "format": 2,
        "type": info["barcode"][6:],
        "recorded": f"LTO-{info['generation']}",
        "partitions": [{"folder": "partition0", "identity": identity, "capacity": None}],
    }
    del new["generation"]
    return new

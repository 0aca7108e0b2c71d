"""A cartridge is a folder: who it is (`cartridge.json`) and a folder for each partition.

The identity file is replaced whole (written beside, synced, renamed), so it is always one or the
other version. An open cartridge is locked against a second drive. Capacity is counted in stored
bytes; each object costs OBJECT_COST more, so that filemarks fill a tape too.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

from target.files import replace_json, sync_folder
from target.medium import generations
from target.medium.errors import MediumError
from target.medium.partition import Partition

FORMAT = 1
OBJECT_COST = 4096
_IDENTITY = "cartridge.json"
_KEYS = {
    "barcode", "identity", "capacity", "write_protect", "loads", "bytes_written", "bytes_read",
}  # fmt: skip


class Cartridge:
    """An open cartridge. `partitions[0]` is where data go.

    ``info`` is what `cartridge.json` says: barcode, identity (hex), generation number, capacity
    in bytes, write_protect, and the counters loads, bytes_written, bytes_read.
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
            self.generation = generations.GENERATIONS[self.info["generation"]]
            identity = bytes.fromhex(self.info["identity"])
            self.partitions = (Partition(folder / "partition0", identity + b"\0", writable),)
        except BlockingIOError as error:
            os.close(self._lock)
            raise MediumError(f"cartridge {folder} is in use by another drive") from error
        except (OSError, ValueError, MediumError) as error:
            os.close(self._lock)
            raise MediumError(f"cartridge {folder} cannot be opened: {error}") from error

    @classmethod
    def create(
        cls, folder: Path, barcode: str, capacity: int | None = None, write_protect: bool = False
    ) -> None:
        """Make a new, blank cartridge; raises MediumError if something is there already.

        ``capacity`` in bytes, by default the generation's; ValueError for a bad barcode.
        """
        generation = generations.of_barcode(barcode)
        if folder.exists():
            raise MediumError(f"{folder} exists already; a new cartridge needs a new name")
        folder.parent.mkdir(parents=True, exist_ok=True)
        info = {
            "format": FORMAT,
            "barcode": barcode,
            "identity": os.urandom(16).hex(),
            "generation": generation.number,
            "capacity": capacity or generation.capacity * 10**6,
            "write_protect": write_protect,
            "loads": 0,
            "bytes_written": 0,
            "bytes_read": 0,
        }
        # Made beside and renamed: a cartridge that is there is a whole one.
        new = folder.with_name(f".{folder.name}.{os.urandom(4).hex()}")
        new.mkdir(mode=0o700)
        try:
            replace_json(new / _IDENTITY, info)
            cls(new).abandon()
            new.rename(folder)
        except OSError as error:
            shutil.rmtree(new, ignore_errors=True)
            raise MediumError(f"{folder} could not be made: {error}") from error
        sync_folder(folder.parent)

    @property
    def barcode(self) -> str:
        """The label, volume and media id."""
        return str(self.info["barcode"])

    @property
    def write_protect(self) -> bool:
        """Position of the write-protect tab."""
        return bool(self.info["write_protect"])

    @property
    def capacity(self) -> int:
        """Native capacity in bytes."""
        return int(self.info["capacity"])

    def remaining(self) -> int:
        """Bytes left on partition 0; negative past the end."""
        partition = self.partitions[0]
        return self.capacity - partition.used - partition.count * OBJECT_COST

    def save(self) -> None:
        """Write the identity and the counters."""
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


def read_identity(folder: Path) -> dict[str, Any]:
    """What a cartridge says of itself, without opening it; raises MediumError if it is none."""
    try:
        info = json.loads((folder / _IDENTITY).read_text(encoding="utf-8"))
        known = info["format"] <= FORMAT and info["generation"] in generations.GENERATIONS
        whole = not known or info.keys() >= _KEYS
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediumError(f"{folder} is not a cartridge: no readable {_IDENTITY}") from error
    if not whole:
        raise MediumError(f"{folder} is not a cartridge: its {_IDENTITY} is not complete")
    if not known:
        raise MediumError(f"cartridge {folder} was made by a newer version: update keyreel")
    return dict(info)

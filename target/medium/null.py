"""A medium that accepts and discards, to measure what a transport can carry at most.

It remembers how long each object was and nothing else; reading gives bytes from one kept buffer.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from target.medium.formats import TYPES, Format, of_barcode
from target.medium.index import FILEMARK, Entry


class NullIndex:
    """Lengths of the objects; a filemark is -1. The part of `index.Index` that a drive uses."""

    def __init__(self) -> None:
        self.lengths = array("q")

    @property
    def count(self) -> int:
        """Objects on the tape."""
        return len(self.lengths)

    def __getitem__(self, number: int) -> Entry:
        length = self.lengths[number]
        mark = length < 0
        return Entry(0, 0 if mark else length, 0, 0, 0, FILEMARK if mark else 0, 0)

    def files_before(self, number: int) -> int:
        """Filemarks before object ``number``."""
        return self.lengths[:number].count(-1)

    def filemark(self, file: int) -> int:
        """Object number of the filemark that ``file`` filemarks precede."""
        return [number for number, length in enumerate(self.lengths) if length < 0][file]


class NullPartition:
    """The part of `partition.Partition` that a drive uses for clear blocks."""

    used = 0
    capacity = remaining = 1 << 62

    def __init__(self) -> None:
        self.index = NullIndex()
        self._pattern = memoryview(bytearray(1 << 23))

    @property
    def count(self) -> int:
        """Objects on the tape."""
        return self.index.count

    def cut(self, count: int) -> None:
        """End the tape before object ``count``."""
        del self.index.lengths[count:]

    def write_clear(self, buffers: Sequence[memoryview], length: int, method: str = "off") -> None:
        """Discard a block."""
        self.index.lengths.append(length)

    def write_filemarks(self, count: int) -> None:
        """Remember ``count`` filemarks."""
        self.index.lengths.extend([-1] * count)

    def read_clear(self, number: int, entry: Entry, out: Sequence[memoryview]) -> int:
        """Fill ``out`` up to the length of the block."""
        left = entry.length
        for buffer in out:
            size = min(len(buffer), left)
            buffer[:size] = self._pattern[:size]
            left -= size
        return entry.length - left

    def sync(self) -> None:
        """Nothing to make durable."""


class NullCartridge:
    """Always there, never full, never kept; takes clear data only."""

    def __init__(self, form: Format) -> None:
        """A data cartridge of one LTO format."""
        self.barcode = f"NULL00{_suffix(form)}"
        self.type = of_barcode(self.barcode)
        self.recorded = form
        self.write_protect = False
        self.capacity = NullPartition.capacity
        self.info: dict[str, Any] = {
            "loads": 0, "bytes_written": 0, "bytes_read": 0, "last_written": 0, "last_read": 0,
            "last_loads": [], "initializations": 0, "cleanings_left": 0, "optimised": True,
            "damage": [], "identity": "", "write_protect": False, "proportion": 0xFFFF,
            "protection": [],
        }  # fmt: skip
        self.attributes: dict[int, dict[int, bytes]] = {}
        self.partitions = (NullPartition(),)

    def record(self, form: Format) -> None:
        """It has its format."""

    def capacity_as(self, form: Format | None) -> int:
        """Never full, whatever it is recorded in."""
        return self.capacity

    def format(
        self,
        capacities: Sequence[int | None],
        form: Format | None = None,
        proportion: int | None = None,
    ) -> None:
        """As blank as before, and one partition."""
        self.partitions = (NullPartition(),)

    def save(self) -> None:
        """Nothing to keep."""

    def close(self) -> None:
        """Nothing to keep."""


def _suffix(form: Format) -> str:
    return next(suffix for suffix, kind in TYPES.items() if form in kind.formats)

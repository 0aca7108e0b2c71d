"""The index of a partition: one 32-byte entry for each logical object, in order.

The file is an array of entries and nothing else, so object number n is at 32 n and locating is
arithmetic. Entries are appended only after the data that they speak of is safe (`commit`), and
cut before data is overwritten: **what the index holds is what is on the tape**. An entry carries
the number of filemarks before it, which makes finding one a binary search.

A crash of the machine in the middle of a commit may leave holes: entries behind that reached the
disk, entries before that did not and are zeros, which no entry is. The index ends at the first.

An entry's check is a CRC32C: of the entry for a filemark or an encrypted block (whose data the
GCM tag covers), of the data and then the entry for a clear block.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from crc32c import crc32c

from target.medium.errors import BlockDamaged, WriteFailed

_ENTRY = struct.Struct("<QIIIIII")
_CHECKED = struct.Struct("<QIIIII")
ENTRY_SIZE = _ENTRY.size
_CACHED = 2048
_PENDING_LIMIT = 1 << 15
_COMMIT_LIMIT = 2 * _PENDING_LIMIT
"""Entries that become durable at once; what a crash of the machine can leave holes in."""
_HOLE = bytes(ENTRY_SIZE)

ALIGNMENT = 64
"""Stored forms begin at multiples of this: copies of a cache line's alignment are much faster."""

FILEMARK = 0x01
ENCRYPTED = 0x02
EXTERNAL = 0x04
"""Written in EXTERNAL mode: stored as the host gave it, header included."""
LZ4 = 0x08
ZSTD = 0x10


class Entry(NamedTuple):
    """One logical object. Sizes in bytes."""

    offset: int
    """Where its stored form begins in the data file."""
    length: int
    """What the host wrote (a filemark: 0)."""
    stored: int
    """What it occupies in the data file."""
    files: int
    """Filemarks before it."""
    run: int
    """Run that it was encrypted in, 0: none."""
    flags: int
    check: int

    @property
    def end(self) -> int:
        """Where the next object's stored form begins."""
        return self.offset + self.stored + ALIGNMENT - 1 & -ALIGNMENT

    def computed_check(self, data_crc: int = 0) -> int:
        """What ``check`` must be; ``data_crc`` is the CRC32C of a clear block's stored form."""
        return int(crc32c(_CHECKED.pack(*self[:6]), data_crc))

    @property
    def needs_data(self) -> bool:
        """Whether the check covers the data too."""
        return not self.flags & (FILEMARK | ENCRYPTED)


def open_file(path: Path, writable: bool) -> int:
    """A descriptor for one file of a partition, made if it may be and is not there.

    To a reader a partition without a folder, whose cartridge was never loaded, is an empty one.
    """
    if not writable and not path.parent.exists():
        path = Path(os.devnull)
    flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


class Index:
    """The entries of one partition; `count` objects are on the tape.

    Without ``writable`` nothing is repaired, and the file must exist.
    """

    def __init__(self, path: Path, writable: bool = True) -> None:
        self._file = open_file(path, writable)
        self._committed = os.fstat(self._file).st_size // ENTRY_SIZE
        if writable:
            self._committed = self._whole(self._committed)
        self._pending = bytearray()
        self._cache = b""
        self._cache_at = 0
        self.count = self._committed
        self._files: int | None = None

    def _whole(self, count: int) -> int:
        """How many of ``count`` entries there are before a hole in the last commit."""
        first = max(0, count - _COMMIT_LIMIT)
        tail = os.pread(self._file, (count - first) * ENTRY_SIZE, first * ENTRY_SIZE)
        at = tail.find(_HOLE)
        while at >= 0 and at % ENTRY_SIZE:
            at = tail.find(_HOLE, at + ENTRY_SIZE - at % ENTRY_SIZE)
        if at < 0:
            return count
        os.ftruncate(self._file, first * ENTRY_SIZE + at)
        return first + at // ENTRY_SIZE

    @property
    def committed(self) -> int:
        """Objects that are durable."""
        return self._committed

    @property
    def due(self) -> bool:
        """Whether so many entries wait that it is time to commit."""
        return len(self._pending) >= _PENDING_LIMIT * ENTRY_SIZE

    def __getitem__(self, number: int) -> Entry:
        at = number - self._committed
        if at >= 0:
            return Entry._make(_ENTRY.unpack_from(self._pending, at * ENTRY_SIZE))
        at = (number - self._cache_at) * ENTRY_SIZE
        if not 0 <= at < len(self._cache):
            try:
                self._cache = os.pread(self._file, _CACHED * ENTRY_SIZE, number * ENTRY_SIZE)
            except OSError as error:
                raise BlockDamaged(f"the index could not be read: {error}") from error
            self._cache_at, at = number, 0
            if len(self._cache) < ENTRY_SIZE:
                raise BlockDamaged(f"the index ends before object {number}")
        entry = Entry._make(_ENTRY.unpack_from(self._cache, at))
        if not entry.needs_data and entry.check != entry.computed_check():
            raise BlockDamaged(f"the index entry of object {number} is damaged")
        return entry

    @property
    def end(self) -> int:
        """Data file offset behind the last object."""
        return self[self.count - 1].end if self.count else 0

    @property
    def files(self) -> int:
        """Filemarks on the tape."""
        if self._files is None:
            self._files = self.files_before(self.count)
        return self._files

    def files_before(self, number: int) -> int:
        """Filemarks before object ``number``, which may be the end of data."""
        if number < self.count:
            return self[number].files
        if not number:
            return 0
        last = self[number - 1]
        return last.files + (last.flags & FILEMARK)

    def filemark(self, file: int) -> int:
        """Object number of the filemark that ``file`` filemarks precede.

        The caller knows that there is one: ``file`` < files_before(count).
        """
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self.files_before(middle + 1) > file:
                high = middle
            else:
                low = middle + 1
        return low

    def append(
        self, offset: int, length: int, stored: int, run: int, flags: int, data_crc: int = 0
    ) -> None:
        """Add an object behind the last one; it is on the tape once `commit` has returned."""
        files = self.files
        head = _CHECKED.pack(offset, length, stored, files, run, flags)
        self._pending += head + crc32c(head, data_crc).to_bytes(4, "little")
        self.count += 1
        self._files = files + (flags & FILEMARK)

    def cut(self, count: int) -> None:
        """Forget every object from number ``count`` on, at once and durably. Raises WriteFailed."""
        if count < self._committed:
            try:
                os.ftruncate(self._file, count * ENTRY_SIZE)
                self._committed = self.count = count
                self._cache = b""
                self._pending.clear()
                self._files = None
                os.fdatasync(self._file)
            except OSError as error:
                raise WriteFailed(f"the index could not be cut: {error}") from error
        else:
            del self._pending[(count - self._committed) * ENTRY_SIZE :]
            self.count = count
            self._files = None

    def commit(self) -> None:
        """Make the pending entries durable. Their data must be durable already.

        Raises WriteFailed; the entries stay pending.
        """
        try:
            while self._pending:
                self._commit(self._pending[: _COMMIT_LIMIT * ENTRY_SIZE])
        except OSError as error:
            raise WriteFailed(f"the index could not be written: {error}") from error

    def _commit(self, piece: bytearray) -> None:
        try:
            if os.pwrite(self._file, piece, self._committed * ENTRY_SIZE) < len(piece):
                raise OSError("short write")
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._committed * ENTRY_SIZE)
            raise
        self._committed += len(piece) // ENTRY_SIZE
        # The tail of the cached window may have been short.
        self._cache = b""
        del self._pending[: len(piece)]

    def close(self) -> None:
        """Close the file; pending entries are lost."""
        os.close(self._file)

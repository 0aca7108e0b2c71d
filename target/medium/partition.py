"""One partition of a cartridge: objects appended, read by number, cut off; crash-safe.

Three files: ``data`` (stored forms of the blocks, back to back), ``runs`` and ``index``. Rules:

* `sync` makes data durable first, then the runs, then the index: an object counts once its index
  entry is there. A kill at any instant loses only what no sync had made durable.
* Writing anywhere but at the end of data cuts the index first, then the data file.
* A block goes from the caller's buffer to the staging buffer by being encrypted (or copied), and
  from there to the file in pieces of about 1 MiB, because system calls cost more than copies.
  Reading goes the other way through a read-ahead window, decrypted into the caller's buffer.
* Nothing is allocated per block: staging buffer and window are kept and only ever grow. A byte
  has the same place in its page there as in the file, which is what the kernel copies fastest.
* What was cut off is overwritten in place and cut from the data file at the next `sync`.
* After a failed write or `sync` the tape ends where it is known to be whole. Pages that the kernel
  could not write back are lost although a second fdatasync succeeds, so what was not durable
  before a failed one is given up.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from crc32c import crc32c

from keymgr.files import sync_folder
from keymgr.secret import Secret
from target.medium import compress
from target.medium.crypt import TAG_SIZE, BlockCipher
from target.medium.errors import BlockDamaged, IntegrityFailed, WriteFailed
from target.medium.index import ALIGNMENT, ENCRYPTED, EXTERNAL, FILEMARK, Entry, Index, open_file
from target.medium.runs import RUN_EXTERNAL, Run, RunTable

_BATCH = 1 << 20
_PAGE = mmap.PAGESIZE
_AHEAD = _BATCH + _PAGE
"""A little more than a power of two, so that whole sealed blocks fit."""

_RAW = struct.Struct(">4s16sQIII")
RAW_HEADER = _RAW.size
_RAW_MAGIC = b"KRAW"
RAW_OVERHEAD = RAW_HEADER + TAG_SIZE
_ZEROS = bytes(ALIGNMENT)

OBJECT_COST = 4096
"""What an object takes of the capacity beside its stored form, so that filemarks fill a tape."""


class Partition:
    """``folder`` holds the three files; ``identity`` is mixed into every block key.

    `count` is the end of data as an object number, `used` the bytes in the data file, `capacity`
    how many there may be, OBJECT_COST for each object included. Without
    ``writable`` it can only be read, and what a crash left is not repaired.
    """

    def __init__(
        self, folder: Path, identity: bytes, writable: bool = True, capacity: int = 1 << 62
    ) -> None:
        new = writable and not folder.exists()
        if new:
            folder.mkdir(mode=0o700)
        self.identity = identity
        self.capacity = capacity
        self.index = Index(folder / "index", writable)
        self.runs = RunTable(folder / "runs", identity, writable)
        self._data = open_file(folder / "data", writable)
        self._dirty = False
        self._stage = _buffer(_BATCH + (1 << 16))
        self._fill = 0
        self._window = _buffer(_AHEAD + _PAGE)
        self._window_from = self._window_to = 0
        self._next_read = -1
        self._extent = (0, 0, 0)
        self._spare = _buffer(1 << 16)
        if new:
            sync_folder(folder)
            sync_folder(folder.parent)
        self.used = self._flushed = self._size = os.fstat(self._data).st_size
        self.recovered = False
        """Whether what a crash left had to be put right."""
        if writable:
            self._recover()
            self.used = self._flushed = self._size = self.index.end

    def _recover(self) -> None:
        """Drop index entries that a crash of the machine left without data, and stray data."""
        count = self.index.count
        while count and not self._stands(count - 1):
            count -= 1
        self.recovered = count < self.index.count or self._size != self.index.end
        self.index.cut(count)
        if self._size != self.index.end:
            os.ftruncate(self._data, self.index.end)

    def _stands(self, number: int) -> bool:
        """Whether an object's entry tells where data are; they themselves may be damaged."""
        try:
            entry = self.index[number]
            if entry.offset + entry.stored > self._size:
                return False
            if not entry.needs_data:
                return True
            if entry.check == entry.computed_check(crc32c(self._fetch(number, entry))):
                return True
            return entry.offset == (self.index[number - 1].end if number else 0)
        except BlockDamaged:
            return False

    @property
    def count(self) -> int:
        """Objects on the tape."""
        return self.index.count

    @property
    def remaining(self) -> int:
        """Bytes of the capacity that are left; negative past the end."""
        return self.capacity - self.used - self.index.count * OBJECT_COST

    # --- writing -----------------------------------------------------------------------------

    def cut(self, count: int) -> None:
        """End the tape before object number ``count``. Raises WriteFailed."""
        if count >= self.index.count:
            return
        end = self.index[count - 1].end if count else 0
        try:
            self.index.cut(count)
        finally:
            # Even a cut that may not be durable holds from here on.
            if self.index.count == count:
                self._flushed = min(self._flushed, end)
                self._fill = end - self._flushed
                self.used = end
                self._window_to = 0
                self._extent = (0, 0, 0)
        if not count:
            self.runs.clear()

    def write_clear(self, buffers: Sequence[memoryview], length: int, method: str = "off") -> None:
        """Append a block in clear; ``buffers`` hold ``length`` bytes."""
        data, flags = compress.pack(self._gather(buffers, length), method)
        stored = len(data)
        if stored < _BATCH:
            self._room(stored)[:] = data
        else:
            self._flush()
            self._pwrite(data)
        self._append(length, stored, 0, flags, crc32c(data))

    def write_sealed(
        self,
        buffers: Sequence[memoryview],
        length: int,
        run: int,
        cipher: BlockCipher,
        method: str = "off",
    ) -> None:
        """Append a block encrypted in run number ``run``."""
        data, flags = compress.pack(self._gather(buffers, length), method)
        stored = len(data) + TAG_SIZE
        number = self.index.count
        flags |= ENCRYPTED
        room = self._room(stored)
        cipher.seal(number, length, self.index.files, flags, data, room)
        self._append(length, stored, run, flags)

    def write_external(self, buffers: Sequence[memoryview], length: int, run: int) -> None:
        """Append a block for which `is_raw` is true; its length is that of the data inside."""
        data = self._gather(buffers, length)
        inner = _RAW.unpack_from(data)[3]
        self._room(length)[:] = data
        self._append(inner, length, run, ENCRYPTED | EXTERNAL)

    def is_raw(self, buffers: Sequence[memoryview], length: int) -> bool:
        """Whether a block that the host brings is in the format of `read_raw`."""
        data = self._gather(buffers, length)
        return length >= RAW_OVERHEAD and bytes(data[: len(_RAW_MAGIC)]) == _RAW_MAGIC

    def write_filemarks(self, count: int) -> None:
        """Append ``count`` filemarks."""
        for _ in range(count):
            self.index.append(self.used, 0, 0, 0, FILEMARK)

    def sync(self) -> None:
        """Make everything written so far durable. Raises WriteFailed."""
        self._flush()
        try:
            if self._size != self.used:
                os.ftruncate(self._data, self.used)
                self._size = self.used
            if self._dirty:
                os.fdatasync(self._data)
                self._dirty = False
            self.runs.sync()
        except OSError as error:
            self._abandon(self.index.committed)
            raise WriteFailed(f"the cartridge could not be written: {error}") from error
        self.index.commit()

    def damage(self, number: int, change: Callable[[bytearray], object]) -> None:
        """Have ``change`` spoil the stored form of a block, which nothing but reading it tells.

        Raises WriteFailed, BlockDamaged or OSError.
        """
        self.sync()
        entry = self.index[number]
        data = bytearray(os.pread(self._data, entry.stored, entry.offset))
        change(data)
        os.pwrite(self._data, data, entry.offset)
        self._window_to = 0

    def close(self) -> None:
        """Close the files; what was not synced is lost."""
        self.index.close()
        self.runs.close()
        os.close(self._data)

    def _gather(self, buffers: Sequence[memoryview], length: int) -> memoryview:
        """The host's bytes as one view; copied together only if they come in pieces."""
        if len(buffers) == 1:
            return buffers[0][:length]
        spare = self._scratch(length)
        at = 0
        for buffer in buffers:
            size = min(len(buffer), length - at)
            spare[at : at + size] = buffer[:size]
            at += size
        return spare

    def _scratch(self, size: int) -> memoryview:
        if size > len(self._spare):
            self._spare = _buffer(size)
        return self._spare[:size]

    def _room(self, size: int) -> memoryview:
        """The next ``size`` bytes of the staging buffer, with zeros behind up to the alignment."""
        at = self._flushed % _PAGE + self._fill
        end = at + size
        if end + ALIGNMENT > len(self._stage):
            self._flush()
            at = self._flushed % _PAGE
            end = at + size
            if end + ALIGNMENT > len(self._stage):
                self._stage = _buffer(end + ALIGNMENT)
        padding = -end % ALIGNMENT
        self._stage[end : end + padding] = _ZEROS[:padding]
        return self._stage[at:end]

    def _append(self, length: int, stored: int, run: int, flags: int, data_crc: int = 0) -> None:
        index = self.index
        index.append(self.used, length, stored, run, flags, data_crc)
        self.used = self.used + stored + ALIGNMENT - 1 & -ALIGNMENT
        self._fill = self.used - self._flushed
        if self._fill >= _BATCH:
            self._flush()
        if index.due:
            self.sync()

    def _flush(self) -> None:
        if self._fill:
            at = self._flushed % _PAGE
            self._pwrite(self._stage[at : at + self._fill])
            self._fill = 0

    def _pwrite(self, data: memoryview) -> None:
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(self._data, data[done:], self._flushed + done)
        except OSError as error:
            self._abandon(self.index.count)
            raise WriteFailed(f"the cartridge could not be written: {error}") from error
        if self._flushed < self._window_to:
            self._window_to = 0
        self._size = max(self._size, self._flushed + done)
        self._flushed = self._flushed + done + ALIGNMENT - 1 & -ALIGNMENT
        self._dirty = True

    def _abandon(self, count: int) -> None:
        """Writing failed: of the first ``count`` objects those in the file are on the tape."""
        while count and self.index[count - 1].end > self._flushed:
            count -= 1
        self._fill = 0
        self.index.cut(count)
        self.used = self._flushed = self.index.end
        self._window_to = 0
        # The file may stay longer than that; the next sync cuts it.
        self._size = max(self._size, os.fstat(self._data).st_size)

    # --- reading -----------------------------------------------------------------------------

    def read_clear(self, number: int, entry: Entry, out: Sequence[memoryview]) -> int:
        """A clear block into ``out``; returns how many bytes it had room for.

        Raises BlockDamaged if the checksum is wrong.
        """
        data = self._fetch(number, entry)
        if entry.check != entry.computed_check(crc32c(data)):
            raise BlockDamaged(f"block {number} is damaged")
        return _scatter(compress.unpack(data, entry.flags, entry.length), out)

    def read_sealed(
        self, number: int, entry: Entry, cipher: BlockCipher, out: Sequence[memoryview]
    ) -> int:
        """An encrypted block, decrypted into ``out``; returns how many bytes it had room for.

        Raises IntegrityFailed.
        """
        self._check_place(number, entry)
        if entry.stored < (RAW_OVERHEAD if entry.flags & EXTERNAL else TAG_SIZE):
            raise BlockDamaged(f"block {number} is too short")
        sealed = self._fetch(number, entry)
        where = (number, entry.length, entry.files, entry.flags)
        if entry.flags & EXTERNAL:
            magic, _, *where_written = _RAW.unpack_from(sealed)
            if magic != _RAW_MAGIC:
                raise IntegrityFailed(f"block {number} lost its raw header")
            where = tuple(where_written)
            sealed = sealed[RAW_HEADER:]
        size = len(sealed) - TAG_SIZE
        if len(out) == 1 and len(out[0]) >= size and not compress.used(where[3]):
            cipher.open(*where, sealed, out[0][:size])
            return size
        clear = self._scratch(size)
        cipher.open(*where, sealed, clear)
        return _scatter(compress.unpack(clear, where[3], entry.length), out)

    def raw_length(self, entry: Entry) -> int:
        """Bytes that `read_raw` has for an encrypted block."""
        return entry.stored if entry.flags & EXTERNAL else entry.stored + RAW_HEADER

    def read_raw(self, number: int, entry: Entry, out: Sequence[memoryview]) -> int:
        """An encrypted block as it is, behind a header that `write_external` understands."""
        sealed = self._fetch(number, entry)
        if entry.flags & EXTERNAL:
            return _scatter(sealed, out)
        run = self.runs[entry.run]
        head = _RAW.pack(_RAW_MAGIC, run.check, number, entry.length, entry.files, entry.flags)
        raw = self._scratch(RAW_HEADER + len(sealed))
        raw[:RAW_HEADER] = head
        raw[RAW_HEADER:] = sealed
        return _scatter(raw, out)

    def run_of(self, number: int, entry: Entry) -> Run:
        """The run of an encrypted block.

        Raises IntegrityFailed if the block cannot have been written there in that run, see `runs`.
        """
        self._check_place(number, entry)
        run = self.runs[entry.run]
        external = bool(entry.flags & EXTERNAL)
        if external != bool(run.flags & RUN_EXTERNAL):
            raise IntegrityFailed(f"block {number} is not in the mode of its run")
        if not external or entry.stored < RAW_OVERHEAD:
            return run
        sealed = self._fetch(number, entry)
        return run._replace(check=bytes(_RAW.unpack_from(sealed)[1]))

    def _check_place(self, number: int, entry: Entry) -> None:
        run, first, end = self._extent
        if entry.run != run or not first <= number < end:
            first, end = self.runs.extent(entry.run)
            if not first <= number < end:
                raise IntegrityFailed(f"block {number} was not written in its place")
            self._extent = entry.run, first, end

    def first_encrypted(self) -> int | None:
        """Object number of the first encrypted block, or None."""
        for start, number in self.runs.standing():
            # A run whose first block was overwritten since is not on the tape any more.
            try:
                if start < self.count and self.index[start].run == number:
                    return start
            except BlockDamaged:
                return start
        return None

    def cipher(self, number: int, entry: Entry, key: Secret) -> BlockCipher:
        """The cipher for an encrypted block. Raises WrongKey, IntegrityFailed, BlockDamaged."""
        return self.run_of(number, entry).cipher(key)

    def _fetch(self, number: int, entry: Entry) -> memoryview:
        """The stored form of a block, in the read-ahead window or still to be written."""
        size = entry.stored
        staged = entry.offset - self._flushed
        if staged >= 0:
            if staged + size > self._fill:
                raise BlockDamaged(f"the data of block {number} are missing")
            staged += self._flushed % _PAGE
            return self._stage[staged : staged + size]
        if entry.offset < self._window_from or entry.offset + size > self._window_to:
            self._refill(number, entry)
        start = entry.offset - self._window_from + self._window_from % _PAGE
        self._next_read = number + 1
        return self._window[start : start + size]

    def _refill(self, number: int, entry: Entry) -> None:
        """Read a block, and what is behind it when reading goes forward, into the window."""
        # A locate is not the start of a stream.
        want = max(entry.stored, _AHEAD) if number == self._next_read else entry.stored
        at = entry.offset % _PAGE
        if at + want > len(self._window):
            self._window = _buffer(at + want)
        self._window_from = self._window_to = 0
        try:
            got = os.preadv(self._data, [self._window[at : at + want]], entry.offset)
        except (OSError, OverflowError) as error:
            raise BlockDamaged(f"block {number} could not be read: {error}") from error
        if got < entry.stored:
            raise BlockDamaged(f"the data of block {number} are missing")
        self._window_from, self._window_to = entry.offset, entry.offset + got


def _buffer(size: int) -> memoryview:
    """Zeroed memory that begins on a page."""
    return memoryview(mmap.mmap(-1, size))


def _scatter(data: memoryview | bytes, out: Sequence[memoryview]) -> int:
    """Copy as much of ``data`` into ``out`` as fits."""
    left, done = memoryview(data), 0
    for buffer in out:
        size = min(len(buffer), len(left))
        buffer[:size] = left[:size]
        left = left[size:]
        done += size
    return done

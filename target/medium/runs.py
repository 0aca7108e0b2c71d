"""Runs: what an unbroken sequence of encrypted blocks has in common.

A run record keeps the salt and the check value (see `crypt`), where the run starts and the
key-associated data, all in clear as on a real tape; the key is stored nowhere. Records are only
ever appended; an index entry names its run by number, the first one being 1.

Writing cuts off what is behind, so where a run begins, every earlier run has ended: **an object
belongs to the latest run that begins at or before it**. A block of any other run is one that was
overwritten and put back (`RunTable.extent`). Both records must be whole for both runs' blocks to
be read, and they give the object to one run only, whatever number they are put under: an old
block never passes beside encrypted blocks that replaced it. Clear blocks belong to no run and
leave no such trace.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple

from crc32c import crc32c

from keymgr.secret import Secret
from target.medium.crypt import CHECK_SIZE, SALT_SIZE, BlockCipher, check_value, digest
from target.medium.errors import BlockDamaged, IntegrityFailed, MediumError, WriteFailed, WrongKey
from target.medium.index import open_file

_RECORD = struct.Struct("<32s32s16sQBBBBB3x64s64s64s")
_SIZE = _RECORD.size + 4
_ENDLESS = 1 << 64

RUN_EXTERNAL = 0x01
RUN_RAW_DISABLED = 0x02


class Kads(NamedTuple):
    """Key-associated data of a run, at most 64 bytes each; ``format``: KAD FORMAT."""

    unauthenticated: bytes = b""
    authenticated: bytes = b""
    metadata: bytes = b""
    format: int = 0


class Run(NamedTuple):
    """A run record."""

    salt: bytes
    context: bytes
    check: bytes
    start: int
    """Object number of its first block."""
    flags: int
    kads: Kads

    def encode(self) -> bytes:
        """The record as stored, CRC32C last."""
        u, a, m, kad_format = self.kads
        data = _RECORD.pack(
            self.salt, self.context, self.check, self.start, self.flags, kad_format,
            len(u), len(a), len(m), u, a, m,
        )  # fmt: skip
        return data + crc32c(data).to_bytes(4, "little")

    @classmethod
    def decode(cls, record: bytes) -> Run:
        """Read a record; raises BlockDamaged."""
        if len(record) != _SIZE or crc32c(record[:-4]) != int.from_bytes(record[-4:], "little"):
            raise BlockDamaged("a run record is damaged")
        salt, context, check, start, flags, form, ul, al, ml, u, a, m = _RECORD.unpack(record[:-4])
        return cls(salt, context, check, start, flags, Kads(u[:ul], a[:al], m[:ml], form))

    def cipher(self, key: Secret) -> BlockCipher:
        """The cipher of this run's blocks. Raises WrongKey."""
        if check_value(key, self.salt) != self.check:
            raise WrongKey("the key is not the one that the block was written with")
        return BlockCipher(key, self.salt, self.context)


def new_run(identity: bytes, start: int, flags: int, kads: Kads, key: Secret) -> Run:
    """A run with a fresh salt; ``identity`` names the cartridge and the partition."""
    salt = os.urandom(SALT_SIZE)
    context = _context(identity, start, flags, kads)
    return Run(salt, context, check_value(key, salt), start, flags, kads)


def external_run(start: int, kads: Kads) -> Run:
    """A run of blocks that the host encrypted elsewhere; its M-KAD is salt and context there."""
    salt, context = kads.metadata[:SALT_SIZE], kads.metadata[SALT_SIZE:]
    return Run(salt, context, bytes(CHECK_SIZE), start, RUN_EXTERNAL, kads)


def _context(identity: bytes, start: int, flags: int, kads: Kads) -> bytes:
    numbers = struct.pack(">QBB", start, flags, kads.format)
    return digest(identity, numbers, kads.unauthenticated, kads.authenticated, kads.metadata)


class RunTable:
    """The runs of one partition."""

    def __init__(self, path: Path, identity: bytes, writable: bool = True) -> None:
        self._file = open_file(path, writable)
        self._identity = identity
        self._known: dict[int, Run] = {}
        self._standing: list[tuple[int, int]] | None = None
        self.count = os.fstat(self._file).st_size // _SIZE
        self.dirty = False

    def __getitem__(self, number: int) -> Run:
        """Raises BlockDamaged for a record that is not there or not whole, IntegrityFailed for
        one that was taken from another cartridge or place."""
        run = self._known.get(number)
        if run is None:
            run = self._known[number] = self._load(number)
        return run

    def _load(self, number: int) -> Run:
        if not 0 < number <= self.count:
            raise BlockDamaged(f"there is no run {number}")
        try:
            record = os.pread(self._file, _SIZE, (number - 1) * _SIZE)
        except OSError as error:
            raise BlockDamaged(f"run {number} could not be read: {error}") from error
        run = Run.decode(record)
        own = _context(self._identity, run.start, run.flags, run.kads)
        if not run.flags & RUN_EXTERNAL and run.context != own:
            raise IntegrityFailed(f"run {number} was not written here")
        return run

    def standing(self) -> list[tuple[int, int]]:
        """(first object, number) of each run that no later one has overwritten whole, in order.

        Records that are damaged or foreign count for nothing: no block of theirs can be read.
        """
        if self._standing is None:
            self._standing = []
            for number in range(1, self.count + 1):
                try:
                    start = self._load(number).start
                except MediumError:
                    continue
                self._begin(start, number)
        return self._standing

    def _begin(self, start: int, number: int) -> None:
        if self._standing is not None:
            while self._standing and self._standing[-1][0] >= start:
                self._standing.pop()
            self._standing.append((start, number))

    def extent(self, number: int) -> tuple[int, int]:
        """The first object that may be of a run, and the first one behind; (0, 0): none is.

        Raises as __getitem__ does.
        """
        standing, start = self.standing(), self[number].start
        at = bisect_left(standing, (start, number))
        if at == len(standing) or standing[at] != (start, number):
            return 0, 0
        return start, standing[at + 1][0] if at + 1 < len(standing) else _ENDLESS

    def append(self, run: Run) -> int:
        """Store a run; returns its number. Raises WriteFailed."""
        record = run.encode()
        try:
            if os.pwrite(self._file, record, self.count * _SIZE) < len(record):
                raise OSError("short write")
        except OSError as error:
            raise WriteFailed(f"the cartridge could not be written: {error}") from error
        self.count += 1
        self.dirty = True
        self._known[self.count] = run
        self._begin(run.start, self.count)
        return self.count

    def sync(self) -> None:
        """Make every record durable. Raises OSError."""
        if self.dirty:
            os.fdatasync(self._file)
            self.dirty = False

    def clear(self) -> None:
        """Forget every run: the partition is written from its beginning.

        Where the file cannot be cut they stay: the next run ends them all.
        """
        try:
            os.ftruncate(self._file, 0)
        except OSError:
            return
        self._known.clear()
        self._standing = None
        self.count = 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

"""Looking at a cartridge without a drive: what is on it, and whether it is whole.

Nothing is written. Clear blocks are checked by their checksum; encrypted ones by their tag where
the key is given, else only that their data are there and their index entry and run are whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from keymgr.secret import Secret
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError, WrongKey
from target.medium.index import ENCRYPTED, FILEMARK, Entry
from target.medium.partition import Partition


@dataclass
class Extent:
    """A stretch of blocks between two filemarks that are written alike."""

    partition: int
    first: int
    """Object number of its first block."""
    file: int
    encrypted: bool
    label: str
    """U-KAD of an encrypted stretch, as text."""
    blocks: int = 0
    length: int = 0
    """Bytes as the host wrote them."""


@dataclass
class Report:
    """What `verify` found. ``damage`` has one sentence for each object that is not whole."""

    blocks: int = 0
    filemarks: int = 0
    encrypted: int = 0
    opened: int = 0
    """Encrypted blocks that the given key authenticated."""
    other_key: int = 0
    """Encrypted blocks that the given key does not belong to."""
    unchecked: int = 0
    """Encrypted blocks for which no key was given."""
    damage: list[str] = field(default_factory=list)


def contents(cartridge: Cartridge) -> Iterator[Extent]:
    """The stretches, in order. Raises MediumError where one cannot be told."""
    for which, partition in enumerate(cartridge.partitions):
        yield from _stretches(which, partition)


def _stretches(which: int, partition: Partition) -> Iterator[Extent]:
    present: Extent | None = None
    for number in range(partition.count):
        entry = partition.index[number]
        if entry.flags & FILEMARK:
            if present:
                yield present
            present = None
            continue
        encrypted = bool(entry.flags & ENCRYPTED)
        label = _label(partition, entry) if encrypted else ""
        if present is None or (present.encrypted, present.label) != (encrypted, label):
            if present:
                yield present
            present = Extent(which, number, entry.files, encrypted, label)
        present.blocks += 1
        present.length += entry.length
    if present:
        yield present


def verify(cartridge: Cartridge, key: Secret | None = None) -> Report:
    """Check every object on the cartridge."""
    report = Report()
    for which, partition in enumerate(cartridge.partitions):
        where = f"partition {which} " if len(cartridge.partitions) > 1 else ""
        for number in range(partition.count):
            try:
                _verify_object(partition, number, key, report)
            except MediumError as error:
                report.damage.append(f"{where}object {number}: {error}")
    return report


def _verify_object(partition: Partition, number: int, key: Secret | None, report: Report) -> None:
    entry = partition.index[number]
    if entry.flags & FILEMARK:
        report.filemarks += 1
        return
    report.blocks += 1
    if not entry.flags & ENCRYPTED:
        partition.read_clear(number, entry, ())
        return
    report.encrypted += 1
    run = partition.run_of(number, entry)
    if key is None:
        report.unchecked += 1
        return
    try:
        cipher = run.cipher(key)
    except WrongKey:
        report.other_key += 1
        return
    partition.read_sealed(number, entry, cipher, ())
    report.opened += 1


def _label(partition: Partition, entry: Entry) -> str:
    return partition.runs[entry.run].kads.unauthenticated.decode("utf-8", "replace")

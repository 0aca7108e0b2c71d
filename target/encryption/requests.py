"""What a drive tells whoever gives keys: who it is, what is in it, where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keymgr.api import DriveIdentity, KeyData, KeyRoom, Volume
from target.medium.cartridge import serial_of
from target.medium.errors import MediumError
from target.medium.formats import Format
from target.medium.null import NullCartridge
from target.medium.partition import Partition
from target.medium.runs import Run

if TYPE_CHECKING:
    from target.tape.keyed import Keyed

_NAA = 3


def identity(drive: Keyed) -> DriveIdentity:
    """The drive, as its INQUIRY data and VPD pages tell."""
    inquiry = drive.personality.inquiry
    names = (name for kind, name in drive.designators_by_type() if kind == _NAA)
    return DriveIdentity(
        vendor=inquiry["vendor"],
        product=inquiry["product"],
        serial=drive.serial,
        firmware=drive.inquiry_data[32:36].decode("ascii", "replace").strip(),
        native=drive.personality.media["native"],
        wwn=next(names, b""),
        slots=drive.abilities.slots if drive.abilities is not None else 1,
    )


def volume(drive: Keyed) -> Volume:
    """The loaded volume."""
    cartridge = drive.cartridge
    assert cartridge is not None
    return Volume(
        barcode=cartridge.barcode,
        serial=serial_of(cartridge.info["identity"]),
        format=drive.density.name,
        worm=cartridge.type.worm,
        partitions=drive.partitions,
    )


def room(drive: Keyed, form: Format | None) -> KeyRoom:
    """How much key-associated data goes beside a block of that format; none where it is clear."""
    if form is None or drive.abilities is None:
        return KeyRoom()
    algorithm = drive.abilities.algorithm_of(form)
    return KeyRoom() if algorithm is None else KeyRoom(*algorithm.room(form))


def key_data(drive: Keyed, run: Run) -> KeyData:
    """What a source said when it gave the key of a run: zeros that the drive put there itself, in
    place of nothing, are left out."""
    fills = drive.abilities is not None and drive.abilities.zero_fill_kads
    kept = (run.kads.unauthenticated, run.kads.authenticated)
    return KeyData(*(b"" if fills and not any(data) else data for data in kept))


def found(drive: Keyed, number: int) -> dict[int, KeyData]:
    """The key-associated data of the runs on a partition of the tape, by their first objects,
    ascending. Runs that cannot be read count for nothing."""
    runs: dict[int, KeyData] = {}
    if drive.cartridge is None or isinstance(drive.cartridge, NullCartridge):
        return runs
    partition: Partition = drive.cartridge.partitions[number]
    for start, run in partition.runs.standing():
        try:
            if start < partition.count and partition.index[start].run == run:
                runs[start] = key_data(drive, partition.runs[run])
        except MediumError:
            continue
    return runs

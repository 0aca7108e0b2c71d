"""How a tape can be divided: whole pairs of wraps, by what mode page 11h asks for (SSC-4 8.3.4).

A wrap is one pass over the length of the tape. A partition is made of pairs of them, so that it
begins and ends where the tape begins, and between two partitions the format's guard wraps are lost:
a pair, or two from LTO-9 on. So only certain sizes can be made, and a drive rounds up what it is
asked for. IBM's LTO SCSI reference (4.4.2) has the numbers; as seen from drives, of 1500 GB in 40
pairs an HP LTO-5 makes 37.5 GB n and what is left but for 37.5 GB (HP LTO-5 reference, volume 3,
MODE SELECT, page 11h); an IBM LTO-8 reports 115 and 11769 GB of 12000 in 104 pairs, which LTFS had
from it by asking for 1 GB and the rest.

FDP makes the largest partition 0 and the smallest partition 1. SDP makes equal ones; where the
pairs do not come out even, the last partition gets what is left. An even number of equal ones
begin and end where an LTO-9 tape has bands of its own: no guard wraps are lost (all three: 4.4.2).

Decided where the standards leave it open:

* One partition is the whole tape, whatever size it was asked in; SET CAPACITY makes it shorter.
* What is left over when no partition gets the rest is not used.
* None of FDP, SDP and IDP asks for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target.medium.formats import BANDED, TYPES, Format, Kind
from target.medium.null import NullCartridge

if TYPE_CHECKING:
    from target.scsi.mode import Values
    from target.tape.drive import Drive

METHODS = ("fdp", "sdp", "idp")
"""Ways to divide a tape: fixed, selected, initiator-defined."""
MOST = 10
"""Partitions that the page has room for here: a T10000D makes as many."""
SIZES = tuple(f"size_{number}" for number in range(MOST))
REST = 0xFFFF
"""As a size: what the other partitions leave."""
_UNITS = (1, 10**3, 10**6)


class Tape(NamedTuple):
    """What can be made of a tape: ``capacity`` in bytes, how many pairs of wraps it has, how many
    of them are lost between two partitions, and ``most`` partitions."""

    capacity: int
    pairs: int
    guard: int
    most: int

    def room(self, count: int) -> int:
        """Pairs that so many partitions can have together."""
        return self.pairs - (count - 1) * self.guard

    def size(self, pairs: int) -> int:
        """Bytes in so many pairs."""
        return self.capacity * pairs // self.pairs

    def pairs_for(self, size: int) -> int:
        """The least number of pairs, one at least, that hold ``size`` bytes."""
        return max(1, -(-size * self.pairs // max(self.capacity, 1)))


class Wrong(Exception):
    """A request that cannot be met; the argument is the field that says so."""


def tape(drive: Drive) -> Tape:
    """The loaded tape as a format would leave it; the drive's own kind of tape without one."""
    cartridge = drive.cartridge if drive.loaded else None
    form = drive.fresh if cartridge is not None and drive.fresh else drive.density
    if cartridge is None:
        kinds = (kind for kind in TYPES.values() if kind.kind is Kind.DATA)
        capacity = max(kind.capacities.get(form.name, 0) for kind in kinds) * 10**6
        return _made(form, capacity, form.partitions)
    capacity = cartridge.capacity_as(form) * cartridge.info["proportion"] // 0xFFFF
    most = form.worm_partitions if cartridge.type.worm else form.partitions
    return _made(form, capacity, 1 if isinstance(cartridge, NullCartridge) else most)


def _made(form: Format, capacity: int, most: int) -> Tape:
    return Tape(capacity, form.wraps // 2, form.guard // 2, most)


def divide(asked: Values, tape: Tape) -> list[int] | None:
    """The partitions that the page's fields ask for, in pairs of wraps; None: nothing is asked for.

    Raises Wrong: two ways at once, more partitions than the tape can have, a partition without a
    size or a size without a partition, two that are to get the rest, more than there is room for.
    """
    ways = [name for name in METHODS if asked[name]]
    if len(ways) > 1:
        raise Wrong(ways[1])
    if asked["fdp"]:
        if tape.most == 1:
            raise Wrong("fdp")
        return [tape.room(2) - 1, 1]
    count = asked["additional_defined"] + 1
    if count > tape.most:
        raise Wrong("additional_defined")
    if not ways:
        return None
    if asked["sdp"]:
        banded = tape.guard == BANDED // 2 and count % 2 == 0 and tape.pairs % count == 0
        room = tape.pairs if banded else tape.room(count)
        share = room // count
        return [share] * (count - 1) + [room - share * (count - 1)]
    return _initiator_defined(asked, tape, count, tape.room(count))


def _initiator_defined(asked: Values, tape: Tape, count: int, room: int) -> list[int]:
    unit = unit_of(asked)
    made, rest = [0] * count, -1
    for number, name in enumerate(SIZES):
        size = asked.get(name, 0)
        if bool(size) != (number < count) or (size == REST and rest >= 0):
            raise Wrong(name)
        if size == REST:
            rest = number
        elif size:
            made[number] = tape.pairs_for(size * unit)
            room -= made[number]
        if room < 0:
            raise Wrong(name)
    if rest >= 0:
        if not room:
            raise Wrong(SIZES[rest])
        made[rest] = room
    return [tape.pairs] if count == 1 else made


def unit_of(values: Values) -> int:
    """Bytes that the sizes are counted in, by PSUM and PARTITION UNITS."""
    return (*_UNITS, 10 ** values["partition_units"])[values["psum"]]

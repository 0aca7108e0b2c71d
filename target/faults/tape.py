"""Faults of the cartridge: damage to what is recorded, and a cartridge that is gone for a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from random import Random

from target.faults.fault import Strike
from target.medium.cartridge import Cartridge
from target.medium.errors import BlockDamaged, MediumError
from target.medium.index import FILEMARK
from target.medium.partition import Partition
from target.scsi.command import Completion
from target.scsi.sense import CheckCondition
from target.tape.drive import Drive
from target.tape.tape_alert import Flag

CUT, OVERWRITTEN = TORN = ("cut", "overwritten")


def bit_flip(strike: Strike) -> Completion:
    """Some bits of a block are others: what a drive finds out when it reads it."""

    def flip(data: bytearray, chance: Random) -> None:
        bits = len(data) * 8
        for bit in chance.sample(range(bits), min(bits, strike["bits"])):
            data[bit // 8] ^= 1 << bit % 8

    return _damaged(strike, flip)


def torn(strike: Strike) -> Completion:
    """A block ends in the middle: behind that is nothing, or something else."""

    def tear(data: bytearray, chance: Random) -> None:
        size = chance.randint(1, len(data))
        lost = bytes(size) if strike["part"] == CUT else chance.randbytes(size)
        if data[-size:] == lost:
            # It would be as whole as before.
            lost = bytes(byte ^ 0xFF for byte in lost)
        data[-size:] = lost

    return _damaged(strike, tear)


def _damaged(strike: Strike, change: Callable[[bytearray, Random], None]) -> Completion:
    drive = strike.unit
    assert isinstance(drive, Drive)
    done = strike.proceed() if strike["done"] else None
    if drive.loaded and isinstance(drive.cartridge, Cartridge):
        asked = strike["partition"]
        number: int = drive.partition_number if asked is None else asked
        if number < drive.partitions:
            partition = drive.cartridge.partitions[number]
            start: int | None = strike["object"]
            if start is None:
                start = drive.position - bool(strike["done"]) if asked is None else 0
            which = _block(partition, start)
            if which is not None:
                partition.damage(which, lambda data: change(data, strike.random))
                drive.happened("fault", name=strike.fault.name, object=which, partition=number)
    return strike.proceed() if done is None else done


def _block(partition: Partition, start: int) -> int | None:
    """The first block from an object on, or else the last one before; None: there is none."""
    start = max(0, min(start, partition.count))
    for number in chain(range(start, partition.count), range(start - 1, -1, -1)):
        with suppress(BlockDamaged):
            entry = partition.index[number]
            if entry.stored and not entry.flags & FILEMARK:
                return number
    return None


def remove_medium(strike: Strike) -> Completion:
    """Somebody takes the cartridge out, and puts it back before a later command, or when the fault
    is removed; unless a robot has taken it meanwhile. What was written is durable."""
    drive = strike.unit
    assert isinstance(drive, Drive)
    if drive.cartridge is None:
        return strike.proceed()
    with suppress(CheckCondition):
        cartridge = drive.eject()
        assert cartridge is not None
        drive.aside.append(cartridge)
        drive.alert(Flag.FORCED_EJECT)

        def put_back() -> None:
            if cartridge not in drive.aside:
                return
            drive.aside.remove(cartridge)
            with suppress(CheckCondition, MediumError, OSError):
                if drive.cartridge is None:
                    drive.insert(cartridge)
                else:
                    cartridge.close()

        strike.later(strike["back_after"], put_back)
    return strike.proceed()

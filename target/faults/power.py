"""Faults that take power away, or reset a unit, at a command.

Before it: the command is not carried out. In it: it was begun, and may have done all or part of its
work, but nobody hears how it ended. After it: it has ended, and its answer is out. Where there is
no answer, the host is told TASK ABORTED, as when a target dies.
"""

from __future__ import annotations

from contextlib import suppress
from random import Random

from target.faults.fault import Strike
from target.medium.cartridge import Cartridge
from target.scsi import sense as s
from target.scsi.command import ABORTED, Completion
from target.scsi.sense import CheckCondition, Code
from target.tape.drive import Drive

BEFORE, IN, AFTER = WHEN = ("before", "in", "after")
RESETS: dict[str, Code] = {"lun": s.DEVICE_RESET, "bus": s.BUS_RESET}
_WRITE_FILEMARKS = (0x10, 0x80)
_IMMED = 1


def power(strike: Strike) -> Completion:
    """The drive loses its power and gets it back."""
    drive = strike.unit
    assert isinstance(drive, Drive)
    if strike["when"] == BEFORE:
        lose_power(drive)
        return ABORTED
    if strike["when"] == IN:
        if strike.cdb[0] in _WRITE_FILEMARKS and any(strike.cdb[2:5]):
            # Filemarks were about to become durable, with all that is before them.
            strike.cdb = bytes((strike.cdb[0], strike.cdb[1] | _IMMED)) + strike.cdb[2:]
        strike.proceed()
        lose_power(drive, strike.random)
        return ABORTED
    done = strike.proceed()
    lose_power(drive)
    return done


def lose_power(drive: Drive, chance: Random | None = None) -> None:
    """Power goes and comes back: what no synchronise has made durable is lost, or with ``chance``
    what is behind some object of it. The cartridge is in the drive, and loaded again.

    Whoever calls has the drive's turn. Raises MediumError, OSError; the drive is empty then.
    """
    drive.power_lost()
    cartridge = drive.cartridge
    drive.background.reset()
    drive.cartridge, drive.loaded = None, False
    drive.hold(False)
    if isinstance(cartridge, Cartridge):
        cartridge = _as_left(cartridge, chance)
    drive.power_on()
    drive.happened("power", what="lost", reason="fault")
    if cartridge is not None:
        # One that cannot be loaded is in the drive all the same.
        with suppress(CheckCondition):
            drive.insert(cartridge)


def _as_left(cartridge: Cartridge, chance: Random | None) -> Cartridge:
    """The cartridge as it is found, opened anew."""
    for partition in cartridge.partitions:
        durable = partition.index.committed
        keep = durable if chance is None else chance.randint(durable, partition.count)
        partition.cut(keep)
        if keep > durable:
            partition.sync()
    folder = cartridge.folder
    cartridge.abandon()
    return Cartridge(folder)


def reset(strike: Strike) -> Completion:
    """A reset from the transport, or the loss of the nexus that sent the command."""
    done = strike.proceed() if strike["when"] != BEFORE else ABORTED
    if strike["what"] == "nexus":
        strike.unit.nexus_lost(strike.nexus)
    else:
        strike.unit.reset(RESETS[strike["what"]])
    return done if strike["when"] == AFTER else ABORTED

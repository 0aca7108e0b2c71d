"""Faults that change the device itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from target.faults.fault import Fault, Strike
from target.scsi import firmware as microcode
from target.scsi import sense as s
from target.scsi.command import Completion
from target.scsi.primary import PrimaryUnit
from target.tape.drive import Drive
from target.tape.tape_alert import ALERTS

_PATIENCE = 0.2
"""Seconds between two looks whether what runs hangs."""
FLAGS = {alert.name: alert.number for alert in ALERTS}


def firmware(strike: Strike) -> Completion:
    """The drive has other microcode than before: another revision, of which all nexuses hear."""
    drive = strike.unit
    assert isinstance(drive, Drive)
    done = strike.proceed() if strike["done"] else None
    before = drive.inquiry_data[32:36]
    drive.show_revision(strike["revision"].encode())
    strike.fault.ends.append(lambda: drive.show_revision(before))
    if strike["attention"]:
        drive.attention(s.MICROCODE_CHANGED)
        if drive.inquiry_data[32:36] != before:
            drive.attention(s.INQUIRY_DATA_CHANGED)
    return strike.proceed() if done is None else done


def check_revision(text: str) -> None:
    """Raises ValueError for a revision that INQUIRY data have no room for."""
    microcode.image("x", text)


def tape_alert(strike: Strike) -> Completion:
    """TapeAlert flags are raised."""
    drive = strike.unit
    assert isinstance(drive, Drive)
    for flag in strike["flags"]:
        drive.alert(flag_of(flag))
    return strike.proceed()


def flag_of(text: str) -> int:
    """A flag by its number or name. Raises ValueError."""
    if text in FLAGS:
        return FLAGS[text]
    if text.isdecimal() and 0 < int(text) <= 64:
        return int(text)
    raise ValueError(f"{text!r} is no flag: write its number, 1 to 64, or its name, hard error")


def check_flags(flags: tuple[str, ...]) -> None:
    """Raises ValueError for one that is none."""
    for flag in flags:
        flag_of(flag)


def defect(fault: Fault, name: str, unit: PrimaryUnit) -> Callable[[], None]:
    """The drive misbehaves in a way of its own, see `defects`; in one at a time, for they would
    have to be taken back in their order."""
    from target.faults.defects import DEFECTS
    from target.faults.patches import MARK, Patches

    assert isinstance(unit, Drive)
    patches = Patches(unit)
    if patches.before is not None:
        raise ValueError(f"{name} has the defect {patches.before} already: remove that first")
    with _between_commands(name, unit):
        try:
            patches.set(unit, MARK, fault["defect"])
            DEFECTS[fault["defect"]].apply(unit, patches)
        except BaseException:
            patches.undo()
            raise
    return patches.undo


@contextmanager
def _between_commands(name: str, unit: PrimaryUnit) -> Iterator[None]:
    """The unit's turn. Raises ValueError where a command hangs: nobody knows until when."""
    while not unit.turn.acquire(_PATIENCE):
        if unit.stuck:
            raise ValueError(f"a command of {name} hangs: end it first")
    try:
        yield
    finally:
        unit.turn.release()

"""Faults that hold a command up. Its unit waits as in a command that takes time: aborts and resets
are heard, and so is the end of the target; nothing else of the target waits with it, but for
whoever wants that unit itself.
"""

from __future__ import annotations

from target.clock import Woken
from target.faults.fault import Strike
from target.scsi.command import ABORTED, Completion

_DAY = 86400.0


def slow(strike: Strike) -> Completion:
    """The command takes so many seconds more, by the unit's clock."""
    if strike["done"]:
        done = strike.proceed()
        return done if _passed(strike) else ABORTED
    return strike.proceed() if _passed(strike) else ABORTED


def _passed(strike: Strike) -> bool:
    try:
        strike.unit.alarm.sleep(strike["seconds"])
    except Woken:
        strike.unit.aborted()
        return False
    return True


def hang(strike: Strike) -> Completion:
    """The command stands still until it is aborted; or goes on when the fault is removed."""
    unit = strike.unit
    with strike.fault.waiting() as removed:
        unit.stuck = True
        try:
            while not unit.alarm.wait(removed, _DAY):
                pass
        except Woken:
            unit.aborted()
            return ABORTED
        finally:
            unit.stuck = False
    return strike.proceed()

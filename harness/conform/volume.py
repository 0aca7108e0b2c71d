"""Volumes that checks unload and load again, in a drive that may not be theirs alone: a library may
forbid UNLOAD, and a drive on a desk puts the cartridge out where only a hand reaches it.
"""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.check import NotApplicable
from harness.conform.exchange import Exchange
from harness.conform.subject import GOOD, Answer, Subject

PREVENTED = ("5/53/02", "5/53/03")
PREVENT = 0x1E


def load(unit: Subject) -> Answer:
    """LOAD, and hear until the volume is ready; how LOAD ended. NotApplicable if the drive has put
    the cartridge out."""
    answer = unit.do(c.load_unload(1))
    if answer.code.startswith("6/"):
        unit.settle()
        answer = unit.do(c.load_unload(1))
    if answer.code.startswith("2/3A"):
        raise NotApplicable("UNLOAD puts the cartridge out of the drive: LOAD cannot take it in")
    unit.settle()
    return answer


def unload(unit: Subject) -> None:
    """UNLOAD a volume that is ready; it is loaded again when the check ends. NotApplicable without
    one, and where somebody else prevents it."""
    asking.need_volume(unit)
    unit.cleanup(lambda: load(unit))
    answer = unit.do(c.load_unload(0))
    if answer.code in PREVENTED and not any(map(prevents, unit.exchanges)):
        raise NotApplicable("the library, or another host, prevents UNLOAD")
    unit.expect("status of UNLOAD", GOOD, answer.status)


def reload(unit: Subject) -> None:
    """UNLOAD and LOAD, and the volume is ready. NotApplicable where that cannot be."""
    unload(unit)
    unit.expect("status of LOAD", GOOD, load(unit).status)


def prevents(one: Exchange) -> bool:
    """Whether a check has sent that: PREVENT ALLOW MEDIUM REMOVAL that prevents."""
    return one.cdb[0] == PREVENT and bool(one.cdb[4])

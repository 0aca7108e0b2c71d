"""Faults that answer a command in place of the unit."""

from __future__ import annotations

from target.faults.fault import Strike
from target.scsi import sense as s
from target.scsi.command import ABORTED, CONFLICT, Completion
from target.scsi.sense import Code, Sense

STATUSES = {
    "busy": Completion(0x08),
    "task-set-full": Completion(0x28),
    "reservation-conflict": CONFLICT,
    "task-aborted": ABORTED,
}
"""SAM-5 5.3.1."""


def code_of(text: str) -> Code:
    """A code as rig files write it, 3/11/00, or by its name, READ_ERROR. Raises ValueError."""
    named = {name: code for code, name in s.NAMES.items()}
    if text.upper() in named:
        return named[text.upper()]
    try:
        key, asc, ascq = (int(part, 16) for part in text.split("/"))
        bytes((key << 4, asc, ascq))
    except ValueError:
        raise ValueError(
            f"{text!r} is no sense code: write key, ASC and ASCQ in hex, such as 3/11/00"
        ) from None
    return s.code(key, asc, ascq)


def sense(strike: Strike) -> Completion:
    """CHECK CONDITION with any sense data; what the command had to say itself is lost."""
    length = strike.proceed().length if strike["done"] else 0
    told = Sense(
        code_of(strike["code"]),
        information=strike["information"],
        filemark=strike["filemark"],
        eom=strike["eom"],
        ili=strike["ili"],
        deferred=strike["deferred"],
    )
    return strike.check(told, length)


def status(strike: Strike) -> Completion:
    """A status that has no sense data; the command is not carried out."""
    return STATUSES[strike["status"]]

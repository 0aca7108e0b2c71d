"""What can go wrong: each kind with its options and the function that does it.

Rig files, `keyreel fault` and docs/faults.md take the kinds from this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from target.faults import answers, device, power, sources, tape, waiting
from target.faults.fault import Fault, Strike
from target.scsi.command import Completion
from target.scsi.primary import PrimaryUnit

Struck: TypeAlias = Callable[[Strike], Completion]
"""Answers a command that is struck."""
Undo: TypeAlias = Callable[[], None]
Standing: TypeAlias = Callable[[Fault, str, PrimaryUnit], Undo]
"""Changes a unit, by its name, while the fault is there; returns what changes it back."""

REQUIRED = object()


@dataclass(frozen=True)
class Option:
    """An option of a kind; ``default`` is REQUIRED where it has to be given."""

    name: str
    type: type[Any]
    default: object
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of fault: either ``strike`` answers commands, or ``stand`` changes a unit."""

    name: str
    text: str
    options: tuple[Option, ...] = ()
    strike: Struck | None = None
    stand: Standing | None = None
    waits: bool = False
    """A command may wait for longer than it takes."""
    drives: bool = False
    """For drives alone."""
    times: int = 1
    """How often it strikes unless told otherwise."""


_DONE = Option("done", bool, False, "the command is carried out first")
_WHEN = Option("when", str, "in", "before, in or after the command", power.WHEN)
_OBJECT = Option("object", int, None, "its number; by default the one at or behind the position")
_PARTITION = Option("partition", int, None, "of the tape; by default the one at the heads")

_TABLE = (
    Kind(
        "sense",
        "The command ends with CHECK CONDITION.",
        (
            Option("code", str, REQUIRED, "key, ASC and ASCQ, 3/11/00, or a name, READ_ERROR"),
            Option("information", int, None, "INFORMATION, which is valid then"),
            Option("ili", bool, False, "ILI"),
            Option("filemark", bool, False, "FILEMARK"),
            Option("eom", bool, False, "EOM"),
            Option("deferred", bool, False, "as a deferred error"),
            _DONE,
        ),
        strike=answers.sense,
    ),
    Kind(
        "status",
        "The command ends with a status that has no sense data, and is not carried out.",
        (Option("status", str, "busy", "SAM-5 5.3.1", tuple(answers.STATUSES)),),
        strike=answers.status,
    ),
    Kind(
        "slow",
        "The command takes longer.",
        (Option("seconds", float, REQUIRED, "by the unit's clock"), _DONE),
        strike=waiting.slow,
        waits=True,
    ),
    Kind(
        "hang",
        "The command stands still until it is aborted, the unit is reset or the rig stopped; it"
        " goes on when the fault is removed.",
        strike=waiting.hang,
        waits=True,
    ),
    Kind(
        "power",
        "The drive loses power and gets it back; what was not made durable is lost.",
        (_WHEN,),
        strike=power.power,
        drives=True,
    ),
    Kind(
        "reset",
        "The unit is reset, or the nexus that sent the command is lost.",
        (Option("what", str, "lun", "which", (*power.RESETS, "nexus")), _WHEN),
        strike=power.reset,
    ),
    Kind(
        "bit-flip",
        "Bits of a block on the medium are others: damage that stays.",
        (Option("bits", int, 1, "how many"), _OBJECT, _PARTITION, _DONE),
        strike=tape.bit_flip,
        drives=True,
    ),
    Kind(
        "torn",
        "A block on the medium ends in the middle: damage that stays.",
        (Option("part", str, tape.CUT, "what is behind", tape.TORN), _OBJECT, _PARTITION, _DONE),
        strike=tape.torn,
        drives=True,
    ),
    Kind(
        "remove-medium",
        "Somebody takes the cartridge out; it comes back when the fault is removed.",
        (Option("back_after", int, 0, "or before that command, counted from this one on"),),
        strike=tape.remove_medium,
        drives=True,
    ),
    Kind(
        "firmware",
        "The drive has another revision of its microcode until the fault is removed.",
        (
            Option("revision", str, REQUIRED, "four characters"),
            Option("attention", bool, True, "all nexuses hear 6/3F/01, and 6/3F/03"),
            _DONE,
        ),
        strike=device.firmware,
        drives=True,
    ),
    Kind(
        "tape-alert",
        "TapeAlert flags are raised.",
        (
            Option(
                "flags",
                tuple,
                REQUIRED,
                "numbers, 1 to 64, or names of SSC-4 annex A, such as hard error",
            ),
        ),
        strike=device.tape_alert,
        drives=True,
    ),
    Kind(
        "key-source",
        "Whoever gives keys to the drive is down, slow, gives wrong keys, or is down half the"
        " time; it is requests for keys that match.",
        (
            Option("state", str, "down", "what it is", sources.STATES),
            Option("seconds", float, 5.0, "of slow answers"),
        ),
        stand=sources.key_source,
        drives=True,
        times=0,
    ),
    Kind(
        "defect",
        "The drive misbehaves as long as the fault is there.",
        (Option("defect", str, REQUIRED, "one of `keyreel fault defects`"),),
        stand=device.defect,
        drives=True,
        times=0,
    ),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _TABLE}
"""By name."""

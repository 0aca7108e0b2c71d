"""What can go wrong: each kind with its options and the function that does it.

Rig files, `keyreel fault` and docs/faults.md take the kinds from this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from target.faults import answers, device
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


KINDS: dict[str, Kind] = {}


def _kind(kind: Kind) -> None:
    KINDS[kind.name] = kind


_kind(
    Kind(
        "sense",
        "the command ends with CHECK CONDITION",
        (
            Option(
                "code", str, REQUIRED, "sense key, ASC and ASCQ, 3/11/00, or a name, READ_ERROR"
            ),
            Option("information", int, None, "INFORMATION, which is valid then"),
            Option("ili", bool, False, "ILI"),
            Option("filemark", bool, False, "FILEMARK"),
            Option("eom", bool, False, "EOM"),
            Option("deferred", bool, False, "as a deferred error"),
            Option("done", bool, False, "the command is carried out first"),
        ),
        strike=answers.sense,
    )
)
_kind(
    Kind(
        "defect",
        "the drive misbehaves as long as the fault is there",
        (Option("defect", str, REQUIRED, "one of `keyreel fault defects`"),),
        stand=device.defect,
        drives=True,
        times=0,
    )
)

"""What a defect is: a deliberate misbehaviour of one drive, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from target.faults.patches import Patches
from target.tape.drive import Drive

Apply = Callable[[Drive, Patches], None]


@dataclass(frozen=True)
class Defect:
    """``text``: what the drive does wrong, one sentence. ``apply`` changes the drive through its
    patches; ValueError if the model has nothing that could be wrong so."""

    name: str
    text: str
    apply: Apply


DEFECTS: dict[str, Defect] = {}
"""All that have been declared, by name."""


def defect(name: str, text: str) -> Callable[[Apply], Apply]:
    """Declare a defect."""

    def declare(apply: Apply) -> Apply:
        assert name not in DEFECTS, f"there are two defects {name}"
        DEFECTS[name] = Defect(name, text, apply)
        return apply

    return declare

"""What a check is, and the ways in which it ends.

    @check("SSC-READ-SHORT", "SSC-5 7.2", "reading", "A block shorter than asked for", scratch=True)
    def short_block(unit: Subject) -> None:
        "CHECK CONDITION, NO SENSE, ILI set, INFORMATION is what is missing, the data are there."
        unit.write(b"x" * 100)
        unit.good(Rewind())
        answer = unit.do(Read6(transfer_length=200), size=200)
        unit.expect("status", CHECK_CONDITION, answer.status)
        unit.expect("INFORMATION", 100, answer.sense.information)

The docstring says what is expected. A check that returns has passed. For families of checks, call
`check` in a loop over a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.conform.subject import Subject

Body = Callable[["Subject"], None]


class Outcome(Enum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    WARNING = "warning"
    """The standard allows what came, but hosts in the field will not like it."""
    NOT_APPLICABLE = "not applicable"


class NotApplicable(Exception):
    """The device has not what the check is about, and says so; the text is why."""


class Failure(Exception):
    """Something came that is not what is expected."""

    def __init__(self, what: str, expected: str, came: str) -> None:
        super().__init__(f"{what}: expected {expected}, came {came}")
        self.what = what
        self.expected = expected
        self.came = came


@dataclass(frozen=True)
class Check:
    """One check. ``scratch``: it needs a volume that it may overwrite."""

    id: str
    """AREA-SUBJECT-DETAIL, upper case; never changes, for results are compared by it."""
    clause: str
    """Standard and section, such as "SSC-5 7.2" or "SPC-4 6.35.3"."""
    topic: str
    """What the report groups by, such as "reading" or "encryption: decryption modes"."""
    title: str
    expected: str
    """In a sentence or two."""
    body: Body
    scratch: bool
    kind: str
    """"tape" or "changer"."""


CHECKS: dict[str, Check] = {}
"""All that have been declared, by id."""


def check(
    id: str,
    clause: str,
    topic: str,
    title: str,
    *,
    scratch: bool = False,
    expected: str = "",
    kind: str = "tape",
) -> Callable[[Body], Body]:
    """Declare a check; ``expected`` stands for the function's docstring where that is none."""

    def declare(body: Body) -> Body:
        assert id not in CHECKS, f"there are two checks {id}"
        text = " ".join((expected or body.__doc__ or "").split())
        assert text, f"{id} does not say what is expected"
        CHECKS[id] = Check(id, clause, topic, title, text, body, scratch, kind)
        return body

    return declare

"""The log pages of medium changers: TapeAlert, and the results of self-tests.

``[logs]`` of a model names those that it has by page code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.library.personality import LibraryModel
from target.scsi.command import Nexus
from target.scsi.log import DS, DU, LogPage, Parameter

if TYPE_CHECKING:
    from target.library.changer import Changer


def _flag(number: int) -> Parameter:
    return Parameter(number, 1, lambda unread: int(number in unread), DU | DS)


def _unread(changer: Changer, nexus: Nexus) -> set[int]:
    return changer.alerts.unread(nexus)


def _read(changer: Changer, nexus: Nexus) -> None:
    changer.alerts.read(nexus)


def _cleared(changer: Changer, nexus: Nexus) -> bool:
    return changer.alerts.clear()


TAPE_ALERT = LogPage(
    0x2E,
    "TapeAlert",
    tuple(_flag(number) for number in range(1, 65)),
    subject=_unread,
    read=_read,
    cleared=_cleared,
)
"""As that of drives (SSC-4 8.2.3), with the flags of `alerts`."""

PAGES = {"2E": TAPE_ALERT}
SUPPORTED = "00"
"""The page that lists the others; every model has it."""


def of(model: LibraryModel) -> tuple[LogPage, ...]:
    """The pages that a model has, ascending. ValueError names one that there is not."""
    unknown = model.logs.keys() - PAGES.keys() - {SUPPORTED}
    if unknown:
        raise ValueError(f"{model.name}: logs: there is no page {', '.join(sorted(unknown))}")
    return tuple(page for name, page in sorted(PAGES.items()) if name in model.logs)

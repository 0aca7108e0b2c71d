"""The ways in. A transport finds buffers and nexuses; it knows no SCSI semantics.

`TRANSPORTS` is what a rig can name. Each is a class, called with the plan and its units by name:
drives and medium changers. It brings everything up, or raises OSError with one sentence, and
``close`` takes it down.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from target.plan import RigPlan
    from target.scsi.primary import PrimaryUnit


class Transport(Protocol):
    """Units within reach of hosts."""

    def __init__(self, plan: RigPlan, units: Mapping[str, PrimaryUnit]) -> None: ...

    def ways(self) -> list[str]:
        """How hosts reach the units, a line each."""

    def hosts(self, unit: str) -> list[str]:
        """Who is connected to a unit, by the names of initiator ports; from any thread."""

    def close(self) -> None:
        """Out of reach again; no command is lost half done."""


TRANSPORTS = {
    "tcmu": ("target.transports.tcmu", "Tcmu"),
    "tcmu-runner": ("target.transports.handler", "Handler"),
    "iscsi": ("target.transports.iscsi.server", "IscsiServer"),
}
"""Module and class by name: only what a rig uses is loaded."""


def find(name: str) -> type[Transport]:
    """The class of that name; KeyError if there is none."""
    module, attribute = TRANSPORTS[name]
    found: type[Transport] = getattr(import_module(module), attribute)
    return found

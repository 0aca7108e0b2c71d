"""Command descriptor blocks: a Packet a command, named as the standard names it.

Fields have the standards' names in lower snake case. `cdb_any` has what every device has,
`cdb_tape` and `cdb_changer` the others; all are importable from here.
"""

from __future__ import annotations

from typing import Any

from harness.layers.base import bits
from harness.layers.cdb_any import *  # noqa: F403  # every command by its name
from harness.layers.cdb_any import Cdb
from harness.layers.cdb_changer import *  # noqa: F403
from harness.layers.cdb_tape import *  # noqa: F403

SIZES = {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}
"""CDB length by the group code, bits 7-5 of the operation code (SPC-4 4.2.5.1)."""


class UnknownCdb(Cdb):
    """A CDB of a command that is not described here (SAM-5)."""

    fields_desc = bits("operation_code:8 service_action:8")


def dissect_cdb(data: bytes, device: str = "tape") -> Cdb:
    """The CDB; ``device`` is "tape" or "changer". What is not known here is an `UnknownCdb`.

    The operation codes of RESERVE and RELEASE are those of RESERVE ELEMENT on a changer.
    Raises ValueError for no bytes at all.
    """
    if not data:
        raise ValueError("a CDB has at least an operation code")
    service = data[1] & 0x1F if len(data) > 1 else 0
    found = _BY_CODE.get((device, data[0], service)) or _BY_CODE.get((device, data[0], None))
    return (found or UnknownCdb)(bytes(data))


def all_cdbs() -> list[type[Cdb]]:
    """Every command described here."""
    return [one for one in Cdb.__subclasses__() if one is not UnknownCdb]


_SERVICES = (0x9E, 0xA3, 0xA4, 0xAB)
"""Operation codes of which each service action is a command of its own."""


def _by_code() -> dict[tuple[str, int, int | None], type[Cdb]]:
    table: dict[tuple[str, int, int | None], type[Cdb]] = {}
    one: Any
    for one in sorted(all_cdbs(), key=lambda kind: kind.device):  # what is special comes later
        values = {field.name: field.default for field in one.fields_desc}
        opcode = values["operation_code"]
        service = values["service_action"] if opcode in _SERVICES else None
        for device in (one.device,) if one.device else ("tape", "changer"):
            table[device, opcode, service] = one
    return table


_BY_CODE = _by_code()

"""The log pages that tape drives have, and which of them one model does.

``[logs]`` of a personality names them by page code, with a subpage where there is one: "17" = true,
"0D-01" = true. Where makers fill one page with different parameters, a word instead of true says
whose they are: "33" = "hp"; hex digits are the parameters themselves, which then never change.
Without the table a model has every page in its usual form.

What each page has, and where every number comes from, is in `target.tape.logs`.
"""

from __future__ import annotations

import re
from functools import partial

from target.personality import Personality
from target.scsi.log import LogPage, Parameter
from target.tape.logs import errors, makers, status, storagetek, usage, volume

PAGES = (
    errors.WRITE_ERRORS, errors.READ_ERRORS, errors.OTHER_ERRORS,
    usage.SEQUENTIAL,
    status.TEMPERATURES, status.ENVIRONMENT,
    errors.SELF_TESTS,
    status.DEVICE_STATUS, status.ALERT_RESPONSE, status.REQUESTED_RECOVERY,
    usage.STATISTICS,
    status.SERVICE_BUFFERS,
    errors.DIAGNOSTIC_DATA,
    volume.STATISTICS,
    status.PORTS,
    usage.POWER_TRANSITIONS, usage.COMPRESSION,
    status.TAPE_ALERT,
    volume.USAGE, volume.CAPACITY,
    usage.COMPRESSION_VENDOR,
    makers.WRITE_ERRORS_IBM, makers.READ_ERRORS_IBM, makers.DEVICE_ERRORS_HP,
    makers.PERFORMANCE, makers.TRANSFERRED,
    makers.PORT_0_ERRORS_IBM, makers.PORT_1_ERRORS_IBM,
    makers.SUBSYSTEM, makers.DEVICE_STATUS,
)  # fmt: skip
"""Ascending by page and subpage."""

MAKERS = {
    "ibm": (volume.STATISTICS_IBM,),
    "hp": (volume.STATISTICS_HP, volume.USAGE_HP, makers.WELLNESS_HP, makers.PERFORMANCE_HP),
    "stk": (
        storagetek.SEQUENTIAL, storagetek.VOLUME_STATISTICS, storagetek.STATISTICS_A,
        storagetek.STATISTICS_C,
    ),
}  # fmt: skip
"""Pages that a maker fills in its own way."""

_HEX = re.compile(r"([0-9A-F]{2} ?)+")

SUPPORTED = "00"
"""The page that lists the others; every model has it."""


def key(page: LogPage) -> str:
    """How a personality names a page: "17", or "0D-01" with its subpage."""
    return f"{page.code:02X}" + (f"-{page.subpage:02X}" if page.subpage else "")


def of(personality: Personality) -> tuple[LogPage, ...]:
    """The pages that a model has. ValueError names one that there is not."""
    if not personality.logs:
        return PAGES
    known: dict[tuple[str, bool | str], LogPage] = {(key(page), True): page for page in PAGES}
    for maker, pages in MAKERS.items():
        known |= {(key(page), maker): page for page in pages}
    found = []
    for name, whose in personality.logs.items():
        if name != SUPPORTED:
            if (name, whose) in known:
                found.append(known[name, whose])
            elif isinstance(whose, str) and _HEX.fullmatch(whose):
                found.append(_fixed(name, bytes.fromhex(whose)))
            else:
                raise ValueError(f"logs: there is no page {name} = {whose!r}")
    return tuple(sorted(found, key=lambda page: page.key))


def _fixed(name: str, body: bytes) -> LogPage:
    """A page that always has the same parameters: code, control byte, length and value of each."""
    rows = []
    while body:
        length = body[3] if len(body) > 3 else 0
        value = body[4 : 4 + length]
        if len(body) < 4 or len(value) < length:
            raise ValueError(f"logs: page {name} ends within a parameter")
        row = Parameter(int.from_bytes(body[:2], "big"), length, partial(_same, value), body[2])
        if row.counts:
            row = row._replace(value=partial(_same, int.from_bytes(value, "big")))
        rows.append(row)
        body = body[4 + length :]
    code, _, sub = name.partition("-")
    return LogPage(int(code, 16), "undeclared", tuple(rows), int(sub or "0", 16))


def _same(value: int | bytes, subject: object) -> int | bytes:
    return value

"""Values in rig files: what they may be, and what is said of one that will not do."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from harness import series
from target.medium.formats import of_barcode


def _match(pattern: str, cure: str) -> BeforeValidator:
    """A check that a value is text of that pattern."""

    def check(value: object) -> object:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} will not do: {cure}")
        return value

    return BeforeValidator(check)


_UNITS: dict[str | None, int] = {None: 1}
for _power, _prefix in enumerate("KMGT", 1):
    _UNITS[_prefix + "B"] = int(1000**_power)
    _UNITS[_prefix + "iB"] = int(1024**_power)


def parse_size(value: object) -> int:
    """Bytes, from a whole number or text such as 64MiB or 2GB (K, M, G, T). Raises ValueError."""
    match = re.fullmatch(r"(\d+)\s*([KMGT]i?B)?", str(value))
    if isinstance(value, bool) or not isinstance(value, int | str) or not match:
        raise ValueError(
            f'{value!r} is no size: write bytes as a whole number, or text such as "64MiB" or "2GB"'
        )
    size = int(match[1]) * _UNITS[match[2]]
    if size == 0:
        raise ValueError("0 is no size: write one above 0, or leave the key out")
    return size


def _check_barcode(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} will not do: a barcode is text such as KRL001L9")
    of_barcode(value)
    return value


def _check_barcodes(value: object) -> object:
    """Barcodes one by one, from texts and from series such as {barcode = ..., count = ...}."""
    if not isinstance(value, list | tuple):
        raise ValueError(f'{value!r} will not do: write a list of barcodes, as ["KRL001L9"]')
    barcodes: list[Any] = []
    for one in value:
        if not isinstance(one, dict):
            barcodes.append(_check_barcode(one))
            continue
        first, count = one.get("barcode"), one.get("count")
        if len(one) != 2 or type(count) is not int or count < 1:
            raise ValueError(
                f"{one} will not do: write a barcode, or as many as follow one another:"
                ' {barcode = "KRL001L9", count = 30}'
            )
        barcodes += series.barcodes(str(_check_barcode(first)), count)
    return tuple(barcodes)


def _check_timing(value: object) -> float:
    """The factor by which a drive's time passes."""
    known = {"instant": 0.0, "real": 1.0}
    if isinstance(value, str) and value in known:
        return known[value]
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1000:
        return float(value)
    raise ValueError(
        f'{value!r} will not do: write "instant", "real" or a factor of real time such as 0.01'
    )


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_transports(value: object) -> object:
    return (value,) if isinstance(value, str) else _as_tuple(value)


List = BeforeValidator(_as_tuple)
"""Lists come from TOML, tables keep tuples."""
Name = Annotated[
    str, _match(r"[a-z][a-z0-9_-]*", "start with a letter a-z, go on with a-z, 0-9, _ or -")
]
Barcode = Annotated[str, BeforeValidator(_check_barcode)]
Barcodes = Annotated[tuple[str, ...], BeforeValidator(_check_barcodes)]
Serial = Annotated[
    str, _match(r"[A-Z0-9]{10}", "a serial number is ten of 0-9 and A-Z; leave it out to get one")
]
Size = Annotated[int, BeforeValidator(parse_size)]
Transport = Literal["tcmu", "tcmu-runner", "iscsi"]
Transports = Annotated[tuple[Transport, ...], BeforeValidator(_as_transports), Field(min_length=1)]
Damage = Annotated[tuple[Literal["label", "leader", "memory"], ...], List]
Timing = Annotated[float, BeforeValidator(_check_timing)]
Hosts = Annotated[int, Field(ge=1, le=16)]

"""The tracking record of each key (BS-18): what the guide tells operators to keep, kept for them.

It stands beside the key as the store's attributes, and is kept when the key is deleted: then its
copies and its cartridges matter most. Passwords are not in it; the report says where copies are, so
it is to be guarded as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from keymgr.bluescale.models import Copy, Tracked
from keymgr.bluescale.names import NotAllowed


def fresh(created: float) -> dict[str, Any]:
    """The attributes of a new key."""
    return {"created": created, "expires": None, "shares": 0, "copies": [], "cartridges": []}


def tracked(moniker: str, raw: Mapping[str, Any], *, deleted: bool) -> Tracked:
    """The record, from the attributes."""
    return Tracked(
        moniker=moniker,
        created=raw["created"],
        expires=raw["expires"],
        shares=raw["shares"],
        copies=tuple(Copy(*one) for one in raw["copies"]),
        cartridges=tuple(raw["cartridges"]),
        deleted=deleted,
    )


def add_copy(raw: dict[str, Any], location: str, made: float) -> int:
    """One more copy; its number, which no other copy of the key has had as long as one with a
    higher number is there."""
    number = max((one[0] for one in raw["copies"]), default=0) + 1
    raw["copies"] = [*raw["copies"], [number, location, made]]
    return number


def remove_copy(raw: dict[str, Any], number: int) -> None:
    """A copy is destroyed. Raises NotAllowed."""
    left = [one for one in raw["copies"] if one[0] != number]
    if len(left) == len(raw["copies"]):
        raise NotAllowed(f"there is no copy {number} of this key: see the tracking report")
    raw["copies"] = left


def move_copy(raw: dict[str, Any], number: int, location: str) -> None:
    """A copy is somewhere else now. Raises NotAllowed."""
    _, _, made = next((one for one in raw["copies"] if one[0] == number), (0, "", 0.0))
    remove_copy(raw, number)
    raw["copies"] = sorted([*raw["copies"], [number, location, made]])


def check_expiry(expires: str | None) -> str | None:
    """The date itself. Raises NotAllowed."""
    try:
        return expires and date.fromisoformat(expires).isoformat()
    except ValueError:
        raise NotAllowed(
            f"{expires!r} is no date: write the planned expiry as YYYY-MM-DD"
        ) from None


def report(records: Iterable[Tracked]) -> str:
    """The records as text, one after the other."""
    return "\n".join(_one(record) for record in records) or "No keys.\n"


def _one(record: Tracked) -> str:
    created = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(record.created))
    lines = [
        f"Key moniker:         {record.moniker}{' (deleted)' if record.deleted else ''}",
        f"Created:             {created}",
        f"Planned expiration:  {record.expires or '-'}",
        f"Shares:              {record.shares or '-'}",
        f"Copies:              {len(record.copies)}",
        *(f"  {one.number}: {one.location or 'nobody said where'}" for one in record.copies),
        f"Cartridges:          {' '.join(record.cartridges) or '-'}",
    ]
    return "\n".join(lines) + "\n"

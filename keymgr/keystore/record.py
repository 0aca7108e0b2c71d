"""What a keystore tells of a key, and what it wants to know of a new one; the checks of names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from keymgr.errors import KeyManagerError
from keymgr.secret import Secret

LONGEST = 1024
"""Bytes of a realm's and of a key's name, UTF-8: an index of PostgreSQL holds 2704 together."""


@dataclass(frozen=True)
class Record:
    """A key without its value."""

    realm: str
    name: str
    state: str
    """Any word of its key manager's."""
    created: float
    """Seconds since 1970."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """JSON values."""
    number: int = 0
    """Of this keystore: later keys have higher ones, and none is used again."""


class New(NamedTuple):
    """A key to be added."""

    name: str
    key: Secret | None = None
    """None: 256 random bits."""
    state: str = ""
    attributes: Mapping[str, Any] = {}


def can_be(name: str) -> bool:
    """Whether a keystore may have a realm or key of that name; what tapes say is not always one."""
    return 0 < len(name) <= LONGEST and name.isprintable() and len(name.encode()) <= LONGEST


def check_name(name: str) -> str:
    """The name, if it can be one. Raises KeyManagerError."""
    if not name:
        raise KeyManagerError("a name in the keystore has at least one character: give one")
    if not name.isprintable():
        raise KeyManagerError(f"the name {name!r} has characters that cannot be shown: use others")
    if not can_be(name):
        raise KeyManagerError(
            f"the name {name[:20]}... is longer than {LONGEST} bytes: use a shorter one"
        )
    return name


def check_state(state: str) -> str:
    """The state, if it can be one. Raises KeyManagerError."""
    if not state.isprintable():
        raise KeyManagerError(f"the state {state!r} cannot be shown: use another word")
    return state


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def to_json(value: Any) -> str:
    """One text for equal values. Raises TypeError or ValueError for what JSON does not have."""
    return _encoder.encode(value)

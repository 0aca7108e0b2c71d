"""The audit log: entries that are only ever added, each authenticating the one before.

The mac of an entry is over its number, its content and the mac of the entry before, under a key
that only the master key opens. The head, one row, has the number and mac of the last entry under
that key too: who has the database but not the master key can neither forge an entry nor cut off
the last ones. (A whole database of an earlier day is in itself consistent.)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from keymgr.errors import AuditDamaged
from keymgr.keystore.record import to_json
from keymgr.keystore.vault import Vault

FIRST = bytes(32)
"""Stands for the mac of the entry before the first."""


class Entry(NamedTuple):
    """What happened. In the database ``details`` is JSON text."""

    number: int
    """From 1 on."""
    time: float
    """Seconds since 1970."""
    realm: str
    """Empty: the keystore itself."""
    event: str
    details: Mapping[str, Any]


class Row(NamedTuple):
    """An entry as stored."""

    number: int
    time: float
    realm: str
    event: str
    details: str
    mac: bytes

    def entry(self) -> Entry:
        """As told."""
        return Entry(*self[:4], json.loads(self.details))


class Head(NamedTuple):
    """The end of the log, and the highest number of a key so far."""

    entries: int = 0
    last_mac: bytes = FIRST
    keys_made: int = 0

    def mac(self, vault: Vault) -> bytes:
        """What makes the head authentic."""
        numbers = to_json([self.entries, self.keys_made])
        return vault.mac(b"head ", self.last_mac, numbers.encode())


def chain(vault: Vault, before: bytes, row: Iterable[Any]) -> bytes:
    """The mac of an entry behind one of mac ``before``; ``row``: its columns but for the mac."""
    return vault.mac(b"entry", before, to_json(list(row)).encode())


def follow(vault: Vault, rows: Iterable[Row]) -> Head:
    """Where the entries end, the first of which must be number 1. Raises AuditDamaged."""
    last = Head()
    pending = None
    for row in rows:
        if pending is not None:
            last = _step(vault, last, pending, row)
        pending = row
    return last if pending is None else _step(vault, last, pending, None)


def _step(vault: Vault, last: Head, row: Row, following: Row | None) -> Head:
    number = last.entries + 1
    if row.number > number:
        raise AuditDamaged(number, f"entry {number} of the audit log is missing")
    if row.number < number:
        raise AuditDamaged(row.number, f"entry {row.number} of the audit log was put in")
    if chain(vault, last.last_mac, row[:5]) != row.mac:
        # Is the next one what ought to be here?
        if following and chain(vault, last.last_mac, (number, *following[1:5])) == following.mac:
            raise AuditDamaged(number, f"entry {number} of the audit log was put in")
        raise AuditDamaged(number, f"entry {number} of the audit log was changed")
    return last._replace(entries=number, last_mac=row.mac)


def verify_end(last: Head, head: Head | None, newest: int) -> None:
    """Whether the log ends where it should: ``last`` is where the entries end, ``head`` where they
    should, None if the head is not authentic; ``newest``: the highest number there is."""
    number = last.entries + 1
    if head is None:
        text = f"the end of the audit log, behind entry {last.entries}, was changed"
    elif last.entries < head.entries:
        text = f"entries {number} to {head.entries} of the audit log were cut off"
    elif newest > head.entries or last.last_mac != head.last_mac:
        text = f"entry {number} of the audit log was put in"
    else:
        return
    raise AuditDamaged(number, text)

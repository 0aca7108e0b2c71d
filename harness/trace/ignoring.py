"""What a replay does not compare: answers that differ from drive to drive, or from day to day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ALL = (0, 1 << 31)
_INQUIRY, _LOG_SENSE, _READ_ATTRIBUTE = 0x12, 0x4D, 0x8C
_PERSISTENT_IN, _PROTOCOL_IN = 0x5E, 0xA2
_MAINTENANCE_IN, _SERIAL_NUMBER = 0xA3, 0xAB
_TIMESTAMP, _FULL_STATUS = 0x0F, 0x03
_NAMES = {0x80, 0x83, 0xB1}
"""VPD pages: serial number, designators, the maker's serial number."""
_STATUS, _NEXT_BLOCK, _PUBLIC_KEY = 0x0020, 0x0021, 0x0031
_TAPE_DATA_ENCRYPTION = 0x20

Span = tuple[int, int]


@dataclass(frozen=True)
class Rule:
    """``where`` says which bytes of data-in are not compared, by the CDB; None: all are."""

    name: str
    words: str
    where: Callable[[bytes], Span | None] = lambda cdb: None


def _identity(cdb: bytes) -> Span | None:
    if cdb[0] == _INQUIRY and cdb[1] & 1 and cdb[2] in _NAMES:
        return ALL
    return ALL if cdb[0] == _SERIAL_NUMBER else None


def _time(cdb: bytes) -> Span | None:
    return ALL if cdb[0] == _MAINTENANCE_IN and cdb[1] & 0x1F == _TIMESTAMP else None


def _is_page(cdb: bytes, page: int) -> bool:
    return cdb[:2] == bytes((_PROTOCOL_IN, _TAPE_DATA_ENCRYPTION)) and cdb[2:4] == page.to_bytes(
        2, "big"
    )


RULES = {
    rule.name: rule
    for rule in (
        Rule("serial", "serial numbers and names of units and media", _identity),
        Rule("time", "REPORT TIMESTAMP", _time),
        Rule("log", "log pages", lambda cdb: ALL if cdb[0] == _LOG_SENSE else None),
        Rule("memory", "READ ATTRIBUTE", lambda cdb: ALL if cdb[0] == _READ_ATTRIBUTE else None),
        Rule(
            "counter",
            "the key instance counter",
            lambda cdb: (8, 12) if _is_page(cdb, _STATUS) else None,
        ),
        Rule(
            "public-key",
            "the key that keys are wrapped with",
            lambda cdb: ALL if _is_page(cdb, _PUBLIC_KEY) else None,
        ),
        Rule(
            "initiator",
            "names of initiators in PERSISTENT RESERVE IN",
            lambda cdb: ALL if cdb[0] == _PERSISTENT_IN and cdb[1] & 0x1F == _FULL_STATUS else None,
        ),
        Rule("product", "INQUIRY and its pages", lambda cdb: ALL if cdb[0] == _INQUIRY else None),
        Rule("attention", "unit attentions: they are heard and left out"),
        Rule("information", "INFORMATION in sense data"),
    )
}
DEFAULT = ("serial", "time", "log", "memory", "counter", "public-key", "initiator")
ATTENTION, INFORMATION = "attention", "information"


def masked(cdb: bytes, data: bytes, names: frozenset[str]) -> bytes:
    """The data with zeros where those rules do not compare; b"" where they compare none."""
    for name in names:
        where = RULES[name].where(cdb) if cdb else None
        if where == ALL:
            return b""
        if where is not None:
            start, end = where[0], min(where[1], len(data))
            data = data[:start] + bytes(max(end - start, 0)) + data[end:]
    return data

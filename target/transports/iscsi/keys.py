"""Text keys: the table of all that RFC 7143 section 13 knows, and how each is negotiated.

An offer is answered at once and by what its kind says; nothing that this target has to know is
ever asked for. What is not offered keeps its default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, Flag, auto
from typing import NamedTuple

LONGEST_KEY, LONGEST_VALUE = 63, 255
LONGEST_BINARY = 2 + 1024 * 2
"""Characters of a CHAP value: hexadecimal of 1024 bytes."""
LONGEST_TEXT = 32768
"""Bytes of one logical request, when C bits make it longer than a PDU."""
MAX_SEGMENT = (1 << 24) - 1
OUR_SEGMENT = 1 << 20
"""MaxRecvDataSegmentLength that this target declares."""
LOGIN_SEGMENT = 8192
"""The default of that key, which holds until it is declared."""


class Kind(Enum):
    """How the result comes from what both sides say (RFC 7143 section 6.2)."""

    LIST = auto()
    """The first value of the offer that we know."""
    MINIMUM = auto()
    MAXIMUM = auto()
    AND = auto()
    OR = auto()
    NUMBER = auto()
    """Declared by each side for itself: a number."""
    TEXT = auto()
    """Declared by the initiator: text, which is not answered."""
    OURS = auto()
    """Only a target may send it."""
    OBSOLETE = auto()
    """Answered with what the table has for ours (section 13.25)."""


class When(Flag):
    """Where a key may be offered."""

    SECURITY = auto()
    OPERATIONAL = auto()
    FULL = auto()
    """In full feature phase."""
    LOGIN = SECURITY | OPERATIONAL
    ALWAYS = LOGIN | FULL


class Key(NamedTuple):
    """One row. ``ours``: what this target wants; numbers are in low..high, else refused."""

    name: str
    kind: Kind
    default: str
    ours: str
    when: When
    low: int = 0
    high: int = 0
    normal_only: bool = False
    """Irrelevant in a discovery session."""


_K, _W = Kind, When
TABLE = (
    Key("AuthMethod", _K.LIST, "None", "CHAP,None", _W.SECURITY),
    Key("CHAP_A", _K.TEXT, "", "", _W.SECURITY),
    Key("CHAP_I", _K.TEXT, "", "", _W.SECURITY),
    Key("CHAP_C", _K.TEXT, "", "", _W.SECURITY),
    Key("CHAP_N", _K.TEXT, "", "", _W.SECURITY),
    Key("CHAP_R", _K.TEXT, "", "", _W.SECURITY),
    Key("HeaderDigest", _K.LIST, "None", "CRC32C,None", _W.OPERATIONAL),
    Key("DataDigest", _K.LIST, "None", "CRC32C,None", _W.OPERATIONAL),
    Key("MaxConnections", _K.MINIMUM, "1", "1", _W.OPERATIONAL, 1, 65535, True),
    Key("SendTargets", _K.TEXT, "", "", _W.FULL),
    Key("TargetName", _K.TEXT, "", "", _W.LOGIN),
    Key("InitiatorName", _K.TEXT, "", "", _W.LOGIN),
    Key("TargetAlias", _K.OURS, "", "", _W.ALWAYS),
    Key("InitiatorAlias", _K.TEXT, "", "", _W.ALWAYS),
    Key("TargetAddress", _K.OURS, "", "", _W.FULL),
    Key("TargetPortalGroupTag", _K.OURS, "", "1", _W.LOGIN),
    Key("InitialR2T", _K.OR, "Yes", "No", _W.OPERATIONAL, normal_only=True),
    Key("ImmediateData", _K.AND, "Yes", "Yes", _W.OPERATIONAL, normal_only=True),
    Key(
        "MaxRecvDataSegmentLength",
        _K.NUMBER,
        str(LOGIN_SEGMENT),
        str(OUR_SEGMENT),
        _W.OPERATIONAL | _W.FULL,
        512,
        MAX_SEGMENT,
    ),
    Key(
        "MaxBurstLength",
        _K.MINIMUM,
        "262144",
        str(MAX_SEGMENT),
        _W.OPERATIONAL,
        512,
        MAX_SEGMENT,
        True,
    ),
    Key("FirstBurstLength", _K.MINIMUM, "65536", "262144", _W.OPERATIONAL, 512, MAX_SEGMENT, True),
    Key("DefaultTime2Wait", _K.MAXIMUM, "2", "0", _W.OPERATIONAL, 0, 3600),
    Key("DefaultTime2Retain", _K.MINIMUM, "20", "0", _W.OPERATIONAL, 0, 3600),
    Key("MaxOutstandingR2T", _K.MINIMUM, "1", "8", _W.OPERATIONAL, 1, 65535, True),
    Key("DataPDUInOrder", _K.OR, "Yes", "Yes", _W.OPERATIONAL, normal_only=True),
    Key("DataSequenceInOrder", _K.OR, "Yes", "Yes", _W.OPERATIONAL, normal_only=True),
    Key("ErrorRecoveryLevel", _K.MINIMUM, "0", "0", _W.OPERATIONAL, 0, 2),
    Key("SessionType", _K.TEXT, "Normal", "", _W.LOGIN),
    Key("TaskReporting", _K.LIST, "RFC3720", "RFC3720", _W.OPERATIONAL, normal_only=True),
    Key("iSCSIProtocolLevel", _K.MINIMUM, "1", "1", _W.OPERATIONAL, 0, 31, True),
    Key("IFMarker", _K.OBSOLETE, "No", "No", _W.OPERATIONAL),
    Key("OFMarker", _K.OBSOLETE, "No", "No", _W.OPERATIONAL),
    Key("IFMarkInt", _K.OBSOLETE, "2048", "Reject", _W.OPERATIONAL),
    Key("OFMarkInt", _K.OBSOLETE, "2048", "Reject", _W.OPERATIONAL),
)
KEYS = {key.name: key for key in TABLE}

_NAME = re.compile(r"[A-Z][A-Za-z0-9.+@_-]*|X#.*|iSCSI[A-Za-z]+")


class TextError(Exception):
    """Text that breaks the rules of negotiation; the text is for the log."""


def parse(data: bytes | bytearray | memoryview) -> dict[str, str]:
    """The pairs of a data segment, in order. Raises TextError."""
    pairs: dict[str, str] = {}
    for part in bytes(data).split(b"\0"):
        if not part:
            continue
        raw, equals, value = part.partition(b"=")
        try:
            key, text = raw.decode("ascii"), value.decode("utf-8")
        except UnicodeDecodeError:
            raise TextError("text is not UTF-8") from None
        longest = LONGEST_BINARY if key in ("CHAP_C", "CHAP_R") else LONGEST_VALUE
        if not equals or not _NAME.fullmatch(key) or len(key) > LONGEST_KEY:
            raise TextError("text has no key")
        if len(text) > longest:
            raise TextError(f"{key} is too long")
        if key in pairs:
            raise TextError(f"{key} comes twice")
        pairs[key] = text
    return pairs


def encode(pairs: Mapping[str, str]) -> bytes:
    """A data segment from pairs."""
    return b"".join(f"{key}={value}\0".encode() for key, value in pairs.items())


def number(text: str) -> int | None:
    """A decimal or hexadecimal constant of up to 64 bits (section 6.1), or None."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", text):
        return int(text, 16)
    return int(text) if re.fullmatch(r"[0-9]{1,20}", text) else None


class Parameters:
    """What a session and its connection have agreed on: the defaults until more is said."""

    def __init__(self) -> None:
        self.values = {key.name: key.default for key in TABLE}
        self.discovery = False
        self._settled: set[str] = set()

    def __getitem__(self, name: str) -> int:
        """A number."""
        return int(self.values[name])

    def yes(self, name: str) -> bool:
        """A boolean."""
        return self.values[name] == "Yes"

    def negotiate(self, offers: Mapping[str, str], where: When) -> dict[str, str]:
        """Settle what was offered; the answers. Raises TextError for a key offered again."""
        answers = {}
        for name, offer in offers.items():
            key = KEYS.get(name)
            if key is None:
                answers[name] = "NotUnderstood"
                continue
            if where is not When.FULL:
                if name in self._settled:
                    raise TextError(f"{name} is negotiated twice")
                self._settled.add(name)
            answer = self._answer(key, offer, where)
            if answer is not None:
                answers[name] = answer
        return answers

    def _answer(self, key: Key, offer: str, where: When) -> str | None:
        """The answer to one offer, None if it is only taken note of."""
        if key.kind is Kind.OBSOLETE:
            return key.ours
        if not key.when & where or key.kind is Kind.OURS:
            return "Reject"
        if key.kind is Kind.TEXT:
            self.values[key.name] = offer
            return None
        if self.discovery and key.normal_only:
            return "Irrelevant"
        result = resolve(key, offer)
        if result is None:
            return "Reject"
        self.values[key.name] = result
        return None if key.kind is Kind.NUMBER else result


def resolve(key: Key, offer: str) -> str | None:
    """What comes of an offer by the kind of its key; None if it cannot be accepted."""
    kind, ours = key.kind, key.ours
    if kind is Kind.LIST:
        known = ours.split(",")
        return next((value for value in offer.split(",") if value in known), None)
    if kind in (Kind.AND, Kind.OR):
        if offer not in ("Yes", "No"):
            return None
        decisive = "No" if kind is Kind.AND else "Yes"
        return decisive if decisive in (offer, ours) else offer
    value = number(offer)
    if value is None or not key.low <= value <= key.high:
        return None
    if kind is Kind.MINIMUM:
        return str(min(value, int(ours)))
    return str(max(value, int(ours)) if kind is Kind.MAXIMUM else value)

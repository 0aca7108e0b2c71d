"""What a drive model can do with encryption: the table of its personality, read once.

The encryption table describes one algorithm (``algorithm_index``, ``max_ukad``, ``max_akad``), or
under ``algorithms`` one for each index: then a model has those with which a format that it reads
is encrypted. IBM's LTO drives do so (IBM LTO SCSI Reference, table 393); they take any index of
theirs, whatever the volume (``accepted_algorithms``), and what does not fit is found when a block
is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from target.encryption import pages
from target.encryption.parameters import ParameterSet
from target.medium.formats import FORMATS, Format
from target.medium.runs import Kads
from target.personality import Personality

APPLICATION, LIBRARY, SYSTEM, AGENT = "application", "library", "system", "agent"
"""Who controls the parameters; the application: the hosts, by SECURITY PROTOCOL OUT."""

NONCE_REQUIRED, NONCE_TAKEN = 2, 3
"""NONCE_C: the host must, or may, bring a nonce."""
KADS_REQUIRED = 1
"""DKAD_C: DECRYPT and MIXED need key-associated data."""
EXTERNAL_ALLOWED = 2
"""EEMC_C."""

KEY_TIMEOUT = 120
"""Seconds that a drive waits for a key unless its model says otherwise; in no public source."""

_ROOM = {"LTO-4": 12}
"""Bytes that a format has for authenticated key-associated data, where drives have more."""


@dataclass(frozen=True)
class Algorithm:
    """One descriptor of the capabilities page. ``formats``: names of those that it encrypts."""

    index: int
    max_ukad: int
    max_akad: int
    formats: frozenset[str]

    def encrypts(self, form: Format) -> bool:
        """Whether blocks of that format are encrypted with it."""
        return form.encrypts and form.name in self.formats

    def room(self, form: Format) -> tuple[int, int]:
        """Bytes for the U-KAD and the A-KAD of a block of that format."""
        return self.max_ukad, min(self.max_akad, _ROOM.get(form.name, self.max_akad))


@dataclass(frozen=True)
class Abilities:
    """The encryption table. Dictionaries are fields of pages, by the names of their layouts."""

    algorithms: tuple[Algorithm, ...]
    """Ascending by index."""
    accepted: frozenset[int]
    """Indices that SET DATA ENCRYPTION may name."""
    relaxed: bool
    """Whether an index may be named with a volume that it does not encrypt."""
    fields: Mapping[str, int]
    """What all descriptors have in common."""
    capabilities: Mapping[str, int]
    management: Mapping[str, int]
    key_formats: tuple[int, ...]
    in_pages: tuple[int, ...]
    out_pages: tuple[int, ...]
    max_mkad: int
    key_fail_limit: int
    zero_fill_kads: bool
    """Key-associated data that the host leaves out are recorded as zeros."""
    ukad_code: int
    """AUTHENTICATED of unauthenticated key-associated data, in data-in."""
    reports_control: bool
    """PARAMETERS CONTROL is told."""
    silent: frozenset[str]
    """Who may control the parameters so that SECURITY PROTOCOL IN and OUT are refused."""
    end_of_data: int
    """ENCRYPTION STATUS of the next block where there is none."""
    zeros_without_volume: bool
    """The next-block page without a volume, or with one that cannot be encrypted, is zeros."""
    index_when_off: bool
    """The next-block page tells an algorithm even to a nexus with both modes DISABLE."""
    compliance: Mapping[str, str]
    """Of the security compliance information; empty: there is no such page."""
    slots: int
    """How many keys the drive holds at a time, under outside control."""
    key_timeout: float
    """Seconds that it waits for a key."""
    numbers: Mapping[int, int]
    """Sense keys by what a key service may say in numbers, ASC and ASCQ; empty: it is not told."""

    @property
    def max_ukad(self) -> int:
        """Bytes of the longest unauthenticated key-associated data of any algorithm."""
        return max(one.max_ukad for one in self.algorithms)

    @property
    def max_akad(self) -> int:
        """Bytes of the longest authenticated key-associated data of any algorithm."""
        return max(one.max_akad for one in self.algorithms)

    def limits(self, index: int) -> tuple[int, int]:
        """The longest U-KAD and A-KAD that a page that names an algorithm may have."""
        for one in self.algorithms:
            if one.index == index and not self.relaxed:
                return one.max_ukad, one.max_akad
        return self.max_ukad, self.max_akad

    def algorithm_of(self, form: Format) -> Algorithm | None:
        """The one that encrypts blocks of that format, or None."""
        return next((one for one in self.algorithms if one.encrypts(form)), None)

    def usable(self, used: ParameterSet, form: Format) -> bool:
        """Whether blocks of a volume of that format can be encrypted with a parameter set."""
        algorithm = self.algorithm_of(form)
        if algorithm is None or not (self.relaxed or used.algorithm == algorithm.index):
            return False
        u_kad, a_kad = algorithm.room(form)
        kads = used.kads
        return len(kads.unauthenticated) <= u_kad and len(kads.authenticated) <= a_kad

    def recorded(self, kads: Kads, form: Format) -> Kads:
        """The key-associated data that go with blocks of that format, which can be encrypted."""
        algorithm = self.algorithm_of(form)
        if not self.zero_fill_kads or algorithm is None:
            return kads
        u_kad, a_kad = algorithm.room(form)
        return kads._replace(
            unauthenticated=kads.unauthenticated or bytes(u_kad),
            authenticated=kads.authenticated or bytes(a_kad),
        )


def of(personality: Personality) -> Abilities | None:
    """What a model can do; None if it cannot encrypt. KeyError for a value that is missing."""
    table = personality.encryption
    if not table:
        return None
    algorithms = _algorithms(table, personality.media)
    control, next_block = table.get("control", {}), table.get("next_block", {})
    own = [one.index for one in algorithms]
    return Abilities(
        algorithms=algorithms,
        accepted=frozenset(table.get("accepted_algorithms", own)),
        relaxed="accepted_algorithms" in table,
        fields={**table["algorithm"], "algorithm_code": table["algorithm_code"]},
        capabilities=table["capabilities"],
        management=table["management"],
        key_formats=tuple(table["key_formats"]),
        in_pages=tuple(table["in_pages"]),
        out_pages=tuple(table["out_pages"]),
        max_mkad=table["max_mkad"],
        key_fail_limit=table["key_fail_limit"],
        zero_fill_kads=table.get("zero_fill_kads", False),
        ukad_code=table.get("ukad_code", pages.NOT_COVERED),
        reports_control=control.get("reported", True),
        silent=frozenset(control.get("silent", ())),
        end_of_data=next_block.get("end_of_data", pages.CANNOT_NOW),
        zeros_without_volume=next_block.get("zeros_without_volume", False),
        index_when_off=next_block.get("index_when_off", True),
        compliance=table.get("compliance", {}),
        slots=control.get("slots", 1),
        key_timeout=control.get("key_timeout", KEY_TIMEOUT),
        numbers={
            number: int(key, 16)
            for key, numbers in table.get("numbers", {}).items()
            for number in numbers
        },
    )


def controls(personality: Personality) -> tuple[str, ...]:
    """Who may control the encryption of a model; nobody where it cannot encrypt."""
    if not personality.encryption:
        return ()
    return tuple(personality.encryption.get("control", {}).get("knows", (APPLICATION,)))


def default_control(personality: Personality) -> str:
    """Who controls the encryption of a model unless it is told otherwise."""
    control = personality.encryption.get("control", {})
    return str(control.get("default", APPLICATION))


def _algorithms(table: dict[str, Any], media: dict[str, Any]) -> tuple[Algorithm, ...]:
    read = {name for name in (*media["read_write"], *media["read_only"]) if FORMATS[name].encrypts}
    several = table.get("algorithms")
    rows = several or {f"{table['algorithm_index']:02X}": {"formats": read}}
    found = (
        Algorithm(
            index=int(index, 16),
            max_ukad=row.get("max_ukad", table["max_ukad"]),
            max_akad=row.get("max_akad", table["max_akad"]),
            formats=frozenset(row["formats"]) & read,
        )
        for index, row in sorted(rows.items())
    )
    return tuple(one for one in found if one.formats or not several)

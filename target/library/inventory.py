"""Where every cartridge of a library is; the only place that knows, and it survives a kill.

A library has places of four kinds, which are SMC-3's element types; those of one kind are numbered
from 1 over the whole library. Partitions own some of them (see `partition`). A change is one
replaced file, so a cartridge is always in exactly one place, whenever the process is killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from target.files import replace_json


class Kind(IntEnum):
    """Kinds of places: the element type codes of SMC-3 table 12."""

    TRANSPORT = 1
    STORAGE = 2
    IMPORT_EXPORT = 3
    DRIVE = 4


WORDS = {
    Kind.TRANSPORT: "picker",
    Kind.STORAGE: "slot",
    Kind.IMPORT_EXPORT: "mail",
    Kind.DRIVE: "drive",
}
"""How people call them."""


class Location(NamedTuple):
    """A place for one cartridge; ``number`` is of the whole library, from 1."""

    kind: Kind
    number: int

    def __str__(self) -> str:
        return f"{WORDS[self.kind]}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> Location:
        """From what `str` gives, such as slot:17 or mail:1. Raises ValueError."""
        word, _, number = text.partition(":")
        for kind, known in WORDS.items():
            if word == known and number.isascii() and number.isdigit() and int(number) > 0:
                return cls(kind, int(number))
        raise ValueError(f"{text!r} is no place: write one such as slot:17, mail:1 or drive:1")


class Held(NamedTuple):
    """A cartridge in a place. ``home``: the storage place that it was last taken from."""

    barcode: str
    home: Location | None = None


class Inventory:
    """What is in which place. Not for several threads: whoever moves holds the library's lock.

    ``path`` is its file, None for one that is forgotten. Raises ValueError if the file is none.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._held: dict[Location, Held] = {}
        self.fresh = path is None or not path.exists()
        """Whether nothing was known before: whoever made this puts the cartridges in."""
        if path is not None and not self.fresh:
            try:
                raw = json.loads(path.read_text(encoding="utf-8"))
                self._held = {Location.parse(at): _held(*one) for at, one in raw.items()}
            except (ValueError, TypeError, AttributeError):
                raise ValueError(
                    f"{path} does not say where the cartridges are: remove it, and they are put"
                    " where the rig file says"
                ) from None

    def at(self, location: Location) -> Held | None:
        """What is there; None: nothing."""
        return self._held.get(location)

    def where(self, barcode: str) -> Location | None:
        """Where a cartridge is; None: not in the library."""
        return next((at for at, held in self._held.items() if held.barcode == barcode), None)

    def now(self) -> Mapping[Location, Held]:
        """Everything at this moment, for any thread: what is changed later is not in it."""
        return self._held

    def __iter__(self) -> Iterator[tuple[Location, Held]]:
        return iter(sorted(self._held.items()))

    def change(self, changes: Mapping[Location, Held | None]) -> None:
        """Put and take, all at once; durable when it returns. None: the place is empty then."""
        held = dict(self._held)
        for location, one in changes.items():
            held.pop(location, None)
            if one is not None:
                held[location] = one
        barcodes = [one.barcode for one in held.values()]
        assert len(barcodes) == len(set(barcodes)), "a cartridge is in one place"
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_json(
                self._path,
                {
                    str(at): [one.barcode, None if one.home is None else str(one.home)]
                    for at, one in sorted(held.items())
                },
            )
        self._held = held


def _held(barcode: str, home: str | None) -> Held:
    return Held(barcode, None if home is None else Location.parse(home))

"""What one library model is, read from `personalities/library/<vendor>/<model>.toml`.

The files are made like those of drive models (`target.personality`): a ``base``, tables that are
merged, false to take an entry away, an underscore before the name of a base. What may stand in them
is said in `personality_schema`; docs/changers.md tells where the values come from. Code asks the
model; it never asks which vendor it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from target import personality
from target.library.inventory import WORDS, Kind
from target.library.partition import Partition
from target.library.personality_schema import SCHEMA

_LIBRARIES = "library"
KINDS = {
    Kind.TRANSPORT: "transport",
    Kind.STORAGE: "storage",
    Kind.IMPORT_EXPORT: "import_export",
    Kind.DRIVE: "drive",
}
"""How ``[elements]`` calls the kinds of places."""


@dataclass(frozen=True)
class LibraryModel:
    """One model. The dictionaries are the tables of its file, bases merged in."""

    name: str
    inquiry: dict[str, Any]
    """As of a drive; ``texts``: what stands at which byte of the standard data, with its width."""
    limits: dict[str, int]
    """sense_length in bytes."""
    elements: dict[str, int]
    """The first element address of each kind."""
    status: dict[str, Any]
    """The forms of element status, see `target.library.element_status`."""
    tag: dict[str, int]
    """length: characters of a label that hosts see."""
    commands: dict[str, bool]
    """By opcode, or opcode and service action, in hex."""
    modes: dict[str, dict[str, Any]]
    """The mode pages, by page code in hex, and what differs in them."""
    vpd: dict[str, Any]
    """name: the T10 designator of page 83h; naa_prefix, if there is an NAA name; pages."""
    timeouts: dict[str, int]
    """Seconds by the name in the command table."""
    logs: dict[str, bool | str] = field(default_factory=dict)
    sense: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The maker's own codes by the name of a condition, see `target.scsi.sense.own_codes`."""
    reservations: dict[str, Any] = field(default_factory=dict)
    quirks: dict[str, Any] = field(default_factory=dict)
    """What the model does otherwise than most: unloads = false, a loaded drive is not emptied by a
    move; sense_text = true, sense data end with words; reserves_elements = true, hosts may reserve
    single elements; status_conflicts = true, a reservation shuts out READ ELEMENT STATUS without
    CURDATA."""

    @property
    def first(self) -> dict[Kind, int]:
        """The first element address of each kind."""
        return {kind: self.elements[word] for kind, word in KINDS.items()}

    def most(self, kind: Kind) -> int:
        """How many elements of a kind there is room for before those of the next kind begin."""
        begins = self.first[kind]
        return min((at for at in self.first.values() if at > begins), default=0x10000) - begins

    def require_addresses(self, partition: Partition) -> None:
        """Raises ValueError where a partition has more places than there are addresses for."""
        for kind in Kind:
            count = len(partition.places(kind))
            if count > self.most(kind):
                raise ValueError(
                    f"partition {partition.name} has {count} places of the kind {WORDS[kind]}, and"
                    f" {self.name} has addresses for {self.most(kind)}: give it fewer"
                )

    def timeout(self, name: str) -> int:
        """Recommended command timeout in seconds."""
        return self.timeouts.get(name, self.timeouts["short"])


def models() -> list[str]:
    """The names of all models, such as spectra/t950, sorted."""
    paths = (personality.FOLDER / _LIBRARIES).glob("*/*.toml")
    return sorted(
        f"{path.parent.name}/{path.stem}" for path in paths if not path.stem.startswith("_")
    )


@cache
def load(name: str) -> LibraryModel:
    """The model of that name; read once, so nobody changes what is in it.

    ValueError names the models there are, or says in a sentence what is wrong with the file.
    """
    known = models()
    if name not in known:
        raise ValueError(f"there is no library model {name!r}: give one of {', '.join(known)}")
    return LibraryModel(name=name, **personality.read(f"{_LIBRARIES}/{name}", SCHEMA))

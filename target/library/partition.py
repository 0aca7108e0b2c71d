"""A partition of a library: the places that one medium changer shows to hosts, as elements.

Hosts see addresses: those of each kind begin where the library's model says and follow one another
without gaps, in every partition anew. A partition has one medium transport element, which is
always empty between two commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from target.library.inventory import Kind, Location

DISABLED = "disabled"
"""The encryption method of a partition whose drives the hosts control."""


@dataclass
class Partition:
    """A partition. The numbers are those of the library's places, see `inventory`."""

    name: str
    """Of the changer, too."""
    serial: str
    """Of the changer."""
    drives: tuple[int, ...]
    slots: tuple[int, ...]
    mail_slots: tuple[int, ...] = ()
    encryption: str = DISABLED
    """disabled, or who gives keys: see `target.library.methods`."""

    def places(self, kind: Kind) -> Sequence[Location]:
        """The places of a kind, in the order of their addresses."""
        numbers = {
            Kind.TRANSPORT: (1,),
            Kind.STORAGE: self.slots,
            Kind.IMPORT_EXPORT: self.mail_slots,
            Kind.DRIVE: self.drives,
        }[kind]
        return [Location(kind, number) for number in numbers]


class Elements:
    """The addresses of a partition's places. ``first``: where each kind begins."""

    def __init__(self, partition: Partition, first: Mapping[Kind, int]) -> None:
        self.by_address: dict[int, Location] = {}
        """Ascending within each kind."""
        for kind in Kind:
            for number, location in enumerate(partition.places(kind), first[kind]):
                self.by_address[number] = location
        self.address_of = {location: address for address, location in self.by_address.items()}
        self.first = dict(first)

    def of(self, kind: Kind) -> dict[int, Location]:
        """Those of a kind, by address."""
        return {at: one for at, one in self.by_address.items() if one.kind is kind}

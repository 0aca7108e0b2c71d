"""Medium auxiliary memory: what is in a cartridge's chip, and what the drive keeps there.

An attribute is the drive's or the medium's own, and then read-only and worked out when it is
asked for (`mam_table`), or a host's, and then kept as it was written. States as in SPC-4 5.7: what
a model's table has is supported; a host's attribute that was not written, and one whose function
says None, is supported and nonexistent.

Decided where the standards leave it open or sources differ:

* There is one volume, so its own attributes are the same from each partition; capacities, the
  places of encrypted blocks and usage by partition are those of the partition asked for. Hosts'
  attributes are kept for each partition by itself (the memory has as many as the tape, 6.17.1).
* What hosts may fill is 1 KiB less 10 bytes of a 4 KiB chip and 1 KiB more each time the chip
  doubles: HP drives say 1014 of 4096 and 3062 of 16384. An attribute takes its length and 5 bytes.
* TapeAlert flags (0002h) are those of the load before this one, as HP, Quantum and Sony describe.
* The history of loads has spaces where there was none.
* 1000h and 1001h have the layout seen from HP and IBM drives; no document of it is public.
* Formatting removes all hosts' attributes but the barcode, which is the label's and not what is
  recorded. (LTFS keeps the identifier of its volume, which is gone then, in 0820h.)

**Volume change reference** (0009h): LTFS finds out by it whether its own note of the last index
(080Ch) is of the tape as it is. 0 until anything was written, then a number that grows: at the
first change of each mount, at the first one after a host has read it, and when the medium is
formatted (SSC-4). It is durable before the change is. Hosts' attributes are no content: writing
080Ch with the reference in it does not change the reference. At all ones it stays, which says
that it cannot be used any more.

A model says in its table ``attributes`` what differs: ``"0340" = false`` takes an attribute away,
``"0809" = true`` adds one that is not usual, a number is another size, ``unit`` is what capacities
and amounts are counted in (bytes), ``partitioned_only`` keeps hosts' attributes to tapes with more
than one partition, and ``any_first`` lets READ ATTRIBUTE begin where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from target.scsi import sense as s
from target.scsi.sense import CheckCondition
from target.tape import tape_alert, usage
from target.tape.mam_table import ATTRIBUTES, BARCODE, BINARY, HOST_VENDOR, Attribute, vendor_host

if TYPE_CHECKING:
    from target.tape.drive import Drive
    from target.tape.mount import Medium

HEADER = 5
"""Bytes before the value of an attribute."""


class Memory(NamedTuple):
    """The memory of the cartridge in a drive, as one of its partitions has it."""

    drive: Drive
    cartridge: Medium
    number: int

    @property
    def info(self) -> dict[str, Any]:
        """What the cartridge keeps, as of now."""
        self.drive.tally()
        return self.cartridge.info

    @property
    def unit(self) -> int:
        """Bytes that capacities and amounts are counted in."""
        return int(self.drive.personality.attributes.get("unit", 1 << 20))

    @property
    def stored(self) -> dict[int, bytes]:
        """The hosts' attributes of this partition."""
        return self.cartridge.attributes.get(self.number, {})

    @property
    def free(self) -> int:
        """Bytes that hosts' attributes may still take, those of other partitions counted."""
        return space(self.cartridge.type.memory) - taken(self.cartridge.attributes)

    def supported(self) -> dict[int, Attribute]:
        """The attributes of this model, ascending, and those of their own that hosts wrote."""
        own = self.drive.personality.attributes
        for_hosts = not own.get("partitioned_only") or len(self.cartridge.partitions) > 1
        rows = {}
        theirs = (vendor_host(number) for number in self.stored if number in HOST_VENDOR)
        for row in (*ATTRIBUTES, *theirs):
            size = own.get(f"{row.id:04X}", not row.optional)
            if size is not False and (for_hosts or row.read_only):
                rows[row.id] = row if size is True else row._replace(size=size)
        return dict(sorted(rows.items()))

    def find(self, number: int) -> Attribute | None:
        """A supported attribute; any that hosts may define for themselves is."""
        rows = self.supported()
        if number in HOST_VENDOR and HOST_VENDOR[0] in rows:
            return vendor_host(number)
        return rows.get(number)

    def read(self, first: int = 0) -> Iterator[tuple[Attribute, bytes]]:
        """The attributes that exist, ascending, from an identifier on, with their values."""
        for row in self.supported().values():
            if row.id >= first:
                value = row.encode(self) if row.value else self.stored.get(row.id)
                if value is not None:
                    yield row._replace(format=self._format(row)), value

    def _format(self, row: Attribute) -> int:
        """Of an attribute that hosts define for themselves, what they said."""
        if row.id not in HOST_VENDOR:
            return row.format
        return int(self.info.get("attribute_formats", {}).get(_key(self.number, row.id), BINARY))

    def write(self, changes: Mapping[int, tuple[int, bytes]]) -> None:
        """Keep hosts' attributes: (format, value) by identifier; an empty value removes one.

        All of it is durable on return, or nothing has changed. Raises CheckCondition 5/55/06 where
        the memory has no room, 3/0C/0B where it cannot be written.
        """
        cartridge, info = self.cartridge, self.info
        new = {**self.stored, **{number: value for number, (_, value) in changes.items()}}
        attributes = {
            **cartridge.attributes,
            self.number: {number: value for number, value in new.items() if value},
        }
        if taken(attributes) > space(cartridge.type.memory):
            raise CheckCondition(s.MEMORY_FULL)
        formats = dict(info.get("attribute_formats", {}))
        for number, (form, value) in changes.items():
            formats.pop(_key(self.number, number), None)
            if number in HOST_VENDOR and value and form != BINARY:
                formats[_key(self.number, number)] = form
        before = cartridge.attributes, info.get("attribute_formats", {})
        cartridge.attributes, info["attribute_formats"] = attributes, formats
        try:
            cartridge.save()
        except OSError:
            cartridge.attributes, info["attribute_formats"] = before
            raise CheckCondition(s.MEMORY_WRITE_ERROR) from None


def _key(partition: int, number: int) -> str:
    return f"{partition}:{number:04X}"


def space(memory: int) -> int:
    """Bytes of a chip of ``memory`` bytes that hosts' attributes may take."""
    return 1024 * (-(-memory // 4096)).bit_length() - 10


def taken(attributes: Mapping[int, Mapping[int, bytes]]) -> int:
    """Bytes that hosts' attributes take."""
    return sum(HEADER + len(value) for values in attributes.values() for value in values.values())


# --- what the drive tells the memory -----------------------------------------------------------


def mounted(drive: Drive) -> None:
    """A cartridge has been loaded: who by is remembered, and its usage counts for a new load."""
    assert drive.cartridge is not None
    info = drive.cartridge.info
    device = [drive.personality.inquiry["vendor"], drive.serial]
    info["last_loads"] = [device, *info["last_loads"]][:4]
    usage.mounted(info)


def unloading(drive: Drive) -> None:
    """The volume is about to leave the heads: the flags of this load are those of the last one."""
    assert drive.cartridge is not None
    info = drive.cartridge.info
    usage.settle(info, drive.partition_number)
    info["alerts"] = int.from_bytes(tape_alert.bits(drive.alerts.active))


def partition_changes(drive: Drive, number: int) -> None:
    """The heads are about to go to partition ``number``."""
    assert drive.cartridge is not None
    usage.changed(drive.cartridge.info, drive.partition_number, number)


def volume_changed(drive: Drive) -> None:
    """What is on the volume is about to change: so does the reference, durably.

    Raises CheckCondition 3/0C/00 where the memory cannot be written.
    """
    cartridge = drive.cartridge
    assert cartridge is not None
    before = cartridge.info.get("change_reference", 0)
    cartridge.info["change_reference"] = min(before + 1, 0xFFFFFFFF)
    try:
        cartridge.save()
    except OSError:
        cartridge.info["change_reference"] = before
        raise drive.write_failed() from None


def reference_read(drive: Drive) -> None:
    """A host knows the reference: the next change of the volume must not leave it as it is."""
    drive.volume_written = False
    drive.forget_checks()


def formatted(drive: Drive) -> None:
    """The medium has new, empty partitions (SSC-4 7.1).

    Raises CheckCondition 3/0C/00 where the memory cannot be written.
    """
    cartridge = drive.cartridge
    assert cartridge is not None
    kept = cartridge.attributes.get(0, {}).get(BARCODE)
    cartridge.attributes = {} if kept is None else {0: {BARCODE: kept}}
    cartridge.info["attribute_formats"] = {}
    usage.formatted(cartridge.info)
    volume_changed(drive)

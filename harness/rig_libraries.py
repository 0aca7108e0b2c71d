"""What is wrong between a rig's libraries, key sources, drives and cartridges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.rig_checks import repeated, where
from harness.rig_tables import Drive, KeySource, Library, Numbered, Partition, Tables, variable
from keymgr.api import UnknownSource, find
from target.library import options
from target.library.inventory import Kind
from target.library.methods import BLUESCALE
from target.library.partition import DISABLED
from target.library.personality import load
from target.library.personality import models as known_models

OWN_METHODS = (DISABLED, BLUESCALE)
"""Encryption methods that every library has; the others are key sources of the rig."""
Places = list[tuple[str, Library, Partition]]
"""Every partition with its table and its library."""


def library_complaints(rig: Tables, drives: Numbered[Drive], barcodes: set[str]) -> Iterator[str]:
    """All there are; ``drives`` by their tables, ``barcodes`` of the rig's cartridges."""
    pairs = [(library, partition) for library in rig.library for partition in library.partition]
    places = [(where("library.partition", n), *pair) for n, pair in enumerate(pairs, 1)]
    yield from _names(rig, drives, places)
    for number, source in enumerate(rig.key_source, 1):
        yield from _of_source(where("key_source", number), source)
    sources = [source.name for source in rig.key_source]
    for number, library in enumerate(rig.library, 1):
        yield from _of_library(where("library", number), library)
    for here, library, partition in places:
        yield from _unaddressable(here, library, partition)
        yield from _of_partition(here, partition, [*OWN_METHODS, *sources], barcodes)
    yield from _drives(drives, places, sources)
    held = [(here, barcode) for here, _, one in places for barcode in one.cartridges]
    loaded = [(where("drive", n), drive.cartridge) for n, drive in drives if drive.cartridge]
    yield from repeated("cartridges", "place", [*loaded, *held])


def _names(rig: Tables, drives: Numbered[Drive], places: Places) -> Iterator[str]:
    """Names and serial numbers: those of drives and changers must tell them apart."""
    names = [(where("drive", n), variable(drive.name)) for n, drive in drives]
    names += [(here, variable(partition.name)) for here, _, partition in places]
    yield from repeated("name", "drive and changer", names)
    serials = [(where("drive", n), rig.drive_serial(drive)) for n, drive in drives]
    serials += [(here, rig.changer_serial(one, partition)) for here, one, partition in places]
    yield from repeated("serial", "drive and changer", serials)
    libraries = [(where("library", n), one) for n, one in enumerate(rig.library, 1)]
    yield from repeated("name", "library", [(here, one.name) for here, one in libraries])
    own = [(here, rig.library_serial(one)) for here, one in libraries]
    yield from repeated("serial", "library", own)
    sources = [(where("key_source", n), one.name) for n, one in enumerate(rig.key_source, 1)]
    yield from repeated("name", "key source", sources)


def _of_source(here: str, source: KeySource) -> Iterator[str]:
    if source.name in OWN_METHODS:
        yield f"name in {here}: {source.name} is a library's own method: use another name"
    try:
        find(source.source)
    except UnknownSource as error:
        yield f"source in {here}: {error}"


def _of_library(here: str, library: Library) -> Iterator[str]:
    if library.model not in known_models():
        yield f"model in {here}: there is no {library.model}: use {_listed(known_models())}"
    files = [("password_file", user.password_file) for user in library.user]
    files += [(key, getattr(library, key)) for key in ("password_file", "passphrase_file")]
    for key, file in files:
        if file is not None and not Path(file).is_file():
            yield f"{key} in {here}: there is no file {file}: write one, or remove the key"
    yield from repeated("name", "user", [(f"user of {here}", one.name) for one in library.user])
    for name in library.options:
        if name not in options.OPTIONS:
            yield f"options in {here}: there is no {name}: use {_listed(options.OPTIONS)}"
    if library.bluescale:
        # Loaded here because few rigs need what comes with it.
        from keymgr.bluescale import Options, OptionsWrong

        encrypting = [one.name for one in library.partition if one.encryption == BLUESCALE]
        professional = options.PROFESSIONAL in library.options
        try:
            Options.parse(library.bluescale, encrypting, professional=professional)
        except OptionsWrong as error:
            yield f"bluescale in {here}: {error}"


def _unaddressable(here: str, library: Library, partition: Partition) -> Iterator[str]:
    """More places than the library's model has addresses for."""
    if library.model in known_models():
        counts = {
            "drives": (Kind.DRIVE, len(partition.drives)),
            "slots": (Kind.STORAGE, partition.slots),
            "mail_slots": (Kind.IMPORT_EXPORT, partition.mail_slots),
        }
        for key, (kind, count) in counts.items():
            most = load(library.model).most(kind)
            if count > most:
                yield f"{key} in {here}: {library.model} has addresses for {most}: give it fewer"


def _of_partition(
    here: str, partition: Partition, methods: list[str], barcodes: set[str]
) -> Iterator[str]:
    if partition.encryption not in methods:
        yield (
            f"encryption in {here}: there is no {partition.encryption}: use {_listed(methods)}, or"
            " add a [[key_source]] of that name"
        )
    for barcode in partition.cartridges:
        if barcode not in barcodes:
            yield (
                f"cartridges in {here}: there is no {barcode}: add a [[cartridge]] with that"
                " barcode"
            )
    if len(partition.cartridges) > partition.slots:
        yield (
            f"cartridges in {here}: {len(partition.cartridges)} are more than its"
            f" {partition.slots} slots: give it more slots, or fewer cartridges"
        )


def _drives(drives: Numbered[Drive], places: Places, sources: list[str]) -> Iterator[str]:
    """Whose each drive is, and who gives it keys."""
    known = {drive.name for _, drive in drives}
    named = [(here, name) for here, _, partition in places for name in partition.drives]
    for here, name in named:
        if name not in known:
            yield f"drives in {here}: there is no {name}: add a [[drive]] with that name"
    yield from repeated("drives", "partition", named)
    partitions = {name: one for _, _, one in places for name in one.drives}
    for number, drive in drives:
        yield from _of_drive(where("drive", number), drive, partitions.get(drive.name), sources)


def _of_drive(
    here: str, drive: Drive, partition: Partition | None, sources: list[str]
) -> Iterator[str]:
    if partition is not None and drive.cartridge is not None:
        yield (
            f"cartridge in {here}: {drive.name} gets its cartridges from the library: name"
            f" {drive.cartridge} in cartridges of {partition.name} instead"
        )
    if partition is not None and drive.medium == "null":
        yield (
            f"medium in {here}: {drive.name} gets its cartridges from the library: remove the key"
        )
    if drive.key_source is None:
        return
    if drive.key_source not in sources:
        yield (
            f"key_source in {here}: there is no {drive.key_source}: add a [[key_source]] of that"
            " name"
        )
    if drive.encryption == "application":
        yield (
            f"key_source in {here}: encryption says that hosts give {drive.name} its keys: remove"
            " one of them"
        )
    if partition is not None and partition.encryption != DISABLED:
        yield (
            f"key_source in {here}: {partition.name} has encryption {partition.encryption}, which"
            f" gives {drive.name} its keys: remove one of them"
        )


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last

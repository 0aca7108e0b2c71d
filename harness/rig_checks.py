"""What is wrong between the tables of a rig file; each of them may be right by itself.

A complaint is one sentence: the key, the table by its number, the cure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.models import unknown, wrong_file
from harness.rig_tables import Cartridge, Drive, Numbered, Tables, variable
from target.medium.formats import FORMATS, of_barcode
from target.personality import is_path
from target.personality import load as load_model
from target.personality import models as known_models


def complaints(
    rig: Tables, drives: Numbered[Drive], cartridges: Numbered[Cartridge]
) -> Iterator[str]:
    """All there are; ``drives`` and ``cartridges`` are those of the rig by their tables."""
    if {"tcmu", "tcmu-runner"} <= set(rig.rig.transport):
        yield (
            "transport in [rig]: tcmu and tcmu-runner make the same devices of this kernel:"
            " name one of them"
        )
    yield from repeated("barcode", "cartridge", numbered("cartridge", cartridges, "barcode"))
    names = [(where("drive", n), variable(drive.name)) for n, drive in drives]
    yield from repeated("name", "drive", names)
    serials = [(where("drive", n), rig.drive_serial(drive)) for n, drive in drives]
    yield from repeated("serial", "drive", serials)
    yield from repeated("cartridge", "drive", numbered("drive", drives, "cartridge"))
    barcodes = {cartridge.barcode for cartridge in rig.cartridge}
    for number, drive in drives:
        yield from _of_drive(where("drive", number), drive, barcodes)
    if rig.library or rig.key_source or any(drive.key_source for drive in rig.drive):
        # Loaded here because few rigs need what comes with it.
        from harness.rig_libraries import library_complaints

        yield from library_complaints(rig, drives, barcodes)
    if rig.fault:
        # Likewise.
        from harness.rig_faults import fault_complaints

        yield from fault_complaints(rig)


def _of_drive(here: str, drive: Drive, barcodes: set[str]) -> Iterator[str]:
    """Of one drive; ``barcodes``: of the rig's cartridges."""
    if drive.cartridge is not None and drive.cartridge not in barcodes:
        yield (
            f"cartridge in {here}: there is no {drive.cartridge}: add a [[cartridge]] with that"
            " barcode"
        )
    wrong = wrong_file(drive.model) if is_path(drive.model) else ""
    if not wrong and not is_path(drive.model) and drive.model not in known_models():
        wrong = unknown(drive.model)
    if wrong:
        yield f"model in {here}: {wrong}"
        return
    if drive.encryption is not None:
        yield from _unfit_control(here, drive.model, drive.encryption)
    if drive.cartridge is not None:
        native = FORMATS[load_model(drive.model).media["native"]]
        if of_barcode(drive.cartridge).family != native.family:
            yield (
                f"cartridge in {here}: {drive.cartridge} does not fit into {drive.model}: use a"
                f" {native.family} cartridge"
            )


def _unfit_control(here: str, model: str, control: str) -> Iterator[str]:
    # Loaded here because few rigs need what comes with it.
    from target.encryption.abilities import controls

    known = controls(load_model(model))
    if control not in known:
        cure = f"use {' or '.join(known)}" if known else "it cannot encrypt: remove the key"
        yield f"encryption in {here}: {control} does not control {model}: {cure}"


def where(table: str, number: int) -> str:
    """A table as it is written, and which one."""
    return f"[[{table}]] {number}"


def numbered(
    table: str, things: Numbered[Cartridge] | Numbered[Drive], key: str
) -> list[tuple[str, str]]:
    """The values of a key, each with its table; without those that have none."""
    values = [(where(table, number), getattr(thing, key)) for number, thing in things]
    return [(here, value) for here, value in values if value is not None]


def repeated(key: str, thing: str, values: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Values that are there already, each with its table; ``thing`` is what needs its own."""
    seen = set()
    for here, value in values:
        if value in seen:
            yield f"{key} in {here}: {value} is used twice: give each {thing} one of its own"
        seen.add(value)

"""keyreel rig: what one does by hand at a rig that runs, beside its hosts and operators."""

from __future__ import annotations

from pathlib import Path

import click

from harness.operator_cli import FILE, JSON, OperatingRig, ask, show


@click.group(cls=OperatingRig)
def rig() -> None:
    """Power, cartridges and a fresh start at a rig that runs.

    For stand-alone drives; cartridges of a library are its operators', see keyreel library.
    """


@rig.command(call="rig.units")
@JSON
def units(as_json: bool) -> None:
    """List drives, medium changers, and what is in the drives."""
    columns = ("name", "kind", "model", "serial", "cartridge")
    show(ask("rig.units"), as_json, **{name: name for name in columns})


@rig.command(call="rig.reset")
def reset() -> None:
    """Bring everything back to the start.

    Cartridges are blank, drives know nothing. Not of a rig with a state folder of its own
    (--state): what is on its cartridges would be lost.
    """
    ask("rig.reset")
    click.echo("everything is as it was at the start")


@rig.command("power-cycle", call="rig.power_cycle")
@click.argument("unit")
def power_cycle(unit: str) -> None:
    """Switch the drive or changer UNIT off and on."""
    ask("rig.power_cycle", unit=unit)
    click.echo(f"{unit} has lost power and has it back")


@rig.command(call="rig.insert")
@click.argument("drive")
@click.argument("barcode")
def insert(drive: str, barcode: str) -> None:
    """Put cartridge BARCODE of the rig into DRIVE."""
    ask("rig.insert", drive=drive, barcode=barcode)
    click.echo(f"{barcode}: outside -> {drive}")


@rig.command(call="rig.eject")
@click.argument("drive")
def eject(drive: str) -> None:
    """Take the cartridge out of DRIVE."""
    ask("rig.eject", drive=drive)
    click.echo(f"{drive} is empty")


@rig.command("start-trace", call="rig.start_trace")
@click.argument("path", type=FILE, metavar="FILE", required=False)
def start_trace(path: Path | None) -> None:
    """Begin a trace in FILE.

    It has all that units are asked and answer. Default: run/trace.jsonl in the state folder.
    """
    click.echo(ask("rig.start_trace", path=None if path is None else str(path.absolute())))


@rig.command("stop-trace", call="rig.stop_trace")
def stop_trace() -> None:
    """End the trace."""
    click.echo(ask("rig.stop_trace"))

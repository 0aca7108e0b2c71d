"""Four models that the tools are tried on: what differs between them, and a guest with one of each.

A test asks the table; it has no branch for a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.tools import Tools, cartridge, rig_guest, rig_text


@dataclass(frozen=True)
class Model:
    """A drive model as the tools see it. Its drive has a name of its own in the guest."""

    name: str
    drive: str
    barcode: str
    vendor: str
    product: str
    revision: str
    density: int
    density_name: str
    """What mt-st calls the density: it has no names for the newest."""
    medium_type: int
    max_block: int
    more_partitions: int
    """How many a volume may have besides the first."""
    least_partition: int
    """What a small one is rounded up to, in GB."""
    mam_unit: int
    """Bytes in one unit of the capacities in the cartridge memory."""


MODELS = (
    Model(
        "ibm/ult3580-td5", "lto5", "KRL105L5", "IBM", "ULT3580-TD5", "G9Q1",
        0x58, "LTO-5", 0x58, 0x800000, 1, 37, 1 << 20,
    ),
    Model(
        "ibm/ult3580-td9", "lto9", "KRL109L9", "IBM", "ULT3580-TD9", "N9P1",
        0x60, "no translation", 0x98, 0x800000, 3, 128, 1 << 20,
    ),
    Model(
        "hp/ultrium-6", "hp6", "KRL106L6", "HP", "Ultrium 6-SCSI", "35GD",
        0x5A, "LTO-6", 0x00, 0xFFFFFF, 3, 36, 10**6,
    ),
    Model(
        "ibm/ts1160", "ts1160", "KRL160JE", "IBM", "0359260F", "544F",
        0x57, "no translation", 0x95, 0x200000, 1, 147, 1 << 20,
    ),
)  # fmt: skip


@contextmanager
def all_models(folder: Path) -> Iterator[dict[str, Tools]]:
    """A running guest with a drive of each model, a cartridge in it: the tools, by model name.

    The drives compress, and st tells in the kernel's log what it sends (see `Tools.steps`).
    """
    drives = [
        f'name = "{model.drive}"\nmodel = "{model.name}"\n'
        f'cartridge = "{model.barcode}"\ncompression = "lz4"'
        for model in MODELS
    ]
    cartridges = "".join(cartridge(model.barcode) for model in MODELS)
    with rig_guest(rig_text("models", *drives, cartridges=cartridges), folder) as guest:
        tools = {}
        for model in MODELS:
            work = folder / model.drive
            work.mkdir()
            tools[model.name] = Tools(guest, work, model.drive)
            tools[model.name].ok("mt -f $TAPE rewind && mt -f $TAPE stsetoptions debug")
        yield tools

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
    organization: str
    """Who assigned the density codes, in the cartridge memory."""
    saves_modes: bool
    """Whether MODE SELECT can save anything."""
    mrie: int
    """Method of reporting informational exceptions, by default."""
    protocol: int
    """The identifier of the transport protocol: 0 Fibre Channel, 6 SAS."""
    naa: str
    """The beginning of its world-wide names: NAA and the maker's identifier."""
    port_groups: bool
    protection: tuple[int, ...]
    """Methods of logical block protection."""
    reservations: tuple[int, ...]
    """Types of persistent reservations."""
    diagnostics: tuple[int, ...]
    """Pages of SEND DIAGNOSTIC."""
    test_buffer: bool
    """Whether buffer 0 is memory to try transfers with."""
    bad_firmware: str
    """The sense of an image that is none, as the sg3 utilities print it."""
    algorithm: int
    """Index of the algorithm of an encrypted block; any drive takes 1 for it."""
    labels: bool
    """Whether a key may have unauthenticated key-associated data."""
    commands: frozenset[str]
    """Those that not every model has, by the names that sg_opcodes gives them."""
    timeouts: dict[str, int]
    """Recommended seconds."""


LTO = frozenset(
    {
        "Report identifying information", "Report target port groups", "Reserve(10)", "Release(10)",
        "Set capacity", "Set identifying information",
    }
)  # fmt: skip
ENTERPRISE = frozenset({"Read reverse(6)", "Recover buffered data"})


def seconds(*numbers: int) -> dict[str, int]:
    """The timeouts of those commands that take long."""
    names = (
        "Erase(6)", "Format medium", "Load unload", "Locate(16)", "Space(6)", "Read(6)", "Write(6)",
        "Verify(6)", "Rewind", "Write filemarks(6)", "Send diagnostic", "Write buffer",
    )  # fmt: skip
    return dict(zip(names, numbers, strict=True))


MODELS = (
    Model(
        name="ibm/ult3580-td5",
        drive="lto5",
        barcode="KRL105L5",
        vendor="IBM",
        product="ULT3580-TD5",
        revision="G9Q1",
        density=0x58,
        density_name="LTO-5",
        medium_type=0x58,
        max_block=0x800000,
        more_partitions=1,
        least_partition=37,
        mam_unit=1 << 20,
        organization="LTO-CVE",
        saves_modes=True,
        mrie=3,
        protocol=6,
        naa="5005076",
        port_groups=True,
        protection=(1,),
        reservations=(1, 3, 5, 6, 7, 8),
        diagnostics=(0x00, 0x80),
        test_buffer=True,
        bad_firmware="Illegal Request; vendor specific ASC=82, ASCQ=83 (hex)",
        algorithm=2,
        labels=True,
        commands=LTO,
        timeouts=seconds(16380, 1560, 780, 2040, 2040, 1500, 1500, 16920, 600, 1620, 2100, 540),
    ),
    Model(
        name="ibm/ult3580-td9",
        drive="lto9",
        barcode="KRL109L9",
        vendor="IBM",
        product="ULT3580-TD9",
        revision="N9P1",
        density=0x60,
        density_name="no translation",
        medium_type=0x98,
        max_block=0x800000,
        more_partitions=3,
        least_partition=128,
        mam_unit=1 << 20,
        organization="LTO-CVE",
        saves_modes=True,
        mrie=4,
        protocol=6,
        naa="5005076",
        port_groups=True,
        protection=(1, 2),
        reservations=(1, 3, 5, 6, 7, 8),
        diagnostics=(0x00, 0x80),
        test_buffer=True,
        bad_firmware="Illegal Request; vendor specific ASC=82, ASCQ=83 (hex)",
        algorithm=3,
        labels=True,
        commands=LTO,
        timeouts=seconds(74341, 3000, 960, 2940, 2940, 2340, 1500, 63300, 600, 1620, 1980, 540),
    ),
    Model(
        name="hp/ultrium-6",
        drive="hp6",
        barcode="KRL106L6",
        vendor="HP",
        product="Ultrium 6-SCSI",
        revision="35GD",
        density=0x5A,
        density_name="LTO-6",
        medium_type=0x00,
        max_block=0xFFFFFF,
        more_partitions=3,
        least_partition=36,
        mam_unit=10**6,
        organization="LTO-CVE",
        saves_modes=False,
        mrie=3,
        protocol=6,
        naa="50060b0",
        port_groups=True,
        protection=(1,),
        reservations=(3, 6, 8),
        diagnostics=(0x00,),
        test_buffer=True,
        bad_firmware="No Sense; vendor specific ASC=82, ASCQ=83 (hex)",
        algorithm=1,
        labels=True,
        commands=LTO,
        timeouts=seconds(18000, 1560, 600, 1200, 1200, 1200, 300, 18000, 600, 300, 600, 60),
    ),
    Model(
        name="ibm/ts1160",
        drive="ts1160",
        barcode="KRL160JE",
        vendor="IBM",
        product="0359260F",
        revision="544F",
        density=0x57,
        density_name="no translation",
        medium_type=0x95,
        max_block=0x200000,
        more_partitions=1,
        least_partition=147,
        mam_unit=1 << 20,
        organization="IBM",
        saves_modes=False,
        mrie=3,
        protocol=0,
        naa="5005076",
        port_groups=False,
        protection=(1, 2),
        reservations=(1, 3, 5, 6, 7, 8),
        diagnostics=(0x00, 0x80),
        test_buffer=False,
        bad_firmware="Illegal Request; Invalid field in parameter list",
        algorithm=1,
        labels=False,
        commands=ENTERPRISE,
        timeouts=seconds(64860, 3060, 900, 2380, 2380, 2340, 1440, 65820, 600, 1380, 2100, 530),
    ),
)


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

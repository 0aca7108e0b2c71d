"""Faults of drives in a library: a cartridge is in one place, and the inventory says where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.rig import Rig
from target.library.inventory import Kind, Location
from target.scsi import sense as s
from target.serve import Service
from target.shelf import stock
from tests.tape.host import Host, sense_of

RIG = """
[rig]
name = "shelf"
seed = 1

[[cartridge]]
barcode = "KRL000L9"
count = 2
capacity = "64MiB"

[[drive]]
name = "drive"
count = 1
model = "ibm/ult3580-td9"

[[library]]
name = "tower"
model = "spectra/t950"

[[library.partition]]
name = "all"
drives = ["drive0"]
slots = 5
cartridges = [{ barcode = "KRL000L9", count = 2 }]
"""
DRIVE = Location(Kind.DRIVE, 1)
FIRST, SECOND, FREE = (Location(Kind.STORAGE, number) for number in (1, 2, 5))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    file = tmp_path / "shelf.toml"
    file.write_text(RIG)
    plan = replace(Rig.load(file).plan(tmp_path), transports=(), run="")
    stock(plan)
    service = Service(plan)
    yield service
    service.close()


def carry(service: Service, source: Location, destination: Location) -> None:
    library = service.libraries["tower"]
    with library.still():
        library.robot.move(source, destination)


def taken_out(service: Service) -> Host:
    """A host at the drive, out of which a fault has taken the cartridge of the first slot."""
    carry(service, FIRST, DRIVE)
    host = Host(service.drives["drive0"])
    host.hear()
    host.write(b"block")
    service.faults.add(kind="remove-medium", name="hand", unit="drive0")
    assert sense_of(host.ready()).code is s.NO_MEDIUM
    return host


def test_it_comes_back_where_nobody_has_moved_it(service: Service) -> None:
    host = taken_out(service)
    service.faults.remove("hand")
    assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert host.read(5).data == b"block"
    carry(service, DRIVE, FIRST)


def test_one_that_the_robot_has_moved_does_not_come_back(service: Service) -> None:
    host = taken_out(service)
    carry(service, DRIVE, FREE)
    service.faults.remove("hand")
    assert sense_of(host.ready()).code is s.NO_MEDIUM
    carry(service, FREE, DRIVE)
    host.hear()
    assert host.read(5).data == b"block"


def test_another_one_that_was_loaded_meanwhile_stays(service: Service) -> None:
    host = taken_out(service)
    carry(service, DRIVE, FREE)
    carry(service, SECOND, DRIVE)
    service.faults.remove("hand")
    cartridge, held = host.drive.cartridge, service.libraries["tower"].inventory.at(DRIVE)
    assert cartridge is not None
    assert held is not None
    assert cartridge.barcode == held.barcode == "KRL001L9"
    carry(service, DRIVE, SECOND)
    carry(service, FREE, DRIVE)

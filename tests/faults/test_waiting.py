"""Commands that hang: what ends them, and that nothing else waits with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.control import Control
from harness.initiators.iscsi import IscsiInitiator
from target.plan import CartridgePlan, DrivePlan, FaultPlan, IscsiPlan, RigPlan
from target.scsi import sense as s
from target.scsi.command import STATUS_TASK_ABORTED
from target.serve import Service
from target.shelf import stock
from target.transports.inprocess import Initiator
from target.transports.iscsi.management import ABORT_TASK, COMPLETE, LOGICAL_UNIT_RESET
from tests.iscsi.conftest import heard

FAR = 60.0
READY, REWIND = bytes(6), bytes((1, 0, 0, 0, 0, 0))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FAR
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Two drives within reach by iSCSI, the first with a fault of the rig."""
    drives = tuple(
        DrivePlan(f"drive{n}", "ibm/ult3580-td9", f"KRL000000{n}", f"KRL00{n}L9") for n in range(2)
    )
    cartridges = tuple(
        CartridgePlan(drive.cartridge or "", str(tmp_path / str(drive.cartridge)), 64 << 20)
        for drive in drives
    )
    hang = FaultPlan("stuck", "hang", "drive0", ("REWIND",), nth=2)
    plan = RigPlan(
        "waiting", 1, drives, cartridges, ("iscsi",), str(tmp_path / "run"),
        iscsi=IscsiPlan(port=0), faults=(hang,),
    )  # fmt: skip
    (tmp_path / "run").mkdir()
    stock(plan)
    service = Service(plan)
    yield service
    service.close()


def initiator(service: Service, drive: str, host: int = 0) -> IscsiInitiator:
    address, target = service.transports[0].ways()[0].split()[1:3]
    name, _, port = address.rpartition(":")
    target = target.rpartition(":")[0] + f":{drive}"
    one = IscsiInitiator(
        (name, int(port)), target, f"iqn.2026-01.io.keyreel:host{host}", timeout=30
    )
    heard(one)
    return one


def hung(service: Service, one: IscsiInitiator) -> int:
    """A command that hangs; its tag."""
    assert one.send(REWIND).status == 0
    tag = one.start(REWIND)
    until(lambda: service.drives["drive0"].stuck)
    return tag


def test_an_abort_ends_it(service: Service) -> None:
    with initiator(service, "drive0") as one, initiator(service, "drive0", 1) as other:
        tag = hung(service, one)
        assert one.manage(ABORT_TASK, tag=tag) == COMPLETE
        assert one.send(READY).status == other.send(READY).status == 0
        assert one.send(REWIND).status == 0


def test_a_reset_ends_it(service: Service) -> None:
    with initiator(service, "drive0") as one, initiator(service, "drive0", 1) as other:
        hung(service, one)
        assert other.manage(LOGICAL_UNIT_RESET) == COMPLETE
        assert heard(one) == [s.DEVICE_RESET]


def test_it_goes_on_when_the_fault_is_removed_and_nobody_else_has_waited(service: Service) -> None:
    with initiator(service, "drive0") as one, initiator(service, "drive1") as other:
        tag = hung(service, one)
        assert [other.send(REWIND).status for _ in range(3)] == [0, 0, 0]
        with Control(service.plan.control) as control:
            assert [row["struck"] for row in control.call("rig.faults")] == [1]
            control.call("rig.remove_fault", name="stuck")
        assert one.finish(tag)[0].status == 0


def test_it_ends_with_the_target(service: Service) -> None:
    with initiator(service, "drive0") as one:
        hung(service, one)
        service.close()


def test_a_fault_that_is_set_live(service: Service) -> None:
    drive = service.drives["drive1"]
    host = Initiator(drive)
    until(lambda: host.send(READY).status == 0)
    waited = drive.waits
    assert not waited
    with Control(service.plan.control) as control:
        table = {"kind": "hang", "unit": "drive1", "command": ["TEST UNIT READY"]}
        assert control.call("rig.add_fault", fault=table) == "hang-1"
    assert drive.waits
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(host.send(READY).status))
    thread.start()
    until(lambda: drive.stuck)
    until(lambda: drive.abort(host.nexus))
    thread.join()
    assert statuses == [STATUS_TASK_ABORTED]


def test_slow_ends_with_an_abort_as_well(service: Service) -> None:
    drive = service.drives["drive1"]
    service.faults.add(kind="slow", unit="drive1", seconds=10 * FAR)
    statuses: list[int] = []
    host = Initiator(drive)
    thread = threading.Thread(target=lambda: statuses.append(host.send(READY).status))
    thread.start()
    until(lambda: drive.abort(host.nexus))
    thread.join()
    assert statuses == [STATUS_TASK_ABORTED]

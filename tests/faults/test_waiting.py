"""Commands that hang: what ends them, and that nothing else waits with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.control import Control
from harness.initiators.iscsi import IscsiInitiator
from harness.trace.reader import Command, read
from target.faults.plans import FaultError
from target.plan import CartridgePlan, DrivePlan, FaultPlan, IscsiPlan, RigPlan
from target.scsi import sense as s
from target.scsi.command import STATUS_CHECK_CONDITION, STATUS_TASK_ABORTED
from target.serve import Service
from target.shelf import stock
from target.transports.inprocess import Initiator
from target.transports.iscsi.management import ABORT_TASK, COMPLETE, LOGICAL_UNIT_RESET
from tests.iscsi.conftest import heard

FAR = 60.0
STATUS_BUSY = 0x08
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


def test_neither_faults_nor_traces_wait_for_a_command(service: Service) -> None:
    drive = service.drives["drive1"]
    host = Initiator(drive)
    until(lambda: host.send(READY).status == 0)
    busy = {"kind": "status", "unit": "drive1", "times": 0}
    # The turn is taken, as by a command that waits for a key.
    with Control(service.plan.control) as control, drive.turn:
        control.call("rig.start_trace")
        name = control.call("rig.add_fault", fault=busy)
    assert host.send(READY).status == STATUS_BUSY
    with Control(service.plan.control) as control, drive.turn:
        file = control.call("rig.stop_trace")
        control.call("rig.remove_fault", name=name)
    assert host.send(READY).status == 0
    records = list(read(Path(file)).records)
    assert [one.status for one in records if isinstance(one, Command)] == [STATUS_BUSY]


def hanging(service: Service) -> tuple[threading.Thread, list[int]]:
    """A command that hangs in drive1 by a fault that was set last; its status will be there."""
    service.faults.add(kind="hang", unit="drive1")
    statuses: list[int] = []
    host = Initiator(service.drives["drive1"])
    thread = threading.Thread(target=lambda: statuses.append(host.send(REWIND).status))
    thread.start()
    until(lambda: service.drives["drive1"].stuck)
    return thread, statuses


def test_a_defect_is_not_set_while_a_command_hangs(service: Service) -> None:
    thread, _ = hanging(service)
    with pytest.raises(FaultError, match="a command of drive1 hangs: end it first"):
        service.faults.add(kind="defect", unit="drive1", defect="lock-ignored")
    service.faults.remove("hang-1")
    thread.join()
    service.faults.add(kind="defect", unit="drive1", defect="lock-ignored").remove()


def test_all_end_at_once_although_one_needs_the_end_of_another(service: Service) -> None:
    service.faults.add(kind="defect", unit="drive1", defect="lock-ignored")
    thread, statuses = hanging(service)
    service.faults.clear()
    thread.join()
    assert statuses == [STATUS_CHECK_CONDITION], "6/29/00"

"""Every page and report of every drive and library model is dissected by the layers without a rest,
has nothing in reserved bits, and is built again to the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.layers import cdb as c
from harness.layers import dissecting
from harness.layers.cdb import dissect_cdb
from harness.layers.reservations import ReserveOutList
from target import personality
from target.library.changer import Changer
from target.tape.drive import Drive
from target.transports.inprocess import Initiator
from tests.encryption.keys import set_page, spout
from tests.layers.legal import GOOD, check
from tests.library import changers
from tests.tape.host import MIB, Host, tape

SIZE = 60_000
SHORT = (4, 5, 8, 19, 36)
"""Allocation lengths that cut what comes."""
SECURITY = [*range(0x13), 0x20, 0x21, 0x30, 0x31]


def mode_and_log(unit: Drive | Changer) -> Iterator[c.Cdb]:
    for pc in range(4):
        for page in unit.modes.pages:
            yield c.ModeSense10(
                pc=pc, page_code=page.code, subpage_code=page.subpage, allocation_length=SIZE
            )
        yield c.ModeSense6(pc=pc, page_code=0x3F, allocation_length=255)
        yield c.ModeSense10(pc=pc, page_code=0x3F, subpage_code=0xFF, allocation_length=SIZE)
        for log in unit.logs:
            yield c.LogSense(
                pc=pc, page_code=log.code, subpage_code=log.subpage, allocation_length=SIZE
            )
    for code, subpage in ((0, 0), (0, 0xFF), (0x0D, 0xFF)):
        yield c.LogSense(pc=1, page_code=code, subpage_code=subpage, allocation_length=SIZE)


def reports(unit: Drive | Changer) -> Iterator[c.Cdb]:
    yield c.Inquiry(allocation_length=SIZE)
    for page in unit.vpd_pages:
        yield c.Inquiry(evpd=1, page_code=page, allocation_length=SIZE)
    for action in range(4):
        yield c.PersistentReserveIn(service_action=action, allocation_length=SIZE)
    for number, row in enumerate(unit.commands):
        yield c.ReportSupportedOperationCodes(
            rctd=number % 2,
            reporting_options=3,
            requested_operation_code=row.opcode,
            requested_service_action=row.service_action or 0,
            allocation_length=SIZE,
        )
    for rctd in (0, 1):
        yield c.ReportSupportedOperationCodes(rctd=rctd, allocation_length=SIZE)
        yield c.ReportSupportedTaskManagementFunctions(repd=rctd, allocation_length=SIZE)
        yield c.ReportTargetPortGroups(parameter_data_format=rctd, allocation_length=SIZE)
        yield c.RequestSense(desc=rctd, allocation_length=252)
    for kind in (0x00, 0x02, 0x7F):
        yield c.ReportIdentifyingInformation(
            identifying_information_type=kind, allocation_length=SIZE
        )
    yield c.ReportLuns(allocation_length=SIZE)
    yield c.ReportTimestamp(allocation_length=SIZE)
    for page in (0x00, 0x80):
        yield c.ReceiveDiagnosticResults(pcv=1, page_code=page, allocation_length=SIZE)
    for mode in (0x00, 0x02, 0x03, 0x0A, 0x0B):
        yield c.ReadBuffer(mode=mode, allocation_length=200)


def of_tape() -> Iterator[c.Cdb]:
    yield c.ReadBlockLimits()
    for action in (0, 1, 6, 8):
        yield c.ReadPosition(service_action=action, allocation_length=32 * (action == 8))
    for media in (0, 1):
        for kind in (0, 1):
            yield c.ReportDensitySupport(media=media, medium_type=kind, allocation_length=SIZE)
    for action in (0, 1, 2, 3, 5):
        yield c.ReadAttribute(service_action=action, allocation_length=SIZE)
    for protocol in (0x00, 0x20):
        for page in SECURITY:
            yield c.SecurityProtocolIn(
                security_protocol=protocol, security_protocol_specific=page, allocation_length=SIZE
            )


def of_changer() -> Iterator[c.Cdb]:
    for kind in range(5):
        for voltag in (0, 1):
            for dvcid in (0, 1):
                yield c.ReadElementStatus(
                    voltag=voltag,
                    dvcid=dvcid,
                    element_type_code=kind,
                    number_of_elements=0xFFFF,
                    allocation_length=SIZE,
                )
    yield c.RequestVolumeElementAddress(voltag=1, number_of_elements=0xFFFF, allocation_length=SIZE)


def ask(host: Initiator, asked: c.Cdb, device: str, size: int = SIZE) -> str:
    """Send a command, hold its answer against the layers; returns which layer a whole one has."""
    raw = bytes(asked)
    data = memoryview(bytearray(size))
    done = host.unit.execute(host.nexus, raw, (), [data])
    came = bytes(data[: done.length])
    check(raw, done.status, done.sense, came, size, device=device)
    if done.status != GOOD or not came or size != SIZE:
        return ""
    command = dissect_cdb(raw, device)
    layer = dissecting.layer_of(command, device=device)
    assert layer is not None, asked.show(dump=True)
    return getattr(layer, "__name__", "")


@pytest.mark.parametrize("model", personality.models())
def test_drive_models(model: str) -> None:
    with tape(model, capacity=8 * MIB) as host:
        content(host)
        register(host)
        asked = [*reports(host.drive), *mode_and_log(host.drive), *of_tape()]
        for number, one in enumerate(asked):
            ask(host, one, "tape")
            if not number % 4:
                ask(host, one, "tape", SHORT[number // 4 % len(SHORT)])


def register(host: Initiator) -> None:
    """A registration and a reservation, where the model has such."""
    for action, keys in ((0, (0, 7)), (1, (7, 0))):
        cdb = c.PersistentReserveOut(service_action=action, type=1, parameter_list_length=24)
        old, new = keys
        sent = ReserveOutList(reservation_key=old, service_action_reservation_key=new)
        host.send(bytes(cdb), out=bytes(sent))


def content(host: Host) -> None:
    """Clear blocks, and an encrypted one where the model can, with its keys."""
    host.write_tape([b"clear" * 20, None, bytes(4096), None])
    if host.drive.personality.encryption:
        spout(host, set_page(key=bytes(32), encryption=2, decryption=3, u_kad=b"label"))
        host.write(bytes(600))
        host.rewind()
        host.read(600)
        host.rewind()


@pytest.mark.parametrize("model", changers.MODELS)
def test_library_models(model: str, tmp_path: Path) -> None:
    tower = changers.Tower(tmp_path, model)
    for place, barcode in (
        (changers.slot(1), "KRL001L9"),
        (changers.mail(1), "CLN001CU"),
        (changers.drive(1), "KRL002L9"),
    ):
        tower.add(barcode, place)
    host = changers.Host(Changer(changers.partition(), tower, tmp_path / "changer.json"))
    seen = set()
    host.send(bytes(6))
    register(host)
    search = c.SendVolumeTag(send_action_code=5, parameter_list_length=40)
    host.send(bytes(search), out=b"KRL*".ljust(32) + bytes(8))
    asked = [*of_changer(), *reports(host.changer), *mode_and_log(host.changer)]
    for number, one in enumerate(asked):
        seen.add(ask(host, one, "changer"))
        ask(host, one, "changer", SHORT[number % len(SHORT)])
    assert seen >= {"ElementStatusData", "StandardInquiry"}
    assert seen & {"ChangerModeData6", "ChangerModeData10"}

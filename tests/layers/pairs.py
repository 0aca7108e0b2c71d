"""Which layer describes the same bytes as which declaration of the target's.

A layer is a class, and where in the declaration it begins: that of a log parameter's value, say,
has the parameter's header in the layer before it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, NamedTuple

from scapy.fields import BitField, StrFixedLenField

import target
from harness.layers import attributes as a
from harness.layers import cdb, iscsi, mode, vpd
from harness.layers import diagnostics as d
from harness.layers import elements as e
from harness.layers import inquiry as i
from harness.layers import log_parameters as lp
from harness.layers import position as p
from harness.layers import reports as r
from harness.layers import reservations as v
from harness.layers import security as s
from harness.layers.base import Number, Structure
from target.library import commands as changer_commands
from target.library import mode_pages as changer_modes
from target.scsi import transport_id
from target.scsi.layout import Layout
from target.scsi.mode import ModePage
from target.tape import commands as tape_commands
from target.tape import mode_pages
from target.transports.iscsi import pdu

LAYOUTS: dict[str, tuple[type[Structure], int]] = {
    "encryption.pages.CAPABILITIES_PAGE": (s.DataEncryptionCapabilities, 0),
    "encryption.pages.ALGORITHM": (s.AlgorithmDescriptor, 0),
    "encryption.pages.MANAGEMENT_PAGE": (s.DataEncryptionManagementCapabilities, 0),
    "encryption.pages.STATUS_PAGE": (s.DataEncryptionStatus, 0),
    "encryption.pages.NEXT_BLOCK_PAGE": (s.NextBlockEncryptionStatus, 0),
    "encryption.pages.PUBLIC_KEY_PAGE": (s.DeviceServerKeyWrappingPublicKey, 0),
    "encryption.pages.COMPLIANCE_PAGE": (s.ComplianceDescriptor, 4),
    "encryption.pages.SET_PAGE": (s.SetDataEncryption, 0),
    "scsi.inquiry_data.STANDARD": (i.StandardInquiry, 0),
    "tape.inquiry.EXTENDED": (vpd.ExtendedInquiry, 0),
    "tape.inquiry.SEQUENTIAL": (vpd.SequentialAccessCapabilities, 0),
    "tape.inquiry.POLICY": (vpd.ModePagePolicyDescriptor, 0),
    "tape.inquiry.PORT": (vpd.ScsiPort, 0),
    "tape.inquiry.PROTOCOL": (vpd.ProtocolSpecificPort, 0),
    "tape.inquiry.METHOD": (vpd.ProtectionMethod, 0),
    "tape.positioning.SHORT_POSITION": (p.ShortPosition, 0),
    "tape.positioning.LONG_POSITION": (p.LongPosition, 0),
    "tape.positioning.EXTENDED_POSITION": (p.ExtendedPosition, 0),
    "tape.volume.DENSITY": (r.DensityDescriptor, 0),
    "tape.volume.MEDIUM_TYPE": (r.MediumTypeDescriptor, 0),
    "tape.attributes.HEADER": (a.Attribute, 0),
    "scsi.maintenance.TASK_MANAGEMENT": (r.TaskManagementFunctions, 0),
    "scsi.maintenance.PORT_GROUP": (r.PortGroup, 0),
    "scsi.maintenance.PORT": (r.TargetPort, 0),
    "scsi.maintenance.REPORT_TIMESTAMP": (r.Timestamp, 0),
    "scsi.maintenance.SET_TIMESTAMP": (r.TimestampList, 0),
    "scsi.diagnostics.DUMP": (d.ForceDump, 0),
    "scsi.reservations.CAPABILITIES": (v.ReservationCapabilities, 0),
    "scsi.reservations.RESERVATION": (v.ReservationDescriptor, 0),
    "scsi.reservations.FULL_STATUS": (v.FullStatusDescriptor, 0),
    "scsi.reserve_out.BASIC": (v.ReserveOutList, 0),
    "scsi.reserve_out.MOVE": (v.RegisterAndMoveList, 0),
    "tape.logs.usage.MOTION": (lp.MediumMotionRecord, 0),
    "tape.logs.makers.WELLNESS": (lp.DeviceWellness, -4),
    "tape.logs.makers.HARDWARE_ERROR": (lp.HardwareError, -4),
    "tape.logs.makers.STATUS": (lp.DeviceStatusBits, -4),
    "tape.logs.errors.SELF_TEST": (lp.SelfTestResult, -4),
    "tape.logs.errors.DIAGNOSTIC": (lp.DiagnosticDataEntry, -4),
    "tape.logs.status.VERY_HIGH_FREQUENCY": (lp.VeryHighFrequencyData, -4),
    "tape.logs.status.SAS_PORT": (lp.SasPrimaryPort, -4),
    "tape.logs.status.FC_PORT": (lp.FcPrimaryPort, -4),
    "tape.logs.status.SERVICE_BUFFER": (lp.ServiceBuffer, -4),
    "tape.logs.status.PORT": (lp.SasPortParameter, -4),
    "tape.logs.status.PHY": (lp.SasPhy, 0),
    "library.element_status.HEADER": (e.VolumeElementAddressData, 0),
    "library.element_status.PAGE": (e.ElementStatusPage, 0),
    "library.element_status.DESCRIPTOR": (e.ElementDescriptor, 0),
    "library.element_status.IDENTIFIER": (e.ElementDescriptor, -12),
    "library.element_status.TAG": (e.VolumeTag, 0),
    "library.volume_tags.LIST": (e.SendVolumeTagList, 0),
    "library.element_reservations.LIST": (e.ElementListDescriptor, 0),
}
"""Every declaration that is no command, mode page or PDU, by module and name."""

OWN = {
    "scsi.firmware.HEADER": "keyreel's own firmware images are no standard's",
    "library.element_status.MEDIA": "StorageTek's tail of an element descriptor, vendor specific",
    "tape.mode_pages.COMPRESSION": "part of a mode page, which is compared",
    "tape.mode_pages.DEVICE_CONFIGURATION": "part of a mode page, which is compared",
}
"""Declarations that have no layer."""


class Span(NamedTuple):
    """Where a field is: its first bit, counted from bit 7 of byte 0, and its bits."""

    start: int
    width: int

    def __str__(self) -> str:
        byte, bit = divmod(self.start, 8)
        return f"{byte}.{7 - bit}:{self.width}"


class Pair(NamedTuple):
    """Two descriptions of the same bytes."""

    name: str
    layout: Layout
    layer: type[Structure]
    offset: int = 0
    """Byte of the declaration at which the layer begins."""
    head: int = 0
    """Bytes at the beginning that the declaration leaves to others."""


def of_layer(pair: Pair) -> dict[str, Span]:
    """The fields of a layer up to the first of a length that varies, but for reserved ones."""
    found: dict[str, Span] = {}
    place = pair.offset * 8
    for field in pair.layer.fields_desc:
        if isinstance(field, BitField):
            width = field.size
        elif isinstance(field, (Number, StrFixedLenField)):
            width = int(getattr(field, "size", None) or field.sz) * 8
        else:
            # Volume tags are not there without VOLTAG: what follows has its place all the same.
            if field.name != "volume_tags":
                break
            continue
        if not field.name.startswith("reserved_"):
            found[field.name] = Span(place, width)
        place += width
    start, end = pair.head * 8, pair.layout.size * 8
    return {name: at for name, at in found.items() if start <= at.start < end}


def of_target(layout: Layout) -> dict[str, Span]:
    """The fields of a declaration."""
    return {field.name: Span(field.first * 8 + 7 - field.top_bit, field.width) for field in layout}


def commands() -> Iterator[Pair]:
    """Every row of both command tables; reports of one operation code have a layer in common."""
    tables = (("tape", tape_commands.COMMANDS), ("changer", changer_commands.COMMANDS))
    for device, rows in tables:
        for row in rows:
            raw = bytes((row.opcode, row.service_action or 0)) + bytes(row.size - 2)
            yield Pair(row.name, row.layout, type(cdb.dissect_cdb(raw, device)))


def modes() -> Iterator[Pair]:
    """Every mode page of drives and changers."""
    for page in mode_pages.pages(True):
        yield _mode(page, "tape")
    for page in changer_modes.PAGES:
        yield _mode(page, "changer")


def _mode(page: ModePage, device: str) -> Pair:
    values = {**dict.fromkeys(page.layout.fields, 0), **page.defaults}
    raw = page.encode(values, page.layout.size - page.head)
    return Pair(f"mode {page.name}", page.layout, mode.page_layer(raw, device), head=page.head)


def pdus() -> Iterator[Pair]:
    """Every iSCSI PDU."""
    for kind in (*pdu.REQUESTS.values(), *pdu.RESPONSES.values()):
        yield Pair(f"iSCSI {kind.name}", kind.layout, iscsi.PDUS[kind.opcode])


def layouts() -> Iterator[Pair]:
    """What `LAYOUTS` names, and TransportIDs."""
    known = declared()
    for name, (layer, offset) in LAYOUTS.items():
        yield Pair(name, known[name], layer, offset)
    for protocol, layer in ((0, v.FcpTransportId), (6, v.SasTransportId)):
        yield Pair(f"TransportID {protocol}", transport_id.LAYOUTS[protocol], layer)


def declared() -> dict[str, Layout]:
    """Every layout that is a name in a module of the target's."""
    found: dict[str, Layout] = {}
    for info in pkgutil.walk_packages(target.__path__, "target."):
        module: Any = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, Layout):
                found[f"{info.name.removeprefix('target.')}.{name}"] = value
    return found


def pairs() -> list[Pair]:
    """All of them."""
    return [*commands(), *modes(), *pdus(), *layouts()]

"""Which layer parameter data have, by the CDB that they came with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scapy.packet import Packet, Raw

from harness.layers import (
    attributes,
    cdb,
    diagnostics,
    elements,
    log,
    mode,
    position,
    reports,
    reservations,
    security,
    vpd,
)
from harness.layers.base import Structure
from harness.layers.inquiry import StandardInquiry
from harness.layers.sense import DescriptorSense, FixedSense

Layer = Callable[[bytes], Packet]
"""A class, or a function that picks one by the bytes."""


def _inquiry(command: Any, device: str) -> Layer:
    return vpd.dissect_vpd if command.evpd else StandardInquiry


def _request_sense(command: Any, device: str) -> Layer:
    return lambda data: (DescriptorSense if data[0] & 0x7F >= 0x72 else FixedSense)(data)


def _mode_sense(command: Any, device: str) -> Layer:
    short = isinstance(command, cdb.ModeSense6)
    if device == "changer":
        return mode.ChangerModeData6 if short else mode.ChangerModeData10
    return mode.ModeData6 if short else mode.ModeData10


def _mode_select(command: Any, device: str) -> Layer:
    short = isinstance(command, cdb.ModeSelect6)
    if device == "changer":
        return mode.ChangerModeList6 if short else mode.ChangerModeList10
    return mode.ModeList6 if short else mode.ModeList10


def _densities(command: Any, device: str) -> Layer:
    return reports.MediumTypeSupport if command.medium_type else reports.DensitySupport


def _commands(command: Any, device: str) -> Layer:
    return reports.OneCommand if command.reporting_options else reports.AllCommands


def _port_groups(command: Any, device: str) -> Layer:
    extended = command.parameter_data_format == 1
    return reports.ExtendedPortGroups if extended else reports.PortGroups


def _information(command: Any, device: str) -> Layer:
    if command.identifying_information_type == reports.SUPPORTED_INFORMATION:
        return reports.SupportedInformation
    return reports.IdentifyingInformation


def _buffer(command: Any, device: str) -> Layer:
    return diagnostics.BUFFERS.get(command.mode, diagnostics.BufferData)


def _reserve_out(command: Any, device: str) -> Layer:
    moves = command.service_action == reservations.REGISTER_AND_MOVE
    return reservations.RegisterAndMoveList if moves else reservations.ReserveOutList


def _spin(command: Any, device: str) -> Layer | None:
    return security.spin_layer(command.security_protocol, command.security_protocol_specific)


def _spout(command: Any, device: str) -> Layer | None:
    return security.spout_layer(command.security_protocol, command.security_protocol_specific)


def _by_service_action(forms: dict[int, type[Structure]]) -> Callable[[Any, str], Layer | None]:
    return lambda command, device: forms.get(command.service_action)


def _always(layer: Layer) -> Callable[[Any, str], Layer]:
    return lambda command, device: layer


IN: dict[type[cdb.Cdb], Callable[[Any, str], Layer | None]] = {
    cdb.Inquiry: _inquiry,
    cdb.RequestSense: _request_sense,
    cdb.ModeSense6: _mode_sense,
    cdb.ModeSense10: _mode_sense,
    cdb.LogSense: _always(log.dissect_log),
    cdb.ReadBlockLimits: _always(reports.BlockLimits),
    cdb.ReadPosition: _by_service_action(position.FORMS),
    cdb.ReportDensitySupport: _densities,
    cdb.ReadAttribute: _by_service_action(attributes.FORMS),
    cdb.PersistentReserveIn: _by_service_action(reservations.FORMS),
    cdb.SecurityProtocolIn: _spin,
    cdb.ReportLuns: _always(reports.LunList),
    cdb.ReportSupportedOperationCodes: _commands,
    cdb.ReportSupportedTaskManagementFunctions: _always(reports.TaskManagementFunctions),
    cdb.ReportTargetPortGroups: _port_groups,
    cdb.ReportTimestamp: _always(reports.Timestamp),
    cdb.ReportIdentifyingInformation: _information,
    cdb.ReceiveDiagnosticResults: _always(diagnostics.dissect_diagnostic),
    cdb.ReadBuffer: _buffer,
    cdb.ReadElementStatus: _always(elements.ElementStatusData),
    cdb.RequestVolumeElementAddress: _always(elements.VolumeElementAddressData),
}
"""What data-in of a command are; None where nothing here describes them."""

OUT: dict[type[cdb.Cdb], Callable[[Any, str], Layer | None]] = {
    cdb.ModeSelect6: _mode_select,
    cdb.ModeSelect10: _mode_select,
    cdb.LogSelect: _always(log.LogParameterList),
    cdb.WriteAttribute: _always(attributes.AttributeParameterList),
    cdb.PersistentReserveOut: _reserve_out,
    cdb.SecurityProtocolOut: _spout,
    cdb.SetTimestamp: _always(reports.TimestampList),
    cdb.SetIdentifyingInformation: _always(reports.IdentifyingInformationList),
    cdb.SendDiagnostic: _always(diagnostics.dissect_diagnostic),
    cdb.WriteBuffer: _always(diagnostics.BufferData),
    cdb.SendVolumeTag: _always(elements.SendVolumeTagList),
    cdb.ReserveElement6: _always(elements.ElementList),
    cdb.ReserveElement10: _always(elements.ElementList),
}
"""What data-out of a command are."""

_SHORTEST = 4
"""Bytes below which a structure with a header is not looked into."""


def layer_of(command: cdb.Cdb, *, sent: bool = False, device: str = "tape") -> Layer | None:
    """What data-in of a command are, or data-out that are ``sent``; None: nothing here says."""
    choose = (OUT if sent else IN).get(type(command))
    return choose(command, device) if choose else None


def dissect_data(
    command: cdb.Cdb, data: bytes, *, sent: bool = False, device: str = "tape"
) -> Packet:
    """The layer of data-in, or of data-out that was ``sent``; Raw if there is none for it."""
    layer = layer_of(command, sent=sent, device=device)
    if layer is None or len(data) < _SHORTEST:
        return Raw(bytes(data))
    return layer(bytes(data))


def dissect(
    command: bytes, data_out: bytes = b"", data_in: bytes = b"", *, device: str = "tape"
) -> list[Packet]:
    """The CDB's layer, then that of data-out and of data-in where there are such.

    Blocks of the medium, and whatever is not described here, are Raw. Raises ValueError for a CDB
    of no bytes.
    """
    head = cdb.dissect_cdb(command, device)
    found: list[Packet] = [head]
    if data_out:
        found.append(dissect_data(head, data_out, sent=True, device=device))
    if data_in:
        found.append(dissect_data(head, data_in, device=device))
    return found

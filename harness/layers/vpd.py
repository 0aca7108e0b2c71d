"""Vital product data pages (SPC-4 7.8, SSC-4 8.6; C0h and up are the makers')."""

from __future__ import annotations

from typing import Any

from harness.layers.base import Fields, Numbers, Structure, bits, many, rest, sized


def page(code: int, text: str = "", *more: Any) -> Fields:
    """The fields of a page: ``text`` is what follows the page length."""
    head = f"peripheral_qualifier:3 peripheral_device_type:5=1 page_code:8={code}"
    return bits(f"{head} page_length:16=auto {text}", *more)


class SupportedVpdPages(Structure):
    """Supported VPD Pages (SPC-4 7.8.16)."""

    fields_desc = page(0x00, "", Numbers("page_codes", 1))


class UnitSerialNumber(Structure):
    """Unit Serial Number (SPC-4 7.8.15)."""

    fields_desc = page(0x80, "", rest("product_serial_number"))


class Designator(Structure):
    """Designation descriptor (SPC-4 7.8.6.1)."""

    fields_desc = bits(
        "protocol_identifier:4 code_set:4 piv - association:2 designator_type:4 -:8"
        " designator_length:8=auto",
        rest("designator"),
    )


class DeviceIdentification(Structure):
    """Device Identification (SPC-4 7.8.6)."""

    fields_desc = page(0x83, "", many("designators", Designator))


class ExtendedInquiry(Structure):
    """Extended INQUIRY Data (SPC-4 7.8.7)."""

    fields_desc = page(
        0x86,
        "activate_microcode:2 spt:3 grd_chk app_chk ref_chk"
        " -:2 uask_sup group_sup prior_sup headsup ordsup simpsup"
        " -:4 wu_sup crd_sup nv_sup v_sup"
        " -:3 p_i_i_sup -:3 luiclr -:3 r_sup -:3 cbcs -:4 multi_i_t_nexus_microcode_download:4"
        " extended_self_test_completion_minutes:16 poa_sup hra_sup vsa_sup -:5"
        " maximum_supported_sense_data_length:8",
        rest("behind"),
    )


class ModePagePolicyDescriptor(Structure):
    """Mode page policy descriptor (SPC-4 7.8.9)."""

    fields_desc = bits(
        "-:2 policy_page_code:6 policy_subpage_code:8 mlus -:5 mode_page_policy:2 -:8"
    )


class ModePagePolicy(Structure):
    """Mode Page Policy (SPC-4 7.8.9)."""

    fields_desc = page(0x87, "", many("policies", ModePagePolicyDescriptor))


class TargetPortDescriptors(Structure):
    """Length and designators of a target port (SPC-4 7.8.14)."""

    fields_desc = bits(
        "-:16 target_port_descriptors_length:16=auto", many("designators", Designator)
    )


class ScsiPort(Structure):
    """SCSI port designation descriptor (SPC-4 7.8.14)."""

    fields_desc = bits(
        "-:16 relative_port_identifier:16 -:16"
        " initiator_port_transportid_length:16>initiator_port_transportid",
        sized("initiator_port_transportid", "initiator_port_transportid_length"),
        many("target_port", TargetPortDescriptors, count=1),
    )


class ScsiPorts(Structure):
    """SCSI Ports (SPC-4 7.8.14)."""

    fields_desc = page(0x88, "", many("ports", ScsiPort))


class ProtocolSpecificPort(Structure):
    """Protocol-specific port or logical unit descriptor (SPC-4 7.8.11; SPL for SAS)."""

    fields_desc = bits(
        "relative_port_identifier:16 -:4 protocol_identifier:4 -:24 additional_length:16=auto",
        rest("protocol_specific"),
    )


class ProtocolSpecificLogicalUnit(Structure):
    """Protocol Specific Logical Unit Information (SPC-4 7.8.11)."""

    fields_desc = page(0x90, "", many("ports", ProtocolSpecificPort))


class ProtocolSpecificPorts(Structure):
    """Protocol Specific Port Information (SPC-4 7.8.12)."""

    fields_desc = page(0x91, "", many("ports", ProtocolSpecificPort))


class SequentialAccessCapabilities(Structure):
    """Sequential-Access Device Capabilities (SSC-4 8.6.2)."""

    fields_desc = page(0xB0, "-:6 tsmc worm", rest("behind"))


class ManufacturerAssignedSerialNumber(Structure):
    """Manufacturer-assigned Serial Number (SSC-4 8.6.3)."""

    fields_desc = page(0xB1, "", rest("manufacturer_assigned_serial_number"))


class TapeAlertSupportedFlags(Structure):
    """TapeAlert Supported Flags (SSC-4 8.6.4): flag 1 is bit 7 of the first byte."""

    fields_desc = page(0xB2, "flags:64")


class AutomationDeviceSerialNumber(Structure):
    """Automation Device Serial Number (SSC-4 8.6.5)."""

    fields_desc = page(0xB3, "", rest("automation_device_serial_number"))


class DataTransferDeviceElementAddress(Structure):
    """Data Transfer Device Element Address (SSC-4 8.6.6)."""

    fields_desc = page(0xB4, "", rest("data_transfer_device_element_address"))


class ProtectionMethod(Structure):
    """Logical block protection method descriptor (SSC-4 8.6.7)."""

    fields_desc = bits(
        "method_descriptor_length:8=auto logical_block_protection_method:8"
        " -:2 logical_block_protection_information_length:6 lbp_w_c lbp_r_c rbdp_c -:5 -:32"
    )


class LogicalBlockProtection(Structure):
    """Logical Block Protection (SSC-4 8.6.7)."""

    fields_desc = page(0xB5, "-:32", many("methods", ProtectionMethod))


class VendorVpd(Structure):
    """A VPD page of the maker's own (SPC-4 7.8)."""

    fields_desc = page(0xC0, "", rest("vendor_specific"))


PAGES: dict[int, type[Structure]] = {
    0x00: SupportedVpdPages,
    0x80: UnitSerialNumber,
    0x83: DeviceIdentification,
    0x86: ExtendedInquiry,
    0x87: ModePagePolicy,
    0x88: ScsiPorts,
    0x90: ProtocolSpecificLogicalUnit,
    0x91: ProtocolSpecificPorts,
    0xB0: SequentialAccessCapabilities,
    0xB1: ManufacturerAssignedSerialNumber,
    0xB2: TapeAlertSupportedFlags,
    0xB3: AutomationDeviceSerialNumber,
    0xB4: DataTransferDeviceElementAddress,
    0xB5: LogicalBlockProtection,
}
"""By page code. A changer's B0h and up are none of these: they are of sequential-access devices."""

_SEQUENTIAL = range(0xB0, 0xC0)


def dissect_vpd(data: bytes) -> Structure:
    """A VPD page. Raises ValueError for less than 4 bytes."""
    if len(data) < 4:
        raise ValueError(f"{len(data)} bytes are no VPD page")
    other = data[1] in _SEQUENTIAL and data[0] & 0x1F != 0x01
    return (VendorVpd if other else PAGES.get(data[1], VendorVpd))(bytes(data))

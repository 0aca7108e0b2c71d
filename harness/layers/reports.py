"""What the reporting commands return, and what sets the same: block limits, densities, operation
codes, task management functions, LUNs, port groups, time, identifying information."""

from __future__ import annotations

from typing import Any

from harness.layers.base import Numbers, Structure, bits, many, rest, sized


class BlockLimits(Structure):
    """READ BLOCK LIMITS data (SSC-4 7.5)."""

    fields_desc = bits(
        "-:3 granularity:5 maximum_block_length_limit:24 minimum_block_length_limit:16"
    )


class DensityDescriptor(Structure):
    """Density support data block descriptor (SSC-4 7.8.3)."""

    fields_desc = bits(
        "primary_density_code:8 secondary_density_code:8 wrtok dup deflt -:4 dlv"
        " descriptor_length:16 bits_per_mm:24 media_width:16 tracks:16 capacity:32"
        " assigning_organization:8c density_name:8c description:20c"
    )


class DensitySupport(Structure):
    """REPORT DENSITY SUPPORT data (SSC-4 7.8.2)."""

    fields_desc = bits(
        "available_density_support_length:16=auto -:16", many("densities", DensityDescriptor)
    )


class MediumTypeDescriptor(Structure):
    """Medium type descriptor (SSC-4 7.8.4)."""

    fields_desc = bits(
        "medium_type:8 -:8 descriptor_length:16=auto number_of_density_codes:8"
        " primary_density_codes:9b media_width:16 medium_length:16 -:16"
        " assigning_organization:8c medium_type_name:8c description:20c"
    )


class MediumTypeSupport(Structure):
    """REPORT DENSITY SUPPORT data with MEDIUM TYPE set (SSC-4 7.8.4)."""

    fields_desc = bits(
        "available_density_support_length:16=auto -:16", many("media", MediumTypeDescriptor)
    )


class TimeoutsDescriptor(Structure):
    """Command timeouts descriptor (SPC-4 6.35.4), in seconds."""

    fields_desc = bits(
        "descriptor_length:16=auto -:8 command_specific:8"
        " nominal_command_processing_timeout:32 recommended_command_timeout:32"
    )


def _timeouts(descriptor: Any) -> int:
    return int(descriptor.ctdp)


class CommandDescriptor(Structure):
    """Command descriptor (SPC-4 6.35.2)."""

    fields_desc = bits(
        "operation_code:8 -:8 service_action:16 -:8 -:6 ctdp servactv cdb_length:16",
        many("timeouts", TimeoutsDescriptor, count=_timeouts),
    )


class AllCommands(Structure):
    """All_commands parameter data (SPC-4 6.35.2)."""

    fields_desc = bits("command_data_length:32=auto", many("commands", CommandDescriptor))


class OneCommand(Structure):
    """One_command parameter data (SPC-4 6.35.3). SUPPORT: 1 not supported, 3 as the standard says,
    5 in a maker's way."""

    fields_desc = bits(
        "-:8 ctdp -:4 support:3 cdb_size:16>cdb_usage_data",
        sized("cdb_usage_data", "cdb_size"),
        many("timeouts", TimeoutsDescriptor, count=_timeouts),
    )


class TaskManagementFunctions(Structure):
    """REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS data (SPC-4 6.36): 4 bytes unless REPD was set."""

    fields_desc = bits(
        "ats atss cacas ctss lurs qts -:2 -:5 qaes qtss itnrs -:8 rtmf_data_length:8=auto"
        " -:7 tmftmov -:8 atts atsts cacats ctsts lurts qtts -:2 -:5 qaets qtsts itnrts"
        " task_management_functions_long_timeout:32 task_management_functions_short_timeout:32"
    )


class LunList(Structure):
    """REPORT LUNS data (SPC-4 6.33)."""

    fields_desc = bits("lun_list_length:32=auto4 -:32", Numbers("luns", 8))


class TargetPort(Structure):
    """Target port descriptor (SPC-4 6.37)."""

    fields_desc = bits("-:16 relative_target_port_identifier:16")


def _ports(group: Any) -> int:
    return int(group.target_port_count)


class PortGroup(Structure):
    """Target port group descriptor (SPC-4 6.37)."""

    fields_desc = bits(
        "pref -:3 asymmetric_access_state:4 t_sup o_sup - lbd_sup u_sup s_sup an_sup ao_sup"
        " target_port_group:16 -:8 status_code:8 vendor_specific:8 target_port_count:8",
        many("ports", TargetPort, count=_ports),
    )


class PortGroups(Structure):
    """REPORT TARGET PORT GROUPS data, length only header (SPC-4 6.37)."""

    fields_desc = bits("return_data_length:32=auto", many("groups", PortGroup))


class ExtendedPortGroups(Structure):
    """REPORT TARGET PORT GROUPS data, extended header (SPC-4 6.37)."""

    fields_desc = bits(
        "return_data_length:32=auto - return_data_format:3=1 -:4 implicit_transition_time:8 -:16",
        many("groups", PortGroup),
    )


class Timestamp(Structure):
    """REPORT TIMESTAMP parameter data (SPC-4 6.38), milliseconds."""

    fields_desc = bits(
        "timestamp_parameter_data_length:16=auto -:5 timestamp_origin:3 -:8 timestamp:48 -:16"
    )


class TimestampList(Structure):
    """SET TIMESTAMP parameter list (SPC-4 6.45), milliseconds."""

    fields_desc = bits("-:32 timestamp:48 -:16")


class IdentifyingInformation(Structure):
    """REPORT IDENTIFYING INFORMATION data (SPC-4 6.32)."""

    fields_desc = bits("-:16 identifying_information_length:16=auto", rest("information"))


class InformationTypeDescriptor(Structure):
    """A type of identifying information and its maximum length (SPC-4 6.32)."""

    fields_desc = bits("information_type:7 - -:8 maximum_information_length:16")


class SupportedInformation(Structure):
    """REPORT IDENTIFYING INFORMATION data, supported types (SPC-4 6.32)."""

    fields_desc = bits(
        "-:16 identifying_information_length:16=auto", many("types", InformationTypeDescriptor)
    )


SUPPORTED_INFORMATION = 0x7F
"""IDENTIFYING INFORMATION TYPE."""


class IdentifyingInformationList(Structure):
    """SET IDENTIFYING INFORMATION parameter list (SPC-4 6.44)."""

    fields_desc = bits("", rest("information"))

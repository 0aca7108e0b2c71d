"""Log parameters: the common header, and those that have fields of their own (SPC-4 7.3, SSC-4 8.2,
ADC-3 6.1; makers' 33h, 35h, 3Eh as HP and IBM have them)."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from harness.layers.base import Fields, Structure, bits, many, rest

HEADER = "parameter_code:16 du ds tsd etc tmc:2 format_and_linking:2 parameter_length:8=auto"


def parameter(text: str = "", *more: Any) -> Fields:
    """The fields of a parameter: ``text`` is its value."""
    return bits(f"{HEADER} {text}", *more)


class LogParameter(Structure):
    """Log parameter (SPC-4 7.3.2.2)."""

    fields_desc = parameter("", rest("parameter_value"))

    @property
    def number(self) -> int:
        """The value as a number."""
        return int.from_bytes(bytes(self.parameter_value), "big")


class TapeAlertParameter(Structure):
    """TapeAlert parameter (SSC-4 8.2.3): the parameter code is the flag's number."""

    lengths = (1,)
    fields_desc = parameter("-:7 flag")


class TapeAlertResponseParameter(Structure):
    """TapeAlert response parameter (SSC-4 8.2.5): flag 1 is bit 7 of the first byte."""

    lengths = (8,)
    fields_desc = parameter("flags:64")


class TemperatureParameter(Structure):
    """Temperature, or reference temperature (SPC-4 7.3.21), in degrees Celsius."""

    lengths = (2,)
    fields_desc = parameter("-:8 temperature:8")


class EnvironmentalReport(Structure):
    """Temperature or relative humidity report (SPC-5 7.3.7)."""

    lengths = (8,)
    fields_desc = parameter(
        "-:8 current:8 lifetime_maximum:8 lifetime_minimum:8"
        " maximum_since_power_on:8 minimum_since_power_on:8 -:16"
    )


class SelfTestResult(Structure):
    """Self-test results parameter (SPC-4 7.3.15)."""

    lengths = (16,)
    fields_desc = parameter(
        "self_test_code:3 - self_test_results:4 self_test_number:8"
        " accumulated_power_on_hours:16 address_of_first_failure:64"
        " -:4 sense_key:4 additional_sense_code:8 additional_sense_code_qualifier:8"
        " vendor_specific:8"
    )


class VeryHighFrequencyData(Structure):
    """Very high frequency data (ADC-3 6.1.3.2)."""

    lengths = (4,)
    fields_desc = parameter(
        "pamr hiu macc cmpr wrtp crqst crqrd dinit inxtn - raa mprsnt - mstd mthrd mounted"
        " dt_device_activity:8 vs - tddec epp esr rrqst intfc tafc"
    )


class SasPrimaryPort(Structure):
    """Primary port status of a SAS port (ADC-3 6.1.3.5)."""

    lengths = (12,)
    fields_desc = parameter("rate:4 -:2 signal pic hashed_sas_address:24 sas_address:64")


class FcPrimaryPort(Structure):
    """Primary port status of a Fibre Channel port (ADC-3 6.1.3.5)."""

    lengths = (24,)
    fields_desc = parameter(
        "topology speed:3 login_complete - signal pic n_port_id:24 -:32 n_port_name:64 node_name:64"
    )


class MediumMotionRecord(Structure):
    """Motion hours with one kind of medium (SSC-4 8.2.6)."""

    fields_desc = bits("-:16 density_code:8 medium_type:8 medium_motion_hours:32")


class MediumMotionHours(Structure):
    """Medium type motion hours (SSC-4 8.2.6)."""

    fields_desc = parameter("", many("records", MediumMotionRecord))


class ServiceBuffer(Structure):
    """Service buffer information descriptor (ADC-3 6.1.5)."""

    fields_desc = parameter(
        "buffer_id:8 -:3 tu nmp nmm offline pd -:4 code_set:4 -:8", rest("service_buffer_title")
    )


class DiagnosticDataEntry(Structure):
    """Tape diagnostic data entry (SSC-4 8.2.7)."""

    lengths = (64, 68)
    fields_desc = parameter(
        "-:16 density_code:8 medium_type:8 lifetime_media_motion_hours:32"
        " -:8 repeat -:3 sense_key:4 additional_sense_code:8 additional_sense_code_qualifier:8"
        " vendor_specific_code_qualifier:32 product_revision_level:4c"
        " hours_since_last_clean:32 operation_code:8 -:3 service_action:5 -:16"
        " medium_id_number:32c -:5 timestamp_origin:3 -:8 timestamp:48"
    )


class PartitionRecord(Structure):
    """Volume statistics record of a partition (SSC-4 8.2.9.3)."""

    fields_desc = bits(
        "partition_record_data_length:8=auto -:8 partition_number:16", rest("data_counter")
    )


class PartitionRecords(Structure):
    """Volume statistics by partition (SSC-4 8.2.9.3)."""

    fields_desc = parameter("", many("records", PartitionRecord))


class MountRecord(Structure):
    """Mount history record (SSC-4 8.2.9.4)."""

    fields_desc = bits(
        "mount_history_record_data_length:8=auto -:8 mount_history_index:16"
        " mount_history_vendor_id:8c mount_history_unit_serial_number:32c"
    )


class MountHistory(Structure):
    """Mount history (SSC-4 8.2.9.4)."""

    fields_desc = parameter("", many("records", MountRecord))


class SasPhy(Structure):
    """SAS phy log descriptor (SPL 9.2.8.1)."""

    fields_desc = bits(
        "-:8 phy_identifier:8 -:8 sas_phy_log_descriptor_length:8=auto"
        " - attached_device_type:3 attached_reason:4 reason:4 negotiated_logical_link_rate:4"
        " -:4 attached_ssp_initiator_port attached_stp_initiator_port attached_smp_initiator_port -"
        " -:4 attached_ssp_target_port attached_stp_target_port attached_smp_target_port -"
        " sas_address:64 attached_sas_address:64 attached_phy_identifier:8 -:56"
        " invalid_dword_count:32 running_disparity_error_count:32"
        " loss_of_dword_synchronization_count:32 phy_reset_problem_count:32",
        rest("behind"),
    )


class SasPortParameter(Structure):
    """Protocol specific port parameter of SAS (SPL 9.2.8.1)."""

    fields_desc = parameter(
        "-:4 protocol_identifier:4=6 -:8 generation_code:8 number_of_phys:8", many("phys", SasPhy)
    )


class DeviceWellness(Structure):
    """Device wellness entry (HP LTO-6, page 33h)."""

    lengths = (12,)
    fields_desc = parameter(
        "time_stamp:32 media_signature:32 -:4 sense_key:4 additional_sense_code:8"
        " additional_sense_code_qualifier:8 additional_error_information:8"
    )


class HardwareError(Structure):
    """Device error (HP LTO-6, page 35h)."""

    lengths = (22,)
    fields_desc = parameter(
        "-:4 sense_key:4 additional_sense_code:8 additional_sense_code_qualifier:8"
        " additional_error_information:16 host_identification:64 power_cycle_count:16"
        " seconds_since_power_on:32 hour:8 minute:8 second:8"
    )


class DeviceStatusBits(Structure):
    """Device status bits (HP LTO-6, page 3Eh)."""

    lengths = (4,)
    fields_desc = parameter(
        "-:5 cleaning_required cleaning_requested exhausted_cleaning_tape"
        " -:4 temperature_status:2 device_status:2 -:6 medium_status:2 -:8"
    )


ALL = range(0x10000)

PARAMETERS: tuple[tuple[tuple[int, int], Container[int], type[Structure]], ...] = (
    ((0x0D, 0x00), (0, 1), TemperatureParameter),
    ((0x0D, 0x01), ALL, EnvironmentalReport),
    ((0x10, 0x00), ALL, SelfTestResult),
    ((0x11, 0x00), (0,), VeryHighFrequencyData),
    ((0x11, 0x00), range(0x101, 0x200), SasPrimaryPort),
    ((0x11, 0x00), range(0x101, 0x200), FcPrimaryPort),
    ((0x12, 0x00), (0,), TapeAlertResponseParameter),
    ((0x14, 0x00), (0x1000,), MediumMotionHours),
    ((0x15, 0x00), ALL, ServiceBuffer),
    ((0x16, 0x00), ALL, DiagnosticDataEntry),
    ((0x17, 0x00), range(0x200, 0x205), PartitionRecords),
    ((0x17, 0x00), (0x300,), MountHistory),
    ((0x18, 0x00), ALL, SasPortParameter),
    ((0x2E, 0x00), range(1, 65), TapeAlertParameter),
    ((0x33, 0x00), ALL, DeviceWellness),
    ((0x35, 0x00), (0,), HardwareError),
    ((0x3E, 0x00), (1,), DeviceStatusBits),
)
"""Page and subpage, parameter codes, layer. A layer with ``lengths`` is for parameters of one of
those PARAMETER LENGTHs alone."""

"""What every CDB is (SPC-4 4.2), and the commands of devices of any kind: SPC-4, and SPC-2 for
RESERVE and RELEASE. By name they are in `harness.layers.cdb`."""

from __future__ import annotations

from harness.layers.base import Fields, Structure, bits


class Cdb(Structure):
    """A CDB. ``device`` is "tape", "changer" or "" for any: some codes are used twice."""

    device = ""


def cdb(opcode: int, text: str = "-:32", service_action: int | None = None) -> Fields:
    """The fields of a CDB: ``text`` is what lies between the operation code and CONTROL.

    With a ``service_action``, bits 4-0 of byte 1 hold it and ``text`` begins with byte 2; it may
    begin with ``name:3`` and a bar for bits 7-5 of byte 1.
    """
    if service_action is not None:
        before, bar, behind = text.rpartition("|")
        text = f"{before if bar else '-:3'} service_action:5={service_action} {behind}"
    return bits(f"operation_code:8={opcode} {text} control:8")


class TestUnitReady(Cdb):
    """TEST UNIT READY (SPC-4)."""

    __test__ = False  # pytest: no test
    fields_desc = cdb(0x00)


class RequestSense(Cdb):
    """REQUEST SENSE (SPC-4)."""

    fields_desc = cdb(0x03, "-:7 desc -:16 allocation_length:8")


class Inquiry(Cdb):
    """INQUIRY (SPC-4)."""

    fields_desc = cdb(0x12, "-:7 evpd page_code:8 allocation_length:16")


class ModeSelect6(Cdb):
    """MODE SELECT(6) (SPC-4)."""

    fields_desc = cdb(0x15, "-:3 pf -:2 rtd sp -:16 parameter_list_length:8")


class ModeSelect10(Cdb):
    """MODE SELECT(10) (SPC-4)."""

    fields_desc = cdb(0x55, "-:3 pf -:2 rtd sp -:40 parameter_list_length:16")


class ModeSense6(Cdb):
    """MODE SENSE(6) (SPC-4)."""

    fields_desc = cdb(0x1A, "-:4 dbd -:3 pc:2 page_code:6 subpage_code:8 allocation_length:8")


class ModeSense10(Cdb):
    """MODE SENSE(10) (SPC-4)."""

    fields_desc = cdb(
        0x5A, "-:3 llbaa dbd -:3 pc:2 page_code:6 subpage_code:8 -:24 allocation_length:16"
    )


class LogSelect(Cdb):
    """LOG SELECT (SPC-4)."""

    fields_desc = cdb(
        0x4C, "-:6 pcr sp pc:2 page_code:6 subpage_code:8 -:24 parameter_list_length:16"
    )


class LogSense(Cdb):
    """LOG SENSE (SPC-4)."""

    fields_desc = cdb(
        0x4D,
        "-:6 ppc sp pc:2 page_code:6 subpage_code:8 -:8 parameter_pointer:16 allocation_length:16",
    )


class SendDiagnostic(Cdb):
    """SEND DIAGNOSTIC (SPC-4)."""

    fields_desc = cdb(
        0x1D, "self_test_code:3 pf - selftest devoffl unitoffl -:8 parameter_list_length:16"
    )


class ReceiveDiagnosticResults(Cdb):
    """RECEIVE DIAGNOSTIC RESULTS (SPC-4)."""

    fields_desc = cdb(0x1C, "-:7 pcv page_code:8 allocation_length:16")


class WriteBuffer(Cdb):
    """WRITE BUFFER (SPC-4)."""

    fields_desc = cdb(
        0x3B, "mode_specific:3 mode:5 buffer_id:8 buffer_offset:24 parameter_list_length:24"
    )


class ReadBuffer(Cdb):
    """READ BUFFER (SPC-4)."""

    fields_desc = cdb(
        0x3C, "mode_specific:3 mode:5 buffer_id:8 buffer_offset:24 allocation_length:24"
    )


class ReportLuns(Cdb):
    """REPORT LUNS (SPC-4)."""

    fields_desc = cdb(0xA0, "-:8 select_report:8 -:24 allocation_length:32 -:8")


class Reserve6(Cdb):
    """RESERVE(6) (SPC-2)."""

    fields_desc = cdb(0x16, "-:3 third_party:1 third_party_device_id:3 extent:1 -:24")


class Release6(Cdb):
    """RELEASE(6) (SPC-2)."""

    fields_desc = cdb(0x17, "-:3 third_party:1 third_party_device_id:3 extent:1 -:24")


class Reserve10(Cdb):
    """RESERVE(10) (SPC-2)."""

    fields_desc = cdb(
        0x56,
        "-:3 third_party -:2 longid - -:8 third_party_device_id:8 -:24 parameter_list_length:16",
    )


class Release10(Cdb):
    """RELEASE(10) (SPC-2)."""

    fields_desc = cdb(
        0x57,
        "-:3 third_party -:2 longid - -:8 third_party_device_id:8 -:24 parameter_list_length:16",
    )


class PersistentReserveIn(Cdb):
    """PERSISTENT RESERVE IN (SPC-4)."""

    fields_desc = cdb(0x5E, "-:40 allocation_length:16", 0)


class PersistentReserveOut(Cdb):
    """PERSISTENT RESERVE OUT (SPC-4)."""

    fields_desc = cdb(0x5F, "scope:4 type:4 -:16 parameter_list_length:32", 0)


class ReadAttribute(Cdb):
    """READ ATTRIBUTE (SPC-4, element address SMC-3)."""

    fields_desc = cdb(
        0x8C,
        "element_address:16 -:8 logical_volume_number:8 -:8 partition_number:8"
        " first_attribute_identifier:16 allocation_length:32 -:7 cache",
        0,
    )


class WriteAttribute(Cdb):
    """WRITE ATTRIBUTE (SPC-4, element address SMC-3)."""

    fields_desc = cdb(
        0x8D,
        "-:7 wtc element_address:16 -:8 logical_volume_number:8 -:8 partition_number:8 -:16"
        " parameter_list_length:32 -:8",
    )


class SecurityProtocolIn(Cdb):
    """SECURITY PROTOCOL IN (SPC-4)."""

    fields_desc = cdb(
        0xA2,
        "security_protocol:8 security_protocol_specific:16 inc_512 -:15 allocation_length:32 -:8",
    )


class SecurityProtocolOut(Cdb):
    """SECURITY PROTOCOL OUT (SPC-4)."""

    device = "tape"
    fields_desc = cdb(
        0xB5,
        "security_protocol:8 security_protocol_specific:16 inc_512 -:7 -:8 transfer_length:32 -:8",
    )


class ReportIdentifyingInformation(Cdb):
    """REPORT IDENTIFYING INFORMATION (SPC-4)."""

    fields_desc = cdb(0xA3, "-:32 allocation_length:32 identifying_information_type:7 -", 0x05)


class SetIdentifyingInformation(Cdb):
    """SET IDENTIFYING INFORMATION (SPC-4)."""

    fields_desc = cdb(0xA4, "-:32 parameter_list_length:32 identifying_information_type:7 -", 0x06)


class ReportTargetPortGroups(Cdb):
    """REPORT TARGET PORT GROUPS (SPC-4)."""

    fields_desc = cdb(0xA3, "parameter_data_format:3|-:32 allocation_length:32 -:8", 0x0A)


class ReportSupportedOperationCodes(Cdb):
    """REPORT SUPPORTED OPERATION CODES (SPC-4)."""

    fields_desc = cdb(
        0xA3,
        "rctd -:4 reporting_options:3 requested_operation_code:8 requested_service_action:16"
        " allocation_length:32 -:8",
        0x0C,
    )


class ReportSupportedTaskManagementFunctions(Cdb):
    """REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4)."""

    fields_desc = cdb(0xA3, "repd -:31 allocation_length:32 -:8", 0x0D)


class ReportTimestamp(Cdb):
    """REPORT TIMESTAMP (SPC-4)."""

    fields_desc = cdb(0xA3, "-:32 allocation_length:32 -:8", 0x0F)


class SetTimestamp(Cdb):
    """SET TIMESTAMP (SPC-4)."""

    fields_desc = cdb(0xA4, "-:32 parameter_list_length:32 -:8", 0x0F)


class ReadMediaSerialNumber(Cdb):
    """READ MEDIA SERIAL NUMBER (SPC-4)."""

    fields_desc = cdb(0xAB, "-:32 allocation_length:32 -:8", 0x01)

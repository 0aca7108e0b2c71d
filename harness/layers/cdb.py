"""Command descriptor blocks: a Packet a command, named as the standard names it.

Fields have the standards' names in lower snake case. Sources: SPC-4 for what every device has,
SSC-4 for tape (the 16-byte explicit forms too), SMC-3 for changers, SPC-2 for RESERVE and RELEASE.
"""

from __future__ import annotations

from typing import Any

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


class Rewind(Cdb):
    """REWIND (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x01, "-:7 immed -:24")


class FormatMedium(Cdb):
    """FORMAT MEDIUM (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x04, "-:6 verify immed -:4 format:4 transfer_length:16")


class ReadBlockLimits(Cdb):
    """READ BLOCK LIMITS (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x05, "-:7 mloi -:24")


class Read6(Cdb):
    """READ(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x08, "-:6 sili fixed transfer_length:24")


class Write6(Cdb):
    """WRITE(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x0A, "-:7 fixed transfer_length:24")


class SetCapacity(Cdb):
    """SET CAPACITY (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x0B, "-:7 immed -:8 capacity_proportion_value:16")


class ReadReverse6(Cdb):
    """READ REVERSE(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x0F, "-:5 bytord sili fixed transfer_length:24")


class WriteFilemarks6(Cdb):
    """WRITE FILEMARKS(6) (SSC-4; WSMK of SSC-2)."""

    device = "tape"
    fields_desc = cdb(0x10, "-:6 wsmk immed filemark_count:24")


class Space6(Cdb):
    """SPACE(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x11, "-:4 code:4 count:24i")


class Verify6(Cdb):
    """VERIFY(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x13, "-:2 vte vlbpm vbf immed bytcmp fixed verification_length:24")


class RecoverBufferedData(Cdb):
    """RECOVER BUFFERED DATA (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x14, "-:6 sili fixed transfer_length:24")


class Erase6(Cdb):
    """ERASE(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x19, "-:5 smd immed long -:24")


class LoadUnload(Cdb):
    """LOAD UNLOAD (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x1B, "-:7 immed -:16 -:4 hold eot reten load")


class PreventAllowMediumRemoval(Cdb):
    """PREVENT ALLOW MEDIUM REMOVAL (SSC-4, SMC-3)."""

    fields_desc = cdb(0x1E, "-:24 -:6 prevent:2")


class Locate10(Cdb):
    """LOCATE(10) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x2B, "-:5 bt cp immed -:8 logical_object_identifier:32 -:8 partition:8")


class ReadPosition(Cdb):
    """READ POSITION (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x34, "-:40 allocation_length:16", 0)


class ReportDensitySupport(Cdb):
    """REPORT DENSITY SUPPORT (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x44, "-:6 medium_type media -:40 allocation_length:16")


class WriteFilemarks16(Cdb):
    """WRITE FILEMARKS(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x80,
        "-:4 fcs lcs - immed -:8 partition:8 logical_object_identifier:64 filemark_count:24",
    )


class ReadReverse16(Cdb):
    """READ REVERSE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x81,
        "-:5 bytord sili fixed -:8 partition:8 logical_object_identifier:64 transfer_length:24",
    )


class AllowOverwrite(Cdb):
    """ALLOW OVERWRITE (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x82, "-:8 -:4 allow_overwrite:4 partition:8 logical_object_identifier:64 -:24"
    )


class Read16(Cdb):
    """READ(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x88, "-:6 sili fixed -:8 partition:8 logical_object_identifier:64 transfer_length:24"
    )


class Write16(Cdb):
    """WRITE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x8A,
        "-:4 fcs lcs - fixed -:8 partition:8 logical_object_identifier:64 transfer_length:24",
    )


class Verify16(Cdb):
    """VERIFY(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x8F,
        "-:2 vte vlbpm vbf immed bytcmp fixed -:8 partition:8 logical_object_identifier:64"
        " verification_length:24",
    )


class Space16(Cdb):
    """SPACE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x91, "-:4 code:4 -:16 count:64i parameter_length:16 -:8")


class Locate16(Cdb):
    """LOCATE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x92, "-:3 dest_type:2 - cp immed -:7 bam partition:8 logical_identifier:64 -:24"
    )


class Erase16(Cdb):
    """ERASE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x93, "-:4 fcs lcs immed long -:8 partition:8 logical_object_identifier:64 -:24"
    )


class InitializeElementStatus(Cdb):
    """INITIALIZE ELEMENT STATUS (SMC-3)."""

    device = "changer"
    fields_desc = cdb(0x07)


class ReserveElement6(Cdb):
    """RESERVE ELEMENT(6) (SMC-2)."""

    device = "changer"
    fields_desc = cdb(0x16, "-:7 element reservation_identification:8 element_list_length:16")


class ReleaseElement6(Cdb):
    """RELEASE ELEMENT(6) (SMC-2)."""

    device = "changer"
    fields_desc = cdb(0x17, "-:7 element reservation_identification:8 -:16")


class ReserveElement10(Cdb):
    """RESERVE ELEMENT(10) (SMC-2)."""

    device = "changer"
    fields_desc = cdb(0x56, "-:7 element reservation_identification:8 -:32 element_list_length:16")


class ReleaseElement10(Cdb):
    """RELEASE ELEMENT(10) (SMC-2)."""

    device = "changer"
    fields_desc = cdb(0x57, "-:7 element reservation_identification:8 -:48")


class OpenCloseImportExportElement(Cdb):
    """OPEN/CLOSE IMPORT/EXPORT ELEMENT (SMC-3)."""

    device = "changer"
    fields_desc = cdb(0x1B, "-:8 element_address:16 -:3 action_code:5")


class PositionToElement(Cdb):
    """POSITION TO ELEMENT (SMC-3)."""

    device = "changer"
    fields_desc = cdb(
        0x2B,
        "-:8 medium_transport_element_address:16 destination_element_address:16 -:16 -:7 invert",
    )


class InitializeElementStatusWithRange(Cdb):
    """INITIALIZE ELEMENT STATUS WITH RANGE (SMC-3)."""

    device = "changer"
    fields_desc = cdb(
        0x37, "-:6 fast range starting_element_address:16 -:16 number_of_elements:16 -:8"
    )


class InitializeElementStatusWithRangeVendor(Cdb):
    """INITIALIZE ELEMENT STATUS WITH RANGE, E7h (IBM, before SMC-2)."""

    device = "changer"
    fields_desc = cdb(
        0xE7, "-:7 range starting_element_address:16 -:16 number_of_elements:16 -:16 nbl -:7"
    )


class MoveMedium(Cdb):
    """MOVE MEDIUM (SMC-3)."""

    device = "changer"
    fields_desc = cdb(
        0xA5,
        "-:8 medium_transport_element_address:16 source_element_address:16"
        " destination_element_address:16 -:16 -:7 invert",
    )


class ExchangeMedium(Cdb):
    """EXCHANGE MEDIUM (SMC-3)."""

    device = "changer"
    fields_desc = cdb(
        0xA6,
        "-:8 medium_transport_element_address:16 source_element_address:16"
        " first_destination_element_address:16 second_destination_element_address:16"
        " -:6 inv1 inv2",
    )


class RequestVolumeElementAddress(Cdb):
    """REQUEST VOLUME ELEMENT ADDRESS (SMC-3)."""

    device = "changer"
    fields_desc = cdb(
        0xB5,
        "-:3 voltag element_type_code:4 starting_element_address:16 number_of_elements:16 -:8"
        " allocation_length:24 -:8",
    )


class SendVolumeTag(Cdb):
    """SEND VOLUME TAG (SMC-3)."""

    device = "changer"
    fields_desc = cdb(
        0xB6,
        "-:4 element_type_code:4 starting_element_address:16 -:8 -:3 send_action_code:5 -:16"
        " parameter_list_length:16 -:8",
    )


class ReadElementStatus(Cdb):
    """READ ELEMENT STATUS (SMC-3)."""

    device = "changer"
    fields_desc = cdb(
        0xB8,
        "-:3 voltag element_type_code:4 starting_element_address:16 number_of_elements:16"
        " -:5 mixed curdata dvcid allocation_length:24 -:8",
    )


SIZES = {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}
"""CDB length by the group code, bits 7-5 of the operation code (SPC-4 4.2.5.1)."""


class UnknownCdb(Cdb):
    """A CDB of a command that is not described here (SAM-5)."""

    fields_desc = bits("operation_code:8 service_action:8")


def dissect_cdb(data: bytes, device: str = "tape") -> Cdb:
    """The CDB; ``device`` is "tape" or "changer". What is not known here is an `UnknownCdb`.

    The operation codes of RESERVE and RELEASE are those of RESERVE ELEMENT on a changer.
    Raises ValueError for no bytes at all.
    """
    if not data:
        raise ValueError("a CDB has at least an operation code")
    service = data[1] & 0x1F if len(data) > 1 else 0
    found = _BY_CODE.get((device, data[0], service)) or _BY_CODE.get((device, data[0], None))
    return (found or UnknownCdb)(bytes(data))


def all_cdbs() -> list[type[Cdb]]:
    """Every command described here."""
    return [one for one in Cdb.__subclasses__() if one is not UnknownCdb]


_SERVICES = (0x9E, 0xA3, 0xA4, 0xAB)
"""Operation codes of which each service action is a command of its own."""


def _by_code() -> dict[tuple[str, int, int | None], type[Cdb]]:
    table: dict[tuple[str, int, int | None], type[Cdb]] = {}
    one: Any
    for one in sorted(all_cdbs(), key=lambda kind: kind.device):  # what is special comes later
        values = {field.name: field.default for field in one.fields_desc}
        opcode = values["operation_code"]
        service = values["service_action"] if opcode in _SERVICES else None
        for device in (one.device,) if one.device else ("tape", "changer"):
            table[device, opcode, service] = one
    return table


_BY_CODE = _by_code()

"""CDBs of medium changers (SMC-3, SMC-2 for reservations). By name they are in
`harness.layers.cdb`."""

from __future__ import annotations

from harness.layers.cdb_any import Cdb, cdb


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

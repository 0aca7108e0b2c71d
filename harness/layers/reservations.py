"""PERSISTENT RESERVE IN and OUT (SPC-4 6.15, 6.16), with the TransportIDs of 7.6.4."""

from __future__ import annotations

from typing import Any

from harness.layers.base import Numbers, Structure, bits, many, rest

_LISTED = "prgeneration:32 additional_length:32=auto"


class FcpTransportId(Structure):
    """TransportID of Fibre Channel (SPC-4 7.6.4.2)."""

    fields_desc = bits("format_code:2 -:2 protocol_identifier:4=0 -:56 n_port_name:64 -:64")


class SasTransportId(Structure):
    """TransportID of SAS (SPC-4 7.6.4.7)."""

    fields_desc = bits("format_code:2 -:2 protocol_identifier:4=6 -:24 sas_address:64 -:96")


class IscsiTransportId(Structure):
    """TransportID of iSCSI (SPC-4 7.6.4.6): the name, zero-terminated and padded to words."""

    fields_desc = bits(
        "format_code:2 -:2 protocol_identifier:4=5 -:8 additional_length:16=auto",
        rest("iscsi_name"),
    )


class OtherTransportId(Structure):
    """TransportID of another protocol, 24 bytes (SPC-4 7.6.4)."""

    fields_desc = bits("format_code:2 -:2 protocol_identifier:4=0xF protocol_specific:23b")


_TRANSPORTS: dict[int, type[Structure]] = {
    0x0: FcpTransportId, 0x5: IscsiTransportId, 0x6: SasTransportId,
}  # fmt: skip


def dissect_transport_id(data: bytes, **more: Any) -> Structure:
    """The TransportID that ``data`` begins with."""
    return _TRANSPORTS.get(data[0] & 0x0F, OtherTransportId)(data, **more)


class ReservationKeys(Structure):
    """READ KEYS parameter data (SPC-4 6.15.2)."""

    fields_desc = bits(_LISTED, Numbers("reservation_keys", 8))


class ReservationDescriptor(Structure):
    """The reservation that is held (SPC-4 6.15.3)."""

    fields_desc = bits("reservation_key:64 -:32 -:8 scope:4 type:4 -:16")


class HeldReservation(Structure):
    """READ RESERVATION parameter data (SPC-4 6.15.3)."""

    fields_desc = bits(_LISTED, many("reservations", ReservationDescriptor))


class ReservationCapabilities(Structure):
    """REPORT CAPABILITIES parameter data (SPC-4 6.15.4); LENGTH counts itself, too."""

    fields_desc = bits(
        "length:16=8 rlr_c -:2 crh sip_c atp_c - ptpl_c tmv allow_commands:3 -:3 ptpl_a"
        " wr_ex_ar ex_ac_ro wr_ex_ro - ex_ac - wr_ex - -:7 ex_ac_ar -:16"
    )


class FullStatusDescriptor(Structure):
    """Full status descriptor of a registration (SPC-4 6.15.5)."""

    fields_desc = bits(
        "reservation_key:64 -:32 -:6 all_tg_pt r_holder scope:4 type:4 -:32"
        " relative_target_port_identifier:16 additional_descriptor_length:32=auto",
        many("transportid", dissect_transport_id),
    )


class FullStatus(Structure):
    """READ FULL STATUS parameter data (SPC-4 6.15.5)."""

    fields_desc = bits(_LISTED, many("registrations", FullStatusDescriptor))


class TransportIdList(Structure):
    """TransportIDs with their length (SPC-4 6.16.3)."""

    fields_desc = bits(
        "transportid_parameter_data_length:32=auto", many("transportids", dissect_transport_id)
    )


class ReserveOutList(Structure):
    """PERSISTENT RESERVE OUT parameter list (SPC-4 6.16.3)."""

    fields_desc = bits(
        "reservation_key:64 service_action_reservation_key:64 -:32"
        " -:4 spec_i_pt all_tg_pt - aptpl -:24",
        many("additional", TransportIdList, count=1),
    )


class RegisterAndMoveList(Structure):
    """Parameter list of REGISTER AND MOVE (SPC-4 6.16.4)."""

    fields_desc = bits(
        "reservation_key:64 service_action_reservation_key:64 -:8 -:6 unreg aptpl"
        " relative_target_port_identifier:16 transportid_length:32=auto",
        many("transportid", dissect_transport_id),
    )


REGISTER_AND_MOVE = 0x07

FORMS: dict[int, type[Structure]] = {
    0x00: ReservationKeys,
    0x01: HeldReservation,
    0x02: ReservationCapabilities,
    0x03: FullStatus,
}
"""By SERVICE ACTION of PERSISTENT RESERVE IN."""

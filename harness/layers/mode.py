"""What MODE SENSE returns and MODE SELECT sends: header, block descriptors, pages (SPC-4 7.5).

The pages of SPC-4, SSC-4 and SMC-3 are here, the makers' own in `mode_vendor`. A page that is
shorter than it is described here is dissected as far as it goes (`Structure.cut`).
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from harness.layers.base import Fields, Numbers, Structure, bits, many, rest

DISCONNECT_TIMES = "bus_inactivity_limit:16 disconnect_time_limit:16 connect_time_limit:16"


def page(code: int, text: str = "", *more: Any, subpage: int | None = None) -> Fields:
    """The fields of a page in page_0 format, or in sub_page format; ``text`` follows the length."""
    if subpage is None:
        return bits(f"ps spf page_code:6={code} page_length:8=auto {text}", *more)
    head = f"ps spf=1 page_code:6={code} subpage_code:8={subpage} page_length:16=auto"
    return bits(f"{head} {text}", *more)


class BlockDescriptor(Structure):
    """General mode parameter block descriptor (SPC-4 7.5.5.1)."""

    fields_desc = bits("density_code:8 number_of_logical_blocks:24 -:8 logical_block_length:24")


class ReadWriteErrorRecovery(Structure):
    """Read-Write Error Recovery mode page (SSC-4 8.3.5)."""

    fields_desc = page(
        0x01, "-:2 tb - eer per dte dcr read_retry_count:8 -:32 write_retry_count:8 -:24"
    )


class DisconnectReconnect(Structure):
    """Disconnect-Reconnect mode page (SPC-4 7.5.10)."""

    fields_desc = page(
        0x02,
        f"buffer_full_ratio:8 buffer_empty_ratio:8 {DISCONNECT_TIMES} maximum_burst_size:16"
        " emdp fair_arbitration:3 dimm dtdc:3 -:8 first_burst_size:16",
    )


class Control(Structure):
    """Control mode page (SPC-4 7.5.8)."""

    fields_desc = page(
        0x0A,
        "tst:3 tmf_only dpicz d_sense gltsd rlec queue_algorithm_modifier:4 nuar qerr:2 dque"
        " vs rac ua_intlck_ctrl:2 swp -:3 ato tas atmpe rwwp - autoload_mode:3 -:16"
        " busy_timeout_period:16 extended_self_test_completion_time:16",
    )


class ControlExtension(Structure):
    """Control Extension mode page (SPC-4 7.5.9)."""

    fields_desc = page(
        0x0A,
        "-:5 tcmos scsip ialuae -:4 initial_command_priority:4 maximum_sense_data_length:8 -:200",
        subpage=0x01,
    )


class ControlDataProtection(Structure):
    """Control Data Protection mode page (SSC-4 8.3.9)."""

    fields_desc = page(
        0x0A,
        "logical_block_protection_method:8 -:2 logical_block_protection_information_length:6"
        " lbp_w lbp_r rbdp -:5 -:200",
        subpage=0xF0,
    )


class DataCompression(Structure):
    """Data Compression mode page (SSC-4 8.3.2)."""

    fields_desc = page(
        0x0F,
        "dce dcc -:6 dde red:2 -:5 compression_algorithm:32 decompression_algorithm:32 -:32",
    )


class DeviceConfiguration(Structure):
    """Device Configuration mode page (SSC-4 8.3.3)."""

    fields_desc = page(
        0x10,
        "- cap caf active_format:5 active_partition:8 write_object_buffer_full_ratio:8"
        " read_object_buffer_empty_ratio:8 write_delay_time:16"
        " obr lois rsmk avc socf:2 robo rew gap_size:8 eod_defined:3 eeg sew swp baml bam"
        " object_buffer_size_at_early_warning:24 select_data_compression_algorithm:8"
        " wtre:2 oir rewind_on_reset:2 asocwp perswp prmwp",
    )


class DeviceConfigurationExtension(Structure):
    """Device Configuration Extension mode page (SSC-4 8.3.8)."""

    fields_desc = page(
        0x10,
        "-:4 tarpf taser tarpc taplsd write_mode:4 short_erase_mode:4 pew_size:16"
        " -:4 acwre wre acvcelbre vcelbre -:184",
        subpage=0x01,
    )


class MediumPartition(Structure):
    """Medium Partition mode page (SSC-4 8.3.4); a partition size of FFFFh is what is left."""

    fields_desc = page(
        0x11,
        "maximum_additional_partitions:8 additional_partitions_defined:8"
        " fdp sdp idp psum:2 pofm clear addp medium_format_recognition:8"
        " partitioning_type:4 partition_units:4 -:8",
        Numbers("partition_sizes", 2),
    )


class FcpLogicalUnit(Structure):
    """Fibre Channel Logical Unit Control mode page (FCP-4)."""

    fields_desc = page(0x18, "-:4 protocol_identifier:4=0 -:7 epdc -:32")


class SasLogicalUnit(Structure):
    """Protocol Specific Logical Unit mode page of SAS (SPL 9.2.7.3)."""

    fields_desc = page(0x18, "-:3 transport_layer_retries protocol_identifier:4=6 -:40")


class FcpPort(Structure):
    """Fibre Channel Port Control mode page (FCP-4)."""

    fields_desc = page(
        0x19,
        "-:4 protocol_identifier:4=0 dtfd plpb ddis dlm rha alwi dtipe dtoli -:16"
        " -:5 rr_tov_units:3 rr_tov:8",
    )


class SasPort(Structure):
    """Protocol Specific Port mode page of SAS, short format (SPL 9.2.7.4)."""

    fields_desc = page(
        0x19,
        "- continue_awt broadcast_asynchronous_event ready_led_meaning protocol_identifier:4=6 -:8"
        " i_t_nexus_loss_time:16 initiator_response_timeout:16 reject_to_open_limit:16 -:48",
    )


class PowerCondition(Structure):
    """Power Condition mode page (SPC-4 7.5.13)."""

    fields_desc = page(
        0x1A,
        "pm_bg_precedence:2 -:5 standby_y -:4 idle_c idle_b idle_a standby_z"
        " idle_a_condition_timer:32 standby_z_condition_timer:32 idle_b_condition_timer:32"
        " idle_c_condition_timer:32 standby_y_condition_timer:32 -:120"
        " ccf_idle:2 ccf_standby:2 ccf_stopped:2 -:2",
    )


class InformationalExceptionsControl(Structure):
    """Informational Exceptions Control mode page (SSC-4 8.3.6)."""

    fields_desc = page(
        0x1C,
        "perf - ebf ewasc dexcpt test ebackerr logerr -:4 mrie:4 interval_timer:32"
        " report_count_test_flag_number:32",
    )


class MediumConfiguration(Structure):
    """Medium Configuration mode page (SSC-4 8.3.7)."""

    fields_desc = page(
        0x1D,
        "-:7 wormm -:8 worm_mode_label_restrictions:8 worm_mode_filemark_restrictions:8 -:208",
    )


class ElementAddressAssignment(Structure):
    """Element Address Assignment mode page (SMC-3 7.3.3)."""

    fields_desc = page(
        0x1D,
        "first_medium_transport_element_address:16 number_of_medium_transport_elements:16"
        " first_storage_element_address:16 number_of_storage_elements:16"
        " first_import_export_element_address:16 number_of_import_export_elements:16"
        " first_data_transfer_element_address:16 number_of_data_transfer_elements:16 -:16",
    )


class TransportGeometryDescriptor(Structure):
    """Of one medium transport element (SMC-3 7.3.4)."""

    fields_desc = bits("-:7 rotate member_number_in_transport_element_set:8")


class TransportGeometry(Structure):
    """Transport Geometry Parameters mode page (SMC-3 7.3.4)."""

    fields_desc = page(0x1E, "", many("descriptors", TransportGeometryDescriptor))


def _to(source: str, verb: str) -> str:
    return f"-:4 {source}_{verb}_dt {source}_{verb}_ie {source}_{verb}_st {source}_{verb}_mt"


class DeviceCapabilities(Structure):
    """Device Capabilities mode page (SMC-3 7.3.2): ``st_to_dt`` is "a medium may be moved from
    storage to a drive", ``st_exchange_dt`` the same with EXCHANGE MEDIUM."""

    fields_desc = page(
        0x1F,
        " ".join(
            (
                "-:4 stordt storie storst stormt vs_3:8",
                *(_to(one, "to") for one in ("mt", "st", "ie", "dt")),
                "-:32",
                *(_to(one, "exchange") for one in ("mt", "st", "ie", "dt")),
                "-:32",
            )
        ),
    )


class OtherModePage(Structure):
    """A mode page that is not described here (SPC-4 7.5.7)."""

    fields_desc = page(0x00, "", rest("mode_parameters"))


class OtherModeSubpage(Structure):
    """A mode page in sub_page format that is not described here (SPC-4 7.5.7)."""

    fields_desc = page(0x00, "", rest("mode_parameters"), subpage=0)


_FCP, _SAS = 0x0, 0x6

ANY: dict[tuple[int, int], type[Structure]] = {
    (0x02, 0x00): DisconnectReconnect,
    (0x0A, 0x00): Control,
    (0x0A, 0x01): ControlExtension,
    (0x1A, 0x00): PowerCondition,
    (0x1C, 0x00): InformationalExceptionsControl,
}
TAPE: dict[tuple[int, int], type[Structure]] = {
    (0x01, 0x00): ReadWriteErrorRecovery,
    (0x0A, 0xF0): ControlDataProtection,
    (0x0F, 0x00): DataCompression,
    (0x10, 0x00): DeviceConfiguration,
    (0x10, 0x01): DeviceConfigurationExtension,
    (0x11, 0x00): MediumPartition,
    (0x1D, 0x00): MediumConfiguration,
}
CHANGER: dict[tuple[int, int], type[Structure]] = {
    (0x1D, 0x00): ElementAddressAssignment,
    (0x1E, 0x00): TransportGeometry,
    (0x1F, 0x00): DeviceCapabilities,
}
PORTS: dict[tuple[int, int], type[Structure]] = {
    (0x18, _FCP): FcpLogicalUnit,
    (0x18, _SAS): SasLogicalUnit,
    (0x19, _FCP): FcpPort,
    (0x19, _SAS): SasPort,
}
"""By page code and PROTOCOL IDENTIFIER."""


@cache
def _pages(device: str) -> dict[tuple[int, int], type[Structure]]:
    from harness.layers.mode_vendor import PAGES

    return {**ANY, **(CHANGER if device == "changer" else {**TAPE, **PAGES})}


def page_layer(data: bytes, device: str = "tape") -> type[Structure]:
    """The layer of the mode page that ``data`` begins with."""
    code, sub = data[0] & 0x3F, bool(data[0] & 0x40)
    subpage = data[1] if sub and len(data) > 1 else 0
    if not sub and len(data) > 2 and (code, data[2] & 0x0F) in PORTS:
        return PORTS[code, data[2] & 0x0F]
    if code == 0x24 and not sub and device == "tape":
        from harness.layers.mode_vendor import page_24

        return page_24(data)
    found = _pages(device).get((code, subpage))
    return found or (OtherModeSubpage if sub else OtherModePage)


def dissect_page(data: bytes, device: str = "tape", **more: Any) -> Structure:
    """One mode page; what is behind it is its payload."""
    return page_layer(data, device)(bytes(data), **more)


def _header6(first: str) -> str:
    return (
        f"{first} medium_type:8 wp buffered_mode:3 speed:4"
        " block_descriptor_length:8>block_descriptors"
    )


def _header10(first: str) -> str:
    return (
        f"{first} medium_type:8 wp buffered_mode:3 speed:4 -:7 longlba -:8"
        " block_descriptor_length:16>block_descriptors"
    )


def _tail(device: str) -> tuple[Any, Any]:
    return (
        many("block_descriptors", BlockDescriptor, "block_descriptor_length"),
        many("pages", partial(dissect_page, device=device)),
    )


class ModeData6(Structure):
    """Mode parameter data of MODE SENSE(6) (SPC-4 7.5.4)."""

    fields_desc = bits(_header6("mode_data_length:8=auto"), *_tail("tape"))


class ModeData10(Structure):
    """Mode parameter data of MODE SENSE(10) (SPC-4 7.5.4)."""

    fields_desc = bits(_header10("mode_data_length:16=auto"), *_tail("tape"))


class ModeList6(Structure):
    """Mode parameter list of MODE SELECT(6) (SPC-4 7.5.4): its data length is reserved."""

    fields_desc = bits(_header6("-:8"), *_tail("tape"))


class ModeList10(Structure):
    """Mode parameter list of MODE SELECT(10) (SPC-4 7.5.4): its data length is reserved."""

    fields_desc = bits(_header10("-:16"), *_tail("tape"))


class ChangerModeData6(Structure):
    """Mode parameter data of MODE SENSE(6), of a changer (SPC-4 7.5.4, SMC-3 7.3)."""

    fields_desc = bits(_header6("mode_data_length:8=auto"), *_tail("changer"))


class ChangerModeData10(Structure):
    """Mode parameter data of MODE SENSE(10), of a changer (SPC-4 7.5.4, SMC-3 7.3)."""

    fields_desc = bits(_header10("mode_data_length:16=auto"), *_tail("changer"))


class ChangerModeList6(Structure):
    """Mode parameter list of MODE SELECT(6), of a changer (SPC-4 7.5.4, SMC-3 7.3)."""

    fields_desc = bits(_header6("-:8"), *_tail("changer"))


class ChangerModeList10(Structure):
    """Mode parameter list of MODE SELECT(10), of a changer (SPC-4 7.5.4, SMC-3 7.3)."""

    fields_desc = bits(_header10("-:16"), *_tail("changer"))

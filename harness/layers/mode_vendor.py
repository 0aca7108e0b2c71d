"""Mode pages of the makers' own: 23h to 25h, 2Fh and 30h, of IBM's LTO and 3592 drives.

LTO: IBM LTO SCSI Reference 6.6.19 to 6.6.21. 3592: the structures of LTFS; what it neither reads
nor sets is reserved here.
"""

from __future__ import annotations

from harness.layers.base import Numbers, Structure, bits, many
from harness.layers.mode import page


class MediumSense3592(Structure):
    """Medium Sense mode page (IBM 3592)."""

    fields_desc = page(
        0x23,
        "-:16 medium_id:16 format_id:8 -:16 -:3 worm_locked worm_mode:4"
        " physical_wp associated_wp reset_associated_wp persistent_wp reset_persistent_wp -:2"
        " permanent_wp -:6 segment_scaling scaling scaling_value:8 -:32 partition:8 -:240"
        " cartridge_id:12b",
    )


class VendorSpecific24(Structure):
    """Vendor-specific mode page 24h (IBM LTO SCSI Reference 6.6.19)."""

    fields_desc = page(
        0x24, "-:7 vendor_specific_2_0 vendor_specific_3:8 -:24 -:4 encr_e - fips encr_c"
    )


class InitiatorExtensions3592(Structure):
    """Initiator-specific extensions mode page (IBM 3592)."""

    fields_desc = page(0x24, "- lbp_reed_solomon lbp_crc32c -:5 -:168")


class ReadWriteControl3592(Structure):
    """Read/write control mode page (IBM 3592)."""

    fields_desc = page(
        0x25,
        "-:24 leop_method:8 early_warning:8 -:8 read_past_eod:8 -:8 density:8 -:72"
        " -:6 encryption_state:2 -:24 -:7 encryptable -:16 encryption_method:8 -:32",
    )


class BehaviorConfiguration(Structure):
    """Behavior Configuration mode page (IBM LTO SCSI Reference 6.6.20)."""

    fields_desc = page(
        0x2F,
        "fence_behavior:8 clean_behavior:8 worm_emulation:8 sense_data_behavior:8"
        " -:5 ccdm ddeor clnchk -:7 dfmrdl"
        " -:2 unload_cleaner:2 unload_firmware:2 unload_data:2 -:7 ta10",
    )


class DeviceAttributeSettings(Structure):
    """Device Attribute Settings mode page: its subpages (IBM LTO SCSI Reference 6.6.21)."""

    fields_desc = page(0x30, "", Numbers("subpage_codes", 1))


class EncryptionMode(Structure):
    """Encryption Mode subpage (IBM LTO SCSI Reference 6.6.21.2)."""

    fields_desc = page(
        0x30,
        "-:8 encryption_method:8 key_path:8 default_encryption_state:8 density_reporting:8",
        subpage=0x20,
    )


class SkipSync(Structure):
    """SkipSync subpage (IBM LTO SCSI Reference 6.6.21.3)."""

    fields_desc = page(
        0x30, "-:5 ssv:2 sse -:16 policy:8 minimum_remaining_capacity:32 -:64", subpage=0x40
    )


class EndOfPartitionBehavior(Structure):
    """End of Partition Behavior Control subpage (IBM LTO SCSI Reference 6.6.21.5)."""

    fields_desc = page(0x30, "leop_method:8", subpage=0x42)


class FeatureSwitches(Structure):
    """Feature Switches subpage (IBM LTO SCSI Reference 6.6.21.6)."""

    fields_desc = page(0x30, "-:5 e_12vpc e_archive d_bopc -:120", subpage=0x43)


class CartridgePreference(Structure):
    """A cartridge type and the density to give it (IBM LTO SCSI Reference 6.6.21.7)."""

    fields_desc = bits("cartridge_type:8 density_code:8 -:16")


class PreferredCartridgeType(Structure):
    """Preferred Cartridge Type subpage (IBM LTO SCSI Reference 6.6.21.7)."""

    fields_desc = page(0x30, "", many("preferences", CartridgePreference), subpage=0x44)


PAGES: dict[tuple[int, int], type[Structure]] = {
    (0x23, 0x00): MediumSense3592,
    (0x25, 0x00): ReadWriteControl3592,
    (0x2F, 0x00): BehaviorConfiguration,
    (0x30, 0x00): DeviceAttributeSettings,
    (0x30, 0x20): EncryptionMode,
    (0x30, 0x40): SkipSync,
    (0x30, 0x42): EndOfPartitionBehavior,
    (0x30, 0x43): FeatureSwitches,
    (0x30, 0x44): PreferredCartridgeType,
}


def page_24(data: bytes) -> type[Structure]:
    """Page 24h: LTO's is of 6 bytes, 3592's of 22."""
    return InitiatorExtensions3592 if len(data) > 1 and data[1] > 0x06 else VendorSpecific24

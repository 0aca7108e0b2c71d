"""Pages of SECURITY PROTOCOL IN and OUT: security protocol information (00h, SPC-4 7.7.1) and tape
data encryption (20h, SSC-4 8.5).

PAGE LENGTH counts everything behind it, KAD descriptors included, and is computed unless it is
given; so are the lengths of keys and descriptors.
"""

from __future__ import annotations

from typing import Any

from harness.layers.base import Fields, Numbers, Structure, bits, many, rest, sized

INFORMATION = 0x00
TAPE_DATA_ENCRYPTION = 0x20


def page(code: int, text: str, *more: Any) -> Fields:
    """The fields of a page of protocol 20h: ``text`` is what follows the page length."""
    return bits(f"page_code:16={code} page_length:16=auto {text}", *more)


class KeyAssociatedData(Structure):
    """KAD descriptor (SSC-4 8.5.4).

    Types: 0 U-KAD, 1 A-KAD, 2 nonce, 3 M-KAD, 4 wrapped-key KAD.
    """

    fields_desc = bits(
        "key_descriptor_type:8 -:5 authenticated:3 key_descriptor_length:16=auto",
        rest("key_descriptor"),
    )


class SetDataEncryption(Structure):
    """Set Data Encryption page (SSC-4 8.5.3.2)."""

    fields_desc = page(
        0x0010,
        "scope:3 -:4 lock ceem:2 rdmc:2 sdk ckod ckorp ckorl encryption_mode:8"
        " decryption_mode:8 algorithm_index:8 key_format:8 kad_format:8 -:56 key_length:16>key",
        sized("key", "key_length"),
        many("kad_list", KeyAssociatedData),
    )


class SecurityAssociationEncapsulation(Structure):
    """SA Encapsulation page (SSC-4 8.5.3.3)."""

    fields_desc = page(0x0011, "", rest("data_out_descriptor"))


class InSupport(Structure):
    """Tape Data Encryption In Support page (SSC-4 8.5.2.2)."""

    fields_desc = page(
        0x0000,
        "",
        Numbers("page_codes", 2),
    )


class OutSupport(Structure):
    """Tape Data Encryption Out Support page (SSC-4 8.5.2.3)."""

    fields_desc = page(
        0x0001,
        "",
        Numbers("page_codes", 2),
    )


class AlgorithmDescriptor(Structure):
    """Encryption algorithm descriptor (SSC-4 8.5.2.4)."""

    fields_desc = bits(
        "algorithm_index:8=1 -:8 algorithm_descriptor_length:16=auto"
        " avfmv sdk_c mac_c delb_c decrypt_c:2 encrypt_c:2"
        " avfclp:2 nonce_c:2 kadf_c vcelb_c ukadf akadf"
        " maximum_ukad_length:16 maximum_akad_length:16 key_size:16"
        " dkad_c:2 eemc_c:2 rdmc_c:3 earem -:4 maximum_eedk_count:4"
        " msdk_count:16 maximum_eedk_size:16 -:16 security_algorithm_code:32"
    )


class DataEncryptionCapabilities(Structure):
    """Data Encryption Capabilities page (SSC-4 8.5.2.4)."""

    fields_desc = page(
        0x0010,
        "-:4 extdecc:2 cfg_p:2 -:120",
        many("algorithms", AlgorithmDescriptor),
    )


class SupportedKeyFormats(Structure):
    """Supported Key Formats page (SSC-4 8.5.2.5)."""

    fields_desc = page(
        0x0011,
        "",
        Numbers("key_formats", 1),
    )


class DataEncryptionManagementCapabilities(Structure):
    """Data Encryption Management Capabilities page (SSC-4 8.5.2.6)."""

    fields_desc = page(
        0x0012, "-:7 lock_c -:5 ckod_c ckorp_c ckorl_c -:8 -:5 aitn_c local_c public_c -:64"
    )


class DataEncryptionStatus(Structure):
    """Data Encryption Status page (SSC-4 8.5.2.7)."""

    fields_desc = page(
        0x0020,
        "i_t_nexus_scope:3 -:2 key_scope:3 encryption_mode:8 decryption_mode:8"
        " algorithm_index:8 key_instance_counter:32"
        " - parameters_control:3 vcelb ceems:2 rdmd kad_format:8 asdk_count:16 -:64",
        many("kad_list", KeyAssociatedData),
    )


class NextBlockEncryptionStatus(Structure):
    """Next Block Encryption Status page (SSC-4 8.5.2.8)."""

    fields_desc = page(
        0x0021,
        "logical_object_number:64 compression_status:4 encryption_status:4 algorithm_index:8"
        " -:6 emes rdmds kad_format:8",
        many("kad_list", KeyAssociatedData),
    )


class RandomNumber(Structure):
    """Random Number page (SSC-4 8.5.2.9)."""

    fields_desc = page(0x0030, "random_number:32b")


class DeviceServerKeyWrappingPublicKey(Structure):
    """Device Server Key Wrapping Public Key page (SSC-4 8.5.2.10)."""

    fields_desc = page(
        0x0031,
        "public_key_type:32 public_key_format:32 public_key_length:16>public_key",
        sized("public_key", "public_key_length"),
    )


class SupportedSecurityProtocols(Structure):
    """Supported security protocols list (SPC-4 7.7.1.2)."""

    fields_desc = bits(
        "-:48 supported_security_protocol_list_length:16=auto",
        Numbers("supported_security_protocols", 1),
    )


class CertificateData(Structure):
    """Certificate data (SPC-4 7.7.1.3)."""

    fields_desc = bits("-:16 certificate_length:16=auto", rest("certificate"))


class ComplianceDescriptor(Structure):
    """Compliance descriptor of FIPS 140 (SPC-4 7.7.1.4)."""

    fields_desc = bits(
        "compliance_descriptor_type:16=1 -:16 compliance_descriptor_length:32=auto"
        " related_standard:8 overall_security_level:8 -:48 hardware_version:128c version:128c"
        " module_name:256c"
    )


class ComplianceInformation(Structure):
    """Security compliance information (SPC-4 7.7.1.4)."""

    fields_desc = bits(
        "compliance_data_length:32=auto",
        many("compliance_descriptors", ComplianceDescriptor),
    )


_INFORMATION: dict[int, type[Structure]] = {
    0x0000: SupportedSecurityProtocols,
    0x0001: CertificateData,
    0x0002: ComplianceInformation,
}
_TAPE_IN: dict[int, type[Structure]] = {
    0x0000: InSupport,
    0x0001: OutSupport,
    0x0010: DataEncryptionCapabilities,
    0x0011: SupportedKeyFormats,
    0x0012: DataEncryptionManagementCapabilities,
    0x0020: DataEncryptionStatus,
    0x0021: NextBlockEncryptionStatus,
    0x0030: RandomNumber,
    0x0031: DeviceServerKeyWrappingPublicKey,
}
_TAPE_OUT: dict[int, type[Structure]] = {
    0x0010: SetDataEncryption,
    0x0011: SecurityAssociationEncapsulation,
}


def spin_layer(protocol: int, specific: int) -> type[Structure] | None:
    """The layer of what SECURITY PROTOCOL IN returns, by the CDB's fields, or None."""
    pages = {INFORMATION: _INFORMATION, TAPE_DATA_ENCRYPTION: _TAPE_IN}.get(protocol, {})
    return pages.get(specific)


def spout_layer(protocol: int, specific: int) -> type[Structure] | None:
    """The layer of what SECURITY PROTOCOL OUT carries, by the CDB's fields, or None."""
    return _TAPE_OUT.get(specific) if protocol == TAPE_DATA_ENCRYPTION else None


def kad(kind: int, data: bytes, **fields: Any) -> KeyAssociatedData:
    """A KAD descriptor in one line."""
    return KeyAssociatedData(key_descriptor_type=kind, key_descriptor=data, **fields)

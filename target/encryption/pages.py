"""The bytes of SECURITY PROTOCOL IN and OUT, protocol 20h (SSC-4 8.5), declared by field.

Offsets count from byte 0 of the page, its 4-byte header included; those of a descriptor from its
own first byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from target.scsi.layout import Layout

PROTOCOL_INFORMATION = 0x00
PROTOCOL_TAPE = 0x20

PROTOCOLS, CERTIFICATE, COMPLIANCE = 0x0000, 0x0001, 0x0002
"""Pages of protocol 00h."""

IN_SUPPORT, OUT_SUPPORT = 0x0000, 0x0001
CAPABILITIES, KEY_FORMATS, MANAGEMENT = 0x0010, 0x0011, 0x0012
STATUS, NEXT_BLOCK, RANDOM_NUMBER, PUBLIC_KEY = 0x0020, 0x0021, 0x0030, 0x0031
SET_DATA_ENCRYPTION = 0x0010

CAPABILITIES_PAGE = Layout("4.3-2 extdecc, 4.1-0 cfg_p", 20)

ALGORITHM = Layout(
    """0      algorithm_index
    2-3      descriptor_length
    4.7      avfmv
    4.6      sdk_c
    4.5      mac_c
    4.4      delb_c
    4.3-2    decrypt_c
    4.1-0    encrypt_c
    5.7-6    avfclp
    5.5-4    nonce_c
    5.3      kadf_c
    5.2      vcelb_c
    5.1      ukadf
    5.0      akadf
    6-7      max_ukad
    8-9      max_akad
    10-11    key_size
    12.7-6   dkad_c
    12.5-4   eemc_c
    12.3-1   rdmc_c
    12.0     earem
    13.3-0   max_eedk_count
    14-15    max_sdk_count
    16-17    max_eedk_size
    20-23    algorithm_code""",
    24,
)

MANAGEMENT_PAGE = Layout(
    """4.0  lock_c
    5.2    ckod_c
    5.1    ckorp_c
    5.0    ckorl_c
    7.2    aitn_c
    7.1    local_c
    7.0    public_c""",
    16,
)

STATUS_PAGE = Layout(
    """4.7-5  nexus_scope
    4.2-0    key_scope
    5        encryption_mode
    6        decryption_mode
    7        algorithm_index
    8-11     key_instance_counter
    12.6-4   parameters_control
    12.3     vcelb
    12.2-1   ceems
    12.0     rdmd
    13       kad_format
    14-15    asdk_count""",
    24,
)

NEXT_BLOCK_PAGE = Layout(
    """4-11   object_number
    12.7-4   compression_status
    12.3-0   encryption_status
    13       algorithm_index
    14.1     emes
    14.0     rdmds
    15       kad_format""",
    16,
)

CANNOT_TELL, CANNOT_NOW, NO_BLOCK, CLEAR, ENCRYPTED_OPEN, ENCRYPTED_CLOSED = 0, 1, 2, 3, 5, 6
"""ENCRYPTION STATUS."""

PUBLIC_KEY_PAGE = Layout("4-7 key_type, 8-11 key_format, 12-13 key_length", 14)

COMPLIANCE_PAGE = Layout(
    """0-3   page_length
    4-5     descriptor_type
    8-11    descriptor_length
    12      standard
    13      level
    20-147  hardware
    148-275 version
    276-531 module""",
    532,
)
"""Security compliance information with one descriptor, of cryptographic modules (SPC-5 7.7.1.4)."""

SET_PAGE = Layout(
    """0-1    page_code
    2-3      page_length
    4.7-5    scope
    4.0      lock
    5.7-6    ceem
    5.5-4    rdmc
    5.3      sdk
    5.2      ckod
    5.1      ckorp
    5.0      ckorl
    6        encryption_mode
    7        decryption_mode
    8        algorithm_index
    9        key_format
    10       kad_format
    18-19    key_length""",
    20,
)

KAD_U, KAD_A, KAD_NONCE, KAD_M = 0, 1, 2, 3

NOT_COVERED, NOT_ATTEMPTED, AUTHENTICATED, AUTHENTICATION_FAILED = 1, 2, 3, 4


class KadDescriptor(NamedTuple):
    """A key-associated data descriptor; ``authenticated`` is 0 in data-out."""

    kind: int
    data: bytes
    authenticated: int = 0

    def encode(self) -> bytes:
        """Type, AUTHENTICATED, length, data."""
        return (
            bytes((self.kind, self.authenticated)) + len(self.data).to_bytes(2, "big") + self.data
        )


def page(code: int, body: bytes | bytearray) -> bytes:
    """A page from its code and the bytes behind the 4-byte header."""
    return code.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def page_of(
    code: int, layout: Layout, values: dict[str, int], tail: Iterable[KadDescriptor] = ()
) -> bytes:
    """A page from field values, with KAD descriptors behind them."""
    return page(code, layout.encode(values)[4:] + b"".join(kad.encode() for kad in tail))

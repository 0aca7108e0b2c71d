"""INQUIRY data and vital product data of a tape drive, from its personality."""

from __future__ import annotations

from target.personality import Personality
from target.scsi.layout import Layout

DEVICE_TYPE = 0x01

STANDARD = Layout(
    """0.7-5   peripheral_qualifier
    0.4-0     device_type
    1.7       rmb
    2         version
    3.4       hisup
    3.3-0     response_data_format
    4         additional_length
    7.1       cmdque
    8-15      vendor
    16-31     product
    32-35     revision
    36-41     vendor_specific
    58-59     version_descriptor_1
    60-61     version_descriptor_2""",
    96,
)

SPC_4, SSC_3 = 0x0460, 0x0400

EXTENDED = Layout("5.0 simpsup", 64)
SEQUENTIAL = Layout("4.0 worm, 4.1 tsmc", 6)


def standard(personality: Personality) -> bytes:
    """Standard INQUIRY data, 96 bytes."""
    inquiry = personality.inquiry
    return bytes(
        STANDARD.encode(
            device_type=DEVICE_TYPE,
            rmb=1,
            version=inquiry["version"],
            response_data_format=2,
            additional_length=STANDARD.size - 5,
            cmdque=1,
            vendor=inquiry["vendor"].encode(),
            product=inquiry["product"].encode(),
            revision=inquiry["revision"].encode(),
            version_descriptor_1=SPC_4,
            version_descriptor_2=SSC_3,
        )
    )


def vital_product_data(personality: Personality, serial: str) -> dict[int, bytes]:
    """The bodies of the VPD pages (SPC-4 7.8, SSC-4 8.6), ascending by page code.

    86h: extended INQUIRY, without logical block protection. B0h: sequential-access capabilities.
    B1h and B3h: serial numbers of the drive and of its automation device, the same here.
    """
    text = serial.encode()
    pages = {
        0x80: text,
        0x83: _identification(personality, serial),
        0x86: bytes(EXTENDED.encode(simpsup=1))[4:],
        0xB0: bytes(SEQUENTIAL.encode())[4:],
        0xB1: text,
        0xB3: text,
    }
    return {0x00: bytes((0x00, *pages)), **pages}


def _identification(personality: Personality, serial: str) -> bytes:
    """Page 83h in IBM's order: T10 name, logical unit, target port, its relative number, target."""
    inquiry = personality.inquiry
    name = f"{inquiry['vendor']:8}{inquiry['product']:16}{serial}".encode()
    unit = int("".join(filter(str.isdigit, serial)) or "0") % (1 << 36 - 4) << 4

    def naa(last: int) -> bytes:
        return (personality.vpd["naa_prefix"] << 36 | unit | last).to_bytes(8, "big")

    logical_unit, port, target = 0x00, 0x10, 0x20
    return b"".join(
        (
            _designator(2, logical_unit | 1, name),
            _designator(1, logical_unit | 3, naa(0)),
            _designator(1, 0x80 | port | 3, naa(1), protocol=6),
            _designator(1, 0x80 | port | 4, (1).to_bytes(4, "big"), protocol=6),
            _designator(1, 0x80 | target | 3, naa(2), protocol=6),
        )
    )


def _designator(code_set: int, kind: int, data: bytes, protocol: int = 0) -> bytes:
    """One designator; PIV and a protocol (6: SAS) where it speaks of a port or the target."""
    return bytes((protocol << 4 | code_set, kind, 0, len(data))) + data

"""Pages of protocol 20h as the checks read and make them."""

from __future__ import annotations

from typing import NamedTuple


class Algorithm(NamedTuple):
    """An algorithm descriptor (SSC-4 8.5.2.4)."""

    algorithm_index: int
    length: int
    avfmv: int
    sdk_c: int
    mac_c: int
    delb_c: int
    decrypt_c: int
    encrypt_c: int
    avfclp: int
    nonce_c: int
    kadf_c: int
    vcelb_c: int
    ukadf: int
    akadf: int
    max_ukad: int
    max_akad: int
    key_size: int
    dkad_c: int
    eemc_c: int
    rdmc_c: int
    earem: int
    max_eedk_count: int
    msdk_count: int
    max_eedk_size: int
    code: int
    raw: bytes


def algorithms(page: bytes) -> list[Algorithm]:
    """The descriptors of a Data Encryption Capabilities page."""
    found = []
    at = 20
    while at + 24 <= len(page):
        d = page[at : at + 24]
        found.append(
            Algorithm(
                d[0], int.from_bytes(d[2:4]),
                d[4] >> 7, d[4] >> 6 & 1, d[4] >> 5 & 1, d[4] >> 4 & 1, d[4] >> 2 & 3, d[4] & 3,
                d[5] >> 6, d[5] >> 4 & 3, d[5] >> 3 & 1, d[5] >> 2 & 1, d[5] >> 1 & 1, d[5] & 1,
                int.from_bytes(d[6:8]), int.from_bytes(d[8:10]), int.from_bytes(d[10:12]),
                d[12] >> 6, d[12] >> 4 & 3, d[12] >> 1 & 7, d[12] & 1,
                d[13] & 15, int.from_bytes(d[14:16]), int.from_bytes(d[16:18]),
                int.from_bytes(d[20:24]), d,
            )
        )  # fmt: skip
        at += 4 + max(1, int.from_bytes(d[2:4]))
    return found


class Management(NamedTuple):
    """Data Encryption Management Capabilities page (SSC-4 8.5.2.6)."""

    lock_c: int
    ckod_c: int
    ckorp_c: int
    ckorl_c: int
    aitn_c: int
    local_c: int
    public_c: int

    @classmethod
    def of(cls, page: bytes) -> Management:
        """From the page."""
        d = page + bytes(16)
        return cls(
            d[4] & 1, d[5] >> 2 & 1, d[5] >> 1 & 1, d[5] & 1, d[7] >> 2 & 1, d[7] >> 1 & 1, d[7] & 1
        )


class Kad(NamedTuple):
    """A key-associated data descriptor (SSC-4 8.5.4)."""

    kind: int
    authenticated: int
    data: bytes


def kads(data: bytes) -> list[Kad]:
    """Descriptors one behind the other; one that is cut off is not among them."""
    found = []
    while len(data) >= 4:
        end = 4 + int.from_bytes(data[2:4])
        if end > len(data):
            break
        found.append(Kad(data[0], data[1] & 7, data[4:end]))
        data = data[end:]
    return found


class Status(NamedTuple):
    """Data Encryption Status page (SSC-4 8.5.2.7)."""

    nexus_scope: int
    key_scope: int
    encryption_mode: int
    decryption_mode: int
    algorithm_index: int
    key_instance_counter: int
    parameters_control: int
    vcelb: int
    ceems: int
    rdmd: int
    kad_format: int
    asdk_count: int
    kads: list[Kad]

    @classmethod
    def of(cls, page: bytes) -> Status:
        """From the page."""
        d = page + bytes(24)
        return cls(
            d[4] >> 5, d[4] & 7, d[5], d[6], d[7], int.from_bytes(d[8:12]),
            d[12] >> 4 & 7, d[12] >> 3 & 1, d[12] >> 1 & 3, d[12] & 1,
            d[13], int.from_bytes(d[14:16]), kads(page[24:]),
        )  # fmt: skip


class NextBlock(NamedTuple):
    """Next Block Encryption Status page (SSC-4 8.5.2.8)."""

    object_number: int
    compression_status: int
    encryption_status: int
    algorithm_index: int
    emes: int
    rdmds: int
    kad_format: int
    kads: list[Kad]

    @classmethod
    def of(cls, page: bytes) -> NextBlock:
        """From the page."""
        d = page + bytes(16)
        return cls(
            int.from_bytes(d[4:12]), d[12] >> 4, d[12] & 15, d[13], d[14] >> 1 & 1, d[14] & 1,
            d[15], kads(page[16:]),
        )  # fmt: skip


def kad(kind: int, data: bytes) -> bytes:
    """A key-associated data descriptor as hosts send it."""
    return bytes((kind, 0)) + len(data).to_bytes(2) + data


def set_page(
    *,
    scope: int = 2,
    lock: int = 0,
    ceem: int = 0,
    rdmc: int = 0,
    sdk: int = 0,
    ckod: int = 0,
    ckorp: int = 0,
    ckorl: int = 0,
    encryption: int = 0,
    decryption: int = 0,
    algorithm: int = 0,
    key_format: int = 0,
    kad_format: int = 0,
    key: bytes = b"",
    key_length: int | None = None,
    kads: bytes = b"",
    page_length: int | None = None,
    page_code: int = 0x0010,
) -> bytearray:
    """A Set Data Encryption page (SSC-4 8.5.3.2); lengths may be told wrong."""
    control = ceem << 6 | rdmc << 4 | sdk << 3 | ckod << 2 | ckorp << 1 | ckorl
    body = bytes((scope << 5 | lock, control, encryption, decryption, algorithm, key_format))
    body += bytes((kad_format,)) + bytes(7)
    body += (len(key) if key_length is None else key_length).to_bytes(2) + key + kads
    length = len(body) if page_length is None else page_length
    return bytearray(page_code.to_bytes(2) + length.to_bytes(2) + body)

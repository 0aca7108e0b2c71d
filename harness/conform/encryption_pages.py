"""Pages of protocol 20h as the checks read and make them, by the layers of `harness.layers`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from harness.layers.security import (
    AlgorithmDescriptor,
    DataEncryptionCapabilities,
    DataEncryptionManagementCapabilities,
    DataEncryptionStatus,
    KeyAssociatedData,
    NextBlockEncryptionStatus,
    SetDataEncryption,
)
from harness.layers.security import kad as descriptor


class Kad(NamedTuple):
    """A key-associated data descriptor (SSC-4 8.5.4)."""

    kind: int
    authenticated: int
    data: bytes


def _values(kind: type[Any], packet: Any) -> dict[str, Any]:
    """The packet's fields by the names of the tuple's; descriptors as a tuple of `Kad`."""
    values = {name: packet.getfieldval(name) for name in kind._fields if name != "kads"}
    if "kads" in kind._fields:
        values["kads"] = tuple(
            Kad(one.key_descriptor_type, one.authenticated, bytes(one.key_descriptor))
            for one in packet.kad_list
            if isinstance(one, KeyAssociatedData)
        )
    return values


class Algorithm(NamedTuple):
    """An algorithm descriptor (SSC-4 8.5.2.4)."""

    algorithm_index: int
    algorithm_descriptor_length: int
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
    maximum_ukad_length: int
    maximum_akad_length: int
    key_size: int
    dkad_c: int
    eemc_c: int
    rdmc_c: int
    earem: int
    maximum_eedk_count: int
    msdk_count: int
    maximum_eedk_size: int
    security_algorithm_code: int


def algorithms(page: bytes) -> list[Algorithm]:
    """The descriptors of a Data Encryption Capabilities page."""
    return [
        Algorithm(**_values(Algorithm, one))
        for one in DataEncryptionCapabilities(page).algorithms
        if isinstance(one, AlgorithmDescriptor)
    ]


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
        return cls(**_values(cls, DataEncryptionManagementCapabilities(page)))


class Status(NamedTuple):
    """Data Encryption Status page (SSC-4 8.5.2.7)."""

    i_t_nexus_scope: int
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
    kads: tuple[Kad, ...]

    @classmethod
    def of(cls, page: bytes) -> Status:
        """From the page."""
        return cls(**_values(cls, DataEncryptionStatus(page)))

    @property
    def modes(self) -> tuple[int, int]:
        """Encryption and decryption."""
        return self.encryption_mode, self.decryption_mode


class NextBlock(NamedTuple):
    """Next Block Encryption Status page (SSC-4 8.5.2.8)."""

    logical_object_number: int
    compression_status: int
    encryption_status: int
    algorithm_index: int
    emes: int
    rdmds: int
    kad_format: int
    kads: tuple[Kad, ...]

    @classmethod
    def of(cls, page: bytes) -> NextBlock:
        """From the page."""
        return cls(**_values(cls, NextBlockEncryptionStatus(page)))


def of_host(kads: Iterable[Kad]) -> list[tuple[int, bytes]]:
    """U-KAD and A-KAD among descriptors, by kind: a nonce or metadata may come with them."""
    return [(one.kind, one.data) for one in kads if one.kind < 2]


def same(given: Sequence[tuple[int, bytes]], came: Iterable[tuple[int, bytes]]) -> bool:
    """Whether the descriptors are those given; formats may fill up what is short with zeros, and
    have descriptors of zeros for those that were not given."""
    there = [one for one in came if any(one[1])]
    return len(there) == len(given) and all(
        kind == other and data.ljust(len(padded), b"\0") == padded
        for (kind, data), (other, padded) in zip(given, there, strict=True)
    )


def kad(kind: int, data: bytes) -> bytes:
    """A key-associated data descriptor as hosts send it."""
    return bytes(descriptor(kind, data))


def set_page(*, kads: bytes = b"", **fields: Any) -> bytearray:
    """A Set Data Encryption page with those fields of `SetDataEncryption`: scope ALL I_T NEXUS
    unless told. ``kads``: what is behind the key. Lengths may be told wrong."""
    fields = {"scope": 2, **fields}
    length = fields.pop("page_length", None)
    page = bytearray(_fixed_part(**fields) + kads)
    page[2:4] = (len(page) - 4 if length is None else length).to_bytes(2)
    return page


@cache
def _fixed_part(**fields: Any) -> bytes:
    return bytes(SetDataEncryption(**fields))


def kads_of(page: bytes | bytearray) -> list[bytes]:
    """The key-associated data of a good Set Data Encryption page, in order."""
    return [bytes(one.key_descriptor) for one in SetDataEncryption(bytes(page)).kad_list]

"""READ POSITION data: short, long and extended form (SSC-4 7.7)."""

from __future__ import annotations

from harness.layers.base import Structure, bits

_FLAGS = "bop eop locu bycu - lolu perr bpew"


class ShortPosition(Structure):
    """READ POSITION data, short form (SSC-4 7.7.2)."""

    fields_desc = bits(
        f"{_FLAGS} partition_number:8 -:16 first_logical_object_location:32"
        " last_logical_object_location:32 -:8 number_of_logical_objects_in_object_buffer:24"
        " number_of_bytes_in_object_buffer:32"
    )


class LongPosition(Structure):
    """READ POSITION data, long form (SSC-4 7.7.3)."""

    fields_desc = bits(
        "bop eop -:2 mpu lonu - bpew -:24 partition_number:32 logical_object_number:64"
        " logical_file_identifier:64 -:64"
    )


class ExtendedPosition(Structure):
    """READ POSITION data, extended form (SSC-4 7.7.4)."""

    fields_desc = bits(
        f"{_FLAGS} partition_number:8 additional_length:16=auto"
        " -:8 number_of_logical_objects_in_object_buffer:24"
        " first_logical_object_location:64 last_logical_object_location:64"
        " number_of_bytes_in_object_buffer:64"
    )


FORMS: dict[int, type[Structure]] = {
    0x00: ShortPosition,
    0x01: ShortPosition,
    0x06: LongPosition,
    0x08: ExtendedPosition,
}
"""By SERVICE ACTION."""

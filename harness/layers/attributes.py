"""Medium auxiliary memory: what READ ATTRIBUTE returns and WRITE ATTRIBUTE sends (SPC-4 7.4)."""

from __future__ import annotations

from harness.layers.base import Numbers, Structure, bits, many, rest


class Attribute(Structure):
    """MAM attribute (SPC-4 7.4.1). FORMAT: 0 binary, 1 ASCII, 2 text."""

    fields_desc = bits(
        "attribute_identifier:16 read_only -:5 format:2 attribute_length:16=auto",
        rest("attribute_value"),
    )


class AttributeValues(Structure):
    """ATTRIBUTE VALUES parameter data (SPC-4 6.17.2)."""

    fields_desc = bits("available_data:32=auto", many("attributes", Attribute))


class AttributeList(Structure):
    """ATTRIBUTE LIST or SUPPORTED ATTRIBUTES parameter data (SPC-4 6.17.3, 6.17.6)."""

    fields_desc = bits(
        "available_data:32=auto",
        Numbers("attribute_identifiers", 2),
    )


class NumberList(Structure):
    """LOGICAL VOLUME LIST or PARTITION LIST parameter data (SPC-4 6.17.4, 6.17.5)."""

    fields_desc = bits("available_data:16=auto first_number:8 number_available:8")


class AttributeParameterList(Structure):
    """WRITE ATTRIBUTE parameter list (SPC-4 6.48)."""

    fields_desc = bits("parameter_data_length:32=auto", many("attributes", Attribute))


FORMS: dict[int, type[Structure]] = {
    0x00: AttributeValues,
    0x01: AttributeList,
    0x02: NumberList,
    0x03: NumberList,
    0x05: AttributeList,
}
"""By SERVICE ACTION of READ ATTRIBUTE."""

"""Element status and what goes with it (SMC-3 6.4, 6.11 to 6.14)."""

from __future__ import annotations

from typing import Any

from scapy.fields import PacketListField
from scapy.packet import Padding

from harness.layers.base import Number, Structure, bits, many, rest, sized


class VolumeTag(Structure):
    """Volume tag information (SMC-3 6.11.5): 32 characters, zeros where there is no label."""

    fields_desc = bits("volume_identifier:32b -:16 volume_sequence_number:16")


def _tags(descriptor: Any) -> int:
    page = descriptor.parent
    return 0 if page is None else int(page.pvoltag) + int(page.avoltag)


class ElementDescriptor(Structure):
    """Element descriptor (SMC-3 6.11.4 to 6.11.8), of any type: the flags of byte 2 are those of
    import/export elements, of which the others have some; bytes 6 and 7 are of data transfer
    elements. How many volume tags there are is said by the page that it is in."""

    fields_desc = bits(
        "element_address:16 oir cmc inenab exenab access except_ impexp full -:8"
        " additional_sense_code:8 additional_sense_code_qualifier:8"
        " not_bus - id_valid lu_valid - logical_unit_number:3 scsi_bus_address:8 -:8"
        " svalid invert -:2 ed medium_type:3 source_storage_element_address:16",
        PacketListField("volume_tags", [], VolumeTag, count_from=_tags),
        *bits("-:4 code_set:4 -:4 identifier_type:4 -:8 identifier_length:8>identifier", at=12),
        sized("identifier", "identifier_length"),
        rest("vendor_specific"),
    )


class _DescriptorLength(Number):
    """ELEMENT DESCRIPTOR LENGTH: that of the first descriptor unless it is given."""

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        if val is None:
            first = pkt.descriptors[:1]
            val = len(bytes(first[0])) if first else 0
        return super().addfield(pkt, s, val)


def _descriptor(data: bytes, _parent: Any = None) -> Structure:
    """One descriptor, as long as the page says."""
    length = int(_parent.element_descriptor_length or 0) or len(data)
    found = ElementDescriptor(data[:length], _parent=_parent)
    found.remove_payload()
    if len(data) > length:
        found.add_payload(Padding(data[length:]))
    return found


class ElementStatusPage(Structure):
    """Element status page (SMC-3 6.11.3)."""

    fields_desc = bits(
        "element_type_code:8 pvoltag avoltag -:6",
        _DescriptorLength("element_descriptor_length", None, 2),
        *bits("-:8 byte_count_of_descriptor_data_available:24=auto", at=4),
        many("descriptors", _descriptor),
    )


class ElementStatusData(Structure):
    """Element status data (SMC-3 6.11.2)."""

    fields_desc = bits(
        "first_element_address_reported:16 number_of_elements_available:16 -:8"
        " byte_count_of_report_available:24=auto",
        many("pages", ElementStatusPage),
    )


class VolumeElementAddressData(Structure):
    """REQUEST VOLUME ELEMENT ADDRESS parameter data (SMC-3 6.12)."""

    fields_desc = bits(
        "first_element_address_reported:16 number_of_elements_available:16 -:3 send_action_code:5"
        " byte_count_of_report_available:24=auto",
        many("pages", ElementStatusPage),
    )


class SendVolumeTagList(Structure):
    """SEND VOLUME TAG parameter list (SMC-3 6.14)."""

    fields_desc = bits(
        "volume_identification_template:32c -:16 minimum_volume_sequence_number:16 -:16"
        " maximum_volume_sequence_number:16"
    )


class ElementListDescriptor(Structure):
    """Element list descriptor of RESERVE ELEMENT (SMC-2)."""

    fields_desc = bits("-:16 number_of_elements:16 starting_element_address:16")


class ElementList(Structure):
    """Element list of RESERVE ELEMENT (SMC-2)."""

    fields_desc = bits("", many("descriptors", ElementListDescriptor))

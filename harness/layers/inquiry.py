"""Standard INQUIRY data (SPC-4 6.4.2)."""

from __future__ import annotations

from harness.layers.base import Structure, bits, rest


class StandardInquiry(Structure):
    """Standard INQUIRY data (SPC-4 6.4.2). Devices end it after 36, 56, 96 or more bytes; what is
    not there is not in what is built either."""

    fields_desc = bits(
        "peripheral_qualifier:3 peripheral_device_type:5=1 rmb lu_cong -:6 version:8=6"
        " -:2 normaca hisup response_data_format:4=2 additional_length:8=auto"
        " sccs acc tpgs:2 threepc -:2 protect"
        " - encserv vs_6_5 multip -:4 -:6 cmdque vs_7_0"
        " t10_vendor_identification:8c product_identification:16c product_revision_level:4c",
        rest("behind"),
    )

    @property
    def version_descriptors(self) -> list[int]:
        """VERSION DESCRIPTORs 1 to 8, from byte 58 on, those that are not zero."""
        raw = bytes(self.behind)[58 - 36 : 74 - 36]
        pairs = (raw[at : at + 2] for at in range(0, len(raw) - 1, 2))
        return [number for pair in pairs if (number := int.from_bytes(pair, "big"))]

"""Sense data, fixed and descriptor format (SPC-4 4.5; stream commands SSC-4 4.2.18).

`FixedSense` and `DescriptorSense` are the bytes; `dissect_sense` gives a `Sense`, which says the
same of either.
"""

from __future__ import annotations

from typing import Any

from harness.layers.asc import TEXTS
from harness.layers.base import Structure, bits, many, rest

KEYS = (
    "NO SENSE", "RECOVERED ERROR", "NOT READY", "MEDIUM ERROR", "HARDWARE ERROR",
    "ILLEGAL REQUEST", "UNIT ATTENTION", "DATA PROTECT", "BLANK CHECK", "VENDOR SPECIFIC",
    "COPY ABORTED", "ABORTED COMMAND", "RESERVED", "VOLUME OVERFLOW", "MISCOMPARE", "COMPLETED",
)  # fmt: skip

SPECIFIC = "sksv c_d -:2 bpv bit_pointer:3 specific_value:16"
"""SENSE KEY SPECIFIC, as ILLEGAL REQUEST has it; SPECIFIC VALUE is the field pointer there, the
progress indication under NO SENSE and NOT READY, a count of retries under the others."""


class FixedSense(Structure):
    """Fixed format sense data (SPC-4 4.5.3)."""

    fields_desc = bits(
        "valid response_code:7=0x70 -:8 filemark eom ili sdat_ovfl sense_key:4 information:32i"
        " additional_sense_length:8=auto command_specific_information:32"
        " additional_sense_code:8 additional_sense_code_qualifier:8"
        " field_replaceable_unit_code:8 " + SPECIFIC,
        rest("additional_sense_bytes"),
    )


class InformationDescriptor(Structure):
    """INFORMATION (SPC-4 4.5.2.2)."""

    fields_desc = bits("descriptor_type:8=0 additional_length:8=auto valid -:7 -:8 information:64i")


class CommandSpecificDescriptor(Structure):
    """COMMAND-SPECIFIC INFORMATION (SPC-4 4.5.2.3)."""

    fields_desc = bits(
        "descriptor_type:8=1 additional_length:8=auto -:16 command_specific_information:64"
    )


class SenseKeySpecificDescriptor(Structure):
    """SENSE KEY SPECIFIC (SPC-4 4.5.2.4)."""

    fields_desc = bits(f"descriptor_type:8=2 additional_length:8=auto -:16 {SPECIFIC} -:8")


class FieldReplaceableUnitDescriptor(Structure):
    """FIELD REPLACEABLE UNIT CODE (SPC-4 4.5.2.5)."""

    fields_desc = bits(
        "descriptor_type:8=3 additional_length:8=auto -:8 field_replaceable_unit_code:8"
    )


class StreamDescriptor(Structure):
    """Stream commands (SSC-4 4.2.18)."""

    fields_desc = bits("descriptor_type:8=4 additional_length:8=auto -:8 filemark eom ili -:5")


class OtherSenseDescriptor(Structure):
    """A sense data descriptor that is not described here (SPC-4 4.5.2)."""

    fields_desc = bits("descriptor_type:8=0x80 additional_length:8=auto", rest("data"))


_DESCRIPTORS: dict[int, type[Structure]] = {
    0: InformationDescriptor,
    1: CommandSpecificDescriptor,
    2: SenseKeySpecificDescriptor,
    3: FieldReplaceableUnitDescriptor,
    4: StreamDescriptor,
}


def _descriptor(data: bytes, **more: Any) -> Structure:
    return _DESCRIPTORS.get(data[0], OtherSenseDescriptor)(data, **more)


class DescriptorSense(Structure):
    """Descriptor format sense data (SPC-4 4.5.2)."""

    fields_desc = bits(
        "- response_code:7=0x72 -:4 sense_key:4 additional_sense_code:8"
        " additional_sense_code_qualifier:8 sdat_ovfl -:7 -:16 additional_sense_length:8=auto",
        many("descriptors", _descriptor),
    )


class Sense:
    """What sense data say, in either format; ``packet`` is the bytes' layer."""

    def __init__(self, packet: Structure) -> None:
        self.packet: Any = packet

    def _part(self, kind: type[Structure]) -> Any:
        """Where a descriptor's fields are: the descriptor, the fixed format, or None."""
        if isinstance(self.packet, FixedSense):
            return self.packet
        for one in self.packet.descriptors:
            if isinstance(one, kind):
                return one
        return None

    def _flag(self, name: str) -> bool:
        part = self._part(StreamDescriptor)
        return part is not None and bool(getattr(part, name))

    @property
    def response_code(self) -> int:
        """70h to 73h."""
        return int(self.packet.response_code)

    @property
    def deferred(self) -> bool:
        """Whether it is about a command that ended before."""
        return self.response_code in (0x71, 0x73)

    @property
    def key(self) -> int:
        """SENSE KEY."""
        return int(self.packet.sense_key)

    @property
    def asc(self) -> int:
        """ADDITIONAL SENSE CODE."""
        return int(self.packet.additional_sense_code)

    @property
    def ascq(self) -> int:
        """ADDITIONAL SENSE CODE QUALIFIER."""
        return int(self.packet.additional_sense_code_qualifier)

    @property
    def code(self) -> str:
        """Such as "5/24/00"."""
        return f"{self.key:X}/{self.asc:02X}/{self.ascq:02X}"

    @property
    def text(self) -> str:
        """Key and code in the words of the standard."""
        return f"{KEYS[self.key]}: {code_text(self.asc, self.ascq)}"

    @property
    def valid(self) -> bool:
        """Whether INFORMATION holds what the standard says that it does."""
        part = self._part(InformationDescriptor)
        return part is not None and bool(part.valid)

    @property
    def information(self) -> int | None:
        """INFORMATION, signed; None if it is not valid."""
        return int(self._part(InformationDescriptor).information) if self.valid else None

    @property
    def filemark(self) -> bool:
        """FILEMARK."""
        return self._flag("filemark")

    @property
    def eom(self) -> bool:
        """END OF MEDIUM."""
        return self._flag("eom")

    @property
    def ili(self) -> bool:
        """INCORRECT LENGTH INDICATOR."""
        return self._flag("ili")

    @property
    def command_specific(self) -> int:
        """COMMAND-SPECIFIC INFORMATION; 0 if there is none."""
        part = self._part(CommandSpecificDescriptor)
        return 0 if part is None else int(part.command_specific_information)

    @property
    def field_pointer(self) -> tuple[int, int | None, bool] | None:
        """(byte, bit or None, in_data): the field in error, in the CDB or in the parameter list."""
        part = self._specific((5,))
        if part is None:
            return None
        return int(part.specific_value), int(part.bit_pointer) if part.bpv else None, not part.c_d

    @property
    def progress(self) -> int | None:
        """How much of an operation is done, in 65536ths, or None."""
        part = self._specific((0, 2))
        return None if part is None else int(part.specific_value)

    def _specific(self, keys: tuple[int, ...]) -> Any:
        part = self._part(SenseKeySpecificDescriptor)
        return part if part is not None and part.sksv and self.key in keys else None

    def show(self) -> None:
        """Print field by field."""
        self.packet.show()

    def __bytes__(self) -> bytes:
        return bytes(self.packet)

    def __str__(self) -> str:
        flags = [name for name in ("filemark", "eom", "ili", "deferred") if getattr(self, name)]
        more = [f"INFORMATION {self.information}"] if self.valid else []
        if self.field_pointer is not None:
            byte, bit, in_data = self.field_pointer
            where = f"byte {byte}" + ("" if bit is None else f" bit {bit}")
            more.append(f"{where} of the {'parameter list' if in_data else 'CDB'}")
        return ", ".join([f"{self.code} {self.text}", *(flag.upper() for flag in flags), *more])

    def __repr__(self) -> str:
        return f"<Sense {self}>"


def code_text(asc: int, ascq: int) -> str:
    """The standard's words for a code, or what range it is of."""
    exact = TEXTS.get((asc, ascq)) or TEXTS.get((asc, None))
    if exact:
        return exact.replace("(nn)", f"{ascq:02X}h")
    if asc >= 0x80 or ascq >= 0x80:
        return f"VENDOR SPECIFIC {asc:02X}h {ascq:02X}h"
    return f"UNKNOWN {asc:02X}h {ascq:02X}h"


def dissect_sense(data: bytes) -> Sense:
    """Sense data in either format.

    Raises ValueError for less than 8 bytes or a response code that is neither.
    """
    if len(data) < 8:
        raise ValueError(f"{len(data)} bytes are no sense data")
    if data[0] & 0x7F in (0x70, 0x71):
        return Sense(FixedSense(bytes(data)))
    if data[0] & 0x7F in (0x72, 0x73):
        return Sense(DescriptorSense(bytes(data)))
    raise ValueError(f"response code {data[0] & 0x7F:02X}h is of no sense data")

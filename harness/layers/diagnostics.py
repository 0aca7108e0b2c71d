"""Diagnostic pages (SPC-4 7.2) and the data of READ and WRITE BUFFER (SPC-4 6.18, 6.49)."""

from __future__ import annotations

from harness.layers.base import Numbers, Structure, bits, rest


class SupportedDiagnosticPages(Structure):
    """Supported Diagnostic Pages (SPC-4 7.2.3)."""

    fields_desc = bits(
        "page_code:8 -:8 page_length:16=auto",
        Numbers("page_codes", 1),
    )


class ForceDump(Structure):
    """Diagnostic page 80h of IBM's LTO drives, which captures a dump (LTFS)."""

    fields_desc = bits("page_code:8=0x80 -:8 page_length:16=auto diagnostic_id:16 -:16")


class OtherDiagnosticPage(Structure):
    """A diagnostic page that is not described here (SPC-4 7.2.1)."""

    fields_desc = bits("page_code:8 -:8 page_length:16=auto", rest("diagnostic_parameters"))


def dissect_diagnostic(data: bytes) -> Structure:
    """A diagnostic page. Raises ValueError for less than 4 bytes."""
    if len(data) < 4:
        raise ValueError(f"{len(data)} bytes are no diagnostic page")
    pages = {0x00: SupportedDiagnosticPages, 0x80: ForceDump}
    found: type[Structure] = pages.get(data[0], OtherDiagnosticPage)
    return found(bytes(data))


class BufferHeader(Structure):
    """READ BUFFER data, combined header and data mode (SPC-4 6.18.2)."""

    fields_desc = bits("-:8 buffer_capacity:24", rest("data"))


class BufferDescriptor(Structure):
    """READ BUFFER data, descriptor mode (SPC-4 6.18.5)."""

    fields_desc = bits("offset_boundary:8 buffer_capacity:24")


class EchoBufferDescriptor(Structure):
    """READ BUFFER data, echo buffer descriptor mode (SPC-4 6.18.7)."""

    fields_desc = bits("-:7 ebos -:8 -:3 buffer_capacity:13")


class BufferData(Structure):
    """The bytes of a buffer (SPC-4 6.18, 6.49)."""

    fields_desc = bits("", rest("data"))


BUFFERS: dict[int, type[Structure]] = {
    0x00: BufferHeader,
    0x03: BufferDescriptor,
    0x0B: EchoBufferDescriptor,
}
"""READ BUFFER data by MODE; any other mode's are `BufferData`."""

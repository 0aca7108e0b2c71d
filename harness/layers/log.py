"""Log pages (SPC-4 7.3, SSC-4 8.2, ADC-3 6.1): what LOG SENSE returns and LOG SELECT sends.

A page is a list of parameters. Those that are numbers or text are `LogParameter`; those with fields
of their own have a layer each, found by page and parameter code.
"""

from __future__ import annotations

from typing import Any

from harness.layers.base import Numbers, Structure, bits, many
from harness.layers.log_parameters import PARAMETERS, LogParameter

PAGE_NAMES = {
    0x00: "Supported Log Pages", 0x02: "Write Error Counter", 0x03: "Read Error Counter",
    0x06: "Non-Medium Error", 0x0C: "Sequential-Access Device", 0x0D: "Temperature",
    0x10: "Self-Test Results", 0x11: "DT Device Status", 0x12: "TapeAlert Response",
    0x13: "Requested Recovery", 0x14: "Device Statistics", 0x15: "Service Buffers Information",
    0x16: "Tape Diagnostic Data", 0x17: "Volume Statistics", 0x18: "Protocol Specific Port",
    0x1A: "Power Condition Transitions", 0x1B: "Data Compression", 0x2E: "TapeAlert",
}  # fmt: skip
"""The pages that standards name."""


_HEADER = "ds spf page_code:6 subpage_code:8 page_length:16=auto"


def _parameter(data: bytes, _parent: Any = None) -> Structure:
    """The parameter that ``data`` begins with; the page it is in says of what kind."""
    page = (_parent.page_code, _parent.subpage_code) if _parent is not None else None
    code = int.from_bytes(data[:2], "big")
    for pages, codes, layer in PARAMETERS:
        if page == pages and code in codes and _fits(layer, data):
            return layer(data, _parent=_parent)
    return LogParameter(data, _parent=_parent)


def _fits(layer: type[Structure], data: bytes) -> bool:
    """Whether a parameter has the length of the layer; makers give numbers to their own."""
    sizes: tuple[int, ...] = getattr(layer, "lengths", ())
    return len(data) < 4 or not sizes or data[3] in sizes


class LogPage(Structure):
    """A log page of parameters (SPC-4 7.3.2)."""

    fields_desc = bits(_HEADER, many("parameters", _parameter))


class SupportedLogPages(Structure):
    """Supported Log Pages (SPC-4 7.3.17)."""

    fields_desc = bits(_HEADER, Numbers("page_codes", 1))


class SupportedLogSubpages(Structure):
    """Supported Log Pages and Subpages, or Subpages (SPC-4 7.3.18): page and subpage codes."""

    fields_desc = bits(_HEADER, Numbers("pairs", 2))


class LogParameterList(Structure):
    """Log parameter list of LOG SELECT (SPC-4 6.5): pages of parameters."""

    fields_desc = bits("", many("pages", LogPage))


def dissect_log(data: bytes) -> Structure:
    """What LOG SENSE returned. Raises ValueError for less than 4 bytes."""
    if len(data) < 4:
        raise ValueError(f"{len(data)} bytes are no log page")
    if data[1] == 0xFF:
        return SupportedLogSubpages(bytes(data))
    if not data[0] & 0x3F:
        return SupportedLogPages(bytes(data))
    return LogPage(bytes(data))

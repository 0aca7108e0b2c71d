"""The SPC commands that any primary device has: INQUIRY, sense, mode, log.

`PrimaryUnit` says what a kind of device must bring along; the functions below serve the commands
from that. References are to SPC-4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from target.scsi import mode
from target.scsi import sense as s
from target.scsi.buffers import BUFFERS, Buffer
from target.scsi.command import GOOD, Call, Completion, Data, Nexus, Rule, command
from target.scsi.device_server import DeviceServer
from target.scsi.log import LogPage
from target.scsi.mode import ModePage, ModePages
from target.scsi.sense import CheckCondition, Sense, invalid_parameter

Page = tuple[ModePage, dict[str, int]]


class PrimaryUnit(DeviceServer):
    """A device with INQUIRY data, VPD, mode and log pages."""

    inquiry_data: bytes
    vpd_pages: Mapping[int, bytes]
    """Page code (00h included) to the page's body, without its 4-byte header."""
    modes: ModePages
    logs: Sequence[LogPage]
    diagnostics: Mapping[str, Any] = {}
    """``dump``: whether there is a diagnostic page that forces one."""
    buffers: Mapping[int, Buffer] = BUFFERS
    """Of READ BUFFER and WRITE BUFFER, by id."""

    def mode_header(self) -> tuple[int, int]:
        """(medium type, device-specific parameter) of the mode parameter header."""
        raise NotImplementedError

    def block_descriptor(self) -> bytes:
        """The current 8-byte block descriptor."""
        raise NotImplementedError

    def mode_select(
        self, nexus: Nexus, header: bytes, descriptor: bytes, pages: list[Page], start: int
    ) -> None:
        """Check and apply a mode parameter list: all of it or, raising, nothing.

        ``header`` is (medium type, device-specific parameter); an empty ``descriptor`` keeps.
        ``start`` is where the descriptor begins in the list, for the field pointer.
        """
        raise NotImplementedError

    def self_test(self, extended: bool) -> Sense | None:
        """Test the device; what it failed with, or None."""
        return None

    def power_on_hours(self) -> int:
        """Hours with power in the device's life."""
        return 0

    def downloaded(self, good: bool) -> None:
        """Microcode was taken, or refused: a device with alerts says so."""


def inquiry(unit: PrimaryUnit, call: Call) -> Completion:
    """INQUIRY, standard data or a vital product data page (6.4)."""
    if not call["evpd"]:
        if call["page_code"]:
            raise call.invalid("page_code")
        return call.reply(unit.inquiry_data, call["allocation_length"])
    code = call["page_code"]
    body = unit.vpd_pages.get(code)
    if body is None:
        raise call.invalid("page_code")
    head = unit.inquiry_data[:1] + bytes((code,)) + len(body).to_bytes(2, "big")
    return call.reply(head + body, call["allocation_length"])


def request_sense(unit: PrimaryUnit, call: Call) -> Completion:
    """REQUEST SENSE: a pending unit attention, which it clears, or no sense (6.39)."""
    attentions = unit.nexuses[call.nexus].attentions
    sense = Sense(attentions.pop(0) if attentions else s.NO_SENSE)
    data = unit.encode_sense(sense, bool(call["desc"]))
    return call.reply(data, call["allocation_length"])


def report_luns(unit: PrimaryUnit, call: Call) -> Completion:
    """REPORT LUNS: LUN 0 and no well known logical units (6.33)."""
    if call["select_report"] > 2:
        raise call.invalid("select_report")
    if call["allocation_length"] < 16:
        raise call.invalid("allocation_length")
    luns = b"" if call["select_report"] == 1 else bytes(8)
    return call.reply(len(luns).to_bytes(4, "big") + bytes(4) + luns, call["allocation_length"])


def mode_sense(unit: PrimaryUnit, call: Call) -> Completion:
    """MODE SENSE (6) and (10) (6.11, 6.12). Page 00h: header and block descriptor alone."""
    control, code, subpage = call["page_control"], call["page_code"], call["subpage_code"]
    if control == 3:
        raise CheckCondition(Sense(s.SAVING_NOT_SUPPORTED, pointer=(2, 7)))
    pages = list(unit.modes.select(code, subpage))
    if not pages and (code or subpage):
        known = code in (0, mode.ALL_PAGES) or any(page.code == code for page in unit.modes.pages)
        raise call.invalid("subpage_code" if known else "page_code")
    descriptor = b"" if call["dbd"] else unit.block_descriptor()
    body = descriptor + b"".join(unit.modes.sense(page, control) for page in pages)
    medium, specific = unit.mode_header()
    if call.command.opcode == 0x1A:
        head = bytes((min(len(body) + 3, 255), medium, specific, len(descriptor)))
    else:
        head = (len(body) + 6).to_bytes(2, "big") + bytes(
            (medium, specific, 0, 0, 0, len(descriptor))
        )
    return call.reply(head + body, call["allocation_length"])


def mode_select(unit: PrimaryUnit, call: Call) -> Completion:
    """MODE SELECT (6) and (10) (6.9, 6.10): everything in the list is taken, or nothing."""
    if call["sp"]:
        raise call.invalid("sp")
    length = call["parameter_list_length"]
    if not length:
        return GOOD
    short = call.command.opcode == 0x15
    start = 4 if short else 8
    data = bytes(call.parameters(length, at_least=start))
    header = data[1:3] if short else data[2:4]
    size_at = 3 if short else 6
    size = int.from_bytes(data[size_at:start], "big")
    if size not in (0, 8):
        raise invalid_parameter(size_at)
    if not short and data[4] & 1:
        raise invalid_parameter(4, 0)
    at = start + size
    if at > length:
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    pages: list[Page] = []
    descriptor = data[start:at]
    while at < length:
        if at + 2 > length or (at + 2 + data[at + 1] > length and not data[at] & 0x40):
            raise CheckCondition(s.PARAMETER_LIST_LENGTH)
        page, values, at = unit.modes.check(data, at)
        pages.append((page, values))
    unit.mode_select(call.nexus, header, descriptor, pages, start)
    unit.attention(s.MODE_PARAMETERS_CHANGED, but=call.nexus)
    return GOOD


def log_sense(unit: PrimaryUnit, call: Call) -> Completion:
    """LOG SENSE (6.6). Threshold values are not kept: PC 00b and 01b give current values."""
    if call["page_control"] > 1:
        raise call.invalid("page_control")
    code, subpage, pointer = call["page_code"], call["subpage_code"], call["parameter_pointer"]
    if code == 0:
        return call.reply(_supported_logs(unit, call, subpage), call["allocation_length"])
    pages = [page for page in unit.logs if page.code == code]
    page = next((page for page in pages if page.subpage == subpage), None)
    if page is None:
        raise call.invalid("subpage_code" if pages else "page_code")
    if pointer and all(row.code < pointer for row in page.parameters):
        raise call.invalid("parameter_pointer")
    data = page.encode(unit, call.nexus, pointer)
    # A look at the header alone (tools ask with 4 bytes for the length first) has no effect.
    if page.read and call["allocation_length"] > 4:
        page.read(unit, call.nexus)
    return call.reply(data, call["allocation_length"])


def _supported_logs(unit: PrimaryUnit, call: Call, subpage: int) -> bytes:
    if subpage not in (0, mode.ALL_SUBPAGES):
        raise call.invalid("subpage_code")
    own = LogPage(0, "supported log pages", subpage=subpage)
    codes = [(0, 0), *sorted((page.code, page.subpage) for page in unit.logs)]
    if subpage:
        body = b"".join(bytes(pair) for pair in [codes[0], (0, 0xFF), *codes[1:]])
    else:
        body = bytes(sorted({code for code, _ in codes}))
    return own.header(len(body)) + body


_MODE_SENSE = "1.3 dbd, 2.7-6 page_control, 2.5-0 page_code, 3 subpage_code"
_ALWAYS = Rule.PASSES_ATTENTION | Rule.PASSES_RESERVATION

COMMANDS = (
    command(
        0x03, "REQUEST SENSE", "1.0 desc, 4 allocation_length", request_sense, Data.IN, _ALWAYS
    ),
    command(
        0x12, "INQUIRY", "1.0 evpd, 2 page_code, 3-4 allocation_length", inquiry, Data.IN, _ALWAYS
    ),
    command(
        0x15, "MODE SELECT(6)", "1.4 pf, 1.0 sp, 4 parameter_list_length", mode_select, Data.OUT
    ),
    command(
        0x1A,
        "MODE SENSE(6)",
        f"{_MODE_SENSE}, 4 allocation_length",
        mode_sense,
        Data.IN,
        Rule.PASSES_WRITE_EXCLUSIVE,
    ),
    command(
        0x4D,
        "LOG SENSE",
        """2.7-6 page_control, 2.5-0 page_code, 3 subpage_code
        5-6 parameter_pointer, 7-8 allocation_length""",
        log_sense,
        Data.IN,
        Rule.PASSES_RESERVATION,
    ),
    command(
        0x55, "MODE SELECT(10)", "1.4 pf, 1.0 sp, 7-8 parameter_list_length", mode_select, Data.OUT
    ),
    command(
        0x5A,
        "MODE SENSE(10)",
        f"1.4 llbaa, {_MODE_SENSE}, 7-8 allocation_length",
        mode_sense,
        Data.IN,
        Rule.PASSES_WRITE_EXCLUSIVE,
    ),
    command(
        0xA0, "REPORT LUNS", "2 select_report, 6-9 allocation_length", report_luns, Data.IN, _ALWAYS
    ),
)
"""The rows of the command table that every primary device shares."""

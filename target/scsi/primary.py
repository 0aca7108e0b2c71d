"""What any primary device brings along for the commands of SPC-4; INQUIRY, sense and LUNs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from target.clock import SYSTEM, Clock
from target.scsi import sense as s
from target.scsi.buffers import BUFFERS, Buffer
from target.scsi.command import Call, Command, Completion, Data, Nexus, Rule, command
from target.scsi.device_server import DeviceServer
from target.scsi.log import LogPage, LogState
from target.scsi.mode import ModePages
from target.scsi.sense import Sense


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

    header_mask = b"\x00\x70"
    """The changeable bits of `mode_header`: BUFFERED MODE."""
    header_default = b"\x00\x10"
    descriptor_mask = b"\0\0\0\0\0\xff\xff\xff"
    """The changeable bits of `block_descriptor`: BLOCK LENGTH, by default 0."""
    descriptor_default = bytes(8)

    def __init__(
        self, commands: Sequence[Command], sense_length: int = 18, clock: Clock = SYSTEM
    ) -> None:
        super().__init__(commands, sense_length, clock)
        self.log_state = LogState()

    def power_on(self) -> None:
        """Power was lost and is back: logs begin anew."""
        self.log_state.restart()
        super().power_on()

    def pending_sense(self, nexus: Nexus) -> Sense | None:
        """What REQUEST SENSE tells a nexus that has no unit attention: what goes on, if anything.

        A deferred error is told, and forgotten, with that.
        """
        return None

    def mode_header(self) -> tuple[int, int]:
        """(medium type, device-specific parameter) of the mode parameter header."""
        raise NotImplementedError

    def block_descriptor(self) -> bytes:
        """The current 8-byte block descriptor."""
        raise NotImplementedError

    def mode_select(self, nexus: Nexus, header: bytes, descriptor: bytes, start: int) -> None:
        """Check and set what a mode parameter list has before its pages, or raise.

        The pages are in order. ``header`` is (medium type, device-specific parameter); an empty
        ``descriptor`` keeps. ``start`` is where it begins in the list, for the field pointer.
        """
        raise NotImplementedError

    def modes_changed(self) -> None:
        """Mode parameters were set: what the unit has worked out from them is void."""

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
    """REQUEST SENSE: a pending unit attention, which it clears, or what goes on (6.39)."""
    attentions = unit.nexuses[call.nexus].attentions
    sense = Sense(attentions.pop(0)) if attentions else unit.pending_sense(call.nexus)
    sense = sense or Sense(s.NO_SENSE)
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


_ALWAYS = Rule.PASSES_ATTENTION | Rule.PASSES_RESERVATION

COMMANDS = (
    command(
        0x03, "REQUEST SENSE", "1.0 desc, 4 allocation_length", request_sense, Data.IN, _ALWAYS
    ),
    command(
        0x12, "INQUIRY", "1.0 evpd, 2 page_code, 3-4 allocation_length", inquiry, Data.IN, _ALWAYS
    ),
    command(
        0xA0, "REPORT LUNS", "2 select_report, 6-9 allocation_length", report_luns, Data.IN, _ALWAYS
    ),
)
"""The rows of the command table that every primary device shares."""

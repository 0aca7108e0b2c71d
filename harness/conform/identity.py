"""Which device is asked: INQUIRY data, unit serial number, what is loaded."""

from __future__ import annotations

from harness.conform import commands as c
from harness.conform.check import NotApplicable
from harness.conform.results import Identity
from harness.conform.subject import GOOD, RESERVATION_CONFLICT, Subject

KINDS = {0x01: "tape", 0x08: "changer"}
ROOM = 252


class NotADevice(Exception):
    """What answers is neither a tape drive nor a medium changer, or somebody else has it; the text
    is one sentence."""


def identify(unit: Subject, target: str) -> Identity:
    """Ask the device who it is. Raises NotADevice, NoAnswer."""
    unit.settle()
    answer = unit.do(c.inquiry(ROOM), size=ROOM)
    data = answer.data
    if answer.status != GOOD or len(data) < 36:
        raise NotADevice(f"{target}: does not answer INQUIRY with 36 bytes: it is no SCSI device")
    kind = KINDS.get(data[0] & 0x1F)
    if kind is None or data[0] >> 5:
        raise NotADevice(
            f"{target}: is neither a tape drive nor a medium changer: its device type is "
            f"{data[0]:02X}h"
        )
    # No reservation lets this pass, and it does nothing.
    if unit.do(c.mode_select_6(0)).status == RESERVATION_CONFLICT:
        raise NotADevice(
            f"{target}: is reserved by another host: run the checks when it has been released"
        )
    return Identity(
        target=target,
        kind=kind,
        vendor=text(data[8:16]),
        product=text(data[16:32]),
        revision=text(data[32:36]),
        serial=serial(unit),
        volume=volume(unit) if kind == "tape" else "",
    )


def serial(unit: Subject) -> str:
    """Unit serial number VPD page."""
    answer = unit.do(c.inquiry(ROOM, 0x80), size=ROOM)
    if answer.status != GOOD or len(answer.data) < 4 or answer.data[1] != 0x80:
        return ""
    return text(answer.data[4 : 4 + answer.data[3]])


def volume(unit: Subject) -> str:
    """What is loaded, by its density code."""
    ready = unit.hear_out()
    if ready.status != GOOD:
        return f"not ready, {ready.sense}" if ready.raw_sense else "not ready"
    answer = unit.do(c.mode_sense_6(0, allocation=ROOM), size=ROOM)
    if answer.status != GOOD or len(answer.data) < 12 or answer.data[3] < 8:
        return "loaded"
    protected = ", write protected" if answer.data[2] & 0x80 else ""
    return f"density {answer.data[4]:02X}h{protected}"


def why_not_writable(unit: Subject) -> str:
    """Why checks that overwrite cannot be run, or "" if they can."""
    ready = unit.hear_out()
    if ready.status != GOOD:
        return f"no volume is ready: {ready.code or 'no sense'}"
    try:
        unit.blank()
    except NotApplicable as error:
        return str(error)
    return ""


def text(data: bytes) -> str:
    """ASCII without its padding."""
    return data.decode("ascii", "replace").strip(" \0")

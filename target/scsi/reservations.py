"""Reservations of a whole logical unit: RESERVE and RELEASE (SPC-2)."""

from __future__ import annotations

from target.scsi.command import GOOD, Call, Completion, Rule, command
from target.scsi.device_server import DeviceServer


def reserve(unit: DeviceServer, call: Call) -> Completion:
    """RESERVE (SPC-2 7.21); the device server has sent every other nexus away before."""
    unit.reservation = call.nexus
    return GOOD


def release(unit: DeviceServer, call: Call) -> Completion:
    """RELEASE (SPC-2 7.18): no error, and no effect, for a nexus that holds no reservation."""
    if unit.reservation == call.nexus:
        unit.release_reservation()
    return GOOD


COMMANDS = (
    command(0x16, "RESERVE(6)", "", reserve),
    command(0x17, "RELEASE(6)", "", release, rules=Rule.PASSES_RESERVATION),
    command(0x56, "RESERVE(10)", "", reserve),
    command(0x57, "RELEASE(10)", "", release, rules=Rule.PASSES_RESERVATION),
)

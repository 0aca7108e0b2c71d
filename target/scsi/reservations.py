"""Reservations of a unit: RESERVE and RELEASE (SPC-2), PERSISTENT RESERVE IN (SPC-4 6.15).

What a persistent reservation is and does: `registrations`; how it comes about: `reserve_out`.
Which other commands pass one: the rules of their rows. The two kinds keep apart: while anybody
holds the unit by RESERVE both PERSISTENT RESERVE commands conflict, and while anybody is registered
RESERVE and RELEASE do, on every nexus (SPC-2 5.5.1). With CRH those of a nexus that the persistent
reservation admits are GOOD and change nothing (SPC-4 5.13.3).
"""

from __future__ import annotations

from collections.abc import Callable

from target.scsi import reserve_out, transport_id
from target.scsi.command import (
    GOOD,
    Call,
    Command,
    Completion,
    Data,
    ReservationConflict,
    Rule,
    command,
)
from target.scsi.device_server import DeviceServer
from target.scsi.layout import Layout
from target.scsi.registrations import Registrant

# --- RESERVE and RELEASE -------------------------------------------------------------------------


def reserve(unit: DeviceServer, call: Call) -> Completion:
    """RESERVE (SPC-2 7.21); the device server has sent every other nexus away before."""
    if not _compatible(unit, call):
        unit.reserve(call.nexus)
    return GOOD


def release(unit: DeviceServer, call: Call) -> Completion:
    """RELEASE (SPC-2 7.18): no error, and no effect, for a nexus that holds no reservation."""
    if not _compatible(unit, call) and unit.reservation == call.nexus:
        unit.release_reservation()
    return GOOD


def _compatible(unit: DeviceServer, call: Call) -> bool:
    """Whether a persistent reservation makes the command one that does nothing."""
    state = unit.persistent
    if not state.keys:
        return False
    if state.capabilities.crh and state.admits(Registrant.of(call.nexus)):
        return True
    raise ReservationConflict


# --- PERSISTENT RESERVE IN -----------------------------------------------------------------------

CAPABILITIES = Layout(
    """0-1  length
    2.7    rlr_c
    2.4    crh
    2.3    sip_c
    2.2    atp_c
    2.0    ptpl_c
    3.7    tmv
    3.6-4  allow_commands
    3.0    ptpl_a
    4-5    type_mask""",
    8,
)
RESERVATION = Layout("0-7 key, 13.7-4 scope, 13.3-0 type", 16)
FULL_STATUS = Layout(
    """0-7  key
    12.1   all_tg_pt
    12.0   r_holder
    13.7-4 scope
    13.3-0 type
    18-19  relative_port
    20-23  descriptor_length""",
    24,
)


def _listed(unit: DeviceServer, call: Call, body: bytes) -> Completion:
    """A reply that begins with PRGENERATION and ADDITIONAL LENGTH."""
    head = unit.persistent.generation.to_bytes(4, "big") + len(body).to_bytes(4, "big")
    return call.reply(head + body, call["allocation_length"])


def read_keys(unit: DeviceServer, call: Call) -> Completion:
    """READ KEYS (6.15.2)."""
    unit.require_no_legacy()
    keys = unit.persistent.keys.values()
    return _listed(unit, call, b"".join(key.to_bytes(8, "big") for key in keys))


def read_reservation(unit: DeviceServer, call: Call) -> Completion:
    """READ RESERVATION (6.15.3): nothing, or one descriptor; key 0 where all registrants hold."""
    unit.require_no_legacy()
    state = unit.persistent
    if state.type is None:
        return _listed(unit, call, b"")
    key = state.keys[state.holder] if state.holder else 0
    return _listed(unit, call, bytes(RESERVATION.encode(key=key, type=state.type)))


def report_capabilities(unit: DeviceServer, call: Call) -> Completion:
    """REPORT CAPABILITIES (6.15.4)."""
    unit.require_no_legacy()
    can = unit.persistent.capabilities
    # The mask's bytes are numbered from the other end: bit 0 of its second byte is type 8.
    mask = sum(1 << (kind + 8) % 16 for kind in can.types)
    data = CAPABILITIES.encode(
        length=CAPABILITIES.size,
        crh=can.crh,
        sip_c=can.sip_c,
        ptpl_c=can.ptpl_c,
        tmv=1,
        allow_commands=can.allow_commands,
        ptpl_a=unit.persistent.persists,
        type_mask=mask,
    )
    return call.reply(data, call["allocation_length"])


def read_full_status(unit: DeviceServer, call: Call) -> Completion:
    """READ FULL STATUS (6.15.5): a descriptor with a TransportID for every registered nexus."""
    unit.require_no_legacy()
    state = unit.persistent
    body = b""
    for who, key in state.keys.items():
        holds = state.holds(who)
        body += FULL_STATUS.encode(
            key=key,
            r_holder=holds,
            type=state.type if holds and state.type else 0,
            relative_port=unit.relative_port(who.target),
            descriptor_length=transport_id.SIZE,
        )
        body += transport_id.encode(state.capabilities.protocol, who.address)
    return _listed(unit, call, body)


def _read(code: int, name: str, function: Callable[[DeviceServer, Call], Completion]) -> Command:
    return command(
        0x5E,
        f"PERSISTENT RESERVE IN ({name})",
        "7-8 allocation_length",
        function,
        Data.IN,
        Rule.PASSES_PERSISTENT,
        service_action=code,
    )


_RELEASE = Rule.PASSES_LEGACY | Rule.PASSES_UNRESERVED

COMMANDS = (
    command(0x16, "RESERVE(6)", "", reserve, rules=Rule.PASSES_UNRESERVED),
    command(0x17, "RELEASE(6)", "", release, rules=_RELEASE),
    command(0x56, "RESERVE(10)", "", reserve, rules=Rule.PASSES_UNRESERVED),
    command(0x57, "RELEASE(10)", "", release, rules=_RELEASE),
    _read(0x00, "READ KEYS", read_keys),
    _read(0x01, "READ RESERVATION", read_reservation),
    _read(0x02, "REPORT CAPABILITIES", report_capabilities),
    _read(0x03, "READ FULL STATUS", read_full_status),
    *reserve_out.COMMANDS,
)

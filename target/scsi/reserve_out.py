"""PERSISTENT RESERVE OUT (SPC-4 6.16): the parameter list, and what each service action demands.

What the actions do to registrations and the reservation: `registrations`. ALL_TG_PT and REPLACE
LOST RESERVATION are not supported (ATP_C and RLR_C are 0). The order of the checks: the length and
the reserved bits of the list, the registration and its key, then the fields that the action uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from target.scsi import sense as s
from target.scsi import transport_id
from target.scsi.command import GOOD, Call, Completion, Data, ReservationConflict, Rule, command
from target.scsi.device_server import DeviceServer
from target.scsi.layout import Layout
from target.scsi.registrations import Registrant, Told, Type
from target.scsi.sense import CheckCondition, invalid_cdb, invalid_parameter

BASIC = Layout(
    """0-7  key
    8-15   action_key
    16-19  obsolete_address
    20.3   spec_i_pt
    20.2   all_tg_pt
    20.0   aptpl
    22-23  obsolete_extent""",
    24,
)
MOVE = Layout(
    """0-7  key
    8-15   action_key
    17.1   unreg
    17.0   aptpl
    18-19  relative_port
    20-23  transport_id_length""",
    24,
)
LONGEST_LIST = 4096
"""Bytes of a parameter list: room for TransportIDs of more nexuses than can be registered."""


class Request:
    """A PERSISTENT RESERVE OUT command whose parameter list has been read.

    Raises ReservationConflict, or CheckCondition 5/1A/00, 5/26/00 or B/4B/00.
    """

    def __init__(self, unit: DeviceServer, call: Call, layout: Layout = BASIC) -> None:
        unit.require_no_legacy()
        self.unit = unit
        self.call = call
        self.state = unit.persistent
        self.who = Registrant.of(call.nexus)
        length = call["parameter_list_length"]
        if length > LONGEST_LIST:
            raise CheckCondition(s.PARAMETER_LIST_LENGTH)
        self.data = call.parameters(length, at_least=layout.size)
        self.layout = layout
        self.fields = layout.decode(self.data)
        if layout is BASIC and length != BASIC.size and not self.fields["spec_i_pt"]:
            raise CheckCondition(s.PARAMETER_LIST_LENGTH)
        stray = layout.stray_bit(self.data)
        if stray:
            raise invalid_parameter(*stray)

    def __getitem__(self, field: str) -> int:
        return self.fields[field]

    def bad(self, field: str) -> CheckCondition:
        """5/26/00 pointing at a field of the list; the caller raises it."""
        where = self.layout[field]
        return invalid_parameter(where.first, where.top_bit if where.width % 8 else None)

    def require_key(self) -> None:
        """Conflict unless the nexus is registered, and RESERVATION KEY is its key (6.16.3)."""
        if self.state.keys.get(self.who) != self["key"]:
            raise ReservationConflict

    def refuse_ports(self) -> None:
        """SPEC_I_PT is for REGISTER alone: 5/26/00."""
        if self["spec_i_pt"]:
            raise self.bad("spec_i_pt")

    def kind(self) -> Type:
        """The type of a new reservation. 5/24/00 for a scope or type that the unit has not."""
        if self.call["scope"]:
            raise self.call.invalid("scope")
        if self.call["type"] not in self.state.capabilities.types:
            raise self.call.invalid("type")
        return Type(self.call["type"])

    def aptpl(self) -> bool:
        """APTPL. 5/26/00 if it is asked for and not supported."""
        if self["aptpl"] and not self.state.capabilities.ptpl_c:
            raise self.bad("aptpl")
        return bool(self["aptpl"])

    def initiator_ports(self) -> list[Registrant]:
        """What SPEC_I_PT adds: unregistered initiator ports, each at this nexus' target port."""
        start = BASIC.size + 4
        length = int.from_bytes(self.data[BASIC.size : start], "big")
        if len(self.data) < start + length:
            raise CheckCondition(s.PARAMETER_LIST_LENGTH)
        if length % transport_id.SIZE:
            raise invalid_parameter(BASIC.size)
        protocol = self.state.capabilities.protocol
        found = []
        for at in range(start, start + length, transport_id.SIZE):
            who = Registrant(transport_id.decode(protocol, self.data, at), self.who.target)
            if who in self.state.keys:
                raise invalid_parameter(at)
            found.append(who)
        return found


def _register(request: Request) -> Told | None:
    """REGISTER (table 67)."""
    if request.state.keys.get(request.who, 0) != request["key"]:
        raise ReservationConflict
    return _enter(request)


def _register_ignoring(request: Request) -> Told | None:
    """REGISTER AND IGNORE EXISTING KEY (table 68)."""
    request.refuse_ports()
    return _enter(request)


def _enter(request: Request) -> Told | None:
    state, who, key = request.state, request.who, request["action_key"]
    if who not in state.keys and not key:
        return None
    aptpl = request.aptpl()
    if request["all_tg_pt"]:
        raise request.bad("all_tg_pt")
    if request["spec_i_pt"] and (who in state.keys or not state.capabilities.sip_c):
        raise request.bad("spec_i_pt")
    told: Told = []
    if key:
        others = request.initiator_ports() if request["spec_i_pt"] else ()
        state.register((who, *others), key)
    else:
        told = state.unregister(who)
    state.persists = aptpl
    return told


def _reserve(request: Request) -> Told:
    request.require_key()
    request.refuse_ports()
    request.state.require_free(request.who)
    request.state.reserve(request.who, request.kind())
    return []


def _release(request: Request) -> Told:
    request.require_key()
    request.refuse_ports()
    return request.state.release(request.who, request.call["scope"], request.call["type"])


def _clear(request: Request) -> Told:
    request.require_key()
    request.refuse_ports()
    return request.state.clear(request.who)


def _preempt(request: Request) -> Told:
    request.require_key()
    request.refuse_ports()
    state, key = request.state, request["action_key"]
    if state.preempts(key):
        return state.preempt(request.who, key, request.kind())
    return state.remove(request.who, key)


def _preempt_and_abort(request: Request) -> Told:
    """As PREEMPT; commands end before another begins, so that what is left are the prevents."""
    told = _preempt(request)
    request.unit.allow_removal({who for who, code in told if code == s.REGISTRATIONS_PREEMPTED})
    return told


def _register_and_move(request: Request) -> Told:
    """REGISTER AND MOVE (table 70)."""
    request.require_key()
    state = request.state
    if state.type is None:
        raise invalid_cdb(1, 4)
    if state.holder != request.who:
        raise ReservationConflict
    if not request["action_key"]:
        raise request.bad("action_key")
    aptpl = request.aptpl()
    length = request["transport_id_length"]
    if len(request.data) < MOVE.size + length:
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    if length != transport_id.SIZE:
        raise request.bad("transport_id_length")
    address = transport_id.decode(state.capabilities.protocol, request.data, MOVE.size)
    target = request.unit.target_port(request["relative_port"])
    if target is None:
        raise request.bad("relative_port")
    if address == request.who.address:
        raise invalid_parameter(MOVE.size)
    to = Registrant(address, target)
    state.move(request.who, to, request["action_key"], leave=bool(request["unreg"]))
    state.persists = aptpl
    return []


class Action(NamedTuple):
    """A service action of PERSISTENT RESERVE OUT (table 213).

    ``do`` makes the change and returns whom to tell what, None for a request to do nothing;
    ``counted``: it increments PRGENERATION.
    """

    name: str
    do: Callable[[Request], Told | None]
    counted: bool = True
    layout: Layout = BASIC


ACTIONS = {
    0x00: Action("REGISTER", _register),
    0x01: Action("RESERVE", _reserve, counted=False),
    0x02: Action("RELEASE", _release, counted=False),
    0x03: Action("CLEAR", _clear),
    0x04: Action("PREEMPT", _preempt),
    0x05: Action("PREEMPT AND ABORT", _preempt_and_abort),
    0x06: Action("REGISTER AND IGNORE EXISTING KEY", _register_ignoring),
    0x07: Action("REGISTER AND MOVE", _register_and_move, layout=MOVE),
}


def reserve_out(unit: DeviceServer, call: Call) -> Completion:
    """PERSISTENT RESERVE OUT: one action, whole or not at all, and what follows from it."""
    action = ACTIONS[call["service_action"]]
    state = unit.persistent
    request = Request(unit, call, action.layout)
    reserved, others = state.type is not None, state.holders() - {request.who}
    told = action.do(request)
    if told is None:
        return GOOD
    state.generation = state.generation + action.counted & 0xFFFFFFFF
    unit.persistent_changed(told)
    if others - state.keys.keys():
        unit.reservation_preempted()
    if reserved and state.type is None:
        unit.reservation_lost()
    return GOOD


COMMANDS = tuple(
    command(
        0x5F,
        f"PERSISTENT RESERVE OUT ({action.name})",
        "2.7-4 scope, 2.3-0 type, 5-8 parameter_list_length",
        reserve_out,
        Data.OUT,
        Rule.PASSES_PERSISTENT,
        service_action=code,
    )
    for code, action in ACTIONS.items()
)

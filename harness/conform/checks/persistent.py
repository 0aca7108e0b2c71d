"""Persistent reservations: registering, reserving, who takes what from whom (SPC-4 5.13)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform import keys as k
from harness.conform.asking import INVALID_FIELD, LIST_LENGTH, ROOM, number
from harness.conform.check import check
from harness.conform.keys import KEY_A, KEY_B, KEY_C, TYPES, both
from harness.conform.subject import GOOD, RESERVATION_CONFLICT, Subject

OUT, IN, MODEL = "SPC-4 6.16", "SPC-4 6.15", "SPC-4 5.13"
TOPIC = "persistent reservations"
PREEMPTED, RELEASED, REGISTRATIONS = "6/2A/03", "6/2A/04", "6/2A/05"
WRONG_RELEASE = "5/26/04"


def alone(unit: Subject) -> None:
    """NotApplicable without persistent reservations, and where another host has registered."""
    unit.need(0x5E, 0)
    unit.need(0x5F, 0)
    if unit.apart(lambda: k.keys(unit)):
        unit.skip("other hosts have registered with the device")


# --- registering ---------------------------------------------------------------------------------


@check("PR-REGISTER", OUT, TOPIC, "REGISTER")
def registering(unit: Subject) -> None:
    """READ KEYS has the key of each nexus; PRGENERATION grows by one each."""
    unit.need(0x5F, 0)
    before = k.generation(unit)
    both(unit)
    unit.expect("keys", {KEY_A, KEY_B}, set(k.keys(unit)))
    unit.expect("PRGENERATION", before + 2, k.generation(unit))


@check("PR-REGISTER-CHANGE", OUT, TOPIC, "REGISTER of another key")
def registering_anew(unit: Subject) -> None:
    """A registered nexus changes its key with the old one."""
    k.register(unit, KEY_A)
    unit.cleanup(lambda: k.undo(unit, KEY_C))
    unit.expect("status", GOOD, k.out(unit, k.REGISTER, KEY_A, KEY_C).status)
    unit.expect("keys", [KEY_C], k.keys(unit))


@check("PR-REGISTER-WRONG", OUT, TOPIC, "REGISTER with a wrong key")
def registering_with_a_wrong_key(unit: Subject) -> None:
    """RESERVATION CONFLICT, whether the nexus is registered or not; keys stay."""
    alone(unit)
    answer = k.out(unit, k.REGISTER, KEY_B, KEY_A)
    unit.expect("status, not registered", RESERVATION_CONFLICT, answer.status)
    k.register(unit, KEY_A)
    answer = k.out(unit, k.REGISTER, KEY_B, KEY_C)
    unit.expect("status, registered", RESERVATION_CONFLICT, answer.status)
    unit.expect("keys", [KEY_A], k.keys(unit))


@check("PR-UNREGISTER", OUT, TOPIC, "Unregistering")
def unregistering(unit: Subject) -> None:
    """REGISTER of key 0: the key is gone, that of the other stays."""
    other = both(unit)
    unit.expect("status", GOOD, k.out(other, k.REGISTER, KEY_B, 0).status)
    unit.expect("keys", [KEY_A], k.keys(unit))


@check("PR-UNREGISTER-HOLDER", OUT, TOPIC, "Unregistering the holder")
def unregistering_the_holder(unit: Subject) -> None:
    """The reservation goes with its holder's registration; registrants hear 6/2A/04."""
    other = both(unit)
    k.reserve(unit, KEY_A, 6)
    unit.expect("status", GOOD, k.out(unit, k.REGISTER, KEY_A, 0).status)
    unit.expect("sense for the other", RELEASED, other.do(c.TEST_UNIT_READY).code)
    unit.expect("reservation", None, k.held(other))


@check("PR-REGISTER-IGNORE", OUT, TOPIC, "REGISTER AND IGNORE EXISTING KEY")
def ignoring(unit: Subject) -> None:
    """The key of the list is not looked at; the new key is registered."""
    unit.need(0x5F, 6)
    k.register(unit, KEY_A)
    unit.cleanup(lambda: k.undo(unit, KEY_C))
    unit.expect("status", GOOD, k.out(unit, k.IGNORE, KEY_B, KEY_C).status)
    unit.expect("keys", [KEY_C], k.keys(unit))


@check("PR-REGISTER-RESET", MODEL, TOPIC, "Registrations and a reset")
def after_reset(unit: Subject) -> None:
    """LOGICAL UNIT RESET leaves keys and reservation."""
    other = unit.second
    k.register(unit, KEY_A)
    k.reserve(unit, KEY_A, 3)
    asking.reset(unit)
    unit.expect("keys", [KEY_A], k.keys(unit))
    unit.expect("reservation", k.Held(KEY_A, 0, 3), k.held(unit))
    unit.expect("status for the other", RESERVATION_CONFLICT, other.do(c.REWIND).status)


@check("PR-OLD-RESERVE", "SPC-2 5.5.1", TOPIC, "RESERVE(6) with registrations")
def old_reserve(unit: Subject) -> None:
    """RESERVATION CONFLICT while a key is registered, for registered nexuses and others; with CRH
    of the capabilities a registered one may hear GOOD."""
    unit.need(0x16)
    other = unit.second
    k.register(unit, KEY_A)
    crh = unit.has(0x5E, 2) and unit.good(c.reserve_in(2), size=8).data[2] & 0x10
    status = unit.do(c.plain(0x16)).status
    if not (crh and status == GOOD):
        unit.expect("status for the registered", RESERVATION_CONFLICT, status)
    unit.expect("status for the other", RESERVATION_CONFLICT, other.do(c.plain(0x16)).status)


@check("PR-OLD-RESERVE-HOLDER", "SPC-4 5.13.3", TOPIC, "RESERVE(6) by the holder")
def old_reserve_of_the_holder(unit: Subject) -> None:
    """With CRH of the capabilities GOOD, without RESERVATION CONFLICT; either way the persistent
    reservation stays, and shuts others out."""
    unit.need(0x16)
    unit.need(0x5E, 2)
    other = unit.second
    k.register(unit, KEY_A)
    k.reserve(unit, KEY_A, 3)
    crh = unit.good(c.reserve_in(2), size=8).data[2] & 0x10
    for opcode in (0x16, 0x17):
        answer = unit.do(c.plain(opcode))
        unit.expect("status", GOOD if crh else RESERVATION_CONFLICT, answer.status)
    unit.expect("reservation", k.Held(KEY_A, 0, 3), k.held(unit))
    unit.expect("status for the other", RESERVATION_CONFLICT, other.do(c.REWIND).status)


# --- reserving and releasing ---------------------------------------------------------------------


@check("PR-RESERVE-STRANGER", OUT, TOPIC, "RESERVE without a registration")
def reserving_unregistered(unit: Subject) -> None:
    """RESERVATION CONFLICT; nothing is reserved."""
    alone(unit)
    answer = k.out(unit, k.RESERVE, KEY_A, kind=3)
    unit.expect("status", RESERVATION_CONFLICT, answer.status)
    unit.expect("reservation", None, k.held(unit))


@check("PR-RESERVE-WRONG", OUT, TOPIC, "RESERVE with a wrong key")
def reserving_with_a_wrong_key(unit: Subject) -> None:
    """RESERVATION CONFLICT."""
    k.register(unit, KEY_A)
    answer = k.out(unit, k.RESERVE, KEY_B, kind=3)
    unit.expect("status", RESERVATION_CONFLICT, answer.status)
    unit.expect("reservation", None, k.held(unit))


@check("PR-RESERVE-AGAIN", OUT, TOPIC, "RESERVE of what one holds")
def reserving_again(unit: Subject) -> None:
    """The same type: GOOD; another type: RESERVATION CONFLICT, and the reservation stays."""
    k.register(unit, KEY_A)
    k.reserve(unit, KEY_A, 3)
    k.reserve(unit, KEY_A, 3)
    answer = k.out(unit, k.RESERVE, KEY_A, kind=6)
    unit.expect("status for another type", RESERVATION_CONFLICT, answer.status)
    unit.expect("reservation", k.Held(KEY_A, 0, 3), k.held(unit))


@check("PR-RESERVE-TAKEN", OUT, TOPIC, "RESERVE of what another holds")
def reserving_what_is_held(unit: Subject) -> None:
    """RESERVATION CONFLICT."""
    other = both(unit)
    k.reserve(unit, KEY_A, 3)
    answer = k.out(other, k.RESERVE, KEY_B, kind=3)
    unit.expect("status", RESERVATION_CONFLICT, answer.status)
    unit.expect("reservation", k.Held(KEY_A, 0, 3), k.held(unit))


@check("PR-RESERVE-TYPES", OUT, TOPIC, "Types that are reserved values")
def reserved_types(unit: Subject) -> None:
    """Types 0, 2, 4 and 9 to 15, and scopes other than 0: 5/24/00, at byte 2 if pointed at."""
    k.register(unit, KEY_A)
    data = KEY_A.to_bytes(8) + bytes(16)
    for kind, scope in ((0, 0), (2, 0), (4, 0), (9, 0), (15, 0), (3, 1), (3, 2), (3, 15)):
        cdb = c.reserve_out(k.RESERVE, kind, scope=scope)
        answer = unit.refused(cdb, INVALID_FIELD, out=data)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 2, answer.sense.field_pointer[0])


@check("PR-RELEASE-WRONG-TYPE", OUT, TOPIC, "RELEASE of another type")
def releasing_another_type(unit: Subject) -> None:
    """5/26/04, and the reservation stays."""
    k.register(unit, KEY_A)
    k.reserve(unit, KEY_A, 3)
    answer = k.out(unit, k.RELEASE, KEY_A, kind=1)
    unit.expect("sense", WRONG_RELEASE, answer.code)
    unit.expect("reservation", k.Held(KEY_A, 0, 3), k.held(unit))


@check("PR-RELEASE-OTHER", OUT, TOPIC, "RELEASE of what another holds")
def releasing_for_another(unit: Subject) -> None:
    """GOOD, and the reservation stays."""
    other = both(unit)
    k.reserve(unit, KEY_A, 3)
    unit.expect("status", GOOD, k.out(other, k.RELEASE, KEY_B, kind=3).status)
    unit.expect("reservation", k.Held(KEY_A, 0, 3), k.held(unit))


@check("PR-RELEASE-NOTHING", OUT, TOPIC, "RELEASE of nothing")
def releasing_nothing(unit: Subject) -> None:
    """GOOD; PRGENERATION stays, as with RESERVE."""
    k.register(unit, KEY_A)
    before = k.generation(unit)
    unit.expect("status", GOOD, k.out(unit, k.RELEASE, KEY_A, kind=3).status)
    k.reserve(unit, KEY_A, 3)
    unit.expect("PRGENERATION", before, k.generation(unit))


# --- clearing and preempting ---------------------------------------------------------------------


@check("PR-CLEAR", OUT, TOPIC, "CLEAR")
def clearing(unit: Subject) -> None:
    """Keys and reservation are gone; the other registrants hear 6/2A/03."""
    other = both(unit)
    k.reserve(unit, KEY_A, 3)
    unit.expect("status", GOOD, k.out(other, k.CLEAR, KEY_B).status)
    unit.expect("keys", [], k.keys(other))
    unit.expect("reservation", None, k.held(other))
    unit.expect("sense for the holder", PREEMPTED, unit.do(c.TEST_UNIT_READY).code)


@check("PR-CLEAR-STRANGER", OUT, TOPIC, "CLEAR without a registration")
def clearing_unregistered(unit: Subject) -> None:
    """RESERVATION CONFLICT, and all stays."""
    other = unit.second
    k.register(unit, KEY_A)
    unit.expect("status", RESERVATION_CONFLICT, k.out(other, k.CLEAR, KEY_A).status)
    unit.expect("keys", [KEY_A], k.keys(unit))


def declare_preempt(action: int, name: str) -> None:
    """Taking a reservation over."""

    @check(
        f"PR-{name.replace(' ', '-')}",
        OUT,
        TOPIC,
        f"{name} of the holder",
        expected="The reservation is the other's, the holder's registration is gone, and it hears "
        "6/2A/05 (or 6/2A/03).",
    )
    def preempting(unit: Subject) -> None:
        other = both(unit)
        k.reserve(unit, KEY_A, 3)
        unit.need(0x5F, action)
        unit.expect("status", GOOD, k.out(other, action, KEY_B, KEY_A, kind=3).status)
        unit.expect("reservation", k.Held(KEY_B, 0, 3), k.held(other))
        unit.expect("keys", [KEY_B], k.keys(other))
        code = unit.do(c.TEST_UNIT_READY).code
        unit.require("sense", code in (REGISTRATIONS, PREEMPTED), "6/2A/05 or 6/2A/03", code)
        unit.expect("status for the old holder", RESERVATION_CONFLICT, unit.do(c.REWIND).status)


declare_preempt(k.PREEMPT, "PREEMPT")
declare_preempt(k.PREEMPT_ABORT, "PREEMPT AND ABORT")


@check("PR-PREEMPT-REGISTRANT", OUT, TOPIC, "PREEMPT of a registrant that holds nothing")
def preempting_a_registrant(unit: Subject) -> None:
    """Its registration goes, the reservation stays as it is."""
    other = both(unit)
    k.reserve(unit, KEY_A, 3)
    unit.expect("status", GOOD, k.out(unit, k.PREEMPT, KEY_A, KEY_B, kind=3).status)
    unit.expect("keys", [KEY_A], k.keys(unit))
    unit.expect("reservation", k.Held(KEY_A, 0, 3), k.held(unit))
    unit.expect("sense for the other", REGISTRATIONS, other.do(c.TEST_UNIT_READY).code)


@check("PR-PREEMPT-NOBODY", OUT, TOPIC, "PREEMPT of a key that nobody has")
def preempting_nobody(unit: Subject) -> None:
    """RESERVATION CONFLICT."""
    k.register(unit, KEY_A)
    answer = k.out(unit, k.PREEMPT, KEY_A, KEY_C, kind=3)
    unit.expect("status", RESERVATION_CONFLICT, answer.status)
    unit.expect("keys", [KEY_A], k.keys(unit))


@check("PR-PREEMPT-STRANGER", OUT, TOPIC, "PREEMPT without a registration")
def preempting_unregistered(unit: Subject) -> None:
    """RESERVATION CONFLICT, and all stays."""
    other = unit.second
    k.register(unit, KEY_A)
    k.reserve(unit, KEY_A, 3)
    answer = k.out(other, k.PREEMPT, KEY_B, KEY_A, kind=3)
    unit.expect("status", RESERVATION_CONFLICT, answer.status)
    unit.expect("reservation", k.Held(KEY_A, 0, 3), k.held(unit))


# --- lists and what is told ----------------------------------------------------------------------


def declare_length(length: int) -> None:
    """PARAMETER LIST LENGTH."""

    @check(
        f"PR-LIST-{length}",
        OUT,
        TOPIC,
        f"A parameter list of {length} bytes",
        expected="5/1A/00: it has 24 bytes unless SPEC_I_PT is set; nothing is registered.",
    )
    def wrong_length(unit: Subject) -> None:
        alone(unit)
        data = (bytes(8) + KEY_A.to_bytes(8) + bytes(16))[:length]
        unit.refused(c.reserve_out(0, length=length), LIST_LENGTH, out=data)
        unit.expect("keys", [], k.keys(unit))


for length in (0, 8, 23, 25):
    declare_length(length)


@check("PR-CAPABILITIES", IN, TOPIC, "REPORT CAPABILITIES")
def capabilities(unit: Subject) -> None:
    """8 bytes, LENGTH 0008h, and types that are reserved are not in the mask; a warning without
    TMV, for then no type is told."""
    unit.need(0x5E, 2)
    data = unit.good(c.reserve_in(2), size=64).data
    unit.expect("LENGTH and length", (8, 8), (number(data, 0, 2), len(data)))
    if not data[3] & 0x80:
        unit.warn("TMV is clear: which types there are is not told")
        return
    unit.expect("reserved types", 0, number(data, 4, 2) & ~sum(k.MASK.values()))


@check("PR-CAPABILITIES-TYPES", IN, TOPIC, "The types of REPORT CAPABILITIES")
def capable_types(unit: Subject) -> None:
    """Each type of the mask can be reserved, each other is refused with 5/24/00."""
    unit.need(0x5E, 2)
    data = unit.good(c.reserve_in(2), size=64).data
    if not data[3] & 0x80:
        unit.skip("TMV is clear: the mask says nothing")
    mask = number(data, 4, 2)
    k.register(unit, KEY_A)
    for kind in TYPES:
        answer = k.out(unit, k.RESERVE, KEY_A, kind=kind)
        if mask & k.MASK[kind]:
            unit.expect(f"status of RESERVE, type {kind}", GOOD, answer.status)
            k.out(unit, k.RELEASE, KEY_A, kind=kind)
        else:
            unit.expect(f"sense of RESERVE, type {kind}", INVALID_FIELD, answer.code)


@check("PR-APTPL", OUT, TOPIC, "APTPL", scratch=True)
def through_power_loss(unit: Subject) -> None:
    """GOOD where PTPL_C of the capabilities is set, and PTPL_A then tells it; else 5/26/00."""
    alone(unit)
    unit.need(0x5E, 2)
    able = unit.good(c.reserve_in(2), size=64).data[2] & 1
    unit.cleanup(lambda: k.undo(unit, KEY_A))
    answer = k.out(unit, k.REGISTER, new=KEY_A, flags=1)
    if not able:
        unit.expect("sense", "5/26/00", answer.code)
        return
    unit.expect("status", GOOD, answer.status)
    unit.require("PTPL_A", unit.good(c.reserve_in(2), size=64).data[3] & 1, "set", answer)


@check("PR-SPEC-I-PT", OUT, TOPIC, "SPEC_I_PT where it is not supported")
def specified_ports(unit: Subject) -> None:
    """5/26/00 with SIP_C clear."""
    alone(unit)
    unit.need(0x5E, 2)
    if unit.good(c.reserve_in(2), size=64).data[2] & 0x08:
        unit.skip("SPEC_I_PT is supported")
    unit.cleanup(lambda: k.undo(unit, KEY_A))
    unit.expect("sense", "5/26/00", k.out(unit, k.REGISTER, new=KEY_A, flags=8).code)


@check("PR-STATUS", IN, TOPIC, "READ FULL STATUS")
def full_status(unit: Subject) -> None:
    """A descriptor for each registrant: its key, whether it holds the reservation, its scope and
    type, its port."""
    unit.need(0x5E, 3)
    both(unit)
    k.reserve(unit, KEY_A, 3)
    data = unit.good(c.reserve_in(3), size=ROOM).data
    unit.expect("ADDITIONAL LENGTH", len(data) - 8, number(data, 4, 4))
    at, found = 8, {}
    while at < len(data):
        found[number(data, at, 8)] = (data[at + 12] & 1, data[at + 13])
        at += 24 + number(data, at + 20, 4)
    unit.expect("holder", (1, 0x03), found.get(KEY_A))
    unit.require("registrant", KEY_B in found and not found[KEY_B][0], "not the holder", found)


@check("PR-NOTHING", IN, TOPIC, "Nothing registered, nothing reserved")
def nothing(unit: Subject) -> None:
    """READ KEYS and READ RESERVATION: ADDITIONAL LENGTH 0, the same PRGENERATION."""
    alone(unit)
    first = unit.good(c.reserve_in(0), size=ROOM).data
    second = unit.good(c.reserve_in(1), size=ROOM).data
    unit.expect("ADDITIONAL LENGTH", (0, 0), (number(first, 4, 4), number(second, 4, 4)))
    unit.expect("PRGENERATION", first[:4], second[:4])

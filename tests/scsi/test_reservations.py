"""PERSISTENT RESERVE OUT: registering, reserving, releasing, clearing; two hosts at a drive."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.scsi.persistent import (
    ABORT,
    CLEAR,
    EA,
    EA_AR,
    EA_RO,
    IGNORE,
    KEY_A,
    KEY_B,
    KEY_C,
    PREEMPT,
    REGISTER,
    RELEASE,
    RESERVATIONS_PREEMPTED,
    RESERVATIONS_RELEASED,
    RESERVE,
    TYPES,
    WE_AR,
    WE_RO,
    Client,
    capable,
    clients,
    heard,
    three,
    transport_id,
    unit,
)
from tests.tape.host import CHECK, CONFLICT, GOOD, Host, sense_of

# --- REGISTER, REGISTER AND IGNORE EXISTING KEY --------------------------------------------------


@pytest.mark.req("SSC-PR-05", "SSC-PR-19")
def test_register_as_table_67_has_it() -> None:
    a, b = clients(unit(), "a", "b")
    assert a.out(REGISTER).status == GOOD, "nothing to do"
    assert (a.keys, a.generation) == ([], 0)
    assert a.out(REGISTER, KEY_B, KEY_A).status == CONFLICT
    assert a.out(REGISTER, new=KEY_A).status == GOOD
    assert b.out(REGISTER, new=KEY_A).status == GOOD
    assert (a.keys, a.generation) == ([KEY_A, KEY_A], 2)
    assert a.out(REGISTER, new=KEY_B).status == CONFLICT
    assert a.out(REGISTER, KEY_B, KEY_B).status == CONFLICT
    assert a.out(REGISTER, KEY_A, KEY_B).status == GOOD
    assert (a.keys, a.generation) == ([KEY_B, KEY_A], 3)
    assert a.out(REGISTER, KEY_B).status == GOOD
    assert (a.keys, a.generation) == ([KEY_A], 4)
    assert heard(a) + heard(b) == []


@pytest.mark.req("SSC-PR-11")
def test_register_and_ignore_as_table_68_has_it() -> None:
    (a,) = clients(unit(), "a")
    assert a.out(IGNORE, KEY_C).status == GOOD, "nothing to do"
    assert (a.keys, a.generation) == ([], 0)
    for key in (KEY_A, KEY_B, KEY_B):
        assert a.out(IGNORE, KEY_C, key).status == GOOD
        assert a.keys == [key]
    assert a.out(IGNORE, KEY_C).status == GOOD
    assert (a.keys, a.generation) == ([], 4)


def test_scope_and_type_are_ignored_where_there_is_nothing_to_reserve() -> None:
    a, *_ = three()
    for action in (REGISTER, IGNORE, CLEAR):
        assert a.out(action, KEY_A, KEY_A, scope=15, kind=15).status == GOOD


@pytest.mark.parametrize("action", [REGISTER, IGNORE])
def test_a_new_key_keeps_the_reservation(action: int) -> None:
    a, b, _ = three()
    a.out(RESERVE, KEY_A, kind=EA)
    assert a.out(action, KEY_A, 0xD).status == GOOD
    assert b.reservation == (0xD, EA)
    assert [row.holds for row in b.full_status] == [True, False, False]
    assert [row.type for row in b.full_status] == [EA, 0, 0]


@pytest.mark.parametrize("action", [REGISTER, IGNORE])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.req("SSC-PR-05", "SSC-PR-18")
def test_unregistering_the_holder(kind: int, action: int) -> None:
    a, b, c = three()
    a.out(RESERVE, KEY_A, kind=kind)
    assert a.out(action, KEY_A).status == GOOD
    if kind in (WE_AR, EA_AR):
        assert b.reservation == (0, kind)
        assert heard(b) + heard(c) == []
        b.out(REGISTER, KEY_B)
        assert c.reservation == (0, kind)
        c.out(REGISTER, KEY_C)
    else:
        told = RESERVATIONS_RELEASED if kind in (WE_RO, EA_RO) else []
        assert heard(b) == heard(c) == told
    assert c.reservation is None
    assert heard(a) == []


def test_unregistering_another_keeps_the_reservation() -> None:
    a, b, c = three()
    a.out(RESERVE, KEY_A, kind=EA_RO)
    b.out(REGISTER, KEY_B)
    assert c.reservation == (KEY_A, EA_RO)
    assert b.send(bytes((0x16, 0, 0, 0, 0, 0))).status == CONFLICT
    assert heard(a) + heard(c) == []


def test_no_more_registrations_than_there_is_room_for() -> None:
    server = capable(limit=2)
    a, b, c = clients(server, "a", "b", "c")
    a.out(REGISTER, new=KEY_A)
    refused = a.out(REGISTER, KEY_A, KEY_A)
    assert refused.status == GOOD, "a new key takes no room"
    b.out(REGISTER, new=KEY_B)
    for action in (REGISTER, IGNORE):
        assert sense_of(c.out(action, new=KEY_C)) == Sense(s.INSUFFICIENT_REGISTRATIONS)
    assert (a.keys, a.generation) == ([KEY_A, KEY_B], 3)
    a.out(RESERVE, KEY_A, kind=EA)
    to = transport_id(0x5001405000000001)
    assert sense_of(a.move(KEY_A, KEY_C, to)) == Sense(s.INSUFFICIENT_REGISTRATIONS)
    assert (a.keys, a.reservation) == ([KEY_A, KEY_B], (KEY_A, EA))


# --- RESERVE, RELEASE ----------------------------------------------------------------------------


@pytest.mark.req("SSC-PR-06")
@pytest.mark.parametrize("kind", TYPES)
def test_reserve(kind: int) -> None:
    a, b, _ = three()
    assert a.out(RESERVE, KEY_A, kind=kind).status == GOOD
    every = kind in (WE_AR, EA_AR)
    assert b.reservation == (0 if every else KEY_A, kind)
    assert [row.holds for row in b.full_status] == [True, every, every]
    assert a.out(RESERVE, KEY_A, kind=kind).status == GOOD, "again by a holder"
    assert b.out(RESERVE, KEY_B, kind=kind).status == (GOOD if every else CONFLICT)
    for other in set(TYPES) - {kind}:
        assert a.out(RESERVE, KEY_A, kind=other).status == CONFLICT
        assert b.out(RESERVE, KEY_B, kind=other).status == CONFLICT
    assert a.generation == 3, "no reservation counts"


@pytest.mark.req("SSC-PR-06")
def test_scopes_and_types_that_are_not_there() -> None:
    a, b, _ = three()
    for kind in set(range(16)) - set(TYPES):
        refused = a.out(RESERVE, KEY_A, kind=kind)
        assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 3))
    for scope in range(1, 16):
        refused = a.out(RESERVE, KEY_A, kind=EA, scope=scope)
        assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7))
    assert a.reservation is None
    a.out(RESERVE, KEY_A, kind=EA)
    assert b.out(RESERVE, KEY_B, scope=1).status == CONFLICT


@pytest.mark.req("SSC-PR-07", "SSC-PR-18")
@pytest.mark.parametrize("kind", TYPES)
def test_release(kind: int) -> None:
    a, b, c = three()
    assert a.out(RELEASE, KEY_A, kind=kind).status == GOOD, "nothing is reserved"
    a.out(RESERVE, KEY_A, kind=kind)
    if kind not in (WE_AR, EA_AR):
        assert b.out(RELEASE, KEY_B, kind=kind).status == GOOD, "no holder, no effect"
        assert b.out(RELEASE, KEY_B, kind=0, scope=1).status == GOOD
    for other in set(range(16)) - {kind}:
        assert sense_of(a.out(RELEASE, KEY_A, kind=other)) == Sense(s.INVALID_RELEASE)
    assert sense_of(a.out(RELEASE, KEY_A, kind=kind, scope=1)) == Sense(s.INVALID_RELEASE)
    assert [row.type for row in b.full_status if row.holds][:1] == [kind]
    assert a.out(RELEASE, KEY_A, kind=kind).status == GOOD
    assert a.reservation is None
    told = RESERVATIONS_RELEASED if kind >= WE_RO else []
    assert (heard(a), heard(b), heard(c)) == ([], told, told)
    assert (a.keys, a.generation) == ([KEY_A, KEY_B, KEY_C], 3)


@pytest.mark.req("SSC-PR-19")
@pytest.mark.parametrize("action", [RESERVE, RELEASE, CLEAR, PREEMPT, ABORT])
def test_unregistered_or_with_a_wrong_key(action: int) -> None:
    a, b, _ = three()
    stranger = Client(a.unit, "stranger")
    stranger.send(bytes(6))
    a.out(RESERVE, KEY_A, kind=EA)
    for kind in (EA, 0):
        assert b.out(action, KEY_A, KEY_A, kind=kind, scope=1).status == CONFLICT
        assert stranger.out(action, 0, KEY_A, kind=kind).status == CONFLICT
        assert stranger.out(action, KEY_A, KEY_A, kind=kind).status == CONFLICT
    assert (a.keys, a.reservation, a.generation) == ([KEY_A, KEY_B, KEY_C], (KEY_A, EA), 3)


# --- CLEAR ---------------------------------------------------------------------------------------


@pytest.mark.req("SSC-PR-08", "SSC-PR-18")
@pytest.mark.parametrize("kind", [None, *TYPES])
def test_clear(kind: int | None) -> None:
    a, b, c = three()
    if kind is not None:
        a.out(RESERVE, KEY_A, kind=kind)
    assert b.out(CLEAR, KEY_B).status == GOOD
    assert (heard(a), heard(b), heard(c)) == (RESERVATIONS_PREEMPTED, [], RESERVATIONS_PREEMPTED)
    assert (a.keys, a.reservation, a.generation) == ([], None, 4)
    assert c.send(bytes((0x0A, 0, 0, 0, 0, 0))).status == GOOD


# --- with RESERVE and RELEASE --------------------------------------------------------------------

LEGACY = [bytes((opcode,)) + bytes(9) for opcode in (0x16, 0x17, 0x56, 0x57)]


@pytest.mark.req("SSC-RES-01", "SSC-PR-16")
def test_with_reserve_no_persistent_command_is_taken() -> None:
    """SPC-2 5.5.1: whoever holds the unit, and whoever asks."""
    a, b = clients(unit(), "a", "b")
    a.send(LEGACY[0])
    for one in (a, b):
        for action in range(4):
            assert one.ask(action).status == CONFLICT
        for action in range(8):
            assert one.out(action, new=KEY_A).status == CONFLICT
    a.send(LEGACY[1])
    assert b.out(REGISTER, new=KEY_A).status == GOOD


@pytest.mark.req("SSC-RES-03")
@pytest.mark.parametrize("crh", [True, False])
@pytest.mark.parametrize("cdb", LEGACY, ids=lambda cdb: f"{cdb[0]:02x}")
@pytest.mark.parametrize("kind", [None, *TYPES])
def test_reserve_and_release_among_registrations(kind: int | None, cdb: bytes, crh: bool) -> None:
    holder, registered, stranger = clients(capable(crh=crh), "a", "b", "c")
    holder.out(REGISTER, new=KEY_A)
    registered.out(REGISTER, new=KEY_B)
    if kind is not None:
        holder.out(RESERVE, KEY_A, kind=kind)
    before = holder.reservation
    works = {
        holder: kind is not None,
        registered: kind is not None and kind >= WE_RO,
        stranger: False,
    }
    for one, admitted in works.items():
        assert one.send(cdb).status == (GOOD if crh and admitted else CONFLICT)
    assert (holder.reservation, holder.unit.reservation) == (before, None)


def test_reserve_is_free_again_when_the_last_has_gone() -> None:
    a, b = clients(unit(), "a", "b")
    a.out(REGISTER, new=KEY_A)
    assert b.send(LEGACY[0]).status == CONFLICT
    a.out(REGISTER, KEY_A)
    assert b.send(LEGACY[0]).status == GOOD
    assert a.out(REGISTER, new=KEY_A).status == CONFLICT


# --- at a drive ----------------------------------------------------------------------------------


@pytest.mark.req("SSC-PR-15", "SSC-PR-18", "SSC-SENSE-6-2A-03", "SSC-SENSE-6-2A-04")
def test_two_hosts_at_a_drive(host: Host) -> None:
    """As LTFS does it: register, exclusive access, and the next host preempts."""
    other = Host(host.drive, "other")
    other.hear()
    a, b = Client(host.drive), Client(host.drive, "other")
    a.out(IGNORE, new=KEY_A)
    a.out(RESERVE, KEY_A, kind=EA)
    assert host.write(b"data").status == GOOD
    assert other.read(4).status == other.rewind().status == CONFLICT
    assert other.ready().status == GOOD
    b.out(IGNORE, new=KEY_B)
    assert b.out(PREEMPT, KEY_B, KEY_A, kind=EA).status == GOOD
    assert other.rewind().status == GOOD
    assert other.read(4).data == b"data"
    assert host.read(4).status == CONFLICT
    assert host.hear() == [s.REGISTRATIONS_PREEMPTED]
    a.out(IGNORE, new=KEY_A)
    b.out(CLEAR, KEY_B)
    assert host.hear() == [s.RESERVATIONS_PREEMPTED]
    for one, key in ((a, KEY_A), (b, KEY_B)):
        one.out(REGISTER, new=key)
    a.out(RESERVE, KEY_A, kind=WE_RO)
    assert other.write(b"more").status == GOOD
    a.out(RELEASE, KEY_A, kind=WE_RO)
    assert other.hear() == [s.RESERVATIONS_RELEASED]


def test_an_attention_comes_before_the_action() -> None:
    server = unit()
    new = Client(server, "new")
    assert new.out(REGISTER, new=KEY_A).status == CHECK
    assert new.out(REGISTER, new=KEY_A).status == GOOD

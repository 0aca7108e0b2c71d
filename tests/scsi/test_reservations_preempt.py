"""PERSISTENT RESERVE OUT: taking a reservation from others, and handing it on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.scsi.persistent import (
    ABORT,
    EA,
    EA_AR,
    EA_RO,
    KEY_A,
    KEY_B,
    KEY_C,
    MOVE,
    PREEMPT,
    REGISTER,
    REGISTRATIONS_PREEMPTED,
    RELEASE,
    RESERVATIONS_RELEASED,
    RESERVE,
    TYPES,
    WE,
    WE_AR,
    WE_RO,
    Client,
    clients,
    heard,
    in_list,
    three,
    transport_id,
    unit,
)
from tests.tape.host import CONFLICT, GOOD, Host, sense_of

# --- PREEMPT, PREEMPT AND ABORT ------------------------------------------------------------------


@pytest.mark.req("SSC-PR-09", "SSC-PR-10", "SSC-PR-18", "SSC-SENSE-6-2A-05")
@pytest.mark.parametrize("action", [PREEMPT, ABORT])
@pytest.mark.parametrize("new", TYPES)
@pytest.mark.parametrize("old", [WE, EA, WE_RO, EA_RO])
def test_preempt_the_holder(old: int, new: int, action: int) -> None:
    a, b, c = three()
    a.out(RESERVE, KEY_A, kind=old)
    assert b.out(action, KEY_B, KEY_A, kind=new).status == GOOD
    assert b.keys == [KEY_B, KEY_C]
    assert b.reservation == (0 if new in (WE_AR, EA_AR) else KEY_B, new)
    assert b.generation == 4
    released = [] if new == old else RESERVATIONS_RELEASED
    assert (heard(a), heard(b), heard(c)) == (REGISTRATIONS_PREEMPTED, [], released)


def test_preempt_removes_every_registration_with_the_key() -> None:
    a, b, c = three()
    c.out(REGISTER, KEY_C, KEY_A)
    a.out(RESERVE, KEY_A, kind=EA)
    assert b.out(PREEMPT, KEY_B, KEY_A, kind=EA).status == GOOD
    assert b.keys == [KEY_B]
    assert heard(a) == heard(c) == REGISTRATIONS_PREEMPTED


@pytest.mark.parametrize("kind", [None, *TYPES])
@pytest.mark.req("SSC-PR-09", "SSC-PR-18")
def test_preempt_that_only_removes_a_registration(kind: int | None) -> None:
    a, b, c = three()
    if kind is not None:
        a.out(RESERVE, KEY_A, kind=kind)
    before = a.reservation
    assert b.out(PREEMPT, KEY_B, KEY_C, kind=15, scope=15).status == GOOD, "both are ignored"
    assert (b.keys, b.reservation, b.generation) == ([KEY_A, KEY_B], before, 4)
    assert (heard(a), heard(b), heard(c)) == ([], [], REGISTRATIONS_PREEMPTED)


@pytest.mark.parametrize("kind", [WE, EA, WE_RO, EA_RO])
def test_preempt_by_the_holder_itself(kind: int) -> None:
    a, b, c = three()
    c.out(REGISTER, KEY_C, KEY_A)
    a.out(RESERVE, KEY_A, kind=kind)
    assert a.out(PREEMPT, KEY_A, KEY_A, kind=EA_RO).status == GOOD
    assert (a.keys, a.reservation) == ([KEY_A, KEY_B], (KEY_A, EA_RO))
    released = [] if kind == EA_RO else RESERVATIONS_RELEASED
    assert (heard(a), heard(b), heard(c)) == ([], released, REGISTRATIONS_PREEMPTED)


def test_preempt_that_removes_its_own_registration() -> None:
    a, b, c = three()
    c.out(REGISTER, KEY_C, KEY_B)
    a.out(RESERVE, KEY_A, kind=EA_RO)
    assert b.out(PREEMPT, KEY_B, KEY_B).status == GOOD
    assert (a.keys, a.reservation) == ([KEY_A], (KEY_A, EA_RO))
    assert (heard(b), heard(c)) == ([], REGISTRATIONS_PREEMPTED)
    assert b.send(bytes((0x0A, 0, 0, 0, 0, 0))).status == CONFLICT


@pytest.mark.parametrize("kind", [WE_AR, EA_AR])
def test_preempt_all_registrants(kind: int) -> None:
    a, b, c = three()
    a.out(RESERVE, KEY_A, kind=kind)
    assert b.out(PREEMPT, KEY_B, KEY_A).status == GOOD, "removes a registration"
    assert (b.keys, b.reservation) == ([KEY_B, KEY_C], (0, kind))
    assert b.out(PREEMPT, KEY_B, kind=EA).status == GOOD, "key 0: takes the reservation"
    assert (b.keys, b.reservation) == ([KEY_B], (KEY_B, EA))
    assert (heard(a), heard(b), heard(c)) == (REGISTRATIONS_PREEMPTED, [], REGISTRATIONS_PREEMPTED)


def test_the_last_of_all_registrants_removes_itself() -> None:
    a, b, c = three()
    b.out(REGISTER, KEY_B)
    c.out(REGISTER, KEY_C)
    a.out(RESERVE, KEY_A, kind=EA_AR)
    assert a.out(PREEMPT, KEY_A, KEY_A).status == GOOD
    assert (a.keys, a.reservation) == ([], None)


@pytest.mark.req("SSC-PR-09", "SSC-PR-19")
@pytest.mark.parametrize("action", [PREEMPT, ABORT])
def test_preempt_with_key_zero_or_one_of_nobody(action: int) -> None:
    a, b, _ = three()
    assert b.out(action, KEY_B, 0, kind=EA).status == CONFLICT, "nothing is reserved"
    assert b.out(action, KEY_B, 0xD, kind=EA).status == CONFLICT
    a.out(RESERVE, KEY_A, kind=EA)
    assert sense_of(b.out(action, KEY_B, 0, kind=EA)) == in_list(8)
    assert b.out(action, KEY_B, 0xD, kind=EA).status == CONFLICT
    for kind, scope, pointer in ((2, 0, (2, 3)), (EA, 1, (2, 7))):
        refused = b.out(action, KEY_B, KEY_A, kind=kind, scope=scope)
        assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)
    assert (a.keys, a.reservation, a.generation) == ([KEY_A, KEY_B, KEY_C], (KEY_A, EA), 3)


@pytest.mark.req("SSC-PR-10")
def test_abort_ends_what_the_preempted_prevent(host: Host) -> None:
    a, b = Client(host.drive), Client(host.drive, "b")
    b.send(bytes(6))
    for one, key in ((a, KEY_A), (b, KEY_B)):
        one.out(REGISTER, new=key)
    host.prevent(True)
    b.out(PREEMPT, KEY_B, KEY_A)
    assert sense_of(Host(host.drive, "b").load(load=False)).code is s.REMOVAL_PREVENTED
    host.hear()
    a.out(REGISTER, new=KEY_A)
    b.out(ABORT, KEY_B, KEY_A)
    assert Host(host.drive, "b").load(load=False).status == GOOD


# --- REGISTER AND MOVE ---------------------------------------------------------------------------

B = "naa.5001405000000001"
TO_B = transport_id(0x5001405000000001)


def moving() -> tuple[Client, Client]:
    """A holder, Exclusive Access, and a nexus that is not registered."""
    a, b = clients(unit(), "a", B)
    a.out(REGISTER, new=KEY_A)
    a.out(RESERVE, KEY_A, kind=EA)
    return a, b


@pytest.mark.req("SSC-PR-12")
@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_move(known: bool, leave: bool) -> None:
    a, b = moving()
    if known:
        b.out(REGISTER, new=KEY_C)
    assert a.move(KEY_A, KEY_B, TO_B, flags=leave << 1).status == GOOD
    assert b.reservation == (KEY_B, EA)
    assert sorted(b.keys) == sorted([KEY_B] if leave else [KEY_A, KEY_B])
    assert b.generation == (3 if known else 2)
    assert b.send(bytes((0x0A, 0, 0, 0, 0, 0))).status == GOOD
    assert a.send(bytes((0x0A, 0, 0, 0, 0, 0))).status == CONFLICT
    assert heard(a) + heard(b) == []


def test_move_to_another_target_port() -> None:
    server = unit()
    a, b = Client(server, "a", "left"), Client(server, "b", "right")
    for one in (a, b):
        one.send(bytes(6))
    a.out(REGISTER, new=KEY_A)
    a.out(RESERVE, KEY_A, kind=EA)
    assert a.move(KEY_A, KEY_B, TO_B, port=2).status == GOOD
    assert [row.port for row in b.full_status] == [1, 2]


def test_move_that_conflicts() -> None:
    a, b = moving()
    to_a = transport_id(int("3" + hashlib.sha256(b"a").hexdigest()[:15], 16))
    assert b.move(0, KEY_B, to_a).status == CONFLICT, "not registered"
    b.out(REGISTER, new=KEY_B)
    assert b.move(KEY_B, KEY_B, to_a).status == CONFLICT, "not the holder"
    assert a.move(KEY_B, KEY_B, TO_B).status == CONFLICT, "a wrong key"
    a.out(RELEASE, KEY_A, kind=EA)
    refused = a.move(KEY_A, KEY_B, TO_B)
    assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 4))
    a.out(RESERVE, KEY_A, kind=EA_AR)
    assert a.move(KEY_A, KEY_B, TO_B).status == CONFLICT, "all registrants hold it"


@pytest.mark.req("SSC-PR-12")
def test_move_that_is_refused() -> None:
    a, _ = moving()
    to_a = transport_id(int("3" + hashlib.sha256(b"a").hexdigest()[:15], 16))
    cases: list[tuple[Callable[[], object], Sense]] = [
        (lambda: a.move(KEY_A, 0, TO_B), in_list(8)),
        (lambda: a.move(KEY_A, KEY_B, TO_B, port=0), in_list(18)),
        (lambda: a.move(KEY_A, KEY_B, TO_B, port=2), in_list(18)),
        (lambda: a.move(KEY_A, KEY_B, to_a), in_list(24)),
        (lambda: a.move(KEY_A, KEY_B, TO_B, flags=4), in_list(17, 2)),
        (lambda: a.move(KEY_A, KEY_B, b""), in_list(20)),
        (lambda: a.move(KEY_A, KEY_B, TO_B + bytes(4)), in_list(20)),
        (lambda: a.move(KEY_A, KEY_B, b"\x05" + TO_B[1:]), in_list(24, 3)),
        (lambda: a.move(KEY_A, KEY_B, TO_B[:1] + b"\1" + TO_B[2:]), in_list(25, 0)),
        (lambda: a.move(KEY_A, KEY_B, TO_B, length=28), Sense(s.PARAMETER_LIST_LENGTH)),
        (lambda: a.list_out(MOVE, bytes(23)), Sense(s.PARAMETER_LIST_LENGTH)),
    ]
    for send, sense in cases:
        assert sense_of(send()) == sense  # type: ignore[arg-type]  # what every case returns
    assert (a.keys, a.reservation, a.generation) == ([KEY_A], (KEY_A, EA), 1)


def test_move_turns_persistence_on_and_off() -> None:
    a, b = moving()
    a.move(KEY_A, KEY_B, TO_B, flags=3)
    assert b.ask(2).data[3] & 1
    state = b.unit.persistent
    state.capabilities = replace(state.capabilities, ptpl_c=False)
    a.out(REGISTER, new=KEY_A)
    refused = b.move(KEY_B, KEY_A, transport_id(1), flags=1)
    assert sense_of(refused) == in_list(17, 0)

"""PERSISTENT RESERVE OUT: parameter lists, and the initiator ports in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.scsi.persistent import (
    ABORT,
    CLEAR,
    EA,
    EA_RO,
    IGNORE,
    KEY_A,
    KEY_B,
    KEY_C,
    MOVE,
    PREEMPT,
    REGISTER,
    RELEASE,
    RESERVE,
    WE,
    Client,
    capable,
    clients,
    in_list,
    three,
    transport_id,
    unit,
)
from tests.tape.host import CHECK, CONFLICT, GOOD, sense_of

# --- parameter lists -----------------------------------------------------------------------------


@pytest.mark.req("SSC-PR-13")
@pytest.mark.parametrize("action", range(8))
@pytest.mark.parametrize("length", [0, 1, 8, 23, 25, 48, 4096, 4097, 0xFFFFFFFF])
def test_lists_of_another_length(action: int, length: int) -> None:
    a, *_ = three()
    if action == MOVE and 24 <= length <= 4096:
        return  # Has a length of its own.
    data = (KEY_A.to_bytes(8, "big") + bytes(4096))[: min(length, 4096)]
    reply = a.list_out(action, data, length=length, kind=EA)
    assert sense_of(reply) == Sense(s.PARAMETER_LIST_LENGTH)
    assert (len(a.keys), a.generation) == (3, 3)


def test_a_list_that_does_not_come_whole() -> None:
    a, *_ = three()
    assert sense_of(a.list_out(CLEAR, bytes(12), length=24)) == Sense(s.DATA_PHASE_ERROR)


@pytest.mark.parametrize("action", range(7))
def test_reserved_bits_of_the_list(action: int) -> None:
    a, *_ = three()
    for at, bit in ((20, 7), (20, 6), (20, 5), (20, 4), (20, 1), (21, 0), (21, 7)):
        data = bytearray(24)
        data[at] = 1 << bit
        assert sense_of(a.list_out(action, bytes(data))) == in_list(at, bit)


def test_obsolete_bytes_are_ignored() -> None:
    a, *_ = three()
    data = KEY_A.to_bytes(8, "big") + bytes(8) + b"\xff" * 4 + b"\0\0\xff\xff"
    assert a.list_out(CLEAR, data).status == GOOD


# --- SPEC_I_PT -----------------------------------------------------------------------------------

PORTS = [0x5001405000000001, 0x5001405000000002]


def ports(*addresses: int) -> bytes:
    ids = b"".join(transport_id(address) for address in addresses)
    return len(ids).to_bytes(4, "big") + ids


@pytest.mark.req("SSC-PR-14")
def test_initiator_ports_are_registered_before_they_are_seen() -> None:
    (a,) = clients(unit(), "a")
    assert a.out(REGISTER, new=KEY_A, flags=8, more=ports(*PORTS)).status == GOOD
    assert a.keys == [KEY_A] * 3
    assert a.generation == 1
    assert [row.address for row in a.full_status[1:]] == PORTS
    a.out(RESERVE, KEY_A, kind=EA_RO)
    later = Client(a.unit, "naa.5001405000000002")
    later.send(bytes(6))
    assert later.send(bytes((0x0A,)) + bytes(5)).status == GOOD
    assert later.out(REGISTER, KEY_A, KEY_B).status == GOOD


def test_no_ports_at_all() -> None:
    (a,) = clients(unit(), "a")
    assert a.out(REGISTER, new=KEY_A, flags=8, more=bytes(4)).status == GOOD
    assert a.keys == [KEY_A]


@pytest.mark.req("SSC-PR-14")
def test_initiator_ports_that_are_refused() -> None:
    a, _ = clients(unit(), "a", "naa.5001405000000002")
    registered = Client(a.unit, "naa.5001405000000002")
    registered.out(REGISTER, new=KEY_B)
    other_protocol = bytearray(ports(*PORTS))
    other_protocol[4] = 5
    other_format = bytearray(ports(PORTS[0]))
    other_format[4] |= 0x40
    reserved = bytearray(ports(PORTS[0]))
    reserved[20] = 0x10
    for more, sense in (
        (b"", Sense(s.PARAMETER_LIST_LENGTH)),
        (ports(*PORTS)[:-1], Sense(s.PARAMETER_LIST_LENGTH)),
        (bytes((0, 0, 0, 25)) + bytes(25), in_list(24)),
        (bytes(other_protocol), in_list(28, 3)),
        (bytes(other_format), in_list(28, 7)),
        (bytes(reserved), in_list(44, 4)),
        (ports(*PORTS), in_list(52)),
    ):
        assert sense_of(a.out(REGISTER, new=KEY_A, flags=8, more=more)) == sense
    assert (a.keys, a.generation) == ([KEY_B], 1), "all or none"


def test_initiator_ports_are_for_new_registrations() -> None:
    a, *_ = three()
    for new in (0, KEY_B):
        refused = a.out(REGISTER, KEY_A, new, flags=8, more=ports(*PORTS))
        assert sense_of(refused) == in_list(20, 3)
    assert a.out(REGISTER, KEY_B, KEY_B, flags=8, more=ports(*PORTS)).status == CONFLICT
    for action in (RESERVE, RELEASE, CLEAR, PREEMPT, ABORT, IGNORE):
        refused = a.out(action, KEY_A, KEY_B, flags=8, more=ports(*PORTS), kind=WE)
        assert sense_of(refused) == in_list(20, 3)
    assert len(a.keys) == 3


def test_initiator_ports_a_model_does_not_take() -> None:
    (a,) = clients(capable(sip_c=False), "a")
    refused = a.out(REGISTER, new=KEY_A, flags=8, more=ports(*PORTS))
    assert sense_of(refused) == in_list(20, 3)


@pytest.mark.req("SSC-PR-14")
@pytest.mark.parametrize("action", [REGISTER, IGNORE])
def test_all_target_ports_are_refused(action: int) -> None:
    (a,) = clients(unit(), "a")
    assert sense_of(a.out(action, new=KEY_A, flags=4)) == in_list(20, 2)
    assert a.keys == []


def test_flags_that_other_actions_ignore() -> None:
    a, *_ = three()
    for action, new in ((RESERVE, 0), (RELEASE, 0), (PREEMPT, KEY_B), (ABORT, KEY_C), (CLEAR, 0)):
        assert a.out(action, KEY_A, new, kind=EA, flags=5).status == GOOD
    assert a.ask(2).data[3] & 1 == 0, "neither ALL_TG_PT nor APTPL"


# --- anything ------------------------------------------------------------------------------------


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    """Nearly right: small keys, then a few bytes changed, and cut or made longer."""
    some_keys = st.sampled_from((0, KEY_A, KEY_B, KEY_C))
    flags = draw(st.sampled_from((0, 1, 8, 9)))
    data = bytearray(draw(some_keys).to_bytes(8, "big") + draw(some_keys).to_bytes(8, "big"))
    data += bytes((0, flags & 3, 0, 1)) + bytes((flags, 0, 0, draw(st.sampled_from((0, 24)))))
    if draw(st.booleans()):
        data += ports(*draw(st.lists(st.integers(1, 3), max_size=2)))
    for at in draw(st.lists(st.integers(0, len(data) - 1), max_size=2)):
        data[at] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(20, len(data)))])


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 7), st.integers(0, 255), lists()), max_size=12
    )
)
def test_nothing_that_is_sent_raises(sent: list[tuple[int, int, int, bytes]]) -> None:
    three_of_them = three()
    server = three_of_them[0].unit
    server.failed = fail  # type: ignore[method-assign]  # an exception fails the test
    before = 0
    for number, action, kind, data in sent:
        reply = three_of_them[number].list_out(action, data, kind=kind & 15, scope=kind >> 4 & 1)
        assert reply.status in (GOOD, CHECK, CONFLICT)
        assert reply.sense is None or reply.sense.code.key in (5, 6)
        for action in range(4):
            assert three_of_them[0].ask(action).status in (GOOD, CHECK)
        state = server.persistent
        assert before <= state.generation
        before = state.generation
        assert len(state.holders()) <= 1 or state.holder is None
        assert bool(state.holders()) == (state.type is not None)


def fail(error: Exception, cdb: bytes) -> Sense:
    raise AssertionError(cdb.hex(" ")) from error

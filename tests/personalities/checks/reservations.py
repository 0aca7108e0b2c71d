"""RESERVE and RELEASE, PERSISTENT RESERVE IN and OUT."""

from __future__ import annotations

from target.scsi import sense as s
from target.scsi.registrations import Capabilities
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import check, has
from tests.scsi.persistent import (
    CLEAR,
    IGNORE,
    KEY_A,
    KEY_B,
    MOVE,
    PREEMPT,
    REGISTER,
    RELEASE,
    RESERVE,
    Client,
    transport_id,
)
from tests.tape.host import CONFLICT, GOOD

EXCLUSIVE, WRITE_EXCLUSIVE = (3, 6, 8), (1, 5, 7)
ALL_TYPES = (1, 3, 5, 6, 7, 8)
READY, LOG_SENSE = bytes(6), bytes((0x4D, 0, 0x40, 0, 0, 0, 0, 0, 64, 0))
MODE_SENSE, READ = bytes((0x1A, 0, 0, 0, 64, 0)), bytes((0x08, 0, 0, 0, 1, 0))


def capabilities(model: Model) -> Capabilities:
    return Capabilities(**model.personality.reservations)


def clients(bench: Bench) -> tuple[Client, Client]:
    """Two nexuses at a drive with a tape."""
    drive = bench.tape().drive
    found = Client(drive, "a"), Client(drive, "b")
    for one in found:
        one.send(READY)
    return found


def registered(bench: Bench) -> tuple[Client, Client]:
    one, other = clients(bench)
    assert one.out(REGISTER, new=KEY_A).status == GOOD
    assert other.out(REGISTER, new=KEY_B).status == GOOD
    return one, other


# --- RESERVE and RELEASE -------------------------------------------------------------------------


@check()
def reserve_shuts_others_out(bench: Bench) -> None:
    """With CDBs of both sizes; INQUIRY, REQUEST SENSE and READ BLOCK LIMITS pass."""
    one, other = clients(bench)
    for reserve, release in ((0x16, 0x17), (0x56, 0x57)):
        if f"{reserve:02X}" not in bench.model.rows:
            continue
        size = 6 if reserve == 0x16 else 10
        assert one.send(bytes((reserve,)).ljust(size, b"\0")).status == GOOD
        for cdb in (READY, READ, MODE_SENSE, bytes((reserve,)).ljust(size, b"\0")):
            assert other.send(cdb, size=64).status == CONFLICT
        for passes in ("12 00 00 00 40 00", "03 00 00 00 40 00", "05 00 00 00 00 00"):
            assert other.send(bytes.fromhex(passes), size=64).status == GOOD
        assert one.send(READY).status == GOOD
        # The other nexus has nothing to release.
        assert other.send(bytes((release,)).ljust(size, b"\0")).status == GOOD
        assert other.send(READY).status == CONFLICT
        assert one.send(bytes((release,)).ljust(size, b"\0")).status == GOOD
        assert other.send(READY).status == GOOD


@check()
def reset_ends_a_reservation(bench: Bench) -> None:
    one, other = clients(bench)
    one.send(bytes((0x16, 0, 0, 0, 0, 0)))
    one.unit.reset()
    other.send(READY)
    assert other.send(READY).status == GOOD


@check()
def lost_nexus_holds_nothing(bench: Bench) -> None:
    one, other = clients(bench)
    one.send(bytes((0x16, 0, 0, 0, 0, 0)))
    one.unit.nexus_lost(one.nexus)
    assert other.send(READY).status == GOOD


@check()
def reserve_and_registrations_exclude_each_other(bench: Bench) -> None:
    one, other = clients(bench)
    assert one.send(bytes((0x16, 0, 0, 0, 0, 0))).status == GOOD
    assert other.out(REGISTER, new=KEY_B).status == CONFLICT
    assert one.send(bytes((0x17, 0, 0, 0, 0, 0))).status == GOOD
    assert other.out(REGISTER, new=KEY_B).status == GOOD
    assert one.send(bytes((0x16, 0, 0, 0, 0, 0))).status == CONFLICT


# --- persistent reservations ---------------------------------------------------------------------


@check()
def keys_are_registered(bench: Bench) -> None:
    one, other = registered(bench)
    assert sorted(one.keys) == sorted((KEY_A, KEY_B))
    assert other.generation == 2
    assert other.out(REGISTER, KEY_B, 0).status == GOOD
    assert one.keys == [KEY_A]


@check()
def wrong_key(bench: Bench) -> None:
    one, _ = registered(bench)
    assert one.out(REGISTER, KEY_B, KEY_B).status == CONFLICT
    assert one.out(RESERVE, KEY_B, kind=3).status == CONFLICT
    assert one.reservation is None


@check()
def every_type(bench: Bench) -> None:
    """Those of the model are taken, and shut out whom they do; the others are 5/24/00."""
    one, other = registered(bench)
    drive = one.unit
    stranger = Client(drive, "c")
    stranger.send(READY)
    for kind in ALL_TYPES:
        reply = one.out(RESERVE, KEY_A, kind=kind)
        if kind not in capabilities(bench.model).types:
            refused(reply, s.INVALID_FIELD_IN_CDB, (2, 3))
            continue
        assert reply.status == GOOD
        held = one.reservation
        assert held is not None and held[1] == kind
        # For registrants, or for the holder alone.
        assert other.send(READ, size=1).status == (CONFLICT if kind in (1, 3) else 2)
        assert stranger.send(READ, size=1).status == CONFLICT
        assert stranger.send(LOG_SENSE, size=64).status == GOOD
        shut_out = CONFLICT if kind in EXCLUSIVE else GOOD
        assert stranger.send(MODE_SENSE, size=64).status == shut_out
        assert one.out(RELEASE, KEY_A, kind=kind).status == GOOD
        for client in (other, stranger):
            client.send(READY)
        assert stranger.send(READY).status == GOOD


@check()
def reserved_scope_and_type(bench: Bench) -> None:
    one, _ = registered(bench)
    refused(one.out(RESERVE, KEY_A, kind=3, scope=1), s.INVALID_FIELD_IN_CDB, (2, 7))
    for kind in (0, 2, 4, 9, 15):
        refused(one.out(RESERVE, KEY_A, kind=kind), s.INVALID_FIELD_IN_CDB, (2, 3))


@check()
def wrong_release(bench: Bench) -> None:
    one, other = registered(bench)
    assert one.out(RESERVE, KEY_A, kind=3).status == GOOD
    refused(one.out(RELEASE, KEY_A, kind=6), s.INVALID_RELEASE)
    assert other.out(RELEASE, KEY_B, kind=3).status == GOOD, "without effect"
    assert one.reservation == (KEY_A, 3)


@check()
def list_length(bench: Bench) -> None:
    one, _ = clients(bench)
    for length in (0, 23, 25):
        refused(one.list_out(REGISTER, bytes(length)), s.PARAMETER_LIST_LENGTH)


@check()
def clearing(bench: Bench) -> None:
    one, other = registered(bench)
    one.out(RESERVE, KEY_A, kind=3)
    assert other.out(CLEAR, KEY_B).status == GOOD
    assert not other.keys and other.reservation is None
    refused(one.send(READY), s.RESERVATIONS_PREEMPTED)


@check()
def preempting(bench: Bench) -> None:
    """The reservation and the registration go from one to the other."""
    one, other = registered(bench)
    one.out(RESERVE, KEY_A, kind=3)
    assert other.out(PREEMPT, KEY_B, KEY_A, kind=3).status == GOOD
    assert other.reservation == (KEY_B, 3)
    assert other.keys == [KEY_B]
    refused(one.send(READY), s.REGISTRATIONS_PREEMPTED)
    assert one.send(READY).status in (GOOD, CONFLICT)
    assert one.send(READ, size=1).status == CONFLICT


@check(lambda model: 6 in capabilities(model).types)
def release_is_told_to_registrants(bench: Bench) -> None:
    one, other = registered(bench)
    one.out(RESERVE, KEY_A, kind=6)
    assert one.out(RELEASE, KEY_A, kind=6).status == GOOD
    refused(other.send(READY), s.RESERVATIONS_RELEASED)


@check()
def reset_keeps_persistent_reservations(bench: Bench) -> None:
    """A reset does, loss of power ends them."""
    one, other = registered(bench)
    one.out(RESERVE, KEY_A, kind=3)
    one.unit.reset()
    assert one.send(READY).status != GOOD
    assert one.reservation == (KEY_A, 3)
    one.unit.power_on()
    one.send(READY)
    other.send(READY)
    assert not one.keys and one.reservation is None


@check()
def kept_without_power(bench: Bench) -> None:
    """With APTPL, where the model can; else 5/26/00."""
    one, other = clients(bench)
    reply = one.out(REGISTER, new=KEY_A, flags=1)
    if not capabilities(bench.model).ptpl_c:
        refused(reply, s.INVALID_PARAMETER, (20, 0))
        return
    assert reply.status == GOOD
    assert one.out(RESERVE, KEY_A, kind=3).status == GOOD
    one.unit.power_on()
    one.send(READY)
    other.send(READY)
    assert (one.keys, one.reservation) == ([KEY_A], (KEY_A, 3))
    assert other.send(READ, size=1).status == CONFLICT


@check(has("5E-02"))
def capabilities_are_told(bench: Bench) -> None:
    one, _ = clients(bench)
    told, can = good(one.ask(2)), capabilities(bench.model)
    assert told[:2] == b"\0\x08"
    assert told[2] == can.crh << 4 | can.sip_c << 3 | can.ptpl_c
    assert told[3] == 0x80 | can.allow_commands << 4
    bits = {1: 0x0200, 3: 0x0800, 5: 0x2000, 6: 0x4000, 7: 0x8000, 8: 0x0001}
    assert int.from_bytes(told[4:6]) == sum(bits[kind] for kind in can.types)


@check(has("5E-03"))
def full_status(bench: Bench) -> None:
    one, _ = registered(bench)
    one.out(RESERVE, KEY_A, kind=3)
    data = good(one.ask(3))
    assert int.from_bytes(data[4:8]) == len(data) - 8 == 2 * 48
    rows = [data[at : at + 48] for at in (8, 56)]
    assert [int.from_bytes(row[:8]) for row in rows] == [KEY_A, KEY_B]
    assert [row[12] & 1 for row in rows] == [1, 0]
    assert all(row[24] & 0xF == capabilities(bench.model).protocol for row in rows)


@check(has("5F-06"))
def register_whatever_the_key(bench: Bench) -> None:
    one, _ = registered(bench)
    assert one.out(IGNORE, 0, KEY_B).status == GOOD
    assert one.keys == [KEY_B, KEY_B]


@check(has("5F-07"))
def register_and_move(bench: Bench) -> None:
    one, _ = registered(bench)
    one.out(RESERVE, KEY_A, kind=3)
    port = transport_id(0x5000000000000099, capabilities(bench.model).protocol)
    assert one.move(KEY_A, KEY_B, port).status == GOOD
    assert one.reservation == (KEY_B, 3)
    assert one.send(READ, size=1).status == CONFLICT


@check(lambda model: not model.has("5F-07"))
def no_move(bench: Bench) -> None:
    one, _ = registered(bench)
    refused(one.out(MOVE, KEY_A, KEY_B), s.INVALID_FIELD_IN_CDB, (1, 4))

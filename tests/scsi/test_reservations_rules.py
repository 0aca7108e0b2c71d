"""Which commands pass which reservation of another nexus: SPC-4 table 65, row by row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.command import Command
from target.scsi.sense import Sense
from target.tape import commands
from target.tape.commands import COMMANDS
from target.tape.drive import Drive
from tests.scsi.cdbs import plain
from tests.scsi.persistent import (
    EA,
    EA_AR,
    EA_RO,
    KEY_A,
    KEY_B,
    REGISTER,
    RESERVE,
    TYPES,
    WE,
    WE_AR,
    WE_RO,
    Client,
    clients,
    unit,
)
from tests.tape.host import CONFLICT, GOOD, TD9, Host

OF_RESERVATIONS = ("RESERVE", "RELEASE", "PERSISTENT")
ROWS = [pytest.param(row, id=row.name) for row in COMMANDS]
LEGACY, WRITE, ACCESS = "RESERVE", "write exclusive", "exclusive access"

ALWAYS = {LEGACY, WRITE, ACCESS}
PASSES = {
    "INQUIRY": ALWAYS,
    "LOG SENSE": ALWAYS,
    "REPORT LUNS": ALWAYS,
    "REQUEST SENSE": ALWAYS,
    "READ BLOCK LIMITS": ALWAYS,
    "READ MEDIA SERIAL NUMBER": ALWAYS,
    "REPORT IDENTIFYING INFORMATION": ALWAYS,
    "REPORT TARGET PORT GROUPS": ALWAYS,
    "REPORT TIMESTAMP": ALWAYS,
    "PREVENT ALLOW MEDIUM REMOVAL": ALWAYS,
    "TEST UNIT READY": {WRITE, ACCESS},
    "PERSISTENT RESERVE IN": {WRITE, ACCESS},
    "PERSISTENT RESERVE OUT": {WRITE, ACCESS},
    "REPORT SUPPORTED OPERATION CODES": {LEGACY, WRITE},
    "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS": {LEGACY, WRITE},
    "MODE SENSE(6)": {WRITE},
    "MODE SENSE(10)": {WRITE},
    "READ ATTRIBUTE": {WRITE},
    "READ BUFFER": {WRITE},
    "RECEIVE DIAGNOSTIC RESULTS": {WRITE},
    "SECURITY PROTOCOL IN": {WRITE},
    "RELEASE(6)": {LEGACY},
    "RELEASE(10)": {LEGACY},
}
"""By name, or by what comes before a parenthesis; PREVENT is 0, PERSISTENT RESERVE OUT has a list
of no length. Everything else conflicts."""

KINDS = {WE: WRITE, WE_RO: WRITE, WE_AR: WRITE, EA: ACCESS, EA_RO: ACCESS, EA_AR: ACCESS}


def passes(row: Command) -> set[str]:
    return PASSES.get(row.name) or PASSES.get(row.name.partition(" (")[0], set())


@pytest.mark.req("SSC-PR-15", "SSC-PR-16", "SSC-PR-17")
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("row", ROWS)
def test_a_persistent_reservation(row: Command, kind: int) -> None:
    holder, other = clients(unit(), "holder", "other")
    holder.out(REGISTER, new=KEY_A)
    assert holder.out(RESERVE, KEY_A, kind=kind).status == GOOD
    reply = other.send(plain(row), size=64)
    assert (reply.status == CONFLICT) == (KINDS[kind] not in passes(row))
    assert reply.status != CONFLICT or (reply.sense, reply.data) == (None, b"")
    if not row.name.startswith(OF_RESERVATIONS):
        assert holder.send(plain(row)).status == GOOD


@pytest.mark.req("SSC-PR-15")
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    "row", [row for row in ROWS if not str(row.id).startswith(OF_RESERVATIONS)]
)
def test_a_registered_nexus(row: Command, kind: int) -> None:
    holder, other = clients(unit(), "holder", "other")
    holder.out(REGISTER, new=KEY_A)
    other.out(REGISTER, new=KEY_B)
    holder.out(RESERVE, KEY_A, kind=kind)
    admitted = kind >= WE_RO or KINDS[kind] in passes(row)
    assert (other.send(plain(row)).status == CONFLICT) == (not admitted)


@pytest.mark.req("SSC-RES-01", "SSC-CMD-16", "SSC-CMD-56")
@pytest.mark.parametrize("opcode", [0x16, 0x56])
@pytest.mark.parametrize("row", ROWS)
def test_a_reservation_by_reserve(row: Command, opcode: int) -> None:
    holder, other = clients(unit(), "holder", "other")
    assert holder.send(bytes((opcode,)) + bytes(9)).status == GOOD
    reply = other.send(plain(row), size=64)
    assert (reply.status == CONFLICT) == (LEGACY not in passes(row))
    assert reply.status != CONFLICT or (reply.sense, reply.data) == (None, b"")


@pytest.mark.parametrize("kind", [None, *TYPES])
def test_preventing_removal_conflicts_and_allowing_it_does_not(kind: int | None) -> None:
    holder, other = clients(unit(), "holder", "other")
    if kind is None:
        holder.send(bytes((0x16, 0, 0, 0, 0, 0)))
    else:
        holder.out(REGISTER, new=KEY_A)
        holder.out(RESERVE, KEY_A, kind=kind)
    statuses = [other.send(bytes((0x1E, 0, 0, 0, prevent, 0))).status for prevent in range(4)]
    assert statuses == [GOOD, CONFLICT, CONFLICT, CONFLICT]
    assert holder.send(bytes((0x1E, 0, 0, 0, 1, 0))).status == GOOD


def test_a_unit_of_an_older_standard_may_refuse_more() -> None:
    """Footnote b of table 65, as data of a model."""
    server = unit()
    server.persistent.capabilities = replace(server.persistent.capabilities, conflicts=(0x00, 0x1A))
    holder, other = clients(server, "holder", "other")
    holder.out(REGISTER, new=KEY_A)
    holder.out(RESERVE, KEY_A, kind=WE)
    assert other.send(bytes(6)).status == CONFLICT
    assert other.send(plain("MODE SENSE(6)")).status == CONFLICT
    assert other.send(plain("MODE SENSE(10)")).status == GOOD
    assert holder.send(bytes(6)).status == GOOD


def test_nobody_is_in_the_way_without_a_reservation() -> None:
    holder, other = clients(unit(), "holder", "other")
    holder.out(REGISTER, new=KEY_A)
    assert all(state.barrier is None for state in holder.unit.nexuses.values())
    assert other.send(plain("WRITE(6)")).status == GOOD


def test_a_nexus_met_later_is_shut_out() -> None:
    (holder,) = clients(unit(), "holder")
    holder.out(REGISTER, new=KEY_A)
    holder.out(RESERVE, KEY_A, kind=EA)
    assert Client(holder.unit, "later").send(plain("READ(6)")).status == CONFLICT


# --- only if reserved ----------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS)
def test_what_needs_a_reservation(row: Command) -> None:
    """What a Write Exclusive reservation of another nexus lets pass needs none; RESERVE neither."""
    server = unit()
    (a,) = clients(server, "a")
    server.demand_reservations(True)
    refused = a.send(plain(row), size=64).sense == Sense(s.NOT_RESERVED)
    assert refused != (row.name.startswith(OF_RESERVATIONS) or WRITE in passes(row))


def test_only_if_reserved_is_kept_without_power(tmp_path: Path) -> None:
    known = personality.load(TD9)

    def power_on() -> Host:
        host = Host(Drive(known, "KRL0000001", commands.of(known), state=tmp_path / "drive"))
        host.hear()
        return host

    host = power_on()
    page = bytearray(host.send(bytes((0x1A, 8, 0x10, 0, 20, 0)), size=20).data[4:])
    page[0], page[15] = 0x10, page[15] | 0x20
    select = bytes((0x15, 0x11, 0, 0, 20, 0))
    assert host.send(select, out=bytes((0, 0, 0x10, 0)) + page).status == GOOD
    for again in (host, power_on()):
        assert again.erase().sense == Sense(s.NOT_RESERVED)

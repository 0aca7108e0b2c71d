"""Several nexuses at one unit: unit attentions, RESERVE, reset, loss of power and of a nexus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.command import Command, Nexus, Rule
from target.scsi.device_server import DeviceServer
from target.scsi.sense import CheckCondition, Code, Sense, decode
from target.tape import commands
from target.tape.commands import COMMANDS
from target.tape.drive import Drive
from tests.scsi.cdbs import plain
from tests.scsi.persistent import (
    EA_RO,
    IGNORE,
    KEY_A,
    KEY_B,
    REGISTER,
    RESERVE,
    Client,
    clients,
    unit,
)
from tests.tape.host import CONFLICT, GOOD, TD9, Host, sense_of

ROWS = [pytest.param(row, id=row.name) for row in COMMANDS]


# --- unit attentions ---------------------------------------------------------------------------


@pytest.mark.req("SSC-UA-02")
@pytest.mark.parametrize("row", ROWS)
def test_which_commands_a_pending_attention_stops(row: Command) -> None:
    new = Client(unit(), "new")
    reply = new.send(plain(row), size=64)
    if row.rules & Rule.PASSES_ATTENTION:
        assert reply.status == GOOD
    else:
        assert sense_of(reply) == Sense(s.POWER_ON)
    passed = row.name in ("INQUIRY", "REPORT LUNS", "REQUEST SENSE")
    assert passed == bool(row.rules & Rule.PASSES_ATTENTION)


@pytest.mark.req("SSC-UA-02", "SSC-UA-03")
def test_attentions_come_in_order_and_once(host: Host) -> None:
    new = Host(host.drive, "new")
    new.send(plain("INQUIRY"), size=96)
    for code in (s.MEDIUM_MAY_HAVE_CHANGED, s.MODE_PARAMETERS_CHANGED, s.MEDIUM_MAY_HAVE_CHANGED):
        host.drive.attention(code)
    new.send(plain("INQUIRY"), size=96)
    new.send(plain("REPORT LUNS"), size=16)
    expected = [s.POWER_ON, s.MEDIUM_MAY_HAVE_CHANGED, s.MODE_PARAMETERS_CHANGED]
    assert new.hear() == expected
    assert host.hear() == expected[1:]


@pytest.mark.req("SSC-RSENSE-01", "SSC-RSENSE-02", "SSC-CMD-03")
def test_request_sense_returns_and_clears_an_attention(host: Host) -> None:
    new = Host(host.drive, "new")
    request = bytes((3, 0, 0, 0, 255, 0))
    first, second = new.send(request, size=255), new.send(request, size=255)
    assert (first.status, second.status) == (GOOD, GOOD)
    assert decode(first.data) == Sense(s.POWER_ON)
    assert decode(second.data) == Sense(s.NO_SENSE)
    assert len(second.data) == host.drive.sense_length
    assert new.ready().status == GOOD


@pytest.mark.req("SSC-RSENSE-02")
def test_request_sense_in_descriptor_format(host: Host) -> None:
    new = Host(host.drive, "new")
    data = new.send(bytes((3, 1, 0, 0, 255, 0)), size=255).data
    assert data == bytes.fromhex("72 06 29 00 00 00 00 00")


def test_an_unknown_opcode_leaves_the_attention_pending(host: Host) -> None:
    new = Host(host.drive, "new")
    assert sense_of(new.send(bytes((0xFF,)) + bytes(5))).code is s.INVALID_OPCODE
    assert new.hear() == [s.POWER_ON]


def test_an_attention_comes_before_a_bad_cdb(host: Host) -> None:
    new = Host(host.drive, "new")
    assert sense_of(new.send(b"\0\xff\0\0\0\0")) == Sense(s.POWER_ON)
    assert sense_of(new.send(b"\0\xff\0\0\0\0")).code is s.INVALID_FIELD_IN_CDB


# --- reservations ------------------------------------------------------------------------------


@pytest.mark.req("SSC-RES-01", "SSC-RES-02", "SSC-CMD-16", "SSC-CMD-17")
def test_reserve_and_release(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    reserve, release = bytes((0x16, 0, 0, 0, 0, 0)), bytes((0x17, 0, 0, 0, 0, 0))
    assert host.send(reserve).status == GOOD
    assert host.send(reserve).status == GOOD, "again by its holder"
    assert other.send(reserve).status == CONFLICT
    assert other.send(release).status == GOOD, "no error, and no effect"
    assert other.ready().status == CONFLICT
    assert host.send(release).status == GOOD
    assert other.ready().status == GOOD
    assert other.send(reserve).status == GOOD
    assert host.ready().status == CONFLICT


def test_a_conflict_comes_before_an_attention(host: Host) -> None:
    host.send(bytes((0x16, 0, 0, 0, 0, 0)))
    new = Host(host.drive, "new")
    assert new.ready().status == CONFLICT
    host.send(bytes((0x17, 0, 0, 0, 0, 0)))
    assert new.hear() == [s.POWER_ON]


# --- reset, power, loss of a nexus ---------------------------------------------------------------

RESERVE_6 = bytes((0x16, 0, 0, 0, 0, 0))
RESETS = [s.POWER_ON, s.POWER_ON_OCCURRED, s.BUS_RESET, s.DEVICE_RESET, s.INTERNAL_RESET]


@pytest.mark.req("SSC-RES-01", "SSC-SENSE-6-29-00", "SSC-PREVENT-02")
@pytest.mark.parametrize("code", RESETS, ids=str)
def test_a_reset_is_told_as_what_it_was(host: Host, code: Code) -> None:
    host.send(RESERVE_6)
    host.prevent(True)
    host.drive.attention(s.MODE_PARAMETERS_CHANGED)
    other = Host(host.drive, "other")
    assert other.ready().status == CONFLICT
    host.drive.reset(code)
    assert host.hear() == other.hear() == [code]
    assert other.ready().status == GOOD
    assert other.load(load=False).status == GOOD


def test_a_reset_that_the_transport_tells_of(host: Host) -> None:
    host.drive.reset(attention=None)
    assert host.hear() == []


def test_a_reset_that_the_transport_tells_one_nexus_of(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    host.drive.attention(s.MODE_PARAMETERS_CHANGED)
    host.drive.reset(s.DEVICE_RESET, but=host.nexus)
    assert host.hear() == []
    assert other.hear() == [s.DEVICE_RESET]


@pytest.mark.req("SSC-SENSE-6-29-00", "SSC-PREVENT-02")
def test_power_on_leaves_what_is_remembered(host: Host) -> None:
    host.drive.remember(identifying={"00": "6b657972"})
    host.send(RESERVE_6)
    host.prevent(True)
    host.drive.power_on()
    other = Host(host.drive, "other")
    assert host.hear() == other.hear() == [s.POWER_ON]
    assert other.load(load=False).status == GOOD
    assert host.drive.memory["identifying"] == {"00": "6b657972"}


def reserving(flags: int) -> tuple[Client, Client]:
    """Two registered nexuses, one a holder; APTPL as ``flags`` say."""
    a, b = clients(unit(), "a", "b")
    a.out(REGISTER, new=KEY_A)
    a.out(RESERVE, KEY_A, kind=EA_RO)
    b.out(REGISTER, new=KEY_B, flags=flags)
    return a, b


@pytest.mark.parametrize("flags", [0, 1])
def test_reset_and_nexus_loss_leave_persistent_reservations(flags: int) -> None:
    a, b = reserving(flags)
    a.unit.reset(s.DEVICE_RESET)
    a.unit.nexus_lost(a.nexus)
    b.send(bytes(6))
    assert (b.keys, b.reservation, b.generation) == ([KEY_A, KEY_B], (KEY_A, EA_RO), 2)
    assert Client(a.unit, "c").send(plain("WRITE(6)")).status == CONFLICT


@pytest.mark.req("SSC-PR-14")
@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("flags", [0, 1])
def test_loss_of_power_leaves_them_if_it_was_asked_for(flags: int, rebuilt: bool) -> None:
    _, b = reserving(flags)
    server = b.unit
    if rebuilt:
        memory = json.loads(json.dumps(server.memory))
        server = unit()
        server.restore(memory)
    else:
        server.power_on()
    a, b, c = clients(server, "a", "b", "c")
    if flags:
        assert (b.keys, b.reservation, b.generation) == ([KEY_A, KEY_B], (KEY_A, EA_RO), 0)
        assert [row.port for row in b.full_status] == [1, 1]
        statuses = [one.send(plain("WRITE(6)")).status for one in (a, b, c)]
        assert statuses == [GOOD, GOOD, CONFLICT]
        assert b.ask(2).data[3] & 1
    else:
        assert (b.keys, b.reservation, b.generation) == ([], None, 0)
        assert c.send(plain("WRITE(6)")).status == GOOD


@pytest.mark.req("SSC-PR-14")
def test_the_last_registration_decides_what_loss_of_power_leaves() -> None:
    a, _ = reserving(flags=1)
    a.out(IGNORE, new=KEY_A, flags=0)
    assert a.unit.memory["reservations"] is None
    a.unit.power_on()
    a.send(bytes(6))
    assert a.keys == []


@pytest.mark.req("SSC-PR-14")
def test_a_drive_keeps_reservations_in_its_file(tmp_path: Path) -> None:
    def power_on() -> Client:
        known = personality.load(TD9)
        client = Client(Drive(known, "KRL0000001", commands.of(known), state=tmp_path / "drive"))
        client.send(bytes(6))
        return client

    client = power_on()
    client.out(REGISTER, new=KEY_A, flags=1)
    client.out(RESERVE, KEY_A, kind=EA_RO)
    client = power_on()
    assert client.reservation == (KEY_A, EA_RO)
    client.out(REGISTER, KEY_A)
    assert power_on().keys == []


@pytest.mark.req("SSC-SENSE-6-29-07", "SSC-PREVENT-02")
def test_a_lost_nexus_leaves_nothing_of_its_own(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    host.prevent(True)
    host.send(RESERVE_6)
    host.drive.attention(s.MODE_PARAMETERS_CHANGED)
    assert other.ready().status == CONFLICT
    host.drive.nexus_lost(host.nexus)
    assert other.hear() == [s.MODE_PARAMETERS_CHANGED]
    assert other.load(load=False).status == GOOD
    assert host.hear() == [s.NEXUS_LOSS]


def test_a_lost_nexus_that_has_a_reset_to_hear_of(host: Host) -> None:
    new = Host(host.drive, "new")
    new.send(plain("INQUIRY"))
    host.drive.nexus_lost(new.nexus)
    assert new.hear() == [s.POWER_ON]
    host.drive.nexus_lost(new.nexus)
    host.drive.reset(s.DEVICE_RESET)
    host.drive.nexus_lost(new.nexus)
    assert new.hear() == [s.DEVICE_RESET]


def test_a_reservation_stays_when_another_nexus_is_lost(host: Host) -> None:
    host.send(RESERVE_6)
    host.drive.nexus_lost(Nexus("never seen"))
    other = Host(host.drive, "other")
    other.ready()
    host.drive.nexus_lost(other.nexus)
    assert other.ready().status == CONFLICT


# --- what every command looks at ---------------------------------------------------------------


class Busy(DeviceServer):
    """A unit with something that goes on until it has been looked at twice, and fails then."""

    looked = 0
    unsettled = False

    def settle(self) -> None:
        self.looked += 1
        if self.looked == 2:
            self.unsettled = False
            raise CheckCondition(Sense(s.WRITE_ERROR, deferred=True))


def test_what_goes_on_is_looked_at_before_anything_else() -> None:
    server = Busy(unit().commands)
    client = Client(server)
    client.send(bytes(6))
    assert server.looked == 0
    server.unsettled = True
    assert client.send(bytes(6)).status == GOOD
    assert sense_of(client.send(bytes(6))) == Sense(s.WRITE_ERROR, deferred=True)
    assert client.send(bytes(6)).status == GOOD
    assert server.looked == 2


def test_sense_in_the_words_of_a_maker(host: Host) -> None:
    drive = host.drive
    drive.vendor_sense = s.own_codes(
        {"POWER_ON": {"code": "6/EF/10", "fsc": 0x2F01}, "INVALID_OPCODE": {"fsc": 0x1234}}
    )
    told = sense_of(Host(drive, "one").ready())
    assert (told.code[:3], told.fsc) == ((6, 0xEF, 0x10), 0x2F01)
    data = Host(drive, "two").send(bytes((3, 0, 0, 0, 96, 0)), size=96).data
    assert decode(data) == told
    refused = sense_of(host.send(bytes((0xFF,)) + bytes(5)))
    assert refused == Sense(s.INVALID_OPCODE, pointer=(0, None)), "the pointer takes the place"
    drive.descriptor_sense = True
    data = drive.execute(Nexus("three"), bytes(6)).sense
    assert data == bytes.fromhex("72 06 ef 10 00 00 00 00")


@pytest.mark.parametrize("table", [{"NO_SUCH": {}}, {"NO_MEDIUM": {"code": "2/3A"}}])
def test_codes_of_a_maker_that_are_none(table: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ValueError, match=r"."):
        s.own_codes(table)

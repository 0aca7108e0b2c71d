"""Several nexuses at one unit: unit attentions and reservations."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.command import Command, Rule
from target.scsi.sense import Sense, decode
from target.tape.commands import COMMANDS
from tests.scsi.cdbs import plain
from tests.tape.host import CONFLICT, GOOD, Host, sense_of

ROWS = [pytest.param(row, id=row.name) for row in COMMANDS]


# --- unit attentions ---------------------------------------------------------------------------


@pytest.mark.req("SSC-UA-02")
@pytest.mark.parametrize("row", ROWS)
def test_which_commands_a_pending_attention_stops(host: Host, row: Command) -> None:
    new = Host(host.drive, "new")
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
    assert len(second.data) == 36
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

PASS_A_RESERVATION = {
    "REQUEST SENSE", "INQUIRY", "RELEASE(6)", "RELEASE(10)", "LOG SENSE", "REPORT LUNS",
    "REPORT SUPPORTED OPERATION CODES", "READ BLOCK LIMITS",
}  # fmt: skip


@pytest.mark.req("SSC-RES-01", "SSC-CMD-16", "SSC-CMD-56")
@pytest.mark.parametrize("opcode", [0x16, 0x56])
@pytest.mark.parametrize("row", ROWS)
def test_which_commands_a_reservation_stops(host: Host, row: Command, opcode: int) -> None:
    other = Host(host.drive, "other")
    other.hear()
    assert host.send(bytes((opcode,)) + bytes(5 if opcode == 0x16 else 9)).status == GOOD
    reply = other.send(plain(row), size=64)
    assert (reply.status == CONFLICT) == (row.name not in PASS_A_RESERVATION)
    assert reply.status != CONFLICT or (reply.sense, reply.data) == (None, b"")
    assert host.ready().status == GOOD


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


@pytest.mark.req("SSC-RES-01")
def test_reset_ends_a_reservation(host: Host) -> None:
    host.send(bytes((0x16, 0, 0, 0, 0, 0)))
    other = Host(host.drive, "other")
    host.drive.reset()
    assert other.hear() == [s.POWER_ON]
    assert other.ready().status == GOOD

"""MAINTENANCE IN and OUT: what a unit tells of its commands, functions, ports, name and clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target import personality
from target.clock import ManualClock
from target.scsi import sense as s
from target.scsi.command import Command, Rule
from target.scsi.sense import Sense
from target.tape import commands
from target.tape.drive import Drive
from tests.scsi.cdbs import plain, row_named
from tests.tape.host import CONFLICT, GOOD, MODELS, TD9, Host, new_drive, sense_of

ROWS = [pytest.param(row, id=row.name) for row in commands.COMMANDS]
SUPPORTED = "REPORT SUPPORTED OPERATION CODES"
FUNCTIONS = "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS"
GROUPS = "REPORT TARGET PORT GROUPS"
REPORT_NAME, SET_NAME = "REPORT IDENTIFYING INFORMATION", "SET IDENTIFYING INFORMATION"
REPORT_TIME, SET_TIME = "REPORT TIMESTAMP", "SET TIMESTAMP"
NAMES = (REPORT_NAME, GROUPS, SUPPORTED, FUNCTIONS, REPORT_TIME, SET_NAME, SET_TIME)


def two_hosts(clock: ManualClock | None = None, state: Path | None = None) -> tuple[Host, Host]:
    """Two nexuses to an empty drive, both without pending unit attentions."""
    model = personality.load(TD9)
    drive = Drive(model, "KRL1", commands.of(model), state=state, clock=clock or ManualClock())
    hosts = Host(drive), Host(drive, "host1")
    for host in hosts:
        assert host.hear() == [s.POWER_ON]
    return hosts


def data_of(host: Host, name: str, **fields: int) -> bytes:
    cdb = plain(name, **{"allocation_length": 0x4000, **fields})
    reply = host.send(cdb, size=0x4000)
    assert reply.status == GOOD, reply
    return reply.data


def refusal(host: Host, cdb: bytes, out: bytes = b"") -> Sense:
    return sense_of(host.send(cdb, out=out, size=64))


def in_cdb(byte: int, bit: int) -> Sense:
    return Sense(s.INVALID_FIELD_IN_CDB, pointer=(byte, bit))


def in_list(byte: int, bit: int | None = None) -> Sense:
    return Sense(s.INVALID_PARAMETER, pointer=(byte, bit), in_cdb=False)


# --- REPORT SUPPORTED OPERATION CODES ----------------------------------------------------------


@pytest.mark.req("SSC-RSOC-01", "SSC-RSOC-03", "SSC-RSOC-04", "SSC-CMD-A3-0C")
@pytest.mark.parametrize("rctd", [0, 1])
@pytest.mark.parametrize("model", MODELS)
def test_all_commands_are_those_of_the_model(model: str, rctd: int) -> None:
    drive = new_drive(model)
    host = Host(drive)
    host.hear()
    data = data_of(host, SUPPORTED, rctd=rctd)
    size = 20 if rctd else 8
    assert int.from_bytes(data[:4], "big") == len(data) - 4 == size * len(drive.commands)
    for number, row in enumerate(drive.commands):
        entry = data[4 + number * size :][:size]
        grouped = row.service_action is not None
        head = bytes((row.opcode, 0, 0, row.service_action or 0, 0, rctd << 1 | grouped, 0))
        assert entry[:8] == head + bytes((row.size,))
        if rctd:
            seconds = drive.personality.timeout(row.timeout)
            assert entry[8:] == bytes.fromhex("000a0000 00000000") + seconds.to_bytes(4, "big")


@pytest.mark.req("SSC-RSOC-02", "SSC-RSOC-03", "SSC-RSOC-04", "SSC-RSOC-05")
@pytest.mark.parametrize("rctd", [0, 1])
@pytest.mark.parametrize("option", [1, 2, 3])
@pytest.mark.parametrize("row", ROWS)
def test_one_command(host: Host, row: Command, option: int, rctd: int) -> None:
    grouped = row.service_action is not None
    fields = {
        "reporting_options": option,
        "requested_opcode": row.opcode,
        "requested_service_action": row.service_action or 0,
        "rctd": rctd,
    }
    if option == (1 if grouped else 2):
        assert refusal(host, plain(SUPPORTED, allocation_length=64, **fields)) == in_cdb(2, 2)
        return
    data = data_of(host, SUPPORTED, **fields)
    assert data[:4] == bytes((0, 0x80 * rctd | 3, 0, row.size))
    usage = data[4 : 4 + row.size]
    assert usage[0] == row.opcode
    assert len(data) == 4 + row.size + 12 * rctd
    if rctd:
        seconds = host.drive.personality.timeout(row.timeout)
        assert data[-12:] == bytes.fromhex("000a0000 00000000") + seconds.to_bytes(4, "big")
    if grouped:
        assert usage[1] & 0x1F == row.service_action
    # Every bit outside the usage data is one that the unit refuses.
    for index in range(1, row.size):
        assert usage[index] & ~row.layout.mask[index] == 0


@pytest.mark.req("SSC-RSOC-02")
def test_golden_usage_data(host: Host) -> None:
    read = data_of(host, SUPPORTED, reporting_options=1, requested_opcode=0x08)
    assert read == bytes.fromhex("00 03 0006 08 03 ff ff ff c0")
    spin = data_of(host, SUPPORTED, reporting_options=1, requested_opcode=0xA2)
    assert spin == bytes.fromhex("00 03 000c a2 ff ffff 80 00 ffffffff 00 c0")
    itself = data_of(
        host, SUPPORTED, reporting_options=2, requested_opcode=0xA3, requested_service_action=0x0C
    )
    assert itself == bytes.fromhex("00 03 000c a3 0c 87 ff ffff ffffffff 00 c0")


@pytest.mark.req("SSC-RSOC-04")
@pytest.mark.parametrize("rctd", [0, 1])
@pytest.mark.parametrize(
    ("option", "opcode", "action"),
    [(1, 0xFF, 0), (2, 0xFF, 1), (3, 0xFF, 0), (2, 0xA3, 0x0B), (3, 0xA3, 0), (3, 0x12, 1)],
)
def test_commands_that_are_not_there(
    host: Host, option: int, opcode: int, action: int, rctd: int
) -> None:
    data = data_of(
        host,
        SUPPORTED,
        reporting_options=option,
        requested_opcode=opcode,
        requested_service_action=action,
        rctd=rctd,
    )
    assert data == bytes.fromhex("00 01 00 00")


@pytest.mark.req("SSC-RSOC-05")
@pytest.mark.parametrize("option", [4, 5, 6, 7])
def test_options_that_are_not_there(host: Host, option: int) -> None:
    cdb = plain(SUPPORTED, reporting_options=option, allocation_length=64)
    assert refusal(host, cdb) == in_cdb(2, 2)


# --- task management functions, target port groups ---------------------------------------------


@pytest.mark.req("SSC-CMD-A3-0D", "SSC-TMF-01", "SSC-TMF-02")
def test_task_management_functions(host: Host) -> None:
    assert data_of(host, FUNCTIONS) == bytes.fromhex("dc 01 00 00")
    assert data_of(host, FUNCTIONS, repd=1) == bytes.fromhex("dc 01 00 0c") + bytes(12)
    assert data_of(host, FUNCTIONS, repd=1, allocation_length=4) == bytes.fromhex("dc 01 00 0c")
    for length in range(4):
        assert refusal(host, plain(FUNCTIONS, allocation_length=length)) == in_cdb(6, 7)


@pytest.mark.req("SSC-CMD-A3-0A")
def test_target_port_groups(host: Host) -> None:
    def with_tpgs(tpgs: int) -> None:
        inquiry = bytearray(host.drive.inquiry_data)
        inquiry[5] = inquiry[5] & ~0x30 | tpgs << 4
        host.drive.inquiry_data = bytes(inquiry)

    with_tpgs(1)
    group = "00 01 0001 00 00 00 01 0000 0001"
    assert data_of(host, GROUPS) == bytes.fromhex("0000000c" + group)
    extended = data_of(host, GROUPS, parameter_data_format=1)
    assert extended == bytes.fromhex("00000010 10 00 0000" + group)
    assert refusal(host, plain(GROUPS, parameter_data_format=2)) == in_cdb(1, 7)
    assert data_of(host, GROUPS, allocation_length=5) == bytes.fromhex("0000000c 00")
    with_tpgs(0)
    assert refusal(host, plain(GROUPS, allocation_length=64)) == in_cdb(1, 4)


@pytest.mark.req("SSC-CMD-A4-0A")
@pytest.mark.parametrize("model", MODELS)
def test_the_state_of_a_port_group_is_not_to_be_set(model: str) -> None:
    """TPGS says at most that the unit changes it by itself."""
    host = Host(new_drive(model))
    host.hear()
    assert refusal(host, bytes((0xA4, 0x0A)) + bytes(10)) == in_cdb(1, 4)


# --- identifying information -------------------------------------------------------------------


def set_name(host: Host, data: bytes, kind: int = 0) -> Sense | None:
    cdb = plain(SET_NAME, parameter_list_length=len(data), information_type=kind)
    return host.send(cdb, out=data).sense


@pytest.mark.req("SSC-CMD-A3-05", "SSC-CMD-A4-06")
def test_identifying_information_is_kept_without_power(tmp_path: Path) -> None:
    state = tmp_path / "drive.json"
    host, _ = two_hosts(state=state)
    assert data_of(host, REPORT_NAME) == bytes(4)
    assert set_name(host, b"row 4, \0\xff") is None
    assert set_name(host, "Büro\0".encode(), kind=2) is None
    assert data_of(host, REPORT_NAME) == bytes.fromhex("0000 0009") + b"row 4, \0\xff"
    host.drive.reset()
    assert host.hear() == [s.POWER_ON]
    assert data_of(host, REPORT_NAME, allocation_length=7) == bytes.fromhex("0000 0009") + b"row"
    assert "identifying" in json.loads(state.read_text())
    again, _ = two_hosts(state=state)
    assert data_of(again, REPORT_NAME)[4:] == b"row 4, \0\xff"
    text = data_of(again, REPORT_NAME, information_type=2)
    assert text == bytes.fromhex("0000 0006") + "Büro\0".encode()
    assert set_name(again, b"") is None
    assert data_of(again, REPORT_NAME) == bytes(4), "a list of no bytes takes it away"
    assert data_of(again, REPORT_NAME, information_type=2) == text, "but not the other kind"


@pytest.mark.req("SSC-CMD-A3-05")
def test_which_information_is_supported(host: Host) -> None:
    data = data_of(host, REPORT_NAME, information_type=0x7F)
    assert data == bytes.fromhex("0000 0008 00 00 0040 04 00 0100")
    for kind in set(range(0x80)) - {0, 2, 0x7F}:
        assert refusal(host, plain(REPORT_NAME, information_type=kind)) == in_cdb(10, 7)
        assert refusal(host, plain(SET_NAME, information_type=kind)) == in_cdb(10, 7)
    assert refusal(host, plain(SET_NAME, information_type=0x7F)) == in_cdb(10, 7)


@pytest.mark.req("SSC-CMD-A4-06")
@pytest.mark.parametrize(("kind", "most"), [(0, 64), (2, 256)])
def test_information_that_does_not_fit(kind: int, most: int) -> None:
    host, other = two_hosts()
    full = b"x" * (most - 1) + b"\0"
    assert set_name(host, full, kind) is None
    assert other.hear() == [s.DEVICE_IDENTIFIER_CHANGED]
    assert set_name(host, b"x" + full, kind) == in_cdb(6, 7)
    assert set_name(host, full, kind) is None
    assert other.hear() == [], "nothing has changed"
    assert host.hear() == []
    assert data_of(host, REPORT_NAME, information_type=kind)[4:] == full


@pytest.mark.parametrize(
    ("text", "at"), [(b"no end", 5), (b"two\0ends\0", 3), (b"\xff\0", 0), (b"ab\xc3\0", 2)]
)
def test_text_has_to_be_text(text: bytes, at: int) -> None:
    host, other = two_hosts()
    assert set_name(host, text, kind=2) == in_list(at)
    assert data_of(host, REPORT_NAME, information_type=2) == bytes(4)
    assert other.hear() == []


# --- timestamp ---------------------------------------------------------------------------------


def time_of(host: Host) -> tuple[int, int]:
    """(origin, milliseconds)"""
    data = data_of(host, REPORT_TIME)
    assert (len(data), data[:2], data[3], data[10:]) == (12, b"\0\x0a", 0, bytes(2))
    return data[2], int.from_bytes(data[4:10], "big")


def set_time(host: Host, milliseconds: int) -> Sense | None:
    data = bytes(4) + milliseconds.to_bytes(6, "big") + bytes(2)
    return host.send(plain(SET_TIME, parameter_list_length=12), out=data).sense


@pytest.mark.req("SSC-CMD-A3-0F", "SSC-CMD-A4-0F", "SSC-TIME-01", "SSC-TIME-02", "SSC-TIME-03")
def test_the_timestamp_counts_on() -> None:
    clock = ManualClock(now=1e9)
    host, _ = two_hosts(clock)
    assert time_of(host) == (0, 0)
    clock.sleep(1.5)
    assert time_of(host) == (0, 1500)
    assert set_time(host, 1_700_000_000_000) is None
    clock.sleep(0.25)
    assert time_of(host) == (2, 1_700_000_000_250)
    host.drive.reset()
    assert host.hear() == [s.POWER_ON]
    assert time_of(host) == (0, 0)
    clock.sleep(3600)
    assert time_of(host) == (0, 3_600_000)


@pytest.mark.req("SSC-TIME-04", "SSC-SENSE-6-2A-10")
def test_the_other_nexuses_hear_of_a_set_timestamp() -> None:
    host, other = two_hosts()
    assert set_time(host, 1) is None
    assert (host.hear(), other.hear()) == ([], [s.TIMESTAMP_CHANGED])


@pytest.mark.req("SSC-TIME-03")
def test_a_timestamp_that_is_refused_changes_nothing() -> None:
    host, other = two_hosts()
    assert set_time(host, 0xF1 << 40) == in_list(4)
    assert set_time(host, 0xF0 << 40 | 7) is None
    assert other.hear() == [s.TIMESTAMP_CHANGED]
    cdb = plain(SET_TIME, parameter_list_length=11)
    assert refusal(host, cdb, bytes(11)) == Sense(s.PARAMETER_LIST_LENGTH)
    for byte in (0, 1, 2, 3, 10, 11):
        data = bytearray(12)
        data[byte] = 0x10
        cdb = plain(SET_TIME, parameter_list_length=12)
        assert refusal(host, cdb, bytes(data)) == in_list(byte, 4)
    assert host.send(plain(SET_TIME)).status == GOOD, "a list of no bytes is no error"
    assert time_of(host) == (2, 0xF0 << 40 | 7)
    assert other.hear() == []


@pytest.mark.req("SSC-CMD-A4-0F")
@pytest.mark.parametrize("scsip", [0, 1])
def test_scsip_says_whether_the_timestamp_can_be_set(scsip: int) -> None:
    host, other = two_hosts()
    extension = host.drive.modes.current.setdefault((0x0A, 0x01), {})
    extension["scsip"] = scsip
    assert set_time(host, 5) == (None if scsip else in_cdb(1, 4))
    assert other.hear() == ([s.TIMESTAMP_CHANGED] if scsip else [])


@given(st.integers(0, 0xF0FFFFFFFFFF), st.integers(0, 10**9))
def test_any_timestamp(value: int, passed: int) -> None:
    clock = ManualClock()
    host, _ = two_hosts(clock)
    assert set_time(host, value) is None
    clock.sleep(passed)
    assert time_of(host) == (2, (value + passed * 1000) % (1 << 48))


# --- what stands in the way --------------------------------------------------------------------


def persistent(host: Host, kind: int) -> None:
    """Register, and reserve with a type."""
    for action, keys in ((0, bytes(8) + b"key     "), (1, b"key     " + bytes(8))):
        cdb = bytes((0x5F, action, kind if action else 0, 0, 0, 0, 0, 0, 24, 0))
        assert host.send(cdb, out=keys + bytes(8)).status == GOOD


PASSING: dict[Rule, set[str]] = {
    Rule.PASSES_WRITE_EXCLUSIVE: {REPORT_NAME, GROUPS, SUPPORTED, FUNCTIONS, REPORT_TIME},
    Rule.PASSES_EXCLUSIVE_ACCESS: {REPORT_NAME, GROUPS, REPORT_TIME},
}


@pytest.mark.req("SSC-PR-15")
@pytest.mark.parametrize(("kind", "rule"), list(zip((1, 3), PASSING, strict=True)))
@pytest.mark.parametrize("name", NAMES)
def test_what_passes_a_persistent_reservation(host: Host, name: str, kind: int, rule: Rule) -> None:
    other = Host(host.drive, "other")
    other.hear()
    persistent(host, kind)
    reply = other.send(plain(name), size=64)
    assert (reply.status != CONFLICT) == (name in PASSING[rule])
    assert bool(row_named(name).rules & rule) == (name in PASSING[rule])

"""TapeAlert: what raises and what clears each flag, who sees it, and who is told of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from target.scsi import sense as s
from target.scsi.sense import Code
from target.tape import tape_alert
from target.tape.tape_alert import ALERTS, Flag
from tests.tape.host import GOOD, Host, new_drive, sense_of, tape
from tests.tape.logs import (
    flags,
    known,
    log_select,
    log_sense,
    logged,
    remount,
    response,
)
from tests.tape.memory import value

SUPPORTED = "3cf7c60042007370"


@pytest.fixture
def host() -> Iterator[Host]:
    with logged() as one:
        yield one


def exceptions(host: Host, *, dexcpt: int = 0, mrie: int = 4, test: int = 0, flag: int = 0) -> None:
    """MODE SELECT(6) of the informational exceptions control page."""
    number = (flag & 0xFFFFFFFF).to_bytes(4, "big")
    body = bytes((0x1C, 10, dexcpt << 3 | test << 2, mrie, 0, 0, 0, 0)) + number
    data = bytes((0, 0, 0x10, 0)) + body
    reply = host.send(bytes((0x15, 0x10, 0, 0, len(data), 0)), out=data)
    assert reply.status == GOOD, reply


def report_recovered(host: Host) -> None:
    """PER of the read-write error recovery page."""
    data = bytes((0, 0, 0x10, 0)) + bytes.fromhex("01 0a 2c ff 00000000 ff 000000")
    assert host.send(bytes((0x15, 0x10, 0, 0, len(data), 0)), out=data).status == GOOD


# --- the table ---------------------------------------------------------------------------------


def test_flags_are_in_order_and_those_that_are_raised_have_names() -> None:
    numbers = [alert.number for alert in ALERTS]
    assert numbers == sorted(set(numbers))
    assert {alert.number for alert in ALERTS if alert.raised} == set(Flag)


@pytest.mark.req("SSC-MODE-1C", "SSC-TA-R3")
@pytest.mark.parametrize("flag", [alert.number for alert in ALERTS])
def test_a_test_raises_any_flag(host: Host, flag: int) -> None:
    """And every place that tells of flags has it."""
    exceptions(host, test=1, flag=flag)
    assert sense_of(host.ready()).code is s.FAILURE_PREDICTED
    assert response(host) == {flag}
    assert flags(host) == {flag}
    host.load(load=False)
    assert host.drive.cartridge is not None
    assert host.drive.cartridge.info["alerts"] == 1 << 64 - flag
    exceptions(host, test=1, flag=-flag)
    assert response(host) == set()


@pytest.mark.req("SSC-VPD-B2", "SSC-TA-R3")
def test_the_vital_product_data_name_the_flags_that_are_raised() -> None:
    cleaned = tape_alert.supported({"clean_after": 1, "clean_now": 2})
    told = int.from_bytes(cleaned, "big")
    assert {flag for flag in range(1, 65) if told >> 64 - flag & 1} == set(Flag)
    less = int.from_bytes(tape_alert.supported({}), "big")
    assert told ^ less == 1 << 64 - Flag.CLEAN_NOW | 1 << 64 - Flag.CLEAN_PERIODIC
    drive = new_drive()
    assert drive.vpd_pages[0xB2] == tape_alert.supported({}) == bytes.fromhex(SUPPORTED)


@pytest.mark.req("SSC-LOG-2E")
def test_golden_page(host: Host) -> None:
    rows = b"".join(bytes((0, flag, 0xC0, 1, 0)) for flag in range(1, 65))
    assert log_sense(host, 0x2E) == bytes.fromhex("ae 00 0140") + rows


@pytest.mark.req("SSC-LOG-12")
def test_golden_response() -> None:
    with logged(protect=True) as host:
        host.write(b"x")
        golden = bytes.fromhex("92 00 000c 0000 43 08 0080000000000000")
        assert log_sense(host, 0x12) == golden
        assert log_sense(host, 0x12) == golden, "reading it clears nothing"
        assert flags(host) == {9}
        assert response(host) == {9}, "nor does another reading"


# --- who sees a flag, and how long -------------------------------------------------------------


@pytest.mark.req("SSC-TA-09", "SSC-TA-R1")
def test_each_nexus_reads_a_flag_once() -> None:
    with tape(protect=True) as host:
        other = Host(host.drive, "other")
        other.hear()
        assert flags(host) == set()
        host.write(b"x")
        assert flags(host) == {9}
        assert flags(host) == set()
        assert flags(other) == {9}, "reading it is no one else's business"
        assert flags(other) == set()
        other.write(b"x")
        assert flags(host) == flags(other) == {9}


@pytest.mark.parametrize("control", [0, 1, 2, 3])
def test_flags_are_the_same_whatever_values_are_asked_for(control: int) -> None:
    """tapeinfo asks for thresholds."""
    with tape(protect=True) as host:
        host.write(b"x")
        assert log_sense(host, 0x2E, control=control)[4 + 8 * 5 :][:5] == bytes((0, 9, 0xC0, 1, 1))


@pytest.mark.req("SSC-LOG-2E", "SSC-TA-09")
def test_a_look_at_the_length_is_no_reading() -> None:
    with tape(protect=True) as host:
        host.write(b"x")
        assert log_sense(host, 0x2E, room=4) == bytes.fromhex("ae 00 0140")
        assert flags(host) == {9}


def test_reading_may_be_told_to_leave_the_flags() -> None:
    """TAPLSD, where a model lets it be."""
    with logged(known(modes={**known().modes, "10-01": {"taplsd": 1}}), protect=True) as host:
        host.write(b"x")
        assert flags(host) == flags(host) == {9}


@pytest.mark.req("SSC-LOG-R5", "SSC-TA-R1")
@pytest.mark.parametrize("code", [0x00, 0x2E])
def test_log_select_clears_them_for_everyone(code: int) -> None:
    with logged(protect=True) as host:
        other = Host(host.drive, "other")
        other.hear()
        host.write(b"x")
        assert log_select(host, code).status == GOOD
        assert other.hear() == [s.LOG_PARAMETERS_CHANGED]
        assert flags(host) == flags(other) == response(host) == set()
        assert log_select(host, 0x2E).status == GOOD
        assert other.hear() == [], "nothing has changed"


def test_log_select_may_be_told_to_leave_the_flags() -> None:
    """TASER."""
    with logged(known(modes={**known().modes, "10-01": {"taser": 1}}), protect=True) as host:
        host.write(b"x")
        assert log_select(host).status == GOOD
        assert flags(host) == {9}


@pytest.mark.req("SSC-TA-R2")
def test_another_load_clears_what_is_of_a_volume(host: Host) -> None:
    for alert in ALERTS:
        host.drive.alert(alert.number)
    remount(host)
    of_volume = {alert.number for alert in ALERTS if alert.clears is tape_alert.Clears.LOAD}
    assert response(host) == {alert.number for alert in ALERTS} - of_volume
    assert {1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 15, 16, 17, 18, 22, 23, 51, 52, 55} <= of_volume


def test_loss_of_power_clears_them_and_a_reset_does_not(host: Host) -> None:
    host.drive.alert(Flag.DOWNLOAD_FAILED)
    host.drive.reset()
    host.hear()
    assert response(host) == {Flag.DOWNLOAD_FAILED}
    host.drive.power_on()
    host.hear()
    assert response(host) == set()


@pytest.mark.req("SSC-TA-R3")
def test_the_memory_has_those_of_the_last_load(host: Host) -> None:
    host.drive.alert(Flag.READ_FAILURE)
    assert value(host, 0x0002) == bytes(8), "of the load before this one"
    host.load(load=False)
    host.load()
    host.hear()
    assert value(host, 0x0002) == bytes.fromhex("0800000000000000")
    assert response(host) == set()


# --- informational exceptions ------------------------------------------------------------------


@pytest.mark.req("SSC-SENSE-1-5D-00", "SSC-MODE-1C")
def test_the_next_command_tells_and_is_carried_out(host: Host) -> None:
    exceptions(host)
    host.write_tape([b"one", b"two"])
    host.drive.alert(Flag.CLEAN_PERIODIC)
    reply = host.read(3)
    assert sense_of(reply).code is s.FAILURE_PREDICTED
    assert reply.data == b"one"
    assert host.position() == 1
    assert host.read(3).status == GOOD


def test_nobody_is_told_who_has_not_asked(host: Host) -> None:
    host.drive.alert(Flag.CLEAN_PERIODIC)
    assert host.ready().status == GOOD
    exceptions(host, dexcpt=1, mrie=4)
    host.drive.alert(Flag.CLEAN_PERIODIC)
    assert host.ready().status == GOOD
    exceptions(host, mrie=0)
    host.drive.alert(Flag.CLEAN_PERIODIC)
    assert host.ready().status == GOOD


def test_each_nexus_asks_for_itself(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    exceptions(other)
    host.hear()
    host.drive.alert(Flag.CLEAN_PERIODIC)
    assert host.ready().status == GOOD
    assert sense_of(other.ready()).code is s.FAILURE_PREDICTED
    host.drive.alert(Flag.CLEAN_NOW)
    host.drive.nexus_lost(other.nexus)
    other.hear()
    assert other.ready().status == GOOD


@pytest.mark.req("SSC-MODE-1C")
def test_conditional_reports_need_leave_to_report_recovered_errors(host: Host) -> None:
    exceptions(host, mrie=3)
    host.drive.alert(Flag.CLEAN_PERIODIC)
    assert host.ready().status == GOOD, "PER is 0"
    report_recovered(host)
    host.drive.alert(Flag.CLEAN_PERIODIC)
    assert sense_of(host.ready()).code is s.FAILURE_PREDICTED


def test_a_command_that_fails_tells_of_its_own(host: Host) -> None:
    exceptions(host)
    host.drive.alert(Flag.CLEAN_PERIODIC)
    assert sense_of(host.read(3)).code is s.END_OF_DATA
    inquiry = host.send(bytes((0x12, 0, 0, 0, 36, 0)), size=36)
    assert inquiry.status == GOOD, "it never tells"
    assert sense_of(host.ready()).code is s.FAILURE_PREDICTED
    assert host.ready().status == GOOD


def test_a_unit_attention_comes_first(host: Host) -> None:
    exceptions(host)
    host.drive.alert(Flag.CLEAN_PERIODIC)
    host.drive.tell(host.nexus, s.TIMESTAMP_CHANGED)
    told: list[Code] = [sense_of(host.ready()).code for _ in range(2)]
    assert told == [s.TIMESTAMP_CHANGED, s.FAILURE_PREDICTED]


def test_the_write_that_raised_it_has_failed_by_itself() -> None:
    with logged(protect=True) as host:
        exceptions(host)
        assert sense_of(host.write(b"x")).code is s.WRITE_PROTECTED
        assert sense_of(host.ready()).code is s.FAILURE_PREDICTED


@pytest.mark.req("SSC-MODE-1C")
def test_a_test_of_the_reporting_itself(host: Host) -> None:
    exceptions(host, test=1)
    assert sense_of(host.ready()).code is s.FAILURE_PREDICTION_TEST
    assert response(host) == set()


def test_a_reset_ends_it(host: Host) -> None:
    exceptions(host)
    host.drive.alert(Flag.CLEAN_PERIODIC)
    host.drive.reset()
    assert host.hear() == [s.POWER_ON]
    assert host.ready().status == GOOD

"""Task management: what is aborted, who hears of it, and when the answer comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from harness.initiators.iscsi import IscsiInitiator
from target.scsi import sense as s
from target.transports.iscsi import pdu
from target.transports.iscsi.management import (
    ABORT_TASK,
    ABORT_TASK_SET,
    CLEAR_ACA,
    CLEAR_TASK_SET,
    COMPLETE,
    LOGICAL_UNIT_RESET,
    NO_LUN,
    NO_REASSIGN,
    NO_TASK,
    NOT_SUPPORTED,
    TARGET_COLD_RESET,
    TARGET_WARM_RESET,
    TASK_REASSIGN,
)
from tests.iscsi.conftest import TARGET, Connect, Serve, Serving, heard

TEST_UNIT_READY = bytes(6)
ERASE = bytes((0x19, 1, 0, 0, 0, 0))
"""With LONG: takes hours in real time."""
REWIND = bytes((1, 0, 0, 0, 0, 0))
RESETS = [LOGICAL_UNIT_RESET, TARGET_WARM_RESET, TARGET_COLD_RESET]

Host = Callable[[int], IscsiInitiator]


@pytest.fixture
def slow(serve: Serve) -> Serving:
    """A server whose drive takes as long as a real one."""
    return serve(timing=1.0)


@pytest.fixture
def host(slow: Serving) -> Iterator[Host]:
    """Log a host in to the slow drive, by its number; it has heard of the power-on."""
    with ExitStack() as stack:

        def start(number: int) -> IscsiInitiator:
            name = f"iqn.2026-01.io.keyreel:host{number}"
            one = IscsiInitiator(slow.address, TARGET, name, timeout=60)
            stack.callback(one.close)
            heard(one)
            return one

        yield start


def running(slow: Serving, one: IscsiInitiator) -> int:
    """Start what takes hours, and wait until the drive is at it; its tag."""
    tag = one.start(ERASE)
    one.ping()
    return tag


def test_abort_of_a_running_command(slow: Serving, host: Host) -> None:
    one = host(0)
    tag = running(slow, one)
    assert one.manage(ABORT_TASK, tag=tag) == COMPLETE
    assert not heard(one)
    assert one.manage(ABORT_TASK, tag=tag) == NO_TASK


def test_abort_of_a_waiting_command(slow: Serving, host: Host) -> None:
    one = host(0)
    tags = [running(slow, one), one.start(REWIND), one.start(TEST_UNIT_READY)]
    assert one.manage(ABORT_TASK, tag=tags[1]) == COMPLETE
    assert one.manage(ABORT_TASK, tag=tags[0]) == COMPLETE
    assert one.finish(tags[2])[0].status == 0


def test_abort_of_a_command_that_waits_for_data(connect: Connect) -> None:
    one = connect(offers={"ImmediateData": "No"})
    tag = one.request(pdu.SCSI_COMMAND, write=1, length=10, cdb=0x0A000000_0A000000 << 64)
    r2t = one.receive()
    assert r2t.kind is pdu.R2T
    assert one.manage(ABORT_TASK, tag=tag) == COMPLETE
    one.send_data(tag, r2t.fields["ttt"], bytes(10), 0, 10)
    assert one.send(TEST_UNIT_READY).status == 0


def test_abort_of_a_command_that_is_in_the_middle_of_its_data(connect: Connect) -> None:
    """Its buffer is not another command's before the data are all there."""
    one, other = connect(), connect(name="iqn.2026-01.io.keyreel:other")
    header = pdu.SCSI_COMMAND.make(
        final=1, write=1, itt=99, length=65536, cmd_sn=one.cmd_sn, cdb=0x0A010000 << 96,
        data_length=65536,
    )  # fmt: skip
    one.cmd_sn += 1
    one.wire.socket.sendall(bytes(header) + bytes(30000))
    assert other.manage(CLEAR_TASK_SET) == COMPLETE
    one.wire.socket.sendall(bytes(35536))
    assert one.finish(99)[0].status in (0, 2)
    assert one.ping() == b"ping"


def test_abort_of_a_command_that_was_not_sent(connect: Connect) -> None:
    """A number that was skipped counts as received (RFC 7143 section 11.5.1)."""
    one = connect()
    missing = one.cmd_sn
    late = one.start(TEST_UNIT_READY, cmd_sn=missing + 1)
    one.cmd_sn = missing + 2
    one.request(
        pdu.TASK_MANAGEMENT, immediate=1, function=ABORT_TASK, referenced_tag=0x1234,
        ref_cmd_sn=missing,
    )  # fmt: skip
    answers = [one.receive() for _ in range(2)]
    assert {answer.kind for answer in answers} == {
        pdu.TASK_MANAGEMENT_RESPONSE,
        pdu.SCSI_RESPONSE,
    }
    assert [a.fields["itt"] for a in answers if a.kind is pdu.SCSI_RESPONSE] == [late]
    assert one.manage(ABORT_TASK, tag=0x1234, ref_cmd_sn=1) == NO_TASK


def test_abort_of_all_commands_of_a_nexus(slow: Serving, host: Host) -> None:
    one, other = host(0), host(1)
    running(slow, one)
    for _ in range(5):
        one.start(REWIND)
    theirs = other.start(TEST_UNIT_READY)
    assert one.manage(ABORT_TASK_SET) == COMPLETE
    assert other.finish(theirs)[0].status == 0
    assert not heard(one)


def test_clear_of_all_commands_of_a_unit(slow: Serving, host: Host) -> None:
    """The others' commands end without an answer, and they hear of it with the next one."""
    one, other = host(0), host(1)
    running(slow, other)
    other.start(REWIND)
    assert one.manage(CLEAR_TASK_SET) == COMPLETE
    assert not heard(one)
    assert heard(other) == [s.COMMANDS_CLEARED]
    assert not heard(other)


def test_with_the_tas_bit_others_are_told(slow: Serving, host: Host) -> None:
    one, other = host(0), host(1)
    with slow.drive.turn:
        slow.drive.modes.current[0x0A, 0]["tas"] = 1
    tags = [running(slow, other), other.start(REWIND)]
    assert one.manage(CLEAR_TASK_SET) == COMPLETE
    assert [other.finish(tag)[0].status for tag in tags] == [0x40, 0x40]
    assert heard(other) == [s.COMMANDS_CLEARED]


@pytest.mark.parametrize("function", RESETS)
def test_a_reset(slow: Serving, host: Host, function: int) -> None:
    one, other = host(0), host(1)
    running(slow, other)
    one.start(REWIND)
    assert one.manage(function) == COMPLETE
    if function == TARGET_COLD_RESET:
        for each in (one, other):
            with pytest.raises(OSError, match="closed"):
                each.receive()
            each.login()
        assert heard(one)[0] == s.POWER_ON
        return
    code = s.DEVICE_RESET if function == LOGICAL_UNIT_RESET else s.BUS_RESET
    assert heard(one) == [code]
    assert heard(other) == [code]
    assert not heard(one)


@pytest.mark.parametrize("function", RESETS)
def test_a_reset_releases_what_was_reserved(slow: Serving, host: Host, function: int) -> None:
    one, other = host(0), host(1)
    assert one.send(bytes((0x16, 0, 0, 0, 0, 0))).status == 0
    assert other.send(TEST_UNIT_READY).status == 0x18
    assert other.manage(function) == COMPLETE
    if function == TARGET_COLD_RESET:
        other.login()
    assert heard(other)


@pytest.mark.parametrize(
    ("function", "lun", "response"),
    [
        (TASK_REASSIGN, 0, NO_REASSIGN),
        (CLEAR_ACA, 0, NOT_SUPPORTED),
        (0, 0, NOT_SUPPORTED),
        (77, 0, NOT_SUPPORTED),
        (ABORT_TASK_SET, 1, NO_LUN),
        (CLEAR_TASK_SET, 1, NO_LUN),
        (LOGICAL_UNIT_RESET, 1, NO_LUN),
        (ABORT_TASK, 0, NO_TASK),
    ],
)
def test_what_is_not_done(connect: Connect, function: int, lun: int, response: int) -> None:
    assert connect().manage(function, lun=lun) == response


def test_a_command_after_a_function_is_not_aborted(slow: Serving, host: Host) -> None:
    one = host(0)
    running(slow, one)
    one.request(pdu.TASK_MANAGEMENT, immediate=1, function=LOGICAL_UNIT_RESET)
    tag = one.start(TEST_UNIT_READY)
    answers = [one.receive() for _ in range(2)]
    assert [a.kind for a in answers] == [pdu.TASK_MANAGEMENT_RESPONSE, pdu.SCSI_RESPONSE]
    assert answers[1].fields["itt"] == tag


def test_many_functions_at_once(slow: Serving, host: Host) -> None:
    one = host(0)
    running(slow, one)
    for _ in range(20):
        one.request(pdu.TASK_MANAGEMENT, immediate=1, function=LOGICAL_UNIT_RESET)
    responses = [one.receive().fields["response"] for _ in range(20)]
    assert set(responses) <= {COMPLETE, 255}
    assert COMPLETE in responses

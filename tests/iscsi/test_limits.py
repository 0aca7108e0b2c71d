"""Clients that break the protocol, stand still or take more than their share: others go on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from harness.initiators.iscsi import ISID, NAME, IscsiInitiator
from target.scsi import sense as s
from target.transports.iscsi import connection, keys, pdu, server
from target.transports.iscsi.pdu import NO_TAG
from target.transports.iscsi.session import MOST_IMMEDIATE, WINDOW
from tests.iscsi.conftest import TARGET, Connect, Serving, heard

TEST_UNIT_READY = bytes(6)
MIB = 1 << 20
FAR = 60.0
"""Seconds that a test waits for what takes a moment."""


def works(serving: Serving) -> None:
    """A host can log in and use the drive."""
    with IscsiInitiator(serving.address, TARGET, "iqn.2026-01.io.keyreel:works") as one:
        heard(one)


def ended(sock: socket.socket, timeout: float = FAR) -> None:
    """The target closes the connection."""
    sock.settimeout(timeout)
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        pass


def later(serving: Serving, seconds: float) -> None:
    """So much time has passed for the server, at once: whoever is slow here is not late there."""
    loop = serving.server._loop
    clock = loop.now
    loop.now = lambda: clock() + seconds  # type: ignore[method-assign]  # of this server alone


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FAR
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- Reject ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (bytes((0x1F, 0x80)) + bytes(46), pdu.NOT_SUPPORTED),
        (bytes((0x5F, 0x80)) + bytes(46), pdu.NOT_SUPPORTED),
        (bytes((0x3F, 0x80)) + bytes(46), pdu.NOT_SUPPORTED),
        (bytes(pdu.SNACK.make(final=1)), pdu.SNACK_REJECT),
        (bytes(pdu.LOGIN.make(immediate=1)), pdu.PROTOCOL_ERROR),
        (bytes(pdu.DATA_OUT.make(final=1, itt=0x999, ttt=NO_TAG)), pdu.PROTOCOL_ERROR),
        (bytes(pdu.SCSI_COMMAND.make(immediate=1, final=1, itt=NO_TAG)), pdu.INVALID_FIELD),
        (
            bytes(pdu.SCSI_COMMAND.make(immediate=1, final=1, itt=9, read=1, write=1)),
            pdu.NOT_SUPPORTED,
        ),
        (
            bytes(pdu.SCSI_COMMAND.make(immediate=1, final=1, itt=9, ahs_length=1)) + bytes(4),
            pdu.NOT_SUPPORTED,
        ),
    ],
)
def test_reject(connect: Connect, header: bytes, reason: int) -> None:
    one = connect()
    one.wire.socket.sendall(header)
    answer = one.receive()
    assert (answer.kind, answer.fields["reason"]) == (pdu.REJECT, reason)
    assert answer.data == header[:48]
    assert one.send(TEST_UNIT_READY).status == 0


def test_a_tag_that_is_in_use(connect: Connect) -> None:
    one = connect(offers={"ImmediateData": "No"})
    one.request(pdu.SCSI_COMMAND, itt=5, write=1, length=10, cdb=0x0A000000_0A000000 << 64)
    ttt = one.receive().fields["ttt"]
    one.request(pdu.SCSI_COMMAND, itt=5)
    assert one.receive().fields["reason"] == pdu.TASK_IN_PROGRESS
    one.send_data(5, ttt, bytes(10), 0, 10)
    assert one.finish(5)[0].status == 0
    assert one.send(TEST_UNIT_READY).status == 0


def test_too_many_immediate_commands(connect: Connect) -> None:
    one = connect(offers={"ImmediateData": "No"})
    first = one.request(pdu.SCSI_COMMAND, write=1, length=10, cdb=0x0A000000_0A000000 << 64)
    ttt = one.receive().fields["ttt"]
    tags = [one.start(TEST_UNIT_READY, immediate=1) for _ in range(WINDOW + MOST_IMMEDIATE + 5)]
    reasons = [one.receive().fields["reason"] for _ in range(6)]
    assert reasons == [pdu.TOO_MANY_IMMEDIATE] * 6
    one.send_data(first, ttt, bytes(10), 0, 10)
    answers = [one.receive().fields["itt"] for _ in range(WINDOW + MOST_IMMEDIATE)]
    assert answers == [first, *tags[: WINDOW + MOST_IMMEDIATE - 1]]


# --- the end of the connection ---------------------------------------------------------------


def test_a_segment_that_is_too_long(serving: Serving, connect: Connect) -> None:
    one = connect()
    one.wire.socket.sendall(pdu.NOP_OUT.make(immediate=1, data_length=keys.OUR_SEGMENT + 1))
    ended(one.wire.socket)
    works(serving)


def test_a_login_segment_that_is_too_long(serving: Serving) -> None:
    with socket.create_connection(serving.address) as sock:
        sock.sendall(pdu.LOGIN.make(immediate=1, data_length=keys.LOGIN_SEGMENT + 1))
        ended(sock)
    works(serving)


def test_what_is_not_iscsi(serving: Serving) -> None:
    with socket.create_connection(serving.address) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10)
        ended(sock)
    works(serving)


def test_text_that_breaks_the_rules(serving: Serving, connect: Connect) -> None:
    one = connect()
    one.request(pdu.TEXT, b"nothing", ttt=NO_TAG)
    ended(one.wire.socket)
    works(serving)


def test_text_without_an_end(serving: Serving, connect: Connect) -> None:
    one = connect()
    for ttt in (NO_TAG, 1, 1, 1, 1):
        one.request(pdu.TEXT, b"X" * 8192, final=0, ttt=ttt, **{"continue": 1})
    ended(one.wire.socket)
    works(serving)


@pytest.mark.parametrize("digest", ["HeaderDigest", "DataDigest"])
def test_a_wrong_digest(serving: Serving, connect: Connect, digest: str) -> None:
    one = connect(offers={digest: "CRC32C"})
    header = pdu.NOP_OUT.make(immediate=1, final=1, itt=7, ttt=NO_TAG, data_length=4)
    one.wire.socket.sendall(bytes(header) + b"data" + bytes(4))
    if digest == "DataDigest":
        answer = one.receive()
        assert (answer.kind, answer.fields["reason"]) == (pdu.REJECT, pdu.DATA_DIGEST_ERROR)
    ended(one.wire.socket)
    works(serving)


def test_a_wrong_digest_of_data_for_a_command(serving: Serving, connect: Connect) -> None:
    """Nothing of it is on the tape, and the buffer's end is the session's."""
    one = connect(offers={"DataDigest": "CRC32C"})
    header = pdu.SCSI_COMMAND.make(
        final=1, write=1, itt=7, length=100, data_length=100, cmd_sn=one.cmd_sn,
        cdb=0x0A000000_64000000 << 64,
    )  # fmt: skip
    one.wire.socket.sendall(bytes(header) + bytes(104))
    ended(one.wire.socket)
    works(serving)
    assert serving.drive.position == 0


# --- time ------------------------------------------------------------------------------------


def test_a_login_that_takes_too_long(serving: Serving) -> None:
    header = pdu.LOGIN.make(immediate=1, data_length=100)
    slow = []
    for start in (b"", bytes(header)[:20], bytes(header), bytes(header) + b"InitiatorName"):
        slow.append(socket.create_connection(serving.address))
        slow[-1].sendall(start)
    works(serving)
    later(serving, connection.LOGIN_TIME + 1)
    for sock in slow:
        ended(sock)
        sock.close()
    works(serving)


def test_silent_clients_are_asked(serving: Serving) -> None:
    """One that answers stays, one that does not goes, and its nexus with it."""
    alive = IscsiInitiator(serving.address, TARGET, isid=ISID + 1)

    def answer() -> None:
        with pytest.raises(OSError):
            alive.receive()

    answering = threading.Thread(target=answer)
    answering.start()
    dead = IscsiInitiator(serving.address, TARGET)
    sessions = serving.server._loop.targets[TARGET].sessions
    name, other = (f"{NAME},i,0x{isid:012x}" for isid in (ISID + 1, ISID))
    heard_of = sessions[name].connection
    later(serving, connection.SILENCE + 1)
    ping = dead.wire.receive()
    assert (ping.kind, ping.fields["itt"]) == (pdu.NOP_IN, NO_TAG)
    # Both are asked at one time: the one that answers has been heard since.
    until(lambda: heard_of._asked is None)
    later(serving, connection.SILENCE + 1)
    ended(dead.wire.socket)
    until(lambda: other not in sessions)
    assert list(sessions) == [name]
    works(serving)
    serving.server.close()
    answering.join()


def test_a_client_that_takes_no_data(serving: Serving) -> None:
    """It holds up itself, not the others, costs bounded memory, and is dropped in the end."""
    one = IscsiInitiator(serving.address, TARGET)
    heard(one)
    for _ in range(WINDOW):
        one.send(bytes((0x0A, 0, 0x20, 0, 0, 0)), out=bytes(2 * MIB))
    one.send(bytes((1, 0, 0, 0, 0, 0)))
    one.wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(WINDOW):
        one.start(bytes((0x08, 0, 0x20, 0, 0, 0)), size=2 * MIB)
    works(serving)
    stuck = serving.server._loop.targets[TARGET].sessions[f"{NAME},i,0x{ISID:012x}"].connection
    assert 0 < stuck.sender.waiting < 8 * MIB
    assert stuck.session is not None
    assert len(stuck.session.queue) > WINDOW // 2
    later(serving, connection.STUCK + 1)
    until(lambda: stuck not in serving.server._loop.connections)
    one.drop()
    works(serving)


def test_pings_that_nobody_reads_are_not_kept(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TOO_MUCH", 4 * MIB)
    offers = {"MaxRecvDataSegmentLength": str(MIB)}
    one = IscsiInitiator(serving.address, TARGET, offers=offers)
    one.wire.socket.settimeout(1)
    with pytest.raises(TimeoutError):
        for _ in range(100):
            one.request(pdu.NOP_OUT, bytes(MIB), immediate=1, ttt=NO_TAG)
    (stuck,) = serving.server._loop.connections
    assert stuck.sender.waiting < 6 * MIB
    works(serving)
    one.drop()


# --- how many --------------------------------------------------------------------------------


def test_connections_that_do_not_log_in_make_room(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 8)
    stay = IscsiInitiator(serving.address, TARGET)
    open_ones = [socket.create_connection(serving.address) for _ in range(30)]
    works(serving)
    ended(open_ones[0])
    heard(stay)
    assert stay.send(TEST_UNIT_READY).status == 0
    for sock in open_ones:
        sock.close()
    stay.close()


def test_sessions_are_not_driven_out(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 4)
    all_of_them = [
        IscsiInitiator(serving.address, TARGET, isid=ISID + number) for number in range(4)
    ]
    with pytest.raises(OSError):
        IscsiInitiator(serving.address, TARGET, isid=ISID + 9)
    for each in all_of_them:
        heard(each)
        assert each.send(TEST_UNIT_READY).status == 0
        each.close()


def test_nexuses_that_are_gone_are_forgotten(serving: Serving) -> None:
    """Whoever comes with ever new names does not fill the memory."""
    for number in range(300):
        one = IscsiInitiator(serving.address, TARGET, isid=number)
        heard(one)
        one.drop()
    works(serving)
    assert len(serving.drive.nexuses) <= 260


# --- keys ------------------------------------------------------------------------------------


def test_a_buffer_that_had_a_key_is_wiped(serving: Serving, connect: Connect) -> None:
    """Also that of a command which never ran: here for a unit that is not there."""
    one = connect()
    key = bytes(range(100, 132))
    out = bytes(20) + key
    cdb = bytes((0xB5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, 52, 0, 0))
    reply = one.send(cdb, out=out, lun=3)
    assert reply.sense is not None and reply.sense.code == s.LOGICAL_UNIT_NOT_SUPPORTED
    one.send(cdb, out=out)
    one.ping()
    (mine,) = serving.server._loop.connections
    assert mine.session is not None
    kept = [bytes(b) for free in mine.session.pool._free.values() for b in free]
    assert kept
    for memory in [*kept, bytes(mine.receiver._ahead)]:
        assert key[:8] not in memory


def test_a_key_that_came_half_is_wiped(serving: Serving, connect: Connect) -> None:
    """The connection ends in the middle of it."""
    one = connect()
    (mine,) = serving.server._loop.connections
    header = pdu.SCSI_COMMAND.make(
        final=1, write=1, itt=9, length=52, data_length=52, cmd_sn=one.cmd_sn,
        cdb=0xB5200010_00000000_00340000_00000000,
    )  # fmt: skip
    one.wire.socket.sendall(bytes(header) + b"key-key-key-key-")
    until(lambda: mine._filled is not None)
    assert mine._filled is not None
    memory = mine._filled.buffer
    assert memory is not None
    assert bytes(memory[:16]) == b"key-key-key-key-"
    one.drop()
    until(lambda: mine._filled is None)
    assert not any(memory)

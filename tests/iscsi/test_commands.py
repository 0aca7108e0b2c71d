"""SCSI commands over iSCSI: data in every form, residuals, order, the window, wrong LUNs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.initiators.iscsi import IscsiInitiator
from target.scsi import sense as s
from target.transports.iscsi import pdu
from target.transports.iscsi.pdu import NO_TAG
from target.transports.iscsi.session import WINDOW
from tests.iscsi.conftest import TARGET, Connect, Serve, Serving, heard

MIB = 1 << 20
TEST_UNIT_READY = bytes(6)
REWIND = bytes((1, 0, 0, 0, 0, 0))


def inquiry(length: int) -> bytes:
    return bytes((0x12, 0, 0)) + length.to_bytes(2, "big") + b"\0"


def read(length: int, fixed: bool = False) -> bytes:
    return bytes((0x08, fixed)) + length.to_bytes(3, "big") + b"\0"


def write(length: int, fixed: bool = False) -> bytes:
    return bytes((0x0A, fixed)) + length.to_bytes(3, "big") + b"\0"


def block(length: int, seed: int = 0) -> bytes:
    """Bytes that differ by position."""
    cycle = bytes((i * 7 + (i >> 8) + seed) & 0xFF for i in range(min(length, 4099)))
    return (cycle * (length // 4099 + 1))[:length]


def refused(one: IscsiInitiator, cdb: bytes, lun: int = 0, size: int = 0) -> s.Code | None:
    sense = one.send(cdb, lun=lun, size=size).sense
    return None if sense is None else sense.code


# --- data in every form ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def settings_of_data() -> list[dict[str, str]]:
    """Every combination of what says how data-out come."""
    return [
        {
            "InitialR2T": r2t,
            "ImmediateData": immediate,
            "HeaderDigest": digest,
            "DataDigest": digest,
        }
        for r2t, immediate, digest in itertools.product(
            ("Yes", "No"), ("Yes", "No"), ("None", "CRC32C")
        )
    ]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_blocks_go_there_and_back(
    serving: Serving, settings_of_data: list[dict[str, str]], data: st.DataObject
) -> None:
    """Whatever was negotiated, data arrive as they were sent, and nothing is asked for twice."""
    lengths = st.sampled_from([512, 600, 1024, 4096, 8192, 65536, MIB])
    offers = {
        **data.draw(st.sampled_from(settings_of_data)),
        "MaxBurstLength": str(data.draw(lengths)),
        "FirstBurstLength": str(data.draw(lengths)),
        "MaxOutstandingR2T": str(data.draw(st.integers(1, 8))),
        "MaxRecvDataSegmentLength": str(data.draw(lengths)),
    }
    if int(offers["FirstBurstLength"]) > int(offers["MaxBurstLength"]):
        offers["FirstBurstLength"] = offers["MaxBurstLength"]
    sizes = data.draw(st.lists(st.integers(1, 40000), min_size=1, max_size=3))
    with IscsiInitiator(serving.address, TARGET, offers=offers) as one:
        one.longest = data.draw(lengths)
        heard(one)
        one.send(REWIND)
        for number, size in enumerate(sizes):
            assert one.send(write(size), out=block(size, number)).status == 0
        one.send(REWIND)
        for number, size in enumerate(sizes):
            reply, fields = one.finish(one.start(read(size), size=size), size=size)
            assert reply.data == block(size, number)
            assert fields["residual"] == 0


def test_bursts_and_segments_are_as_negotiated(connect: Connect) -> None:
    one = connect(
        offers={
            "MaxBurstLength": "4096", "FirstBurstLength": "2048", "MaxOutstandingR2T": "2",
            "MaxRecvDataSegmentLength": "1024", "ImmediateData": "No",
        }
    )  # fmt: skip
    out = block(10000)
    tag = one.request(
        pdu.SCSI_COMMAND, write=1, length=10000, cdb=int.from_bytes(write(10000).ljust(16, b"\0"))
    )
    asked = [one.receive() for _ in range(2)]
    assert [(a.kind.name, a.fields["offset"], a.fields["length"]) for a in asked] == [
        ("Ready To Transfer", 0, 4096),
        ("Ready To Transfer", 4096, 4096),
    ]
    assert [a.fields["r2t_sn"] for a in asked] == [0, 1]
    for each in asked:
        start = each.fields["offset"]
        one.send_data(tag, each.fields["ttt"], out, start, start + 4096)
    last = one.receive().fields
    assert (last["offset"], last["length"], last["r2t_sn"]) == (8192, 1808, 2)
    one.send_data(tag, last["ttt"], out, 8192, 10000)
    reply, fields = one.finish(tag)
    assert (reply.status, fields["exp_data_sn"]) == (0, 3)
    one.send(REWIND)
    tag = one.request(
        pdu.SCSI_COMMAND, read=1, length=10000, cdb=int.from_bytes(read(10000).ljust(16, b"\0"))
    )
    said = [one.receive() for _ in range(10)]
    assert {a.kind for a in said} == {pdu.DATA_IN}
    assert b"".join(a.data for a in said) == out
    assert [len(a.data) for a in said] == [1024] * 9 + [784]
    assert [a.fields["data_sn"] for a in said] == list(range(10))
    assert [a.fields["offset"] for a in said] == list(range(0, 10000, 1024))
    # A burst ends every 4096 bytes, and status comes with the last.
    assert [a.fields["final"] for a in said] == [0, 0, 0, 1] * 2 + [0, 1]
    assert [a.fields["has_status"] for a in said] == [0] * 9 + [1]


@pytest.mark.parametrize("size", [MIB, 8 * MIB])
@pytest.mark.parametrize("digest", ["None", "CRC32C"])
def test_big_blocks(connect: Connect, size: int, digest: str) -> None:
    one = connect(offers={"HeaderDigest": digest, "DataDigest": digest, "InitialR2T": "No"})
    out = block(size)
    for _ in range(2):
        assert one.send(write(size), out=out).status == 0
    one.send(REWIND)
    for _ in range(2):
        assert one.send(read(size), size=size).data == out


def test_the_longest_command(connect: Connect) -> None:
    """16 MiB go through; a drive that takes 8 MiB says so. What is beyond is not even asked for."""
    one = connect()
    size = 16 * MIB - 1
    assert one.send(write(size), out=bytes(size)).sense == s.Sense(
        s.INVALID_FIELD_IN_CDB, pointer=(2, 7)
    )
    reply, fields = one.finish(
        one.start(bytes((0x3C, 2, 0, 0, 0, 0, 0, 0, 36, 0)), size=16 * MIB), size=16 * MIB
    )
    assert (len(reply.data), fields["residual"]) == (36, 16 * MIB - 36)
    tag = one.request(pdu.SCSI_COMMAND, write=1, length=32 * MIB, cdb=0x0A << 120)
    reply, fields = one.finish(tag)
    assert reply.sense is not None and reply.sense.code == s.INVALID_FIELD_IN_CDB
    assert (fields["underflow"], fields["residual"]) == (1, 32 * MIB)


# --- residuals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cdb", "size", "got", "bit", "residual"),
    [
        (inquiry(36), 36, 36, None, 0),
        (inquiry(36), 96, 36, "underflow", 60),
        (inquiry(96), 36, 36, "overflow", 60),
        (inquiry(36), 0, 0, None, 36),
        (inquiry(36), 1, 1, "overflow", 35),
        (bytes(6), 10, 0, "underflow", 10),
        (bytes((0x34,)) + bytes(9), 20, 20, None, 0),
        (bytes((0x34,)) + bytes(9), 10, 10, "overflow", 10),
        (read(100), 100, 100, None, 0),
        (read(100), 200, 100, "underflow", 100),
        (read(100), 60, 60, "overflow", 40),
        (bytes((0xFF,)) + bytes(9), 10, 0, "underflow", 10),
    ],
)
def test_residuals_of_data_in(
    connect: Connect, cdb: bytes, size: int, got: int, bit: str | None, residual: int
) -> None:
    one = connect()
    one.send(write(100), out=block(100))
    one.send(REWIND)
    tag = one.request(
        pdu.SCSI_COMMAND, read=bool(size), length=size, cdb=int.from_bytes(cdb.ljust(16, b"\0"))
    )
    reply, fields = one.finish(tag, size=size)
    assert len(reply.data) == got
    assert fields["residual"] == residual
    if size:
        assert [name for name in ("underflow", "overflow") if fields[name]] == [bit] * bool(bit)
    else:
        assert fields["overflow"]


def test_a_short_block_and_its_sense_data_come_together(connect: Connect) -> None:
    one = connect()
    one.send(write(100), out=block(100))
    one.send(REWIND)
    reply, fields = one.finish(one.start(read(300), size=300), size=300)
    assert reply.data == block(100)
    assert reply.sense == s.Sense(s.NO_SENSE, information=200, ili=True)
    assert (fields["underflow"], fields["residual"], fields["exp_data_sn"]) == (1, 200, 1)


@pytest.mark.parametrize(
    ("cdb", "size", "bit", "residual"),
    [
        (write(100), 100, None, 0),
        (write(100), 300, "underflow", 200),
        (write(100), 60, "overflow", 40),
        (bytes((0x15, 0x10, 0, 0, 12, 0)), 4, "overflow", 8),
        (bytes((0x15, 0x10, 0, 0, 0, 0)), 4, "underflow", 4),
        (TEST_UNIT_READY, 4, "underflow", 4),
        (bytes((0xFF,)) + bytes(9), 10, "underflow", 10),
    ],
)
def test_residuals_of_data_out(
    connect: Connect, cdb: bytes, size: int, bit: str | None, residual: int
) -> None:
    one = connect()
    _, fields = one.finish(one.start(cdb, out=bytes(size)), out=bytes(size))
    assert fields["residual"] == residual
    assert [name for name in ("underflow", "overflow") if fields[name]] == [bit] * bool(bit)


def test_fixed_blocks_count_in_blocks(connect: Connect) -> None:
    one = connect()
    select = bytes((0, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 2, 0))
    assert one.send(bytes((0x15, 0x10, 0, 0, 12, 0)), out=select).status == 0
    _, fields = one.finish(one.start(write(3, fixed=True), out=bytes(2048)), out=bytes(2048))
    assert (fields["status"], fields["underflow"], fields["residual"]) == (0, 1, 512)
    one.send(bytes((0x10, 0, 0, 0, 1, 0)))
    one.send(REWIND)
    reply, fields = one.finish(one.start(read(5, fixed=True), size=2560), size=2560)
    assert reply.sense is not None and reply.sense.code == s.FILEMARK_DETECTED
    assert (len(reply.data), fields["residual"]) == (1536, 1024)


# --- data against the rules ------------------------------------------------------------------


def start_write(one: IscsiInitiator, length: int, data: bytes = b"", **fields: int) -> int:
    values = {"write": 1, "length": length, "cdb": int.from_bytes(write(length).ljust(16, b"\0"))}
    return one.request(pdu.SCSI_COMMAND, data, **{**values, **fields})


def code(one: IscsiInitiator, tag: int) -> s.Code | None:
    sense = one.finish(tag)[0].sense
    return None if sense is None else sense.code


def test_immediate_data_that_were_not_agreed_on(connect: Connect) -> None:
    one = connect(offers={"ImmediateData": "No"})
    assert code(one, start_write(one, 4, b"data")) == s.UNEXPECTED_UNSOLICITED_DATA
    assert one.send(TEST_UNIT_READY).status == 0


def test_more_immediate_data_than_the_first_burst(connect: Connect) -> None:
    one = connect(offers={"FirstBurstLength": "512"})
    assert code(one, start_write(one, 1000, bytes(600))) == s.INCORRECT_AMOUNT_OF_DATA


def test_more_immediate_data_than_there_are(connect: Connect) -> None:
    one = connect()
    assert code(one, start_write(one, 4, bytes(8))) == s.INCORRECT_AMOUNT_OF_DATA
    assert code(one, start_write(one, 0, bytes(8))) == s.UNEXPECTED_UNSOLICITED_DATA
    tag = one.request(pdu.SCSI_COMMAND, b"data", read=1, length=36, cdb=0x12 << 120)
    assert code(one, tag) == s.UNEXPECTED_UNSOLICITED_DATA


def test_unsolicited_data_that_were_not_agreed_on(connect: Connect) -> None:
    one = connect(offers={"InitialR2T": "Yes", "ImmediateData": "No"})
    tag = start_write(one, 1000)
    assert one.receive().kind is pdu.R2T
    one.send_data(tag, NO_TAG, bytes(1000), 0, 1000)
    assert code(one, tag) == s.UNEXPECTED_UNSOLICITED_DATA


@pytest.mark.parametrize(
    "change",
    [
        {"offset": 4},
        {"data_sn": 1},
        {"offset": 2000},
        {"final": 1, "length": 999},
        {"length": 1001},
    ],
)
def test_data_that_are_not_what_was_asked_for(connect: Connect, change: dict[str, int]) -> None:
    one = connect(offers={"ImmediateData": "No"})
    tag = start_write(one, 1000)
    ttt = one.receive().fields["ttt"]
    length = change.pop("length", 1000)
    header = pdu.DATA_OUT.make({"final": 1, "itt": tag, "ttt": ttt, **change})
    one.wire.send(header, bytes(length))
    assert code(one, tag) == s.INCORRECT_AMOUNT_OF_DATA
    # What still comes for it is nobody's, and harms nobody.
    one.wire.send(header, bytes(length))
    assert one.ping() == b"ping"


def test_data_for_an_r2t_that_was_not_sent(connect: Connect) -> None:
    one = connect(offers={"ImmediateData": "No"})
    tag = start_write(one, 1000)
    one.receive()
    one.send_data(tag, 0x7777, bytes(1000), 0, 1000)
    assert code(one, tag) == s.UNEXPECTED_UNSOLICITED_DATA


# --- order and the window --------------------------------------------------------------------


def test_commands_run_in_the_order_of_their_numbers(connect: Connect) -> None:
    """Sent from last to first, with data that come even later."""
    one = connect(offers={"ImmediateData": "No"})
    first = one.cmd_sn
    tags = {}
    for number in reversed(range(8)):
        tags[start_write(one, 10 + number, cmd_sn=first + number)] = number
    one.cmd_sn = first + 8
    ended: list[int] = []
    while len(ended) < 8:
        answer = one.receive()
        tag = answer.fields["itt"]
        if answer.kind is pdu.R2T:
            one.send_data(tag, answer.fields["ttt"], block(100, tags[tag]), 0, 10 + tags[tag])
        else:
            assert answer.fields["status"] == 0
            ended.append(tags[tag])
    assert ended == list(range(8))
    one.send(REWIND)
    for number in range(8):
        assert one.send(read(10 + number), size=10 + number).data == block(10 + number, number)


def test_a_command_at_the_head_of_the_queue_goes_first(connect: Connect) -> None:
    one = connect(offers={"ImmediateData": "No"})
    waiting = start_write(one, 10)
    r2t = one.receive()
    last = one.start(TEST_UNIT_READY)
    first = one.start(TEST_UNIT_READY, attribute=3)
    assert one.receive().fields["itt"] == first
    one.send_data(waiting, r2t.fields["ttt"], bytes(10), 0, 10)
    assert [one.receive().fields["itt"] for _ in range(2)] == [waiting, last]


def test_an_immediate_command_does_not_wait_for_those_that_are_missing(connect: Connect) -> None:
    one = connect()
    missing = one.cmd_sn
    late = one.start(TEST_UNIT_READY, cmd_sn=missing + 1)
    now = one.start(TEST_UNIT_READY, cmd_sn=missing, immediate=1)
    assert one.receive().fields["itt"] == now
    early = one.start(TEST_UNIT_READY, cmd_sn=missing)
    assert [one.receive().fields["itt"] for _ in range(2)] == [early, late]


def test_what_is_not_in_the_window_is_not_taken(connect: Connect) -> None:
    one = connect()
    now = one.cmd_sn
    for number in (now - 1, now + WINDOW, now + 0x80000000):
        one.start(TEST_UNIT_READY, cmd_sn=number)
    one.start(TEST_UNIT_READY, cmd_sn=now + 3)
    one.start(TEST_UNIT_READY, cmd_sn=now + 3)
    one.cmd_sn = now
    assert one.ping() == b"ping"
    tags = [one.start(TEST_UNIT_READY, cmd_sn=now + number) for number in range(3)]
    answers = [one.receive().fields for _ in range(4)]
    assert [fields["itt"] for fields in answers[:3]] == tags
    assert answers[-1]["exp_cmd_sn"] == now + 4


def test_the_window_closes_and_opens(connect: Connect) -> None:
    """While the first of them waits for its data, WINDOW commands are taken and no more."""
    one = connect(offers={"ImmediateData": "No"})
    now = one.cmd_sn
    first = start_write(one, 10)
    ttt = one.receive().fields["ttt"]
    tags = [one.start(TEST_UNIT_READY) for _ in range(WINDOW - 1)]
    one.ping()
    assert one.max_cmd_sn == now + WINDOW - 1 == one.cmd_sn - 1
    one.start(TEST_UNIT_READY, cmd_sn=one.cmd_sn)
    one.cmd_sn -= 1
    one.send_data(first, ttt, bytes(10), 0, 10)
    assert [one.receive().fields["itt"] for _ in range(WINDOW)] == [first, *tags]
    assert one.max_cmd_sn == now + 2 * WINDOW - 1
    assert one.send(TEST_UNIT_READY).status == 0


def test_numbers_go_round(connect: Connect) -> None:
    class Late(IscsiInitiator):
        def _log_in(self) -> None:
            self.cmd_sn = 0xFFFFFFF0
            super()._log_in()

    one = connect()
    with Late(one.address, TARGET, isid=0x80000000AAAA) as late:
        for _ in range(40):
            late.send(TEST_UNIT_READY)
        assert late.cmd_sn == 24
        assert late.max_cmd_sn == 24 + WINDOW - 1


def test_many_reads_at_once(connect: Connect) -> None:
    one = connect()
    for number in range(20):
        one.send(write(50000), out=block(50000, number))
    one.send(REWIND)
    tags = [one.start(read(50000), size=50000) for _ in range(20)]
    for number, tag in enumerate(tags):
        assert one.finish(tag, size=50000)[0].data == block(50000, number)


# --- logical units ---------------------------------------------------------------------------


@pytest.mark.parametrize("lun", [1, 0x0100, 0x4001, 0xC101])
def test_a_lun_without_a_unit(connect: Connect, lun: int) -> None:
    one = connect()
    data = one.send(inquiry(36), size=36, lun=lun).data
    assert (data[0], len(data)) == (0x7F, 36)
    assert one.send(inquiry(4), size=36, lun=lun).data == data[:4]
    assert refused(one, bytes((0x12, 1, 0, 0, 36, 0)), lun, 36) == s.INVALID_FIELD_IN_CDB
    sense = s.decode(one.send(bytes((3, 0, 0, 0, 18, 0)), size=18, lun=lun).data)
    assert sense is not None and sense.code == s.LOGICAL_UNIT_NOT_SUPPORTED
    for cdb in (TEST_UNIT_READY, bytes((0xA0,)) + bytes(11), bytes((0xFF,)) + bytes(9)):
        assert refused(one, cdb, lun) == s.LOGICAL_UNIT_NOT_SUPPORTED
    out = one.send(write(10), out=bytes(10), lun=lun)
    assert out.sense is not None and out.sense.code == s.LOGICAL_UNIT_NOT_SUPPORTED
    assert one.send(TEST_UNIT_READY).status == 0


def test_lun_0_in_both_forms(connect: Connect) -> None:
    one = connect()
    for lun in (0, 0x4000):
        assert one.send(inquiry(36), size=36, lun=lun).data[0] == 1
    luns = one.send(bytes((0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0)), size=16).data
    assert luns == (8).to_bytes(4, "big") + bytes(12)


def test_drives_are_targets_of_their_own(serve: Serve) -> None:
    serving = serve(drives=2)
    for number in range(2):
        with IscsiInitiator(serving.address, f"iqn.2026-01.io.keyreel:rig:drive{number}") as one:
            serial = one.send(bytes((0x12, 1, 0x80, 0, 36, 0)), size=36).data[4:]
            assert serial.decode().strip() == f"000000000{number}"


def test_a_cdb_of_more_than_16_bytes(connect: Connect) -> None:
    """It arrives; the drive has no such command."""
    one = connect()
    header = pdu.SCSI_COMMAND.make(
        final=1, itt=99, cmd_sn=one.cmd_sn, cdb=0x7F << 120, ahs_length=2
    )
    one.cmd_sn += 1
    one.wire.socket.sendall(bytes(header) + bytes.fromhex("0005 01 00 00000000"))
    reply, _ = one.finish(99)
    assert reply.sense is not None and reply.sense.code == s.INVALID_OPCODE

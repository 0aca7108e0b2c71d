"""PDUs as bytes: headers against bytes written by hand, and the stream in any pieces."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.transports.iscsi import pdu
from target.transports.iscsi.pdu import BHS, NO_TAG, REQUESTS, RESPONSES, Pdu
from target.transports.iscsi.stream import READ_AHEAD, Broken, Receiver, Sender, crc32c

GOLDEN = [
    (
        pdu.SCSI_COMMAND,
        {
            "final": 1, "read": 1, "attribute": 1, "itt": 0x11223344, "length": 36,
            "cmd_sn": 5, "exp_stat_sn": 9, "cdb": 0x12000000240000000000000000000000,
        },
        "01c10000 00000000 0000000000000000 11223344 00000024 00000005 00000009"
        "12000000 24000000 00000000 00000000",
    ),
    (
        pdu.LOGIN,
        {
            "immediate": 1, "transit": 1, "csg": 1, "nsg": 3, "isid": 0x80123456789A, "tsih": 7,
            "itt": 1, "cid": 2, "cmd_sn": 3, "exp_stat_sn": 4, "data_length": 258,
        },
        "43870000 00000102 80123456789a0007 00000001 00020000 00000003 00000004" + "00" * 16,
    ),
    (
        pdu.R2T,
        {
            "final": 1, "itt": 6, "ttt": 7, "stat_sn": 8, "exp_cmd_sn": 9, "max_cmd_sn": 10,
            "r2t_sn": 11, "offset": 12, "length": 13,
        },
        "31800000 00000000 0000000000000000 00000006 00000007 00000008 00000009 0000000a"
        "0000000b 0000000c 0000000d",
    ),
    (
        pdu.SCSI_RESPONSE,
        {
            "final": 1, "underflow": 1, "status": 2, "itt": 1, "stat_sn": 2, "exp_cmd_sn": 3,
            "max_cmd_sn": 4, "exp_data_sn": 5, "residual": 6, "data_length": 20,
        },
        "21820002 00000014 0000000000000000 00000001 00000000 00000002 00000003 00000004"
        "00000005 00000000 00000006",
    ),
    (
        pdu.DATA_IN,
        {
            "final": 1, "has_status": 1, "overflow": 1, "itt": 1, "ttt": NO_TAG, "stat_sn": 2,
            "exp_cmd_sn": 3, "max_cmd_sn": 4, "data_sn": 5, "offset": 6, "residual": 7,
        },
        "25850000 00000000 0000000000000000 00000001 ffffffff 00000002 00000003 00000004"
        "00000005 00000006 00000007",
    ),
    (
        pdu.TASK_MANAGEMENT,
        {
            "immediate": 1, "final": 1, "function": 5, "lun": 1 << 48, "itt": 1,
            "referenced_tag": 2, "cmd_sn": 3, "exp_stat_sn": 4, "ref_cmd_sn": 5,
        },
        "42850000 00000000 0001000000000000 00000001 00000002 00000003 00000004 00000005"
        + "00" * 12,
    ),
    (
        pdu.REJECT,
        {"final": 1, "reason": 4, "itt": NO_TAG, "stat_sn": 1, "data_length": 48},
        "3f800400 00000030 0000000000000000 ffffffff 00000000 00000001" + "00" * 20,
    ),
    (
        pdu.LOGOUT_RESPONSE,
        {"final": 1, "response": 1, "itt": 2, "stat_sn": 3, "time2wait": 4, "retain": 5},
        "26800100 00000000 0000000000000000 00000002 00000000 00000003 0000000000000000 00000000"
        "00040005 00000000",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "text"), GOLDEN, ids=[kind.name for kind, *_ in GOLDEN])
def test_headers(kind: Pdu, fields: dict[str, int], text: str) -> None:
    header = bytes.fromhex(text)
    assert kind.make(fields) == header
    assert {name: value for name, value in kind.read(header).items() if value} == {
        "opcode": kind.opcode,
        **fields,
    }


@given(
    kind=st.sampled_from([*REQUESTS.values(), *RESPONSES.values()]),
    header=st.binary(min_size=BHS, max_size=BHS),
)
def test_a_header_reads_as_its_layout_says(kind: Pdu, header: bytes) -> None:
    fields = kind.read(header)
    assert fields == kind.layout.decode(header)
    del fields["opcode"]
    assert kind.read(kind.make(fields)) == {"opcode": kind.opcode, **fields}


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (bytes(32), "aa36918a"),
        (b"\xff" * 32, "43aba862"),
        (bytes(range(32)), "4e79dd46"),
        (bytes(range(31, -1, -1)), "5cdb3f11"),
        (
            bytes.fromhex(
                "01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018"
                "28000000 00000000 02000000 00000000"
            ),
            "563a96d9",
        ),
    ],
)
def test_digests_are_those_of_the_standard(data: bytes, crc: str) -> None:
    """RFC 7143 appendix A.4, in the order of their transmission."""
    assert crc32c(data).to_bytes(4, "little").hex() == crc


def test_a_long_cdb_continues_in_an_additional_header() -> None:
    first = bytes(range(16))
    assert pdu.extended_cdb(first, b"") == first
    assert (
        pdu.extended_cdb(first, bytes.fromhex("0005 01 00 a1a2a3a4")) == first + b"\xa1\xa2\xa3\xa4"
    )
    for wrong in ("0005 02 00 00000010", "0009 01 00 a1a2a3a4", "0001 01 00", "00"):
        assert pdu.extended_cdb(first, bytes.fromhex(wrong)) is None


@pytest.mark.parametrize(
    ("a", "b", "is_later"),
    [(1, 0, True), (0, 1, False), (5, 5, False), (0, 0xFFFFFFFF, True), (0x80000000, 0, False)],
)
def test_serial_numbers_go_round(a: int, b: int, is_later: bool) -> None:
    assert pdu.later(a, b) is is_later


class Taken:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.pdus: list[tuple[bytes, bytes, bytes, bool]] = []
        self._current: tuple[bytes, bytes, bytearray] = b"", b"", bytearray()

    def begin(self, header: bytes, ahs: bytes, length: int) -> memoryview:
        self._current = header, ahs, bytearray(length)
        return memoryview(self._current[2])

    def end(self, intact: bool) -> None:
        header, ahs, data = self._current
        self.pdus.append((header, ahs, bytes(data), intact))


def feed(receiver: Receiver, stream: bytes, sizes: list[int]) -> None:
    """Give a stream to a receiver in pieces."""
    at = turn = 0
    while at < len(stream):
        left = stream[at : at + sizes[turn % len(sizes)]]
        turn += 1
        count = 0
        for view in receiver.buffers():
            part = left[count : count + len(view)]
            view[: len(part)] = part
            count += len(part)
        receiver.received(count)
        at += count


@given(
    data=st.lists(st.binary(max_size=300) | st.just(b"x" * 20000), min_size=1, max_size=5),
    sizes=st.lists(st.integers(1, 20000), min_size=1, max_size=5),
    header_digest=st.booleans(),
    data_digest=st.booleans(),
)
def test_what_is_sent_is_received_in_any_pieces(
    data: list[bytes], sizes: list[int], header_digest: bool, data_digest: bool
) -> None:
    sender, sink = Sender(), Taken()
    receiver = Receiver(sink, 1 << 20)
    for half in (sender, receiver):
        half.header_digest, half.data_digest = header_digest, data_digest
    sent: list[int] = []
    for number, one in enumerate(data):
        sender.put(pdu.NOP_OUT.make(itt=number), one, partial(sent.append, number))
    stream = bytearray()
    turn = 0
    while sender.waiting:
        part = b"".join(sender.views())[: sizes[turn % len(sizes)]]
        turn += 1
        stream += part
        sender.sent(len(part))
    assert sent == list(range(len(data)))
    feed(receiver, bytes(stream), sizes)
    assert [(pdu.NOP_OUT.read(head)["itt"], got, ok) for head, _, got, ok in sink.pdus] == [
        (number, one, True) for number, one in enumerate(data)
    ]
    assert receiver.between


def test_wrong_digests_are_found() -> None:
    sink = Taken()
    receiver = Receiver(sink, 1000)
    receiver.data_digest = True
    feed(receiver, bytes(pdu.NOP_OUT.make(data_length=5)) + b"hello\0\0\0" + bytes(4), [64])
    assert [intact for *_, intact in sink.pdus] == [False]
    receiver.header_digest = True
    with pytest.raises(Broken, match="header digest"):
        feed(receiver, bytes(pdu.NOP_OUT.make()) + bytes(4), [64])


def test_a_segment_over_the_limit_is_refused_before_it_is_taken() -> None:
    with pytest.raises(Broken, match="1001 bytes, 1000 at most"):
        feed(Receiver(Taken(), 1000), bytes(pdu.NOP_OUT.make(data_length=1001)), [48])


def test_the_read_ahead_buffer_keeps_no_data() -> None:
    receiver = Receiver(Taken(), READ_AHEAD)
    feed(receiver, bytes(pdu.SCSI_COMMAND.make(data_length=32)) + b"k" * 32, [80])
    assert b"kk" not in bytes(receiver._ahead)

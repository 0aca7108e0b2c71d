"""READ REVERSE, SPACE over sequential filemarks, READ POSITION's extended form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from target import personality
from target.scsi import sense as s
from target.transports.inprocess import Reply
from tests.tape.host import CHECK, GOOD, Host, sense_of, tape

TS1160 = "ibm/ts1160"
SEQUENTIAL = replace(personality.load(TS1160), quirks={"sequential_filemarks": True})
"""No model here knows code 2 of SPACE: of the T10000 its manual says so too (SPACE command)."""


@pytest.fixture
def enterprise() -> Iterator[Host]:
    with tape(TS1160) as one:
        yield one


def reverse(host: Host, length: int, flags: int = 0x04, size: int | None = None) -> Reply:
    cdb = bytes((0x0F, flags)) + length.to_bytes(3, "big") + bytes(1)
    return host.send(cdb, size=length if size is None else size)


@pytest.mark.req("SSC-CMD-0F")
def test_lto_has_no_read_reverse(host: Host) -> None:
    sense = sense_of(reverse(host, 10))
    assert sense.code is s.INVALID_OPCODE


def test_blocks_come_last_one_first(enterprise: Host) -> None:
    host = enterprise
    host.write_tape([b"one", b"three"])
    host.locate(2)
    assert reverse(host, 5).data == b"three"
    assert host.position() == 1
    assert reverse(host, 3, flags=0).data == b"eno"
    assert host.position() == 0
    sense = sense_of(reverse(host, 3))
    assert (sense.code, sense.eom, sense.information) == (s.BEGINNING_OF_PARTITION, True, 3)


def test_a_filemark_is_passed_backwards(enterprise: Host) -> None:
    host = enterprise
    host.write_tape([b"one", None])
    host.locate(2)
    sense = sense_of(reverse(host, 3))
    assert (sense.code, sense.filemark) == (s.FILEMARK_DETECTED, True)
    assert host.position() == 1


def test_a_block_of_another_length(enterprise: Host) -> None:
    host = enterprise
    host.write_tape([b"three"])
    host.locate(1)
    reply = reverse(host, 8)
    sense = sense_of(reply)
    assert (sense.ili, sense.information, reply.data) == (True, 3, b"three")
    host.locate(1)
    assert reverse(host, 8, flags=0x06).status == GOOD


def test_fixed_blocks(enterprise: Host) -> None:
    host = enterprise
    host.set_block_length(4)
    host.write_tape([b"aaaa", b"bbbb", b"cccc"])
    host.locate(3)
    assert reverse(host, 2, flags=0x05, size=8).data == b"ccccbbbb"
    reply = reverse(host, 3, flags=0x05, size=12)
    assert (sense_of(reply).information, reply.data) == (2, b"aaaa")


@pytest.mark.req("SSC-RPOS-04")
def test_extended_position(host: Host) -> None:
    host.write_tape([b"one", None, b"two"])
    host.locate(2)
    cdb = bytes((0x34, 8)) + bytes(5) + (32).to_bytes(2, "big") + bytes(1)
    golden = "00 00 001c 00000000 0000000000000002 0000000000000002 0000000000000000"
    assert host.send(cdb, size=32).data == bytes.fromhex(golden)


class TestSequentialFilemarks:
    def test_forward_and_back(self) -> None:
        with tape(SEQUENTIAL) as host:
            host.write_tape([b"a", None, b"b", None, None, b"c", None, None, None])
            assert host.space(2, 2).status == GOOD
            assert host.position() == 5
            assert host.space(2, 3).status == GOOD
            assert host.position() == 9
            assert host.space(2, -3).status == GOOD
            assert host.position() == 6
            assert host.space(2, -2).status == GOOD
            assert host.position() == 3

    def test_none_left(self) -> None:
        with tape(SEQUENTIAL) as host:
            host.write_tape([b"a", None])
            assert sense_of(host.space(2, 2)).code is s.END_OF_DATA
            assert host.position() == 2
            sense = sense_of(host.space(2, -2))
            assert (sense.code, sense.eom) == (s.BEGINNING_OF_PARTITION, True)


@pytest.mark.req("SSC-SPACE-06")
@pytest.mark.parametrize("model", personality.models())
def test_no_model_spaces_over_sequential_filemarks(model: str) -> None:
    with tape(model) as host:
        reply = host.space(2, 1)
        assert reply.status == CHECK
        assert sense_of(reply).code is s.INVALID_FIELD_IN_CDB

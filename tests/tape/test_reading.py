"""READ and VERIFY: what comes back, and the exact sense where it is not what was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.tape.host import CHECK, FILEMARKS, GOOD, MIB, Host, sense_of, tape

BLOCK = bytes(range(256)) * 4
SHORT = BLOCK[:100]


def ili(information: int) -> Sense:
    return Sense(s.NO_SENSE, information=information, ili=True)


# --- variable blocks ---------------------------------------------------------------------------


@pytest.mark.req("SSC-READ-01", "SSC-READ-05", "SSC-READ-06", "SSC-READ-08", "SSC-CMD-08")
@pytest.mark.parametrize(
    ("mode_length", "asked", "sili", "sense"),
    [
        (0, 1024, False, None),
        (0, 1025, False, ili(1)),
        (0, 4096, False, ili(3072)),
        (0, 1000, False, ili(-24)),
        (0, 1, False, ili(-1023)),
        (0, 4096, True, None),
        (0, 1000, True, None),
        (512, 1024, False, None),
        (512, 4096, True, None),
        (512, 1000, True, ili(-24)),
    ],
)
def test_variable_block_of_another_length(
    host: Host, mode_length: int, asked: int, sili: bool, sense: Sense | None
) -> None:
    host.write_tape([BLOCK, SHORT])
    host.set_block_length(mode_length)
    reply = host.read(asked, sili=sili)
    assert (reply.sense, reply.data) == (sense, BLOCK[:asked])
    assert host.position() == 1
    assert host.read(100).data == SHORT


@pytest.mark.req("SSC-READ-08", "SSC-SENSE-FIXED", "SSC-SENSE-LENGTH")
def test_golden_bytes_of_a_long_block(host: Host) -> None:
    host.write_tape([BLOCK])
    done, _ = host.pieces(bytes((0x08, 0, 0, 0x03, 0xE8, 0)), sizes=(1000,))
    golden = "f0 00 20 ff ff ff e8 58 00 00 00 00 00 00 00 00 00 00"
    assert done.sense[:18] == bytes.fromhex(golden)
    assert len(done.sense) == 96
    assert (done.status, done.length) == (CHECK, 1000)


@pytest.mark.req("SSC-READ-11", "SSC-SENSE-0-00-01")
def test_golden_bytes_of_a_filemark(host: Host) -> None:
    host.write_tape([None])
    done, _ = host.pieces(bytes((0x08, 0, 0, 0x10, 0, 0)), sizes=(4096,))
    assert done.sense[:14] == bytes.fromhex("f0 00 80 00 00 10 00 58 00 00 00 00 00 01")


@pytest.mark.req("SSC-READ-02", "SSC-VERIFY-06")
def test_reading_nothing_moves_nothing(host: Host) -> None:
    host.write_tape([BLOCK])
    assert host.read(0) == (GOOD, None, b"")
    assert host.verify(0) == (GOOD, None, b"")
    assert host.position() == 0


@pytest.mark.req(
    "SSC-READ-10", "SSC-READ-11", "SSC-READ-12", "SSC-SENSE-0-00-01", "SSC-SENSE-8-00-05"
)
def test_filemark_is_passed_and_end_of_data_is_not(host: Host) -> None:
    host.write_tape([None, BLOCK])
    mark = sense_of(host.read(4096))
    assert mark == Sense(s.FILEMARK_DETECTED, information=4096, filemark=True)
    assert host.position() == 1
    assert host.read(1024).data == BLOCK
    for _ in range(2):
        assert sense_of(host.read(4096)) == Sense(s.END_OF_DATA, information=4096)
        assert host.position() == 2


@pytest.mark.req("SSC-READ-14")
def test_blank_tape(host: Host) -> None:
    assert sense_of(host.read(512)) == Sense(s.END_OF_DATA, information=512)
    assert sense_of(host.verify(512)) == Sense(s.END_OF_DATA, information=512)
    assert host.position() == 0


@pytest.mark.req("SSC-READ-07", "SSC-WRITE-04")
def test_longest_block(host: Host) -> None:
    longest = bytes(0x800000)
    assert host.write(longest).status == GOOD
    host.rewind()
    assert host.read(0x800000).data == longest
    for reply in (host.read(0x800001), host.write(bytes(0x800001))):
        assert sense_of(reply) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7))


def test_less_room_than_announced(host: Host) -> None:
    host.write_tape([BLOCK, SHORT])
    assert host.read(1024, size=10) == (GOOD, None, BLOCK[:10])
    assert host.read(100, size=0) == (GOOD, None, b"")


# --- fixed blocks ------------------------------------------------------------------------------


@pytest.mark.req("SSC-READ-03", "SSC-WRITE-03")
def test_fixed_needs_a_block_length(host: Host) -> None:
    host.write_tape([BLOCK])
    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 0))
    assert sense_of(host.read_fixed(1, size=1024)) == refused
    assert sense_of(host.write(BLOCK, blocks=1)) == refused
    assert sense_of(host.verify(1, flags=1)) == refused


@pytest.mark.req("SSC-READ-04")
def test_fixed_with_sili_is_refused(host: Host) -> None:
    host.set_block_length(512)
    reply = host.send(bytes((0x08, 3, 0, 0, 1, 0)), size=512)
    assert sense_of(reply) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 1))


@pytest.mark.req(
    "SSC-READ-01", "SSC-READ-09", "SSC-READ-11", "SSC-READ-12", "SSC-VERIFY-01",
    "SSC-VERIFY-05", "SSC-CMD-13",
)  # fmt: skip
@pytest.mark.parametrize(
    ("objects", "count", "sense", "good", "position"),
    [
        ([16, 16, 16], 3, None, 3, 3),
        ([16, 16, 16], 2, None, 2, 2),
        ([16, 16, 16], 5, Sense(s.END_OF_DATA, information=2), 3, 3),
        ([16, None, 16], 3, Sense(s.FILEMARK_DETECTED, information=2, filemark=True), 1, 2),
        ([16, 15, 16], 3, ili(2), 1, 2),
        ([16, 17, 16], 3, ili(2), 1, 2),
        ([17], 1, ili(1), 0, 1),
        ([], 4, Sense(s.END_OF_DATA, information=4), 0, 0),
    ],
)
def test_fixed_blocks(
    host: Host,
    objects: list[int | None],
    count: int,
    sense: Sense | None,
    good: int,
    position: int,
) -> None:
    host.write_tape([None if size is None else BLOCK[:size] for size in objects])
    host.set_block_length(16)
    reply = host.read_fixed(count)
    assert (reply.sense, reply.data) == (sense, BLOCK[:16] * good)
    assert host.position() == position
    host.rewind()
    assert host.verify(count, flags=1).sense == sense
    assert host.position() == position


CUTS = st.lists(st.integers(0, 40), min_size=1, max_size=12)


@pytest.mark.req("SSC-WRITE-01")
@given(out=CUTS, back=CUTS, blocks=st.integers(1, 5))
def test_scatter_gather_lists_cut_anywhere(out: list[int], back: list[int], blocks: int) -> None:
    size = 24
    data = bytes(range(size * blocks))
    with tape() as host:
        host.set_block_length(size)
        done, _ = host.pieces(bytes((0x0A, 1, 0, 0, blocks, 0)), out=cut(data, out))
        assert done.status == GOOD
        host.rewind()
        room = tuple(map(len, cut(data, back)))
        done, pieces = host.pieces(bytes((0x08, 1, 0, 0, blocks, 0)), sizes=room)
        assert (done.status, done.length, b"".join(pieces)) == (GOOD, len(data), data)
        host.rewind()
        for at in range(0, len(data), size):
            assert host.read(size).data == data[at : at + size]


def cut(data: bytes, sizes: list[int]) -> tuple[bytes, ...]:
    """``data`` in pieces of the given sizes, the rest in one."""
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at = min(at + size, len(data))
    return (*pieces, data[at:])


# --- VERIFY ------------------------------------------------------------------------------------


@pytest.mark.req("SSC-VERIFY-03", "SSC-VERIFY-05")
def test_verify_filemarks(host: Host) -> None:
    host.write_tape([BLOCK, None, SHORT, None, BLOCK])
    assert host.verify(2, flags=0x08).status == GOOD
    assert host.position() == 4
    host.rewind()
    assert sense_of(host.verify(3, flags=0x08)) == Sense(s.END_OF_DATA, information=1)
    assert host.position() == 5


@pytest.mark.req("SSC-VERIFY-05")
def test_verify_tells_early_warning_at_the_end_of_data() -> None:
    with tape(capacity=MIB) as host:
        host.write(bytes(MIB - 40960))
        end = Sense(s.END_OF_DATA, information=1, eom=True)
        assert sense_of(host.verify(1)) == sense_of(host.verify(1, flags=0x08)) == end
        assert sense_of(host.read(1)) == Sense(s.END_OF_DATA, information=1)


@pytest.mark.req("SSC-VERIFY-02")
def test_verify_to_the_end(host: Host) -> None:
    host.write_tape([BLOCK, None, SHORT])
    assert host.verify(0, flags=0x20).status == GOOD
    assert host.position() == 3
    assert host.verify(0, flags=0x20).status == GOOD


@pytest.mark.req("SSC-VERIFY-04")
@pytest.mark.parametrize(("flags", "pointer"), [(0x02, (1, 1)), (0x03, (1, 1)), (0x28, (1, 3))])
def test_verify_refuses(host: Host, flags: int, pointer: tuple[int, int]) -> None:
    host.write_tape([BLOCK])
    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)
    assert sense_of(host.verify(1024, flags=flags)) == refused
    assert host.position() == 0


@pytest.mark.req("SSC-SENSE-3-11-00")
def test_verify_finds_a_damaged_block(host: Host) -> None:
    host.write_tape([SHORT, BLOCK, SHORT])
    host.damage(1)
    assert host.verify(100).status == GOOD
    assert sense_of(host.verify(1024)) == Sense(s.READ_ERROR, information=1024)
    assert host.verify(100).status == GOOD


@pytest.mark.req("SSC-SENSE-3-11-00")
def test_damaged_clear_block_is_an_error_and_never_data(host: Host) -> None:
    host.write_tape([SHORT, BLOCK, SHORT])
    host.damage(1)
    host.read(100)
    reply = host.read(1024)
    assert sense_of(reply) == Sense(s.READ_ERROR, information=1024)
    assert reply.data == b""
    assert host.position() == 2, "the next read goes on behind the damage"
    assert host.read(100).data == SHORT


def test_filemark_search_needs_no_blocks(host: Host) -> None:
    host.write_tape([None, None])
    assert host.space(FILEMARKS, 2).status == GOOD
    assert host.position() == 2

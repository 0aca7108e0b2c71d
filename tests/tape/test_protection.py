import functools
import operator
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.sense import CheckCondition
from target.tape.protection import METHODS, SIZE, Method, append, strip
from tests.runs import Say

REED_SOLOMON, CRC32C = METHODS[0x01], METHODS[0x02]

# The primes below 256 are with what the CERN tape server and mhvtl test themselves; the next three
# are the examples of RFC 3720 B.4.
PRIMES = [n for n in range(2, 256) if all(n % divisor for divisor in range(2, n))]
GOLDEN = [
    (0x01, bytes(PRIMES[:37]), "733D4DCA"),
    (0x01, bytes(PRIMES), "754ED37E"),
    (0x02, bytes(PRIMES[:37]), "484F17E8"),
    (0x02, bytes(32), "AA36918A"),
    (0x02, b"\xff" * 32, "43ABA862"),
    (0x02, bytes(range(32)), "4E79DD46"),
    (0x02, b"123456789", "839206E3"),
    (0x01, b"\x01", "38CF3801"),
    (0x01, b"\xff", "763F76FF"),
    (0x01, bytes(1000), "00000000"),
    (0x01, b"", "00000000"),
    (0xF1, b"123456789", "839206E3"),
]

# Multiples of x^4 modulo the generator x^4 + 38 x^3 + CF x^2 + 38 x + 1, one bit at a time.
GENERATOR = (0x38, 0xCF, 0x38, 0x01)


def doubled(register: list[int]) -> list[int]:
    return [byte << 1 ^ (0x11D if byte & 0x80 else 0) for byte in register]


def table() -> list[bytes]:
    rows = [bytes(4)]
    for byte in range(1, 256):
        row = [0] * 4
        term = list(GENERATOR)
        for bit in range(8):
            if byte >> bit & 1:
                row = [a ^ b for a, b in zip(row, term, strict=True)]
            term = doubled(term)
        rows.append(bytes(row))
    return rows


TABLE = table()


def byte_by_byte(data: bytes) -> bytes:
    register = bytes(4)
    for byte in data:
        row = TABLE[byte ^ register[0]]
        register = bytes(a ^ b for a, b in zip(register[1:] + b"\0", row, strict=True))
    return register


def pieces(data: bytes, cuts: list[int]) -> list[memoryview]:
    """``data`` as a scatter-gather list of writable views."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [memoryview(bytearray(data[a:b])) for a, b in pairwise(edges)]


cuts = st.lists(st.integers(0, 1 << 16), max_size=4)
methods = st.sampled_from([REED_SOLOMON, CRC32C])


@pytest.mark.parametrize(("number", "data", "protection"), GOLDEN)
def test_golden(number: int, data: bytes, protection: str) -> None:
    method = METHODS[number]
    assert method.compute((data,)).hex().upper() == protection
    assert method.check(data + bytes.fromhex(protection)) == bool(data)


@given(st.binary(max_size=3000), st.integers(1, 12), cuts)
def test_the_fast_way_is_the_slow_one(data: bytes, times: int, cuts: list[int]) -> None:
    data *= times
    assert REED_SOLOMON.compute((data,)) == byte_by_byte(data)
    assert REED_SOLOMON.compute(pieces(data, cuts)) == byte_by_byte(data)


@given(methods, st.binary(min_size=1, max_size=600), st.data())
def test_a_changed_bit_is_noticed(method: Method, data: bytes, draw: st.DataObject) -> None:
    block = bytearray(data + method.compute((data,)))
    assert method.check(bytes(block))
    bit = draw.draw(st.integers(0, 8 * len(block) - 1))
    block[bit // 8] ^= 1 << bit % 8
    assert not method.check(bytes(block))


@pytest.mark.parametrize("length", range(SIZE + 1))
def test_without_data_nothing_fits(length: int) -> None:
    for method in METHODS.values():
        assert not method.check(bytes(length))
        with pytest.raises(CheckCondition):
            strip(method, [memoryview(bytearray(length))], length, length)


@given(methods, st.binary(min_size=1, max_size=600), cuts, st.integers(0, 20))
def test_strip(method: Method, data: bytes, cuts: list[int], beyond: int) -> None:
    length = len(data) + SIZE
    sent = data + method.compute((data,)) + bytes(beyond)
    assert b"".join(strip(method, pieces(sent, cuts), length, 7)) == data
    spoilt = bytes((sent[0] ^ 1, *sent[1:]))
    with pytest.raises(CheckCondition) as refused:
        strip(method, pieces(spoilt, cuts), length, 7)
    assert refused.value.sense.code is s.GUARD_CHECK_FAILED
    assert refused.value.sense.information == 7


@given(methods, st.binary(max_size=600), st.integers(-600, 20), cuts)
def test_append(method: Method, data: bytes, more: int, cuts: list[int]) -> None:
    room = max(0, len(data) + more)
    whole = data + method.compute((data,))
    views = pieces(data[:room].ljust(room, b"\xee"), cuts)
    used = append(method, views, len(data))
    assert used == min(room, len(whole))
    assert b"".join(views) == whole[:room].ljust(room, b"\xee")


@pytest.mark.parametrize("size", [10 << 10, 64 << 10, 256 << 10])
def test_speed(size: int, say: Say) -> None:
    """No byte for itself: far more bytes a second than a loop over bytes."""
    block = memoryview(bytearray(range(256)) * (size // 256))
    best = byte_loop = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        REED_SOLOMON.compute((block,))
        done = time.perf_counter()
        functools.reduce(operator.xor, block)
        best = min(best, done - started)
        byte_loop = min(byte_loop, time.perf_counter() - done)
    say(f"Reed-Solomon CRC of {size >> 10} KiB blocks: {size / best / 1e6:.0f} MB/s")
    assert best < byte_loop

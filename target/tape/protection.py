"""Logical block protection: four bytes behind each block that travels (SSC-5 4.2.29).

With LBP_W or LBP_R of mode page 0Ah subpage F0h a block on the bus is data and a checksum over
them. Its length counts both: the transfer length of a variable block, the BLOCK LENGTH of fixed
ones, residues. READ BLOCK LIMITS speaks of the data alone (IBM LTO SCSI reference 4.9). The setting
is by I_T nexus; what is on the tape does not depend on it.

Method 01h is the Reed-Solomon CRC of ECMA-319: the remainder, first byte first, of data * x^4
divided by (x + a^126)(x + a^127)(x + a^128)(x + a^129), coefficients in GF(256) over
x^8 + x^4 + x^3 + x^2 + 1. Method 02h is the CRC-32C of iSCSI, least significant byte first. Both
as LTFS and the CERN tape server send them to drives; F1h is 02h under T10000's vendor number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from crc32c import crc32c

from target.scsi import sense as s
from target.scsi.sense import CheckCondition, Sense

Bytes = bytes | memoryview

SIZE = 4
"""Bytes of protection information. A block to be written has more than that: a shorter one holds
no data, which no length in READ BLOCK LIMITS allows, and is 5/24/00 at the transfer length."""


class Method(NamedTuple):
    """One way of protecting blocks. ``compute``: the protection of a scatter-gather list."""

    name: str
    compute: Callable[[Sequence[Bytes]], bytes]

    def check(self, block: Bytes) -> bool:
        """Whether ``block`` ends with the protection of what is before it."""
        return len(block) > SIZE and self.compute((block[:-SIZE],)) == block[-SIZE:]


class Protection(NamedTuple):
    """What a nexus has chosen: protect what it writes, what it reads, or both."""

    write: Method | None
    read: Method | None


NONE = Protection(None, None)


# --- what a command needs -------------------------------------------------------------------


def strip(method: Method, views: Sequence[memoryview], length: int, left: int) -> list[memoryview]:
    """The data of a protected block of ``length`` bytes that came from the host.

    4/10/01 where they do not fit their protection, ``left`` being INFORMATION: the block is not
    written (SSC-5 names HARDWARE ERROR, as the IBM LTO and T10000 references and LTFS do; the
    B/10/01 that others list is the rule of SBC). A block without room for protection fits none.
    """
    data = _cut(views, 0, length - SIZE)
    if length <= SIZE or method.compute(data) != b"".join(_cut(views, length - SIZE, length)):
        raise CheckCondition(Sense(s.GUARD_CHECK_FAILED, information=left))
    return data


def append(method: Method, views: Sequence[memoryview], length: int) -> int:
    """Put the protection behind a block of ``length`` bytes that lies in the host's buffers.

    Returns how many bytes are used now. A block, or protection, that is longer than the buffers
    is cut off there; the caller reports the length of both (`SIZE` more than that of the block).
    """
    room = sum(map(len, views))
    if length >= room:
        return room
    protection = method.compute(_cut(views, 0, length))
    for view in _cut(views, length, length + SIZE):
        view[:] = protection[: len(view)]
        protection = protection[len(view) :]
    return min(length + SIZE, room)


def _cut(views: Sequence[memoryview], first: int, last: int) -> list[memoryview]:
    """Bytes ``first`` up to ``last`` of a scatter-gather list, as far as there are so many."""
    part = []
    for view in views:
        piece = view[max(first, 0) : max(last, 0)]
        if len(piece):
            part.append(piece)
        first, last = first - len(view), last - len(view)
    return part


# --- Reed-Solomon CRC -----------------------------------------------------------------------

_PERIOD = 255
"""a^255 = 1, so x^255 + 1 has the generator as a factor: bytes that far apart may be added up."""
_ROW = 32 * _PERIOD
"""What is added up at once. Long enough for few steps, short enough for the processor's cache."""


def _table() -> tuple[int, ...]:
    """byte * x^4 modulo the generator, for each byte."""

    def product(a: int, b: int) -> int:
        result = 0
        for bit in range(7, -1, -1):
            result = result << 1 ^ (0x11D if result & 0x80 else 0) ^ (a if b >> bit & 1 else 0)
        return result

    power = [1]
    for _ in range(129):
        power.append(product(power[-1], 2))
    generator = [1]
    for root in power[126:130]:
        lower = [product(coefficient, root) for coefficient in generator]
        generator = [a ^ b for a, b in zip([*generator, 0], [0, *lower], strict=True)]
    return tuple(
        int.from_bytes(bytes(product(byte, term) for term in generator[1:])) for byte in range(256)
    )


_TABLE = _table()


def _reed_solomon(views: Sequence[Bytes]) -> bytes:
    total = 0
    for view in views:
        total = _turned(total, len(view)) ^ _folded(view)
    register = 0
    for byte in total.to_bytes(_PERIOD):
        register = (register << 8 & 0xFFFFFFFF) ^ _TABLE[byte ^ register >> 24]
    return register.to_bytes(SIZE)


def _folded(view: Bytes) -> int:
    """The sum of all the runs of 255 bytes of ``view``, counted from its end."""
    first = len(view) % _ROW
    total = int.from_bytes(view[:first])
    for at in range(first, len(view), _ROW):
        total ^= int.from_bytes(view[at : at + _ROW])
    bits = 8 * _ROW
    while bits > 8 * _PERIOD:
        bits //= 2
        total = total >> bits ^ total & (1 << bits) - 1
    return total


def _turned(total: int, count: int) -> int:
    """``total`` with ``count`` zero bytes behind it."""
    bits = 8 * (count % _PERIOD)
    total <<= bits
    return total >> 8 * _PERIOD ^ total & (1 << 8 * _PERIOD) - 1


def _castagnoli(views: Sequence[Bytes]) -> bytes:
    register = 0
    for view in views:
        register = crc32c(view, register)
    return register.to_bytes(SIZE, "little")


METHODS = {
    0x01: Method("Reed-Solomon CRC", _reed_solomon),
    0x02: Method("CRC32C", _castagnoli),
    0xF1: Method("CRC32C", _castagnoli),
}
"""By LOGICAL BLOCK PROTECTION METHOD. T10000's F0h (SB-2) is in no public source: left out."""

"""The two codes of logical block protection: Reed-Solomon CRC (ECMA-319 annex D) and CRC32C
(RFC 7143 13.1).

Written from the definitions and slow: checks protect small blocks.
"""

from __future__ import annotations

CASTAGNOLI = 0x82F63B78
"""The polynomial of CRC32C, reflected."""
FIELD = 0x11D
"""x^8 + x^4 + x^3 + x^2 + 1, the polynomial of GF(256) in the Reed-Solomon CRC."""
ROOTS = range(126, 130)
"""Powers of the primitive element that are the roots of its generator."""


def crc32c(data: bytes) -> bytes:
    """CRC32C as it follows a block: least significant byte first."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (CASTAGNOLI if value & 1 else 0)
    return (value ^ 0xFFFFFFFF).to_bytes(4, "little")


def times(a: int, b: int) -> int:
    """Product in GF(256)."""
    found = 0
    while b:
        if b & 1:
            found ^= a
        a = a << 1 ^ (FIELD if a & 0x80 else 0)
        b >>= 1
    return found


def generator() -> list[int]:
    """(x + a^126) ... (x + a^129), highest power first."""
    found = [1]
    for power in ROOTS:
        root = 1
        for _ in range(power):
            root = times(root, 2)
        higher, lower = [*found, 0], [0, *(times(one, root) for one in found)]
        found = [a ^ b for a, b in zip(higher, lower, strict=True)]
    return found


TERMS = generator()[1:]


def reed_solomon(data: bytes) -> bytes:
    """The remainder of data times x^4, divided by the generator."""
    rest = [0, 0, 0, 0]
    for byte in data:
        factor = rest[0] ^ byte
        rest = [a ^ times(factor, term) for a, term in zip([*rest[1:], 0], TERMS, strict=True)]
    return bytes(rest)

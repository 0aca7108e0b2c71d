"""Fields of CDBs, pages and descriptors, declared once as a small text table.

A layout is written the way the standards print it, position first, then the field's name::

    Layout('''
        1.4-0   service_action
        2.7     rctd
        6-9     allocation_length
    ''')

Positions are ``byte``, ``byte.bit``, ``byte.high-low`` (bits of one byte) or ``byte-byte``
(whole bytes, big-endian). The same declaration encodes, decodes, tells which bits exist (the CDB
usage data of REPORT SUPPORTED OPERATION CODES, the reserved bits that must be zero) and where a
field is (the field pointer of sense data). Bits that no line names are reserved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_LINE = re.compile(r"(\d+)(?:\.(\d)(?:-(\d))?|-(\d+))?\s+(\w+)")


class Field(NamedTuple):
    """One field: ``width`` bits, ``shift`` bits above the low end of bytes first..last."""

    name: str
    first: int
    last: int
    shift: int
    width: int

    @property
    def top_bit(self) -> int:
        """The field's most significant bit, as a bit number in byte ``first``."""
        return (self.shift + self.width - 1) % 8

    @property
    def maximum(self) -> int:
        """The largest value that fits."""
        return (1 << self.width) - 1

    def get(self, data: bytes | bytearray | memoryview) -> int:
        """The field's value in ``data``; bytes beyond the end read as zero."""
        raw = bytes(data[self.first : self.last + 1]).ljust(self.last + 1 - self.first, b"\0")
        return int.from_bytes(raw, "big") >> self.shift & self.maximum

    def put(self, data: bytearray, value: int | bytes) -> None:
        """Store a number, or bytes (padded with spaces when shorter) into whole-byte fields."""
        size = self.last + 1 - self.first
        if isinstance(value, bytes):
            if len(value) > size or self.width != size * 8:
                raise ValueError(f"{self.name}: {len(value)} bytes do not fit")
            data[self.first : self.last + 1] = value.ljust(size)
            return
        if not 0 <= value <= self.maximum:
            raise ValueError(f"{self.name}: {value} does not fit in {self.width} bits")
        old = int.from_bytes(data[self.first : self.last + 1], "big")
        old &= ~(self.maximum << self.shift)
        new = old | value << self.shift
        data[self.first : self.last + 1] = new.to_bytes(size, "big")


def _parse(line: str) -> Field:
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError(f"not a field: {line!r}")
    byte, high, low, last, name = match.groups()
    first = int(byte)
    if high is None:
        end = int(last or byte)
        return Field(name, first, end, 0, (end - first + 1) * 8)
    bottom = int(low if low is not None else high)
    return Field(name, first, first, bottom, int(high) - bottom + 1)


class Layout:
    """A fixed-size structure of named fields.

    ``text``: one field a line (or comma separated); ``size`` in bytes, by default up to the last
    field. Raises ValueError for a line that is no field or two fields that overlap.
    """

    def __init__(self, text: str, size: int = 0) -> None:
        lines = (part.strip() for line in text.splitlines() for part in line.split(","))
        self.fields = {field.name: field for field in map(_parse, filter(None, lines))}
        self.size = size or max((field.last for field in self), default=-1) + 1
        mask = bytearray(self.size)
        for field in self:
            if field.get(mask):
                raise ValueError(f"{field.name} overlaps another field")
            field.put(mask, field.maximum)
        self.mask = bytes(mask)
        """The bits that some field owns."""

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields.values())

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def __getitem__(self, name: str) -> Field:
        return self.fields[name]

    def encode(
        self, values: Mapping[str, int | bytes] | None = None, /, **more: int | bytes
    ) -> bytearray:
        """Bytes with the given fields set and everything else zero.

        Raises KeyError for an unknown field, ValueError for a value that does not fit.
        """
        data = bytearray(self.size)
        for name, value in {**(values or {}), **more}.items():
            self.fields[name].put(data, value)
        return data

    def decode(self, data: bytes | bytearray | memoryview) -> dict[str, int]:
        """Every field's value; what ``data`` is too short for reads as zero."""
        return {field.name: field.get(data) for field in self}

    def stray_bit(self, data: bytes | bytearray | memoryview) -> tuple[int, int] | None:
        """(byte, bit) of the first reserved bit that is set, or None."""
        for index in range(min(self.size, len(data))):
            stray = data[index] & ~self.mask[index]
            if stray:
                return index, stray.bit_length() - 1
        return None

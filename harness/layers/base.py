"""How the layers declare their bytes: fields in order, each with its width in bits.

    class Read6(Cdb):
        fields_desc = cdb(0x08, "-:6 sili fixed transfer_length:24")

In the text of `bits`: ``name`` is one bit, ``name:5`` five, ``-:6`` six reserved ones (they get a
name too, ``reserved_1_7`` is what begins at bit 7 of byte 1), ``name:8=3`` has a value unless told
otherwise. ``name:16=auto`` is a length that counts everything behind it, payload included; it is
computed when building unless a value is given, and when dissecting it says where the structure
ends; ``=auto4`` does not count the first 4 of them. ``name:16>other`` is the length of the field
``other``. ``name:24i`` is signed, ``name:8c`` are 8 characters, left-justified and padded with
spaces, ``name:8b`` 8 bytes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from scapy.fields import (
    BitField,
    Field,
    PacketListField,
    StrField,
    StrFixedLenField,
    StrLenField,
)
from scapy.packet import Packet
from scapy.volatile import RandBin, RandNum

Fields = list[Any]

_TOKEN = re.compile(r"(\w+|-)(?::(\d+)([icb]?))?(?:=(\w+)|>(\w+))?")


class Number(Field[int, bytes]):
    """A big-endian number of ``size`` whole bytes; negative values are two's complement."""

    __slots__ = ["signed"]

    def __init__(self, name: str, default: int | None, size: int, signed: bool = False) -> None:
        super().__init__(name, default, f"{size}s")
        self.signed = signed

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        """Raises OverflowError for a value that does not fit."""
        number = 0 if val is None else int(val)
        return s + number.to_bytes(self.sz, "big", signed=number < 0)

    def getfield(self, pkt: Any, s: bytes) -> tuple[bytes, int]:
        """What ``s`` is too short for reads as zeros."""
        raw = bytes(s[: self.sz]).ljust(self.sz, b"\0")
        return s[self.sz :], int.from_bytes(raw, "big", signed=self.signed)

    def any2i(self, pkt: Any, x: Any) -> Any:
        """Numbers stay as they are."""
        return x

    def i2repr(self, pkt: Any, x: Any) -> str:
        """Decimal, and hexadecimal from 10 on."""
        return repr(x) if x is None or abs(x) < 10 else f"{x} (0x{x:x})"

    def randval(self) -> Any:
        """Any value that fits, for `fuzz`."""
        return RandNum(0, (1 << 8 * self.sz) - 1)


class Length(Number):
    """A number of the bytes behind it, up to the end of the structure, but for the first ``skip``;
    ``offset`` is its place."""

    __slots__ = ["offset", "skip"]

    def __init__(self, name: str, size: int, offset: int, skip: int = 0) -> None:
        super().__init__(name, None, size)
        self.offset = offset
        self.skip = skip


class LengthOf(Number):
    """The number of bytes that the field ``other`` has."""

    __slots__ = ["other"]

    def __init__(self, name: str, size: int, other: str) -> None:
        super().__init__(name, None, size)
        self.other = other

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        """The value that was given, or the length."""
        if val is None:
            field, value = pkt.getfield_and_val(self.other)
            val = field.i2len(pkt, value) & (1 << 8 * self.sz) - 1
        return super().addfield(pkt, s, val)


class Numbers(Field[list[int], bytes]):
    """Numbers of ``size`` bytes up to the end."""

    __slots__ = ["size"]

    islist = 1

    def __init__(self, name: str, size: int) -> None:
        super().__init__(name, [], f"{size}s")
        self.size = size

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        """Raises OverflowError for a value that does not fit."""
        return s + b"".join(int(one).to_bytes(self.size, "big") for one in val or ())

    def getfield(self, pkt: Any, s: bytes) -> tuple[bytes, list[int]]:
        """Bytes of a number that is not all there are left."""
        end = len(s) - len(s) % self.size
        whole = range(0, end, self.size)
        return s[end:], [int.from_bytes(s[at : at + self.size], "big") for at in whole]

    def any2i(self, pkt: Any, x: Any) -> Any:
        """A list stays as it is."""
        return x

    def i2repr(self, pkt: Any, x: Any) -> str:
        """Hexadecimal, with as many digits as there are."""
        return "[" + " ".join(f"{one:0{2 * self.size}x}" for one in x or ()) + "]"

    def do_copy(self, x: Any) -> Any:
        """A list of its own."""
        return list(x) if x is not None else x

    def randval(self) -> Any:
        """A few values that fit, for `fuzz`."""
        return [RandNum(0, (1 << 8 * self.size) - 1) for _ in range(random.randrange(5))]


class Text(StrFixedLenField):
    """Characters, left-justified and padded with spaces."""

    __slots__ = ["size"]

    def __init__(self, name: str, default: bytes, size: int) -> None:
        super().__init__(name, default, size)
        self.size = size

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        """Longer values are cut."""
        return s + bytes(self.i2m(pkt, val))[: self.size].ljust(self.size)

    def randval(self) -> Any:
        """Any value that fits, for `fuzz`."""
        return RandBin(self.size)


def bits(text: str, *more: Any, at: int = 0) -> Fields:
    """The fields that ``text`` declares from byte ``at`` on, and ``more`` behind them.

    Raises ValueError for text that is none, or bits that do not fill whole bytes.
    """
    fields: Fields = []
    place = at * 8
    for word in text.split():
        match = _TOKEN.fullmatch(word)
        if not match:
            raise ValueError(f"not a field: {word!r}")
        name, number, kind, default, other = match.groups()
        width = int(number or 1) * (8 if kind in ("b", "c") else 1)
        if name == "-":
            name = f"reserved_{place // 8}_{7 - place % 8}"
        fields.append(_field(name, width, place, kind or "", default, other))
        place += width
    if place % 8:
        raise ValueError(f"{text!r} ends inside a byte")
    return [*fields, *more]


def _field(
    name: str, width: int, place: int, kind: str, default: str | None, other: str | None
) -> Any:
    if kind == "c":
        return Text(name, b"", width // 8)
    if kind == "b":
        return StrFixedLenField(name, bytes(width // 8), width // 8)
    if other:
        return LengthOf(name, width // 8, other)
    if default and default.startswith("auto"):
        return Length(name, width // 8, place // 8, int(default.removeprefix("auto") or 0))
    value = int(default or "0", 0)
    if width % 8 or place % 8:
        return BitField(name, value, width)
    return Number(name, value, width // 8, kind == "i")


def sized(name: str, length: str) -> Any:
    """Bytes as many as the field ``length`` says."""
    return StrLenField(name, b"", length_from=_from(length))


def rest(name: str) -> Any:
    """The bytes up to the end of the structure."""
    return StrField(name, b"")


def many(
    name: str,
    kind: Callable[..., Any],
    length: str = "",
    count: int | Callable[[Any], int] | None = None,
) -> Any:
    """Structures up to the end, ``count`` of them, or as many bytes as the field ``length`` says.

    ``kind`` is their class, or makes one from the bytes that are left; ``count`` may be a function
    of the structure that they are in.
    """
    limit: dict[str, Any] = {"length_from": _from(length)} if length else {}
    if count is not None:
        limit["count_from"] = count if callable(count) else lambda packet: count
    return PacketListField(name, [], kind, **limit)


def _from(length: str) -> Callable[[Any], int]:
    return lambda packet: int(getattr(packet, length) or 0)


class Structure(Packet):
    """A structure of bytes. What lies behind it is left to whoever dissects."""

    __slots__ = ["cut", "missing"]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        layer: Any = cls
        layer._name = (cls.__doc__ or cls.__name__).partition(" (")[0].strip().rstrip(".")

    def __init__(self, *args: Any, **values: Any) -> None:
        self.cut: int | None = None
        """How many bytes of it there are, where there are not all; a value cuts what is built."""
        self.missing = 0
        """Bytes that its length announced and that did not come."""
        super().__init__(*args, **values)

    def copy(self) -> Any:
        """As a Packet's, cut as this one is."""
        clone: Any = super().copy()
        clone.cut, clone.missing = self.cut, self.missing
        return clone

    def do_dissect(self, s: bytes) -> bytes:
        """Field by field; a `Length` ends the structure. Fields behind the last byte have their
        default values."""
        whole, behind = s, b""
        self.raw_packet_cache_fields = {}
        for field in self.fields_desc:
            if _takes_bytes(field):
                if not s:
                    self.cut = len(whole) - len(behind)
                    continue
                full = _padded(field, s)
                if full is not s:
                    self.cut, s = len(whole) - len(behind), full
            elif isinstance(field, Numbers) and len(s) % field.size:
                self.cut = len(whole) - len(behind)
                s = s.ljust(len(s) - len(s) % field.size + field.size, b"\0")
            s, value = field.getfield(self, s)
            if (field.islist or field.holds_packets or field.ismutable) and value is not None:
                self.raw_packet_cache_fields[field.name] = self._raw_packet_cache_field_value(
                    field, value, copy=True
                )
            self.fields[field.name] = value
            if isinstance(field, Length):
                value += field.skip
                self.missing = max(0, value - len(s))
                s, behind = s[:value], s[value:] + behind
        self.raw_packet_cache = whole[: len(whole) - len(s) - len(behind)]
        self.explicit = 1
        return s + behind

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Fill in the lengths that were not given."""
        for field in self.fields_desc:
            if isinstance(field, Length) and self.getfieldval(field.name) is None:
                end = field.offset + field.sz
                length = max(0, len(pkt) + len(pay) - end - field.skip) & (1 << 8 * field.sz) - 1
                pkt = pkt[: field.offset] + length.to_bytes(field.sz, "big") + pkt[end:]
        return bytes(pkt[: self.cut] + pay)

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """There is no payload: what is behind is not this structure's."""
        return b"", s


def _takes_bytes(field: Any) -> bool:
    return isinstance(field, (Number, BitField, StrFixedLenField))


def _padded(field: Any, s: Any) -> Any:
    """``s`` with as many bytes, zeros behind its own, as the field takes."""
    if isinstance(field, BitField):
        data, done = s if isinstance(s, tuple) else (s, 0)
        need = (field.size + done + 7) // 8
        if len(data) >= need:
            return s
        data = data.ljust(need, b"\0")
        return (data, done) if isinstance(s, tuple) else data
    need = field.size if isinstance(field, Text) else field.sz
    return s if len(s) >= need else s.ljust(int(need), b"\0")

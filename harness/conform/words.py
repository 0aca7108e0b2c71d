"""Exchanges in words, by the layers: the fields of CDBs, of data and of sense data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.conform.exchange import Exchange
from harness.layers import status

LONGEST = 64
"""Bytes of a field that are shown."""
UNSAID = ("reserved_", "operation_code")
"""Fields that are left out where they say nothing."""
MOST = 200
"""Fields of one packet that are shown."""


class Part(NamedTuple):
    """A layer: its name, and (field, value) in words."""

    name: str
    fields: tuple[tuple[str, str], ...]


def command_line(exchange: Exchange, device: str = "tape") -> str:
    """One line: the command, its CDB in hexadecimal, and how it ended."""
    return f"{name(exchange.cdb, device)} [{exchange.cdb.hex(' ')}]: {how_it_ended(exchange)}"


def name(cdb: bytes, device: str = "tape") -> str:
    """The command's name in the standard; ``device`` is "tape" or "changer", here and below."""
    from harness.layers.cdb import UnknownCdb, dissect_cdb

    packet = dissect_cdb(cdb, device) if cdb else None
    if packet is None or isinstance(packet, UnknownCdb):
        return f"command {cdb[:1].hex().upper() or '?'}h"
    return str(packet.name)


def how_it_ended(exchange: Exchange) -> str:
    """Status, and sense data in a line."""
    if exchange.reply is None:
        return "no answer"
    ended = status.in_words(exchange.reply.status)
    return f"{ended}, {sense_line(exchange.reply.sense)}" if exchange.reply.sense else ended


def sense_line(sense: bytes) -> str:
    """Sense key, code and flags in words."""
    from harness.layers.sense import dissect_sense

    try:
        return str(dissect_sense(sense))
    except ValueError:
        return f"no sense data but {sense.hex(' ')}"


def parts(exchange: Exchange, device: str = "tape") -> list[Part]:
    """What of an exchange has fields: CDB, data-out, data-in, sense data."""
    data = exchange.reply.data if exchange.reply else b""
    try:
        from harness.layers import dissect

        packets = dissect(exchange.cdb, exchange.out, data, device=device)
    except Exception:  # whatever a device sends, the page is made; its bytes are there
        return []
    return [part for packet in packets for part in of_packet(packet)]


def sense_parts(sense: bytes) -> list[Part]:
    """The fields of sense data that are not zero."""
    from harness.layers.sense import dissect_sense

    try:
        layers = list(of_packet(dissect_sense(sense).packet))
    except ValueError:
        return []
    told = ("0", "-", "")
    return [
        Part(layer.name, tuple(row for row in layer.fields if row[1] not in told))
        for layer in layers
    ]


def of_packet(packet: Any) -> Iterator[Part]:
    """The layers of a packet, one after the other."""
    while packet is not None and type(packet).__name__ != "NoPayload":
        yield Part(str(packet.name), tuple(of_fields(packet))[:MOST])
        packet = packet.payload


def of_fields(packet: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Fields with their values; those of packets inside with a dotted name."""
    for field in packet.fields_desc:
        value = packet.getfieldval(field.name)
        label = before + field.name
        inside = value if isinstance(value, list) else [value]
        if inside and all(hasattr(one, "fields_desc") for one in inside):
            for number, one in enumerate(inside):
                mark = f"[{number}]" if isinstance(value, list) else ""
                yield from of_fields(one, f"{label}{mark}.")
        elif not (field.name.startswith(UNSAID[0]) and not value) and field.name != UNSAID[1]:
            yield label, shown(value)


def shown(value: Any) -> str:
    """A field's value: numbers twice, text as text, other bytes in hexadecimal."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10 else f"{value} ({value:X}h)"
    if isinstance(value, bytes):
        if value and all(0x20 <= byte < 0x7F for byte in value):
            return value.decode().rstrip() or "(spaces)"
        text = value[:LONGEST].hex(" ") or "-"
        return text if len(value) <= LONGEST else f"{text} ... ({len(value)} bytes)"
    return str(value)

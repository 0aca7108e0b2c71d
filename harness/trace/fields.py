"""All fields of a command, its data and sense data, by the layers; hexadecimal without scapy."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from textwrap import wrap

from harness.trace.reader import Command, Data

SHOWN = 64
"""Bytes of data that no layer describes."""
HINT = "for all fields in words: pip install 'keyreel[scapy]'"
WIDTH = 100


def has_layers() -> bool:
    """Whether scapy is here."""
    return find_spec("scapy") is not None


def lines(command: Command, device: str) -> Iterator[str]:
    """The fields of a command to a ``device``, tape or changer."""
    parts = list(_parts(command, device)) if has_layers() else []
    yield f"CDB {command.cdb.hex(' ')}"
    for part in parts:
        yield from wrap(part, WIDTH, subsequent_indent="  ")
    for start, end in command.redacted:
        yield f"data-out bytes {start} to {end - 1} may be a key: they are not in the trace"
    for title, data in (("data-out", command.out), ("data-in", command.data)):
        if data.length and (not parts or not data.complete):
            yield f"{title} {_hex(data)}"
    if command.sense and not parts:
        yield f"sense data {command.sense.hex(' ')}"


def _hex(data: Data) -> str:
    shown = data.head[:SHOWN]
    more = f" ... {data.length} bytes" if data.length > len(shown) else ""
    digest = f", SHA-256 {data.sha256}" if data.sha256 else ""
    return f"{shown.hex(' ')}{more}{digest}"


def _parts(command: Command, device: str) -> Iterator[str]:
    """What the layers make of it; nothing where they cannot."""
    from harness.conform.words import of_packet, sense_parts
    from harness.layers import dissect

    blotted = bool(command.redacted) and command.redacted[0][0] == 0
    out = command.out.head if command.out.complete and not blotted else b""
    data = command.data.head if command.data.complete else b""
    try:
        packets = dissect(command.cdb, out, data, device=device)
        parts = [part for packet in packets for part in of_packet(packet)]
    except Exception:  # whatever was sent is shown, its bytes if not its fields
        return
    if command.sense:
        parts += sense_parts(command.sense)
    for part in parts:
        yield f"{part.name}: " + ", ".join(f"{name} {value}" for name, value in part.fields)

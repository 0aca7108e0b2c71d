"""All fields of a command, its data and sense data, by the layers; hexadecimal without scapy."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from harness.trace.reader import Command, Data

SHOWN = 64
"""Bytes of data that no layer describes."""
HINT = "for all fields in words: pip install 'keyreel[scapy]'"


def has_layers() -> bool:
    """Whether scapy is here."""
    return find_spec("scapy") is not None


def lines(command: Command) -> Iterator[str]:
    """The fields of a command, a line each."""
    if has_layers():
        yield from _by_layers(command)
    else:
        yield f"CDB: {command.cdb.hex(' ')}"
    for start, end in command.redacted:
        yield f"data-out bytes {start} to {end - 1} may be a key: they are not in the trace"
    for title, data in (("data-out", command.out), ("data-in", command.data)):
        if data.length and (not has_layers() or not _is_parameters(data)):
            yield f"{title}: {_hex(data)}"
    if command.sense and not has_layers():
        yield f"sense data: {command.sense.hex(' ')}"


def _is_parameters(data: Data) -> bool:
    return data.complete and data.length <= SHOWN * 64


def _hex(data: Data) -> str:
    shown = data.head[:SHOWN]
    more = f" ... {data.length} bytes" if data.length > len(shown) else ""
    digest = f", SHA-256 {data.sha256}" if data.sha256 else ""
    return f"{shown.hex(' ')}{more}{digest}"


def _by_layers(command: Command) -> Iterator[str]:
    from harness.layers import dissect
    from harness.layers.sense import dissect_sense

    packets = dissect(command.cdb, command.out.head, command.data.head)
    if command.sense:
        packets.append(dissect_sense(command.sense))
    for packet in packets:
        yield from packet.show(dump=True).rstrip().splitlines()

"""Usage history: how much of a medium was written and read, by load and by partition.

What attributes 0340h and 0341h report (SPC-4 7.4.2.2.11, 7.4.2.2.12). It is kept as
``info["usage"]`` of a cartridge, and made of the two counters of bytes that the drive keeps
anyway: whatever they grew by since they were last looked at (`settle`) is that of the partition at
the heads. So it costs nothing by the block, if it is settled before the partition changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FIELDS = (
    "current_written", "current_write_retries", "current_read", "current_read_retries",
    "previous_written", "previous_write_retries", "previous_read", "previous_read_retries",
    "total_written", "total_write_retries", "total_read", "total_read_retries",
    "loads", "partition_changes", "partition_initializations",
)  # fmt: skip
"""The fields of both attributes, in order: mebibytes and counts, six or four bytes each. *Current*
is this load, *previous* the one before it, *total* since the medium was formatted."""

AMOUNTS = frozenset(name for name in FIELDS if name.endswith(("_written", "_read")))
"""The fields that are counted in bytes here."""
_LOAD = ("current_written", "current_read", "previous_written", "previous_read")
_MIB = 1 << 20


def settle(info: dict[str, Any], partition: int) -> None:
    """Count what was written and read since the last time for ``partition``."""
    entry = _entry(info, partition)
    now = {"written": info["bytes_written"], "read": info["bytes_read"]}
    for way, counter in now.items():
        more = counter - info["usage"]["seen"][way]
        entry[f"current_{way}"] += more
        entry[f"total_{way}"] += more
    info["usage"]["seen"] = now


def mounted(info: dict[str, Any]) -> None:
    """A new load begins, at partition 0."""
    settle(info, 0)
    for entry in info["usage"]["partitions"].values():
        for way in ("written", "read"):
            entry[f"previous_{way}"] = entry[f"current_{way}"]
            entry[f"current_{way}"] = 0
    _entry(info, 0)["loads"] += 1


def changed(info: dict[str, Any], old: int, new: int) -> None:
    """The heads go from one partition to another."""
    settle(info, old)
    if new != old:
        _entry(info, new)["partition_changes"] += 1


def formatted(info: dict[str, Any]) -> None:
    """New partitions: the totals begin anew, and what this load did before is partition 0's."""
    settle(info, 0)
    entries = info["usage"]["partitions"]
    kept = {name: sum(entry[name] for entry in entries.values()) for name in _LOAD}
    entries.clear()
    _entry(info, 0).update(kept)


def report(info: dict[str, Any], size: int, partition: int | None = None) -> bytes:
    """The fields of one partition, or of all together, ``size`` bytes each; they saturate."""
    entries: Iterable[dict[str, int]] = (
        info["usage"]["partitions"].values() if partition is None else (_entry(info, partition),)
    )
    largest = (1 << 8 * size) - 1
    sums = {name: sum(entry[name] for entry in entries) for name in FIELDS}
    return b"".join(
        min(value // _MIB if name in AMOUNTS else value, largest).to_bytes(size, "big")
        for name, value in sums.items()
    )


def _entry(info: dict[str, Any], partition: int) -> dict[str, int]:
    """The counts of a partition, made where there are none yet."""
    if "usage" not in info:
        # A cartridge from before there was a history: what it holds already is its past.
        seen = {"written": info["bytes_written"], "read": info["bytes_read"]}
        info["usage"] = {"seen": seen, "partitions": {}}
    entries: dict[str, dict[str, int]] = info["usage"]["partitions"]
    return entries.setdefault(str(partition), dict.fromkeys(FIELDS, 0))

"""Whether a cartridge holds, after the drive is gone, what it must and nothing that it may not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from target.scsi import sense as s
from tests.crash.workload import KEYS, LARGEST, Item, Known, Reader, Written, content, next_number
from tests.medium.tape import Refused, power_off, power_on


@dataclass
class Totals:
    kind: str = "kills"
    kills: int = 0
    checked: int = 0
    lost: int = 0
    unreadable: int = 0
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} {self.kind}, {self.checked} durable blocks checked, "
            f"{self.lost} lost, {self.unreadable} unreadable"
        )


def holds(reader: Reader, tape: list[Item]) -> str:
    """What is wrong if the tape is to hold these objects and nothing more; nothing: empty."""
    reader.host.rewind()
    for number, item in enumerate(tape):
        try:
            reader.expect(item)
        except AssertionError as error:
            return f"object {number} of {len(tape)}: {error}"
    try:
        found = reader.host.read(LARGEST)
    except Refused as refused:
        return "" if refused.code is s.END_OF_DATA else f"behind the end of data: {refused}"
    return f"behind the end of data: {found!r:.50}"


def check(folder: Path, seed: str, known: Known, totals: Totals) -> Known:
    """See that what is on the tape is what must and may be there; write and read a block more.

    Returns what is on the tape then. Raises AssertionError.
    """
    candidates = known.candidates()
    required = min(durable for _, durable in candidates)
    try:
        host = power_on(folder)
    except Exception:
        totals.unreadable += 1
        raise
    reader = Reader(host, seed)
    host.to_end()
    count = host.position()
    possible = [tape[:count] for tape, durable in candidates if durable <= count <= len(tape)]
    faults = [holds(reader, tape) for tape in possible]
    if "" not in faults:
        if count < required:
            totals.lost += required - count
        else:
            totals.unreadable += 1
        wanted = [(durable, len(tape)) for tape, durable in candidates]
        raise AssertionError(f"{count} objects, there must be {wanted} (least, most): {faults}")
    tape = possible[faults.index("")]
    totals.checked += sum(item is not None for item in tape[:required])
    more = Written(next_number(tape), 5000, totals.kills % len(KEYS))
    reader.use(more.key)
    host.to_end()
    host.write(content(seed, more))
    host.filemarks()
    assert not holds(reader, [*tape, more, None])
    power_off(host)
    return Known([*tape, more, None], count + 2)

"""`./run bench --parallel`: several drives at once, by threads of one process or a process each.

For 1, 2, 4 and 8 drives: encrypted blocks of 256 KiB written and read, and small commands (TEST
UNIT READY), as totals of all drives; then how long a small command on one drive takes while another
streams. Everything in process, with files in memory.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, Protocol

from rich.console import Console
from rich.table import Table

from benchmarks import inprocess
from target.build import build, shut_down
from target.plan import CartridgePlan, DrivePlan, RigPlan
from target.tape.drive import Drive

DRIVES = (1, 2, 4, 8)
BLOCK = 256 << 10
TOTAL = 64 << 20
"""Bytes that each drive writes and reads in a pass."""
COMMANDS = 20_000
PAUSE = 0.002
"""Seconds between two small commands while another drive streams."""
PROBES = 1000
_CLOCK = time.perf_counter


class Span(NamedTuple):
    """From when to when one drive worked, by the machine's monotonic clock."""

    start: float
    end: float


class Workers(Protocol):
    """Drives that work at the same time."""

    def run(self, work: str) -> list[Span]:
        """Each does the work of that name, all together."""

    def close(self) -> None: ...


# --- what a drive does ---------------------------------------------------------------------------


def _write(drive: Drive, data: memoryview) -> None:
    inprocess.command(drive, inprocess.REWIND)
    inprocess.repeat(drive, b"\x0a\0" + BLOCK.to_bytes(3, "big") + b"\0", data, TOTAL // BLOCK)


def _read(drive: Drive, data: memoryview) -> None:
    inprocess.command(drive, inprocess.REWIND)
    inprocess.repeat(drive, b"\x08\0" + BLOCK.to_bytes(3, "big") + b"\0", data, TOTAL // BLOCK)


def _small(drive: Drive, data: memoryview) -> None:
    inprocess.repeat(drive, bytes(6), data, COMMANDS)


WORK: dict[str, Callable[[Drive, memoryview], None]] = {
    "write": _write,
    "read": _read,
    "small": _small,
}


def _timed(drive: Drive, data: memoryview, work: str) -> Span:
    start = _CLOCK()
    WORK[work](drive, data)
    return Span(start, _CLOCK())


@contextmanager
def _drives(folder: Path, numbers: range) -> Iterator[dict[str, Drive]]:
    """Drives with a key each, built in this process."""
    plan = RigPlan(
        "bench",
        1,
        tuple(
            DrivePlan(f"drive{n}", "ibm/ult3580-td9", f"{n:010d}", f"KRL{n:03d}L9") for n in numbers
        ),
        tuple(CartridgePlan(f"KRL{n:03d}L9", str(folder / f"KRL{n:03d}L9")) for n in numbers),
    )
    drives = build(plan)
    for drive in drives.values():
        inprocess.command(drive, bytes(6))
        inprocess.set_key(drive)
    yield drives
    shut_down(drives)


# --- threads and processes -----------------------------------------------------------------------


class Threads:
    """All drives in this process, a thread each."""

    def __init__(self, folder: Path, count: int) -> None:
        self._made = _drives(folder, range(count))
        self._drives = [*self._made.__enter__().values()]
        self._data = [inprocess.random_block(BLOCK) for _ in self._drives]

    def run(self, work: str) -> list[Span]:
        """See `Workers`."""
        spans: list[Span] = []
        together = threading.Barrier(len(self._drives))

        def one(drive: Drive, data: memoryview) -> None:
            together.wait()
            spans.append(_timed(drive, data, work))

        threads = [
            threading.Thread(target=one, args=pair)
            for pair in zip(self._drives, self._data, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return spans

    def close(self) -> None:
        """Put the cartridges away."""
        self._made.__exit__(None, None, None)


def _serve(folder: Path, number: int, pipe: Connection) -> None:
    """In a process of its own: one drive; does what it is told until told nothing more."""
    with _drives(folder, range(number, number + 1)) as drives:
        (drive,) = drives.values()
        data = inprocess.random_block(BLOCK)
        pipe.send(None)
        while work := pipe.recv():
            pipe.send(_timed(drive, data, work))


class Processes:
    """A process each."""

    def __init__(self, folder: Path, count: int) -> None:
        self._pipes = []
        self._processes = []
        context = multiprocessing.get_context("spawn")
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(folder, number, theirs))
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()

    def run(self, work: str) -> list[Span]:
        """See `Workers`."""
        for pipe in self._pipes:
            pipe.send(work)
        return [pipe.recv() for pipe in self._pipes]

    def close(self) -> None:
        """Put the cartridges away."""
        for pipe in self._pipes:
            pipe.send("")
        for process in self._processes:
            process.join()


KINDS: dict[str, Callable[[Path, int], Workers]] = {"threads": Threads, "processes": Processes}


# --- the two tables ------------------------------------------------------------------------------


def measure(passes: int, interval: float | None) -> None:
    """Measure and print; threads and processes in turn, figures are medians of the passes.

    ``interval``: milliseconds after which a thread that runs Python lets another one in.
    """
    if interval is not None:
        sys.setswitchinterval(interval / 1000)
    console = Console()
    console.print(
        f"{os.cpu_count()} processors; {passes} passes of {TOTAL >> 20} MiB and {COMMANDS:,}"
        " commands a drive; totals of all drives, medians;"
        f" switch interval {sys.getswitchinterval() * 1000:g} ms"
    )
    table = Table(box=None, pad_edge=False)
    for name in ("drives", "by", "write MB/s", "read MB/s", "commands/s"):
        table.add_column(name, justify="left" if name == "by" else "right", no_wrap=True)
    for count in DRIVES:
        figures = {kind: _totals(kind, count, passes) for kind in KINDS}
        for kind, (write, read, small) in figures.items():
            table.add_row(str(count), kind, f"{write:,.0f}", f"{read:,.0f}", f"{small:,.0f}")
    console.print(table)
    latencies(console)


def _totals(kind: str, count: int, passes: int) -> tuple[float, float, float]:
    """Write and read in MB/s, small commands a second, of ``count`` drives together."""
    amounts = {"write": TOTAL / 1e6, "read": TOTAL / 1e6, "small": COMMANDS}
    rates: dict[str, list[float]] = {work: [] for work in amounts}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        workers = KINDS[kind](Path(folder), count)
        for number in range(passes + 1):
            for work, amount in amounts.items():
                spans = workers.run(work)
                seconds = max(span.end for span in spans) - min(span.start for span in spans)
                # The first pass finds memory and files new.
                if number:
                    rates[work].append(count * amount / seconds)
        workers.close()
    write, read, small = (statistics.median(rates[work]) for work in amounts)
    return write, read, small


def latencies(console: Console) -> None:
    """Microseconds from the moment that a TEST UNIT READY is due, while another drive streams."""
    table = Table(box=None, pad_edge=False)
    for name in ("small command while another drive", "by", "median µs", "p99 µs", "worst µs"):
        table.add_column(name, justify="left" if name[0] in "sb" else "right", no_wrap=True)
    for what in ("is idle", "writes", "reads", "runs small commands"):
        for kind in KINDS if what != "is idle" else ("threads",):
            times = sorted(_probe(kind, what.split()[-2 if "small" in what else -1]))
            row = (statistics.median(times), times[len(times) * 99 // 100], times[-1])
            table.add_row(what, "" if what == "is idle" else kind, *(f"{t:,.0f}" for t in row))
    console.print(table)


def _probe(kind: str, what: str) -> list[float]:
    work = {"writes": "write", "reads": "read", "small": "small"}.get(what)
    stop = threading.Event()
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        _drives(Path(folder), range(100, 101)) as mine,
    ):
        workers = KINDS[kind](Path(folder), 1)
        (drive,) = mine.values()
        if work == "read":
            workers.run("write")

        def stream() -> None:
            while not stop.is_set() and work:
                workers.run(work)

        thread = threading.Thread(target=stream)
        thread.start()
        times = []
        for _ in range(PROBES):
            due = _CLOCK() + PAUSE
            # Waking up counts: there a thread waits for its turn to run Python.
            time.sleep(PAUSE)
            inprocess.command(drive, bytes(6))
            times.append((_CLOCK() - due) * 1e6)
        stop.set()
        thread.join()
        workers.close()
        return times

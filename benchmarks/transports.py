"""`./run bench --transports`: each way in, encrypted, against a null medium by the same way.

Both drives are in one guest, one after the other in each pass, so the ratio says what medium and
encryption cost where the way is the same; between ways, each row is of a guest of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.results import Case, Results, size_name
from harness.guest.uml import UmlGuest
from harness.state import open_state
from target.plan import CartridgePlan, DrivePlan, RigPlan

WAYS = ("tcmu", "tcmu-runner", "iscsi")
SIZES = (256 << 10, 1 << 20)
PROMISED = 0.7
_CARTRIDGE = "/dev/shm/keyreel-bench/cartridge"


def plan(transport: str) -> RigPlan:
    """A drive with a cartridge in the guest's memory, and one that discards."""
    return RigPlan(
        "bench",
        1,
        (
            DrivePlan("file", "ibm/ult3580-td9", "0000000001", "KRL001L9"),
            DrivePlan("null", "ibm/ult3580-td9", "0000000002", medium="null"),
        ),
        (CartridgePlan("KRL001L9", _CARTRIDGE),),
        (transport,),
    )


def in_guest(transport: str, sizes: tuple[int, ...], total: int, passes: int) -> Results:
    """Boot a guest with the two drives behind that transport, and measure there.

    ``total`` bytes for each measurement.
    """
    memory = 700 + 6 * (total >> 20)
    with (
        open_state(None) as state,
        UmlGuest(plan(transport), state.run_directory, memory=memory) as guest,
    ):
        command = [sys.executable, "-m", "benchmarks.in_guest", str(total), str(passes)]
        root = Path(__file__).parent.parent
        done = guest.run([*command, *map(str, sizes)], cwd=root)
    if done.status:
        raise SystemExit((done.stdout + done.stderr).decode(errors="replace"))
    return Results.load(done.stdout.decode())


def measure(total: int, passes: int) -> bool:
    """Measure every way, print the table; whether each ratio is what the project promises."""
    console = Console()
    console.print(f"{passes} passes of {total >> 20} MiB each, encrypted; MB/s are medians")
    table = Table(box=None, pad_edge=False)
    names = ("way", "block", "write", "null", "ratio", "read", "null", "ratio", "commands/s")
    for name in names:
        table.add_column(name, justify="left" if name == "way" else "right", no_wrap=True)
    kept = True
    for way in WAYS:
        results = in_guest(way, SIZES, total, passes)
        commands = next(iter(results.notes.values()))
        for size in SIZES:
            cells = []
            for direction in ("write", "read"):
                file, null = (results[Case(what, direction, True, size)] for what in "cd")
                ratio = results.ratio("c", "d", direction, True, size)
                kept &= ratio >= PROMISED
                cells += [f"{file / 1e6:.0f}", f"{null / 1e6:.0f}", f"{ratio:.2f}"]
            table.add_row(way, size_name(size), *cells, f"{commands:,.0f}")
    console.print(table)
    console.print(f"{'kept' if kept else 'MISSED'}: every ratio at least {PROMISED:.2f}")
    return kept

"""`./run bench`: all measurements of one run, in one table.

Exits with 1 if a ratio at 256 KiB, encrypted, is below what the project promises.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import inprocess, parallel
from benchmarks.results import LEGEND, Results, rows, size_name
from harness.guest.uml import UmlGuest
from harness.state import open_state
from target.plan import CartridgePlan, DrivePlan, RigPlan

SIZES = (4 << 10, 64 << 10, 256 << 10, 1 << 20)
PROMISED_AT = 256 << 10
PROMISES = (
    ("b", "a", "write", 0.5),
    ("b", "a", "read", 0.5),
    ("c", "d", "write", 0.7),
    ("c", "d", "read", 0.7),
    ("c", "e", "write", 0.40),
    ("c", "e", "read", 0.45),
)
_IN_GUEST = "/dev/shm/keyreel-bench/cartridge"


def main() -> int:
    """Measure, print, and compare with the promises."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--mib", type=int, default=96, help="data for each measurement")
    parser.add_argument("--passes", type=int, default=7, help="samples for each measurement")
    parser.add_argument("--parallel", action="store_true", help="several drives at once instead")
    options = parser.parse_args()
    if options.parallel:
        parallel.measure(options.passes)
        return 0
    console = Console()
    total = options.mib << 20
    console.print(f"{options.passes} passes of {options.mib} MiB each; MB/s are medians")
    results = inprocess.measure(SIZES, total, options.passes)
    results.update(_through_the_kernel(total, options.passes))
    _print(console, results)
    return 0 if _compare(console, results) else 1


def _through_the_kernel(total: int, passes: int) -> Results:
    """Boot a guest with a drive on its /dev/shm and one that discards, and measure there."""
    plan = RigPlan(
        "bench",
        1,
        (
            DrivePlan("file", "ibm/ult3580-td9", "0000000001", "KRL001L9"),
            DrivePlan("null", "ibm/ult3580-td9", "0000000002", medium="null"),
        ),
        (CartridgePlan("KRL001L9", _IN_GUEST),),
    )
    memory = 700 + 6 * (total >> 20)
    with (
        open_state(None) as state,
        UmlGuest(plan, state.run_directory, memory=memory) as guest,
    ):
        command = [sys.executable, "-m", "benchmarks.in_guest", str(total), str(passes)]
        root = str(Path(__file__).parent.parent)
        done = guest.run([*command, *map(str, SIZES)], cwd=Path(root))
    if done.status:
        raise SystemExit((done.stdout + done.stderr).decode(errors="replace"))
    return Results.load(done.stdout.decode())


def _print(console: Console, results: Results) -> None:
    for letter, text in LEGEND.items():
        console.print(f"  {letter}  {text}")
    table = Table(box=None, pad_edge=False)
    for name in ("MB/s", "block", *LEGEND, "b/a", "c/d", "c/e"):
        table.add_column(name, justify="left" if name == "MB/s" else "right", no_wrap=True)
    for row in rows(results, SIZES):
        table.add_row(*row)
    console.print(table)
    for name, value in results.notes.items():
        console.print(f"{name}: {value:,.0f}")


def _compare(console: Console, results: Results) -> bool:
    kept = True
    for upper, lower, direction, least in PROMISES:
        ratio = results.ratio(upper, lower, direction, True, PROMISED_AT)
        word = "kept" if ratio >= least else "MISSED"
        kept &= ratio >= least
        console.print(
            f"{word}: {upper}/{lower} {direction}, encrypted, {size_name(PROMISED_AT)}: "
            f"{ratio:.2f} (at least {least:.2f})"
        )
    return kept


if __name__ == "__main__":
    sys.exit(main())

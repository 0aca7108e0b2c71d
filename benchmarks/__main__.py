"""`./run bench`: all measurements of one run, in one table.

Exits with 1 if a ratio at 256 KiB, encrypted, is below what the project promises.
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import inprocess, parallel, transports
from benchmarks.results import LEGEND, Results, rows, size_name

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


def main() -> int:
    """Measure, print, and compare with the promises."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--mib", type=int, default=96, help="data for each measurement")
    parser.add_argument("--passes", type=int, default=7, help="samples for each measurement")
    parser.add_argument("--parallel", action="store_true", help="several drives at once instead")
    parser.add_argument("--transports", action="store_true", help="every way in instead")
    parser.add_argument("--switch", type=float, metavar="MS", help="switch interval, --parallel")
    options = parser.parse_args()
    if options.parallel:
        parallel.measure(options.passes, options.switch)
        return 0
    total = options.mib << 20
    if options.transports:
        return 0 if transports.measure(total, options.passes) else 1
    console = Console()
    console.print(f"{options.passes} passes of {options.mib} MiB each; MB/s are medians")
    results = inprocess.measure(SIZES, total, options.passes)
    results.update(transports.in_guest("tcmu", SIZES, total, options.passes))
    _print(console, results)
    return 0 if _compare(console, results) else 1


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

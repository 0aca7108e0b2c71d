"""A run as a terminal shows it: the device, a line a topic, each failure in a few lines."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.conform.check import Outcome
from harness.conform.results import Result, Run, counted
from harness.conform.words import command_line

STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.WARNING: "yellow",
    Outcome.NOT_APPLICABLE: "dim",
}
INDENT = "    "


def show(run: Run, console: Console) -> None:
    """Print the whole of a run that has ended."""
    device = run.identity
    console.print(f"{device.name}, serial {device.serial or 'not said'}", highlight=False)
    console.print(
        f"{device.target}; {device.kind}; {device.volume or 'no volume'}", highlight=False
    )
    console.print(table(run))
    for outcome in (Outcome.WARNING, Outcome.FAIL):
        for result in run.having(outcome):
            console.print()
            for line in lines(result, max(40, console.width)):
                console.print(line, highlight=False, soft_wrap=True)
    console.print()
    if run.ended_early:
        console.print(Text(run.ended_early, style="bold red"))
    console.print(Text(summary(run), style=STYLES[worst(run)]), soft_wrap=True)


def summary(run: Run) -> str:
    """The last line."""
    return f"{len(run.results)} checks in {run.seconds:.1f} s: {counted(run.counts)}"


def worst(run: Run) -> Outcome:
    """What the summary's colour says."""
    if run.counts[Outcome.FAIL] or run.ended_early:
        return Outcome.FAIL
    return Outcome.WARNING if run.counts[Outcome.WARNING] else Outcome.PASS


def table(run: Run) -> Table:
    """Counts by topic."""
    made = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    made.add_column("topic")
    columns = {
        Outcome.PASS: "pass",
        Outcome.FAIL: "fail",
        Outcome.WARNING: "warn",
        Outcome.NOT_APPLICABLE: "n/a",
    }
    for name in columns.values():
        made.add_column(name, justify="right")
    for topic, counts in run.topics.items():
        cells = [
            Text(str(counts[outcome]), style=STYLES[outcome]) if counts[outcome] else Text("-")
            for outcome in columns
        ]
        made.add_row(Text(topic), *cells)
    return made


def lines(result: Result, width: int) -> Iterator[Text]:
    """A failure or warning: what was expected, what came, after which command."""
    check = result.check
    yield Text.assemble(
        (result.outcome.name, STYLES[result.outcome]), f" {check.id} ({check.clause}) {check.title}"
    )
    rows = [("rule", check.expected)]
    if result.outcome is Outcome.FAIL:
        rows += [(result.what, f"expected {result.expected}"), ("", f"came {result.came}")]
    rows += [("warning", warning) for warning in result.warnings]
    if result.outcome is Outcome.FAIL and result.exchanges:
        rows.append(("after", command_line(result.exchanges[-1], check.kind)))
    for name, text in rows:
        head = f"{name}: " if name else ""
        for line in wrap(head + text, width - len(INDENT)):
            yield Text(INDENT + line)

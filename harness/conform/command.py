"""`keyreel conform`: chooses checks, runs them, writes what was found."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from harness.cli import FAILED, USAGE_ERROR, say
from harness.conform import diff, json_report, junit, page, terminal
from harness.conform.check import Check, Outcome
from harness.conform.checks import all_checks
from harness.conform.identity import NotADevice
from harness.conform.results import Result, Run
from harness.conform.runner import Runner
from harness.initiators.api import InitiatorError
from harness.initiators.opening import open_initiator
from harness.signals import sigterm_interrupts

FAILURES = 1


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    scratch: bool = False
    timeout: float | None = None
    seed: int | None = None
    topics: Sequence[str] = ()
    ids: Sequence[str] = ()
    junit: Path | None = None
    json: Path | None = None
    html: Path | None = None


class WrongUse(Exception):
    """A topic or an id that no check has, a file that cannot be written: one sentence with the
    cure."""


def choose(topics: Sequence[str], ids: Sequence[str]) -> list[Check]:
    """Checks of which the topic contains one of ``topics`` and the id matches one of ``ids``.

    Raises WrongUse.
    """
    checks = list(all_checks().values())
    for topic in topics:
        if not any(topic.lower() in check.topic.lower() for check in checks):
            raise WrongUse(f"no check has the topic {topic}: see keyreel conform --list")
    for pattern in ids:
        if not any(fnmatchcase(check.id, pattern.upper()) for check in checks):
            raise WrongUse(f"there is no check {pattern}: see keyreel conform --list")
    return [
        check
        for check in checks
        if (not topics or any(topic.lower() in check.topic.lower() for topic in topics))
        and (not ids or any(fnmatchcase(check.id, pattern.upper()) for pattern in ids))
    ]


def conform(target: str, options: Options) -> int:
    """Run the suite against a target; the exit status."""
    try:
        checks = choose(options.topics, options.ids)
        look_ahead(options)
    except WrongUse as error:
        say(str(error))
        return USAGE_ERROR
    try:
        run = run_target(target, checks, options)
    except (InitiatorError, NotADevice) as error:
        say(str(error))
        return FAILED
    terminal.show(run, Console(highlight=False))
    try:
        write(run, options)
    except OSError as error:
        say(unwritten(error))
        return FAILED
    if run.ended_early:
        return FAILED
    return FAILURES if run.counts[Outcome.FAIL] else 0


def run_target(target: str, checks: Iterable[Check], options: Options) -> Run:
    """Open a target and run checks against it. Raises InitiatorError, NotADevice."""
    with sigterm_interrupts(), open_initiator(target) as initiator:
        runner = Runner(
            initiator,
            scratch=options.scratch,
            timeout=options.timeout,
            seed=options.seed,
        )
        console = Console(stderr=True)
        columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as bar:
            task = bar.add_task("")

            def watch(result: Result, done: int, of: int) -> None:
                bar.update(task, total=of, completed=done, description=result.check.topic[:40])

            return runner.run(checks, watch)


def look_ahead(options: Options) -> None:
    """See that the files can be written, before a run that may take hours. Raises WrongUse."""
    for file in (options.junit, options.json, options.html):
        if file is not None:
            new = not file.exists()
            try:
                file.open("ab").close()
            except OSError as error:
                raise WrongUse(unwritten(error)) from None
            if new:
                file.unlink()


def unwritten(error: OSError) -> str:
    """What to say of a file."""
    return f"{error.filename}: cannot be written: {error.strerror}"


def write(run: Run, options: Options) -> None:
    """The files that were asked for. Raises OSError."""
    if options.junit:
        options.junit.write_text(junit.render(run), encoding="utf-8")
    if options.json:
        options.json.write_text(json_report.render(run), encoding="utf-8")
    if options.html:
        options.html.write_text(page.render(run), encoding="utf-8")


def list_checks(options: Options) -> int:
    """Print every check that is chosen, a line each; the exit status."""
    try:
        checks = choose(options.topics, options.ids)
    except WrongUse as error:
        say(str(error))
        return USAGE_ERROR
    for check in checks:
        scratch = "  (--scratch)" if check.scratch else ""
        print(f"{check.id:<28} {check.topic:<28} {check.clause:<16} {check.title}{scratch}")
    print(f"{len(checks)} checks", file=sys.stderr)
    return 0


def compare(targets: Sequence[str], options: Options) -> int:
    """Compare two targets, or two files of results; the exit status."""
    try:
        checks = choose(options.topics, options.ids)
        look_ahead(options)
        first, second = (obtain(target, checks, options) for target in targets)
    except WrongUse as error:
        say(str(error))
        return USAGE_ERROR
    except (InitiatorError, NotADevice, json_report.NoResults) as error:
        say(str(error))
        return FAILED
    diff.show(first, second, Console(highlight=False))
    try:
        if options.html:
            options.html.write_text(diff.render(first, second), encoding="utf-8")
    except OSError as error:
        say(unwritten(error))
        return FAILED
    return FAILURES if diff.differences(first, second) else 0


def obtain(target: str, checks: Iterable[Check], options: Options) -> Run:
    """The run that a file tells of, or a new one. Raises NoResults, InitiatorError, NotADevice."""
    if target.endswith(".json"):
        return json_report.load(Path(target))
    return run_target(target, checks, options)

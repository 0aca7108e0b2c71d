"""What `keyreel trace show`, `filter` and `stats` do; exit statuses as of all keyreel."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from harness.cli import FAILED, USAGE_ERROR, say
from harness.counting import many
from harness.trace import words
from harness.trace.choosing import Choice
from harness.trace.reader import Command, TraceError, read

P = ParamSpec("P")
_WIDTH = 160
"""Of tables that no terminal shows."""


def told(function: Callable[P, int]) -> Callable[P, int]:
    """With errors as one sentence, and nothing said of a reader that has gone."""

    @wraps(function)
    def status(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            ended = function(*args, **kwargs)
            sys.stdout.flush()
            return ended
        except TraceError as error:
            say(str(error))
            return USAGE_ERROR
        except OSError as error:
            # What is still to be printed has no place to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                return 0
            say(f"standard output cannot be written: {error.strerror}")
            return FAILED

    return status


def keep(trace: Path, output: Path) -> None:
    """See that the trace is not what is written. Raises TraceError."""
    with suppress(OSError):  # there is none yet, or it cannot be written either
        if output.samefile(trace):
            raise TraceError(f"{output} is the trace itself: name another file")


@told
def show(file: Path, choice: Choice, *, verbose: bool = False) -> int:
    """Print a line for each record, and with ``verbose`` the fields of commands."""
    from harness.trace import fields

    trace = read(file)
    changers = words.changers(trace.header)
    for _, record in choice.of(trace):
        changer = record.unit in changers
        sys.stdout.write(words.line(record, changer=changer) + "\n")
        if verbose and isinstance(record, Command):
            for line in fields.lines(record, "changer" if changer else "tape"):
                sys.stdout.write(f"{'':14}{line}\n")
    if verbose and not fields.has_layers():
        say(fields.HINT)
    return 0


@told
def write(file: Path, output: Path, choice: Choice) -> int:
    """Write the chosen lines, as they are, into a trace of their own."""
    trace = read(file)
    choice.check(trace)
    keep(file, output)
    with file.open(encoding="utf-8") as lines:
        header = lines.readline()
    count = 0
    try:
        with open(output, "w", encoding="utf-8", opener=_private) as written:
            written.write(header)
            for line, _ in choice.of(trace):
                written.write(line)
                count += 1
    except OSError as error:
        raise TraceError(f"{output} cannot be written: {error.strerror}") from None
    print(f"{output}: {many(count, 'record')}")
    return 0


@told
def stats(file: Path, choice: Choice) -> int:
    """Print figures."""
    from rich.console import Console

    from harness.trace import stats as figures

    trace = read(file)
    counted = figures.count(
        (record for _, record in choice.of(trace)), words.changers(trace.header)
    )
    figures.show(counted, Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH))
    return 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)

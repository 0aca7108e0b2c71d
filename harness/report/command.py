"""`keyreel report`: finds the trace of a run, reads it, writes the page."""

from __future__ import annotations

import os
from pathlib import Path

from harness.cli import FAILED, USAGE_ERROR, say
from harness.counting import many
from harness.report.digest import digest
from harness.report.page import render
from harness.trace.looking import keep
from harness.trace.reader import TraceError, read

IN_STATE = Path("run") / "trace.jsonl"


def report(run: Path, output: Path) -> int:
    """Write the page of a trace, or of a state folder's; the exit status."""
    folder = os.path.isdir(run)
    path = run / IN_STATE if folder else run
    if not _is_there(path):
        if folder:
            say(f"{run}: has no trace: run the rig with --trace, or write trace = true in [rig]")
        else:
            say(f"{run}: there is no such file: name a trace, or a state folder")
        return USAGE_ERROR
    try:
        trace = read(path)
        keep(path, output)
        made = digest(trace)
        output.write_text(render(made), encoding="utf-8")
    except TraceError as error:
        say(str(error))
        return USAGE_ERROR
    except OSError as error:
        say(f"{output}: cannot be written ({error.strerror}): name another file")
        return FAILED
    print(f"{output}: {many(made.commands, 'command')}, {many(made.errors, 'error')}")
    return 0


def _is_there(path: Path) -> bool:
    """Also where that cannot be seen: whoever reads it is told why not."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True

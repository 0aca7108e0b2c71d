"""The target as a process: `python -m target.serve PLAN.json` serves a rig until SIGTERM.

Prints nothing when all is well; the log goes to standard error. Exit status 0 after a clean stop,
1 with one sentence when the rig cannot be served.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from target.build import build, shut_down
from target.medium.errors import MediumError
from target.plan import RigPlan
from target.transports import Transport, find

_STOP = {signal.SIGTERM, signal.SIGINT}


def main(arguments: Sequence[str], ready: Callable[[], object] = lambda: None) -> int:
    """Serve the plan named on the command line; returns the exit status.

    ``ready`` is called once everything is within reach.
    """
    _forbid_core_dump()
    # Threads inherit the mask: only this one takes the signals, in sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        plan = RigPlan.load(Path(arguments[0]))
        drives = build(plan)
    except (IndexError, OSError, ValueError, MediumError) as error:
        print(f"keyreel target: {error}", file=sys.stderr)
        return 1
    # What exists now stays: the collector need not look at it again while data flow.
    gc.freeze()
    up: list[Transport] = []
    try:
        for name in plan.transports:
            up.append(find(name)(plan, drives))
        ready()
        signal.sigwait(_STOP)
    except OSError as error:
        print(f"keyreel target: {error}", file=sys.stderr)
        return 1
    finally:
        for transport in up:
            transport.close()
        shut_down(drives)
    return 0


def _forbid_core_dump() -> None:
    """Keys are in this process: a crash must not write its memory to a file."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(sys.argv[1:]))

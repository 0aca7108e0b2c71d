"""The target as a process: `python -m target.serve PLAN.json` serves a rig until SIGTERM.

Prints nothing when all is well; the log goes to standard error. Exit status 0 after a clean stop,
1 with one sentence when the rig cannot be served. `Service` is the same for use inside a process.
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

STOP = {signal.SIGTERM, signal.SIGINT}
SWITCH_INTERVAL = 0.001
"""Seconds after which a drive's thread lets another one run Python; see docs/benchmarks.md."""
FAILURES = (OSError, ValueError, MediumError)


class Service:
    """Drives, powered on, within reach by every transport of the plan.

    Raises OSError, ValueError or MediumError with one sentence, everything taken down again.
    """

    def __init__(self, plan: RigPlan) -> None:
        forbid_core_dump()
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.plan = plan
        self.drives = build(plan)
        self.transports: list[Transport] = []
        # What exists now stays: the collector need not look at it again while data flow.
        gc.freeze()
        try:
            for name in plan.transports:
                self.transports.append(find(name)(plan, self.drives))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Out of reach, and everything durable. Raises OSError or MediumError, closed all the
        same."""
        try:
            while self.transports:
                self.transports.pop().close()
        finally:
            drives, self.drives = self.drives, {}
            shut_down(drives)


def main(arguments: Sequence[str], ready: Callable[[], object] = lambda: None) -> int:
    """Serve the plan named on the command line; returns the exit status.

    ``ready`` is called once everything is within reach.
    """
    # Threads inherit the mask: only this one takes the signals, in sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    try:
        service = Service(RigPlan.load(Path(arguments[0])))
        ready()
        signal.sigwait(STOP)
        service.close()
    except (IndexError, *FAILURES) as error:
        print(f"keyreel target: {error}", file=sys.stderr)
        return 1
    return 0


def forbid_core_dump() -> None:
    """Keys are in this process: a crash must not write its memory to a file."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(sys.argv[1:]))

"""The target as a process: `python -m target.serve PLAN.json` serves a rig until SIGTERM.

Prints nothing when all is well; the log goes to standard error. Exit status 0 after a clean stop,
1 with one sentence when the rig cannot be served. `Service` is the same for use inside a process.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from target.build import build, shut_down
from target.medium.errors import MediumError
from target.plan import RigPlan
from target.tape.drive import Drive
from target.transports import Transport, find

STOP = {signal.SIGTERM, signal.SIGINT}
SWITCH_INTERVAL = 0.001
"""Seconds after which a drive's thread lets another one run Python; see docs/benchmarks.md."""
_ABORT_INTERVAL = 0.02
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
        """Out of reach, and everything durable; commands that wait for time are aborted.

        Raises OSError or MediumError, closed all the same.
        """
        drives, self.drives = self.drives, {}
        closed = threading.Event()
        hurry = threading.Thread(target=_abort, args=[drives.values(), closed], daemon=True)
        hurry.start()
        try:
            while self.transports:
                self.transports.pop().close()
        finally:
            closed.set()
            hurry.join()
            shut_down(drives)


def _abort(drives: Iterable[Drive], closed: threading.Event) -> None:
    """Let nothing wait for time: a kernel keeps a device until its commands are over."""
    while not closed.wait(_ABORT_INTERVAL):
        for drive in drives:
            drive.abort()


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

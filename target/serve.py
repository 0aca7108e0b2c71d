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
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from target.build import attach, build, build_libraries, build_sources, shut_down
from target.medium.errors import MediumError
from target.plan import RigPlan
from target.porter import Porter
from target.scsi.unit import ABORT_INTERVAL
from target.tape.drive import Drive
from target.trace.tracing import Tracing
from target.transports import Transport, find

if TYPE_CHECKING:
    import socket

    from keymgr.api import KeySource, Notice
    from target.control import Control
    from target.faults.board import Faults
    from target.library.library import Library
    from target.scsi.primary import PrimaryUnit

STOP = {signal.SIGTERM, signal.SIGINT}
SWITCH_INTERVAL = 0.001
"""Seconds after which a drive's thread lets another one run Python; see docs/benchmarks.md."""
FAILURES = (OSError, ValueError, MediumError)


class Service:
    """Drives and libraries, powered on, within reach by every transport of the plan.

    Raises OSError, ValueError or MediumError with one sentence, everything taken down again.
    """

    drives: dict[str, Drive]
    libraries: dict[str, Library]
    units: dict[str, PrimaryUnit]
    """What hosts see by name: the drives, and the medium changers."""

    def __init__(self, plan: RigPlan) -> None:
        forbid_core_dump()
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.plan = plan
        self.drives, self.libraries, self.units = {}, {}, {}
        self.sources: dict[str, KeySource] = {}
        self.transports: list[Transport] = []
        self.control: Porter | None = None
        self.tracing: Tracing | None = None
        try:
            self.sources = build_sources(plan, self._tell)
            self.drives = build(plan)
            attach(plan, self.drives, self.sources)
            self.libraries = build_libraries(plan, self.drives, self.sources)
            self.units.update(self.drives)
            for library in self.libraries.values():
                self.units |= library.changers
            self.tracing = Tracing(plan, self.units, self.libraries)
            if plan.trace is not None:
                self.tracing.start(Path(plan.trace))
            for fault in plan.faults:
                self.faults.set(fault)
            # What exists now stays: the collector need not look at it again while data flow.
            gc.freeze()
            for name in plan.transports:
                self.transports.append(find(name)(plan, self.units))
            if plan.run:
                self.control = Porter(plan.control, self._operated)
        except BaseException:
            self.close()
            raise

    @cached_property
    def faults(self) -> Faults:
        """What goes wrong on purpose; few rigs need what comes with it."""
        from target.faults.board import Faults

        groups = {
            name: (*map(library.drive_name, library.drives), *library.changers)
            for name, library in self.libraries.items()
        }
        return Faults(self.units, self.plan.seed, groups)

    def _operated(self, listener: socket.socket) -> Control:
        """What answers the calls of operators, and of whoever stands at the rig's bench."""
        from target.bench import Bench
        from target.control import Control

        bench = Bench(self.plan, self.drives, self.libraries, self.tracing, lambda: self.faults)
        return Control(self.plan.control, self.libraries, bench, listener=listener)

    def _tell(self, source: str, notice: Notice) -> None:
        """What a key source has to say goes to the operators of the libraries that ask it, or into
        the log where none does."""
        asking = [
            library
            for library in self.libraries.values()
            if any(one.encryption == source for one in library.partitions.values())
        ]
        for library in asking:
            library.messages.notice(notice, source)
        if not asking:
            from target.encryption.external import log

            log(notice)

    def close(self) -> None:
        """Out of reach, and everything durable; commands that wait for time are aborted.

        Raises OSError or MediumError, closed all the same.
        """
        closed = threading.Event()
        hurry = threading.Thread(target=_abort, args=[[*self.units.values()], closed], daemon=True)
        hurry.start()
        with ExitStack() as last:
            # In reverse: operators and transports first.
            if self.tracing is not None:
                last.callback(self.tracing.close)
            for source in self.sources.values():
                last.callback(source.close)
            last.callback(shut_down, self.drives)
            if "faults" in vars(self):
                # What a fault has taken out of a drive is put back.
                last.callback(self.faults.clear)
            for library in self.libraries.values():
                last.callback(library.close)
            last.callback(hurry.join)
            last.callback(closed.set)
            for transport in self.transports:
                last.callback(transport.close)
            if self.control is not None:
                last.callback(self.control.close)
            self.drives, self.libraries, self.units = {}, {}, {}
            self.sources, self.transports, self.control = {}, [], None


def _abort(units: Iterable[PrimaryUnit], closed: threading.Event) -> None:
    """Let nothing wait for time: a kernel keeps a device until its commands are over."""
    while not closed.wait(ABORT_INTERVAL):
        for unit in units:
            unit.abort()


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

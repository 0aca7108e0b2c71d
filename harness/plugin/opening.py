"""Starting what tests run on, and taking it down again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from harness.control import Control
from harness.plugin.errors import RigFailed
from harness.plugin.options import UML, Choice
from harness.plugin.rigs import Rig, RigInGuest, RigInProcess
from harness.rig import Rig as RigFile
from harness.rig import RigError
from harness.state import open_state

__tracebackhide__ = True  # pytest shows the line of the test

WORKER = "PYTEST_XDIST_WORKER"
"""Of the environment: the name of a process of pytest-xdist."""


class Rigs:
    """The rigs of a session: in this process or in a guest, each started when needed."""

    def __init__(self, choice: Choice, stack: ExitStack) -> None:
        self._choice = choice
        self._stack = stack
        self._open: dict[str, Rig] = {}
        self._failed: dict[str, str] = {}
        """Why those could not be started that could not."""

    def get(self, *, host: bool) -> Rig:
        """The one for a test; ``host``: it runs commands in the guest. Raises RigFailed."""
        choice = self._choice
        if choice.device is not None:
            way = choice.device
        else:
            way = UML if host and choice.guest == "none" else choice.guest
        if way in self._failed:
            raise RigFailed(self._failed[way])
        if way not in self._open or not self._open[way].runs:
            try:
                self._open[way] = self._start(way)
            except RigFailed as error:
                # It takes time, and would not be another error for the next test.
                self._failed[way] = str(error)
                raise
        return self._open[way]

    def _start(self, way: str) -> Rig:
        if self._choice.device is not None:
            from harness.plugin.physical import PhysicalDrive

            return self._stack.enter_context(PhysicalDrive.opened(self._choice))
        started = (
            in_process(self._choice.file) if way == "none" else in_guest(self._choice.file, way)
        )
        return self._stack.enter_context(started)


@contextmanager
def open_rigs(choice: Choice) -> Iterator[Rigs]:
    """The rigs of a session, all taken down at the end."""
    with ExitStack() as stack:
        yield Rigs(choice, stack)


def load(file: Path) -> RigFile:
    """The rig of a file. Raises RigFailed."""
    try:
        return RigFile.load(file)
    except RigError as error:
        raise RigFailed(str(error)) from None


@contextmanager
def in_process(file: Path) -> Iterator[Rig]:
    """The rig of that file in this process. Raises RigFailed."""
    from target.serve import FAILURES, Service
    from target.shelf import stock

    with open_state(None, in_memory=True) as state:
        try:
            plan = replace(load(file).plan(state.folder), transports=(), disposable=True)
            stock(plan)
            service = Service(plan)
        except FAILURES as error:
            raise RigFailed(str(error)) from None
        try:
            with Control(plan.control) as control:
                yield RigInProcess(plan, control, service.units)
        finally:
            service.close()


@contextmanager
def in_guest(file: Path, kind: str) -> Iterator[Rig]:
    """The rig of that file in a guest of that kind. Raises RigFailed."""
    from harness.guest.api import GuestError
    from harness.running import make_guest

    rig = load(file)
    told: dict[str, str] = {"guest": kind}
    if kind == "host" and WORKER in os.environ:
        # Other processes of the run have devices in the same kernel, with the rig's name.
        told["name"] = f"{rig.rig.name}-{os.environ[WORKER]}"
    rig = rig.model_copy(update={"rig": rig.rig.model_copy(update=told)})
    with open_state(None) as state:
        try:
            guest = make_guest(rig, state)
            guest.start()
        except GuestError as error:
            raise RigFailed(str(error)) from None
        try:
            with Control(state.run_directory / "control") as control:
                yield RigInGuest(rig.plan(state.folder), control, guest)
        finally:
            guest.stop()

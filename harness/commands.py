"""What `keyreel run` does: a rig, a guest, a command in it, and one exit status for all of it."""

from __future__ import annotations

import os
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.cli import FAILED, USAGE_ERROR, say
from harness.guest.api import Guest, GuestError
from harness.rig import Rig, RigError
from harness.running import make_guest
from harness.signals import sigterm_interrupts
from harness.state import StateError, open_state


def run_rig(
    rig_file: Path,
    state_folder: Path | None,
    guest: str | None,
    command: tuple[str, ...],
    trace: Path | None = None,
) -> int:
    """Run a command in a rig, in that guest and with that trace if they are named; keyreel's exit
    status."""
    with sigterm_interrupts():
        try:
            rig = Rig.load(rig_file).traced(trace)
            if guest:
                section = rig.rig.model_copy(update={"guest": guest})
                rig = rig.model_copy(update={"rig": section})
            with open_state(state_folder) as state:
                return _run_in(make_guest(rig, state), command)
        except (RigError, StateError) as error:
            say(str(error))
            return USAGE_ERROR
        except GuestError as error:
            say(str(error))
            return FAILED


def _run_in(guest: Guest, command: tuple[str, ...]) -> int:
    guest.start()
    try:
        interactive = not command and os.isatty(0)
        with _raw_terminal() if interactive else _nothing():
            status = guest.stream(
                command or (os.environ.get("SHELL") or "/bin/sh",),
                stdin=0,
                stdout=_Writer(1),
                stderr=_Writer(2),
                terminal=interactive,
            )
        try:
            guest.stop()
        except GuestError as error:
            say(str(error))
            return status or FAILED
        return status
    except BaseException:
        guest.kill()
        raise


class _Writer:
    """Passes bytes on to a descriptor at once."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __call__(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view) :]


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Every key goes to the guest; the terminal is as before afterwards."""
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSAFLUSH, before)


@contextmanager
def _nothing() -> Iterator[None]:
    yield

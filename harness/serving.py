"""What `keyreel serve` does: a rig's drives within reach from outside, in the foreground.

In a terminal there is one screen of live status, elsewhere a line for each thing that happens.
SIGINT or SIGTERM stop in order: devices are taken away, everything becomes durable. A second one
ends the process at once.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from harness.cli import FAILED, USAGE_ERROR, say
from harness.notify import notify
from harness.rig import Rig, RigError
from harness.signals import sigterm_interrupts
from harness.state import StateError, open_state
from target.medium.cartridge import Cartridge
from target.plan import RigPlan
from target.serve import FAILURES, STOP, Service
from target.shelf import stock

REFRESH = 1.0
"""Seconds between two looks at the drives."""
STOPS = {*STOP, signal.SIGHUP}
"""A terminal that closes stops it as well."""
_KERNEL = Path("/sys/kernel/config/target")
_OTHERWISE = 'or set transport = "iscsi" in [rig], which works anywhere'


def serve_rig(rig_file: Path, state_folder: Path | None, trace: Path | None = None) -> int:
    """Serve a rig until a signal comes, with that trace if it is named; the exit status."""
    try:
        rig = Rig.load(rig_file).traced(trace)
        with sigterm_interrupts(), open_state(state_folder) as state:
            plan = replace(rig.plan(state.folder), disposable=state.temporary)
            state.run_directory.mkdir(exist_ok=True)
            require(plan.transports)
            stock(plan)
            with _signals_blocked():
                return _serve(plan, state.folder)
    except (RigError, StateError) as error:
        say(str(error))
        return USAGE_ERROR
    except FAILURES as error:
        say(str(error))
        return FAILED


def require(transports: tuple[str, ...]) -> None:
    """Look for what the ways in need of this machine. Raises OSError with one sentence."""
    if all(name == "iscsi" for name in transports):
        return
    name = next(name for name in transports if name != "iscsi")
    if os.geteuid() != 0:
        raise OSError(f"{name} makes devices of this kernel: be root, {_OTHERWISE}")
    if not _KERNEL.is_dir():
        raise OSError(
            f"{name} needs the kernel's target_core_user and tcm_loop: load them (modprobe -a"
            f" target_core_user tcm_loop st sg, with configfs mounted), {_OTHERWISE}"
        )


def _serve(plan: RigPlan, state: Path) -> int:
    title = f"serving {plan.name}, state in {state}"
    service = Service(plan)
    try:
        notify("READY=1", f"STATUS=serving {len(plan.drives)} drives of {plan.name}")
        _watch(service, title) if sys.stdout.isatty() else _tell(service, title)
    finally:
        notify("STOPPING=1")
        _next_signal_ends()
        _line("stopping")
        service.close()
    _line("stopped")
    return 0


def _tell(service: Service, title: str) -> None:
    """Say line by line how to reach drives and changers; wait for a signal."""
    logging.basicConfig(format="keyreel: %(message)s", level=logging.WARNING)
    _line(title)
    for drive in service.plan.drives:
        cartridge = service.drives[drive.name].cartridge
        inside = cartridge.barcode if isinstance(cartridge, Cartridge) else "-"
        _line(f"drive {drive.name}: {drive.model}, serial {drive.serial}, {inside}")
    for library in service.libraries.values():
        _line(f"library {library.name}: {library.model.name}, serial {library.serial}")
        for one in library.partitions.values():
            drives = " ".join(library.drive_name(number) for number in one.drives) or "no drives"
            _line(
                f"changer {one.name}: library {library.name}, serial {one.serial}, {drives},"
                f" {len(one.slots)} slots, {len(one.mail_slots)} mail slots"
            )
    for transport in service.transports:
        for line in transport.ways():
            _line(line)
    _line("ready")
    signal.sigwait(STOPS)


def _watch(service: Service, title: str) -> None:
    """Show the status on the whole terminal until a signal comes."""
    # Loaded here because they are of no use elsewhere.
    from rich.console import Console
    from rich.live import Live

    from harness.status import Messages, Status

    messages = Messages()
    logging.basicConfig(handlers=[messages], level=logging.WARNING)
    status, console = Status(service, title, messages), Console(highlight=False)
    status.refresh()
    with Live(status.screen(console), console=console, screen=True, auto_refresh=False) as live:
        while signal.sigtimedwait(STOPS, REFRESH) is None:
            status.refresh()
            live.update(status.screen(console), refresh=True)
    for message in messages.lines:
        say(message)


def _line(text: str) -> None:
    """Say something on standard output, if anybody still listens."""
    with suppress(OSError):
        print(text, flush=True)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Threads made from here on leave the signals to whoever waits for them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _next_signal_ends() -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

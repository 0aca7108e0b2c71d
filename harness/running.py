"""From a rig to a running guest, for the command line and for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.guest.api import Guest, GuestError
from harness.rig import Rig
from harness.state import State
from target.medium.errors import MediumError
from target.plan import RigPlan
from target.shelf import stock

GUESTS_OWN = ("/dev", "/proc", "/sys")
"""Of a guest with a kernel of its own; all other folders are this machine's."""


def make_guest(rig: Rig, state: State) -> Guest:
    """The guest that the rig asks for, not started. Raises GuestError when there is none."""
    if rig.rig.guest == "none":
        raise GuestError(
            f'the rig {rig.rig.name} has guest = "none" and is for use inside one process:'
            ' set guest = "uml" to run commands in it'
        )
    if rig.rig.guest != "host":
        _be_shared("state folder", state.folder)
        if isinstance(rig.rig.trace, str):
            _be_shared("trace", Path(rig.rig.trace))
    plan, folder, keep_open = _stocked(rig, state), state.run_directory, (state.lock,)
    remove = state.folder if state.temporary else None
    match rig.rig.guest:
        case "uml":
            from harness.guest.uml import UmlGuest

            return UmlGuest(plan, folder, keep_open=keep_open, remove=remove)
        case "qemu":
            from harness.guest.qemu import QemuGuest

            kernel = rig.rig.kernel
            return QemuGuest(plan, folder, kernel=kernel, keep_open=keep_open, remove=remove)
        case "host":
            from harness.guest.host import HostGuest

            return HostGuest(plan, folder, keep_open=keep_open, remove=remove)


def _be_shared(what: str, path: Path) -> None:
    """Raise GuestError where a guest would look for that among what is its own."""
    for own in GUESTS_OWN:
        if path.resolve().is_relative_to(own):
            raise GuestError(
                f"the {what} {path} is in {own}, of which a guest has its own: name another place"
            )


def _stocked(rig: Rig, state: State) -> RigPlan:
    """The rig's plan, its cartridges made: in a guest each file of thousands takes its time."""
    try:
        plan = replace(rig.plan(state.folder), disposable=state.temporary)
        stock(plan)
    except (MediumError, OSError, ValueError) as error:
        raise GuestError(str(error)) from None
    return plan

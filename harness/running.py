"""From a rig to a running guest, for the command line and for tests."""

from __future__ import annotations

from harness.guest.api import Guest, GuestError
from harness.rig import Rig
from harness.state import State


def make_guest(rig: Rig, state: State) -> Guest:
    """The guest that the rig asks for, not started. Raises GuestError when there is none."""
    match rig.rig.guest:
        case "uml":
            from harness.guest.uml import UmlGuest

            return UmlGuest(
                rig.plan(state.folder),
                state.run_directory,
                keep_open=(state.lock,),
                remove=state.folder if state.temporary else None,
            )
        case "qemu":
            from harness.guest.qemu import QemuGuest

            return QemuGuest(
                rig.plan(state.folder),
                state.run_directory,
                keep_open=(state.lock,),
                remove=state.folder if state.temporary else None,
            )
        case "none":
            raise GuestError(
                f'the rig {rig.rig.name} has guest = "none" and is for use inside one process:'
                ' set guest = "uml" to run commands in it'
            )
        case other:
            raise GuestError(f'there is no guest "{other}" yet: set guest = "uml" in the rig file')

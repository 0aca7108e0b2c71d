"""What each way in needs in a guest: kernel modules, programs, and work around the target's start.

The names are those of `target.transports`. A way with work to do has a module with three functions,
which the agent calls with the path of the plan: ``prepare`` before a target process starts for the
first time, ``connect`` once it serves, ``disconnect`` before it is asked to end. They raise OSError
or RuntimeError with one sentence. Only what a rig uses is imported.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

DRIVERS = ("st", "sg")
CHANGER_DRIVER = "ch"
MODULES = {
    "tcmu": ("target_core_user", "tcm_loop"),
    "tcmu-runner": ("target_core_user", "tcm_loop"),
    # Session setup asks for the digest by another name than its module has.
    "iscsi": ("crc32c_generic", "iscsi_tcp"),
}
PROGRAMS = {
    "tcmu-runner": {"tcmu-runner": "tcmu-runner"},
    "iscsi": {"iscsid": "open-iscsi", "iscsiadm": "open-iscsi"},
}
"""Programs by the Debian package that has them."""
HANDLERS = "handlers"
"""Folder beside the plan with the handlers for tcmu-runner."""
WORK = {
    "tcmu-runner": "harness.guest.runner_way",
    "iscsi": "harness.guest.iscsi_way",
}


def modules(transports: tuple[str, ...], changers: bool = False) -> list[str]:
    """Kernel modules to load, those of the drivers last."""
    wanted = [name for way in transports for name in MODULES[way]]
    drivers = (*DRIVERS, CHANGER_DRIVER) if changers else DRIVERS
    return list(dict.fromkeys([*wanted, *drivers]))


def provide(transports: tuple[str, ...], folder: Path) -> None:
    """Put into a guest's run directory what its ways need of this machine. Raises GuestError."""
    if "tcmu-runner" in transports:
        from harness.guest.api import GuestError
        from harness.handler import HandlerError, build_handler

        try:
            build_handler(folder / HANDLERS)
        except HandlerError as error:
            raise GuestError(str(error)) from None


def work(transports: tuple[str, ...]) -> list[ModuleType]:
    """The modules of the ways that have work to do."""
    return [import_module(WORK[way]) for way in transports if way in WORK]

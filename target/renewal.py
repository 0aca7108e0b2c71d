"""Everything of a rig as when it was started: what `Bench.reset` does.

Cartridges are thrown away and made anew, drives and changers remember nothing, libraries have their
first inventory, configuration and no messages. Nexuses stay, with nothing to hear of but, where
there is a medium, that it may have changed (6/28/00): drivers of hosts keep what they know of a
tape until they hear of another one. What key sources keep is their own, and stays.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from keymgr.errors import KeyManagerError
from target.build import fill
from target.library.errors import OperatorError
from target.medium.cartridge import Cartridge
from target.medium.errors import MediumError
from target.plan import RigPlan
from target.scsi.sense import CheckCondition
from target.shelf import stock
from target.tape.drive import Drive

if TYPE_CHECKING:
    from target.library.library import Library
    from target.library.state import Configuration


def renew(
    plan: RigPlan,
    drives: Mapping[str, Drive],
    libraries: Mapping[str, Library],
    configurations: Mapping[str, Configuration],
) -> None:
    """Do it; ``configurations``: those that the libraries had. Raises OperatorError."""
    if not plan.disposable:
        raise OperatorError(
            "a reset throws away what is on the cartridges, and this rig keeps its state folder:"
            " run it without --state"
        )
    with ExitStack() as stack:
        for library in libraries.values():
            for drive in library.drives.values():
                drive.abort()
            stack.enter_context(library.still())
        for drive in drives.values():
            stack.enter_context(drive.stopped())
            _empty(drive)
        for library in libraries.values():
            for port in library.ports.values():
                port.power_on()
        try:
            _renew_cartridges(plan)
            for one in plan.libraries:
                libraries[one.name].renew(one, configurations[one.name])
            for told in plan.drives:
                drive = drives[told.name]
                drive.renew()
                fill(drive, plan, told)
                if not drive.loaded:
                    drive.save_life()
        except (KeyManagerError, MediumError, OSError) as error:
            raise OperatorError(f"the rig cannot be as it was: {error}") from None


def _empty(drive: Drive) -> None:
    """Take out what is in a drive; what is on it does not matter, so nothing is made durable."""
    cartridge = drive.cartridge
    drive.background.reset()
    if drive.loaded:
        with suppress(CheckCondition, MediumError, OSError):
            drive.unloading()
        drive.loaded = False
        drive.unloaded()
    drive.cartridge = None
    drive.hold(False)
    if isinstance(cartridge, Cartridge):
        cartridge.abandon()


def _renew_cartridges(plan: RigPlan) -> None:
    """Those that were ever opened have a partition."""
    used = []
    for told in plan.cartridges:
        folder = Path(told.path)
        if next(folder.glob("partition*"), None) is not None:
            shutil.rmtree(folder)
            used.append(told)
    stock(replace(plan, cartridges=tuple(used)))

"""Drives and changers that come and go: events of udev, or of the kernel where no udev runs.

An event only says that something has happened; what is there then is read from sysfs
(`harness.discovery`), so that a unit has come once both its nodes are there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from harness.discovery import CLASSES, Nodes, find_units, hosts_of

UDEV = "/run/udev/control"
"""There while a udev daemon runs."""


class Change(NamedTuple):
    """A unit has come, or has gone: then its nodes are what they were."""

    added: bool
    nodes: Nodes


class Watch:
    """Changes since it was made. Iterating waits for the next one; `next_change` not for ever.

    A unit that is reached by several hosts comes and goes once for each.
    """

    def __init__(self) -> None:
        # Listening first: nothing that happens from here on is missed.
        self._monitor = _monitor()
        self._known = _present()
        self._changes: list[Change] = []

    def __iter__(self) -> Iterator[Change]:
        while True:
            change = self.next_change(None)
            assert change is not None
            yield change

    def next_change(self, timeout: float | None) -> Change | None:
        """The next change; None when ``timeout`` seconds have passed without one."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._changes:
            self._look()
            left = None if deadline is None else deadline - time.monotonic()
            if self._changes or (left is not None and left <= 0):
                break
            self._monitor.poll(timeout=left)
        return self._changes.pop(0) if self._changes else None

    def present(self) -> list[Nodes]:
        """The units that are there, as far as their changes were told."""
        return list(self._known.values())

    def _look(self) -> None:
        now = _present()
        gone = [nodes for key, nodes in self._known.items() if key not in now]
        come = [nodes for key, nodes in now.items() if key not in self._known]
        self._changes += [Change(False, nodes) for nodes in gone]
        self._changes += [Change(True, nodes) for nodes in come]
        self._known = now


def watch() -> Watch:
    """Changes from now on."""
    return Watch()


def wait_for(serials: Iterable[str], timeout: float) -> dict[str, Nodes]:
    """Wait until a unit of each serial number is bound: those units by serial number.

    Raises TimeoutError, which names the missing ones, after ``timeout`` seconds.
    """
    wanted = set(serials)
    deadline = time.monotonic() + timeout
    monitor = _monitor()
    while True:
        units = find_units()
        found = {serial: hosts[0] for serial in wanted if (hosts := hosts_of(serial, units))}
        if len(found) == len(wanted):
            return found
        left = deadline - time.monotonic()
        if left <= 0:
            missing = ", ".join(sorted(wanted - found.keys()))
            raise TimeoutError(
                f"no drive or changer with serial number {missing} after {timeout:g} s"
            )
        monitor.poll(timeout=left)


def wait_gone(nodes: Nodes, timeout: float) -> None:
    """Wait until a unit's nodes are no longer there. Raises TimeoutError."""
    deadline = time.monotonic() + timeout
    monitor = _monitor()
    while _key(nodes) in _present():
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{nodes.serial} is still at {nodes.sg} after {timeout:g} s")
        monitor.poll(timeout=left)


def _present() -> dict[tuple[str, str], Nodes]:
    return {_key(nodes): nodes for hosts in find_units().values() for nodes in hosts}


def _key(nodes: Nodes) -> tuple[str, str]:
    """A node's number may be given to another unit at once."""
    return nodes.serial, nodes.sg


def _monitor() -> Any:
    """A pyudev Monitor of what concerns tapes and changers, listening."""
    import pyudev

    source = "udev" if os.path.exists(UDEV) else "kernel"
    monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source)
    for kind in (*(kind for kind, _ in CLASSES), "scsi_generic"):
        monitor.filter_by(kind)
    monitor.start()
    return monitor

"""Finding device nodes by serial number, never by number: the kernel hands numbers out as it likes.

The first half reads sysfs with the standard library only (it runs inside the guest, where imports
are slow); `wait_with_udev` is for this machine's own kernel and listens to udev's events.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class TapeNodes:
    """The nodes of one tape drive: non-rewinding tape and SCSI generic, as paths."""

    __slots__ = ("serial", "sg", "tape")

    def __init__(self, serial: str, tape: str, sg: str) -> None:
        self.serial = serial
        self.tape = tape
        self.sg = sg


def unit_serial_number(page: bytes) -> str:
    """The serial number in a Unit Serial Number page (VPD 80h), or "" when it is not one."""
    if len(page) < 4 or page[1] != 0x80:
        return ""
    length = int.from_bytes(page[2:4], "big")
    return page[4 : 4 + length].decode("ascii", "replace").strip(" \0")


def find_tapes(sysfs: str = "/sys", dev: str = "/dev") -> dict[str, list[TapeNodes]]:
    """Every bound tape drive by serial number; for each its hosts, in the order of their numbers.

    A drive counts as bound when both its nodes are character devices: a write to a missing
    ``/dev/nst0`` would quietly make a plain file.
    """
    hosts: dict[str, list[tuple[list[int], TapeNodes]]] = {}
    folder = sysfs + "/class/scsi_tape"
    for name in _names(folder):
        # nst0 is the plain non-rewinding node; nst0a, nst0l and nst0m are its other modes.
        if not name.startswith("nst") or not name[3:].isdigit():
            continue
        device = folder + "/" + name + "/device"
        generic = _names(device + "/scsi_generic")
        serial = unit_serial_number(_contents(device + "/vpd_pg80"))
        if not serial or not generic:
            continue
        nodes = TapeNodes(serial, dev + "/" + name, dev + "/" + generic[0])
        if _is_character_device(nodes.tape) and _is_character_device(nodes.sg):
            hosts.setdefault(serial, []).append((_address(device), nodes))
    return {
        serial: [nodes for _, nodes in sorted(found, key=lambda one: one[0])]
        for serial, found in hosts.items()
    }


def wait_with_udev(serials: Iterable[str], timeout: float) -> dict[str, TapeNodes]:
    """Wait, on this machine's own kernel, until a drive of each serial number is bound.

    Returns those drives by serial number. Raises TimeoutError, which names the missing ones, after
    ``timeout`` seconds.
    """
    import time

    import pyudev

    wanted = set(serials)
    deadline = time.monotonic() + timeout
    monitor = pyudev.Monitor.from_netlink(pyudev.Context())
    monitor.filter_by("scsi_tape")
    monitor.filter_by("scsi_generic")
    monitor.start()
    while True:
        found = {serial: nodes[0] for serial, nodes in find_tapes().items() if serial in wanted}
        if len(found) == len(wanted):
            return found
        left = deadline - time.monotonic()
        if left <= 0:
            missing = ", ".join(sorted(wanted - found.keys()))
            raise TimeoutError(f"no tape drive with serial number {missing} after {timeout:g} s")
        monitor.poll(timeout=left)


def _address(device: str) -> list[int]:
    """Host, channel, target and logical unit, from the name of the device's folder."""
    return [int(part) for part in os.path.basename(os.path.realpath(device)).split(":")]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _contents(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(512) or b""
    except OSError:
        return b""


def _is_character_device(path: str) -> bool:
    try:
        # Type bits of st_mode, as in stat.S_ISCHR.
        return os.stat(path).st_mode & 0o170000 == 0o020000
    except OSError:
        return False

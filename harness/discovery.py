"""Finding device nodes by serial number, never by number: the kernel hands numbers out as it likes.

sysfs is read with the standard library only: this runs inside the guest, where imports are slow.
What listens to events is in `harness.hotplug`.
"""

from __future__ import annotations

import os
import sys

CLASSES = (("scsi_tape", "nst"), ("scsi_changer", "sch"))
"""Classes of the kernel's drivers st and ch, and how the names of their nodes begin."""
_SG_HEADER = 36


class Nodes:
    """The nodes of one unit as paths: non-rewinding tape ("" of a changer), SCSI generic, changer
    ("" of a drive); the links that udev made to the tape or changer; who made it, and what."""

    __slots__ = ("by_id", "changer", "product", "serial", "sg", "tape", "vendor")

    def __init__(self, serial: str, tape: str, sg: str, changer: str = "") -> None:
        self.serial = serial
        self.tape = tape
        self.sg = sg
        self.changer = changer
        self.by_id: tuple[str, ...] = ()
        self.vendor = self.product = ""


def unit_serial_number(page: bytes) -> str:
    """The serial number in a Unit Serial Number page (VPD 80h), or "" when it is not one."""
    if len(page) < 4 or page[1] != 0x80:
        return ""
    length = int.from_bytes(page[2:4], "big")
    return page[4 : 4 + length].decode("ascii", "replace").strip(" \0")


def find_units(sysfs: str = "/sys", dev: str = "/dev") -> dict[str, list[Nodes]]:
    """Every bound tape drive and medium changer by what it says is its serial number; for each
    its hosts, in the order of their numbers.

    A unit counts as bound when both its nodes are character devices: a write to a missing
    ``/dev/nst0`` would quietly make a plain file.
    """
    hosts: dict[str, list[tuple[list[int], Nodes]]] = {}
    links = _links(dev + "/tape/by-id")
    for kind, stem in CLASSES:
        folder = sysfs + "/class/" + kind
        for name in _names(folder):
            # nst0 is the plain non-rewinding node; nst0a, nst0l and nst0m are its other modes.
            if not name.startswith(stem) or not name[len(stem) :].isdigit():
                continue
            device = folder + "/" + name + "/device"
            generic = _names(device + "/scsi_generic")
            node, sg = dev + "/" + name, dev + "/" + (generic or ["none"])[0]
            if not _is_character_device(node) or not _is_character_device(sg):
                continue
            serial = unit_serial_number(_contents(device + "/vpd_pg80") or _ask(sg))
            nodes = Nodes(serial, node, sg) if stem == "nst" else Nodes(serial, "", sg, node)
            nodes.by_id = tuple(links.get(name, ()))
            nodes.vendor, nodes.product = _text(device + "/vendor"), _text(device + "/model")
            if serial:
                hosts.setdefault(serial, []).append((_address(device), nodes))
    return {
        serial: [nodes for _, nodes in sorted(found, key=lambda one: one[0])]
        for serial, found in hosts.items()
    }


def find(name: str, sysfs: str = "/sys", dev: str = "/dev") -> Nodes | None:
    """The unit of that serial number, or with that node: any of its names, links to them too."""
    units = find_units(sysfs, dev)
    folder, _, node = os.path.realpath(name).rpartition("/")
    real = folder + "/" + (_plain(node) or node)
    for hosts in units.values():
        for nodes in hosts:
            if real in (nodes.tape, nodes.sg, nodes.changer):
                return nodes
    found = hosts_of(name, units)
    return found[0] if found else None


def hosts_of(serial: str, units: dict[str, list[Nodes]]) -> list[Nodes]:
    """The nodes of the unit of that serial number, those of one host each.

    Some changers say more than that in the same place, such as their first storage element.
    """
    if serial in units:
        return units[serial]
    for text, hosts in units.items():
        if serial in text and hosts[0].changer:
            return hosts
    return []


def _address(device: str) -> list[int]:
    """Host, channel, target and logical unit, from the name of the device's folder."""
    return [int(part) for part in os.path.basename(os.path.realpath(device)).split(":")]


def _plain(node: str) -> str:
    """The plain non-rewinding node of a tape by any of its nodes: st0, nst0a... are all nst0; "" of
    what is none."""
    name = node.removeprefix("n")
    digits = name.removeprefix("st").rstrip("alm")
    return "nst" + digits if name.startswith("st") and digits.isdigit() else ""


def _links(folder: str) -> dict[str, list[str]]:
    """The links in a folder by the node, of a tape the plain one, that they lead to."""
    found: dict[str, list[str]] = {}
    for name in _names(folder):
        node = os.path.basename(os.path.realpath(folder + "/" + name))
        found.setdefault(_plain(node) or node, []).append(folder + "/" + name)
    return found


def _text(path: str) -> str:
    return _contents(path).decode("ascii", "replace").strip()


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


def _ask(sg: str) -> bytes:
    """The Unit Serial Number page from the unit itself, b"" if it does not tell: the kernel reads
    none of a unit that claims a version before SPC-2, as some changers do.

    By the first interface of the driver sg: a header with lengths, 36 bytes, and the CDB; the
    header and data come back (Linux `include/scsi/sg.h`, struct sg_header).
    """
    size = _SG_HEADER + 255
    header = b"".join(number.to_bytes(4, sys.byteorder) for number in (_SG_HEADER, size))
    try:
        node = os.open(sg, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        os.write(node, header.ljust(_SG_HEADER, b"\0") + b"\x12\x01\x80\x00\xff\x00")
        return os.read(node, size)[_SG_HEADER:]
    except OSError:
        return b""
    finally:
        os.close(node)


def _is_character_device(path: str) -> bool:
    try:
        # Type bits of st_mode, as in stat.S_ISCHR.
        return os.stat(path).st_mode & 0o170000 == 0o020000
    except OSError:
        return False

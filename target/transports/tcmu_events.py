"""What the kernel tells of TCMU devices: added, removed, reconfigured.

It tells all who have joined the multicast group "config" of the generic netlink family "TCM-USER"
(Linux `include/uapi/linux/target_core_user.h`, `linux/genetlink.h`, `linux/netlink.h`). Who made
the device waits for an answer if somebody has told the kernel that there will be one.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

ADDED, REMOVED, RECONFIGURED = 1, 2, 3
_DONE = 3
"""From a command's number to that of its answer."""

_NETLINK_GENERIC, _SOL_NETLINK, _ADD_MEMBERSHIP = 16, 270, 1
_REQUEST, _ERROR = 1, 2
_CONTROLLER, _GET_FAMILY = 16, 3
_FAMILY_ID, _FAMILY_NAME, _GROUPS = 1, 2, 7
_GROUP_NAME, _GROUP_ID = 1, 2
_DEVICE, _MINOR, _CONFIGURATION, _STATUS, _IDENTIFIER = 1, 2, 4, 7, 8
_VERSION = 2
_HEADER = struct.Struct("=IHHIIBBH")
"""nlmsghdr (length, type, flags, sequence, port) and genlmsghdr (command, version, reserved)."""
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF
"""Without the two bits that say "nested" and "big-endian"."""


class Event(NamedTuple):
    """What happened to which device."""

    kind: int
    name: str
    configuration: str
    """dev_config as it is, or as it is to be."""
    uio: str
    identifier: bytes | None
    """For the answer."""
    reconfigures: bool = False
    """Whether another dev_config is asked for."""


class Events:
    """A connection to the kernel. Raises OSError where there is no TCMU."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC)
        self._stop = os.eventfd(0)
        try:
            self._socket.bind((0, 0))
            self._family, group = self._resolve("TCM-USER", b"config")
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        except BaseException:
            self._socket.close()
            raise

    def listen(self) -> Iterator[Event]:
        """Events as they come, until `stop`; then the connection is closed."""
        waiting = [self._socket.fileno(), self._stop]
        with self._socket:
            while self._stop not in select.select(waiting, [], [])[0]:
                event = self._event(self._socket.recv(65536))
                if event is not None:
                    yield event
        os.close(self._stop)

    def stop(self) -> None:
        """End `listen`, from another thread."""
        os.eventfd_write(self._stop, 1)

    def answer(self, event: Event, status: int) -> None:
        """Tell whoever waits: 0 for done, else minus an errno."""
        if event.identifier is not None:
            values = attribute(_STATUS, struct.pack("=i", status))
            values += attribute(_IDENTIFIER, event.identifier)
            self._send(self._family, event.kind + _DONE, values)

    def _send(self, family: int, command: int, values: bytes) -> None:
        length = _HEADER.size + len(values)
        header = _HEADER.pack(length, family, _REQUEST, 0, 0, command, _VERSION, 0)
        self._socket.send(header + values)

    def _resolve(self, family: str, group: bytes) -> tuple[int, int]:
        """Numbers of a generic netlink family and of a multicast group of it."""
        self._send(_CONTROLLER, _GET_FAMILY, attribute(_FAMILY_NAME, family.encode() + b"\0"))
        message = self._socket.recv(65536)
        if _HEADER.unpack_from(message)[1] == _ERROR:
            raise OSError(errno.ENOENT, f"the kernel has no {family}: load target_core_user")
        found = attributes(message[_HEADER.size :])
        for entry in attributes(found[_GROUPS]).values():
            told = attributes(entry)
            if told[_GROUP_NAME].rstrip(b"\0") == group:
                number = int.from_bytes(told[_GROUP_ID], "little")
                return int.from_bytes(found[_FAMILY_ID], "little"), number
        raise OSError(errno.ENOENT, f"{family} has no events")

    def _event(self, message: bytes) -> Event | None:
        _, family, _, _, _, kind, _, _ = _HEADER.unpack_from(message)
        if family != self._family or kind not in (ADDED, REMOVED, RECONFIGURED):
            return None
        told = attributes(message[_HEADER.size :])
        # tcm-user/HBA/NAME/CONFIGURATION
        device = told[_DEVICE].rstrip(b"\0").decode(errors="replace").split("/", 3)
        new = told.get(_CONFIGURATION)
        configuration = device[3] if new is None else new.rstrip(b"\0").decode(errors="replace")
        uio = f"uio{int.from_bytes(told[_MINOR], 'little')}"
        identifier = told.get(_IDENTIFIER)
        return Event(kind, device[2], configuration, uio, identifier, new is not None)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute (struct nlattr and padding to four bytes)."""
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    """Attributes by type."""
    found = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, at)
        found[kind & _TYPE_MASK] = data[at + _ATTRIBUTE.size : at + size]
        at += max(_ATTRIBUTE.size, size + -size % 4)
    return found

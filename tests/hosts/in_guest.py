"""Plays every situation through the sg driver of this kernel, and prints what came of each.

For a guest whose drive has three hosts: ``python -m tests.hosts.in_guest NODE NODE NODE`` with the
sg nodes of hosts A, B and C; JSON, situation -> outcome, on standard output. By SG_IO, so that the
kernel passes on what it is told; the nodes stay open, as opening one would absorb attentions.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import sys
from collections.abc import Mapping, Sequence

from tests.hosts.play import play, talk
from tests.hosts.situation import HOSTS
from tests.hosts.table import SITUATIONS
from tests.hosts.words import Seen, inquiry

SG_IO, SG_SCSI_RESET = 0x2285, 0x2284
_RESET_DEVICE = 1
_NONE, _TO_DEVICE, _FROM_DEVICE = -1, -2, -3
_TIMEOUT = 60_000
"""Milliseconds."""


class Request(ctypes.Structure):
    """``struct sg_io_hdr`` of Linux."""

    _fields_ = (
        ("interface_id", ctypes.c_int),
        ("direction", ctypes.c_int),
        ("cdb_length", ctypes.c_ubyte),
        ("sense_size", ctypes.c_ubyte),
        ("pieces", ctypes.c_ushort),
        ("data_length", ctypes.c_uint),
        ("data", ctypes.c_void_p),
        ("cdb", ctypes.c_void_p),
        ("sense", ctypes.c_void_p),
        ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("message_status", ctypes.c_ubyte),
        ("sense_length", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("residual", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


class Nodes:
    """Hosts that are sg nodes of one drive."""

    cannot: Mapping[str, str] = {
        "lost": "a host of the loopback driver is always there",
        "power": "nothing in the guest can cut a drive's power",
    }

    def __init__(self, paths: Sequence[str]) -> None:
        self._files = {
            host: os.open(path, os.O_RDWR | os.O_NONBLOCK)
            for host, path in zip(HOSTS, paths, strict=True)
        }

    def send(self, host: str, cdb: bytes, out: bytes, size: int) -> Seen:
        """A command by SG_IO."""
        command = ctypes.create_string_buffer(cdb, len(cdb))
        sense = ctypes.create_string_buffer(96)
        length = len(out) or size
        data = ctypes.create_string_buffer(out or bytes(size), length + 1)
        request = Request(
            interface_id=ord("S"),
            direction=_TO_DEVICE if out else _FROM_DEVICE if size else _NONE,
            cdb_length=len(cdb),
            sense_size=len(sense),
            data_length=length,
            data=ctypes.addressof(data),
            cdb=ctypes.addressof(command),
            sense=ctypes.addressof(sense),
            timeout=_TIMEOUT,
        )
        fcntl.ioctl(self._files[host], SG_IO, request)
        if request.host_status:
            raise OSError(f"SG_IO of {cdb.hex(' ')}: host status {request.host_status:#x}")
        got = b"" if out else data.raw[: size - request.residual]
        return Seen(request.status, sense.raw[: request.sense_length], got)

    def event(self, host: str, name: str) -> None:
        """A LUN reset. The kernel puts it into the host's ring and does not wait for the drive to
        see it; a command behind it there does, and INQUIRY meets no attention."""
        assert name == "reset"
        fcntl.ioctl(self._files[host], SG_SCSI_RESET, _RESET_DEVICE.to_bytes(4, sys.byteorder))
        inquiry(talk(self, host))


def main(paths: Sequence[str]) -> None:
    """Play them all."""
    hosts = Nodes(paths)
    json.dump({one.name: play(one, hosts) for one in SITUATIONS}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Commands through the kernel's SCSI generic driver: /dev/sgN of this machine or of a guest.

`Sg` calls the ioctl SG_IO by itself (Linux include/scsi/sg.h, struct sg_io_hdr); `PySg` does it
through py-sg. Only who asks for py-sg gets it: its licence, GPL-3.0-or-later, is not to meet that
of scapy, GPL-2.0-only, in one process.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import sys
from typing import Any

from harness.closing import Closing
from harness.initiators.api import TIMEOUT, InitiatorError, NoAnswer, Reply, Unsupported

_INQUIRY = bytes((0x12, 0, 0, 0, 36, 0))
"""Clears no unit attention."""
SENSE = 252
"""Bytes of sense data that there is room for: the most there can be (SPC-4 4.5)."""
SG_IO, SG_SCSI_RESET, SG_SCSI_RESET_DEVICE = 0x2285, 0x2284, 1
SG_SCSI_RESET_NO_ESCALATE = 0x100
"""The unit alone: a kernel goes on to target, bus and host adapter where it cannot, and with them
to devices of others."""
BLKSECTGET = 0x1267
"""Of an sg node: the bytes of the longest transfer."""
NONE, TO_DEVICE, FROM_DEVICE = -1, -2, -3
DRIVER_SENSE = 0x08
"""driver_status: there are sense data; the only low bits that are no failure."""
TIME_OUT = 0x03
"""host_status DID_TIME_OUT."""
HOST_WORDS = {
    0x01: "the unit is not connected (DID_NO_CONNECT)",
    0x02: "the bus stayed busy (DID_BUS_BUSY)",
    TIME_OUT: "no answer in time (DID_TIME_OUT)",
    0x04: "no such target (DID_BAD_TARGET)",
    0x05: "the command was aborted (DID_ABORT)",
    0x07: "the driver failed (DID_ERROR)",
    0x08: "the bus was reset (DID_RESET)",
    0x0E: "the transport broke (DID_TRANSPORT_DISRUPTED)",
    0x0F: "the transport gave up (DID_TRANSPORT_FAILFAST)",
}


class Header(ctypes.Structure):
    """struct sg_io_hdr, interface "S"."""

    _fields_ = (
        ("interface_id", ctypes.c_int),
        ("dxfer_direction", ctypes.c_int),
        ("cmd_len", ctypes.c_ubyte),
        ("mx_sb_len", ctypes.c_ubyte),
        ("iovec_count", ctypes.c_ushort),
        ("dxfer_len", ctypes.c_uint),
        ("dxferp", ctypes.c_void_p),
        ("cmdp", ctypes.c_void_p),
        ("sbp", ctypes.c_void_p),
        ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("usr_ptr", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("msg_status", ctypes.c_ubyte),
        ("sb_len_wr", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


class Sg(Closing):
    """One SCSI generic node, see `api.Initiator`. Raises InitiatorError where there is none."""

    scheme = ""
    keeps_nexus = True
    """`reconnect` is no I_T nexus loss."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._others: list[Sg] = []
        self._node = -1
        self._open()

    @property
    def name(self) -> str:
        """The node."""
        return self.scheme + self.path

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> Reply:
        """Run a command. Raises NoAnswer when the kernel had no status to give."""
        data = ctypes.create_string_buffer(bytes(out), len(out)) if out else None
        if not out and size:
            data = ctypes.create_string_buffer(size)
        command = ctypes.create_string_buffer(bytes(cdb), len(cdb))
        sense = ctypes.create_string_buffer(SENSE)
        header = Header(
            interface_id=ord("S"),
            dxfer_direction=TO_DEVICE if out else FROM_DEVICE if size else NONE,
            cmd_len=len(cdb),
            mx_sb_len=SENSE,
            dxfer_len=len(out) or size,
            dxferp=ctypes.addressof(data) if data is not None else None,
            cmdp=ctypes.addressof(command),
            sbp=ctypes.addressof(sense),
            timeout=max(1, round(timeout * 1000)),
        )
        try:
            fcntl.ioctl(self._node, SG_IO, header)
        except OSError as error:
            raise self._failed(error, len(out) or size) from None
        finally:
            if out and data is not None:
                # There may have been a key in it.
                ctypes.memset(data, 0, len(out))
        self._require(header.host_status, header.driver_status, timeout)
        came = size - min(max(header.resid, 0), size) if not out else 0
        taken = ctypes.string_at(data, came) if data is not None and came else b""
        return Reply(header.status, sense.raw[: header.sb_len_wr], taken)

    def another(self) -> Sg:
        """The same unit by another host. Raises Unsupported where the unit has one only."""
        from harness import discovery

        taken = {os.path.realpath(one.path) for one in (self, *self._others)}
        nodes = discovery.find(self.path)
        for one in discovery.hosts_of(nodes.serial, discovery.find_units()) if nodes else ():
            if os.path.realpath(one.sg) not in taken:
                other = type(self)(one.sg)
                self._others.append(other)
                return other
        raise Unsupported(
            f"{self.name}: this machine reaches the unit by one way only: give the drive hosts = 2"
            " in its rig file, or connect the unit a second time"
        )

    def reset(self) -> None:
        """LOGICAL UNIT RESET by the kernel's error handler. Raises Unsupported, NoAnswer."""
        how = SG_SCSI_RESET_DEVICE | SG_SCSI_RESET_NO_ESCALATE
        try:
            fcntl.ioctl(self._node, SG_SCSI_RESET, ctypes.c_int(how))
        except OSError as error:
            kind = NoAnswer if error.errno == errno.EIO else Unsupported
            raise kind(f"{self.name}: cannot be reset ({error.strerror}): be root") from None
        # A kernel's own target (TCMU) tells the unit of a reset before the next command of this
        # nexus, but does not wait for that: another host's command could come first.
        self.send(_INQUIRY, size=_INQUIRY[4])

    def reconnect(self) -> None:
        """Open the node anew. The kernel keeps its nexus: there is no I_T nexus loss."""
        self._close()
        self._open()

    def close(self) -> None:
        """Close the node."""
        for other in self._others:
            other.close()
        self._others.clear()
        self._close()

    def _open(self) -> None:
        try:
            self._node = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise InitiatorError(
                f"{self.path}: cannot be opened ({error.strerror}): name a node that"
                " `keyreel devices` lists, as a user who may write to it"
            ) from None

    def _close(self) -> None:
        if self._node >= 0:
            os.close(self._node)
            self._node = -1

    def _failed(self, error: OSError, length: int) -> InitiatorError:
        """What the kernel's refusal of a request means."""
        if error.errno in (errno.ENOMEM, errno.EINVAL):
            most = bytearray(4)
            fcntl.ioctl(self._node, BLKSECTGET, most)
            longest = int.from_bytes(most, sys.byteorder)
            if length > longest:
                return Unsupported(
                    f"{self.name}: {length} bytes are more than the kernel moves at once by this"
                    f" way: ask for {longest} at most, or use another way to the unit"
                )
        return NoAnswer(f"{self.name}: the kernel refused the command ({error.strerror})")

    def _require(self, host: int, driver: int, timeout: float) -> None:
        """That the command got to the unit and back. Raises NoAnswer."""
        if host == TIME_OUT:
            raise NoAnswer(f"{self.name}: no answer in {timeout:g} s: give the command longer")
        if host:
            words = HOST_WORDS.get(host, f"host status {host:02x}h")
            raise NoAnswer(f"{self.name}: {words}: is the unit still there?")
        if driver & 0x0F not in (0, DRIVER_SENSE):
            raise NoAnswer(f"{self.name}: the driver failed (driver status {driver:02x}h)")


class PySg(Sg):
    """The same through py-sg (the extra ``sg``), which keeps 32 bytes of sense data."""

    scheme = "pysg:"

    def __init__(self, path: str) -> None:
        if "scapy" in sys.modules:
            raise InitiatorError(
                "py-sg and scapy are not to meet in one process, for their licences:"
                f" write {path} instead of pysg:{path}"
            )
        try:
            import py_sg
        except ImportError:
            raise InitiatorError(
                "py-sg is not installed: pip install 'keyreel[sg]', with gcc and python3-dev,"
                f" or write {path} instead of pysg:{path}"
            ) from None
        self._py_sg: Any = py_sg
        super().__init__(path)

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> Reply:
        """Run a command. Raises NoAnswer when the kernel had no status to give."""
        milliseconds = max(1, round(timeout * 1000))
        try:
            if size and not out:
                read: bytes = self._py_sg.read(self._node, bytes(cdb), size, milliseconds)
                return Reply(0, b"", read)
            self._py_sg.write(self._node, bytes(cdb), bytes(out), milliseconds)
            return Reply(0, b"", b"")
        except self._py_sg.SCSIError as error:
            masked, host, driver, sense, data = error.args
            self._require(host, driver, timeout)
            return Reply(masked << 1, sense or b"", b"" if out or not size else bytes(data))
        except OSError as error:
            raise self._failed(error, len(out) or size) from None

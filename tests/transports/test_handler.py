"""The socket of the way tcmu-runner: what is offered there is taken, served and let go of.

A file in memory stands for the kernel's device; a file is always readable, so the ring is looked at
all the time.
"""

from __future__ import annotations

import array
import fcntl
import mmap
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from target.build import build, shut_down
from target.plan import DrivePlan, RigPlan
from target.transports.handler import Handler

SIZE, START, ENTRY = 1 << 16, 4096, 256
HEAD, TAIL = 12, 64
STATUS = 8
CDB = START + 8192
TEST_UNIT_READY = bytes(6)
CHECK_CONDITION = 2


class Device:
    """What the kernel and the handler in tcmu-runner do, with a ring for 16 entries."""

    def __init__(self, version: int = 2) -> None:
        self.file = os.memfd_create("uio")
        os.ftruncate(self.file, SIZE)
        # What is written into a device to tell the kernel must not go into its memory.
        fcntl.fcntl(self.file, fcntl.F_SETFL, os.O_APPEND)
        self.memory = mmap.mmap(self.file, SIZE)
        struct.pack_into("<HHII", self.memory, 0, version, 0, START, 16 * ENTRY)

    def put(self, cdb: bytes) -> None:
        """A command without data, as the next entry of the ring."""
        head = self.word(HEAD)
        self.memory[CDB : CDB + len(cdb)] = cdb
        struct.pack_into("<IHBBIIIIQ", self.memory, START + head, ENTRY | 1, *[0] * 7, CDB)
        struct.pack_into("<I", self.memory, HEAD, (head + ENTRY) % (16 * ENTRY))

    def wait(self) -> None:
        """Until every command is completed."""
        deadline = time.monotonic() + 60
        while self.word(TAIL) != self.word(HEAD):
            assert time.monotonic() < deadline

    def word(self, at: int) -> int:
        number: int = struct.unpack_from("<I", self.memory, at)[0]
        return number

    def offer(self, path: Path, text: str) -> socket.socket:
        """Connect and hand the device over."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(60)
        connection.connect(str(path))
        rights = array.array("i", [self.file])
        connection.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        return connection


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of a rig with drive0, for which no device of the kernel is made."""
    monkeypatch.setenv("KEYREEL_RUN", str(tmp_path))
    plan = RigPlan("rig", 1, (DrivePlan("drive0", "ibm/ult3580-td9", "0123456789"),), ())
    drives = build(plan)
    handler = Handler(RigPlan("rig", 1, (), ()), drives)
    yield tmp_path / "rig.sock"
    handler.close()
    shut_down(drives)
    assert not (tmp_path / "rig.sock").exists()


def test_a_ring_is_served_until_the_connection_ends(path: Path) -> None:
    device = Device()
    device.put(TEST_UNIT_READY)
    connection = device.offer(path, f"{SIZE} keyreel/rig/drive0/3")
    assert connection.recv(8) == b"\1"
    device.wait()
    assert device.memory[START + STATUS] == CHECK_CONDITION, "it hears of the power-on"
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(8) == b"", "let go of"
    device.put(TEST_UNIT_READY)
    again = device.offer(path, f"{SIZE} keyreel/rig/drive0/3")
    assert again.recv(8) == b"\1"
    device.wait()


@pytest.mark.parametrize(
    "text",
    [
        f"{SIZE} keyreel/rig/drive1",
        f"{SIZE} keyreel/other/drive0",
        f"{SIZE} keyreel/rig",
        f"{SIZE} keyreel/rig/drive0/x",
        f"{SIZE}",
        "keyreel/rig/drive0",
        f"{SIZE * 4096} keyreel/rig/drive0",
        "\xff\xff",
    ],
)
def test_what_cannot_be_served_is_not_taken(path: Path, text: str) -> None:
    assert Device().offer(path, text).recv(8) == b""
    assert Device().offer(path, f"{SIZE} keyreel/rig/drive0").recv(8) == b"\1", "others are"


def test_a_ring_of_another_version_is_not_taken(path: Path) -> None:
    assert Device(version=3).offer(path, f"{SIZE} keyreel/rig/drive0").recv(8) == b""


def test_an_offer_without_a_device(path: Path) -> None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(60)
    connection.connect(str(path))
    connection.send(f"{SIZE} keyreel/rig/drive0".encode())
    assert connection.recv(8) == b""


def test_one_process_serves_a_rig(path: Path) -> None:
    with pytest.raises(OSError, match="another keyreel process serves this rig"):
        Handler(RigPlan("rig", 1, (), ()), {})
    assert Device().offer(path, f"{SIZE} keyreel/rig/drive0").recv(8) == b"\1"


def test_a_socket_that_a_killed_process_left_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYREEL_RUN", str(tmp_path))
    left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left.bind(str(tmp_path / "rig.sock"))
    left.close()
    handler = Handler(RigPlan("rig", 1, (), ()), {})
    assert Device().offer(tmp_path / "rig.sock", "").recv(8) == b""
    handler.close()

"""Mutated PDUs by the hundred thousand: the server neither ends, nor hangs, nor leaks.

Dialogues that are valid, an initiator's login and its commands, with random fields, bits, lengths
and data, in random order. What the server makes of each is its own affair; when all is over it has
as many descriptors, threads and sessions as before, and serves the next host.
"""

from __future__ import annotations

import gc
import itertools
import logging
import os
import random
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.initiators.iscsi import NAME, IscsiInitiator
from target.transports.iscsi import keys, pdu
from target.transports.iscsi.connection import Connection
from target.transports.iscsi.pdu import NO_TAG, REQUESTS, Pdu, padding
from target.transports.iscsi.session import Session
from target.transports.iscsi.task import Task
from tests.iscsi.conftest import TARGET, Serve, Serving, heard
from tests.runs import Say

PDUS = int(os.environ.get("KEYREEL_FUZZ_PDUS", "200_000"))
BATCH = 100
"""PDUs on one connection."""
TALKS = 16
"""Connections at a time."""
PIECE = 4096
PATIENCE = 0.005
"""Seconds to wait for an answer."""
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, NO_TAG)
KEPT = {"opcode", "ahs_length", "data_length", "cmd_sn"}
"""Fields that are changed less often than others: after that, little is done any more."""
LOGIN = {
    "InitiatorName": NAME, "TargetName": TARGET, "SessionType": "Normal", "AuthMethod": "None",
}  # fmt: skip
OPERATIONS = {
    "InitialR2T": "No", "ImmediateData": "Yes", "MaxRecvDataSegmentLength": "4096",
    "MaxBurstLength": "8192", "FirstBurstLength": "4096", "MaxOutstandingR2T": "4",
    "HeaderDigest": "None", "DataDigest": "None", "ErrorRecoveryLevel": "0",
}  # fmt: skip
MIX = [pdu.SCSI_COMMAND] * 12 + [pdu.DATA_OUT] * 3
MIX += list(REQUESTS.values())
CDBS = [
    bytes.fromhex(text)
    for text in (
        "000000000000", "120000006000", "030000001200", "010000000000", "080000100000",
        "0a0000100000", "100000000100", "110000000100", "1a003f00ff00", "151000000c00",
        "160000000000", "170000000000", "1e0000000100", "34000000000000000000",
        "4d004000000000020000", "5e000000000000010000", "5f000000000000001800",
        "a00000000000000000100000", "a30c0000000000000400", "a2200020000000001000",
        "b5200010000000000034", "8c000000000000000000000001000000", "3c020000000000002000",
    )
]  # fmt: skip


class Client:
    """Makes the PDUs of one connection."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.cmd_sn = 1
        self.tag = 0

    def stream(self) -> bytes:
        """A login, mostly a good one, and a batch of PDUs."""
        dice = self.dice
        parts = [self.log_in(mutated=dice.random() < 0.1)]
        parts += [self.one() for _ in range(BATCH)]
        return b"".join(parts)

    def log_in(self, mutated: bool) -> bytes:
        """To full feature phase in two steps, or in one."""
        isid = self.dice.randrange(64)
        first = pdu.LOGIN.make(
            immediate=1, transit=1, csg=0, nsg=self.dice.choice((1, 1, 3)), isid=isid, cmd_sn=1
        )
        second = pdu.LOGIN.make(immediate=1, transit=1, csg=1, nsg=3, isid=isid, cmd_sn=1)
        text, operations = keys.encode(LOGIN), keys.encode(OPERATIONS)
        if mutated:
            text, operations = self.spoil(text), self.spoil(operations)
            self.mutate(pdu.LOGIN, first)
        return self.pack(first, text) + self.pack(second, operations)

    def one(self) -> bytes:
        """One PDU: valid, or with a few fields or bits that are not."""
        dice = self.dice
        kind, header, data = self.valid()
        for _ in range(dice.choice((0, 0, 0, 0, 1, 1, 2))):
            header = self.mutate(kind, header)
        if dice.random() < 0.05:
            data = self.spoil(data)
        return self.pack(header, data)

    def valid(self) -> tuple[Pdu, bytearray, bytes]:
        """A PDU as an initiator would send it."""
        dice = self.dice
        kind = dice.choice(MIX)
        data = b""
        values = {"final": 1, "itt": self.tag, "cmd_sn": self.cmd_sn, "ttt": NO_TAG}
        if kind is pdu.SCSI_COMMAND:
            data = dice.randbytes(dice.choice((0, 0, 0, 52, 4096)))
            cdb = dice.choice(CDBS)
            values |= {
                "cdb": int.from_bytes(cdb.ljust(16, b"\0")), "length": dice.choice((0, 96, 4096)),
                "attribute": dice.randrange(8),
            }  # fmt: skip
            values["write" if data else "read"] = 1
            if data and dice.random() < 0.8:
                values["length"] = len(data)
        elif kind is pdu.DATA_OUT:
            data = dice.randbytes(dice.choice((0, 100, 4096)))
            values |= {"itt": dice.randrange(self.tag + 1), "ttt": dice.randrange(8)}
        elif kind is pdu.TASK_MANAGEMENT:
            values |= {
                # Resets are for all sessions: with many, no command would come to its end.
                "function": dice.choice((1, 2, 3, 8) if dice.random() < 0.9 else (4, 5, 6, 7)),
                "referenced_tag": dice.randrange(self.tag + 1),
            }
        elif kind is pdu.TEXT:
            data = keys.encode({"SendTargets": dice.choice(("", "All", TARGET))})
        elif kind is pdu.LOGOUT:
            values["reason"] = dice.choice((1, 2, 3))
            values["cid"] = 5
        self.tag += 1
        values["itt"] = values.get("itt", self.tag)
        if "cmd_sn" in kind.layout:
            values["immediate"] = dice.random() < 0.5
            self.cmd_sn += not values["immediate"]
        known = {name: value for name, value in values.items() if name in kind.layout}
        return kind, kind.make(known), data

    def mutate(self, kind: Pdu, header: bytearray) -> bytearray:
        """Change a field, a bit or some bytes; rarely what says how long the PDU is."""
        dice = self.dice
        way = dice.random()
        if way < 0.7:
            field = dice.choice([f for f in kind.layout if f.name not in KEPT])
            value = dice.choice((dice.choice(EDGES), dice.getrandbits(field.width)))
            field.put(header, value & field.maximum)
        elif way < 0.92:
            at = dice.choice([*range(1, 4), *range(8, 24), *range(28, pdu.BHS)])
            header[at] ^= 1 << dice.randrange(8)
        elif way < 0.99:
            start = dice.choice((0, 8, 12, 16, 20, 24, 32, 36, 40, 44))
            header[start : start + 4] = dice.randbytes(4)
        else:
            # From here on the stream may be out of step.
            header[dice.randrange(4, 8)] = dice.choice((0, 1, 0xFF, dice.randrange(256)))
            header[0] |= 0x80
        return header

    def spoil(self, data: bytes) -> bytes:
        """Data with something in it that should not be there."""
        dice = self.dice
        at = dice.randrange(len(data) + 1)
        return dice.choice(
            (
                data[:at],
                data[:at] + dice.randbytes(3) + data[at:],
                data[:at] + b"\0" + data[at:],
                data + data,
                data[:at] + bytes((dice.randrange(256),)) + data[at + 1 :],
            )
        )

    def pack(self, header: bytearray, data: bytes) -> bytes:
        """The PDU as bytes; its length is right unless it was mutated."""
        if not header[0] & 0x80:
            header[5:8] = len(data).to_bytes(3, "big")
        return bytes(header) + data + bytes(padding(len(data)))


class Talk:
    """One connection: sends its stream piece by piece, then waits for the target to close it."""

    def __init__(self, address: tuple[str, int], stream: bytes) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setblocking(False)
        self.left = memoryview(stream)
        self.heard = self.started = time.monotonic()
        self.over = False

    def go_on(self, readable: bool) -> None:
        """Take what came; say more if there is an answer, or none comes."""
        now = time.monotonic()
        assert now < self.started + 120, "the server does not close the connection"
        try:
            if readable:
                self.over = not self.socket.recv(1 << 16)
                self.heard = now
            elif now < self.heard + PATIENCE:
                return
            if self.left:
                self.left = self.left[self.socket.send(self.left[:PIECE]) :]
                self.heard = now
            elif now > self.heard + PATIENCE:
                self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self.over = True


def talk(address: tuple[str, int], streams: Iterator[bytes]) -> None:
    """Say all streams, several at a time."""
    talks: list[Talk] = []
    while True:
        for stream in itertools.islice(streams, TALKS - len(talks)):
            talks.append(Talk(address, stream))
        if not talks:
            return
        readable, _, _ = select.select([one.socket for one in talks], [], [], PATIENCE)
        for one in talks:
            one.go_on(one.socket in readable)
            if one.over:
                one.socket.close()
        talks = [one for one in talks if not one.over]


def settled(serving: Serving) -> None:
    """Wait until nothing is left of connections and the drive's thread has nothing to do."""
    loop = serving.server._loop
    deadline = time.monotonic() + 60
    while loop.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not loop.connections
    idle = threading.Event()
    loop.targets[TARGET].submit(lambda: None, lambda _: idle.set())
    assert idle.wait(60)
    # Timers and threads that have just ended may still have one.
    while objects() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not objects()


def objects() -> int:
    """How many objects of connections are there."""
    gc.collect()
    return sum(isinstance(one, (Connection, Session, Task)) for one in gc.get_objects())


def resources() -> tuple[int, int]:
    """Descriptors and threads that are there."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def memory() -> int:
    """Bytes that this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def test_mutated_pdus(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, say: Say
) -> None:
    seed = int(os.environ.get("KEYREEL_FUZZ_SEED", random.SystemRandom().getrandbits(32)))
    print(f"KEYREEL_FUZZ_SEED={seed}")
    began = time.monotonic()
    serving = serve(medium="null")
    taken = 0
    begin = Connection.begin

    def counting(self: Connection, header: bytes, ahs: bytes, length: int) -> memoryview:
        nonlocal taken
        taken += 1
        return begin(self, header, ahs, length)

    monkeypatch.setattr(Connection, "begin", counting)
    # What the server does not expect it logs as an error; what it refuses is no news here.
    caplog.set_level(logging.ERROR)
    dice = random.Random(seed)

    def streams(until: int) -> Iterator[bytes]:
        while taken < until:
            yield Client(dice).stream()

    # After a part of it, all is there that is made once.
    talk(serving.address, streams(PDUS // 4))
    settled(serving)
    before = resources(), memory()
    talk(serving.address, streams(PDUS))
    settled(serving)
    after = resources(), memory()
    # Fewer if threads of tests before have ended meanwhile.
    assert all(now <= then for now, then in zip(after[0], before[0], strict=True))
    # Less than a KiB for each PDU: the process of other tests has a heap with holes.
    assert after[1] < before[1] + (128 << 20)
    assert not caplog.records
    with IscsiInitiator(serving.address, TARGET) as one:
        heard(one)
        assert one.send(bytes((0x12, 0, 0, 0, 36, 0)), size=36).status == 0
    grown = (after[1] - before[1]) / (1 << 20)
    say(
        f"KEYREEL_FUZZ_SEED={seed}: {taken} mutated PDUs in {time.monotonic() - began:.0f} s,"
        f" memory grew by {grown:.1f} MiB over the last three quarters"
    )

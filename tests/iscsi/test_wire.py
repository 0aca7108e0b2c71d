"""What goes over the wire is dissected by the independent layers of `harness.layers.iscsi`."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from harness.initiators.iscsi import IscsiInitiator
from harness.layers import iscsi
from harness.layers.cdb import Write6, dissect_cdb
from tests.iscsi.conftest import TARGET, Serving, heard
from tests.layers.legal import whole
from tests.runs import Say

KIB = 1 << 10


class Wire:
    """A connection that passes through here: what went either way."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.streams = (bytearray(), bytearray())
        self.threads = [threading.Thread(target=self._pass_on, args=(server,), daemon=True)]
        self.threads[0].start()

    def _pass_on(self, server: tuple[str, int]) -> None:
        near, _ = self.listener.accept()
        far = socket.create_connection(server)
        for ends in ((near, far, self.streams[0]), (far, near, self.streams[1])):
            self.threads.append(threading.Thread(target=_pump, args=ends, daemon=True))
            self.threads[-1].start()

    def close(self) -> None:
        for one in self.threads:
            one.join(10)
        self.listener.close()


def _pump(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            kept += data
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def wire(server: tuple[str, int]) -> Iterator[Wire]:
    made = Wire(server)
    try:
        yield made
    finally:
        made.close()


def pdus(stream: bytes) -> Iterator[iscsi.Pdu]:
    """Every PDU of a stream."""
    at = 0
    while at < len(stream):
        length = int.from_bytes(stream[at + 5 : at + 8], "big")
        end = at + iscsi.BHS + 4 * stream[at + 4] + length + (-length & 3)
        yield iscsi.dissect_pdu(stream[at:end])
        at = end


def test_every_pdu_is_as_the_layers_have_it(serving: Serving, say: Say) -> None:
    with wire(serving.address) as watched, IscsiInitiator(watched.address, TARGET) as one:
        heard(one)
        data = bytes(range(256)) * 1200
        cdb = bytes(Write6(transfer_length=len(data)))
        assert one.send(cdb, out=data).status == 0
        one.send(bytes((0x01, 0, 0, 0, 0, 0)))
        assert one.send(bytes((0x08, 0, *len(data).to_bytes(3, "big"), 0)), size=400 * KIB)
        one.ping(b"hello")
        one.targets()
        one.manage(5)
        one.logout()
    seen: Counter[str] = Counter()
    commands = []
    for stream in watched.streams:
        for found in pdus(bytes(stream)):
            packet: Any = found
            seen[type(found).__name__] += 1
            if isinstance(found, iscsi.ScsiCommand):
                commands.append(dissect_cdb(bytes(packet.cdb)).name)
            whole(found, f"PDU {bytes(found)[:48].hex(' ')}")
    say(f"{sum(seen.values())} iSCSI PDUs of {len(seen)} kinds are as the layers have them")
    assert seen.keys() >= {
        "LoginRequest", "LoginResponse", "ScsiCommand", "ScsiResponse", "DataIn", "DataOut",
        "ReadyToTransfer", "NopOut", "NopIn", "TextRequest", "TextResponse",
        "TaskManagementRequest", "TaskManagementResponse", "LogoutRequest", "LogoutResponse",
    }  # fmt: skip
    assert {"WRITE(6)", "REWIND", "READ(6)", "TEST UNIT READY"} <= set(commands)

"""The way from this machine to a control socket in a guest, without the guest: both its ends."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.control import Control, Kind, Refusal
from harness.guest import frames, relay
from harness.guest.agent import Agent
from harness.guest.channel import MEMORY, Channel
from harness.guest.console import Console
from harness.guest.relay import Relay
from keymgr.secret import Secret
from target import control, local_socket

FAR = 60.0


class Operations:
    """A session, as far as these tests go."""

    def require(self, action: str) -> None:
        pass

    def restore(self, data: bytes, password: Secret) -> bytes:
        return data + bytes(password.reveal())

    def status(self) -> str:
        return "well"


class Shelf:
    """A library, as far as these tests go."""

    def login(self, user: str, password: Secret) -> Operations:
        return Operations()


@dataclass
class Ends:
    """``outside``: where clients connect; ``inside``: where the relay looks for the target."""

    outside: Path
    inside: Path
    console: Console
    agent: Agent


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """Both ends, each in a thread as it is in a process."""
    memory = memoryview(bytearray(MEMORY))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    outside, inside = tmp_path / "out" / "control", tmp_path / "in" / "control"
    passing = Relay(outside, inside)
    never, end = os.pipe()
    console = Console(Channel(ours.fileno(), memory, first=True), never, passing)
    agent = Agent(Channel(theirs.fileno(), memory, first=False), "", "", (), 0)
    # A target that lives as long as the pipe is open.
    agent.target_alive, agent.target_ended = True, os.dup(never)
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            console._turn(None, None, None)
            console._take()

    threads = [threading.Thread(target=work, daemon=True) for work in (look, agent.serve)]
    for thread in threads:
        thread.start()
    yield Ends(outside, inside, console, agent)
    done.set()
    local_socket.connect(outside).close()  # It need not wait until it looks by itself.
    threads[0].join(FAR)
    ours.setblocking(True)
    Channel(ours.fileno(), memory, first=True).send(frames.frame(frames.STOP))
    threads[1].join(FAR)
    assert not any(thread.is_alive() for thread in threads)
    passing.close()
    assert not outside.exists()
    for fd in (never, end, agent.target_ended):
        os.close(fd)
    ours.close()
    theirs.close()


@pytest.fixture
def server(ends: Ends) -> Iterator[control.Control]:
    started = control.Control(ends.inside, {"tower": Shelf()})
    yield started
    started.close()


@pytest.fixture
def operator(ends: Ends, server: control.Control) -> Iterator[Control]:
    with Control(ends.outside) as client:
        client.login("su", "")
        yield client


def status(client: Control) -> Any:
    return client.call("status")


def test_it_costs_nothing_until_it_is_used(ends: Ends) -> None:
    assert ends.agent.passage is None


def test_calls_go_through(operator: Control) -> None:
    assert status(operator) == "well"
    with pytest.raises(Refusal, match="asks for its own password") as raised:
        operator.call("bluescale.keys")
    assert raised.value.kind is Kind.AUTHORIZATION


def test_much_goes_through_both_ways(operator: Control) -> None:
    data = random.Random(1).randbytes(5 << 20)
    assert operator.call("restore", data=data, password="x") == data + b"x"


def test_several_clients_at_once(ends: Ends, server: control.Control) -> None:
    data, done = bytes(300_000), list[bytes]()

    def work() -> None:
        with Control(ends.outside) as client:
            client.login("su", "")
            done.extend(client.call("restore", data=data, password="y") for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(FAR)
    assert done == [data + b"y"] * 30


def test_clients_that_hang_up_or_do_not_read_hold_up_nobody(ends: Ends, operator: Control) -> None:
    lazy = local_socket.connect(ends.outside)
    lazy.setblocking(False)
    login = b'{"call": "login", "args": {"user": "su"}, "secrets": ["password"]}\0\n'
    with suppress(BlockingIOError):
        while True:
            # No logins: so many would end the operator's session, which is another rule.
            lazy.send(b'{"call": "status"}\n' * 500)
    for part in (b"", b"{", login[:-1], login):
        rude = local_socket.connect(ends.outside)
        rude.sendall(part)
        rude.close()
    assert status(operator) == "well"
    lazy.close()
    assert status(operator) == "well"


def test_where_nobody_listens_clients_are_hung_up_on(ends: Ends) -> None:
    for _ in range(3):
        with Control(ends.outside) as client, pytest.raises(Refusal) as raised:
            client.login("su", "")
        assert raised.value.kind is Kind.UNREACHABLE


def test_a_target_that_ends_hangs_up_and_the_next_one_is_found(ends: Ends) -> None:
    for _ in range(2):
        server = control.Control(ends.inside, {"tower": Shelf()})
        client = Control(ends.outside)
        client.login("su", "")
        server.close()
        with pytest.raises(Refusal) as raised:
            status(client)
        assert raised.value.kind is Kind.UNREACHABLE


def test_more_clients_than_there_is_room_for_wait(
    ends: Ends, server: control.Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "MOST", 2)
    first, second, third = (Control(ends.outside) for _ in range(3))
    first.login("su", "")
    second.login("su", "")
    later = threading.Thread(target=third.login, args=["su", ""])
    later.start()
    assert status(second) == "well"
    first.close()
    later.join(FAR)
    assert status(third) == "well"
    for client in (second, third):
        client.close()

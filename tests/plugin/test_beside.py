"""Programs beside a guest's commands, and the one that sends SCSI commands, without the guest: an
agent and who talks to it."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.guest import frames
from harness.guest.agent import Agent
from harness.guest.channel import MEMORY, Channel
from harness.guest.console import Console
from harness.initiators.api import NoAnswer
from harness.plugin import through

FAR = 60.0
CAT = ["/bin/cat"]
INQUIRY = bytes((0x12, 0, 0, 0, 36, 0))


@pytest.fixture
def console() -> Iterator[Console]:
    """The host's end; the agent's is in a thread as it is in a process."""
    memory = memoryview(bytearray(MEMORY))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    never, end = os.pipe()
    channel = Channel(ours.fileno(), memory, first=True)
    agent = Agent(Channel(theirs.fileno(), memory, first=False), "", "", (), 0)
    # A target that lives as long as the pipe is open.
    agent.target_alive, agent.target_ended = True, os.dup(never)
    thread = threading.Thread(target=agent.serve, daemon=True)
    thread.start()
    made = Console(channel, never)
    yield made
    for number in list(made._heard):
        made.forget(number)
    made._turn(None, None, 0.0)
    channel.send(frames.frame(frames.STOP))
    thread.join(FAR)
    assert not thread.is_alive()
    for fd in (never, end, agent.target_ended):
        os.close(fd)
    ours.close()
    theirs.close()


def heard(console: Console, number: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = console.hear(number, FAR)
        assert part
        data += part
    return data


def test_bytes_go_both_ways_and_programs_do_not_mix(console: Console) -> None:
    data = random.Random(1).randbytes(3 << 20)
    first, second = console.begin(CAT), console.begin(CAT)
    console.tell(first, data)
    console.tell(second, b"short")
    assert heard(console, second, 5) == b"short"
    assert heard(console, first, len(data)) == data
    console.forget(first)
    assert console.hear(first, FAR) == b""
    console.tell(second, b"still there")
    assert heard(console, second, 11) == b"still there"


def test_the_end_of_a_program_is_heard(console: Console) -> None:
    number = console.begin(["/bin/sh", "-c", "read line; echo $line; exit 3"])
    console.tell(number, b"last words\n")
    assert heard(console, number, 11) == b"last words\n"
    for _ in range(2):
        assert console.hear(number, FAR) == b""
    assert console.hear(console.begin(["/no/such/program"]), FAR) == b""


def test_who_waits_too_long_is_told(console: Console) -> None:
    with pytest.raises(TimeoutError):
        console.hear(console.begin(CAT), 0.01)


def test_a_process_that_does_not_answer_is_followed_by_another(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = through.Sender(console)
    with monkeypatch.context() as patch:
        patch.setattr(through, "PROGRAM", ["/bin/sh", "-c", "exec cat > /dev/null"])
        patch.setattr(through, "MARGIN", 0.0)
        with pytest.raises(NoAnswer, match=r"/dev/none: no answer in 0\.01 s: give the command"):
            sender.send("/dev/none", INQUIRY, b"", 36, 0.01)
    for _ in range(2):
        with pytest.raises(NoAnswer, match="/dev/none: cannot be opened"):
            sender.send("/dev/none", INQUIRY, b"", 36, 1.0)
    # Whatever is wrong with a request, the process is there for the next one.
    with pytest.raises(NoAnswer, match="/dev/null: "):
        sender.send("/dev/null", INQUIRY, b"", 1 << 60, 1.0)
    sender.look("/dev/none")
    assert list(console._heard) == [sender._number]

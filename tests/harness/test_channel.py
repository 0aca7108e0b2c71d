"""The shared-memory channel carries bytes in order, both ways, past the size of its rings."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.guest.channel import MEMORY, RING, Channel, ChannelClosed

Pair = tuple[Channel, Channel, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Both ends of a channel in this process, and the first end's bell to hang up with."""
    memory = memoryview(bytearray(MEMORY))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield (
            Channel(ours.fileno(), memory, first=True),
            Channel(theirs.fileno(), memory, first=False),
            ours,
        )


def test_both_directions_are_apart(pair: Pair) -> None:
    host, guest, _ = pair
    host.send(b"to the guest")
    guest.send(b"to the host")
    assert guest.receive() == b"to the guest"
    assert host.receive() == b"to the host"
    assert not host.readable()
    assert not guest.readable()


def test_a_full_ring_takes_no_more_until_it_is_read(pair: Pair) -> None:
    host, guest, _ = pair
    assert host.send_some(memoryview(bytes(RING + 5))) == RING
    assert host.send_some(memoryview(b"x")) == 0
    assert host.may_wait(for_room=True)
    assert len(guest.receive()) == RING
    assert not host.may_wait(for_room=True)
    assert host.send_some(memoryview(b"x")) == 1


def test_more_than_a_ring_arrives_in_order(pair: Pair) -> None:
    host, guest, _ = pair
    data = random.Random(1).randbytes(5 * RING + 12345)
    writer = threading.Thread(target=guest.send, args=(data,), daemon=True)
    writer.start()
    received = bytearray()
    while len(received) < len(data):
        received += host.receive()
    writer.join(120)
    assert received == data


def test_a_side_that_waits_is_rung_once(pair: Pair) -> None:
    host, guest, bell = pair
    assert host.may_wait()
    guest.send(b"one")
    guest.send(b"two")
    assert bell.recv(10) == b"!"
    assert not host.may_wait()
    assert host.receive() == b"onetwo"


def test_the_end_of_the_other_side_is_noticed(pair: Pair) -> None:
    _, guest, bell = pair
    bell.close()
    with pytest.raises(ChannelClosed):
        guest.take_bell()

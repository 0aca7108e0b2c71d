"""Turns: one thread at a time, again by the same one, waiting with and without a limit."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator

import pytest

from target.scsi.turn import Turn

TIMEOUT = 60.0


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_the_same_thread_may_take_it_again() -> None:
    turn = Turn()
    with turn:
        with turn:
            assert turn.acquire(0)
            turn.release()
        thread = threading.Thread(target=lambda: results.append(turn.acquire(0.001)))
        results: list[bool] = []
        thread.start()
        thread.join(TIMEOUT)
        assert results == [False]
    assert turn.acquire(0)
    turn.release()


def test_who_waits_gets_it() -> None:
    turn = Turn()
    got = threading.Event()

    def wait() -> None:
        with turn:
            got.set()

    threads = [threading.Thread(target=wait) for _ in range(3)]
    with turn:
        for thread in threads:
            thread.start()
        assert not got.wait(0.01)
    for thread in threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive()


@pytest.mark.usefixtures("restless")
def test_no_two_at_a_time_and_nobody_is_forgotten() -> None:
    turn, rounds = Turn(), 3000
    inside = 0
    wrong: list[int] = []
    taken = [0] * 6

    def work(number: int) -> None:
        nonlocal inside
        dice = random.Random(number)
        while taken[number] < rounds:
            # Some give up early: calls must not be lost with them.
            if not turn.acquire(dice.random() * 1e-4 if dice.random() < 0.3 else -1):
                continue
            inside += 1
            if inside != 1:
                wrong.append(inside)
            taken[number] += 1
            inside -= 1
            turn.release()

    threads = [threading.Thread(target=work, args=[n], daemon=True) for n in range(len(taken))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert taken == [rounds] * len(taken)
    assert not wrong
    assert not turn._waiting

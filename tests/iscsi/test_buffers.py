"""Buffers of a connection: taken and given back by the event loop and by the drive's thread."""

from __future__ import annotations

import threading

from target.transports.iscsi.buffers import KEPT, Pool


def test_a_buffer_is_used_again() -> None:
    pool = Pool()
    one = pool.take(5000)
    assert len(one) == 8192
    pool.give(one)
    assert pool.take(8192) is one
    assert pool.take(8192) is not one


def test_what_is_kept_is_bounded() -> None:
    pool = Pool()
    many = [pool.take(1 << 20) for _ in range(64)]
    for one in many:
        pool.give(one)
    again = [pool.take(1 << 20) for _ in range(64)]
    kept = {id(one) for one in many} & {id(one) for one in again}
    assert len(kept) == KEPT >> 20


def test_a_buffer_is_wiped_if_wanted() -> None:
    pool = Pool()
    for size in (100, 1 << 20):
        one = pool.take(size)
        one[:3] = b"key"
        pool.give(one, wipe=True)
        assert not any(one[:100])


def test_two_threads_never_have_the_same_buffer() -> None:
    pool = Pool()
    failed: list[object] = []

    def work(mark: int) -> None:
        try:
            for _ in range(20_000):
                one = pool.take(4096)
                one[0] = mark
                if one[0] != mark:
                    failed.append(mark)
                pool.give(one)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed

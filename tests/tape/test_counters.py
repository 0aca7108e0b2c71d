"""Passes, lengths and times, as such: without a drive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.clock import ManualClock
from target.tape.counters import Counters, Stopwatch, Travel, move, stream

places = st.floats(0, 280, allow_nan=False)


@pytest.mark.parametrize(
    ("here", "there", "went"),
    [
        (0.0, 0.0, Travel(0, 0, 0)),
        (0.0, 0.4, Travel(0.4, 0, 0)),
        (0.0, 0.75, Travel(0.75, 0, 1)),
        (0.75, 1.25, Travel(0.5, 0, 0)),
        (0.0, 2.0, Travel(2, 1, 2)),
        (1.75, 2.25, Travel(0.5, 1, 0)),
        (2.25, 1.75, Travel(0.5, 1, 0)),
        (0.0, 280.0, Travel(280, 140, 280)),
    ],
)
def test_streaming_goes_along_the_wraps(here: float, there: float, went: Travel) -> None:
    assert stream(here, there) == went


@pytest.mark.parametrize(
    ("here", "there", "went"),
    [
        (0.0, 0.0, Travel(0, 0, 0)),
        (0.75, 0.0, Travel(0.75, 1, 1)),
        (0.25, 0.0, Travel(0.25, 1, 0)),
        (0.0, 0.75, Travel(0.75, 0, 1)),
        (2.25, 3.75, Travel(0, 0, 0)),
        (1.0, 2.0, Travel(1, 1, 1)),
    ],
)
def test_moves_go_straight(here: float, there: float, went: Travel) -> None:
    assert move(here, there) == went


@given(places, places, places)
def test_streaming_in_two_steps_is_streaming(here: float, over: float, there: float) -> None:
    here, over, there = sorted((here, over, there))
    first, second, whole = stream(here, over), stream(over, there), stream(here, there)
    assert whole.passes == first.passes + second.passes
    assert whole.middle_passes == first.middle_passes + second.middle_passes
    assert whole.lengths == pytest.approx(first.lengths + second.lengths)


@given(places, places)
def test_a_move_is_at_most_one_length(here: float, there: float) -> None:
    went = move(here, there)
    assert 0 <= went.lengths <= 1
    assert went.passes <= 1 >= went.middle_passes


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1000)), max_size=10))
def test_times_add_up(steps: list[tuple[str, float]]) -> None:
    clock = ManualClock()
    watch = Stopwatch(clock, "a")
    wanted = dict.fromkeys("abc", 0.0)
    for state, seconds in steps:
        watch.enter(state)
        clock.sleep(seconds)
        wanted[state] += seconds
    assert {state: watch.of(state) for state in "abc"} == pytest.approx(wanted)
    assert watch.elapsed == pytest.approx(sum(wanted.values()))
    watch.restart()
    assert (watch.elapsed, watch.of(watch.state)) == (0, 0)


def test_marks() -> None:
    counters = Counters(host_written=5, write_errors=1)
    mark = counters.mark()
    counters.host_written += 2
    assert mark.host_written == 5
    assert counters.since(mark) == Counters(host_written=2)
    counters.clear()
    assert counters == Counters()

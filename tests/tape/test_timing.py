import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.clock import ManualClock
from target.tape.timing import GRAIN, Table, Timing, parse, place, table

MB = 10**6

TIMES = Table(
    load=17, thread=12, unload=24, rewind=102, locate=92, settle=2, rate=400, buffer=1000,
    clean=150, format=200, optimise=2400,
)  # fmt: skip


def real(factor: float = 1.0, times: Table = TIMES) -> tuple[Timing, ManualClock]:
    clock = ManualClock()
    return Timing(times, factor, clock), clock


places = st.floats(0, 280, allow_nan=False)


# --- what is told -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "factor"), [("instant", 0), ("real", 1), (0, 0), (1, 1), (0.01, 0.01), (3, 3)]
)
def test_parse(value: object, factor: float) -> None:
    assert parse(value) == factor


@pytest.mark.parametrize("value", ["fast", "1", "", -1, float("nan"), float("inf"), True, None, []])
def test_parse_refuses(value: object) -> None:
    with pytest.raises(ValueError, match="timing"):
        parse(value)


def test_a_table_says_what_a_model_differs_in() -> None:
    assert table({"load": 17, "rate": 400.0}) == Table(load=17, rate=400.0)
    assert table({}) == Table()


@pytest.mark.parametrize(
    "values", [{"speed": 1}, {"load": "17"}, {"load": True}, {"load": -1}, {"rate": 0}]
)
def test_a_wrong_table_is_named(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        table(values)


# --- moving -------------------------------------------------------------------------------------


def test_places() -> None:
    assert place(0, 0, 1000, 80) == 0
    assert place(250, 0, 1000, 80) == 20
    assert place(0, 500, 1000, 80) == 40
    assert place(0, 510, 1000, 80) == 40, "a partition begins with an even wrap"
    assert place(0, 0, 0, 80) == 0


def test_moves_go_along_the_tape() -> None:
    timing, _ = real()
    assert timing.seconds_between(0, 1) == 92
    assert timing.seconds_between(0, 0.5) == 47
    assert timing.seconds_between(2.25, 3.75) == 2, "the same spot, another wrap"
    assert timing.seconds_between(7.5, 7.5) == 0
    assert timing.seconds_to_rewind(1) == 102
    assert timing.seconds_to_rewind(2) == 2
    assert timing.seconds_to_rewind(0) == 0
    assert timing.seconds_to_unload(0) == 24
    assert timing.seconds_to_unload(1.5) == 24 + 52


def test_without_a_longest_locate_the_average_does() -> None:
    timing, _ = real(times=Table(space=45, settle=2))
    assert timing.seconds_between(0, 0.5) == pytest.approx(45)


@given(places, places, st.floats(0, 2))
def test_a_move_takes_as_long_back(here: float, there: float, factor: float) -> None:
    timing, _ = real(factor)
    seconds = timing.seconds_between(here, there)
    assert seconds == timing.seconds_between(there, here)
    assert 0 <= seconds <= 92 * factor


def test_a_factor_scales_everything() -> None:
    timing, clock = real(0.01)
    assert timing.load == pytest.approx(0.17)
    assert timing.optimise == 24
    assert timing.seconds_between(0, 1) == pytest.approx(0.92)
    assert timing.seconds_to_stream(400 * MB) == pytest.approx(0.01)
    timing.write(41_000 * MB)
    assert clock.passed == pytest.approx(1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**12)), max_size=8))
def test_no_time_passes_with_factor_zero(transfers: list[tuple[bool, int]]) -> None:
    timing, clock = real(0)
    for writing, count in transfers:
        (timing.write if writing else timing.read)(count)
    assert timing.engage(timing.seconds_to_unload(13.5) + timing.load) == 0
    assert clock.passed == 0


# --- data ---------------------------------------------------------------------------------------


def test_writes_wait_once_the_buffer_is_full() -> None:
    timing, clock = real()
    timing.write(600 * MB)
    timing.write(400 * MB)
    assert clock.passed == 0
    timing.write(400 * MB)
    assert clock.passed == pytest.approx(1)
    assert timing.engage() == pytest.approx(2.5), "the buffer is still to go to the tape"


def test_a_slow_host_never_waits() -> None:
    timing, clock = real()
    for _ in range(20):
        timing.write(100 * MB)
        clock.sleep(1)
    assert clock.passed == 20
    assert timing.engage() == 0


def test_reads_wait_for_the_tape() -> None:
    timing, clock = real()
    timing.read(400 * MB)
    assert clock.passed == pytest.approx(1)


def test_reading_ahead_ends_with_the_buffer() -> None:
    timing, clock = real()
    timing.read(400 * MB)
    clock.sleep(100)
    timing.read(1000 * MB)
    assert clock.passed == pytest.approx(101), "that much was there"
    timing.read(400 * MB)
    assert clock.passed == pytest.approx(102)


@given(st.lists(st.integers(1, 8 * MB), min_size=1, max_size=50), st.booleans())
def test_the_rate_is_kept(sizes: list[int], writing: bool) -> None:
    timing, clock = real(times=Table(rate=100, buffer=0))
    for size in sizes:
        (timing.write if writing else timing.read)(size)
    exact = sum(sizes) / (100 * MB)
    assert exact - GRAIN - 1e-9 <= clock.passed <= exact + 1e-9


def test_the_mechanism_does_one_thing_after_another() -> None:
    timing, clock = real()
    timing.write(800 * MB)
    assert timing.engage(10) == pytest.approx(12)
    assert clock.passed == 0
    assert timing.engage(5) == pytest.approx(17)
    timing.read(400 * MB)
    assert clock.passed == pytest.approx(18)
    timing.write(800 * MB)
    timing.halt()
    assert timing.engage() == 0

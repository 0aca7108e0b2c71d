"""At the interface of a unit that has nothing but the operations and a few commands."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.clock import ManualClock
from target.scsi import sense as s
from target.scsi.command import (
    GOOD,
    Call,
    Command,
    Completion,
    Data,
    Nexus,
    Rule,
    command,
)
from target.scsi.device_server import DeviceServer
from target.scsi.sense import CheckCondition, Code, Sense, decode
from target.tape.operation import OPERATIONS, Background, Operation

ALICE, BOB = Nexus("alice"), Nexus("bob")
SECONDS = 80.0


def good(unit: DeviceServer, call: Call) -> Completion:
    return GOOD


def request_sense(unit: "Unit", call: Call) -> Completion:
    sense = unit.background.report(call.nexus) or Sense(s.NO_SENSE)
    return call.reply(sense.fixed(), 18)


TUR = command(0x00, "TEST UNIT READY", "", good, rules=Rule.NEEDS_MEDIUM)
REQUEST_SENSE = command(
    0x03, "REQUEST SENSE", "4 length", request_sense, Data.IN, Rule.PASSES_ATTENTION
)
INQUIRY = command(0x12, "INQUIRY", "4 length", good, rules=Rule.PASSES_ATTENTION)
SPACE = command(0x11, "SPACE", "1.3-0 code", good, rules=Rule.NEEDS_MEDIUM)
LOAD_UNLOAD = command(0x1B, "LOAD UNLOAD", "4.0 load", good)
MODE_SELECT = command(0x15, "MODE SELECT", "4 length", good)


class Unit(DeviceServer):
    """Wired as a drive is."""

    def __init__(self) -> None:
        rows = (TUR, REQUEST_SENSE, INQUIRY, SPACE, LOAD_UNLOAD, MODE_SELECT)
        super().__init__(rows, clock=ManualClock())
        self.background = Background(self.clock, lambda error: self.failed(error, b""))
        self.position = 5
        self.finished = 0
        for nexus in (ALICE, BOB):
            self.meet(nexus).attentions.clear()

    def send(self, row: Command, nexus: Nexus = ALICE) -> Sense | None:
        """What the command is told, or None for GOOD."""
        if self.background.active:
            self.background.settle()
        try:
            if self.background.active:
                self.background.admit(row, nexus)
        except CheckCondition as condition:
            sense = decode(condition.sense.fixed())
            assert sense == condition.sense
            return sense
        done = self.execute(nexus, bytes((row.opcode,)).ljust(row.size, b"\0"))
        return decode(done.sense) if done.sense else None

    def ask(self, nexus: Nexus = ALICE) -> Sense:
        """REQUEST SENSE."""
        if self.background.active:
            self.background.settle()
        data = bytearray(18)
        self.execute(nexus, bytes((3, 0, 0, 0, 18, 0)), data_in=[memoryview(data)])
        return decode(bytes(data))

    def rewound(self) -> None:
        self.position = 0
        self.finished += 1

    def begin(self, name: str, finish: Callable[[], object] | None = None) -> None:
        self.background.run(name, ALICE, SECONDS, finish or self.rewound, immed=True)


def started(name: str) -> Unit:
    unit = Unit()
    unit.begin(name)
    return unit


CODES = [
    ("load", s.BECOMING_READY, s.BECOMING_READY),
    ("optimise", s.BECOMING_READY, s.BECOMING_READY),
    ("unload", s.NOT_READY, s.OPERATION_IN_PROGRESS),
    ("rewind", s.NOT_READY_IN_OPERATION, s.REWIND_IN_PROGRESS),
    ("locate", s.NOT_READY_IN_OPERATION, s.LOCATE_IN_PROGRESS),
    ("verify", s.NOT_READY_IN_OPERATION, s.VERIFY_IN_PROGRESS),
    ("erase", s.NOT_READY_IN_OPERATION, s.ERASE_IN_PROGRESS),
    ("set capacity", s.NOT_READY_IN_OPERATION, s.SET_CAPACITY_IN_PROGRESS),
    ("format", s.FORMAT_IN_PROGRESS, s.FORMAT_IN_PROGRESS),
    ("clean", s.CLEANING, s.CLEANING),
]


def test_every_operation_is_here() -> None:
    assert [row[0] for row in CODES] == list(OPERATIONS)


@pytest.mark.parametrize(("name", "refused", "reported"), CODES)
def test_what_an_operation_tells(name: str, refused: Code, reported: Code) -> None:
    unit = started(name)
    unit.clock.sleep(SECONDS / 4)
    assert unit.send(TUR) == Sense(refused, progress=0x4000)
    assert unit.send(TUR, BOB) == Sense(refused, progress=0x4000)
    assert unit.ask(BOB) == Sense(reported, progress=0x4000)
    assert unit.send(INQUIRY) is None
    assert unit.send(MODE_SELECT) is None
    assert unit.position == 5
    unit.clock.sleep(SECONDS)
    assert unit.send(TUR) is None
    assert unit.ask() == Sense(s.NO_SENSE)
    assert (unit.position, unit.finished) == (0, 1)
    assert not unit.background.active


@pytest.mark.parametrize("row", [SPACE, LOAD_UNLOAD])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_needs_the_mechanism_waits_or_is_refused(name: str, row: Command) -> None:
    unit = started(name)
    before = unit.clock.monotonic()
    sense = unit.send(row, BOB)
    if OPERATIONS[name].waits:
        assert sense is None
        assert unit.clock.monotonic() - before == pytest.approx(SECONDS)
        assert unit.finished == 1
    else:
        assert sense == Sense(OPERATIONS[name].refused, progress=0)
        assert unit.clock.monotonic() == before
        assert unit.finished == 0


@given(st.floats(0, 1e6), st.floats(0.001, 1e6), st.floats(0, 2))
def test_progress(start: float, seconds: float, part: float) -> None:
    operation = Operation("erase", None, start, seconds, lambda: None)
    now = start + part * seconds
    assert 0 <= operation.progress(now) <= 0xFFFF
    assert operation.progress(start + 2 * seconds) == 0xFFFF
    if part < 1 and seconds > 1:
        assert operation.progress(now) == pytest.approx(0x10000 * part, abs=2)
        assert operation.left(now) == pytest.approx((1 - part) * seconds, abs=1e-6)


def test_without_immed_the_command_takes_the_time() -> None:
    unit = Unit()
    unit.background.run("rewind", ALICE, SECONDS, unit.rewound, immed=False)
    assert unit.clock.monotonic() == SECONDS
    assert (unit.position, unit.finished, unit.background.active) == (0, 1, False)


@pytest.mark.parametrize("immed", [False, True])
def test_what_takes_no_time_is_over_at_once(immed: bool) -> None:
    unit = Unit()
    unit.background.run("rewind", ALICE, 0, unit.rewound, immed=immed)
    assert (unit.position, unit.finished, unit.background.active) == (0, 1, False)
    with pytest.raises(CheckCondition):
        unit.background.run("rewind", ALICE, 0, fail, immed=immed)


def fail() -> None:
    raise CheckCondition(Sense(s.WRITE_ERROR, information=3))


DEFERRED = Sense(s.WRITE_ERROR, information=3, deferred=True)


def test_a_failure_is_told_once_to_the_nexus_that_began() -> None:
    unit = Unit()
    unit.begin("erase", fail)
    unit.clock.sleep(SECONDS)
    assert unit.send(TUR, BOB) is None
    assert unit.send(INQUIRY) is None
    assert unit.send(MODE_SELECT) == DEFERRED
    assert unit.send(MODE_SELECT) is None
    assert not unit.background.active


def test_a_failure_ends_the_command_that_waited() -> None:
    unit = Unit()
    unit.begin("rewind", fail)
    assert unit.send(SPACE) == DEFERRED
    unit.begin("rewind", fail)
    assert unit.send(SPACE, BOB) is None
    assert unit.ask() == DEFERRED
    assert unit.ask() == Sense(s.NO_SENSE)


def test_the_first_of_two_failures_is_told() -> None:
    unit = Unit()
    unit.begin("rewind", fail)
    unit.send(SPACE, BOB)
    unit.begin("rewind", lambda: 1 // 0)
    unit.send(SPACE, BOB)
    assert unit.send(SPACE) == DEFERRED
    assert unit.send(SPACE) is None


def test_a_failure_that_is_nobodys_is_told_to_the_first() -> None:
    unit = Unit()
    unit.background.run("load", None, SECONDS, fail, immed=True)
    unit.clock.sleep(SECONDS)
    assert unit.send(TUR, BOB) == DEFERRED
    assert unit.send(TUR) is None


def test_an_unexpected_failure_is_told_too() -> None:
    unit = Unit()
    unit.begin("rewind", lambda: 1 // 0)
    assert unit.send(SPACE) == Sense(s.INTERNAL_FAILURE, deferred=True)


def test_one_operation_may_end_in_another() -> None:
    unit = Unit()
    unit.begin("load", lambda: unit.begin("optimise"))
    unit.clock.sleep(SECONDS)
    assert unit.send(TUR) == Sense(s.BECOMING_READY, progress=0)
    assert unit.finished == 0
    unit.clock.sleep(SECONDS)
    assert unit.send(TUR) is None
    assert unit.finished == 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_reset_ends_it(name: str) -> None:
    unit = started(name)
    unit.clock.sleep(1)
    unit.background.reset()
    assert not unit.background.active
    assert unit.finished == OPERATIONS[name].completes
    assert unit.send(TUR) is None
    unit.clock.sleep(SECONDS)
    assert unit.send(TUR) is None
    assert unit.finished == OPERATIONS[name].completes


def test_a_reset_forgets_failures() -> None:
    unit = Unit()
    unit.begin("rewind", fail)
    unit.background.wait()
    unit.begin("erase", fail)
    unit.background.reset()
    assert unit.send(TUR) is None
    assert unit.ask() == Sense(s.NO_SENSE)

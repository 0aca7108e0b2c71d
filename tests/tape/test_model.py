"""Random sequences of commands: the drive against the plainest model of a tape."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from target.transports.inprocess import Reply
from tests.tape.host import BLOCKS, END_OF_DATA, EOD, FILE, FILEMARKS, MODELS, OBJECT, Host, tape
from tests.tape.model import Answer, Tape

LENGTHS = st.sampled_from((1, 2, 3, 15, 16, 17, 32, 48, 100, 4096))
COUNTS = st.integers(0, 4)
STEPS = st.integers(-6, 6)


def content(length: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(length)


class TapeMachine(RuleBasedStateMachine):
    """Each rule sends one command to the drive and to the model and compares the answers."""

    model = MODELS[-1]
    host: Host

    @initialize()
    def insert(self) -> None:
        self._context = tape(self.model)
        self.host = self._context.__enter__()
        self.tape = Tape()

    def teardown(self) -> None:
        if hasattr(self, "_context"):
            self._context.__exit__(None, None, None)

    def same(self, reply: Reply, answer: Answer) -> None:
        assert (reply.sense, reply.data) == (answer.sense, answer.data)
        assert bool(reply.status) == (answer.sense is not None)

    @invariant()
    def position_agrees(self) -> None:
        if not hasattr(self, "host"):
            return
        reply = self.host.send(bytes((0x34, 6)) + bytes(8), size=32)
        flags = 0x80 * (not self.tape.at)
        numbers = self.tape.at.to_bytes(8, "big") + self.tape.files_before.to_bytes(8, "big")
        assert reply.data == bytes((flags, 0, 0, 0, 0, 0, 0, 0)) + numbers + bytes(8)

    @rule(length=st.sampled_from((0, 1, 16, 32)))
    def mode_select(self, length: int) -> None:
        self.host.set_block_length(length)
        self.tape.block_length = length

    @rule(length=LENGTHS, seed=st.integers(0, 9))
    def write(self, length: int, seed: int) -> None:
        data = content(length, seed)
        self.same(self.host.write(data), self.tape.write([data]))

    @rule(count=COUNTS, seed=st.integers(0, 9))
    def write_fixed(self, count: int, seed: int) -> None:
        size = self.tape.block_length
        if not size:
            return
        data = content(size * count, seed)
        blocks = [data[at : at + size] for at in range(0, len(data), size)]
        self.same(self.host.write(data, blocks=count), self.tape.write(blocks))

    @rule(count=COUNTS, immed=st.booleans())
    def write_filemarks(self, count: int, immed: bool) -> None:
        self.same(self.host.filemarks(count, immed=immed), self.tape.filemarks(count))

    @rule()
    def erase(self) -> None:
        self.same(self.host.erase(), self.tape.erase())

    @rule(length=st.one_of(st.just(0), LENGTHS), sili=st.booleans())
    def read(self, length: int, sili: bool) -> None:
        self.same(self.host.read(length, sili=sili), self.tape.read(length, sili))

    @rule(count=COUNTS)
    def read_fixed(self, count: int) -> None:
        if self.tape.block_length:
            self.same(self.host.read_fixed(count), self.tape.read_fixed(count))

    @rule(length=LENGTHS)
    def verify(self, length: int) -> None:
        self.same(self.host.verify(length), self.tape.verify(length))

    @rule(count=COUNTS)
    def verify_fixed(self, count: int) -> None:
        if self.tape.block_length:
            self.same(self.host.verify(count, flags=1), self.tape.verify_fixed(count))

    @rule(count=STEPS, long=st.booleans())
    def space_blocks(self, count: int, long: bool) -> None:
        self.same(self.host.space(BLOCKS, count, long=long), self.tape.space_blocks(count))

    @rule(count=STEPS, long=st.booleans())
    def space_filemarks(self, count: int, long: bool) -> None:
        self.same(self.host.space(FILEMARKS, count, long=long), self.tape.space_filemarks(count))

    @rule(count=STEPS, long=st.booleans())
    def space_end(self, count: int, long: bool) -> None:
        self.same(self.host.space(END_OF_DATA, count, long=long), self.tape.space_end())

    @rule(number=st.integers(0, 30), kind=st.sampled_from((None, OBJECT)))
    def locate(self, number: int, kind: int | None) -> None:
        self.same(self.host.locate(number, kind), self.tape.locate(number))

    @rule(number=st.integers(0, 10))
    def locate_file(self, number: int) -> None:
        self.same(self.host.locate(number, FILE), self.tape.locate_file(number))

    @rule(number=st.integers(0, 10))
    def locate_end(self, number: int) -> None:
        self.same(self.host.locate(number, EOD), self.tape.space_end())

    @rule()
    def rewind(self) -> None:
        self.same(self.host.rewind(), self.tape.locate(0))

    @rule()
    def load(self) -> None:
        self.same(self.host.load(), self.tape.locate(0))


@pytest.mark.req(
    "SSC-READ-08", "SSC-READ-09", "SSC-READ-10", "SSC-READ-12", "SSC-WRITE-13", "SSC-WFM-01",
    "SSC-SPACE-03", "SSC-SPACE-04", "SSC-LOCATE-02", "SSC-RPOS-03", "SSC-ERASE-01",
)  # fmt: skip
@pytest.mark.parametrize("model", MODELS)
def test_any_sequence_of_commands(model: str) -> None:
    machine = type("Machine", (TapeMachine,), {"model": model})
    examples = 250 if model == MODELS[-1] else 50
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None)
    )

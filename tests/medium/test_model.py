"""A partition against the plainest model of a tape: a list of objects, and how many are durable."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from target.medium.compress import METHODS
from tests.medium.tape import KEY, OTHER_KEY, Medium, Object, blank, block

SIZES = st.one_of(
    st.sampled_from((1, 47, 48, 49, 64, 4096, (1 << 20) - 16, 1 << 20, (1 << 20) + 5)),
    st.integers(1, 200_000),
)


class Tape(RuleBasedStateMachine):
    """`objects` is (content, key) of everything on the tape; the first `durable` survive."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = blank(Path(self.scratch.name) / "cartridge")
        self.objects: list[tuple[Object, bytes | None]] = []
        self.durable = 0
        self.written = 0
        self.medium = Medium(self.folder)

    def teardown(self) -> None:
        self.check_everything()
        self.reopen()
        self.check_everything()
        self.medium.leave()
        self.scratch.cleanup()

    def check_everything(self) -> None:
        found = [self.medium.read(number, key) for number, (_, key) in enumerate(self.objects)]
        assert found == [content for content, _ in self.objects]

    @rule(size=SIZES, key=st.sampled_from((None, KEY, OTHER_KEY)), method=st.sampled_from(METHODS))
    def write(self, size: int, key: bytes | None, method: str) -> None:
        self.written += 1
        # Half of it compresses.
        data = (block(size // 2, self.written) + bytes(size))[:size]
        self.medium.method = method
        self.medium.write(data, key)
        self.objects.append((data, key))

    @rule(count=st.integers(0, 4))
    def filemarks(self, count: int) -> None:
        self.medium.partition.write_filemarks(count)
        self.objects += [(None, None)] * count

    @precondition(lambda self: self.objects)
    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(0, len(self.objects)), label="objects left")
        self.medium.cut(count)
        del self.objects[count:]
        self.durable = min(self.durable, count)

    @rule()
    def sync(self) -> None:
        self.medium.partition.sync()
        self.durable = len(self.objects)

    @rule()
    def reopen(self) -> None:
        self.medium.close()
        self.durable = len(self.objects)
        self.medium = Medium(self.folder)

    @rule()
    def lose_what_is_not_durable(self) -> None:
        self.medium.leave()
        self.medium = Medium(self.folder)
        del self.objects[self.durable :]

    @precondition(lambda self: self.objects)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.objects) - 1), label="object")
        content, key = self.objects[number]
        assert self.medium.read(number, key) == content

    @invariant()
    def same_shape(self) -> None:
        index = self.medium.partition.index
        contents = [content for content, _ in self.objects]
        assert index.count == len(contents)
        assert index.files == contents.count(None)
        marks = [number for number, content in enumerate(contents) if content is None]
        assert [index.filemark(file) for file in range(len(marks))] == marks
        before = [contents[:number].count(None) for number in range(len(contents) + 1)]
        assert [index.files_before(number) for number in range(len(contents) + 1)] == before

    @invariant()
    def encrypted_blocks_are_known(self) -> None:
        first = next((n for n, (_, key) in enumerate(self.objects) if key), None)
        assert self.medium.partition.first_encrypted() == first

    @invariant()
    def nothing_durable_is_missing(self) -> None:
        size = os.stat(self.folder / "partition0" / "index").st_size
        assert size == 32 * self.durable


TestTape = Tape.TestCase
TestTape.settings = settings(max_examples=80, stateful_step_count=40)

"""What a tape is, in the plainest terms: a list of blocks and filemarks, and a place in it.

Every answer is worked out one object at a time, as the standard tells it; nothing is shared with
the code under test but the names of the sense codes.
"""

from __future__ import annotations

from typing import NamedTuple

from target.scsi import sense as s
from target.scsi.sense import Sense


class Answer(NamedTuple):
    """What a host must see: sense (None: GOOD) and data-in."""

    sense: Sense | None = None
    data: bytes = b""


class Tape:
    """``objects``: bytes is a block, None a filemark. `at` is between two of them."""

    def __init__(self) -> None:
        self.objects: list[bytes | None] = []
        self.at = 0
        self.block_length = 0

    @property
    def files_before(self) -> int:
        return self.objects[: self.at].count(None)

    # --- data --------------------------------------------------------------------------------

    def write(self, blocks: list[bytes]) -> Answer:
        if blocks:
            self.objects[self.at :] = blocks
            self.at = len(self.objects)
        return Answer()

    def filemarks(self, count: int) -> Answer:
        if count:
            self.objects[self.at :] = [None] * count
            self.at = len(self.objects)
        return Answer()

    def erase(self) -> Answer:
        del self.objects[self.at :]
        return Answer()

    def _next(self, left: int) -> bytes | Sense:
        if self.at == len(self.objects):
            return Sense(s.END_OF_DATA, information=left)
        item = self.objects[self.at]
        self.at += 1
        return Sense(s.FILEMARK_DETECTED, information=left, filemark=True) if item is None else item

    def read(self, length: int, sili: bool) -> Answer:
        if not length:
            return Answer()
        block = self._next(length)
        if isinstance(block, Sense):
            return Answer(block)
        silent = sili and (len(block) < length or not self.block_length)
        if len(block) == length or silent:
            return Answer(None, block[:length])
        return Answer(Sense(s.NO_SENSE, information=length - len(block), ili=True), block[:length])

    def read_fixed(self, count: int) -> Answer:
        data = b""
        for left in range(count, 0, -1):
            block = self._next(left)
            if isinstance(block, Sense):
                return Answer(block, data)
            if len(block) != self.block_length:
                return Answer(Sense(s.NO_SENSE, information=left, ili=True), data)
            data += block
        return Answer(None, data)

    def verify(self, length: int) -> Answer:
        return self.read(length, sili=False)._replace(data=b"")

    def verify_fixed(self, count: int) -> Answer:
        return self.read_fixed(count)._replace(data=b"")

    # --- positioning -------------------------------------------------------------------------

    def space_blocks(self, count: int) -> Answer:
        for left in range(abs(count), 0, -1):
            step = self._forward(left) if count > 0 else self._back(left)
            if step.sense:
                return step
        return Answer()

    def _forward(self, left: int) -> Answer:
        block = self._next(left)
        return Answer(block) if isinstance(block, Sense) else Answer()

    def _back(self, left: int) -> Answer:
        if not self.at:
            return Answer(Sense(s.BEGINNING_OF_PARTITION, information=left, eom=True))
        self.at -= 1
        if self.objects[self.at] is None:
            return Answer(Sense(s.FILEMARK_DETECTED, information=left, filemark=True))
        return Answer()

    def space_filemarks(self, count: int) -> Answer:
        left = abs(count)
        while left:
            step = self._forward(left) if count > 0 else self._back(left)
            if step.sense and step.sense.code is s.FILEMARK_DETECTED:
                left -= 1
            elif step.sense:
                return step
        return Answer()

    def space_end(self) -> Answer:
        self.at = len(self.objects)
        return Answer()

    def locate(self, number: int) -> Answer:
        self.at = min(number, len(self.objects))
        return Answer(Sense(s.END_OF_DATA)) if number > len(self.objects) else Answer()

    def locate_file(self, number: int) -> Answer:
        self.at = 0
        while self.files_before < number:
            if self.at == len(self.objects):
                return Answer(Sense(s.END_OF_DATA))
            self.at += 1
        return Answer()

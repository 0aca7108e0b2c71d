"""The device under test, as checks see it: commands out, answers in, expectations held.

Everything that a check sends is kept with its answer until the next check, so that a failure can be
shown as it was.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

from harness.conform.check import Failure, NotApplicable
from harness.initiators.api import Initiator, Reply, Unsupported

GOOD = 0x00
CHECK_CONDITION = 0x02
RESERVATION_CONFLICT = 0x18


class Exchange(NamedTuple):
    """A command and its answer, as bytes; keys are blotted out."""

    nexus: int
    cdb: bytes
    out: bytes
    reply: Reply


class Answer:
    """How a command ended."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.data = reply.data
        self.raw_sense = reply.sense

    @cached_property
    def sense(self) -> Any:
        """The sense data, dissected (`harness.layers.sense.Sense`). Failure if there are none."""
        raise NotImplementedError

    @property
    def code(self) -> str:
        """Sense key, ASC and ASCQ as 5/24/00, or "" without sense data."""
        raise NotImplementedError


class Subject:
    """One nexus to the device. ``scratch``: the volume in it may be overwritten."""

    def __init__(self, initiator: Initiator, *, scratch: bool = False) -> None:
        self.initiator = initiator
        self.scratch = scratch
        self.exchanges: list[Exchange] = []
        self.warnings: list[str] = []

    # --- commands ----------------------------------------------------------------------------

    def do(self, cdb: Any, *, out: Any = b"", size: int = 0) -> Answer:
        """Run a command: a CDB layer or bytes; ``out``: a layer or bytes. No opinion."""
        reply = self.initiator.send(bytes(cdb), out=bytes(out), size=size)
        self.exchanges.append(Exchange(0, bytes(cdb), bytes(out), reply))
        return Answer(reply)

    def good(self, cdb: Any, *, out: Any = b"", size: int = 0) -> Answer:
        """Run a command that has to end with GOOD. Raises Failure."""
        answer = self.do(cdb, out=out, size=size)
        self.expect("status", GOOD, answer.status)
        return answer

    def refused(
        self,
        cdb: Any,
        *codes: str,
        out: Any = b"",
        size: int = 0,
        field: tuple[int, int | None] | None = None,
        data: bool = False,
    ) -> Answer:
        """Run a command that has to end with CHECK CONDITION and one of ``codes`` (5/24/00).

        ``field``: byte and bit that the field pointer, if there is one, has to name; ``data``:
        whether it is one in the parameter list and not in the CDB. Raises Failure.
        """
        raise NotImplementedError

    # --- opinions ----------------------------------------------------------------------------

    def expect(self, what: str, expected: object, came: object) -> None:
        """Raise Failure unless they are equal."""
        if expected != came:
            raise Failure(what, repr(expected), repr(came))

    def require(self, what: str, holds: bool, expected: str, came: object) -> None:
        """Raise Failure unless it holds."""
        if not holds:
            raise Failure(what, expected, repr(came))

    def warn(self, text: str) -> None:
        """The check passes with a warning."""
        self.warnings.append(text)

    # --- what the device is ------------------------------------------------------------------

    def has(self, opcode: int, service_action: int | None = None) -> bool:
        """Whether REPORT SUPPORTED OPERATION CODES (or, without it, trying) says so."""
        raise NotImplementedError

    def need(self, opcode: int, service_action: int | None = None) -> None:
        """Raise NotApplicable unless the device has that command."""
        if not self.has(opcode, service_action):
            raise NotApplicable(f"the device has no command {opcode:02X}h")

    @cached_property
    def second(self) -> Subject:
        """The same device from a second nexus. Raises NotApplicable where there is none."""
        try:
            return Subject(self.initiator.another(), scratch=self.scratch)
        except Unsupported as error:
            raise NotApplicable(str(error)) from None

    # --- states ------------------------------------------------------------------------------

    def settle(self) -> None:
        """Hear pending unit attentions out, on both nexuses, until the unit is ready."""
        raise NotImplementedError

    def write(self, *blocks: bytes) -> None:
        """Write blocks of those lengths, variable, from where the tape is."""
        raise NotImplementedError

    def blank(self) -> None:
        """An empty tape at its beginning: rewind, erase or overwrite. NotApplicable without
        ``scratch`` or without a volume that may be written."""
        raise NotImplementedError

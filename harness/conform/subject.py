"""The device under test, as checks see it: commands out, answers in, expectations held.

Everything that a check sends is kept with its answer until the next check, so that a failure can be
shown as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from time import monotonic, sleep
from typing import Any, TypeVar

from harness.conform import commands as c
from harness.conform import patience, supported
from harness.conform.check import Failure, NotApplicable
from harness.conform.exchange import Exchange, blot
from harness.initiators.api import Initiator, NoAnswer, Reply, Unsupported
from harness.layers.cdb import Inquiry, dissect_cdb
from harness.layers.sense import Sense, dissect_sense
from harness.layers.status import in_words

T = TypeVar("T")

GOOD = 0x00
CHECK_CONDITION = 0x02
BUSY = 0x08
RESERVATION_CONFLICT = 0x18

GOES_ON = frozenset({"2/04/01", "2/04/04", "2/04/07", "2/3E/00"})
"""Becoming ready, formatting, an operation under way; HP drives after a reset."""
ATTENTIONS = 20
"""More unit attentions than that in a row are taken for a device that never ends."""


class Answer:
    """How a command ended: ``status``, ``data``, ``raw_sense``."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.data = reply.data
        self.raw_sense = reply.sense

    @cached_property
    def sense(self) -> Sense:
        """The sense data, dissected. Raises Failure if there are none, or none that make sense."""
        if not self.raw_sense:
            raise Failure("sense data", "sense data", f"none, with status {self.status:02X}h")
        try:
            return dissect_sense(self.raw_sense)
        except ValueError as error:
            came = f"{self.raw_sense.hex(' ')} ({error})"
            raise Failure("sense data", "sense data", came) from None

    @property
    def code(self) -> str:
        """Sense key, ASC and ASCQ as 5/24/00; "" without sense data, "?" for such as are none."""
        if not self.raw_sense:
            return ""
        try:
            return self.sense.code
        except Failure:
            return "?"

    def __repr__(self) -> str:
        return f"Answer({self.status:02X}h, {self.code or 'no sense'}, {len(self.data)} bytes)"


class Subject:
    """One nexus to the device. ``scratch``: the volume in it may be overwritten; ``timeout``:
    seconds that any command may take, None for as long as a physical device may need for it.

    Methods that send commands raise NoAnswer (of `harness.initiators.api`) where none comes.
    """

    def __init__(
        self,
        initiator: Initiator,
        *,
        scratch: bool = False,
        timeout: float | None = None,
        first: Subject | None = None,
    ) -> None:
        self.initiator = initiator
        self.scratch = scratch
        self.timeout = timeout
        self.first = first or self
        self.through_tcmu = False
        """Whether Linux's TCMU is on the way: it shows no data as if all room were full, answers
        some commands itself, and tells the device of a reset when that has been answered."""
        self.nexus = 0 if first is None else 1
        self.exchanges: list[Exchange] = first.exchanges if first else []
        self.warnings: list[str] = first.warnings if first else []
        self.cleanups: list[Callable[[], object]] = first.cleanups if first else []

    # --- commands ----------------------------------------------------------------------------

    def do(
        self, cdb: Any, *, out: Any = b"", size: int = 0, timeout: float | None = None
    ) -> Answer:
        """Run a command: a CDB layer or bytes; ``out``: a layer or bytes; ``size``: room for
        data-in, where there is no data-out. No opinion on how it ends."""
        cdb, out = bytes(cdb), bytes(out)
        if out:
            size = 0
        kept = blot(cdb, out)
        try:
            most = timeout or self.patience(patience.seconds(cdb))
            reply = self.initiator.send(cdb, out=out, size=size, timeout=most)
        except NoAnswer:
            self.exchanges.append(Exchange(self.nexus, cdb, kept, None))
            raise
        if self.first.through_tcmu and nothing_came(cdb, size, reply):
            reply = reply._replace(data=b"")
        self.exchanges.append(Exchange(self.nexus, cdb, kept, reply))
        return Answer(reply)

    def good(
        self, cdb: Any, *, out: Any = b"", size: int = 0, timeout: float | None = None
    ) -> Answer:
        """Run a command that has to end with GOOD. Raises Failure."""
        answer = self.do(cdb, out=out, size=size, timeout=timeout)
        if answer.status != GOOD:
            raise Failure("status", "GOOD", ended(answer))
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
        answer = self.do(cdb, out=out, size=size)
        wanted = " or ".join(codes) or "any sense"
        if answer.status != CHECK_CONDITION:
            raise Failure("status", f"CHECK CONDITION, {wanted}", ended(answer))
        if codes and answer.code not in codes:
            raise Failure("sense", wanted, ended(answer))
        pointer = answer.sense.field_pointer
        if field is not None and pointer is not None:
            (byte, bit), (came, came_bit, in_data) = field, pointer
            if bit is None or came_bit is None:
                bit = came_bit = None
            if (byte, bit, data) != (came, came_bit, in_data):
                expected = place(byte, bit, data)
                raise Failure("field pointer", expected, place(came, came_bit, in_data))
        return answer

    def patience(self, needed: float) -> float:
        """Seconds to wait for what may need so many: those that the user has named, if any."""
        return needed if self.timeout is None else self.timeout

    # --- opinions ----------------------------------------------------------------------------

    def expect(self, what: str, expected: object, came: object) -> None:
        """Raise Failure unless they are equal."""
        if expected != came:
            raise Failure(what, words(expected), words(came))

    def require(self, what: str, holds: object, expected: str, came: object) -> None:
        """Raise Failure unless it holds."""
        if not holds:
            raise Failure(what, expected, words(came))

    def warn(self, text: str) -> None:
        """The check passes with a warning."""
        self.warnings.append(text)

    def skip(self, why: str) -> None:
        """The check does not apply to this device."""
        raise NotApplicable(why)

    # --- what the device is ------------------------------------------------------------------

    @cached_property
    def listed(self) -> supported.Listed | None:
        """Commands that the device says it has; None if it does not say."""
        if self.first is not self:
            return self.first.listed
        return self.apart(lambda: supported.ask(lambda cdb, size: self.do(cdb, size=size)))

    @cached_property
    def tried(self) -> dict[tuple[int, int | None], bool]:
        """What trying has shown of a device that does not list its commands."""
        return {} if self.first is self else self.first.tried

    def has(self, opcode: int, service_action: int | None = None) -> bool:
        """Whether REPORT SUPPORTED OPERATION CODES (or, without it, trying) says so."""
        if self.listed is not None:
            return supported.has(self.listed, opcode, service_action)
        key = opcode, service_action
        if key not in self.tried:
            self.tried[key] = self.apart(
                lambda: supported.try_one(
                    lambda cdb, size: self.do(cdb, size=size), opcode, service_action
                )
            )
        return self.tried[key]

    def need(self, opcode: int, service_action: int | None = None) -> None:
        """Raise NotApplicable unless the device has that command."""
        if not self.has(opcode, service_action):
            action = "" if service_action is None else f"/{service_action:02X}h"
            raise NotApplicable(f"the device has no command {opcode:02X}h{action}")

    @cached_property
    def second(self) -> Subject:
        """The same device from a second nexus. Raises NotApplicable where there is none."""
        if self.first is not self:
            raise NotApplicable("there are two nexuses, not more")
        try:
            other = self.initiator.another()
        except Unsupported as error:
            raise NotApplicable(str(error)) from None
        subject = Subject(other, scratch=self.scratch, timeout=self.timeout, first=self)
        subject.apart(subject.settle)
        return subject

    @property
    def has_met_second(self) -> bool:
        """Whether the second nexus has been made."""
        return "second" in self.__dict__

    def calibrate(self) -> None:
        """See how the way to the device shows that no data came: to INQUIRY without room, and
        to one that is refused."""
        for page in (0, 1):  # a page without EVPD is refused
            cdb = bytes(Inquiry(page_code=page, allocation_length=64 * page))
            timeout = self.patience(patience.seconds(cdb))
            reply = self.initiator.send(cdb, size=64, timeout=timeout)
            refused = page and reply.status == CHECK_CONDITION
            if reply.data == bytes(64) or (refused and len(reply.data) == 64):
                self.through_tcmu = True

    def need_own(self, what: str) -> None:
        """Raise NotApplicable where that is not the device's own doing."""
        if self.first.through_tcmu:
            raise NotApplicable(f"{what} is not the device's own doing: Linux-IO is on the way")

    def lose_nexus(self) -> None:
        """I_T nexus loss, and the nexus anew. NotApplicable where the way keeps its nexus."""
        if getattr(self.initiator, "keeps_nexus", False):
            raise NotApplicable(f"{self.initiator.name}: the kernel keeps its nexus")
        self.initiator.reconnect()

    # --- states ------------------------------------------------------------------------------

    def settle(self) -> None:
        """Hear pending unit attentions out, on both nexuses, until the unit is ready or says why
        it is not."""
        both = [self.first, self.first.second] if self.first.has_met_second else [self.first]
        for one in both if self.first is self else [self]:
            one.hear_out()

    def hear_out(self) -> Answer:
        """TEST UNIT READY until it tells of no unit attention and of nothing that goes on."""
        until = monotonic() + self.patience(patience.READY)
        heard, pause = 0, 0.02
        while True:
            answer = self.do(c.TEST_UNIT_READY)
            if answer.code.startswith("6/") and heard < ATTENTIONS:
                heard += 1
            elif answer.code in GOES_ON and monotonic() < until:
                sleep(pause)
                pause = min(1.0, pause * 1.2)
            else:
                return answer

    def write(self, *blocks: bytes) -> None:
        """Write blocks of those lengths, variable, from where the tape is."""
        for block in blocks:
            self.good(c.write(len(block)), out=block)

    def blank(self) -> None:
        """An empty tape at its beginning: rewind, erase or overwrite. NotApplicable without
        ``scratch`` or without a volume that may be written."""
        if not self.scratch:
            raise NotApplicable("needs --scratch")
        answer = self.do(c.REWIND)
        if answer.code.startswith(("2/3A", "2/04")):
            raise NotApplicable("no volume is loaded")
        answer = self.do(c.erase())
        if answer.code.startswith("7/"):
            raise NotApplicable(f"the volume cannot be written: {answer.code}")
        if answer.status != GOOD:
            self.good(c.write_filemarks(1))
        self.good(c.REWIND)

    def cleanup(self, function: Callable[[], object]) -> None:
        """Call it when the check has ended, however it ended; the last is called first."""
        self.cleanups.append(function)

    def apart(self, function: Callable[[], T]) -> T:
        """Call it without keeping what it sends among the check's exchanges."""
        kept = len(self.exchanges)
        try:
            return function()
        finally:
            del self.exchanges[kept:]


def nothing_came(cdb: bytes, size: int, reply: Reply) -> bool:
    """Whether data that fill all room are none: zeros where the CDB asks for no data, and whatever
    came with an error, but that a block is longer or that data were recovered."""
    if not size or len(reply.data) != size:
        return False
    if reply.status == CHECK_CONDITION:
        sense = Answer(reply).sense
        return not sense.ili and sense.key != 1
    if reply.status != GOOD or any(reply.data):
        return reply.status != GOOD
    packet = dissect_cdb(cdb)
    asked = ("allocation_length", "transfer_length")
    return not any(getattr(packet, name, 0) for name in asked)


def ended(answer: Answer) -> str:
    """How a command ended, in words."""
    text = in_words(answer.status)
    if not answer.raw_sense:
        return text
    if answer.code == "?":
        return f"{text}, no sense data but {answer.raw_sense.hex(' ')}"
    return f"{text}, {answer.sense}"


def words(value: object) -> str:
    """A value as it is shown: bytes in hexadecimal, long ones cut."""
    if isinstance(value, bytes | bytearray):
        shown = value[:64].hex(" ") if value else "nothing"
        return shown if len(value) <= 64 else f"{shown} ... ({len(value)} bytes)"
    return value if isinstance(value, str) else repr(value)


def place(byte: int, bit: int | None, in_data: bool) -> str:
    """A field pointer in words."""
    where = f"byte {byte}" if bit is None else f"byte {byte} bit {bit}"
    return f"{where} of the {'parameter list' if in_data else 'CDB'}"

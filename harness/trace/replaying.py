"""Sends the commands of a trace to another target, and says where its answers differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.counting import many
from harness.initiators.api import Initiator, NoAnswer, Reply, Unsupported
from harness.layers.status import in_words
from harness.trace import remaking
from harness.trace.ignoring import ATTENTION, INFORMATION, masked
from harness.trace.reader import Command, Data, Event, Record
from harness.trace.words import CHECK_CONDITION, sense_of

UNIT_ATTENTION = 6
MOST_ATTENTIONS = 8
"""In a row, of a target whose unit attentions are left out."""
_RESETS = ("BUS DEVICE RESET FUNCTION OCCURRED", "SCSI BUS RESET OCCURRED", "all hosts know")
SHOWN = 16
"""Bytes of data in a difference."""


@dataclass(frozen=True)
class Difference:
    """A command that another target answered otherwise: what of, in the trace, and there."""

    command: Command
    what: str
    traced: str
    answered: str


@dataclass
class Replay:
    """A replay. ``first`` is the initiator for the first nexus of the trace; others come from it.

    Iterate over `of` to run it. Raises InitiatorError.
    """

    first: Initiator
    ignored: frozenset[str]
    vague: bool = False
    """Whether the way to the target does not say how much came with CHECK CONDITION: then the
    buffer is full, and what is behind what was traced may be anything."""
    count: int = 0
    differing: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """What was not sent, or happened without a command, and how often."""
    _initiators: dict[str, Initiator] = field(default_factory=dict)
    _written: set[str] = field(default_factory=set)
    """Digests of blocks that were made up again and written."""

    def of(self, records: Iterator[Record]) -> Iterator[Difference]:
        """Send them in order; the differences."""
        for record in records:
            if isinstance(record, Event):
                self._event(record)
                continue
            differences = list(self._command(record))
            self.differing += bool(differences)
            yield from differences

    def _command(self, command: Command) -> Iterator[Difference]:
        why_not = remaking.why_not(command)
        if why_not:
            self.left_out[why_not] += 1
            return
        if ATTENTION in self.ignored and _is_attention(command.status, command.sense):
            self.left_out["unit attentions"] += 1
            return
        self.count += 1
        initiator = self._initiator(command.nexus)
        try:
            reply = self._send(initiator, command)
        except NoAnswer as error:
            yield Difference(command, "answer", in_words(command.status), str(error))
            initiator.reconnect()
            return
        if not command.out.complete and not reply.status:
            self._written.add(command.out.sha256 or "")
        yield from self._compare(command, reply)

    def _send(self, initiator: Initiator, command: Command) -> Reply:
        out = remaking.data_out(command) if not command.data.length else b""
        size = 0 if out else max(command.room, command.data.length)
        reply = initiator.send(command.cdb, out=out, size=size)
        if ATTENTION in self.ignored:
            for _ in range(MOST_ATTENTIONS):
                if not _is_attention(reply.status, reply.sense):
                    break
                reply = initiator.send(command.cdb, out=out, size=size)
        return reply

    def _initiator(self, nexus: str) -> Initiator:
        if nexus not in self._initiators:
            first = not self._initiators
            self._initiators[nexus] = self.first if first else self.first.another()
        return self._initiators[nexus]

    # --- what happened besides ---------------------------------------------------------------

    def _event(self, event: Event) -> None:
        what = event.details.get("what")
        act: Callable[[], None] | None = None
        if event.kind == "reset" and what in _RESETS:
            act = self.first.reset
        elif event.kind == "nexus" and what == "lost":
            initiator = self._initiators.get(event.details.get("nexus", ""))
            act = initiator.reconnect if initiator is not None else None
        elif event.kind in ("key", "alert", "message") or what in ("loaded", "unloaded"):
            # They come of commands.
            return
        try:
            if act is not None:
                act()
                return
        except Unsupported:
            pass
        self.left_out[f"{event.kind} {what or ''}".rstrip()] += 1

    # --- comparing ---------------------------------------------------------------------------

    def _compare(self, command: Command, reply: Reply) -> Iterator[Difference]:
        if command.status != reply.status:
            traced = _ended(command.status, command.sense)
            yield Difference(command, "status", traced, _ended(reply.status, reply.sense))
            return
        if command.status == CHECK_CONDITION:
            traced, answered = str(sense_of(command.sense)), str(sense_of(reply.sense))
            if traced != answered:
                yield Difference(command, "sense data", traced, answered)
            elif INFORMATION not in self.ignored:
                before, now = _information(command.sense), _information(reply.sense)
                if before != now:
                    yield Difference(command, "information", before, now)
        yield from self._compare_data(command, reply)

    def _compare_data(self, command: Command, reply: Reply) -> Iterator[Difference]:
        traced, answered = self._expected(command.data), reply.data
        if command.status and self.vague and len(answered) == command.room:
            answered = answered[: len(traced)]
        if len(traced) < command.data.length and len(answered) == command.data.length:
            # Only its beginning is known.
            answered = answered[: len(traced)]
        traced = masked(command.cdb, traced, self.ignored)
        answered = masked(command.cdb, answered, self.ignored)
        if traced == answered:
            return
        if len(traced) != len(answered):
            lengths = (many(len(traced), "byte"), many(len(answered), "byte"))
            if traced[: len(answered)] == answered[: len(traced)]:
                yield Difference(command, "length of data-in", *lengths)
                return
        at = next(
            (
                n
                for n, (one, other) in enumerate(zip(traced, answered, strict=False))
                if one != other
            ),
            min(len(traced), len(answered)),
        )
        yield Difference(
            command, f"data-in from byte {at}", _shown(traced, at), _shown(answered, at)
        )

    def _expected(self, data: Data) -> bytes:
        return remaking.block(data) if data.sha256 in self._written else data.head


def _is_attention(status: int, sense: bytes) -> bool:
    return status == CHECK_CONDITION and sense_of(sense).code[0] == UNIT_ATTENTION


def _ended(status: int, sense: bytes) -> str:
    return str(sense_of(sense)) if status == CHECK_CONDITION else in_words(status)


def _information(sense: bytes) -> str:
    """INFORMATION of fixed-format sense data, where it is valid."""
    if len(sense) < 7 or not sense[0] & 0x80:
        return "none"
    return str(int.from_bytes(sense[3:7], "big", signed=True))


def _shown(data: bytes, at: int) -> str:
    shown = data[at : at + SHOWN].hex(" ") or "nothing"
    return f"{shown} ..." if len(data) > at + SHOWN else shown

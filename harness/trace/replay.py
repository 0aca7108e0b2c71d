"""What `keyreel trace replay` does."""

from __future__ import annotations

from pathlib import Path

from harness.cli import FAILED, say
from harness.counting import many
from harness.initiators.api import InitiatorError
from harness.initiators.opening import open_initiator
from harness.trace import words
from harness.trace.choosing import Choice
from harness.trace.ignoring import RULES
from harness.trace.looking import told
from harness.trace.reader import Command, Trace, TraceError, read
from harness.trace.replaying import Difference, Replay

DIFFERENT = 1
_KERNEL = ("/dev/sg", "pysg:")


@told
def replay(file: Path, target: str, choice: Choice, ignored: frozenset[str]) -> int:
    """Replay the chosen records of one unit; 1 where an answer differs."""
    trace = read(file)
    unit = _unit(trace, choice)
    changer = unit in words.changers(trace.header)
    try:
        with open_initiator(target) as initiator:
            run = Replay(initiator, ignored, vague=initiator.name.startswith(_KERNEL))
            for difference in run.of(record for _, record in choice.of(trace)):
                _show(difference, changer=changer)
    except InitiatorError as error:
        say(str(error))
        return FAILED
    sent = many(run.count, "command")
    print(f"{sent} of {unit} sent to {target}: {run.differing} answered otherwise")
    for what, count in sorted(run.left_out.items()):
        print(f"left out: {what} ({count})")
    for name in sorted(ignored):
        print(f"not compared: {name} ({RULES[name].words})")
    return DIFFERENT if run.differing else 0


def _unit(trace: Trace, choice: Choice) -> str:
    """The one unit that is replayed. Raises TraceError."""
    choice.check(trace)
    units = {record.unit for _, record in choice.of(trace) if isinstance(record, Command)}
    if not units:
        raise TraceError(f"no command of {trace.path} is chosen: choose otherwise")
    if len(units) != 1:
        which = " and ".join(sorted(units))
        raise TraceError(f"these are commands of {which}: choose one with --unit")
    return units.pop()


def _show(difference: Difference, *, changer: bool) -> None:
    print(words.line(difference.command, changer=changer))
    print(f"{'':14}{difference.what} in the trace: {difference.traced}")
    print(f"{'':14}{difference.what} of the target: {difference.answered}")

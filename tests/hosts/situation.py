"""A situation of several hosts at one drive: what they do, line by line, and what each must see.

A line is ``HOSTS ACTION ARGUMENTS -> SEEN``. HOSTS are letters, each host in turn; ACTION is a
function of `tests.hosts.words`, which tells in words what its host saw; SEEN is what that must be,
``good`` where nothing is said. There is no other expectation, and this one is strict: a unit
attention that no line expects fails the line that meets it, or the situation at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

HOSTS = "ABC"
"""All of them, in the order of their numbers."""
EVENTS = ("reset", "lost", "power")
"""What is no command: a LUN reset by a host, loss of its nexus, loss of the drive's power."""


class Line(NamedTuple):
    """One host, what it does, what it must see."""

    number: int
    host: str
    action: str
    arguments: list[str]
    seen: str


class Situation(NamedTuple):
    """``name`` is its row in tables; ``told``: what docs/encryption.md says of it, if anything.

    ``listening``: whether the hosts have used protocol 20h before it begins.
    """

    name: str
    steps: str
    told: str = ""
    listening: bool = True

    def lines(self) -> Iterator[Line]:
        """Its lines, one for each host."""
        for number, line in enumerate(self.steps.strip().splitlines(), 1):
            done, arrow, seen = line.partition("->")
            hosts, action, *arguments = done.split()
            for host in hosts:
                yield Line(number, host, action, arguments, seen.strip() if arrow else "good")

    def events(self) -> set[str]:
        """The events that it needs."""
        return {line.action for line in self.lines()} & set(EVENTS)

"""Play situations with hosts, however these reach their drive.

A way in gives `Hosts`. What it cannot bring about, and why, it says itself; a situation that needs
that is not played.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tests.hosts import words
from tests.hosts.situation import EVENTS, HOSTS, Situation
from tests.hosts.words import ACTIONS, Refused, Seen, Talk

PASSED = "passed"
_CLEANER = "9"
"""A reservation key that no situation uses."""


class Unprepared(Exception):
    """The drive cannot be brought to where every situation begins."""


class Hosts(Protocol):
    """Hosts A, B and C at one drive with a tape in it."""

    cannot: Mapping[str, str]
    """Events that this way has none of, and why."""

    def send(self, host: str, cdb: bytes, out: bytes, size: int) -> Seen:
        """Send a command as one host, with data-out or room for ``size`` bytes."""

    def event(self, host: str, name: str) -> None:
        """Bring about one of `EVENTS`."""


def talk(hosts: Hosts, host: str) -> Talk:
    """One of the hosts."""
    return Talk(lambda cdb, out, size: hosts.send(host, cdb, out, size))


def prepare(hosts: Hosts, listening: bool) -> None:
    """Whatever was before: no keys, no reservations, nothing to hear, an empty tape, blocks of any
    length. Raises Unprepared."""
    hosts.event("A", "reset")
    everybody = {host: talk(hosts, host) for host in HOSTS}
    for one in everybody.values():
        words.register(one, _CLEANER)
        words.hears(one)
    first = everybody["A"]
    _must(words.register(first, _CLEANER))
    _must(words.clear(first, _CLEANER))
    words.hears(first)
    _must(words.load(first))
    words.hears(first)
    _must(words.rewind(first))
    _must(words.erase(first))
    for host, one in everybody.items():
        words.hears(one)
        heard = words.hears(one)
        if heard != "nothing":
            raise Unprepared(f"host {host} still hears {heard}")
        if listening:
            words.listens(one)


def _must(said: str) -> None:
    if said != "good":
        raise Unprepared(f"a command to begin with ended with {said}")


def play(situation: Situation, hosts: Hosts) -> str:
    """PASSED, ``cannot: `` with the reason, or what was seen instead, and where."""
    for event in EVENTS:
        if event in situation.events() and event in hosts.cannot:
            return f"cannot: {hosts.cannot[event]}"
    try:
        prepare(hosts, situation.listening)
    except Unprepared as unprepared:
        return str(unprepared)
    for line in situation.lines():
        words_of_it = " ".join((line.host, line.action, *line.arguments))
        if line.action in EVENTS:
            hosts.event(line.host, line.action)
            continue
        try:
            seen = ACTIONS[line.action](talk(hosts, line.host), *line.arguments)
        except Refused as refused:
            seen = str(refused)
        if seen != line.seen:
            return f"line {line.number}, {words_of_it}: {line.seen} expected, not {seen}"
    for host in HOSTS:
        heard = words.hears(talk(hosts, host))
        if heard not in ("nothing", "conflict"):
            return f"at the end host {host} hears {heard}"
    return PASSED

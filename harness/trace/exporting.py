"""What `keyreel trace export` does: a trace as iSCSI sessions, which Wireshark and tshark decode.

Each nexus has a session of its own: initiators are 10.0.x.y, units 10.1.x.y. Packets are in the
order of the trace, where a command comes when it has ended, with the times at which they were sent.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path
from typing import BinaryIO

from harness.counting import many
from harness.trace import words
from harness.trace.choosing import Choice
from harness.trace.looking import keep, told
from harness.trace.pcapng import PcapNg
from harness.trace.reader import Command, Event, Trace, TraceError, read
from harness.trace.session import Session
from harness.trace.stream import End, Stream

PORT = 3260
_FIRST_PORT = 49152
_INITIATORS, _UNITS = IPv4Address("10.0.0.1"), IPv4Address("10.1.0.1")
_NAME = "iqn.2026-01.io.keyreel:"
DECODE = "-o 'scsi.decode_scsi_messages_as:Sequential Device'"
COMMENT = (
    "Made by keyreel from the trace of rig {}. The sessions, their logins and packets are made up;"
    " commands, data, answers and times are the trace's. Keys are zeros. Of long blocks only the"
    " beginning was traced: the rest is not captured."
)


@told
def export(file: Path, output: Path, choice: Choice) -> int:
    """Write the chosen commands; say how many, and how to look at them."""
    trace = read(file)
    choice.check(trace)
    keep(file, output)
    try:
        with open(output, "wb", opener=_private) as written:
            exporter = Exporter(trace, written)
            for _, record in choice.of(trace):
                if isinstance(record, Event):
                    exporter.event(record)
                else:
                    exporter.command(record)
    except OSError as error:
        raise TraceError(f"{output} cannot be written: {error.strerror}") from None
    sessions = len(exporter.sessions)
    print(f"{output}: {many(exporter.count, 'command')}, {many(sessions, 'session')}")
    print(f"tshark -r {output} {DECODE}")
    return 0


class Exporter:
    """Sessions for the nexuses of a trace, made as their first commands come."""

    def __init__(self, trace: Trace, file: BinaryIO) -> None:
        self._header = trace.header
        self._file = PcapNg(file, COMMENT.format(trace.header.rig))
        self._units = [unit.name for unit in trace.header.units]
        self._initiators: list[str] = []
        self._comments: dict[str, list[str]] = {}
        """Events, until the next command of the unit comes."""
        self.sessions: dict[tuple[str, str, str], Session] = {}
        self.count = 0

    def event(self, event: Event) -> None:
        """It becomes a comment on the next command of its unit."""
        self._comments.setdefault(event.unit, []).append(f"{event.t:.6f} {words.event(event)}")

    def command(self, command: Command) -> None:
        """The packets of a command and its answer."""
        start = self._header.start + command.t
        session = self._session(command, start)
        comments = self._comments.pop(command.unit, [])
        if command.redacted:
            spans = ", ".join(f"{start} to {end - 1}" for start, end in command.redacted)
            comments.append(f"bytes {spans} of data-out may be a key, and are zeros here")
        session.command(start, command, "\n".join(comments))
        self.count += 1

    def _session(self, command: Command, when: float) -> Session:
        key = (command.unit, command.nexus, command.port)
        session = self.sessions.get(key)
        if session is None:
            stream = Stream(self._file, self._client(command.nexus), self._server(command.unit))
            target = f"{_NAME}{self._header.rig}:{command.unit}"
            session = self.sessions[key] = Session(stream, _initiator(command.nexus), target)
            session.login(when)
        return session

    def _client(self, nexus: str) -> End:
        if nexus not in self._initiators:
            self._initiators.append(nexus)
        address = _INITIATORS + self._initiators.index(nexus)
        return End(address, _FIRST_PORT + len(self.sessions) % 16384, 1000)

    def _server(self, unit: str) -> End:
        if unit not in self._units:
            self._units.append(unit)
        return End(_UNITS + self._units.index(unit), PORT, 2000)


def _initiator(nexus: str) -> str:
    """An iSCSI name for a nexus, which may have come another way."""
    if nexus.startswith(("iqn.", "eui.", "naa.")):
        return nexus.partition(",")[0]
    return _NAME + nexus


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)

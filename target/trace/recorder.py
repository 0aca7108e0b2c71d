"""Records what units are asked and answer: an interposer and a listener for each of them.

Times are the machine's own, monotonic, whatever clock a unit goes by.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import time
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target.plan import RigPlan
from target.scsi.command import Buffers, Completion, Nexus
from target.scsi.device_server import DeviceServer, Run
from target.tape.drive import Drive
from target.trace.redaction import Span, may_have_keys, spans
from target.trace.writer import Writer

if TYPE_CHECKING:
    from target.library.library import Library
    from target.library.messages import Message
    from target.scsi.primary import PrimaryUnit

LIMIT = 4096
"""Bytes of a block, or of a buffer, that are kept; of what is longer, its digest tells the rest."""
PARAMETER_LIMIT = 1 << 20
"""The same for parameter data, which are to be whole."""
FINGERPRINT = 8
"""Bytes of what says whether two keys of a trace are the same."""
_BULK = {bytes((code,)) for code in b"\x08\x0a\x0f\x13\x14\x3b\x3c\x81\x88\x8a\x8f"}
"""READ, WRITE, VERIFY and their like, READ BUFFER and WRITE BUFFER."""


class Recorder:
    """A trace that is being written, from its making to `stop`. Raises OSError.

    It has the commands that begin after the one and end before the other: neither waits for one
    that runs.
    """

    def __init__(
        self,
        path: Path,
        plan: RigPlan,
        units: Mapping[str, PrimaryUnit],
        libraries: Mapping[str, Library],
    ) -> None:
        self._start = time.monotonic()
        self.path = path
        self._writer = Writer(path, json.dumps(header(plan, units)))
        # What tells keys apart, and is of no use without this, which nobody keeps.
        salt = secrets.token_bytes(32)
        self._taps = [
            Tap(name, unit, self._writer, self._start, salt) for name, unit in units.items()
        ]
        for tap in self._taps:
            tap.unit.listener = tap.happened
            tap.unit.join(tap, outermost=True)
        self._libraries = [*libraries.values()]
        for library in self._libraries:
            library.messages.listener = partial(self._message, library.name)

    @property
    def writing(self) -> bool:
        """Whether lines still go anywhere."""
        return self._writer.writing

    def _message(self, library: str, message: Message) -> None:
        """What a library tells its operators."""
        said = ("severity", "text", "cause", "cure", "origin")
        details = {name: getattr(message, name) for name in said}
        event(self._writer, self._start, library, "message", details)

    def stop(self) -> None:
        """Units go on untraced; all commands that have ended are in the file."""
        for tap in self._taps:
            tap.unit.leave(tap)
            tap.unit.listener = None
        for library in self._libraries:
            library.messages.listener = None
        self._writer.close()


def header(plan: RigPlan, units: Mapping[str, PrimaryUnit]) -> dict[str, Any]:
    """The first line of a trace."""
    rows = []
    for name, unit in units.items():
        kind = "drive" if isinstance(unit, Drive) else "changer"
        rows.append({"name": name, "kind": kind, **_identity(unit)})
    return {"trace": 1, "rig": plan.name, "seed": plan.seed, "start": time.time(), "units": rows}


def _identity(unit: PrimaryUnit) -> dict[str, str]:
    if isinstance(unit, Drive):
        return {"model": unit.personality.name, "serial": unit.serial}
    # Loaded here because few rigs have libraries.
    from target.library.changer import Changer

    assert isinstance(unit, Changer)
    return {"model": unit.model.name, "serial": unit.partition.serial}


def event(writer: Writer, start: float, unit: str, kind: str, details: Mapping[str, Any]) -> None:
    """Write what is no command. Never raises."""
    try:
        own = {"t": round(time.monotonic() - start, 6), "unit": unit, "kind": kind}
        line = own | {key: value for key, value in details.items() if key not in ("n", *own)}
        writer.line(json.dumps(line, separators=(",", ":"))[1:-1])
    except Exception:
        logging.getLogger(__name__).exception("an event of %s is not in the trace", unit)


class Tap:
    """What one unit is asked and answers, see `target.scsi.device_server.Interposer`."""

    def __init__(
        self, name: str, unit: DeviceServer, writer: Writer, start: float, salt: bytes
    ) -> None:
        self.unit = unit
        self._salt = salt
        self._name = name
        self._writer = writer
        self._start = start
        self._drive = unit if isinstance(unit, Drive) else None
        self._whose: dict[Nexus, str] = {}
        """The part of a line that says unit and nexus."""

    def happened(self, kind: str, details: dict[str, Any]) -> None:
        """See `target.scsi.unit.Listener`."""
        event(self._writer, self._start, self._name, kind, details)

    def __call__(
        self, run: Run, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers
    ) -> Completion:
        """Run a command, and write what came and went."""
        if not self._writer.writing:
            return run(nexus, cdb, data_out, data_in)
        try:
            # Now: it may be overwritten with what comes back, or because it was a key.
            out = self._out(cdb, data_out)
        except Exception:
            self._failed()
            out = '"out":""'
        begun = time.monotonic()
        done = run(nexus, cdb, data_out, data_in)
        try:
            took = time.monotonic() - begun
            self._writer.line(
                f'"t":{begun - self._start:.6f},{self._who(nexus)},"took":{took:.6f},'
                f'"cdb":"{bytes(cdb).hex()}",{out},{self._in(cdb, data_in, done.length)},'
                f'"status":{done.status},"sense":"{done.sense.hex()}","position":{self._place()}'
            )
        except Exception:
            self._failed()
        return done

    def _failed(self) -> None:
        # Without the exception: what it says might be data.
        self._writer.close()
        logging.getLogger(__name__).error("the trace %s ends here: it failed", self._writer.path)

    def _who(self, nexus: Nexus) -> str:
        who = self._whose.get(nexus)
        if who is None:
            names = {
                "unit": self._name,
                "kind": "command",
                "nexus": nexus.initiator,
                "port": nexus.target,
            }
            who = self._whose[nexus] = json.dumps(names, separators=(",", ":"))[1:-1]
        return who

    def _out(self, cdb: bytes, buffers: Buffers) -> str:
        # Buffers of a command that takes no data are those of its data-in with some transports.
        if not self.unit.takes_data(cdb):
            return '"out":""'
        if may_have_keys(cdb, secret=self.unit.carries_secrets(cdb)):
            return self._out_redacted(cdb, buffers)
        return f'"out":{_data(cdb, buffers, sum(map(len, buffers)))}'

    def _out_redacted(self, cdb: bytes, buffers: Buffers) -> str:
        data = joined(buffers, sum(map(len, buffers)))
        where: list[Span] = [(0, len(data))]
        keys = []
        try:
            where = spans(cdb, memoryview(data))
            for start, end in where:
                key = memoryview(data)[start:end]
                keys.append(hmac.digest(self._salt, key, "sha256")[:FINGERPRINT].hex())
        finally:
            for start, end in where:
                data[start:end] = bytes(end - start)
        text = f'"out":{_data(cdb, [memoryview(data)], len(data))}'
        return f'{text},"redacted":{json.dumps(where)},"keys":{json.dumps(keys)}' if where else text

    def _in(self, cdb: bytes, buffers: Buffers, length: int) -> str:
        room = sum(map(len, buffers)) if self.unit.returns_data(cdb) else 0
        text = f'"in":{_data(cdb, buffers, length)}' if length else '"in":""'
        return f'{text},"room":{room}' if room else text

    def _place(self) -> str:
        drive = self._drive
        if drive is None or drive.cartridge is None or not drive.loaded:
            return "null"
        return f"[{drive.partition_number},{drive.position}]"


def joined(buffers: Buffers, length: int) -> bytearray:
    """The first bytes of a scatter-gather list in one piece."""
    # Not grown piece by piece: that would leave pieces of keys in memory.
    data, at = bytearray(length), 0
    for buffer in buffers:
        count = min(len(buffer), length - at)
        data[at : at + count] = buffer[:count]
        at += count
    return data


def digest_of(buffers: Buffers, length: int) -> str:
    """SHA-256 of the same."""
    digest = sha256()
    for buffer in buffers:
        digest.update(buffer[:length])
        length -= min(len(buffer), length)
    return digest.hexdigest()


def _data(cdb: bytes, buffers: Buffers, length: int) -> str:
    """As JSON: hexadecimal, or head and digest of what is too long."""
    limit = LIMIT if cdb[:1] in _BULK else PARAMETER_LIMIT
    if length <= limit:
        return f'"{joined(buffers, length).hex()}"'
    head, digest = joined(buffers, limit).hex(), digest_of(buffers, length)
    return f'{{"length":{length},"head":"{head}","sha256":"{digest}"}}'

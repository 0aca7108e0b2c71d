"""Changes to one drive object, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from target.scsi.command import GOOD, Buffers, Call, Command, Completion, Nexus
from target.scsi.device_server import Interposer, Run
from target.scsi.sense import CheckCondition, Sense
from target.tape.drive import Drive

Handler = Callable[[Drive, Call], Completion]
"""A command's own function."""

MARK = "_defect"
"""The attribute that names the defect of a drive."""
_ABSENT = object()


class Patches:
    """Methods change the drive at once; `undo` takes everything back, the last change first."""

    def __init__(self, drive: Drive) -> None:
        self.drive = drive
        self.before: str | None = vars(drive).get(MARK)
        """The defect that the drive has already."""
        self._undo: list[Callable[[], object]] = []

    def undo(self) -> None:
        """The drive is as it was."""
        with self.drive.turn:
            while self._undo:
                self._undo.pop()()

    def later(self, undo: Callable[[], object]) -> None:
        """Have something done at the end."""
        self._undo.append(undo)

    def set(self, thing: Any, name: str, value: object) -> None:
        """An attribute of that object alone."""
        before = vars(thing).get(name, _ABSENT)
        setattr(thing, name, value)
        if before is _ABSENT:
            self._undo.append(partial(delattr, thing, name))
        else:
            self._undo.append(partial(setattr, thing, name, before))

    def wrap(self, thing: Any, name: str, around: Callable[..., Any]) -> None:
        """A method of that object alone: ``around`` gets the real one before its arguments."""
        self.set(thing, name, partial(around, getattr(thing, name)))

    def handler(self, name: str, around: Callable[[Handler, Drive, Call], Completion]) -> None:
        """A command's function: ``around`` gets the real one, the drive and the `Call`."""
        row = self._row(name)
        self.row(name, handler=partial(around, row.handler))

    def row(self, name: str, **changes: Any) -> None:
        """A command's row in the table."""
        old = self._row(name)
        new = replace(old, **changes)
        table = self.drive._by_opcode
        if old.service_action is None:
            table[old.opcode] = new
            self._undo.append(partial(table.__setitem__, old.opcode, old))
        else:
            group = table[old.opcode]
            assert isinstance(group, dict)
            group[old.service_action] = new
            self._undo.append(partial(group.__setitem__, old.service_action, old))

    def _row(self, name: str) -> Command:
        for row in self.drive.commands:
            if row.name == name:
                now = self.drive.find(row.opcode, row.service_action)
                assert now is not None
                return now
        raise ValueError(f"{self.drive.personality.name} has no command {name}")

    # --- what hosts are told ---------------------------------------------------------------

    def sense(self, change: Callable[[Sense], Sense]) -> None:
        """All sense data, before they are encoded."""

        def encode(real: Callable[[Sense, bool], bytes], sense: Sense, descriptor: bool) -> bytes:
            return real(change(sense), descriptor)

        self.wrap(self.drive, "encode_sense", encode)

    def accepts(self, name: str, wrong: Callable[[Sense], bool]) -> None:
        """A command ends with GOOD where it should have been refused."""

        def handler(real: Handler, drive: Drive, call: Call) -> Completion:
            try:
                return real(drive, call)
            except CheckCondition as condition:
                if wrong(condition.sense):
                    return GOOD
                raise

        self.handler(name, handler)

    def data(self, opcode: int, change: Callable[[bytes, bytearray], None]) -> None:
        """Data-in of a command that went well, as they were cut: ``change`` gets the CDB too."""

        def answer(
            run: Run, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers
        ) -> Completion:
            done = run(nexus, cdb, data_out, data_in)
            if cdb[:1] != bytes((opcode,)) or done.status or not done.length:
                return done
            data = bytearray(b"".join(data_in)[: done.length])
            change(cdb, data)
            left = memoryview(data)
            for buffer in data_in:
                size = min(len(buffer), len(left))
                buffer[:size] = left[:size]
                left = left[size:]
            return done._replace(length=len(data) - len(left))

        self.between(answer)

    def between(self, interposer: Interposer) -> None:
        """What stands between the drive and its hosts."""
        self.drive.join(interposer)
        self._undo.append(partial(self.drive.leave, interposer))

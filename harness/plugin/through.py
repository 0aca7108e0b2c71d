"""An initiator in a guest: a process there sends the commands, which go through its kernel."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import harness
from harness.closing import Closing
from harness.guest.api import Device, Programs
from harness.initiators.api import TIMEOUT, Initiator, NoAnswer, Reply, Unsupported
from harness.initiators.sg_process import pack, unpack

__tracebackhide__ = True  # pytest shows the line of the test

ROOT = Path(harness.__file__).parent.parent
PROGRAM = [
    *(sys.executable, "-I", "-S", "-c"),
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from harness.initiators.sg_process import main; sys.exit(main())",
]
MARGIN = 30.0
"""Seconds that the way there and back may take besides the command."""


class Sender:
    """The process of a guest that does what tests ask of the nodes there, see `sg_process`.

    Started when it is needed, and anew after it was lost; ends with the guest. Methods raise
    NoAnswer.
    """

    def __init__(self, guest: Programs) -> None:
        self._guest = guest
        self._number: int | None = None

    def send(self, node: str, cdb: bytes, out: bytes, size: int, timeout: float) -> Reply:
        """Run a command."""
        return Reply(*self._ask(timeout, "send", node, cdb, out, size, timeout))

    def look(self, node: str) -> None:
        """Have the tape driver look at a drive."""
        try:
            self._ask(TIMEOUT, "look", node)
        except NoAnswer:
            # A test before may have ended the process, and to look again does no harm.
            self._ask(TIMEOUT, "look", node)

    def _ask(self, timeout: float, what: str, node: str, *arguments: bytes | float) -> Any:
        """The answer to a request."""
        if self._number is None:
            self._number = self._guest.begin(PROGRAM)
        answer = None
        try:
            self._guest.tell(self._number, pack((what, node, *arguments)))
            answer = self._hear(self._number, node, timeout + MARGIN)
        finally:
            if answer is None:
                # What comes later would be taken for the answer to another request.
                self._guest.forget(self._number)
                self._number = None
        if isinstance(answer, str):
            raise NoAnswer(answer)
        return answer

    def _hear(self, number: int, node: str, timeout: float) -> Any:
        heard, answer = bytearray(), None
        deadline = time.monotonic() + timeout
        while answer is None:
            try:
                part = self._guest.hear(number, deadline - time.monotonic())
            except TimeoutError:
                raise NoAnswer(
                    f"{node}: no answer in {timeout:g} s: give the command longer"
                ) from None
            if not part:
                raise NoAnswer(
                    f"{node}: the process in the guest that sends commands has ended, and nobody"
                    " knows whether this one was run: send it again, a new process takes it"
                )
            heard += part
            answer = unpack(heard)
        return answer


class ThroughGuest(Closing):
    """One SCSI generic node of a guest, see `harness.initiators.api.Initiator`."""

    def __init__(self, sender: Sender, device: Device) -> None:
        self._sender = sender
        self._device = device

    @property
    def name(self) -> str:
        """The node."""
        return self._device.sg

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> Reply:
        """Run a command. Raises NoAnswer when the kernel had no status to give."""
        return self._sender.send(self.name, bytes(cdb), bytes(out), size, timeout)

    def another(self) -> Initiator:
        """Not this way."""
        raise Unsupported(f"{self.name}: another host of it is another drive of the rig")

    def reset(self) -> None:
        """Not this way."""
        raise Unsupported(f"{self.name}: run sg_reset on the host instead")

    def reconnect(self) -> None:
        """Nothing is kept open."""

    def close(self) -> None:
        """Nothing is kept open."""

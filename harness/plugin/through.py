"""An initiator in a guest: each command is a process there, and goes through its kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import harness
from harness.closing import Closing
from harness.guest.api import Device, Guest
from harness.initiators.api import TIMEOUT, Initiator, NoAnswer, Reply, Unsupported

__tracebackhide__ = True  # pytest shows the line of the test

ROOT = Path(harness.__file__).parent.parent
MARGIN = 30.0
"""Seconds that the process may take besides the command."""


class ThroughGuest(Closing):
    """One SCSI generic node of a guest, see `harness.initiators.api.Initiator`."""

    def __init__(self, guest: Guest, device: Device) -> None:
        self._guest = guest
        self._device = device

    @property
    def name(self) -> str:
        """The node."""
        return self._device.sg

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> Reply:
        """Run a command. Raises NoAnswer when the kernel had no status to give."""
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); " + (
            "from harness.initiators.sg_once import main; sys.exit(main(sys.argv[1:]))"
        )
        argv = [sys.executable, "-I", "-S", "-c", code, self._device.sg, cdb.hex(), str(size)]
        done = self._guest.run([*argv, f"{timeout:g}"], stdin=out, timeout=timeout + MARGIN)
        if done.status:
            raise NoAnswer(done.stderr.decode("utf-8", "replace").strip())
        status, sense, data = (
            b"" if word == b"-" else bytes.fromhex(word.decode()) for word in done.stdout.split()
        )
        return Reply(status[0], sense, data)

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

"""What every guest offers: start, run a command with its output and exit status, stop.

Nothing is copied: a guest's commands see the caller's files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

T = TypeVar("T")
Sink = Callable[[bytes], object]
"""Takes bytes as they arrive."""


class GuestError(Exception):
    """A guest could not start or go on; the text is one sentence for the user."""


class CommandTimeout(Exception):
    """A command ran longer than it was allowed to, and was killed."""


@dataclass(frozen=True)
class Device:
    """A drive or medium changer as the guest's kernel has bound it: serial number and device nodes.

    ``name`` is the unit's for its first host, with @1 behind for the second, and so on.
    """

    name: str
    serial: str
    tape: str
    """"" for a changer."""
    sg: str
    changer: str = ""
    """"" for a drive."""

    def environment(self) -> dict[str, str]:
        """The variables by which commands find the unit."""
        prefix = "KEYREEL_" + self.name.upper().replace("-", "_").replace("@", "_HOST")
        found = {"TAPE": self.tape, "CHANGER": self.changer, "SG": self.sg, "SERIAL": self.serial}
        return {f"{prefix}_{what}": value for what, value in found.items() if value}


@dataclass(frozen=True)
class Completed:
    """A command that has ended: exit status (128 + N after signal N) and its output."""

    status: int
    stdout: bytes
    stderr: bytes


class Programs(Protocol):
    """Programs that go on in a guest, beside its commands, until it ends.

    Methods raise GuestError.
    """

    def begin(self, argv: Sequence[str]) -> int:
        """Start one; its number. ``argv`` begins with a path; the environment is the agent's."""

    def tell(self, number: int, data: bytes) -> None:
        """Bytes for it to read."""

    def hear(self, number: int, timeout: float) -> bytes:
        """The next bytes that it writes; none once it has ended, or could not begin.

        Raises TimeoutError after ``timeout`` seconds.
        """

    def forget(self, number: int) -> None:
        """It finds the end of its input, and nothing more of it is heard."""


class Guest(Programs, Protocol):
    """A kernel in which the rig's devices are. Not safe for several threads.

    Methods raise GuestError when the guest cannot do what was asked; one command runs at a time.
    """

    @property
    def devices(self) -> Mapping[str, Device]:
        """Drives and changers by name, once started; further hosts of one as name@1, name@2 ..."""

    def start(self, timeout: float = 60.0) -> None:
        """Boot, start the target and return when every device is bound.

        ``timeout`` in seconds; a start may take a second longer for each unit.
        """

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a command to its end and collect its output.

        The devices' variables are added to ``env`` (None: the caller's environment); ``cwd`` None
        is the caller's. Raises CommandTimeout after ``timeout`` seconds.
        """

    def stream(
        self,
        argv: Sequence[str],
        *,
        stdin: int | bytes,
        stdout: Sink,
        stderr: Sink,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        terminal: bool = False,
    ) -> int:
        """Run a command with its output passed on as it arrives; the exit status.

        ``stdin`` is all of the command's input, or a descriptor to read it from. With ``terminal``
        the command has a terminal of the size of descriptor ``stdin``'s. SIGINT and SIGTERM that
        reach this process while the command runs are passed on to it; a second one raises
        KeyboardInterrupt.
        """

    def meanwhile(self, work: Callable[[], T]) -> T:
        """Do something that talks to the target by its control socket; what it returns or raises.

        The way there goes through the guest's channel, which is looked after only by whoever waits
        for the guest: ``work`` is done in another thread, and this one waits.
        """

    def restart_target(self) -> None:
        """Kill the target process if it lives, start it anew, return when it serves."""

    def stop(self) -> None:
        """End the target in order, power off, leave no process. Nothing if it is not running.

        Raises GuestError when the target had died before or did not end well.
        """

    def kill(self) -> None:
        """End everything at once, as a power failure would."""

    def __enter__(self) -> Self:
        """Start."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; kill after an exception."""

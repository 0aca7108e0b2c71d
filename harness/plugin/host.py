"""A host of the rig as tests see it: commands that run where the devices are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.guest.api import CommandTimeout, Completed, Device, GuestError
from harness.plugin.errors import RigFailed

__tracebackhide__ = True  # pytest shows the line of the test

TIMEOUT = 120.0
"""Seconds that a command may take unless told otherwise."""


@dataclass(frozen=True)
class Ran:
    """A command that has ended: exit status (128 + N after signal N) and its output."""

    status: int
    stdout: str
    stderr: str


class StatusError(AssertionError):
    """A command ended with another exit status; the text has its output."""


class Host:
    """The host. ``devices``: drives and changers as its kernel has bound them, by name."""

    def __init__(self, run: Callable[..., Completed], devices: Mapping[str, Device]) -> None:
        self._run = run
        self.devices = devices

    def run(
        self,
        command: str | Sequence[str],
        *,
        status: int | None = 0,
        stdin: bytes = b"",
        timeout: float = TIMEOUT,
    ) -> Ran:
        """Run a command, for the shell if it is a text, to its end.

        It finds drive0 by KEYREEL_DRIVE0_TAPE, KEYREEL_DRIVE0_SG, KEYREEL_DRIVE0_SERIAL. Raises
        StatusError if it ends with another status than ``status`` (None: any will do).
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else [*command]
        try:
            done = self._run(argv, stdin=stdin, timeout=timeout)
        except (CommandTimeout, GuestError) as error:
            raise RigFailed(str(error)) from None
        ran = Ran(done.status, _text(done.stdout), _text(done.stderr))
        if status is not None and ran.status != status:
            shown = command if isinstance(command, str) else " ".join(command)
            raise StatusError(
                f"{shown}: exit status {ran.status} instead of {status}\n{ran.stdout}{ran.stderr}"
            )
        return ran


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")

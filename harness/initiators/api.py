"""What every initiator offers, whichever way its commands go: in this process, by iSCSI, or through
the kernel's SCSI generic driver.

An initiator is one I_T nexus to one logical unit. It moves bytes and knows no commands.
"""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple, Protocol, Self

TIMEOUT = 60.0
"""Seconds that a command may take unless told otherwise."""


class InitiatorError(Exception):
    """A logical unit cannot be reached; the text is one sentence with the cure."""


class NoAnswer(InitiatorError):
    """A command had no answer: its time was over, or the way to the unit broke."""


class Unsupported(InitiatorError):
    """This way to a unit cannot do that."""


class Reply(NamedTuple):
    """How a command ended: SAM status, sense data as they came (b"" without), data-in that came."""

    status: int
    sense: bytes
    data: bytes


class Initiator(Protocol):
    """One I_T nexus. Not safe for several threads; methods raise InitiatorError."""

    @property
    def name(self) -> str:
        """How the way is written: a rig file and a drive, /dev/sg0, iscsi://..."""

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> Reply:
        """Run a command with ``out`` as data-out, or room for ``size`` bytes of data-in.

        Raises NoAnswer; after that `reconnect` may help.
        """

    def another(self) -> Initiator:
        """A second I_T nexus to the same unit, closed with this one. Raises Unsupported."""

    def reset(self) -> None:
        """LOGICAL UNIT RESET. Raises Unsupported."""

    def reconnect(self) -> None:
        """End the nexus and make it anew, as after a broken connection. Raises Unsupported."""

    def close(self) -> None:
        """Let the unit go."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""

"""A library for tests of the control socket: what it was given stays, what it does can be set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.control import Control, Kind, Refusal
from keymgr.errors import WrongPassword
from keymgr.secret import Secret
from target.library import inventory
from target.library.errors import NotAllowed


class Screens:
    """A desk, as far as these tests go."""

    def keys(self) -> list[str]:
        return ["one"]


@dataclass
class Operations:
    """A session, as far as these tests go; what it was given stays."""

    given: list[Any] = field(default_factory=list)
    does: Callable[[], Any] = lambda: None
    desk: Screens = field(default_factory=Screens)
    superuser: bool = True

    def require(self, action: str) -> None:
        if not self.superuser:
            raise NotAllowed(f"{action} takes a superuser")

    def status(self) -> Any:
        return self.does()

    def move(self, source: str, destination: str) -> Any:
        self.given.append((source, destination))
        return {
            "place": inventory.Location(inventory.Kind.STORAGE, 7),
            "kind": inventory.Kind.DRIVE,
            "data": b"\0\xff",
        }

    def restore(self, data: bytes, password: Secret) -> None:
        self.given += [data, bytes(password.reveal()), password]

    def power_cycle(self) -> None:
        self.given.append("power")

    def set_partition(self, name: str, drives: Any = None, slots: Any = None) -> None:
        self.given.append((name, drives, slots))

    def encryption(self, password: Secret) -> Screens:
        if password.reveal() != b"second":
            raise WrongPassword("the encryption password is another one: give that")
        return self.desk


@dataclass
class Shelf:
    """A library, as far as these tests go."""

    operations: Operations = field(default_factory=Operations)

    def login(self, user: str, password: Secret) -> Operations:
        if password.reveal() != b"right":
            raise NotAllowed("user and password do not belong together: try others")
        return self.operations


def refusal(client: Control, call: str, **arguments: Any) -> tuple[Kind, str]:
    """How the call is refused, which has to be."""
    with pytest.raises(Refusal) as raised:
        client.call(call, **arguments)
    return raised.value.kind, str(raised.value)

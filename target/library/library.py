"""A tape library: its places, robot, drives, partitions, changers, operators and key manager.

Locks are taken in this order: a changer's turn, the library's lock, a drive's turn; the message log
and key managers have locks of their own, taken last. Nobody takes the library's lock or a changer's
turn from inside a drive's question for a key.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from keymgr.api import KeySource
from keymgr.secret import Secret
from target.clock import SYSTEM, Clock
from target.library import users as accounts
from target.library.errors import NotAllowed
from target.library.messages import Messages
from target.library.session import Session
from target.library.users import STRONG, Cost, User
from target.plan import CartridgePlan, LibraryPlan
from target.tape.drive import Drive


class Library:
    """A library, powered on, made from its plan.

    ``drives`` and ``cartridges`` are those of the rig by name and barcode; ``sources`` its key
    sources; ``cost``: of passwords that are set. Raises ValueError or OSError with one sentence.
    """

    def __init__(
        self,
        plan: LibraryPlan,
        drives: Mapping[str, Drive],
        cartridges: Mapping[str, CartridgePlan],
        sources: Mapping[str, KeySource],
        clock: Clock = SYSTEM,
        random: Callable[[int], bytes] = secrets.token_bytes,
        *,
        cost: Cost = STRONG,
    ) -> None:
        self.name, self.serial = plan.name, plan.serial
        self.lock = threading.RLock()
        """Held while places, partitions, users or options change."""
        folder = Path(plan.folder)
        self.messages = Messages(folder / "messages", clock.now)
        self.users: Mapping[str, User] = {}

    def login(self, user: str, password: Secret) -> Session:
        """Raises NotAllowed where there is no such user, or the password is another one."""
        known = self.users.get(user)
        if known is None or not accounts.matches(password, known.hash):
            raise NotAllowed("user and password do not belong together: try others")
        return Session(self, user)

    def power_cycle(self) -> None:
        """Switch the library off and on."""
        raise NotImplementedError

    def close(self) -> None:
        """Nobody does anything any more: close what is open."""
        raise NotImplementedError

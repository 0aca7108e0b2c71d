"""BlueScale as a key source: what drives in its partitions are answered.

A key request takes the lock of this class and then the store's, no other; it never derives
anything from a password, so it is quick.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from keymgr import kdf
from keymgr.api import (
    DriveIdentity,
    Grant,
    Holder,
    KeyData,
    KeySource,
    Notice,
    Reason,
    Refused,
    Request,
    Severity,
)
from keymgr.bluescale import answers, drives, tape
from keymgr.bluescale.desk import Desk
from keymgr.bluescale.models import Assignment
from keymgr.bluescale.options import Options
from keymgr.bluescale.policy import ANYTHING, Policy
from keymgr.bluescale.state import State
from keymgr.errors import KeyManagerError, WrongPassword
from keymgr.secret import Secret

if TYPE_CHECKING:
    from keymgr.keystore import Keystore


class BlueScale(KeySource):
    """The key manager inside one library.

    ``partitions``: the names of those whose encryption method is BlueScale; ``professional``:
    whether the library has that option now. Neither is called with a lock of this class held. To
    make one is to power it on.
    """

    def __init__(
        self,
        store: Keystore,
        realm: str,
        *,
        partitions: Callable[[], Collection[str]],
        professional: Callable[[], bool],
        policy: Policy = ANYTHING,
        now: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        tell: Callable[[Notice], None] = lambda notice: None,
        cost: kdf.Cost = kdf.DEFAULT,
    ) -> None:
        self.partitions = partitions
        self.professional = professional
        self.policy = policy
        self.now = now
        self.random = random
        self.cost = cost
        self.lock = threading.RLock()
        self.state = State(store, realm)
        self._tell = tell
        self._locked = False
        self.power_on()

    # --- power and the password --------------------------------------------------------------

    @property
    def locked(self) -> bool:
        """Whether secure initialization waits for a password (BS-04)."""
        return self._locked

    def power_on(self) -> None:
        """The library was powered on."""
        with self.lock:
            self._locked = self.state.secure
        if self._locked:
            self._tell(
                Notice(
                    Severity.WARNING,
                    "encryption is locked: encrypted partitions neither write nor read encrypted"
                    " data",
                    "log in as a superuser and enter an encryption password",
                )
            )

    def unlock(self, password: Secret, who: str = "") -> None:
        """Any of the passwords unlocks secure initialization (BS-03). Raises WrongPassword."""
        self.check(password, "unlock", user=who)
        with self.lock:
            self._locked = False

    def enter(self, password: Secret, who: str = "") -> Desk:
        """The encryption screens, gate 2 (BS-02); that unlocks, too. ``who``: the user, for the
        audit log. Raises WrongPassword."""
        self.check(password, "enter", user=who)
        with self.lock:
            self._locked = False
        return Desk(self, who)

    def check(self, password: Secret, action: str, user: str = "") -> int:
        """The number of the password. Raises WrongPassword; both outcomes are audited."""
        with self.lock:
            passwords = self.state.passwords
        # Not under the lock: deriving takes long, and drives would wait.
        number = passwords.which(password)
        event = "wrong password" if number is None else "password accepted"
        self.state.audit(event, action=action, user=user)
        if number is None:
            raise WrongPassword(
                "that is not the encryption password of the library: give the right one"
            )
        return number

    def prepare(self, options: Options) -> None:
        """Do what the rig file says, if that was not done before: later operators decide."""
        with self.lock, self.state.store.transaction():
            if self.state.prepared:
                return
            options.apply(self.state, self.now())
            self.state.prepared = True
        self.power_on()

    # --- drives ------------------------------------------------------------------------------

    def attached(self, drive: DriveIdentity, holder: Holder) -> None:
        """See KeySource. Older drives are refused (BS-17)."""
        drives.check(drive)

    def key_for_write(self, request: Request) -> Grant:
        """See KeySource: the primary key of the partition, one a cartridge (BS-08)."""
        with self._answering(request):
            assignment = self.state.assignment(request.partition)
            self._may_write(request, assignment)
            if assignment.primary is None:
                raise answers.no_primary(request)
            key_data = tape.written(assignment.primary, request)
            self._note(request, assignment.primary, "write")
            return Grant(self.state.secret(assignment.primary), key_data)

    def key_for_read(self, request: Request) -> Grant:
        """See KeySource: the key that the data name, if the partition has it (BS-09)."""
        professional = self.professional()
        with self._answering(request):
            wanted = request.wanted or KeyData()
            moniker = tape.moniker_of(wanted)
            if moniker is None:
                raise answers.not_ours(request, wanted, Reason.NOT_FOUND)
            assignment = self.state.assignment(request.partition)
            listed = self.state.key(moniker) is not None
            if not listed or moniker not in (assignment.primary, *assignment.decrypt_only):
                raise answers.required(
                    request,
                    moniker,
                    listed=listed,
                    others=[record.name for record in self.state.listed()],
                    professional=professional,
                )
            self._note(request, moniker, "read")
            only = moniker != assignment.primary
            return Grant(self.state.secret(moniker), wanted, decrypt_only=only)

    @contextmanager
    def _answering(self, request: Request) -> Iterator[None]:
        """Answer a request, if encryption is unlocked. Raises Refused, also for a broken store."""
        with self.lock:
            if self._locked:
                raise answers.locked(request)
            try:
                yield
            except KeyManagerError as error:
                text = f"the library's keystore does not give the key: {error}"
                raise Refused(Reason.FAILED, text) from None

    def _note(self, request: Request, moniker: str, to: str) -> None:
        """No drive gets a key unnoticed."""
        cartridge = answers.cartridge(request)
        with self.state.store.transaction():
            self.state.holds(cartridge, moniker)
            self.state.audit(
                "key given",
                moniker=moniker,
                to=to,
                partition=request.partition,
                drive=request.drive.serial,
                cartridge=cartridge,
            )

    def _may_write(self, request: Request, assignment: Assignment) -> None:
        """One key a cartridge: what is there and stays must be under the primary key."""
        staying = () if request.beginning else (request.wanted or KeyData(),)
        for key_data in (*staying, *request.elsewhere):
            moniker = tape.moniker_of(key_data)
            if moniker is None:
                raise answers.not_ours(request, key_data, Reason.PROHIBITED)
            if moniker != assignment.primary:
                listed = self.state.key(moniker) is not None
                raise answers.no_append(request, moniker, assignment, listed=listed)

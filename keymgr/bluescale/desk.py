"""The encryption screens: what a superuser who gave an encryption password can do (gate 3, BS-02).

Every method does the whole or nothing, raises KeyManagerError with a sentence, and is audited.
Passwords come as secrets and stay the caller's to wipe. What derives from passwords, and what the
library is asked, is done before the lock is taken: drives need it for their keys.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from keymgr.bluescale import key_file, passwords, tracking
from keymgr.bluescale.models import (
    Assignment,
    Created,
    Exported,
    Imported,
    KeyRow,
    Status,
    Tracked,
)
from keymgr.bluescale.names import NotAllowed, check_moniker
from keymgr.bluescale.policy import MULTI, SINGLE
from keymgr.errors import KeyExists, KeyMissing, WrongPassword
from keymgr.secret import Secret

if TYPE_CHECKING:
    from keymgr.bluescale.source import BlueScale
    from keymgr.keystore import Record

MOST_KEYS = 30
"""Professional Edition; Standard has one."""
_STANDARD, _PROFESSIONAL = "standard", "professional"


class Desk:
    """The screens. Made by `BlueScale.enter`."""

    def __init__(self, bluescale: BlueScale, who: str = "") -> None:
        self._bluescale = bluescale
        self._state = bluescale.state
        self._who = {"user": who} if who else {}

    # --- settings ----------------------------------------------------------------------------

    def status(self) -> Status:
        """The settings."""
        partitions, professional = sorted(self._bluescale.partitions()), self._professional
        with self._bluescale.lock:
            current = self._state.passwords
            return Status(
                edition=_PROFESSIONAL if professional else _STANDARD,
                user_mode=current.mode,
                blank=current.blank,
                secure_initialization=self._state.secure,
                locked=self._bluescale.locked,
                keys=len(self._state.listed()),
                most_keys=MOST_KEYS if professional else 1,
                policy=self._bluescale.policy.name,
                partitions=tuple(self._state.assignments(partitions)),
            )

    @property
    def secure_initialization(self) -> bool:
        """Whether a password must be given after each power-on (BS-04)."""
        with self._bluescale.lock:
            return self._state.secure

    def set_secure_initialization(self, on: bool) -> None:
        """Choose that; it locks from the next power-on."""
        self._ready()
        with self._change():
            self._state.secure = on
            self._audit("secure initialization", on=on)

    def set_passwords(self, current: Secret, mode: str, new: Sequence[Secret]) -> None:
        """Replace the encryption passwords: one for mode single, three for multi (BS-03).

        Raises WrongPassword if ``current`` is none of those that are, NotAllowed for the new ones.
        """
        self._check(current, "set passwords")
        policy = self._bluescale.policy
        if mode == MULTI and not self._professional:
            raise NotAllowed(
                "multi-user mode is part of Professional Edition: add the library's option key"
            )
        if mode == SINGLE and policy.user_mode == MULTI:
            raise NotAllowed("this site works in multi-user mode: give three passwords")
        made = passwords.make(mode, new, policy, self._bluescale.random, self._bluescale.cost)
        with self._change():
            self._state.passwords = made
            self._audit("passwords set", mode=mode)

    # --- keys --------------------------------------------------------------------------------

    def keys(self) -> list[KeyRow]:
        """All keys, by moniker, and who has them (BS-07)."""
        partitions = sorted(self._bluescale.partitions())
        with self._bluescale.lock:
            assigned = self._state.assignments(partitions)
            return [_row(record, assigned) for record in self._state.listed()]

    def create(self, moniker: str) -> Created:
        """A random key of that name (BS-05, BS-06)."""
        self._ready()
        check_moniker(moniker)
        professional = self._professional
        with self._change():
            self._room_for(moniker, professional)
            if moniker in self._state.deleted:
                raise KeyExists(
                    f"a key {moniker!r} was here before, and cartridges may need it: import it, or"
                    " choose another moniker"
                )
            self._state.add(moniker, None, tracking.fresh(self._bluescale.now()))
            self._audit("key created", moniker=moniker)
        return Created(
            moniker,
            f"The key {moniker!r} was created. Export a copy of it now and keep it in a safe place:"
            " without the key its data are lost.",
        )

    def delete(self, moniker: str, typed: str) -> None:
        """Delete a key; ``typed`` is the moniker once more (BS-12)."""
        self._ready()
        partitions = sorted(self._bluescale.partitions())
        with self._change():
            self._state.keep_assigned(partitions)
            record = self._record(moniker)
            row = _row(record, self._state.assignments(partitions))
            if row.primary_of or row.decrypts_for:
                first = (*row.primary_of, *row.decrypts_for)[0]
                raise NotAllowed(
                    f"the key {moniker!r} is assigned to partition {first!r}: assign another one"
                    " there, or disable encryption in the partition"
                )
            if typed != moniker:
                raise NotAllowed(
                    f"type the moniker {moniker!r} to confirm that the key is to be deleted"
                )
            self._state.destroy(moniker)
            self._audit("key deleted", moniker=moniker, copies=row.copies)

    # --- partitions --------------------------------------------------------------------------

    def assign(self, partition: str, primary: str, decrypt_only: Sequence[str] = ()) -> Assignment:
        """Say which key a partition writes with, and which others it only reads with (BS-01).

        They replace those that it had. A partition has one primary key: another one takes its place
        only if the old one is among ``decrypt_only``, so that the partition's tapes stay readable.
        """
        self._ready()
        partitions, professional = self._bluescale.partitions(), self._professional
        self._encrypts(partition, partitions)
        new = Assignment(partition, primary, tuple(dict.fromkeys(decrypt_only)))
        if new.decrypt_only and not professional:
            raise NotAllowed(
                "decryption-only keys are part of Professional Edition: add the library's option"
                " key"
            )
        if primary in new.decrypt_only:
            raise NotAllowed(
                f"{primary!r} is the primary key, which decrypts as well: name it once"
            )
        with self._change():
            for moniker in (primary, *new.decrypt_only):
                self._record(moniker)
            old = self._state.assignment(partition).primary
            if old not in (None, primary, *new.decrypt_only):
                cure = "name it as a decryption-only key, or " if professional else ""
                raise NotAllowed(
                    f"partition {partition!r} has the primary key {old!r} already, and there is one"
                    f" a partition: {cure}unassign the partition first"
                )
            if not professional:
                self._one_for_all(new, sorted(partitions))
            self._state.assign(new)
            self._audit(
                "keys assigned",
                partition=partition,
                primary=primary,
                decrypt_only=list(new.decrypt_only),
            )
        return new

    def unassign(self, partition: str) -> None:
        """The partition has no keys any more."""
        self._ready()
        self._encrypts(partition, self._bluescale.partitions())
        with self._change():
            self._state.assign(Assignment(partition, None))
            self._audit("keys unassigned", partition=partition)

    # --- files -------------------------------------------------------------------------------

    def export(
        self,
        moniker: str,
        password: Secret,
        confirm: Secret,
        passwords: Sequence[Secret] = (),
        location: str = "",
    ) -> Exported:
        """A key in a file under a password, given twice; in multi-user mode with two different
        encryption ``passwords`` (BS-03, BS-10). ``location``: where the copy will be kept."""
        self._ready()
        self._two(passwords, "export")
        if not hmac.compare_digest(password.reveal(), confirm.reveal()):
            raise NotAllowed("the two key passwords are not the same: type the same one twice")
        self._bluescale.policy.check_transfer(password)
        bluescale = self._bluescale
        with bluescale.lock:
            made = self._record(moniker).attributes["created"]
            key = self._state.secret(moniker)
        content = key_file.ExportedKey(moniker, int(made), key)
        data = key_file.seal(content, password, bluescale.cost)
        key.wipe()
        with self._change():
            with self._tracking(moniker) as raw:
                number = tracking.add_copy(raw, location, bluescale.now())
            self._audit("key exported", moniker=moniker, copy=number, location=location)
        return Exported(moniker + key_file.SUFFIX, data, number)

    def import_key(
        self, data: bytes, password: Secret, passwords: Sequence[Secret] = ()
    ) -> Imported:
        """The key of a file (BS-11). Raises Damaged, WrongPassword, KeyExists, NotAllowed."""
        self._ready()
        self._two(passwords, "import")
        self._bluescale.policy.check_transfer(password)
        try:
            content = key_file.unseal(data, password)
        except WrongPassword:
            self._audit("wrong password", action="import file")
            raise
        moniker, professional = content.moniker, self._professional
        try:
            with self._change():
                if self._state.key(moniker) is not None:
                    self._same(moniker, content.key)
                    return Imported(moniker, new=False)
                self._room_for(moniker, professional)
                deleted = self._state.deleted
                attributes = deleted.pop(moniker, None) or tracking.fresh(content.created)
                self._state.add(moniker, content.key, attributes)
                self._state.deleted = deleted
                self._audit("key imported", moniker=moniker)
        finally:
            content.key.wipe()
        return Imported(moniker, new=True)

    # --- tracking (BS-18) --------------------------------------------------------------------

    def tracking(self) -> list[Tracked]:
        """The records of all keys, by moniker, those of deleted keys at the end."""
        with self._bluescale.lock:
            there = self._state.listed()
            gone = sorted(self._state.deleted.items())
        return [
            *(tracking.tracked(one.name, one.attributes, deleted=False) for one in there),
            *(tracking.tracked(moniker, raw, deleted=True) for moniker, raw in gone),
        ]

    def report(self) -> str:
        """The same as text."""
        return tracking.report(self.tracking())

    def add_copy(self, moniker: str, location: str) -> int:
        """A copy was made of an exported file; its number."""
        with self._change(), self._tracking(moniker) as raw:
            number = tracking.add_copy(raw, location, self._bluescale.now())
            self._audit("copy added", moniker=moniker, copy=number, location=location)
        return number

    def move_copy(self, moniker: str, number: int, location: str) -> None:
        """A copy is somewhere else now."""
        with self._change(), self._tracking(moniker) as raw:
            tracking.move_copy(raw, number, location)
            self._audit("copy moved", moniker=moniker, copy=number, location=location)

    def remove_copy(self, moniker: str, number: int) -> None:
        """A copy was destroyed."""
        with self._change(), self._tracking(moniker) as raw:
            tracking.remove_copy(raw, number)
            self._audit("copy removed", moniker=moniker, copy=number)

    def plan(self, moniker: str, *, expires: str | None = None, shares: int = 0) -> None:
        """Set the planned expiry, YYYY-MM-DD or None, and the number of shares."""
        if shares < 0:
            raise NotAllowed("the number of shares is 0 or more")
        planned = {"expires": tracking.check_expiry(expires), "shares": shares}
        with self._change(), self._tracking(moniker) as raw:
            raw.update(planned)
            self._audit("key planned", moniker=moniker, **planned)

    # --- rules -------------------------------------------------------------------------------

    @property
    def _professional(self) -> bool:
        return self._bluescale.professional()

    def _audit(self, event: str, **details: Any) -> None:
        self._state.audit(event, **details, **self._who)

    def _ready(self) -> None:
        """A site with a policy does nothing before its passwords are set. Raises NotAllowed."""
        policy = self._bluescale.policy
        with self._bluescale.lock:
            current = self._state.passwords
        if current.blank and policy.access:
            raise NotAllowed(
                f"the policy {policy.name!r} asks for passwords of {policy.access} characters: set"
                " the encryption password first"
            )
        if policy.user_mode == MULTI and current.mode != MULTI:
            raise NotAllowed("this site works in multi-user mode: set the three passwords first")

    def _check(self, password: Secret, action: str) -> int:
        return self._bluescale.check(password, action, **self._who)

    def _two(self, given: Sequence[Secret], action: str) -> None:
        """Two different passwords in multi-user mode (BS-03). Raises WrongPassword, NotAllowed."""
        with self._bluescale.lock:
            mode = self._state.passwords.mode
        if mode == MULTI:
            if len(given) != 2:
                raise NotAllowed(f"to {action} a key give two of the three encryption passwords")
            if len({self._check(one, action) for one in given}) != 2:
                raise NotAllowed(
                    f"to {action} a key give two different ones of the three encryption passwords"
                )

    def _room_for(self, moniker: str, professional: bool) -> None:
        there = [record.name for record in self._state.listed()]
        if moniker in there:
            raise KeyExists(f"there is a key {moniker!r} already: choose another moniker")
        if there and not professional:
            raise NotAllowed(
                f"Standard Edition has one key, and {there[0]!r} is there: export and delete it"
                " first, or add the option key of Professional Edition"
            )
        if len(there) >= MOST_KEYS:
            raise NotAllowed(
                f"the library has {MOST_KEYS} keys, the most there can be: export and delete one"
            )

    def _same(self, moniker: str, key: Secret) -> None:
        there = self._state.secret(moniker)
        same = hmac.compare_digest(there.reveal(), key.reveal())
        there.wipe()
        if not same:
            raise KeyExists(
                f"the library has another key {moniker!r}: it must be exported and deleted before"
                " this one can be imported"
            )

    @staticmethod
    def _encrypts(partition: str, partitions: Collection[str]) -> None:
        if partition not in partitions:
            raise NotAllowed(
                f"partition {partition!r} does not have BlueScale encryption: choose that as its"
                " encryption method first"
            )

    def _one_for_all(self, new: Assignment, partitions: Sequence[str]) -> None:
        for one in self._state.assignments(partitions):
            if one.partition != new.partition and one.primary not in (None, new.primary):
                raise NotAllowed(
                    "Standard Edition has one key for all partitions, and partition"
                    f" {one.partition!r} has {one.primary!r}: unassign it there first"
                )

    def _record(self, moniker: str) -> Record:
        record = self._state.key(moniker)
        if record is None:
            raise KeyMissing(f"there is no key {moniker!r}: see the list of keys, or import it")
        return record

    @contextmanager
    def _tracking(self, moniker: str) -> Iterator[dict[str, Any]]:
        """The tracking record of a key, or of one that was deleted, to be changed."""
        deleted = self._state.deleted
        if moniker in deleted:
            yield deleted[moniker]
            self._state.deleted = deleted
        else:
            raw = dict(self._record(moniker).attributes)
            yield raw
            self._state.change(moniker, raw)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """All or nothing, with no key request between."""
        with self._bluescale.lock, self._state.store.transaction():
            yield


def _row(record: Record, assigned: Sequence[Assignment]) -> KeyRow:
    return KeyRow(
        moniker=record.name,
        created=record.attributes["created"],
        primary_of=tuple(one.partition for one in assigned if one.primary == record.name),
        decrypts_for=tuple(one.partition for one in assigned if record.name in one.decrypt_only),
        copies=len(record.attributes["copies"]),
    )

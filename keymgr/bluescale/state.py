"""What BlueScale knows, all of it in the store's realm: keys, who has which, settings, passwords.

Nothing is remembered beside the store, so a restored backup holds at once. Not for several threads:
whoever calls holds BlueScale's lock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from keymgr.bluescale.models import Assignment
from keymgr.bluescale.passwords import Passwords
from keymgr.errors import KeyMissing
from keymgr.secret import Secret

if TYPE_CHECKING:
    from keymgr.keystore import Keystore, Record

_PASSWORDS, _SECURE, _ASSIGNED = "passwords", "secure_initialization", "assignments"
_DELETED, _PREPARED = "deleted", "prepared"


class State:
    """The realm of one library."""

    def __init__(self, store: Keystore, realm: str) -> None:
        self.store = store
        self._realm = realm

    def audit(self, event: str, **details: Any) -> None:
        """Note that something was done, or refused; no secret may be in it."""
        self.store.audit(self._realm, event, **details)

    # --- settings ----------------------------------------------------------------------------

    @property
    def passwords(self) -> Passwords:
        """The encryption passwords."""
        return Passwords.from_json(self.store.setting(self._realm, _PASSWORDS))

    @passwords.setter
    def passwords(self, new: Passwords) -> None:
        self.store.set_setting(self._realm, _PASSWORDS, new.to_json())

    @property
    def secure(self) -> bool:
        """Whether a password must be given after each power-on (BS-04)."""
        return bool(self.store.setting(self._realm, _SECURE, False))

    @secure.setter
    def secure(self, on: bool) -> None:
        self.store.set_setting(self._realm, _SECURE, on)

    @property
    def prepared(self) -> bool:
        """Whether what the rig file says has been done."""
        return bool(self.store.setting(self._realm, _PREPARED, False))

    @prepared.setter
    def prepared(self, done: bool) -> None:
        self.store.set_setting(self._realm, _PREPARED, done)

    # --- keys --------------------------------------------------------------------------------

    def listed(self) -> list[Record]:
        """All keys, by moniker."""
        return sorted(self.store.records(self._realm), key=lambda record: record.name)

    def key(self, moniker: str) -> Record | None:
        """A key; None: it is not there."""
        try:
            return self.store.record(self._realm, moniker)
        except KeyMissing:
            return None

    def secret(self, moniker: str) -> Secret:
        """The key itself, a new copy. Raises KeyMissing."""
        return self.store.secret(self._realm, moniker)

    def add(self, moniker: str, key: Secret | None, attributes: dict[str, Any]) -> None:
        """A new key; None: a random one. Raises KeyExists."""
        self.store.add(self._realm, moniker, key, attributes=attributes)

    def change(self, moniker: str, attributes: dict[str, Any]) -> None:
        """Replace what is kept beside a key."""
        self.store.change(self._realm, moniker, attributes=attributes)

    def destroy(self, moniker: str) -> None:
        """The key goes, and what was tracked of it is kept."""
        deleted = self.deleted
        deleted[moniker] = self.store.record(self._realm, moniker).attributes
        self.deleted = deleted
        self.store.destroy(self._realm, moniker)

    @property
    def deleted(self) -> dict[str, Any]:
        """What was tracked of keys that were deleted, by moniker."""
        return dict(self.store.setting(self._realm, _DELETED, {}))

    @deleted.setter
    def deleted(self, records: dict[str, Any]) -> None:
        self.store.set_setting(self._realm, _DELETED, records)

    def holds(self, cartridge: str, moniker: str) -> None:
        """A cartridge has data under that key, so under no other (BS-08, BS-18)."""
        there = {record.name: record.attributes for record in self.listed()}
        gone = self.deleted
        changed = [
            name
            for name, raw in (*gone.items(), *there.items())
            if (name == moniker) != (cartridge in raw["cartridges"])
        ]
        if not changed:
            return
        with self.store.transaction():
            for name in changed:
                raw = gone[name] if name in gone else dict(there[name])
                raw["cartridges"] = [one for one in raw["cartridges"] if one != cartridge]
                if name == moniker:
                    raw["cartridges"].append(cartridge)
                if name in there:
                    self.change(name, raw)
            if not gone.keys().isdisjoint(changed):
                self.deleted = gone

    # --- partitions --------------------------------------------------------------------------

    def assignment(self, partition: str) -> Assignment:
        """The keys of a partition."""
        raw = self._assigned().get(partition)
        if raw is None:
            return Assignment(partition, None)
        return Assignment(partition, raw["primary"], tuple(raw["decrypt_only"]))

    def assignments(self, partitions: Iterable[str]) -> list[Assignment]:
        """Those of these partitions, in their order."""
        return [self.assignment(partition) for partition in partitions]

    def assign(self, new: Assignment) -> None:
        """Replace the keys of a partition."""
        assigned = self._assigned()
        assigned.pop(new.partition, None)
        if new.primary is not None:
            keys = {"primary": new.primary, "decrypt_only": list(new.decrypt_only)}
            assigned[new.partition] = keys
        self.store.set_setting(self._realm, _ASSIGNED, assigned)

    def keep_assigned(self, partitions: Collection[str]) -> None:
        """Partitions other than these have no keys any more."""
        assigned = self._assigned()
        kept = {name: keys for name, keys in assigned.items() if name in partitions}
        if kept != assigned:
            self.store.set_setting(self._realm, _ASSIGNED, kept)
            gone = sorted(assigned.keys() - kept.keys())
            self.audit("keys unassigned", partitions=gone, by="library")

    def _assigned(self) -> dict[str, Any]:
        return dict(self.store.setting(self._realm, _ASSIGNED, {}))

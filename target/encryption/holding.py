"""The keys that a drive holds beside the one in use: those of `mounted`, and those pushed.

A source pushes from any thread, also from one that the drive waits for, so nothing here takes the
drive's turn. Keys are copied in, and the givers' overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

from keymgr.api import Grant, KeyData
from keymgr.secret import Secret
from target.medium.crypt import KEY_SIZE


class Unfit(Exception):
    """A source has given something that is no key; the sentence has no secrets."""


def checked(grant: object) -> Grant:
    """What a source gave, if it is a grant of a 256-bit key. Raises Unfit."""
    if not isinstance(grant, Grant) or not isinstance(grant.key, Secret):
        raise Unfit(f"it gave a {type(grant).__name__} in place of a Grant with a Secret")
    if len(grant.key) != KEY_SIZE:
        raise Unfit(f"it gave a key of {len(grant.key)} bytes, and keys have {KEY_SIZE}")
    if not any(grant.key.reveal()):
        raise Unfit("it gave a key that was overwritten: every grant needs a new Secret")
    kinds = {type(field) for field in grant.key_data}
    if not isinstance(grant.key_data, KeyData) or kinds != {bytes}:
        raise Unfit("it gave key-associated data that are not bytes")
    return grant


def wipe(answer: object) -> None:
    """Overwrite the keys in whatever a source has answered."""
    if isinstance(answer, Secret):
        answer.wipe()
    elif isinstance(answer, tuple | list):
        for one in answer:
            wipe(one)


class Held:
    """See `keymgr.api.Holder`; ``slots``: how many keys there may be at a time."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.dropped = False
        """Whether the source has had all keys dropped, and those in use are still there."""
        self._guard = Lock()
        self._keys: list[Grant] = []
        self._later: list[Grant] | None = None
        """What is pushed while a volume is loaded and takes the place of others."""
        self._loaded = False
        self._mount = 0
        """Another number after each load, unload and reset."""
        self._closed = False

    def __len__(self) -> int:
        return len(self._keys)

    # --- what a source does ------------------------------------------------------------------

    def hold(self, keys: Sequence[Grant]) -> None:
        """Hold these and no others; raises ValueError if they are too many, or no keys."""
        new = self._copies(keys)
        with self._guard:
            if self._closed:
                wipe(new)
            elif self._loaded and not all(_among(old, new) for old in self._keys):
                wipe(self._later)
                self._later = new
            else:
                wipe(self._keys)
                wipe(self._later)
                self._keys, self._later = new, None

    def drop(self) -> None:
        """Overwrite all that are held; what is in use goes before the next command."""
        self.clear()
        self.dropped = True

    # --- what the drive does -----------------------------------------------------------------

    def load(self) -> int:
        """A volume is loaded: from now on no key is replaced. Returns what `add` wants."""
        with self._guard:
            self._loaded = True
            self._mount += 1
            return self._mount

    def add(self, mount: int, keys: Iterable[Grant]) -> None:
        """Hold these beside the others, unless that volume is gone. Raises ValueError, nothing
        held."""
        new = self._copies(keys)
        with self._guard:
            if mount != self._mount:
                wipe(new)
                return
            if len(self._keys) + len(new) > self.slots:
                wipe(new)
                raise ValueError(self._too_many(len(self._keys) + len(new)))
            self._keys += new

    def unload(self) -> None:
        """The volume is gone, and its keys; what was pushed meanwhile is held."""
        with self._guard:
            wipe(self._keys)
            self._keys, self._later = self._later or [], None
            self._loaded = False
            self._mount += 1

    def reset(self) -> None:
        """All keys are gone; the volume stays."""
        with self._guard:
            self._mount += 1
        self.clear()

    def clear(self) -> None:
        """Overwrite all keys."""
        with self._guard:
            wipe(self._keys)
            wipe(self._later)
            self._keys, self._later = [], None

    def close(self) -> None:
        """Overwrite all keys, and hold none any more."""
        self._closed = True
        self.reset()

    def find(self, key_data: KeyData) -> list[Grant]:
        """Copies of the keys with these key-associated data."""
        with self._guard:
            return [
                one._replace(key=Secret(one.key.reveal()))
                for one in self._keys
                if one.key_data == key_data
            ]

    def _copies(self, keys: Iterable[Grant]) -> list[Grant]:
        given = list(keys)
        try:
            if len(given) > self.slots:
                raise ValueError(self._too_many(len(given)))
            return [
                checked(one)._replace(key=Secret(one.key.reveal()), key_data=KeyData(*one.key_data))
                for one in given
            ]
        except Unfit as unfit:
            raise ValueError(f"the source will not do: {unfit}") from None
        finally:
            wipe(given)

    def _too_many(self, count: int) -> str:
        return f"the drive holds {self.slots} keys at a time, and these are {count}"


def _among(old: Grant, new: Sequence[Grant]) -> bool:
    return any(old.key_data == one.key_data and old.key.reveal() == one.key.reveal() for one in new)

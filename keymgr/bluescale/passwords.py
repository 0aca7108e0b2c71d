"""The encryption passwords: one, blank by default, or three different ones (BS-02, BS-03).

Only Argon2id hashes are kept. All have one salt, so that a look at a password costs one derivation,
and as much whether it is right or wrong.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from keymgr import kdf
from keymgr.bluescale.names import NotAllowed
from keymgr.bluescale.policy import MULTI, SINGLE, Policy
from keymgr.secret import Secret

USERS = 3
"""Passwords in multi-user mode."""


class Passwords(NamedTuple):
    """What is known of the passwords, as the store has it."""

    mode: str
    salt: bytes
    cost: kdf.Cost
    hashes: tuple[bytes, ...]
    """None: the password is blank, as at first."""

    @classmethod
    def from_json(cls, raw: Any) -> Passwords:
        """From what `to_json` gave; None: as at first."""
        if raw is None:
            return cls(SINGLE, bytes(kdf.SALT_SIZE), kdf.DEFAULT, ())
        return cls(
            raw["mode"],
            bytes.fromhex(raw["salt"]),
            kdf.Cost(*raw["cost"]),
            tuple(bytes.fromhex(one) for one in raw["hashes"]),
        )

    def to_json(self) -> dict[str, Any]:
        """As the store keeps it."""
        return {
            "mode": self.mode,
            "salt": self.salt.hex(),
            "cost": list(self.cost),
            "hashes": [one.hex() for one in self.hashes],
        }

    @property
    def blank(self) -> bool:
        """Whether nobody has set any."""
        return not self.hashes

    def which(self, password: Secret) -> int | None:
        """The number of the password, from 0; None: it is none of them."""
        if self.blank:
            return 0 if not len(password) else None
        derived = kdf.derive(password, self.salt, self.cost)
        found = [hmac.compare_digest(derived.reveal(), one) for one in self.hashes]
        derived.wipe()
        return found.index(True) if any(found) else None


def make(
    mode: str,
    new: Sequence[Secret],
    policy: Policy,
    random: Callable[[int], bytes],
    cost: kdf.Cost,
) -> Passwords:
    """Those that are to be from now on. Raises NotAllowed."""
    if mode not in (SINGLE, MULTI):
        raise NotAllowed(f"there is no user mode {mode!r}: choose {SINGLE} or {MULTI}")
    wanted = USERS if mode == MULTI else 1
    if len(new) != wanted:
        raise NotAllowed(f"the user mode {mode} has {wanted} passwords, not {len(new)}")
    for password in new:
        policy.check_access(password)
    salt = random(kdf.SALT_SIZE)
    hashes = tuple(bytes(kdf.derive(password, salt, cost).reveal()) for password in new)
    if len(set(hashes)) != wanted:
        raise NotAllowed(f"the {wanted} passwords must be different from one another")
    return Passwords(mode, salt, cost, hashes)

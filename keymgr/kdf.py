"""Keys from passwords: Argon2id (RFC 9106), and what a guess costs."""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keymgr.secret import Secret

KEY_SIZE = 32
SALT_SIZE = 16


class Cost(NamedTuple):
    """What one guess of a password costs."""

    memory: int = 12 * 1024
    """KiB; at least 8 a lane."""
    passes: int = 3
    lanes: int = 1

    @property
    def allowed(self) -> bool:
        """Whether a file from elsewhere may ask for that much: at most a GiB, and some seconds."""
        return (
            1 <= self.lanes <= MOST.lanes
            and 1 <= self.passes <= MOST.passes
            and 8 * self.lanes <= self.memory <= MOST.memory
        )


DEFAULT = Cost()
"""One of OWASP's recommendations for stored passwords (Password Storage Cheat Sheet). They cost a
guess the same; this one takes the least memory that is fresh, which is dear in a user-mode kernel:
the 64 MiB of RFC 9106's second choice took four seconds there."""
MOST = Cost(memory=1024 * 1024, passes=16, lanes=16)


def derive(password: Secret, salt: bytes, cost: Cost = DEFAULT) -> Secret:
    """KEY_SIZE bytes. ``salt`` has SALT_SIZE bytes."""
    kdf = Argon2id(
        salt=salt,
        length=KEY_SIZE,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory,
    )
    key = Secret(bytes(KEY_SIZE))
    kdf.derive_into(password.reveal(), key.reveal())  # type: ignore[arg-type]  # any buffer will do
    return key

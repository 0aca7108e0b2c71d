"""Who may do something at a library: users with roles and passwords, of which hashes are kept.

A password is of the characters that Spectra's libraries take (BS-02), and may be blank. Its hash is
scrypt's (RFC 7914) with a salt; a blank one has none, so that a new library is ready at once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

from keymgr.secret import Secret
from target.library.errors import OperatorError

FIRST = "su"
"""The superuser that every library has from the start."""
_ALPHABET = re.compile(rb"[0-9A-Za-z@\-_.]*")
_LONGEST_NAME = 32
_NAME = re.compile(rf"[0-9A-Za-z@\-_.]{{1,{_LONGEST_NAME}}}")
_LONGEST = 128


class Role(IntEnum):
    """What a user may do; each may do what those before it may."""

    OPERATOR = 1
    ADMINISTRATOR = 2
    SUPERUSER = 3

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Role:
        """From its name. Raises OperatorError."""
        for role in cls:
            if text == str(role):
                return role
        known = ", ".join(map(str, cls))
        raise OperatorError(f"there is no role {text!r}: give one of {known}")


class Cost(NamedTuple):
    """What guessing a password costs: the parameters of scrypt."""

    n: int
    r: int
    p: int


STRONG = Cost(2**14, 8, 5)
"""16 MiB, a tenth of a second: one of OWASP's recommendations for stored passwords."""


@dataclass(frozen=True)
class User:
    """A user; ``hash`` is what `hashed` gives, never shown."""

    name: str
    role: Role
    hash: str

    def __repr__(self) -> str:
        return f"User({self.name!r}, {self.role})"


def require_password(password: Secret, what: str = "a password") -> None:
    """Raises OperatorError where it has other characters than libraries take (BS-02)."""
    if not _ALPHABET.fullmatch(password.reveal()):
        raise OperatorError(
            f"{what} has only the characters 0-9 A-Z a-z @ - _ . in it: choose another one"
        )
    if len(password) > _LONGEST:
        raise OperatorError(f"{what} has at most {_LONGEST} characters: choose a shorter one")


def hashed(password: Secret, cost: Cost = STRONG) -> str:
    """What is kept of a password: cost, salt and hash as text; nothing of a blank one.

    Raises OperatorError as `require_password` does.
    """
    require_password(password)
    if not len(password):
        return ""
    salt = secrets.token_bytes(16)
    return ":".join([*map(str, cost), salt.hex(), _scrypt(password, salt, cost).hex()])


def matches(password: Secret, kept: str) -> bool:
    """Whether it is the password of which that was kept."""
    if not kept:
        return not len(password)
    n, r, p, salt, digest = kept.split(":")
    made = _scrypt(password, bytes.fromhex(salt), Cost(int(n), int(r), int(p)))
    return hmac.compare_digest(made, bytes.fromhex(digest))


def find(users: Mapping[str, User], name: str) -> User:
    """Raises OperatorError where there is none of that name."""
    if name not in users:
        raise OperatorError(f"there is no user {name!r}: name one of {', '.join(users)}")
    return users[name]


def added(
    users: Mapping[str, User], name: str, role: Role, password: Secret, cost: Cost
) -> dict[str, User]:
    """With another one. Raises OperatorError."""
    if not _NAME.fullmatch(name):
        raise OperatorError(
            f"{name!r} will not do as the name of a user: take 1 to {_LONGEST_NAME} of the"
            " characters 0-9 A-Z a-z @ - _ ."
        )
    if name in users:
        raise OperatorError(f"there is a user {name} already: choose another name")
    return {**users, name: User(name, role, hashed(password, cost))}


def removed(users: Mapping[str, User], name: str) -> dict[str, User]:
    """Without that one. Raises OperatorError."""
    find(users, name)
    return _ruled({other: user for other, user in users.items() if other != name})


def with_role(users: Mapping[str, User], name: str, role: Role) -> dict[str, User]:
    """Where that one has another role. Raises OperatorError."""
    return _ruled({**users, name: replace(find(users, name), role=role)})


def with_password(
    users: Mapping[str, User], name: str, password: Secret, cost: Cost
) -> dict[str, User]:
    """Where that one has another password. Raises OperatorError."""
    return {**users, name: replace(find(users, name), hash=hashed(password, cost))}


def _ruled(users: dict[str, User]) -> dict[str, User]:
    if all(user.role < Role.SUPERUSER for user in users.values()):
        raise OperatorError("a library has at least one superuser: make another one first")
    return users


def to_json(users: Mapping[str, User]) -> list[list[str]]:
    """Users as JSON values."""
    return [[user.name, str(user.role), user.hash] for user in users.values()]


def from_json(raw: Iterable[list[str]]) -> dict[str, User]:
    """Users from what `to_json` gives."""
    return {name: User(name, Role.parse(role), kept) for name, role, kept in raw}


def _scrypt(password: Secret, salt: bytes, cost: Cost) -> bytes:
    memory = 256 * cost.n * cost.r + 2**20
    return hashlib.scrypt(
        password.reveal(), salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=memory, dklen=32
    )

"""What the encryption screens show: plain data of JSON values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Created:
    """A key was made (BS-06)."""

    moniker: str
    reminder: str
    """A sentence for the operator."""


@dataclass(frozen=True)
class Exported:
    """A key in a file, encrypted under its password (BS-10)."""

    file_name: str
    data: bytes
    copy: int
    """The copy's number in the tracking record."""


@dataclass(frozen=True)
class Imported:
    """A key from a file is there now; ``new``: it was not before."""

    moniker: str
    new: bool


@dataclass(frozen=True)
class KeyRow:
    """A key on the screen (BS-07)."""

    moniker: str
    created: float
    """Seconds since 1970."""
    primary_of: tuple[str, ...]
    """Partitions that write and read with it."""
    decrypts_for: tuple[str, ...]
    """Partitions that only read with it."""
    copies: int
    """Exported copies, as far as is tracked."""


@dataclass(frozen=True)
class Assignment:
    """The keys of a partition."""

    partition: str
    primary: str | None
    decrypt_only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """The settings."""

    edition: str
    """standard or professional."""
    user_mode: str
    """single or multi."""
    blank: bool
    """Whether the password is still the blank one."""
    secure_initialization: bool
    locked: bool
    keys: int
    most_keys: int
    policy: str
    partitions: tuple[Assignment, ...]
    """Those whose encryption method is BlueScale."""


@dataclass(frozen=True)
class Copy:
    """A copy of a key outside the library."""

    number: int
    location: str
    """Where it is, or who has it; empty: nobody said."""
    made: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Tracked:
    """The tracking record of a key (BS-18), kept when the key is deleted."""

    moniker: str
    created: float
    """Seconds since 1970."""
    expires: str | None
    """Planned: YYYY-MM-DD."""
    shares: int
    """How many people or places have a part of it; 0: none."""
    copies: tuple[Copy, ...]
    cartridges: tuple[str, ...]
    """Barcodes of those that were written or read with it, and not since with another."""
    deleted: bool

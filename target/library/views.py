"""What operators are shown of a library: dataclasses of JSON values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DriveView:
    """A drive of the library."""

    name: str
    place: str
    """Such as drive:1."""
    model: str
    serial: str
    partition: str
    """Empty: in none."""
    barcode: str
    """Of the cartridge in it; empty: none."""
    loaded: bool
    """The cartridge is threaded."""


@dataclass(frozen=True)
class StatusView:
    """The library as a whole."""

    name: str
    model: str
    serial: str
    door: str
    """open or closed."""
    partitions: list[str]
    drives: list[DriveView]
    slots: int
    mail_slots: int
    cartridges: int
    options: list[str]
    """Those that are enabled."""
    encryption: str
    """Of the key manager inside: locked, where it waits for an encryption password, or ready."""
    last_message: int
    """Number of the newest message; 0: there is none."""


@dataclass(frozen=True)
class PartitionView:
    """A partition."""

    name: str
    serial: str
    """Of its medium changer."""
    encryption: str
    drives: list[str]
    slots: int
    mail_slots: int
    cartridges: int


@dataclass(frozen=True)
class PlaceView:
    """A place for a cartridge, and what is there."""

    place: str
    """Such as slot:17."""
    partition: str
    """Empty: in none."""
    barcode: str
    """Empty: nothing is there."""
    home: str
    """The slot that the cartridge was last taken from; empty: none."""
    drive: str
    """The name of the drive, if it is one."""


@dataclass(frozen=True)
class MovedView:
    """A cartridge that was moved; an empty place: outside the library."""

    barcode: str
    source: str
    destination: str


@dataclass(frozen=True)
class UserView:
    """A user."""

    name: str
    role: str


@dataclass(frozen=True)
class OptionView:
    """An option."""

    name: str
    title: str
    enabled: bool


@dataclass(frozen=True)
class MethodView:
    """An encryption method that partitions can have."""

    name: str
    option: str
    """The option that it needs; empty: none."""
    enabled: bool

"""What a drive asks a key manager, and what it may answer.

Four events, each with what the asker knows. Who asks is either a library, for the drive, or an
agent in the drive itself; a key source need not care. docs/key-sources.md tells how each system
that keyreel has, or will have, sits on this, and has a whole source in sixty lines.

A source is found by its entry point in the group ``keyreel.key_sources``: what that names is called
with a `World` and returns a `KeySource`.
"""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from keymgr.secret import Secret

GROUP = "keyreel.key_sources"
"""The group of entry points."""


class KeyData(NamedTuple):
    """Key-associated data, which stand beside encrypted blocks and tell which key it takes.

    Drives check the authenticated part against the block. Either may be empty.
    """

    unauthenticated: bytes = b""
    authenticated: bytes = b""

    @property
    def name(self) -> bytes:
        """What a source that needs one name only has put there, see `KeyRoom.named`."""
        return self.unauthenticated or self.authenticated


class KeyRoom(NamedTuple):
    """Most bytes of key-associated data that the drive keeps beside a block of this volume."""

    unauthenticated: int = 0
    authenticated: int = 0

    def named(self, name: bytes) -> KeyData:
        """The key-associated data with one name, where there is room. Raises Refused."""
        if len(name) <= self.unauthenticated:
            return KeyData(unauthenticated=name)
        if len(name) <= self.authenticated:
            return KeyData(authenticated=name)
        raise Refused(
            Reason.NOT_CONFIGURED,
            f"the drive keeps {max(self)} bytes beside a block, the key's name has {len(name)}",
            "use a key with a shorter name",
        )


class DriveIdentity(NamedTuple):
    """The drive that needs a key, as its INQUIRY data and VPD pages tell."""

    vendor: str
    product: str
    serial: str
    firmware: str
    native: str
    """The format that it writes, as in docs/media.md: LTO-9, TS1160."""
    wwn: bytes = b""
    """8 bytes."""
    slots: int = 1
    """How many keys it can hold at a time."""


class Volume(NamedTuple):
    """The cartridge in the drive."""

    barcode: str
    """Empty where nobody could read one."""
    serial: str
    """Of the medium, from its cartridge memory."""
    format: str
    """As in docs/media.md, such as LTO-9."""
    worm: bool = False
    partitions: int = 1


@dataclass(frozen=True)
class Request:
    """What the asker knows when it asks."""

    drive: DriveIdentity
    volume: Volume
    room: KeyRoom
    library: str = ""
    """Serial number of the library that asks for the drive; "": the drive asks by itself."""
    partition: str = ""
    """The library's partition that the drive is in."""
    method: str = ""
    """The encryption method that this partition has, where a source serves several."""
    position: tuple[int, int] = (0, 0)
    """Partition of the tape and object number in it."""
    beginning: bool = False
    """key_for_write: at the beginning of that partition, so whatever is there goes."""
    wanted: KeyData | None = None
    """key_for_read: of the block to be read; key_for_write behind encrypted blocks: of the last
    one before."""
    found: tuple[KeyData, ...] = ()
    """All key-associated data on this partition of the tape, each once, in the order of the
    blocks. ``mounted``: of the whole volume."""
    elsewhere: tuple[KeyData, ...] = ()
    """key_for_write: those on its other partitions."""


class Grant(NamedTuple):
    """A key and what is to be kept beside the blocks that it encrypts. The drive overwrites the
    secret when it drops the key: give each time a new one."""

    key: Secret
    key_data: KeyData = KeyData()
    decrypt_only: bool = False
    """The drive reads with it; before it writes it asks for a key to write with."""


class Reason(enum.Enum):
    """Why there is no key. Each drive model has its own sense code for each."""

    NOT_FOUND = "the key is not there"
    NOT_AUTHORIZED = "this asker may not have it"
    NOT_CONFIGURED = "nothing says which key to use"
    LOCKED = "somebody has to unlock the source first"
    PROHIBITED = "this volume may not be written or read so"
    UNAVAILABLE = "the service cannot be reached"
    TIMEOUT = "the service did not answer in time"
    FAILED = "the service failed"


class Refused(Exception):
    """There is no key. ``text`` says what is the matter and ``cure`` what to do, a sentence each
    without the full stop: they are told to operators, so no secret may be in them. ``number``: the
    service's own for it, which drives that know such numbers report (IBM's EEh and EFh codes as
    four hex digits, 0xEE31)."""

    def __init__(self, reason: Reason, text: str = "", cure: str = "", number: int = 0) -> None:
        super().__init__(text or reason.value)
        self.reason = reason
        self.text = text or reason.value
        self.cure = cure
        self.number = number


class Severity(enum.IntEnum):
    """How bad it is."""

    INFORMATION = 0
    WARNING = 1
    ERROR = 2


class Notice(NamedTuple):
    """Something that operators have to know, see `Refused` for the texts."""

    severity: Severity
    text: str
    cure: str = ""


class Holder(Protocol):
    """A drive as far as it holds keys: what a source may give without being asked."""

    def hold(self, keys: Sequence[Grant]) -> None:
        """Hold these, and no others, until the volume is unloaded; from any thread.

        While a volume is loaded they come into effect when it is unloaded, if ``keys`` replace
        others. Raises ValueError for more than the drive holds."""

    def drop(self) -> None:
        """Overwrite all that are held."""


class KeySource:
    """Who answers. Calls come from the threads of drives, several at once; a slow answer holds
    one drive. The asker gives up by itself after its own time."""

    def attached(self, drive: DriveIdentity, holder: Holder) -> None:
        """A drive is to be served, told once before it asks for anything; ``holder`` is for sources
        that push. Raises Refused if this source does not serve such drives."""

    def mounted(self, request: Request) -> Sequence[Grant]:
        """A volume is in the drive. The keys that the drive is to hold for it: it reads with those
        without asking. Raises Refused, which keeps no volume out: the drive asks again later."""
        return ()

    def key_for_write(self, request: Request) -> Grant | None:
        """The key to write with from the position on; None: no encryption. Raises Refused.

        Asked at the beginning of each partition of a tape, and where the drive has no key and
        encrypted blocks are before the position.
        """
        raise NotImplementedError

    def key_for_read(self, request: Request) -> Grant:
        """The key of the block that has the key data ``wanted``. Raises Refused."""
        raise NotImplementedError

    def unmounted(self, request: Request) -> None:
        """The volume has left the heads; the drive has dropped its keys."""

    def close(self) -> None:
        """No request comes any more."""


@dataclass(frozen=True)
class World:
    """What a source is made in: everything that it may not take from elsewhere."""

    name: str
    """The source's in the rig."""
    folder: Path
    """For what must survive, made if need be; its files are the source's own, mode 0600."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the rig file says to it, checked by nobody so far."""
    now: Callable[[], float] = time.time
    """Seconds since 1970."""
    random: Callable[[int], bytes] = os.urandom
    """So many random bytes."""
    tell: Callable[[Notice], None] = lambda notice: None
    """Who hears what operators have to know; from any thread. A refusal is told by the asker."""


class UnknownSource(Exception):
    """No installed package has a key source of that name; the text is a sentence."""


def find(name: str) -> Callable[[World], KeySource]:
    """What makes the source of that name. Raises UnknownSource."""
    # Loaded here: it takes longer than the rest of a target, and few rigs have a source.
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise UnknownSource(
            f"there is no key source {name!r}: install the package that has it, or use one of"
            f" those that are installed: {known}"
        )
    made: Callable[[World], KeySource] = found[name].load()
    return made

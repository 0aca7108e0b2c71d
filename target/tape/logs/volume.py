"""Log pages of the loaded volume: 17h, 30h, 31h. Nothing resets what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from target.medium.formats import FORMATS, Format
from target.scsi.log import LogPage, Parameter
from target.tape.counters import statistics
from target.tape.logs.rows import (
    MB,
    MIB,
    attribute,
    capacity,
    data_sets,
    fixed,
    info,
    left,
    none,
    number,
    tallied,
    text,
    used,
    volume,
)
from target.tape.logs.usage import ratio

if TYPE_CHECKING:
    from target.tape.drive import Drive

Number = Callable[["Drive"], int]


def _kept(name: str) -> Number:
    def get(drive: Drive) -> int:
        assert drive.cartridge is not None
        return statistics(drive.cartridge.info)[name]

    return volume(get)


def _sets(name: str) -> Number:
    return lambda drive: data_sets(drive, info(name)(drive))


def _all(get: Callable[[Drive, int], int]) -> Number:
    """Of all partitions together."""
    return volume(lambda d: sum(get(d, which) for which in range(d.partitions)))


def _elapsed(name: str) -> Number:
    """Milliseconds since something of this mount; 0 without a volume."""

    def value(drive: Drive) -> int:
        since = getattr(drive.accounts, name)
        return (
            0
            if since is None or not drive.loaded
            else int((drive.clock.monotonic() - since) * 1000)
        )

    return value


def records(size: int, get: Callable[[Drive, int], int]) -> Callable[[Drive], bytes]:
    """A record for each partition: length - 1, reserved, partition, and a number of ``size``
    bytes, which saturates (SSC-4 8.2.9.3). Without a volume there are none."""

    def value(drive: Drive) -> bytes:
        most = (1 << 8 * size) - 1
        return b"".join(
            bytes((size + 3, 0))
            + which.to_bytes(2, "big")
            + min(get(drive, which), most).to_bytes(size, "big")
            for which in range(drive.partitions if drive.loaded else 0)
        )

    return value


NOWHERE = (1 << 48) - 1
"""No such object; of 0201h one less, where it is not known."""


def _object(identifier: int) -> Callable[[Drive, int], int]:
    """An object number, in the low bits of an attribute of the cartridge memory."""

    def get(drive: Drive, which: int) -> int:
        value = attribute(drive, identifier, which)
        return int.from_bytes(value, "big") & NOWHERE if value else NOWHERE

    return get


def used_megabytes(drive: Drive, which: int) -> int:
    """10**6 bytes of a partition that are taken."""
    return used(drive, which) // MB


def _history(drive: Drive) -> bytes:
    """A record for each of the last four loads, the present one first: index, vendor, serial."""
    if not drive.loaded or drive.cartridge is None:
        return b""
    loads = drive.cartridge.info["last_loads"]
    return b"".join(
        bytes((43, 0)) + index.to_bytes(2, "big") + f"{vendor[:8]:8}{serial[:32]:32}".encode()
        for index, (vendor, serial) in enumerate(loads)
    )


def generation(form: Format) -> int:
    """Of an LTO format."""
    return int(form.name.removeprefix("LTO-").strip("MP"))


def _licence(drive: Drive) -> bytes:
    """As the media of LTO drives have it: the generation twice."""
    form = drive.density
    if not drive.loaded or form.family != "LTO":
        return b""
    return f"{generation(form):02}".encode() * 2


OWN_SCHEME = 8
"""From this generation on LTO drives name media id and generation (IBM LTO SCSI Reference 0.1.4);
older ones and HP's say Ultrium."""


def _personality(drive: Drive) -> bytes:
    """Medium and format in nine characters."""
    form = drive.density
    if not drive.loaded or drive.cartridge is None:
        return b""
    if form.family != "LTO":
        return form.name.encode()[:9]
    native = FORMATS[drive.personality.media["native"]]
    if native.family == "LTO" and generation(native) >= OWN_SCHEME:
        return f"LTO{drive.cartridge.type.suffix}G{generation(form):X}".encode()
    return f"Ultrium-{generation(form):X}".encode()


def _life_left(drive: Drive) -> int:
    """In percent: tape does not wear out here."""
    return 100 if drive.loaded else 0


_COUNTS = (
    number(0x0000, 1, lambda d: d.loaded),
    number(0x0001, 4, info("loads")),
    number(0x0002, 8, _sets("bytes_written")),
    number(0x0003, 4, none),
    number(0x0004, 2, _kept("write_errors")),
    number(0x0005, 2, none),
    number(0x0006, 2, none),
    number(0x0007, 8, _sets("bytes_read")),
    number(0x0008, 4, none),
    number(0x0009, 2, _kept("read_errors")),
    # Of this mount from here on: suspended reads were counted in 000Ah and 000Bh once.
    number(0x000C, 2, volume(lambda d: d.counters.since(d.accounts.mount).write_errors)),
    number(0x000D, 2, volume(lambda d: d.counters.since(d.accounts.mount).read_errors)),
    number(0x000E, 4, lambda d: info("last_written")(d) // MB),
    number(0x000F, 4, lambda d: info("last_read")(d) // MB),
    number(0x0010, 8, lambda d: info("bytes_written")(d) // MB),
    number(0x0011, 8, lambda d: info("bytes_read")(d) // MB),
)


def _mount_ratio(way: str) -> Number:
    def get(drive: Drive) -> int:
        mount = drive.counters.since(drive.accounts.mount)
        return ratio(getattr(mount, f"host_{way}"), getattr(mount, f"medium_{way}"))

    return volume(get)


_SUSPENDED_READS = (number(0x000A, 2, none), number(0x000B, 2, none))
_MOUNT = (
    number(0x0012, 2, _mount_ratio("written")),
    number(0x0013, 2, _mount_ratio("read")),
    number(0x0014, 6, _elapsed("mounted_at")),
    number(0x0015, 6, _elapsed("ready_at")),
    number(0x0016, 4, lambda d: _all(capacity)(d) // MB),
    number(0x0017, 4, lambda d: _all(used)(d) // MB),
)
_DESIGN = (
    # What applications should reckon with is what there is: no wrap is ever given up.
    number(0x0018, 4, lambda d: _all(capacity)(d) // MB),
    number(0x0019, 1, _life_left),
)
_STOPPED = (number(0x001A, 4, none), number(0x001B, 4, none))
"""How often writing stopped on forward and on backward wraps."""
_IDENTITY = (
    text(0x0040, 32, lambda d: attribute(d, 0x0401)),
    text(0x0041, 8, lambda d: attribute(d, 0x0401).rstrip()[-8:]),
    text(0x0042, 32, lambda d: d.cartridge.barcode.encode() if d.loaded and d.cartridge else b""),
    text(0x0043, 8, lambda d: attribute(d, 0x0400)),
    text(0x0044, 4, _licence),
    text(0x0045, 9, _personality),
)
_DATE = (text(0x0046, 8, lambda d: attribute(d, 0x0406)),)
_STATE = (
    number(0x0080, 1, volume(lambda d: d.protection() is not None)),
    number(0x0081, 1, volume(lambda d: d.cartridge is not None and d.cartridge.type.worm)),
    number(0x0082, 1, none),
)
_PASSES = (
    number(0x0101, 4, _kept("passes")),
    number(0x0102, 4, _kept("middle_passes")),
)
_PARTITIONS = (
    number(0x0200, 0, records(6, _object(0x0224))),
    number(0x0201, 0, records(6, _object(0x0225))),
    number(0x0202, 0, records(4, lambda d, which: capacity(d, which) // MB)),
    number(0x0203, 0, records(4, used_megabytes)),
)
_REMAINING = (number(0x0204, 0, records(4, lambda d, which: left(d, which) // MB)),)
_HISTORY = (number(0x0300, 0, _history),)
_REVISION = (number(0xF000, 2, lambda d: 1),)
"""Of the page."""


def _statistics(*groups: tuple[Parameter, ...]) -> LogPage:
    rows = sorted((row for group in groups for row in group), key=lambda row: row.code)
    return LogPage(0x17, "volume statistics", tuple(rows), subject=tallied)


_SHARED = (_COUNTS, _MOUNT, _IDENTITY, _STATE, _PASSES, _PARTITIONS)
STATISTICS = _statistics(
    *_SHARED, _SUSPENDED_READS, _DESIGN, _STOPPED, _DATE, _REMAINING, _HISTORY, _REVISION
)
"""All of SSC-4 8.2.9, and the makers' 0046h and F000h."""
STATISTICS_IBM = _statistics(*_SHARED, _DESIGN, _REMAINING)
"""As LTO-7 and LTO-9 drives of IBM's make send it."""
STATISTICS_HP = _statistics(*_SHARED, _DATE, _HISTORY, _REVISION)
"""As HP's LTO-5 and LTO-6 drives do."""
# --- usage and capacity ------------------------------------------------------------------------

_USAGE = (
    fixed(0x0001, 4, info("loads")),
    fixed(0x0002, 8, _sets("bytes_written")),
    fixed(0x0003, 4, none),
    fixed(0x0004, 2, _kept("write_errors")),
    fixed(0x0005, 2, none),
    fixed(0x0006, 2, none),
    fixed(0x0007, 8, _sets("bytes_read")),
    fixed(0x0008, 4, none),
    fixed(0x0009, 2, _kept("read_errors")),
)
USAGE = LogPage(
    0x30,
    "tape usage",
    (*_USAGE, fixed(0x000A, 2, none), fixed(0x000B, 2, none)),
    subject=tallied,
)
"""IBM's, with suspended reads."""
USAGE_HP = LogPage(0x30, "tape usage", _USAGE, subject=tallied)


def _partition(which: int, get: Callable[[Drive, int], int]) -> Callable[[Drive], int | None]:
    """MiB of a partition: 0 for the second one if there is none, and nothing for later ones."""

    def value(drive: Drive) -> int | None:
        if which < drive.partitions and drive.loaded:
            return get(drive, which) // MIB
        return 0 if which < 2 else None

    return value


CAPACITY = LogPage(
    0x31,
    "tape capacity",
    (
        fixed(0x0001, 4, _partition(0, left)),
        fixed(0x0002, 4, _partition(1, left)),
        fixed(0x0003, 4, _partition(0, capacity)),
        fixed(0x0004, 4, _partition(1, capacity)),
        fixed(0x0005, 4, _partition(2, left)),
        fixed(0x0006, 4, _partition(3, left)),
        fixed(0x0007, 4, _partition(2, capacity)),
        fixed(0x0008, 4, _partition(3, capacity)),
    ),
)
"""In MiB; 0005h to 0008h from the third partition on (HP LTO-6 SCSI reference)."""

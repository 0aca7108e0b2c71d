"""Log pages of use: 0Ch, 14h, 1Ah, 1Bh and 32h.

Host bytes are before compression, tape bytes as stored. What counts by mount is reset by a load
and by LOG SELECT, what counts over a life by nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from target.medium.formats import FORMATS, TYPES
from target.scsi.command import Nexus
from target.scsi.layout import Layout
from target.scsi.log import LogPage, Parameter, Reset
from target.tape.counters import Counters
from target.tape.logs.rows import (
    HOUR,
    MB,
    MOUNT,
    capacity,
    counter,
    kept,
    none,
    number,
    tallied,
    text,
    used,
    volume,
)

if TYPE_CHECKING:
    from target.tape.drive import Drive

# --- 0Ch ---------------------------------------------------------------------------------------


def _to_early_warning(drive: Drive) -> int:
    return capacity(drive, drive.partition_number) - drive.early_warning


def _buffer(drive: Drive) -> int:
    """The model's buffer, 10**6 bytes."""
    return int(drive.times.buffer)


SEQUENTIAL = LogPage(
    0x0C,
    "sequential-access device",
    (
        counter(0x0000, 8, lambda d: d.counters.host_written),
        counter(0x0001, 8, lambda d: d.counters.medium_written),
        counter(0x0002, 8, lambda d: d.counters.medium_read),
        counter(0x0003, 8, lambda d: d.counters.host_read),
        # Of the current partition: to the end of data, to early warning, from there to the end,
        # to the position, in the buffer.
        kept(0x0004, 4, volume(lambda d: used(d, d.partition_number) // MB)),
        kept(0x0005, 4, volume(lambda d: _to_early_warning(d) // MB)),
        kept(0x0006, 4, volume(lambda d: d.early_warning // MB)),
        kept(0x0007, 4, volume(lambda d: d.behind() // MB)),
        kept(0x0008, 4, _buffer),
        kept(0x0100, 8, lambda d: any(d.cleaning().values())),
        # LTO drives' own: megabytes since cleaning, loads, cleanings, seconds with power.
        kept(0x8000, 4, lambda d: d.lifetime.bytes_since_clean // MB),
        kept(0x8001, 4, lambda d: d.lifetime.load_cycles),
        kept(0x8002, 4, lambda d: d.lifetime.cleanings),
        kept(0x8003, 4, lambda d: int(d.seconds_on())),
    ),
    subject=tallied,
    resets=MOUNT,
)
"""SSC-4 8.2.3."""

# --- 14h ---------------------------------------------------------------------------------------

MOTION = Layout("2 density, 3 medium_type, 4-7 hours", 8)


def _hours(name: str) -> Any:
    return lambda d: int(getattr(d.lifetime, name)) // HOUR


def _since_cleaning(which: int) -> Any:
    return lambda d: int(d.since_cleaning()[which]) // HOUR


def _percent(part: float, drive: Drive) -> int:
    whole = drive.accounts.watch.elapsed
    return min(100, round(100 * part / whole)) if whole else 0


def _streaming(drive: Drive, stored: int) -> int:
    """How much of the time since the reset it took to write or read so many bytes, in percent."""
    return _percent(drive.timing.seconds_to_stream(stored) if drive.timing else 0.0, drive)


def _today(drive: Drive) -> Counters:
    return drive.counters.since(drive.accounts.reset)


def _by_medium(drive: Drive) -> bytes:
    """Hours of motion for each density and medium type that the model takes."""
    media, moving = drive.personality.media, drive.lifetime.moving_by_medium
    names = [*media["read_write"], *media["read_only"]]
    kinds = {
        (FORMATS[name].density, kind.medium_type)
        for name in names
        for kind in TYPES.values()
        if name in kind.capacities
    }
    return b"".join(
        bytes(
            MOTION.encode(
                density=density,
                medium_type=kind,
                hours=int(moving.get(f"{density:02X}{kind:02X}", 0.0)) // HOUR,
            )
        )
        for density, kind in sorted(kinds)
    )


STATISTICS = LogPage(
    0x14,
    "device statistics",
    (
        kept(0x0000, 4, lambda d: d.lifetime.load_cycles),
        kept(0x0001, 4, lambda d: d.lifetime.cleanings),
        kept(0x0002, 4, lambda d: d.power_on_hours()),
        kept(0x0003, 4, _hours("seconds_moving")),
        kept(0x0004, 4, lambda d: int(d.lifetime.metres)),
        kept(0x0005, 4, _hours("moving_at_incompatible")),
        # Temperature and power are always as they should be.
        kept(0x0006, 4, none),
        kept(0x0007, 4, none),
        kept(0x0008, 4, _since_cleaning(0)),
        kept(0x0009, 4, _since_cleaning(1)),
        kept(0x000A, 4, _since_cleaning(2)),
        # Nobody presses a button.
        kept(0x000B, 4, none),
        kept(0x000C, 4, lambda d: d.lifetime.power_cycles),
        counter(0x000D, 4, lambda d: d.lifetime.load_cycles, Reset.SELECT),
        kept(0x000E, 4, lambda d: d.lifetime.write_errors),
        kept(0x000F, 4, lambda d: d.lifetime.read_errors),
        kept(0x0010, 8, lambda d: int(d.accounts.watch.elapsed * 1000)),
        kept(0x0011, 4, lambda d: _streaming(d, _today(d).medium_read)),
        kept(0x0012, 4, lambda d: _streaming(d, _today(d).medium_written)),
        kept(
            0x0013, 4, lambda d: _percent(d.lifetime.seconds_moving - d.accounts.moved_at_reset, d)
        ),
        kept(0x0014, 4, lambda d: _percent(d.accounts.watch.of("empty"), d)),
        kept(0x0015, 4, lambda d: _percent(d.accounts.watch.of("ready"), d)),
        kept(0x0016, 8, lambda d: _today(d).host_written // MB),
        kept(0x0017, 8, lambda d: _today(d).host_read // MB),
        text(0x0040, 10, lambda d: d.serial.encode()),
        text(0x0041, 10, lambda d: d.serial.encode()),
        kept(0x0080, 1, lambda d: d.removal_prevented),
        kept(0x0081, 1, none),
        number(0x1000, 0, _by_medium),
    ),
    subject=tallied,
)
"""SSC-4 8.2.6. Numbers over a life saturate; only the loads since the last reset are reset."""

POWER_TRANSITIONS = LogPage(
    0x1A,
    "power condition transitions",
    tuple(counter(code, 4, none) for code in (0x0001, 0x0004)),
    resets=Reset.SELECT,
)
"""To active and to idle_c (SPC-4 7.3.16): a drive here is always active."""

# --- 1Bh, 32h ----------------------------------------------------------------------------------


def ratio(host: int, medium: int) -> int:
    """What compression makes of it: bytes of the host's for one on the tape, times 100."""
    return min(100 * host // medium, 0xFFFF) if medium else 0


class Compressed(NamedTuple):
    """What a page is read from."""

    counts: Counters
    enabled: bool


def _parted(code: int, name: str) -> tuple[Parameter, Parameter]:
    """Whole megabytes, and the bytes that are left."""
    return (
        kept(code, 4, lambda c: getattr(c.counts, name) // MB),
        kept(code + 1, 4, lambda c: getattr(c.counts, name) % MB),
    )


_RATIOS = (
    kept(0x0000, 2, lambda c: ratio(c.counts.host_read, c.counts.medium_read)),
    kept(0x0001, 2, lambda c: ratio(c.counts.host_written, c.counts.medium_written)),
    *_parted(0x0002, "host_read"),
    *_parted(0x0004, "medium_read"),
    *_parted(0x0006, "host_written"),
    *_parted(0x0008, "medium_written"),
)


def _compression(code: int, name: str, *more: Parameter) -> LogPage:
    """A page of ratios: reset as one, because its numbers belong together."""

    def subject(drive: Drive, nexus: Nexus) -> Compressed:
        enabled = (0x0F, 0x00) in drive.modes and bool(drive.modes[0x0F]["dce"])
        return Compressed(drive.accounts.since((code, 0)), enabled)

    def cleared(drive: Drive, nexus: Nexus) -> bool:
        counted = drive.accounts.since((code, 0)) != Counters()
        drive.accounts.pages[code, 0] = drive.counters.mark()
        return counted

    return LogPage(code, name, (*_RATIOS, *more), subject=subject, cleared=cleared)


COMPRESSION = _compression(0x1B, "data compression", kept(0x0100, 2, lambda c: c.enabled))
"""SSC-4 8.2.10."""
COMPRESSION_VENDOR = _compression(0x32, "data compression")

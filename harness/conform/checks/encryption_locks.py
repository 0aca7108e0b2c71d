"""LOCK, which keeps a nexus from writing once the parameters that it asked for have changed (SSC-4
4.2.22, encryption mode locking)."""

from __future__ import annotations

from typing import Any

from harness.conform.encryption import (
    ALL,
    DISABLE,
    KEY_A,
    KEY_B,
    LOCAL,
    PUBLIC,
    Drive,
    block,
    encryption_check,
)
from harness.conform.encryption_codes import BY_OTHER
from harness.initiators.api import Unsupported
from harness.layers.cdb import Rewind

LOCK = "SSC-4 4.2.22 (encryption mode locking)"
LOCKS = "lock"
DATA = block(6, "lock")


def _write_refused(drive: Drive) -> None:
    """WRITE is 7/2A/13, writes nothing and does not move the tape; twice."""
    at = drive.position()
    for _ in range(2):
        cdb = b"\x0a\x00" + len(DATA).to_bytes(3) + b"\x00"
        drive.unit.refused(cdb, *drive.codes("changed"), out=DATA)
        drive.unit.expect("position", at, drive.position())


def _lock_check(
    id: str, title: str, mine: dict[str, Any], theirs: dict[str, Any] | None, refused: bool
) -> None:
    """This nexus sends a page with LOCK, the other one sends ``theirs``; then this one writes."""

    @encryption_check(
        f"ENC-LOCK-{id}",
        LOCK,
        LOCKS,
        title,
        expected="WRITE is refused with 7/2A/13, again and again; nothing is written."
        if refused
        else "WRITE is done.",
    )
    def body(drive: Drive) -> None:
        drive.need_management("lock_c")
        scopes = {fields.get("scope", ALL) for fields in (mine, theirs or {})}
        drive.need_management(*(("public_c", "local_c", "aitn_c")[one] for one in scopes))
        other = drive.second
        drive.unit.blank()
        drive.set(**mine)
        other.heard()
        if theirs is not None:
            other.set(**theirs)
        if LOCAL in scopes:
            drive.need_two_sets()
        drive.heard()
        if refused:
            _write_refused(drive)
        else:
            drive.write_block(DATA)


_OFF = {"encryption": DISABLE, "decryption": DISABLE}
_lock_check("HELD", "LOCK, and nobody sends a page", {"lock": 1}, None, False)
_lock_check(
    "ALL", "LOCK, and another nexus replaces the key for all", {"lock": 1}, {"key": KEY_B}, True
)
_lock_check("SAME", "LOCK, and another nexus sets the same key for all", {"lock": 1}, {}, True)
_lock_check(
    "TURNED-OFF", "LOCK, and another nexus turns the key for all off", {"lock": 1}, _OFF, True
)
_lock_check(
    "NOT-SET", "No LOCK, and another nexus replaces the key for all", {}, {"key": KEY_B}, False
)
_lock_check("DISABLED", "LOCK with both modes DISABLE, and another nexus sets a key",
            {"lock": 1, **_OFF}, {"key": KEY_B}, True)  # fmt: skip
_lock_check("LOCAL", "LOCK with a key of its own, and another nexus sets one for all",
            {"lock": 1, "scope": LOCAL}, {"key": KEY_B}, False)  # fmt: skip
_lock_check("OTHER-LOCAL", "LOCK, and another nexus sets a key of its own",
            {"lock": 1}, {"scope": LOCAL, "key": KEY_B}, False)  # fmt: skip
_lock_check("OTHER-PUBLIC", "LOCK, and another nexus takes scope PUBLIC",
            {"lock": 1}, {"scope": PUBLIC}, False)  # fmt: skip


@encryption_check("ENC-LOCK-CURED", LOCK, LOCKS, "A new page of the locked nexus")
def cured(drive: Drive) -> None:
    "It writes again, with the key of the new page."
    drive.need_management("lock_c", "aitn_c")
    other = drive.second
    drive.unit.blank()
    drive.set(lock=1)
    other.heard()
    other.set(key=KEY_B)
    drive.heard()
    _write_refused(drive)
    drive.set(key=KEY_A, lock=1)
    drive.write_block(DATA)
    drive.unit.good(Rewind())
    drive.reads(DATA)


@encryption_check("ENC-LOCK-ENDED", LOCK, LOCKS, "A page without LOCK after one with it")
def ended(drive: Drive) -> None:
    "The lock has ended: another nexus' key for all does not stop WRITE."
    drive.need_management("lock_c", "aitn_c")
    other = drive.second
    drive.unit.blank()
    drive.set(lock=1)
    drive.set()
    other.heard()
    other.set(key=KEY_B)
    drive.unit.expect("attentions", [BY_OTHER], drive.heard())
    drive.write_block(DATA)


@encryption_check("ENC-LOCK-PUBLIC", LOCK, LOCKS, "LOCK to a key that another nexus set")
def public_lock(drive: Drive) -> None:
    "With scope PUBLIC and LOCK; WRITE is refused once that key was replaced."
    drive.need_management("lock_c", "aitn_c", "public_c")
    other = drive.second
    drive.unit.blank()
    other.set(key=KEY_A)
    drive.heard()
    drive.set(scope=PUBLIC, lock=1)
    drive.write_block(DATA)
    other.set(key=KEY_B)
    drive.heard()
    _write_refused(drive)


@encryption_check("ENC-LOCK-REFUSED-PAGE", LOCK, LOCKS, "A page of another nexus that is refused")
def refused_page(drive: Drive) -> None:
    "It changes nothing for the locked nexus: WRITE is done."
    drive.need_management("lock_c")
    other = drive.second
    drive.unit.blank()
    drive.set(lock=1)
    other.heard()
    other.refused(other.make(encryption=5))
    drive.write_block(DATA)


@encryption_check("ENC-LOCK-DEMOUNTED", LOCK, LOCKS, "LOCK to a key that goes with the volume")
def lock_and_ckod(drive: Drive) -> None:
    "Nothing that was to be encrypted is written in clear: WRITE is 7/2A/13."
    drive.need_management("lock_c", "ckod_c")
    drive.unit.blank()
    drive.set(lock=1, ckod=1)
    drive.reload()
    drive.unit.settle()
    _write_refused(drive)


@encryption_check("ENC-LOCK-RESET", LOCK, LOCKS, "LOCK and a reset")
def lock_and_reset(drive: Drive) -> None:
    "The lock has ended with the key: WRITE is done, in clear."
    drive.need_management("lock_c")
    drive.unit.blank()
    drive.set(lock=1)
    try:
        drive.unit.initiator.reset()
    except Unsupported as error:
        drive.unit.skip(str(error))
    drive.unit.settle()
    drive.unit.good(Rewind())
    drive.write_block(DATA)
    drive.unit.good(Rewind())
    drive.reads(DATA)

"""When a key goes, and when it must not: CKOD, CKORL, CKORP, loss of a nexus, reset (SSC-4
4.2.22 and 8.5.3.2)."""

from __future__ import annotations

from harness.conform.encryption import (
    ALL,
    DISABLE,
    ENCRYPT,
    KEY_B,
    LOCAL,
    PUBLIC,
    Drive,
    encryption_check,
)
from harness.conform.encryption_codes import BY_EVENT, INVALID_LIST
from harness.conform.keys import CLEAR, PREEMPT, RESERVE, out, register
from harness.conform.keys import KEY_A as HOLDER
from harness.conform.keys import KEY_B as PREEMPTER
from harness.conform.keys import RELEASE as RELEASE_HELD
from harness.conform.subject import GOOD
from harness.initiators.api import Unsupported
from harness.layers.cdb import LoadUnload, Release6, Reserve6, Rewind

RELEASE = "SSC-4 8.5.3.2 (CKOD, CKORP, CKORL)"
TOPIC = "release"
MODES_OFF = DISABLE, DISABLE

EXCLUSIVE = 3
"""Persistent reservation type: exclusive access."""


def _persistent(drive: Drive, action: int, key: int, other: int = 0) -> None:
    """PERSISTENT RESERVE OUT that has to be GOOD."""
    kind = 0 if action == CLEAR else EXCLUSIVE
    drive.unit.expect("status", GOOD, out(drive.unit, action, key, other, kind=kind).status)


def _gone(drive: Drive, data: bytes) -> None:
    """There is no key: the encrypted block at the beginning is not read; its key reads it."""
    drive.unit.expect("modes", MODES_OFF, drive.status().modes)
    drive.unit.good(Rewind())
    drive.read_refused("off")
    drive.set()
    drive.reads(data)


def _stays(drive: Drive, data: bytes) -> None:
    """The key is in force: it reads the block at the beginning."""
    drive.unit.expect("modes", (ENCRYPT, 2), drive.status().modes)
    drive.unit.good(Rewind())
    drive.reads(data)


# --- CKOD ----------------------------------------------------------------------------------------


def _ckod_check(name: str, ckod: int, scope: int, words: str) -> None:
    @encryption_check(
        f"ENC-CKOD-{name}",
        RELEASE,
        TOPIC,
        f"CKOD {ckod}, scope {'LOCAL' if scope == LOCAL else 'ALL'}, unload and load",
        expected=words,
    )
    def body(drive: Drive) -> None:
        drive.need_management("ckod_c", "local_c" if scope == LOCAL else "aitn_c")
        (data,) = drive.tape("A")
        drive.set(scope=scope, ckod=ckod)
        heard = drive.reload()
        if not ckod and BY_EVENT in heard and drive.status().modes == MODES_OFF:
            # A drive may let keys go of its own accord, as long as it says so.
            drive.unit.warn(f"keys go with the volume whatever CKOD is: {BY_EVENT}")
            ends = _gone
        else:
            ends = _gone if ckod else _stays
        drive.unit.settle()
        ends(drive, data)


_ckod_check("ALL", 1, ALL, "The key is gone: the encrypted block is not read.")
_ckod_check("LOCAL", 1, LOCAL, "The key is gone: the encrypted block is not read.")
_ckod_check("0-ALL", 0, ALL, "The key stays, and reads the block of the volume loaded after it.")
_ckod_check(
    "0-LOCAL", 0, LOCAL, "The key stays, and reads the block of the volume loaded after it."
)


@encryption_check(
    "ENC-CKOD-HEARD", RELEASE, TOPIC, "Who hears that a key for all went with its volume"
)
def ckod_heard(drive: Drive) -> None:
    "The other nexus, which used it, hears 6/2A/12; neither has a key."
    drive.need_management("ckod_c", "aitn_c")
    other = drive.second
    drive.tape("c")
    other.heard()
    drive.set(ckod=1)
    other.heard()
    drive.reload()
    heard = other.heard()
    drive.unit.require("attentions of the other", BY_EVENT in heard, BY_EVENT, heard)
    drive.unit.settle()
    drive.unit.expect("modes", MODES_OFF, drive.status().modes)
    drive.unit.expect("modes of the other", MODES_OFF, other.status().modes)


@encryption_check("ENC-CKOD-UNLOAD", RELEASE, TOPIC, "CKOD while the volume is unloaded")
def ckod_at_unload(drive: Drive) -> None:
    "The key is gone at the end of the unload already, not only at the next load."
    drive.need_management("ckod_c")
    drive.tape("c")
    drive.set(ckod=1)
    drive.unloaded()
    drive.unit.settle()
    drive.unit.expect("modes", MODES_OFF, drive.status().modes)


@encryption_check("ENC-CKOD-REWIND", RELEASE, TOPIC, "CKOD, rewind, and load of a loaded volume")
def ckod_needs_a_demount(drive: Drive) -> None:
    "The key stays: the volume was not demounted."
    drive.need_management("ckod_c")
    (data,) = drive.tape("A")
    drive.set(ckod=1)
    drive.unit.good(Rewind())
    drive.unit.good(LoadUnload(load=1))
    _stays(drive, data)


@encryption_check("ENC-CKOD-ONE-OF-TWO", RELEASE, TOPIC, "CKOD of one key of two")
def one_of_two(drive: Drive) -> None:
    "The key with CKOD goes, the other nexus' key without stays."
    drive.need_management("ckod_c", "local_c")
    other = drive.second
    (data,) = drive.tape("A")
    other.heard()
    drive.set(scope=LOCAL, ckod=1)
    other.set(scope=LOCAL)
    drive.need_two_sets()
    drive.reload()
    drive.unit.settle()
    drive.unit.expect("modes", MODES_OFF, drive.status().modes)
    if other.status().modes == MODES_OFF:
        _goes_anyway(drive)
    _stays(other, data)


@encryption_check("ENC-CKOD-REPLACED", RELEASE, TOPIC, "CKOD, and then a key without")
def replaced(drive: Drive) -> None:
    "The key stays: CKOD belongs to the parameters with which it came."
    drive.need_management("ckod_c")
    (data,) = drive.tape("A")
    drive.set(key=KEY_B, ckod=1)
    drive.set()
    drive.reload()
    _goes_anyway(drive)
    _stays(drive, data)


def _goes_anyway(drive: Drive) -> None:
    """NotApplicable where a key without CKOD goes with the volume, as the drive then says."""
    if drive.status().modes == MODES_OFF:
        drive.off()
        drive.set(key=KEY_B)
        if BY_EVENT in drive.reload():
            drive.unit.skip(f"keys go with the volume whatever CKOD is: {BY_EVENT}")


# --- reservations --------------------------------------------------------------------------------


@encryption_check("ENC-CKORL-RELEASE", RELEASE, TOPIC, "CKORL, RESERVE(6) and RELEASE(6)")
def ckorl(drive: Drive) -> None:
    "The key is gone with the reservation."
    drive.need_management("ckorl_c")
    drive.unit.need(0x16)
    (data,) = drive.tape("A")
    drive.unit.good(Reserve6())
    drive.set(ckorl=1)
    drive.reads(data)
    drive.unit.good(Release6())
    drive.unit.settle()
    _gone(drive, data)


@encryption_check("ENC-CKORL-0", RELEASE, TOPIC, "CKORL 0, RESERVE(6) and RELEASE(6)")
def ckorl_zero(drive: Drive) -> None:
    "The key stays."
    drive.unit.need(0x16)
    (data,) = drive.tape("A")
    drive.unit.good(Reserve6())
    drive.set()
    drive.unit.good(Release6())
    drive.unit.settle()
    _stays(drive, data)


def _persistent_check(id: str, title: str, fields: dict[str, int], action: int, gone: bool) -> None:
    """A key under a persistent reservation, which then ends by that action of its holder, or by
    PREEMPT of the other nexus."""

    @encryption_check(
        id,
        RELEASE,
        TOPIC,
        title,
        expected="The key is gone." if gone else "The key stays.",
    )
    def body(drive: Drive) -> None:
        drive.need_management(*(f"{name}_c" for name in fields))
        if action == PREEMPT:
            drive.need_management("aitn_c")
        other = drive.second if action == PREEMPT else drive
        (data,) = drive.tape("A")
        other.heard()
        register(drive.unit, HOLDER)
        _persistent(drive, RESERVE, HOLDER)
        drive.set(**fields)
        other.heard()
        if action == PREEMPT:
            register(other.unit, PREEMPTER)
            _persistent(other, PREEMPT, PREEMPTER, HOLDER)
            # The preempted nexus is shut out until the reservation is gone.
            other.heard()
            modes = other.status().modes
            _persistent(other, CLEAR, PREEMPTER)
        else:
            _persistent(drive, action, HOLDER)
            drive.heard()
            modes = drive.status().modes
        drive.unit.settle()
        drive.unit.expect("modes", MODES_OFF if gone else (ENCRYPT, 2), modes)
        if gone:
            _gone(drive, data)
        elif action != PREEMPT:
            _stays(drive, data)


_persistent_check(
    "ENC-CKORL-PERSISTENT", "CKORL, and the holder releases its persistent reservation",
    {"ckorl": 1}, RELEASE_HELD, True,
)  # fmt: skip
_persistent_check(
    "ENC-CKORL-CLEAR", "CKORL, and the holder clears all registrations",
    {"ckorl": 1}, CLEAR, True,
)  # fmt: skip
_persistent_check(
    "ENC-CKORP-PREEMPT", "CKORP, and another nexus preempts the reservation",
    {"ckorp": 1}, PREEMPT, True,
)  # fmt: skip
_persistent_check(
    "ENC-CKORP-0", "CKORP 0, and another nexus preempts the reservation", {}, PREEMPT, False
)
_persistent_check(
    "ENC-CKORP-RELEASE", "CKORP, and the holder releases its persistent reservation",
    {"ckorp": 1}, RELEASE_HELD, False,
)  # fmt: skip


@encryption_check("ENC-CKORP-RESERVE6", RELEASE, TOPIC, "CKORP under RESERVE(6)")
def ckorp_of_reserve(drive: Drive) -> None:
    "5/26/00: CKORP needs a persistent reservation."
    drive.need_management("ckorp_c")
    drive.unit.need(0x16)
    drive.unit.good(Reserve6())
    drive.refused(drive.make(ckorp=1), INVALID_LIST, field=(5, 1))


def _other_reservation(name: str) -> None:
    @encryption_check(
        f"ENC-{name.upper()}-OTHER",
        RELEASE,
        TOPIC,
        f"{name.upper()} of a nexus that holds no reservation, while none is held",
        expected="5/26/00, though the nexus is registered.",
    )
    def body(drive: Drive) -> None:
        drive.need_management(f"{name}_c")
        register(drive.unit, HOLDER)
        drive.refused(drive.make(**{name: 1}), INVALID_LIST)


_other_reservation("ckorl")
_other_reservation("ckorp")


# --- loss of the nexus, reset --------------------------------------------------------------------

NEXUS = "SAM-5 6.3.4, SSC-4 4.2.22"


def _lose(drive: Drive) -> None:
    """End the nexus and make it anew; its attentions are heard."""
    drive.unit.lose_nexus()
    drive.heard()


@encryption_check("ENC-NEXUS-LOSS-LOCAL", NEXUS, TOPIC, "A nexus with a key of its own is lost")
def local_lost(drive: Drive) -> None:
    "Its key is gone when it comes back."
    drive.need_management("local_c")
    other = drive.second
    (data,) = drive.tape("A")
    other.heard()
    other.set(scope=LOCAL)
    _lose(other)
    drive.unit.expect("modes", MODES_OFF, other.status().modes)
    drive.unit.good(Rewind())
    other.read_refused("off")
    drive.set()
    drive.reads(data)


@encryption_check(
    "ENC-NEXUS-LOSS-ALL", NEXUS, TOPIC, "Another nexus than that of the key for all is lost"
)
def all_stays(drive: Drive) -> None:
    "The key stays for the first."
    drive.need_management("aitn_c")
    other = drive.second
    (data,) = drive.tape("A")
    drive.set(scope=ALL)
    _lose(other)
    drive.heard()
    _stays(drive, data)


@encryption_check(
    "ENC-RESET-BOTH", "SAM-5 6.3.3, SSC-4 4.2.22", TOPIC, "A reset, and keys of both nexuses"
)
def reset(drive: Drive) -> None:
    "Both are gone, scopes are PUBLIC, and both nexuses hear 6/29/xx."
    drive.need_management("local_c")
    other = drive.second
    drive.set(scope=LOCAL)
    other.set(scope=LOCAL, key=KEY_B)
    drive.need_two_sets()
    try:
        drive.unit.initiator.reset()
    except Unsupported as error:
        drive.unit.skip(str(error))
    for one in (drive, other):
        heard = one.heard()
        drive.unit.require(
            "attentions", any(code.startswith("6/29/") for code in heard), "6/29/xx", heard
        )
        status = one.status()
        drive.unit.expect(
            "modes and scope", (MODES_OFF, PUBLIC), (status.modes, status.i_t_nexus_scope)
        )

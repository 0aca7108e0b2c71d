"""What hosts do and see, in words: the actions that `tests.hosts.situation` names.

Each function is an action: it sends commands as one host and returns what the host saw: ``good``,
``conflict`` (RESERVATION CONFLICT), sense data as key/ASC/ASCQ, or what its own lines say. No
target is imported but for layouts: this also runs in a guest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.encryption.keys import set_page, spout_cdb

CHECK, CONFLICT = 0x02, 0x18
UNIT_ATTENTION = 0x6
KEYS = {name: bytes((ord(name),)) * 32 for name in "abcdefghijklmnopqrstuvwxyz"}
SCOPES = ("public", "local", "all")
MODES = {"raw": (0, 1), "mixed": (2, 3), "read": (0, 2)}
NEXT = {1: "nothing", 2: "mark", 3: "clear", 5: "opens", 6: "closed"}
LONGEST = 4096


class Seen(NamedTuple):
    """What came back for a command: status, sense data as they came, data-in."""

    status: int
    sense: bytes
    data: bytes


class Talk:
    """One host, as the actions know it."""

    def __init__(self, send: Callable[[bytes, bytes, int], Seen]) -> None:
        self.send = send

    def do(self, cdb: bytes, out: bytes = b"", size: int = 0) -> str:
        """Send a command: how it ended."""
        return ending(self.send(cdb, out, size))

    def ask(self, cdb: bytes, size: int) -> bytes:
        """Send a command for its data. Raises Refused with how it ended if not well."""
        seen = self.send(cdb, b"", size)
        if seen.status:
            raise Refused(ending(seen))
        return seen.data


class Refused(Exception):
    """A question was not answered; the text says how it ended."""


def codes(sense: bytes) -> tuple[int, int, int]:
    """Key, ASC and ASCQ of sense data in either format."""
    if sense[0] & 0x7E == 0x72:
        return sense[1] & 0xF, sense[2], sense[3]
    return sense[2] & 0xF, sense[12], sense[13]


def ending(seen: Seen) -> str:
    """How a command ended, in words."""
    if seen.status == CHECK:
        return "{:X}/{:02X}/{:02X}".format(*codes(seen.sense))
    return {0: "good", CONFLICT: "conflict"}.get(seen.status, f"status {seen.status:02X}")


# --- readiness -----------------------------------------------------------------------------------


def hears(talk: Talk) -> str:
    """Every pending unit attention in order; of 29/xx whether it was a reset or a lost nexus."""
    heard: list[str] = []
    while True:
        seen = talk.send(bytes(6), b"", 0)
        if seen.status != CHECK or codes(seen.sense)[0] != UNIT_ATTENTION:
            break
        _, asc, ascq = codes(seen.sense)
        what = f"{asc:02X}/{ascq:02X}"
        heard.append(("lost" if ascq == 7 else "reset") if asc == 0x29 else what)
    if not heard:
        return "conflict" if seen.status == CONFLICT else "nothing"
    return " ".join(heard)


def ready(talk: Talk) -> str:
    return talk.do(bytes(6))


def inquiry(talk: Talk) -> str:
    return talk.do(bytes((0x12, 0, 0, 0, 36, 0)), size=36)


def load(talk: Talk) -> str:
    return talk.do(bytes((0x1B, 0, 0, 0, 1, 0)))


def unload(talk: Talk) -> str:
    return talk.do(bytes((0x1B, 0, 0, 0, 0, 0)))


def prevent(talk: Talk) -> str:
    return talk.do(bytes((0x1E, 0, 0, 0, 1, 0)))


def allow(talk: Talk) -> str:
    return talk.do(bytes((0x1E, 0, 0, 0, 0, 0)))


# --- the tape ------------------------------------------------------------------------------------


def write(talk: Talk, text: str) -> str:
    """One block."""
    data = text.encode()
    return talk.do(bytes((0x0A, 0)) + len(data).to_bytes(3, "big") + b"\0", data)


def read(talk: Talk) -> str:
    """One block: its text, whatever its length."""
    seen = talk.send(bytes((0x08, 2)) + LONGEST.to_bytes(3, "big") + b"\0", b"", LONGEST)
    return ending(seen) if seen.status else seen.data.decode("ascii", "replace").rstrip("\0")


def mark(talk: Talk) -> str:
    return talk.do(bytes((0x10, 0, 0, 0, 1, 0)))


def rewind(talk: Talk) -> str:
    return talk.do(bytes((0x01, 0, 0, 0, 0, 0)))


def erase(talk: Talk) -> str:
    return talk.do(bytes((0x19, 0, 0, 0, 0, 0)))


def at(talk: Talk) -> str:
    """The object number at the heads."""
    return str(int.from_bytes(talk.ask(bytes((0x34, 6)) + bytes(8), 32)[8:16], "big"))


# --- what all hosts share ------------------------------------------------------------------------


def blocks(talk: Talk, length: str) -> str:
    """MODE SELECT(6) with a block length."""
    data = bytes((0, 0, 0x10, 8, 0, 0, 0, 0, 0)) + int(length).to_bytes(3, "big")
    return talk.do(bytes((0x15, 0x10, 0, 0, len(data), 0)), data)


def length(talk: Talk) -> str:
    """The block length that MODE SENSE(6) tells."""
    return str(int.from_bytes(talk.ask(bytes((0x1A, 0, 0, 0, 12, 0)), 12)[9:12], "big"))


def only(talk: Talk, oir: str) -> str:
    """MODE SELECT(6) with mode page 10h as it is, but for OIR: only if reserved."""
    ask = bytes((0x1A, 8, 0x10, 0, 20, 0))
    page = bytearray(talk.ask(ask, 20)[4:])
    page[0] &= 0x3F
    page[15] = page[15] & ~0x20 | int(oir) << 5
    return talk.do(bytes((0x15, 0x10, 0, 0, 20, 0)), bytes((0, 0, 0x10, 0)) + page)


def counts(talk: Talk) -> str:
    """LOG SELECT: all counters begin anew."""
    return talk.do(bytes((0x4C, 2, 0x40, 0, 0, 0, 0, 0, 0, 0)))


def clock(talk: Talk) -> str:
    """SET TIMESTAMP."""
    return talk.do(bytes((0xA4, 0x0F, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0)), bytes(9) + b"\1\0\0")


# --- reservations --------------------------------------------------------------------------------


def reserve(talk: Talk) -> str:
    return talk.do(bytes((0x16, 0, 0, 0, 0, 0)))


def release(talk: Talk) -> str:
    return talk.do(bytes((0x17, 0, 0, 0, 0, 0)))


def _persistent(talk: Talk, action: int, key: str, new: str = "0", kind: str = "0") -> str:
    data = int(key).to_bytes(8, "big") + int(new).to_bytes(8, "big") + bytes(8)
    return talk.do(bytes((0x5F, action, int(kind), 0, 0, 0, 0, 0, len(data), 0)), data)


def register(talk: Talk, key: str) -> str:
    """Whatever key it had before; 0 unregisters."""
    return _persistent(talk, 6, "0", key)


def hold(talk: Talk, key: str, kind: str) -> str:
    """A persistent reservation; types 1, 3: exclusive, 5, 6: for registrants, 7, 8: of all."""
    return _persistent(talk, 1, key, kind=kind)


def free(talk: Talk, key: str, kind: str) -> str:
    return _persistent(talk, 2, key, kind=kind)


def clear(talk: Talk, key: str) -> str:
    return _persistent(talk, 3, key)


def preempt(talk: Talk, key: str, whose: str, kind: str) -> str:
    return _persistent(talk, 4, key, whose, kind)


def expel(talk: Talk, key: str, whose: str, kind: str) -> str:
    """PREEMPT AND ABORT."""
    return _persistent(talk, 5, key, whose, kind)


def holder(talk: Talk) -> str:
    """Key and type of the persistent reservation, or nobody."""
    data = talk.ask(bytes((0x5E, 1, 0, 0, 0, 0, 0, 0, 64, 0)), 64)
    if data[7] == 0:
        return "nobody"
    return f"{int.from_bytes(data[8:16], 'big')} type {data[21] & 0xF}"


# --- keys ----------------------------------------------------------------------------------------


def keys(talk: Talk, scope: str, key: str = "off", *flags: str) -> str:
    """SET DATA ENCRYPTION: ENCRYPT and DECRYPT, or other `MODES`; lock, ckod, ckorl, ckorp; label
    is a U-KAD."""
    modes = next(
        (MODES[flag] for flag in flags if flag in MODES), (2, 2) if key != "off" else (0, 0)
    )
    page = set_page(
        scope=SCOPES.index(scope),
        lock="lock" in flags,
        ckod="ckod" in flags,
        ckorl="ckorl" in flags,
        ckorp="ckorp" in flags,
        encryption=modes[0],
        decryption=modes[1],
        key=KEYS.get(key, b""),
        u_kad=b"label" if "label" in flags else b"",
    )
    return talk.do(spout_cdb(len(page)), page)


def _page(talk: Talk, code: int) -> bytes:
    return talk.ask(bytes((0xA2, 0x20, 0, code, 0, 0, 0, 0, 2, 0, 0, 0)), 512)


def listens(talk: Talk) -> str:
    """Any page of protocol 20h: from now on the drive tells of changed keys."""
    _page(talk, 0x20)
    return "good"


def uses(talk: Talk) -> str:
    """Page 0020h: the nexus' scope, that of its set (none: the defaults), modes, counter, U-KAD."""
    page = _page(talk, 0x20)
    scope, key_scope = SCOPES[page[4] >> 5], page[4] & 7
    words = [scope, SCOPES[key_scope] if key_scope else "none", f"{page[5]}/{page[6]}"]
    words.append(f"#{int.from_bytes(page[8:12], 'big')}")
    if len(page) > 24:
        words.append(page[28 : 28 + page[27]].decode())
    return " ".join(words)


def sees(talk: Talk) -> str:
    """Page 0021h: the next block, and whether this host could read it now."""
    return NEXT[_page(talk, 0x21)[12] & 0xF]


def random(talk: Talk) -> str:
    """Page 0030h, twice."""
    first, second = _page(talk, 0x30), _page(talk, 0x30)
    return "differs" if first[4:] != second[4:] and len(first) == len(second) == 36 else "same"


def guesses(talk: Talk, number: str) -> str:
    """That many wrong keys of its own, each tried on the next block; how the last try ended."""
    said = ""
    for key in list(KEYS)[-int(number) :]:
        said = keys(talk, "local", key)
        if said == "good":
            said = read(talk)
    return said


ACTIONS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        hears, ready, inquiry, load, unload, prevent, allow, write, read, mark, rewind, erase, at,
        blocks, length, only, counts, clock, reserve, release, register, hold, free, clear, preempt,
        expel, holder, keys, listens, uses, sees, random, guesses,
    )
}  # fmt: skip

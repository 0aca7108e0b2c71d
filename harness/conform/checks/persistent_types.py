"""Persistent reservations: whom each type shuts out, and from what (SPC-4 5.13; commands of tape
SSC-4 table 15).
"""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform import keys as k
from harness.conform.asking import ROOM
from harness.conform.check import check
from harness.conform.keys import KEY_A, KEY_B, TYPES, both
from harness.conform.subject import GOOD, RESERVATION_CONFLICT, Answer, Subject

OUT, MODEL = "SPC-4 6.16", "SPC-4 5.13"
TOPIC = "persistent reservations"
RELEASED = "6/2A/04"

PASS = (
    ("INQUIRY", c.inquiry(0xFC)),
    ("REQUEST SENSE", c.request_sense()),
    ("REPORT LUNS", c.report_luns(256)),
    ("PERSISTENT RESERVE IN", c.reserve_in(0)),
    ("READ BLOCK LIMITS", c.READ_BLOCK_LIMITS),
    ("LOG SENSE", c.log_sense(0)),
    ("PREVENT ALLOW MEDIUM REMOVAL, allow", c.prevent(0)),
)
"""Commands that no reservation shuts out."""
USE = (
    ("READ(6)", c.read(0), b""),
    ("WRITE(6)", c.write(0), b""),
    ("WRITE FILEMARKS(6)", c.write_filemarks(0), b""),
    ("SPACE(6)", c.space(0, 0), b""),
    ("LOCATE(10)", c.locate(0), b""),
    ("REWIND", c.REWIND, b""),
    ("LOAD UNLOAD", c.load_unload(1), b""),
    ("MODE SELECT(6)", c.mode_select_6(0), b""),
    ("PREVENT ALLOW MEDIUM REMOVAL, prevent", c.prevent(1), b""),
)
"""Commands that use the volume or change the drive: shut out by every type."""


def served(unit: Subject, what: str, answer: Answer) -> None:
    """GOOD, or DATA PROTECT: a volume that cannot be written is no matter of reservations."""
    if not answer.code.startswith("7/"):
        unit.expect(f"status of {what}", GOOD, answer.status)


def declare_type(kind: int, name: str) -> None:
    """Whom a type shuts out, and from what."""
    exclusive, registrants = kind in (3, 6, 8), kind >= 5

    @check(
        f"PR-TYPE-{kind}-PASS",
        MODEL,
        TOPIC,
        f"Type {kind}, {name}: what it leaves to others",
        expected="A nexus that is not registered may still ask: INQUIRY, REQUEST SENSE, REPORT "
        "LUNS, PERSISTENT RESERVE IN, READ BLOCK LIMITS, LOG SENSE, allowing removal"
        + ("." if exclusive else ", MODE SENSE."),
    )
    def passes(unit: Subject) -> None:
        other = unit.second
        k.register(unit, KEY_A)
        k.reserve(unit, KEY_A, kind)
        for what, cdb in PASS:
            unit.expect(f"status of {what}", GOOD, other.do(cdb, size=ROOM).status)
        wanted = RESERVATION_CONFLICT if exclusive else GOOD
        came = other.do(c.mode_sense_6(0x0A), size=255).status
        unit.expect("status of MODE SENSE(6)", wanted, came)

    @check(
        f"PR-TYPE-{kind}-CONFLICT",
        MODEL,
        TOPIC,
        f"Type {kind}, {name}: whom it shuts out",
        expected="RESERVATION CONFLICT for what uses the volume or changes the drive, from a nexus "
        "that is not registered.",
    )
    def conflicts(unit: Subject) -> None:
        asking.need_volume(unit)
        other = unit.second
        k.register(unit, KEY_A)
        k.reserve(unit, KEY_A, kind)
        for what, cdb, out in USE:
            answer = other.do(cdb, out=out)
            unit.expect(f"status of {what}", RESERVATION_CONFLICT, answer.status)

    @check(
        f"PR-TYPE-{kind}-REGISTRANT",
        MODEL,
        TOPIC,
        f"Type {kind}, {name}: registrants",
        expected="Another registered nexus is served."
        if registrants
        else "Another registered nexus is shut out as well.",
    )
    def registrant(unit: Subject) -> None:
        asking.need_volume(unit)
        other = both(unit)
        other.cleanup(lambda: other.do(c.prevent(0)))
        k.reserve(unit, KEY_A, kind)
        for what, cdb, out in USE:
            answer = other.do(cdb, out=out)
            if registrants:
                served(unit, what, answer)
            else:
                unit.expect(f"status of {what}", RESERVATION_CONFLICT, answer.status)

    @check(
        f"PR-TYPE-{kind}-HOLDER",
        MODEL,
        TOPIC,
        f"Type {kind}, {name}: the holder",
        expected="The nexus that reserved is served; READ RESERVATION tells its key (0 for all "
        "registrants), scope 0 and the type.",
    )
    def holder(unit: Subject) -> None:
        asking.need_volume(unit)
        k.register(unit, KEY_A)
        k.reserve(unit, KEY_A, kind)
        for what, cdb, _ in USE[:-1]:
            served(unit, what, unit.do(cdb))
        key = 0 if kind >= 7 else KEY_A
        unit.expect("reservation", k.Held(key, 0, kind), k.held(unit))

    @check(
        f"PR-TYPE-{kind}-RELEASE",
        OUT,
        TOPIC,
        f"Type {kind}, {name}: released",
        expected="After RELEASE everybody is served, registrations stay; other registrants of "
        "types 5 to 8 hear 6/2A/04.",
    )
    def released(unit: Subject) -> None:
        asking.need_volume(unit)
        other = both(unit)
        k.reserve(unit, KEY_A, kind)
        unit.expect("status of RELEASE", GOOD, k.out(unit, k.RELEASE, KEY_A, kind=kind).status)
        wanted = RELEASED if registrants else ""
        unit.expect("sense for the other", wanted, other.do(c.TEST_UNIT_READY).code)
        unit.expect("reservation", None, k.held(unit))
        unit.expect("keys", {KEY_A, KEY_B}, set(k.keys(unit)))
        other.good(c.REWIND)


for kind, name in TYPES.items():
    declare_type(kind, name)

"""RESERVE and RELEASE, of 6 and 10 bytes (SPC-2 7.21 to 7.24)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import ROOM
from harness.conform.check import Failure, check
from harness.conform.subject import GOOD, RESERVATION_CONFLICT, Subject

CLAUSE = "SPC-2 5.5.1"
TOPIC = "reservations"
PASS = (
    ("INQUIRY", c.inquiry(0xFC)),
    ("REQUEST SENSE", c.request_sense()),
    ("REPORT LUNS", c.report_luns(256)),
)
CONFLICT = (
    ("READ(6)", c.read(0), b""),
    ("WRITE(6)", c.write(0), b""),
    ("WRITE FILEMARKS(6)", c.write_filemarks(0), b""),
    ("SPACE(6)", c.space(0, 0), b""),
    ("LOCATE(10)", c.locate(0), b""),
    ("REWIND", c.REWIND, b""),
    ("MODE SELECT(6)", c.mode_select_6(0), b""),
    ("LOAD UNLOAD", c.load_unload(1), b""),
)
"""Commands that are shut out, and that do nothing to the volume where they are not."""


def reserve(unit: Subject, size: int) -> None:
    """Reserve, until the check ends. NotApplicable without that command."""
    opcode = 0x16 if size == 6 else 0x56
    unit.need(opcode)
    unit.cleanup(lambda: release(unit, size))
    answer = unit.do(c.plain(opcode))
    if answer.status != GOOD:
        raise Failure("RESERVE", "GOOD", repr(answer))


def release(unit: Subject, size: int) -> None:
    """Release; the command never fails for want of a reservation."""
    unit.good(c.plain(0x17 if size == 6 else 0x57))


def declare(size: int) -> None:
    """The checks of RESERVE(6) or RESERVE(10)."""
    key, name = f"RES{size}", f"RESERVE({size})"

    @check(f"{key}-CONFLICT", CLAUSE, TOPIC, f"{name} shuts another nexus out",
           expected="RESERVATION CONFLICT for what uses or changes volume or drive.")  # fmt: skip
    def conflict(unit: Subject) -> None:
        asking.need_volume(unit)
        other = unit.second
        reserve(unit, size)
        for what, cdb, out in CONFLICT:
            if not unit.has(cdb[0]):
                continue
            answer = other.do(cdb, out=out, size=0 if out else 64)
            unit.expect(f"status of {what}", RESERVATION_CONFLICT, answer.status)

    @check(f"{key}-PASS", CLAUSE, TOPIC, f"What {name} leaves to another nexus",
           expected="INQUIRY, REQUEST SENSE and REPORT LUNS are GOOD for everybody.")  # fmt: skip
    def passes(unit: Subject) -> None:
        other = unit.second
        reserve(unit, size)
        for what, cdb in PASS:
            unit.expect(f"status of {what}", GOOD, other.do(cdb, size=ROOM).status)

    @check(f"{key}-OWN", CLAUSE, TOPIC, f"{name} for the nexus that holds it",
           expected="Everything works; reserving again is GOOD.")  # fmt: skip
    def own(unit: Subject) -> None:
        asking.need_volume(unit)
        reserve(unit, size)
        reserve(unit, size)
        unit.good(c.REWIND)
        unit.good(c.TEST_UNIT_READY)

    @check(f"{key}-RELEASE", CLAUSE, TOPIC, f"The end of {name}",
           expected="After RELEASE the other nexus is served; a RELEASE of the other, before, is "
           "GOOD and changes nothing.")  # fmt: skip
    def released(unit: Subject) -> None:
        asking.need_volume(unit)
        other = unit.second
        reserve(unit, size)
        release(other, size)
        unit.expect("status after the other's RELEASE", RESERVATION_CONFLICT,
                    other.do(c.REWIND).status)  # fmt: skip
        release(unit, size)
        other.good(c.REWIND)

    @check(f"{key}-TAKEN", CLAUSE, TOPIC, f"{name} of what another holds",
           expected="RESERVATION CONFLICT; when it is released, GOOD.")  # fmt: skip
    def taken(unit: Subject) -> None:
        other = unit.second
        reserve(unit, size)
        status = other.do(c.plain(0x16 if size == 6 else 0x56)).status
        unit.expect("status", RESERVATION_CONFLICT, status)
        release(unit, size)
        reserve(other, size)

    @check(f"{key}-RESET", CLAUSE, TOPIC, f"A reset ends {name}",
           expected="After LOGICAL UNIT RESET the other nexus is served.")  # fmt: skip
    def until_reset(unit: Subject) -> None:
        asking.need_volume(unit)
        other = unit.second
        reserve(unit, size)
        unit.expect("status before the reset", RESERVATION_CONFLICT, other.do(c.REWIND).status)
        asking.reset(unit)
        other.good(c.REWIND)

    @check(f"{key}-NEXUS-LOSS", "SAM-5 6.3.4", TOPIC, f"The loss of its nexus ends {name}",
           expected="When the nexus that holds it is lost, others are served.")  # fmt: skip
    def until_nexus_loss(unit: Subject) -> None:
        asking.need_volume(unit)
        other = unit.second
        reserve(other, size)
        unit.expect("status while it holds", RESERVATION_CONFLICT, unit.do(c.REWIND).status)
        other.lose_nexus()
        unit.settle()
        unit.good(c.REWIND)

    @check(f"{key}-KEYS", CLAUSE, TOPIC, f"{name} and persistent reservations",
           expected="With it held, REGISTER of another nexus is RESERVATION CONFLICT.")  # fmt: skip
    def against_keys(unit: Subject) -> None:
        unit.need(0x5F, 0x00)
        other = unit.second
        reserve(unit, size)
        out = bytes(8) + (0x77).to_bytes(8) + bytes(8)
        answer = other.do(c.reserve_out(0), out=out)
        if answer.status == GOOD:
            other.do(c.reserve_out(0), out=(0x77).to_bytes(8) + bytes(16))
        unit.expect("status of REGISTER", RESERVATION_CONFLICT, answer.status)


declare(6)
declare(10)

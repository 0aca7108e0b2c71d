"""Unit attentions: who hears of what, once, and which commands wait for it (SAM-5 5.14)."""

from __future__ import annotations

from typing import Any

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import at, mode_page, number, select
from harness.conform.check import check
from harness.conform.subject import Subject
from harness.conform.tape import record
from harness.layers.vpd import dissect_vpd

CLAUSE = "SAM-5 5.14"
TOPIC = "unit attentions"
MODE_CHANGED, LOG_CHANGED, TIME_CHANGED = "6/2A/01", "6/2A/02", "6/2A/10"


def change_mode(unit: Subject) -> None:
    """Change a mode parameter that all nexuses share, and back when the check ends. NotApplicable
    without one."""
    for page, byte, bit in ((0x10, 7, 1), (0x0F, 2, 0x80), (0x01, 3, 0x80)):
        answer = unit.do(c.mode_sense_6(page, dbd=True), size=255)
        if answer.status or not mode_page(unit, page, control=1)[byte] & bit:
            continue
        if not shared(unit, page):
            continue
        wanted = bytearray(mode_page(unit, page))
        wanted[byte] ^= bit
        asking.change(unit, bytes(wanted))
        unit.cleanup(unit.settle)
        return
    unit.skip("no shared mode parameter can be changed")


def shared(unit: Subject, page: int) -> bool:
    """Whether a mode page is the same for all: VPD page 87h, or where it says nothing."""
    if 0x87 not in asking.vpd_pages(unit):
        return True
    told: Any = dissect_vpd(asking.vpd(unit, 0x87))
    policies = {one.policy_page_code: one.mode_page_policy for one in told.policies}
    return not policies.get(page, policies.get(0x3F, 0))


def pending(unit: Subject) -> Subject:
    """The second nexus, with 6/2A/01 pending for it."""
    other = unit.second
    unit.settle()
    change_mode(unit)
    return other


@check("UA-MODE", "SPC-4 6.11", TOPIC, "A change of mode parameters is told to others")
def mode_changed(unit: Subject) -> None:
    """6/2A/01 for the other nexus; none for the one that changed them."""
    other = pending(unit)
    unit.expect("sense for the other", MODE_CHANGED, other.do(c.TEST_UNIT_READY).code)
    unit.expect("sense for itself", "", unit.do(c.TEST_UNIT_READY).code)


@check("UA-ONCE", CLAUSE, TOPIC, "A unit attention is told once")
def once(unit: Subject) -> None:
    """CHECK CONDITION for the first command, GOOD for the next."""
    other = pending(unit)
    unit.expect("first sense", MODE_CHANGED, other.do(c.TEST_UNIT_READY).code)
    unit.expect("second sense", "", other.do(c.TEST_UNIT_READY).code)


@check("UA-SAME-MODE", "SPC-4 6.11", TOPIC, "Selecting what is, is no change")
def no_change(unit: Subject) -> None:
    """MODE SELECT of the current values: no unit attention, or 6/2A/01 (a warning)."""
    other = unit.second
    unit.settle()
    if select(unit, mode_page(unit, 0x0A)).status:
        unit.skip("the control page cannot be selected")
    if other.do(c.TEST_UNIT_READY).code.startswith("6/"):
        unit.warn("MODE SELECT of what is already so gives others a unit attention")


PASSING = (
    ("INQUIRY", "INQUIRY", c.inquiry(36), 36),
    ("LUNS", "REPORT LUNS", c.report_luns(256), 256),
)


def declare_passing(key: str, name: str, cdb: bytes, size: int) -> None:
    """A command that is carried out, whatever is pending."""

    @check(
        f"UA-PASSES-{key}",
        CLAUSE,
        TOPIC,
        f"{name} with a unit attention pending",
        expected="It is carried out, GOOD, and the unit attention stays for the next command.",
    )
    def passes(unit: Subject) -> None:
        other = pending(unit)
        for _ in range(2):
            answer = other.good(cdb, size=size)
            unit.require("data", answer.data, "as always", answer)
        unit.expect("sense afterwards", MODE_CHANGED, other.do(c.TEST_UNIT_READY).code)


for passing in PASSING:
    declare_passing(*passing)


@check("UA-REQUEST-SENSE", "SPC-4 6.39", TOPIC, "REQUEST SENSE with a unit attention pending")
def request_sense(unit: Subject) -> None:
    """GOOD with the unit attention as data, which is told thereby."""
    other = pending(unit)
    data = other.good(c.request_sense(), size=252).data
    unit.expect("sense key", 6, number(data, 2, 1) & 0x0F)
    unit.expect("ASC, ASCQ", b"\x2a\x01", data[12:14])
    unit.expect("sense afterwards", "", other.do(c.TEST_UNIT_READY).code)


HELD = (
    ("TUR", "TEST UNIT READY", c.TEST_UNIT_READY, b"", 0),
    ("MODE", "MODE SENSE(6)", c.mode_sense_6(0x0A), b"", 255),
    ("LOG", "LOG SENSE", c.log_sense(0), b"", 256),
    ("LIMITS", "READ BLOCK LIMITS", c.READ_BLOCK_LIMITS, b"", 6),
    ("POSITION", "READ POSITION", c.read_position(), b"", 20),
    ("REWIND", "REWIND", c.REWIND, b"", 0),
)


def declare_held(key: str, name: str, cdb: bytes, out: bytes, size: int) -> None:
    """A command that tells of it instead."""

    @check(
        f"UA-TELLS-{key}",
        CLAUSE,
        TOPIC,
        f"{name} with a unit attention pending",
        expected="CHECK CONDITION with the unit attention; the command is not carried out.",
    )
    def tells(unit: Subject) -> None:
        other = pending(unit)
        answer = other.do(cdb, out=out, size=size)
        unit.expect("sense", MODE_CHANGED, answer.code)
        unit.expect("data", b"", answer.data)


for held in HELD:
    declare_held(*held)


@check("UA-WRITE", CLAUSE, TOPIC, "WRITE with a unit attention pending", scratch=True)
def write_waits(unit: Subject) -> None:
    """CHECK CONDITION with the unit attention, and nothing is written."""
    record(unit)
    other = pending(unit)
    unit.expect("sense", MODE_CHANGED, other.do(c.write(4), out=b"data").code)
    at(unit, 0)


@check("UA-EACH", CLAUSE, TOPIC, "A unit attention is for each nexus")
def each(unit: Subject) -> None:
    """Commands of one nexus do not clear what is pending for the other."""
    other = pending(unit)
    for _ in range(3):
        unit.good(c.mode_sense_6(0x0A), size=255)
    unit.good(c.request_sense(), size=252)
    unit.expect("sense for the other", MODE_CHANGED, other.do(c.TEST_UNIT_READY).code)


@check("UA-LOG", "SPC-4 6.7", TOPIC, "A change of log parameters is told to others", scratch=True)
def log_changed(unit: Subject) -> None:
    """LOG SELECT with PCR: 6/2A/02 for the other nexus."""
    unit.need(0x4C)
    other = unit.second
    record(unit)
    unit.write(bytes(range(256)) * 256)
    unit.good(c.REWIND)
    unit.good(c.read(65536), size=65536)
    unit.settle()
    unit.good(c.log_select())
    unit.expect("sense for the other", LOG_CHANGED, other.do(c.TEST_UNIT_READY).code)


# --- resets --------------------------------------------------------------------------------------


@check("UA-RESET", "SAM-5 6.3.3", TOPIC, "A reset is told to all")
def reset(unit: Subject) -> None:
    """After LOGICAL UNIT RESET: 6/29/xx for each nexus, once."""
    other = unit.second
    unit.settle()
    asking.reset_only(unit)
    for one, name in ((unit, "the nexus that reset"), (other, "the other")):
        code = one.do(c.TEST_UNIT_READY).code
        unit.require(f"sense for {name}", code.startswith("6/29/"), "6/29/xx", code)
        again = one.do(c.TEST_UNIT_READY).code
        unit.require(f"sense after that for {name}", not again.startswith("6/29/"), "none", again)


@check("UA-RESET-FIRST", "SAM-5 5.14", TOPIC, "A reset comes before all else")
def reset_first(unit: Subject) -> None:
    """With 6/2A/01 pending, a reset is told first, and the older one is gone or follows."""
    unit.need_own("when a reset comes")
    other = pending(unit)
    asking.reset_only(unit)
    code = other.do(c.TEST_UNIT_READY).code
    unit.require("first sense", code.startswith("6/29/"), "6/29/xx", code)


@check("UA-RESET-MODE", "SPC-4 6.11", TOPIC, "A reset brings default mode parameters back")
def reset_of_mode(unit: Subject) -> None:
    """A parameter that was changed and not saved has its default (or saved) value again."""
    mask = mode_page(unit, 0x10, control=1)
    if not mask[7] & 1:
        unit.skip("the write delay time cannot be changed")
    asking.reset(unit)
    before = mode_page(unit, 0x10)
    wanted = before[:7] + bytes((before[7] ^ 1,)) + before[8:]
    unit.cleanup(lambda: select(unit, before))
    asking.taken(select(unit, wanted))
    asking.reset(unit)
    unit.expect("page 10h after a reset", before, mode_page(unit, 0x10))


@check("UA-RESET-POSITION", "SSC-4 4.2.5", TOPIC, "The volume after a reset", scratch=True)
def reset_of_position(unit: Subject) -> None:
    """It is ready, and what was written and synchronized is there."""
    record(unit, b"one", None)
    asking.reset(unit)
    unit.good(c.TEST_UNIT_READY)
    unit.good(c.REWIND)
    unit.expect("data", b"one", unit.good(c.read(3), size=3).data)


@check("UA-NONE", CLAUSE, TOPIC, "No unit attention without a cause")
def none(unit: Subject) -> None:
    """A settled device tells of none, however often it is asked."""
    unit.settle()
    for _ in range(5):
        answer = unit.do(c.TEST_UNIT_READY)
        unit.require("sense", not answer.code.startswith("6/"), "no unit attention", answer)

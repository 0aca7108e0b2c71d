"""LOAD UNLOAD and PREVENT ALLOW MEDIUM REMOVAL (SSC-4 7.3, 7.5), and a drive without a volume."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, ROOM, at
from harness.conform.check import Failure, check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import go, read_all, record
from harness.conform.volume import load, unload

LOAD, PREVENT = "SSC-4 7.3", "SSC-4 7.5"
TOPIC = "loading"
HOLD, EOT, RETEN, IN = 0x08, 0x04, 0x02, 0x01
NO_VOLUME = ("2/3A/00", "2/3A/01", "2/3A/02", "2/3A/04", "2/04/00", "2/04/02")
PREVENTED = "5/53/02"


@check("LOAD-AGAIN", LOAD, TOPIC, "LOAD with the volume loaded", scratch=True)
def load_again(unit: Subject) -> None:
    """GOOD, the tape is at its beginning; no unit attention, for the volume is the same."""
    record(unit, b"one", b"two")
    go(unit, 2)
    unit.good(c.load_unload(IN))
    unit.expect("sense of TEST UNIT READY", "", unit.do(c.TEST_UNIT_READY).code)
    at(unit, 0)


@check("LOAD-CYCLE", LOAD, TOPIC, "UNLOAD and LOAD", scratch=True)
def cycle(unit: Subject) -> None:
    """After UNLOAD there is no volume (2/3A/00 or 2/04/02); after LOAD it is ready, at its
    beginning, with the data that were on it."""
    record(unit, b"one", None, b"two")
    go(unit, 2)
    unload(unit)
    answer = unit.do(c.TEST_UNIT_READY)
    unit.require("sense", answer.code in NO_VOLUME, "2/3A/00 or 2/04/02", answer)
    unit.expect("status of LOAD", GOOD, load(unit).status)
    at(unit, 0)
    read_all(unit, b"one", None, b"two")


@check("LOAD-UNLOAD-SAVES", LOAD, TOPIC, "UNLOAD writes what is in the buffer", scratch=True)
def saves(unit: Subject) -> None:
    """Blocks that were written, without a filemark behind them, are there after UNLOAD and LOAD."""
    record(unit)
    unit.write(b"one", bytes(3000), b"three")
    unload(unit)
    load(unit)
    read_all(unit, b"one", bytes(3000), b"three")


@check("LOAD-UNLOAD-AGAIN", LOAD, TOPIC, "UNLOAD without a volume", scratch=True)
def unload_again(unit: Subject) -> None:
    """GOOD, for there is nothing to do, or not ready."""
    unload(unit)
    answer = unit.do(c.load_unload(0))
    unit.require("sense", answer.code in ("", *NO_VOLUME), "none, or 2/3A/00", answer)


@check("LOAD-EOT", LOAD, TOPIC, "LOAD to the end of the tape")
def end_of_tape(unit: Subject) -> None:
    """EOT and LOAD together: 5/24/00, at EOT if there is a field pointer."""
    asking.need_volume(unit)
    unit.cleanup(lambda: load(unit))
    answer = unit.refused(c.load_unload(EOT | IN), INVALID_FIELD)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 4, answer.sense.field_pointer[0])


@check("LOAD-RETEN", LOAD, TOPIC, "Retension")
def retension(unit: Subject) -> None:
    """RETEN with LOAD is GOOD: `mt retension` sends it. A warning where it is 5/24/00."""
    asking.need_volume(unit)
    answer = unit.do(c.load_unload(RETEN | IN))
    if answer.code == INVALID_FIELD:
        unit.warn("RETEN is refused: `mt retension` fails")
        return
    unit.expect("status", GOOD, answer.status)
    unit.hear_out()


@check("LOAD-IMMED", LOAD, TOPIC, "LOAD with IMMED", scratch=True)
def immediate(unit: Subject) -> None:
    """GOOD at once; then becoming ready, a unit attention and ready."""
    unload(unit)
    answer = unit.do(c.load_unload(IN, immed=True))
    if answer.code == "2/3A/00":
        load(unit)
    unit.expect("status", GOOD, answer.status)
    answer = unit.hear_out()
    unit.expect("sense of TEST UNIT READY", "", answer.code)


@check("LOAD-HOLD", LOAD, TOPIC, "UNLOAD with HOLD", scratch=True)
def hold(unit: Subject) -> None:
    """The cartridge stays in reach of a LOAD, which makes it ready; 5/24/00 without HOLD."""
    asking.need_volume(unit)
    unit.cleanup(lambda: load(unit))
    answer = unit.do(c.load_unload(HOLD))
    if answer.code == INVALID_FIELD:
        unit.skip("HOLD is not supported")
    unit.expect("status", GOOD, answer.status)
    answer = unit.do(c.TEST_UNIT_READY)
    unit.require("sense", answer.code.startswith("2/"), "not ready", answer)
    unit.do(c.load_unload(IN))
    unit.expect("sense of TEST UNIT READY", "", unit.hear_out().code)


@check("LOAD-ATTENTION", "SSC-4 4.2.14", TOPIC, "A volume that is loaded is told", scratch=True)
def attention(unit: Subject) -> None:
    """UNLOAD and LOAD give the other nexus 6/28/00."""
    other = unit.second
    unload(unit)
    answer = unit.do(c.load_unload(IN))
    if answer.status != GOOD:
        load(unit)
    unit.expect("status of LOAD", GOOD, answer.status)
    unit.expect("sense for the other nexus", "6/28/00", other.do(c.TEST_UNIT_READY).code)
    unit.expect("sense after that", "", other.hear_out().code)


# --- without a volume ----------------------------------------------------------------------------

WANTS = (
    ("TUR", "TEST UNIT READY", c.TEST_UNIT_READY, b""),
    ("READ", "READ(6)", c.read(1), b""),
    ("WRITE", "WRITE(6)", c.write(1), b"x"),
    ("WFM", "WRITE FILEMARKS(6)", c.write_filemarks(1), b""),
    ("SPACE", "SPACE(6)", c.space(0, 1), b""),
    ("LOCATE", "LOCATE(10)", c.locate(0), b""),
    ("REWIND", "REWIND", c.REWIND, b""),
    ("ERASE", "ERASE(6)", c.erase(), b""),
    ("POSITION", "READ POSITION", c.read_position(), b""),
    ("VERIFY", "VERIFY(6)", c.verify(1), b""),
    ("DENSITY", "REPORT DENSITY SUPPORT of the medium",
     c.report_density_support(ROOM, media=True), b""),
    ("ATTRIBUTES", "READ ATTRIBUTE", c.read_attribute(), b""),
)  # fmt: skip
WORKS = (
    ("INQUIRY", "INQUIRY", c.inquiry(0xFC)),
    ("SENSE", "REQUEST SENSE", c.request_sense()),
    ("LUNS", "REPORT LUNS", c.report_luns(256)),
    ("LIMITS", "READ BLOCK LIMITS", c.READ_BLOCK_LIMITS),
    ("MODE", "MODE SENSE(6)", c.mode_sense_6(0x0A)),
    ("SELECT", "MODE SELECT(6) without a list", c.mode_select_6(0)),
    ("LOG", "LOG SENSE", c.log_sense(0)),
    ("DENSITY", "REPORT DENSITY SUPPORT", c.report_density_support(ROOM)),
    ("PREVENT", "PREVENT ALLOW MEDIUM REMOVAL", c.prevent(0)),
    ("KEYS", "PERSISTENT RESERVE IN", c.reserve_in(0)),
)


def away(unit: Subject) -> None:
    """Unload; NotApplicable if the drive is ready all the same, which LOAD-CYCLE holds."""
    unload(unit)
    if unit.do(c.TEST_UNIT_READY).status == GOOD:
        unit.skip("UNLOAD does not take the volume out of reach")


def declare_wants(key: str, name: str, cdb: bytes, out: bytes) -> None:
    """A command that needs a volume."""

    @check(
        f"EMPTY-REFUSES-{key}",
        "SSC-4 4.2.3",
        "without a volume",
        f"{name} without a volume",
        scratch=True,
        expected="NOT READY: 2/3A/00, or 2/04/02 where a LOAD would make it ready.",
    )
    def refused(unit: Subject) -> None:
        if cdb[0] in (0x13, 0x2B, 0x8C, 0x44):
            unit.need(cdb[0])
        (unload if key == "TUR" else away)(unit)
        answer = unit.do(cdb, out=out, size=ROOM if not out else 0)
        if key == "ATTRIBUTES" and answer.status == GOOD:
            unit.skip("the cartridge memory can still be read")
        if answer.code not in NO_VOLUME:
            raise Failure("sense", "2/3A/00 or 2/04/02", repr(answer))


def declare_works(key: str, name: str, cdb: bytes) -> None:
    """A command that needs none."""

    @check(
        f"EMPTY-TAKES-{key}",
        "SSC-4 4.2.3",
        "without a volume",
        f"{name} without a volume",
        scratch=True,
        expected="GOOD: it needs no volume.",
    )
    def taken(unit: Subject) -> None:
        if cdb[0] >= 0x1E:
            unit.need(cdb[0])
        away(unit)
        unit.good(cdb, size=ROOM)


for wants in WANTS:
    declare_wants(*wants)
for works in WORKS:
    declare_works(*works)


# --- prevention ----------------------------------------------------------------------------------


def prevent(unit: Subject) -> None:
    """This nexus prevents removal, until the check ends; a volume that is unloaded all the same is
    loaded again."""
    unit.first.cleanup(lambda: load(unit.first))
    unit.cleanup(lambda: unit.do(c.prevent(0)))
    unit.good(c.prevent(1))


@check("PREVENT-OWN", PREVENT, TOPIC, "Removal prevented by the same nexus", scratch=True)
def prevented(unit: Subject) -> None:
    """UNLOAD is 5/53/02 and the volume stays ready; after ALLOW it is unloaded."""
    unit.need(0x1E)
    asking.need_volume(unit)
    prevent(unit)
    unit.refused(c.load_unload(0), PREVENTED)
    unit.good(c.TEST_UNIT_READY)
    unit.good(c.prevent(0))
    unload(unit)


@check("PREVENT-OTHER", PREVENT, TOPIC, "Removal prevented by another nexus", scratch=True)
def prevented_by_another(unit: Subject) -> None:
    """UNLOAD is 5/53/02 as well; this nexus' ALLOW does not lift it."""
    unit.need(0x1E)
    asking.need_volume(unit)
    prevent(unit.second)
    unit.refused(c.load_unload(0), PREVENTED)
    unit.good(c.prevent(0))
    unit.refused(c.load_unload(0), PREVENTED)


@check("PREVENT-BOTH", PREVENT, TOPIC, "Removal prevented by two nexuses", scratch=True)
def prevented_by_both(unit: Subject) -> None:
    """It is allowed when both have allowed it."""
    unit.need(0x1E)
    asking.need_volume(unit)
    prevent(unit)
    prevent(unit.second)
    unit.good(c.prevent(0))
    unit.refused(c.load_unload(0), PREVENTED)
    unit.second.good(c.prevent(0))
    unload(unit)


@check("PREVENT-TWICE", PREVENT, TOPIC, "Prevented twice, allowed once", scratch=True)
def prevented_twice(unit: Subject) -> None:
    """Preventions are not counted: one ALLOW is enough."""
    unit.need(0x1E)
    asking.need_volume(unit)
    prevent(unit)
    prevent(unit)
    unit.refused(c.load_unload(0), PREVENTED)
    unit.good(c.prevent(0))
    unload(unit)


@check("PREVENT-RESET", PREVENT, TOPIC, "A reset ends preventions", scratch=True)
def prevented_until_reset(unit: Subject) -> None:
    """After LOGICAL UNIT RESET the volume can be unloaded."""
    unit.need(0x1E)
    asking.need_volume(unit)
    prevent(unit)
    unit.refused(c.load_unload(0), PREVENTED)
    asking.reset(unit)
    unload(unit)


@check("PREVENT-LOAD", PREVENT, TOPIC, "LOAD while removal is prevented")
def load_while_prevented(unit: Subject) -> None:
    """LOAD of the volume that is loaded takes nothing out: GOOD."""
    unit.need(0x1E)
    asking.need_volume(unit)
    prevent(unit)
    unit.good(c.load_unload(IN))

"""ALLOCATION LENGTH: for each command that returns parameter data, what comes with no room, with
too little and with more than is needed (SPC-4 4.2.5.6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, INVALID_OPCODE, ROOM
from harness.conform.check import Failure, NotApplicable, check
from harness.conform.subject import GOOD, Subject

CLAUSE = "SPC-4 4.2.5.6"
TOPIC = "allocation length"
BOTH = ("tape", "changer")


class Data(NamedTuple):
    """A command that returns parameter data."""

    id: str
    name: str
    cdb: Callable[[int], bytes]
    """The CDB for an allocation length."""
    length: tuple[int, int] | None
    """Where the data say how long they are: byte and number of bytes."""
    beyond: int = 0
    """How many bytes there are more than that field says: it and what is before."""
    least: int = 1
    """The shortest length, but zero, that has to be taken."""
    most: int = ROOM
    kinds: tuple[str, ...] = ("tape",)
    needs: tuple[int, int | None] | None = None
    zero: bool = True
    """Whether length 0 has to be taken."""


ROWS = (
    Data("INQUIRY", "INQUIRY", c.inquiry, (4, 1), 5, most=0xFC, kinds=BOTH),
    Data("VPD-00", "INQUIRY, page 00h", lambda n: c.inquiry(n, 0), (2, 2), 4, kinds=BOTH),
    Data("VPD-80", "INQUIRY, page 80h", lambda n: c.inquiry(n, 0x80), (2, 2), 4, kinds=BOTH),
    Data("VPD-83", "INQUIRY, page 83h", lambda n: c.inquiry(n, 0x83), (2, 2), 4, kinds=BOTH),
    Data("REQUEST-SENSE", "REQUEST SENSE", c.request_sense, (7, 1), 8, most=252, kinds=BOTH),
    Data("MODE-SENSE-6", "MODE SENSE(6)", lambda n: c.mode_sense_6(0x0A, allocation=n), (0, 1), 1,
         most=255),
    Data("MODE-SENSE-10", "MODE SENSE(10)", lambda n: c.mode_sense(0x3F, allocation=n), (0, 2), 2,
         needs=(0x5A, None), kinds=BOTH),
    Data("LOG-SENSE", "LOG SENSE", lambda n: c.log_sense(0, allocation=n), (2, 2), 4,
         needs=(0x4D, None), kinds=BOTH),
    Data("LOG-2E", "LOG SENSE, page 2Eh", lambda n: c.log_sense(0x2E, allocation=n), (2, 2), 4,
         needs=(0x4D, None), kinds=BOTH),
    Data("REPORT-LUNS", "REPORT LUNS", c.report_luns, (0, 4), 8, least=16, kinds=BOTH, zero=False),
    Data("DENSITY", "REPORT DENSITY SUPPORT", c.report_density_support, (0, 2), 2,
         needs=(0x44, None)),
    Data("MEDIUM-TYPES", "REPORT DENSITY SUPPORT, medium types",
         lambda n: c.report_density_support(n, medium_type=True), (0, 2), 2, needs=(0x44, None)),
    Data("POSITION", "READ POSITION, extended form", lambda n: c.read_position(c.EXTENDED, n),
         (2, 2), 4, needs=(0x34, None), least=32, zero=False),
    Data("ATTRIBUTES", "READ ATTRIBUTE", lambda n: c.read_attribute(allocation=n), (0, 4), 4,
         needs=(0x8C, None)),
    Data("ATTRIBUTE-LIST", "READ ATTRIBUTE, list", lambda n: c.read_attribute(1, allocation=n),
         (0, 4), 4, needs=(0x8C, None)),
    Data("COMMANDS", "REPORT SUPPORTED OPERATION CODES", lambda n: c.operation_codes(room=n),
         (0, 4), 4, needs=(0xA3, 0x0C), kinds=BOTH),
    Data("ONE-COMMAND", "REPORT SUPPORTED OPERATION CODES, one command",
         lambda n: c.operation_codes(1, 0x12, room=n), (2, 2), 4, needs=(0xA3, 0x0C), kinds=BOTH),
    Data("GROUPS", "REPORT TARGET PORT GROUPS", lambda n: c.maintenance_in(0x0A, n), (0, 4), 4,
         needs=(0xA3, 0x0A)),
    Data("IDENTITY", "REPORT IDENTIFYING INFORMATION", lambda n: c.maintenance_in(0x05, n), (2, 2),
         4, needs=(0xA3, 0x05)),
    Data("TIMESTAMP", "REPORT TIMESTAMP", lambda n: c.maintenance_in(0x0F, n), (0, 2), 2,
         needs=(0xA3, 0x0F)),
    Data("PR-KEYS", "PERSISTENT RESERVE IN, keys", lambda n: c.reserve_in(0, n), (4, 4), 8,
         needs=(0x5E, 0x00), kinds=BOTH),
    Data("PR-HOLDER", "PERSISTENT RESERVE IN, reservation", lambda n: c.reserve_in(1, n), (4, 4),
         8, needs=(0x5E, 0x01), kinds=BOTH),
    Data("PR-CAPABILITIES", "PERSISTENT RESERVE IN, capabilities", lambda n: c.reserve_in(2, n),
         (0, 2), 0, needs=(0x5E, 0x02), kinds=BOTH),
    Data("PR-STATUS", "PERSISTENT RESERVE IN, full status", lambda n: c.reserve_in(3, n), (4, 4),
         8, needs=(0x5E, 0x03), kinds=BOTH),
    Data("DIAGNOSTIC", "RECEIVE DIAGNOSTIC RESULTS", lambda n: c.receive_diagnostic(0, n), (2, 2),
         4, needs=(0x1C, None), kinds=BOTH),
    Data("BUFFER", "READ BUFFER, descriptor", lambda n: c.read_buffer(3, n), None,
         needs=(0x3C, None), most=0xFFFC),
    Data("SERIAL", "READ MEDIA SERIAL NUMBER",
         lambda n: bytes((0xAB, 1, 0, 0, 0, 0)) + n.to_bytes(4) + bytes(2), (0, 4), 4,
         needs=(0xAB, 0x01)),
    Data("ELEMENTS", "READ ELEMENT STATUS", lambda n: c.read_element_status(0, allocation=n),
         (5, 3), 8, kinds=("changer",), least=8),
)  # fmt: skip


def whole(unit: Subject, row: Data) -> bytes:
    """All that there is. NotApplicable if the device has no such data now."""
    if row.needs is not None:
        unit.need(*row.needs)
    answer = unit.do(row.cdb(row.most), size=row.most)
    if answer.code in (INVALID_FIELD, INVALID_OPCODE) or answer.code.startswith(("2/3A", "2/04")):
        raise NotApplicable(f"the device has no such data now ({answer.code})")
    if answer.status != GOOD:
        raise Failure("status", "GOOD", repr(answer))
    unit.require("data", answer.data, "some", answer)
    return answer.data


def declare(row: Data, kind: str) -> None:
    """The three checks of a command."""
    prefix, topic = ("", TOPIC) if kind == "tape" else ("CH-", f"changer: {TOPIC}")

    @check(
        f"{prefix}ALLOC-{row.id}-ZERO",
        CLAUSE,
        topic,
        f"{row.name} with no room",
        kind=kind,
        expected="GOOD and no data: an allocation length of zero is no error."
        if row.zero
        else "GOOD and no data, or 5/24/00: this command may want room.",
    )
    def zero(unit: Subject) -> None:
        whole(unit, row)
        if row.id == "REPORT-LUNS":
            unit.need_own("REPORT LUNS")
        answer = unit.do(row.cdb(0), size=64)
        if not row.zero and answer.code == INVALID_FIELD:
            return
        if answer.status != GOOD:
            raise Failure("status", "GOOD", repr(answer))
        unit.expect("data", b"", answer.data)

    @check(
        f"{prefix}ALLOC-{row.id}-SHORT",
        CLAUSE,
        topic,
        f"{row.name} with too little room",
        kind=kind,
        expected="The beginning of the data, as much as there is room for; lengths in them are "
        "those of the whole data.",
    )
    def short(unit: Subject) -> None:
        data = whole(unit, row)
        lengths = {1, 3, 4, 5, 8, len(data) // 2, len(data) - 1}
        for length in sorted(one for one in lengths if row.least <= one < len(data)):
            cut = unit.good(row.cdb(length), size=row.most).data
            unit.expect(f"number of bytes for {length}", length, len(cut))
            same = data[:length] if steady(row) else cut
            unit.expect(f"data for {length}", same, cut)
            if row.length is not None and length >= sum(row.length):
                at, size = row.length
                unit.expect("length field", data[at : at + size], cut[at : at + size])

    @check(
        f"{prefix}ALLOC-{row.id}-LONG",
        CLAUSE,
        topic,
        f"{row.name} with more room than needed",
        kind=kind,
        expected="All data, as many as their own length field says, and not more.",
    )
    def long(unit: Subject) -> None:
        data = whole(unit, row)
        if row.length is not None:
            at, size = row.length
            said = asking.number(data, at, size) + row.beyond
            if said > row.most:
                unit.skip(f"the data are {said} bytes long")
            unit.expect("number of bytes, as the data say", said, len(data))
        room = min(row.most, len(data) + 17)
        if room >= len(data):
            unit.expect("number of bytes", len(data), len(unit.good(row.cdb(room), size=room).data))


def steady(row: Data) -> bool:
    """Whether the data are the same when asked for again."""
    return row.id not in ("TIMESTAMP", "LOG-2E", "ATTRIBUTES", "REQUEST-SENSE")


for row in ROWS:
    for kind in row.kinds:
        declare(row, kind)

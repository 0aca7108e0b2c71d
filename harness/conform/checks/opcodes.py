"""The command set: what every drive has, what the device says it has, what it says of each command,
and what becomes of bits, service actions and operation codes that mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, INVALID_OPCODE, ROOM, number
from harness.conform.check import Failure, check
from harness.conform.command_table import LAYOUTS, Layout
from harness.conform.subject import GOOD, Subject

TOPIC = "commands"
NACA = 0x04
DESCRIPTOR, TIMED = 8, 20

MANDATORY = (
    ("00", "TEST UNIT READY", "SPC-4 6.47", c.TEST_UNIT_READY, 0),
    ("01", "REWIND", "SSC-4 7.10", c.REWIND, 0),
    ("03", "REQUEST SENSE", "SPC-4 6.39", c.request_sense(), 252),
    ("05", "READ BLOCK LIMITS", "SSC-4 7.6", c.READ_BLOCK_LIMITS, 6),
    ("08", "READ(6)", "SSC-4 6.4", c.read(0), 0),
    ("0A", "WRITE(6)", "SSC-4 6.8", c.write(0), 0),
    ("10", "WRITE FILEMARKS(6)", "SSC-4 6.9", c.write_filemarks(0), 0),
    ("11", "SPACE(6)", "SSC-4 6.6", c.space(0, 0), 0),
    ("12", "INQUIRY", "SPC-4 6.6", c.inquiry(36), 36),
    ("15", "MODE SELECT(6)", "SPC-4 6.11", c.mode_select_6(0), 0),
    ("1A", "MODE SENSE(6)", "SPC-4 6.13", c.mode_sense_6(0x3F), 255),
    ("1B", "LOAD UNLOAD", "SSC-4 7.3", c.load_unload(1), 0),
    ("1D", "SEND DIAGNOSTIC", "SPC-4 6.42", c.send_diagnostic(0), 0),
    ("2B", "LOCATE(10)", "SSC-4 6.3", c.locate(0), 0),
    ("34", "READ POSITION", "SSC-4 7.7", c.read_position(), 20),
    ("44", "REPORT DENSITY SUPPORT", "SSC-4 7.9", c.report_density_support(ROOM), ROOM),
    ("A0", "REPORT LUNS", "SPC-4 6.33", c.report_luns(256), 256),
)
"""Commands of every sequential-access device (SSC-4 table 15) with a CDB that harms nothing.
ERASE(6) is in `erasing`."""

IN_THE_FIELD = (
    (0x1E, None, "PREVENT ALLOW MEDIUM REMOVAL", "SSC-4 7.5", "Linux st locks the door with it"),
    (0x4D, None, "LOG SENSE", "SPC-4 6.8", "tapeinfo and backup programs read TapeAlert flags"),
    (0x92, None, "LOCATE(16)", "SSC-4 7.4", "LTFS and Proxmox position with it"),
    (0x91, None, "SPACE(16)", "SSC-4 7.12", "LTFS spaces with it"),
    (0x5F, 0x00, "PERSISTENT RESERVE OUT", "SPC-4 6.16", "LTFS and clusters share drives with it"),
    (0x8C, None, "READ ATTRIBUTE", "SPC-4 6.17", "LTFS and Proxmox read the cartridge memory"),
    (0xA3, 0x0C, "REPORT SUPPORTED OPERATION CODES", "SPC-4 6.35", "LTFS takes timeouts from it"),
)


def declare_mandatory(key: str, name: str, clause: str, cdb: bytes, size: int) -> None:
    """The command is there."""

    @check(
        f"OP-MANDATORY-{key}",
        clause,
        TOPIC,
        f"{name} is taken",
        expected="Every tape drive has it: any answer but 5/20/00 will do, and with a volume GOOD.",
    )
    def mandatory(unit: Subject) -> None:
        answer = unit.do(cdb, size=size)
        if answer.code.startswith(("2/3A", "2/04")) and key not in ("12", "A0", "03"):
            unit.skip("no volume is loaded")
        if key == "1D" and answer.code == INVALID_FIELD:
            return  # HP and DLT drives want UNITOFFL, or a test, in every one
        if answer.code.startswith("7/"):
            unit.skip(f"the volume cannot be written: {answer.code}")
        if answer.status != GOOD:
            raise Failure("status", "GOOD", repr(answer))


for one in MANDATORY:
    declare_mandatory(*one)


def declare_in_the_field(opcode: int, action: int | None, name: str, clause: str, why: str) -> None:
    """The standards leave the command open; hosts do not."""

    @check(
        f"OP-FIELD-{opcode:02X}" + ("" if action is None else f"-{action:02X}"),
        clause,
        TOPIC,
        f"{name}, which hosts in the field want, is there",
        expected=f"Optional, but {why}: a warning without it.",
    )
    def in_the_field(unit: Subject) -> None:
        if not unit.has(opcode, action):
            unit.warn(f"there is no {name}: {why}")


for two in IN_THE_FIELD:
    declare_in_the_field(*two)


# --- what the device says of its commands --------------------------------------------------------


def list_is_well_formed(unit: Subject) -> None:
    """COMMAND DATA LENGTH is what follows; service actions only where SERVACTV says so; no command
    twice; reserved bytes zero. SPC-5 has more flags: MLU, CDLP, RWCDLP."""
    unit.need(0xA3, 0x0C)
    data = unit.good(c.operation_codes(), size=ROOM).data
    unit.expect("COMMAND DATA LENGTH", len(data) - 4, number(data, 0, 4))
    rows = [data[at : at + DESCRIPTOR] for at in range(4, len(data), DESCRIPTOR)]
    seen = set()
    for row in rows:
        unit.require("length of a descriptor", len(row) == DESCRIPTOR, "8 bytes", row)
        unit.require("reserved bytes", not row[1] and not row[4], "zero", row)
        unit.require("flags", not row[5] & 0x80, "bit 7 clear", row)
        unit.require("CTDP", not row[5] & 2, "clear, for RCTD is", row)
        if not row[5] & 1:
            unit.require("SERVICE ACTION without SERVACTV", row[2:4] == b"\0\0", "zero", row)
        key = row[0], row[2:4], row[5] & 1
        unit.require("commands", key not in seen, "each once", f"{row[0]:02X}h twice")
        seen.add(key)


def lengths_fit_the_groups(unit: Subject) -> None:
    """CDB LENGTH is the one that the operation code's group says."""
    for row in asking.command_list(unit):
        if row.opcode >> 5 in (0, 1, 2, 4, 5):
            unit.expect(f"length of the CDB of {row}", c.size_of(row.opcode), row.size)


def list_and_single_answers_agree(unit: Subject) -> None:
    """Each command of the list is supported (SUPPORT 011b) when asked for alone, as long a CDB,
    with its own operation code and service action in the usage data."""
    for row in asking.command_list(unit):
        option = 1 if row.action is None else 2
        data = unit.good(c.operation_codes(option, row.opcode, row.action or 0), size=ROOM).data
        unit.require(f"SUPPORT of {row}", number(data, 1, 1) & 7 in (3, 5), "011b or 101b", data)
        unit.expect(f"CDB SIZE of {row}", row.size, number(data, 2, 2))
        usage = data[4 : 4 + row.size]
        unit.expect(f"length of the usage data of {row}", row.size, len(usage))
        unit.expect(f"operation code in the usage data of {row}", row.opcode, usage[0])
        if row.action is not None:
            unit.expect(f"service action in the usage data of {row}", row.action, usage[1] & 0x1F)


def listed_commands_are_known(unit: Subject) -> None:
    """No listed command that can be tried without harm is refused with 5/20/00."""
    rows = {(row.opcode, row.action) for row in asking.command_list(unit)}
    for layout in LAYOUTS:
        if layout.scratch or layout.kinds == ("changer",):
            continue
        if (layout.opcode, layout.action) in rows:
            code = unit.do(layout.base, out=layout.out, size=0x1000).code
            unit.require(f"{layout.name}", code != INVALID_OPCODE, "a known command", code)


def known_commands_are_listed(unit: Subject) -> None:
    """No command of the standards that can be tried without harm is taken and not listed."""
    rows = asking.command_list(unit)
    opcodes, pairs = {row.opcode for row in rows}, {(row.opcode, row.action) for row in rows}
    alone = {row.opcode for row in rows if row.action is None}
    for layout in LAYOUTS:
        here = alone if layout.action is not None else opcodes
        listed = layout.opcode in here or (layout.opcode, layout.action) in pairs
        if listed or layout.scratch or layout.kinds == ("changer",):
            continue
        codes = [INVALID_OPCODE] + [INVALID_FIELD] * (layout.opcode in opcodes)
        code = unit.do(layout.base, out=layout.out, size=0x1000).code
        unit.require(f"{layout.name}, which is not listed", code in codes, codes[0], code or "GOOD")


def other_options_are_refused(unit: Subject) -> None:
    """REPORTING OPTIONS 100b to 111b: 5/24/00; a warning where the third bit is not looked at."""
    unit.need(0xA3, 0x0C)
    for option in range(4, 8):
        cdb = c.operation_codes(option, 0x12)
        if unit.do(cdb, size=ROOM).status == GOOD:
            unit.warn(f"reporting option {option:03b}b is taken")
            continue
        unit.refused(cdb, INVALID_FIELD, size=ROOM, field=(2, 2))


def option_1_with_service_actions(unit: Subject) -> None:
    """Option 001b for an operation code that has service actions: 5/24/00."""
    unit.need(0xA3, 0x0C)
    unit.refused(c.operation_codes(1, 0xA3), INVALID_FIELD, size=ROOM)


def option_2_without_service_actions(unit: Subject) -> None:
    """Option 010b for an operation code that has no service actions: 5/24/00."""
    unit.need(0xA3, 0x0C)
    unit.refused(c.operation_codes(2, 0x12), INVALID_FIELD, size=ROOM)


def commands_that_are_not_there(unit: Subject) -> None:
    """SUPPORT 001b, without usage data, for operation codes that are not listed."""
    listed = {row.opcode for row in asking.command_list(unit)}
    for opcode in (0x25, 0x28, 0x2A, 0x42, 0x60, 0x7D):
        if opcode in listed:
            continue
        data = unit.good(c.operation_codes(1, opcode), size=ROOM).data
        unit.expect(f"SUPPORT of {opcode:02X}h", 1, number(data, 1, 1) & 7)


def timeouts_are_told(unit: Subject) -> None:
    """With RCTD each descriptor is followed by one of timeouts, 000Ah long; LTFS wants a
    recommended one that is not shorter than the nominal one."""
    unit.need(0xA3, 0x0C)
    answer = unit.do(c.operation_codes(times=True), size=ROOM)
    if answer.status != GOOD:
        unit.warn("there are no timeout descriptors: LTFS takes its own")
        return
    data = answer.data
    unit.expect("COMMAND DATA LENGTH", len(data) - 4, number(data, 0, 4))
    at = 4
    missing = []
    while at < len(data):
        if not data[at + 5] & 2:
            missing.append(f"{data[at]:02X}h")
            at += DESCRIPTOR
            continue
        unit.expect(f"length of the timeouts of {data[at]:02X}h", 10, number(data, at + 8, 2))
        nominal, recommended = number(data, at + 12, 4), number(data, at + 16, 4)
        if recommended:
            unit.require(
                f"recommended timeout of {data[at]:02X}h",
                recommended >= nominal,
                f"at least the nominal {nominal} s",
                recommended,
            )
        at += TIMED
    if missing:
        unit.warn(f"no timeouts for {', '.join(missing)}")


def timeouts_agree(unit: Subject) -> None:
    """One command asked for alone has the timeouts that the list gives it."""
    unit.need(0xA3, 0x0C)
    answer = unit.do(c.operation_codes(times=True), size=ROOM)
    if answer.status != GOOD or len(answer.data) < 4 + TIMED or not answer.data[9] & 2:
        unit.skip("there are no timeout descriptors")
    at = next((at for at in range(4, len(answer.data), TIMED) if answer.data[at] == 0x12), None)
    if at is None:
        unit.skip("INQUIRY is not listed")
        return
    data = unit.good(c.operation_codes(1, 0x12, times=True), size=ROOM).data
    unit.require("CTDP", number(data, 1, 1) & 0x80, "set", data)
    unit.expect("timeouts of INQUIRY", answer.data[at + DESCRIPTOR : at + TIMED], data[-12:])


LIST = (
    ("FORM", "The list of commands is well formed", list_is_well_formed),
    ("LENGTHS", "Lengths of CDBs fit their groups", lengths_fit_the_groups),
    ("ALONE", "What is listed is supported when asked for alone", list_and_single_answers_agree),
    ("KNOWN", "What is listed is known", listed_commands_are_known),
    ("COMPLETE", "What is known is listed", known_commands_are_listed),
    ("OPTIONS", "Reserved reporting options are refused", other_options_are_refused),
    ("OPTION-1", "Option 1 wants a command without service actions", option_1_with_service_actions),
    ("OPTION-2", "Option 2 wants a service action", option_2_without_service_actions),
    ("ABSENT", "What is not there is told", commands_that_are_not_there),
    ("TIMES", "Timeouts are told", timeouts_are_told),
    ("TIMES-ALONE", "Timeouts are the same when asked for alone", timeouts_agree),
)

for suffix, title, body in LIST:
    check(f"OP-LIST-{suffix}", "SPC-4 6.35", TOPIC, title)(body)
    if suffix not in ("KNOWN", "COMPLETE"):
        check(f"CH-OP-LIST-{suffix}", "SPC-4 6.35", "changer: commands", title, kind="changer")(
            body
        )


# --- bits of a CDB -------------------------------------------------------------------------------


def declare_usage(layout: Layout, kind: str, prefix: str, topic: str) -> None:
    """The usage data have what the standard wants looked at, and nothing that it has not."""

    @check(
        f"{prefix}OP-USAGE-{layout.id}",
        layout.clause,
        topic,
        f"Usage data of {layout.name}",
        kind=kind,
        expected="Every bit of the fields that a device has to evaluate is set, no bit that the "
        "standard reserves.",
    )
    def usage(unit: Subject) -> None:
        row = listed_row(unit, layout)
        came = bytearray(asking.usage(unit, row))
        unit.expect("length of the usage data", len(layout.base), len(came))
        for byte in range(1, len(came) - 1):
            mask = 0x1F if byte == 1 and row.action is not None else 0
            lacks = layout.must[byte] & ~mask & ~came[byte]
            unit.require(f"byte {byte}", not lacks, f"bits {lacks:02X}h set", f"{came[byte]:02X}h")
            beyond = came[byte] & ~layout.may[byte] & ~mask
            unit.require(
                f"byte {byte}", not beyond, f"bits {beyond:02X}h clear", f"{came[byte]:02X}h"
            )


def listed_row(unit: Subject, layout: Layout) -> asking.Row:
    """The device's own row of a command; NotApplicable if it has none."""
    for row in asking.command_list(unit):
        if row.opcode == layout.opcode and row.action in (None, layout.action or row.action):
            return row
    unit.skip(f"the device has no {layout.name}")
    raise AssertionError


SLOW = frozenset({0x01, 0x04, 0x07, 0x0B, 0x19, 0x1B, 0x1D, 0x2B, 0x37, 0x92, 0xA5, 0xA6})
"""Commands that move tape or robot, for minutes: the first bit that is ignored is enough."""
INVENTORIES = (0x07, 0x37)
"""Commands by which a library that ignores a bit is busy for an hour."""


def declare_reserved(layout: Layout, kind: str, prefix: str, topic: str) -> None:
    """Each bit outside the usage data is refused, pointed at."""

    @check(
        f"{prefix}OP-RESERVED-{layout.id}",
        "SPC-4 4.2.5",
        topic,
        f"Reserved bits of {layout.name}",
        kind=kind,
        scratch=layout.scratch or layout.opcode in INVENTORIES,
        expected="5/24/00 with the field pointer at the bit, for each bit outside the usage data. "
        "Devices need not look at reserved bits: those that do not are a warning.",
    )
    def reserved(unit: Subject) -> None:
        if unit.has(0xA3, 0x0C):
            row = listed_row(unit, layout)
            usage = asking.usage(unit, row)
        else:
            unit.need(layout.opcode, layout.action)
            row = asking.Row(layout.opcode, layout.action, len(layout.base))
            usage = layout.may
        if layout.opcode == 0x1B:
            asking.need_volume(unit)
        plain = "" if layout.opcode in SLOW else as_it_is(unit, layout)
        ignored = []
        for byte, bit in reserved_bits(layout, usage, row):
            cdb = bytearray(layout.base)
            cdb[byte] |= 1 << bit
            answer = unit.do(cdb, out=layout.out, size=0x1000)
            if answer.code.startswith("2/") and answer.code == plain:
                unit.skip("the drive asks for a volume first")
            if answer.status == GOOD or (plain and answer.code == plain):
                ignored.append(f"{byte}.{bit}")
                if layout.opcode in SLOW:
                    break
                continue
            unit.expect(f"sense for bit {bit} of byte {byte}", INVALID_FIELD, answer.code)
            pointer = answer.sense.field_pointer
            if pointer is not None:
                whole = pointer[1] is None
                wanted = (byte, None, False) if whole else (byte, bit, False)
                unit.expect("field pointer", wanted, tuple(pointer))
        if ignored:
            unit.warn(f"reserved bits are ignored: {', '.join(ignored)}")


def reserved_bits(layout: Layout, usage: bytes, row: asking.Row) -> Iterator[tuple[int, int]]:
    """Byte and bit of what is in no field of a CDB."""
    for byte in range(1, len(layout.base) - 1):
        # A count that the device claims not to have may be one all the same.
        known = usage[byte] | layout.base[byte] | layout.may[byte]
        if byte == 1 and row.action is not None:
            known |= 0x1F
        yield from ((byte, bit) for bit in range(7, -1, -1) if not known >> bit & 1)


def as_it_is(unit: Subject, layout: Layout) -> str:
    """What is wrong with the command as it is: of a volume that cannot be written, for example."""
    if layout.scratch:
        return ""
    code = unit.do(layout.base, out=layout.out, size=0x1000).code
    return code if code != INVALID_FIELD else ""


for layout in LAYOUTS:
    for kind in layout.kinds:
        prefix = "" if kind == "tape" else "CH-"
        topic = TOPIC if kind == "tape" else "changer: commands"
        declare_usage(layout, kind, prefix, topic)
        declare_reserved(layout, kind, prefix, topic)


# --- what is not there ---------------------------------------------------------------------------


@check("OP-UNKNOWN-RESERVED", "SPC-4 4.2.5.1", TOPIC, "Operation codes of a reserved group")
def reserved_group(unit: Subject) -> None:
    """5/20/00 for 60h to 7Dh, which are nobody's; the field pointer, if any, at byte 0."""
    for opcode in range(0x60, 0x7E):
        unit.refused(c.plain(opcode), INVALID_OPCODE, field=(0, None))


@check("OP-UNKNOWN-UNLISTED", "SPC-4 6.35", TOPIC, "Operation codes that are not listed")
def unlisted(unit: Subject) -> None:
    """5/20/00 for commands of the standards (of disks, printers, scanners) that are not listed."""
    listed = {row.opcode for row in asking.command_list(unit)}
    for opcode in (*range(0x22, 0x2B), *range(0x2C, 0x34), *range(0x41, 0x4B), 0x85, 0x88, 0x8A):
        if opcode not in listed and opcode != 0x44:
            unit.refused(c.plain(opcode), INVALID_OPCODE, field=(0, None))


ACTIONS = (
    (0x34, "READ POSITION", "SSC-4 7.7", range(0x10, 0x20)),
    (0x5E, "PERSISTENT RESERVE IN", "SPC-4 6.15", range(0x04, 0x20)),
    (0x5F, "PERSISTENT RESERVE OUT", "SPC-4 6.16", range(0x09, 0x20)),
    (0x8C, "READ ATTRIBUTE", "SPC-4 6.17", range(0x08, 0x20)),
    (0xA3, "MAINTENANCE IN", "SPC-4 6.35", range(0x00, 0x20)),
    (0xA4, "MAINTENANCE OUT", "SPC-4 6.46", (0x00, 0x01, 0x02, 0x03, 0x08, 0x09, 0x1A)),
    (0x9E, "SERVICE ACTION IN(16)", "SPC-4 4.2.5", (0x00, 0x01, 0x02, 0x1A)),
    (0xAB, "SERVICE ACTION IN(12)", "SPC-4 4.2.5", (0x00, 0x02, 0x03, 0x1A)),
)


def declare_actions(opcode: int, name: str, clause: str, actions: range | tuple[int, ...]) -> None:
    """Service actions that are not there."""

    @check(
        f"OP-ACTIONS-{opcode:02X}",
        clause,
        TOPIC,
        f"Service actions that {name} lacks",
        expected="5/24/00, at the service action if there is a field pointer, or 5/20/00.",
    )
    def refused(unit: Subject) -> None:
        unit.need(opcode)
        listed = {row.action for row in asking.command_list(unit) if row.opcode == opcode}
        for action in set(actions) - listed:
            length = 24 if opcode == 0x5F else 0
            cdb = c.reserve_out(action) if length else c.plain(opcode, action)
            answer = unit.refused(cdb, INVALID_FIELD, INVALID_OPCODE, out=bytes(length), size=64)
            pointer = answer.sense.field_pointer
            if pointer is not None and answer.code == INVALID_FIELD:
                unit.expect("byte of the field pointer", 1, pointer[0])


for three in ACTIONS:
    declare_actions(*three)


@check("OP-NACA", "SAM-5 5.2", TOPIC, "NACA where it is not supported")
def naca(unit: Subject) -> None:
    """5/24/00 for a command with NACA set, if INQUIRY data have NORMACA 0."""
    if asking.standard_inquiry(unit)[3] & 0x20:
        unit.skip("the device supports NACA")
    unit.refused(bytes(5) + bytes((NACA,)), INVALID_FIELD, field=(5, 2))


@check("OP-FUNCTIONS", "SPC-4 6.36", TOPIC, "Task management functions")
def functions(unit: Subject) -> None:
    """LOGICAL UNIT RESET, which every device has, is told; 4 bytes, and with REPD 16."""
    unit.need(0xA3, 0x0D)
    data = unit.good(c.maintenance_in(0x0D, 16), size=16).data
    unit.expect("length", 4, len(data))
    unit.require("LOGICAL UNIT RESET", data[0] & 0x08, "supported", data)
    unit.require("reserved bytes", data[2] == 0, "zero", data)
    long = unit.do(c.maintenance_in(0x0D, 16, 0x80), size=16)
    if long.status == GOOD:
        unit.expect("length with REPD", 16, len(long.data))
        unit.expect("functions with REPD", data[:2], long.data[:2])


@check("OP-FUNCTIONS-SHORT", "SPC-4 6.36", TOPIC, "Task management functions, too little room")
def functions_short(unit: Subject) -> None:
    """An allocation length of less than four is 5/24/00 (SPC-4) or cut short (SPC-5)."""
    unit.need(0xA3, 0x0D)
    answer = unit.do(c.maintenance_in(0x0D, 3), size=3)
    if answer.status != GOOD:
        unit.expect("sense", INVALID_FIELD, answer.code)
    else:
        unit.require("data", len(answer.data) <= 3, "three bytes at most", answer.data)

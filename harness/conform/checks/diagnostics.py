"""Self-tests, diagnostic pages, buffers, REPORT LUNS, TEST UNIT READY (SPC-4 chapter 6)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import INVALID_FIELD, INVALID_OPCODE, INVALID_PARAMETER, ROOM, number
from harness.conform.check import NotApplicable, check
from harness.conform.subject import GOOD, Subject
from harness.conform.tape import pattern, read_all, record

DIAGNOSTIC, BUFFER, LUNS = "SPC-4 6.42", "SPC-4 6.18", "SPC-4 6.33"
ECHO, ECHO_DESCRIPTOR, DATA, DESCRIPTOR = 0x0A, 0x0B, 0x02, 0x03
PF, SELFTEST = 0x10, 0x04

both = (("tape", "", "diagnostics and buffers"), ("changer", "CH-", "changer: diagnostics"))


# --- self-tests ----------------------------------------------------------------------------------


def self_test(unit: Subject) -> None:
    """SELFTEST 1: GOOD, and the unit works on."""
    unit.need(0x1D)
    unit.good(c.send_diagnostic(SELFTEST))
    unit.hear_out()
    unit.good(c.inquiry(36), size=36)


def no_test(unit: Subject) -> None:
    """SELFTEST 0 and no list: GOOD; HP and DLT drives, which want UNITOFFL with it, refuse it with
    5/24/00 (a warning)."""
    unit.need(0x1D)
    answer = unit.do(c.send_diagnostic(0))
    if answer.code == INVALID_FIELD:
        unit.warn("SEND DIAGNOSTIC without test and list is refused")
        return
    unit.expect("status", GOOD, answer.status)


def test_with_list(unit: Subject) -> None:
    """SELFTEST 1 and a parameter list: 5/24/00 (or 5/26/00, 5/1A/00)."""
    unit.need(0x1D)
    codes = (INVALID_FIELD, INVALID_PARAMETER, "5/1A/00")
    unit.refused(c.send_diagnostic(SELFTEST, 4), *codes, out=bytes(4))


def reserved_tests(unit: Subject) -> None:
    """SELF-TEST CODE 011b and 111b: 5/24/00, at byte 1 if there is a field pointer."""
    unit.need(0x1D)
    for code in (3, 7):
        answer = unit.refused(c.send_diagnostic(code << 5), INVALID_FIELD)
        if answer.sense.field_pointer is not None:
            unit.expect("byte of the field pointer", 1, answer.sense.field_pointer[0])


def test_code_with_self_test(unit: Subject) -> None:
    """SELFTEST 1 with a SELF-TEST CODE: 5/24/00."""
    unit.need(0x1D)
    unit.refused(c.send_diagnostic(1 << 5 | SELFTEST), INVALID_FIELD)


def pages(unit: Subject) -> None:
    """RECEIVE DIAGNOSTIC RESULTS, page 00h: ascending, 00h among them."""
    unit.need(0x1C)
    answer = unit.do(c.receive_diagnostic(0), size=ROOM)
    if answer.code == INVALID_FIELD:
        unit.skip("PCV is not supported")
    data = answer.data
    unit.expect("PAGE CODE", 0, number(data, 0, 1))
    unit.expect("PAGE LENGTH", len(data) - 4, number(data, 2, 2))
    codes = list(data[4:])
    unit.require("pages", codes == sorted(set(codes)) and 0 in codes, "ascending, with 0", codes)


def unknown_page(unit: Subject) -> None:
    """A page that is not listed: 5/24/00."""
    unit.need(0x1C)
    answer = unit.do(c.receive_diagnostic(0), size=ROOM)
    if answer.status != GOOD:
        unit.skip("PCV is not supported")
    missing = next(code for code in (0x7E, 0x3E, 0x3D) if code not in answer.data[4:])
    unit.refused(c.receive_diagnostic(missing), INVALID_FIELD, size=ROOM)


# --- buffers -------------------------------------------------------------------------------------


def echo_room(unit: Subject) -> int:
    """Bytes of the echo buffer. NotApplicable without one."""
    unit.need(0x3C)
    unit.need(0x3B)
    answer = unit.do(c.read_buffer(ECHO_DESCRIPTOR, 4), size=4)
    if answer.code in (INVALID_FIELD, INVALID_OPCODE):
        raise NotApplicable("there is no echo buffer")
    unit.expect("length", 4, len(answer.data))
    room = number(answer.data, 2, 2) & 0x1FFF
    if room < 128:
        raise NotApplicable(f"the echo buffer has {room} bytes only")
    return room


def echo_descriptor(unit: Subject) -> None:
    """4 bytes with the capacity: a multiple of four, 4096 at most; a warning below 252, which hosts
    use to try a link."""
    room = echo_room(unit)
    unit.require("capacity", room <= 4096 and not room % 4, "a multiple of 4, up to 4096", room)
    if room < 252:
        unit.warn(f"the echo buffer has {room} bytes only")


def echo(unit: Subject) -> None:
    """What WRITE BUFFER brought is what READ BUFFER returns, bytes of all values."""
    room = echo_room(unit)
    for data in (bytes(range(256))[: min(room, 256)], pattern(64, 9)):
        unit.good(c.write_buffer(ECHO, len(data)), out=data)
        unit.expect("data", data, unit.good(c.read_buffer(ECHO, len(data)), size=len(data)).data)


def echo_short(unit: Subject) -> None:
    """READ BUFFER with less room returns the beginning; with more, not more than was written."""
    echo_room(unit)
    data = pattern(100, 3)
    unit.good(c.write_buffer(ECHO, 100), out=data)
    unit.expect("data", data[:10], unit.good(c.read_buffer(ECHO, 10), size=10).data)
    unit.expect("data", data, unit.good(c.read_buffer(ECHO, 200), size=200).data[:100])


def echo_long(unit: Subject) -> None:
    """More than the capacity: 5/24/00."""
    room = echo_room(unit)
    unit.refused(c.write_buffer(ECHO, room + 1), INVALID_FIELD, INVALID_PARAMETER,
                 out=bytes(room + 1))  # fmt: skip


def buffer_header(unit: Subject) -> None:
    """Mode 0: a header of 4 bytes with the capacity that the descriptor (mode 3) has."""
    unit.need(0x3C)
    header = unit.do(c.read_buffer(0, 4), size=4)
    descriptor = unit.do(c.read_buffer(DESCRIPTOR, 4), size=4)
    if header.status != GOOD or descriptor.status != GOOD:
        unit.skip("mode 0 or 3 is not supported")
    unit.expect("capacity", number(descriptor.data, 1, 3), number(header.data, 1, 3))


def buffer_data(unit: Subject) -> None:
    """Mode 2: what is written into buffer 0 is read from it, if it can be written."""
    unit.need(0x3C)
    unit.need(0x3B)
    room = unit.do(c.read_buffer(DESCRIPTOR, 4), size=4)
    if room.status != GOOD or number(room.data, 1, 3) < 64:
        unit.skip("buffer 0 has no room")
    data = pattern(64, 4)
    if unit.do(c.write_buffer(DATA, 64), out=data).status != GOOD:
        unit.skip("buffer 0 cannot be written")
    unit.expect("data", data, unit.good(c.read_buffer(DATA, 64), size=64).data)


def buffer_modes(unit: Subject) -> None:
    """A mode that is reserved: 5/24/00, at byte 1 if there is a field pointer."""
    unit.need(0x3C)
    answer = unit.refused(c.read_buffer(0x1F, 4), INVALID_FIELD, size=4)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 1, answer.sense.field_pointer[0])


# --- REPORT LUNS ---------------------------------------------------------------------------------


def luns(unit: Subject) -> None:
    """LUN LIST LENGTH is a multiple of 8 and what follows; LUN 0 is among them; reserved bytes
    zero."""
    data = unit.good(c.report_luns(4096), size=4096).data
    unit.expect("LUN LIST LENGTH", len(data) - 8, number(data, 0, 4))
    unit.expect("bytes beyond LUNs of 8", 0, len(data) % 8)
    unit.expect("reserved bytes", bytes(4), data[4:8])
    found = [data[place : place + 8] for place in range(8, len(data), 8)]
    unit.require("LUNs", bytes(8) in found, "LUN 0 among them", data)
    unit.require("LUNs", len(set(found)) == len(found), "each once", len(found))


def luns_selected(unit: Subject) -> None:
    """SELECT REPORT 02h (all) has what 00h has; 01h (well-known) has no LUN 0."""
    unit.need_own("REPORT LUNS")
    plain = unit.good(c.report_luns(4096), size=4096).data
    answer = unit.do(c.report_luns(4096, 2), size=4096)
    if answer.code == INVALID_FIELD:
        unit.skip("SELECT REPORT is not supported")
    unit.require("LUNs of 00h", len(plain) >= 16, "one at least", plain)
    for place in range(8, len(plain), 8):
        unit.require("LUNs", plain[place : place + 8] in answer.data[8:], "all of 00h", answer.data)
    known = unit.good(c.report_luns(4096, 1), size=4096).data
    unit.require("well-known LUNs", bytes(8) not in known[8:], "no LUN 0", known)


def luns_reserved(unit: Subject) -> None:
    """A SELECT REPORT that is reserved: 5/24/00, at byte 2 if there is a field pointer."""
    unit.need_own("REPORT LUNS")
    if asking.standard_inquiry(unit)[2] < 5:
        unit.skip("SELECT REPORT is of SPC-3, and the device is older")
    answer = unit.refused(c.report_luns(4096, 0x7F), INVALID_FIELD, size=4096)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 2, answer.sense.field_pointer[0])


TESTS = ("DIAG-TEST", "DIAG-LIST", "DIAG-BOTH")
"""What starts a self-test, or would if it were not refused: it moves tape or robot for minutes and
is written down in the drive."""

for suffix, clause, title, body in (
    ("DIAG-TEST", DIAGNOSTIC, "The default self-test", self_test),
    ("DIAG-NONE", DIAGNOSTIC, "No self-test", no_test),
    ("DIAG-LIST", DIAGNOSTIC, "A self-test with a parameter list", test_with_list),
    ("DIAG-RESERVED", DIAGNOSTIC, "Self-test codes that are reserved", reserved_tests),
    ("DIAG-BOTH", DIAGNOSTIC, "Two self-tests at once", test_code_with_self_test),
    ("DIAG-PAGES", "SPC-4 6.28", "The list of diagnostic pages", pages),
    ("DIAG-PAGE-NONE", "SPC-4 6.28", "A diagnostic page that there is not", unknown_page),
    ("BUFFER-ECHO-ROOM", BUFFER, "The descriptor of the echo buffer", echo_descriptor),
    ("BUFFER-ECHO", BUFFER, "The echo buffer", echo),
    ("BUFFER-ECHO-SHORT", BUFFER, "The echo buffer with less and more room", echo_short),
    ("BUFFER-ECHO-LONG", BUFFER, "The echo buffer with too much", echo_long),
    ("BUFFER-HEADER", BUFFER, "Header and descriptor of buffer 0", buffer_header),
    ("BUFFER-MODES", BUFFER, "Buffer modes that are reserved", buffer_modes),
    ("LUNS-LIST", LUNS, "The list of logical units", luns),
    ("LUNS-SELECT", LUNS, "SELECT REPORT", luns_selected),
    ("LUNS-RESERVED", LUNS, "SELECT REPORT that is reserved", luns_reserved),
):
    for kind, prefix, topic in both:
        scratch = suffix in TESTS
        check(f"{prefix}{suffix}", clause, topic, title, kind=kind, scratch=scratch)(body)

check("BUFFER-DATA", BUFFER, "diagnostics and buffers", "Data of buffer 0", scratch=True)(
    buffer_data
)


@check("DIAG-TEST-KEEPS", DIAGNOSTIC, "diagnostics and buffers", "A self-test leaves the data",
       scratch=True)  # fmt: skip
def test_keeps_data(unit: Subject) -> None:
    """The default self-test does not write the volume."""
    record(unit, b"one", None)
    unit.good(c.send_diagnostic(SELFTEST))
    unit.hear_out()
    unit.good(c.REWIND)
    read_all(unit, b"one", None)


@check("DIAG-LOG", "SPC-4 7.3", "diagnostics and buffers", "A self-test leaves a result",
       scratch=True)  # fmt: skip
def logged(unit: Subject) -> None:
    """A foreground short self-test is the newest entry of log page 10h: its code, its result."""
    asking.log_page(unit, 0x10)
    answer = unit.do(c.send_diagnostic(5 << 5))
    if answer.code == INVALID_FIELD:
        unit.skip("there is no foreground short self-test")
    unit.expect("status", GOOD, answer.status)
    unit.hear_out()
    newest = asking.log_page(unit, 0x10).get(1, b"")
    unit.require("newest entry", len(newest) >= 16, "16 bytes", newest)
    unit.expect("SELF-TEST CODE, result", (5, 0), (newest[0] >> 5, newest[0] & 0x0F))


@check("TUR-READY", "SPC-4 6.47", "diagnostics and buffers", "TEST UNIT READY with a volume")
def ready(unit: Subject) -> None:
    """GOOD, however often."""
    asking.need_volume(unit)
    for _ in range(3):
        unit.good(c.TEST_UNIT_READY)

"""SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS: self-tests, diagnostic pages, the dump.

A self-test is over before its command answers, so a background one is never in progress: there
is none to abort, and log page 10h never shows one. The results of the last twenty tests that a
SELF-TEST CODE asked for are kept without power; the default self-test (SELFTEST) leaves none.

Pages are those of SPC-4 7.2 and, where the model has it (``unit.diagnostics["dump"]``), IBM's
page 80h, which makes the drive capture a dump (IBM Ultrium SCSI reference, "Force Dump"). The
dump is text: what a drive here can say of itself. READ BUFFER hands it out. References are to
SPC-4.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Nexus, Rule, command
from target.scsi.layout import Layout
from target.scsi.sense import CheckCondition, Sense, invalid_parameter

if TYPE_CHECKING:
    from target.scsi.primary import PrimaryUnit


# --- self-tests ------------------------------------------------------------------------------


class TestCode(IntEnum):
    """SELF-TEST CODE (6.42)."""

    BACKGROUND_SHORT = 1
    BACKGROUND_EXTENDED = 2
    ABORT = 4
    FOREGROUND_SHORT = 5
    FOREGROUND_EXTENDED = 6


FOREGROUND = (TestCode.FOREGROUND_SHORT, TestCode.FOREGROUND_EXTENDED)
EXTENDED = (TestCode.BACKGROUND_EXTENDED, TestCode.FOREGROUND_EXTENDED)

PASSED, FAILED = 0x0, 0x4
"""SELF-TEST RESULTS: without error; an unknown segment failed (7.3.19)."""

KEPT = 20


class SelfTest(NamedTuple):
    """One entry of log page 10h (7.3.19): what was asked for, what came of it, when.

    ``hours`` are those of power-on; sense key, ASC and ASCQ are zero after a test that passed.
    """

    code: int
    result: int
    hours: int
    key: int = 0
    asc: int = 0
    ascq: int = 0


def self_tests(unit: PrimaryUnit) -> list[SelfTest]:
    """The results that are kept, the latest first, at most twenty."""
    return [SelfTest(*entry) for entry in unit.memory.get("self_tests", ())]


def _run(unit: PrimaryUnit, code: TestCode) -> Sense | None:
    """Test, and note what came of it."""
    found = unit.self_test(code in EXTENDED)
    entry = SelfTest(code, PASSED if found is None else FAILED, unit.power_on_hours())
    if found is not None:
        entry = entry._replace(key=found.code.key, asc=found.code.asc, ascq=found.code.ascq)
    unit.remember(self_tests=[list(kept) for kept in (entry, *self_tests(unit))][:KEPT])
    return found


# --- pages -----------------------------------------------------------------------------------

SUPPORTED_PAGES, FORCE_DUMP = 0x00, 0x80

DUMP = Layout("0 page_code, 2-3 page_length, 4-5 diagnostic_id", 8)
DUMP_ID = 0x0160


def pages(unit: PrimaryUnit) -> tuple[int, ...]:
    """The diagnostic pages of this unit, ascending."""
    return (SUPPORTED_PAGES, *([FORCE_DUMP] if unit.diagnostics.get("dump") else []))


def _take_page(unit: PrimaryUnit, nexus: Nexus, data: bytearray) -> None:
    """Do what the one page of a SEND DIAGNOSTIC list says.

    Raises CheckCondition 5/26/00 for a page that is not there or a field that is wrong, 5/1A/00
    for a list that ends before or behind the page.
    """
    code, length = data[0], int.from_bytes(data[2:4], "big")
    if code not in pages(unit):
        raise invalid_parameter(0)
    if data[1]:
        raise invalid_parameter(1)
    if length != (DUMP.size - 4 if code == FORCE_DUMP else 0):
        raise invalid_parameter(2)
    if length + 4 != len(data):
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    if code == FORCE_DUMP:
        if DUMP["diagnostic_id"].get(data) != DUMP_ID:
            raise invalid_parameter(4)
        stray = DUMP.stray_bit(data)
        if stray:
            raise invalid_parameter(*stray)
        unit.volatile["dump"] = _capture(unit, "forced by the host")
    sent: dict[Nexus, int] = unit.volatile.setdefault("diagnostic_page", {})
    sent[nexus] = code


def dump(unit: PrimaryUnit) -> bytes:
    """The dump that was captured last; without one since the reset, one of now."""
    kept: bytes | None = unit.volatile.get("dump")
    if kept is None:
        kept = unit.volatile["dump"] = _capture(unit, "none forced since the last reset")
    return kept


def _capture(unit: PrimaryUnit, cause: str) -> bytes:
    inquiry = unit.inquiry_data
    facts = {
        "dump": cause,
        "vendor": inquiry[8:16].decode("ascii", "replace").rstrip(),
        "product": inquiry[16:32].decode("ascii", "replace").rstrip(),
        "revision": inquiry[32:36].decode("ascii", "replace").rstrip(),
        "serial": unit.vpd_pages.get(0x80, b"").decode("ascii", "replace").strip(),
        "seconds since reset": f"{unit.clock.monotonic() - unit.reset_at:.3f}",
        "power-on hours": str(unit.power_on_hours()),
        "commands": " ".join(
            f"{row.opcode:02X}" + (f"-{row.service_action:02X}" if row.service_action else "")
            for row in unit.commands
        ),
    }
    tests = [
        f"self-test {test.code} at {test.hours} h: result {test.result:X}, "
        f"{test.key:X}/{test.asc:02X}/{test.ascq:02X}"
        for test in self_tests(unit)
    ]
    lines = [*(f"{name}: {value}" for name, value in facts.items()), *tests]
    return "".join(f"{line}\n" for line in lines).encode()


# --- commands --------------------------------------------------------------------------------


def send_diagnostic(unit: PrimaryUnit, call: Call) -> Completion:
    """SEND DIAGNOSTIC (6.42): the default self-test, one by code, or a diagnostic page.

    A foreground or default self-test that fails is 4/3E/03; a background one only leaves its
    entry. 5/24/00 for fields that exclude each other, a reserved code, code 100b (nothing to
    abort) and a list without PF. DEVOFFL and UNITOFFL allow more than a test here does.
    """
    code, length = call["self_test_code"], call["parameter_list_length"]
    if code:
        if code not in set(TestCode) or code == TestCode.ABORT or call["selftest"]:
            raise call.invalid("self_test_code")
        for field in ("pf", "parameter_list_length"):
            if call[field]:
                raise call.invalid(field)
        if _run(unit, TestCode(code)) is not None and code in FOREGROUND:
            raise CheckCondition(s.SELF_TEST_FAILED)
        return GOOD
    if call["selftest"]:
        if length:
            raise call.invalid("parameter_list_length")
        if unit.self_test(False) is not None:
            raise CheckCondition(s.SELF_TEST_FAILED)
        return GOOD
    if not length:
        return GOOD
    if not call["pf"]:
        raise call.invalid("pf")
    _take_page(unit, call.nexus, call.parameters(length, at_least=4))
    return GOOD


def receive_results(unit: PrimaryUnit, call: Call) -> Completion:
    """RECEIVE DIAGNOSTIC RESULTS (6.28): the page asked for, or the one that was sent last.

    Without PCV, and with nothing sent on this nexus, that is page 00h. Page 80h has no results.
    5/24/00 for a page that is not there, and for a page code without PCV.
    """
    code = call["page_code"]
    if not call["pcv"]:
        if code:
            raise call.invalid("page_code")
        code = unit.volatile.get("diagnostic_page", {}).get(call.nexus, SUPPORTED_PAGES)
    known = pages(unit)
    if code not in known:
        raise call.invalid("page_code")
    body = bytes(known) if code == SUPPORTED_PAGES else b""
    return call.reply(
        bytes((code, 0)) + len(body).to_bytes(2, "big") + body, call["allocation_length"]
    )


COMMANDS = (
    command(
        0x1C, "RECEIVE DIAGNOSTIC RESULTS", "1.0 pcv, 2 page_code, 3-4 allocation_length",
        receive_results, Data.IN, Rule.PASSES_WRITE_EXCLUSIVE,
    ),
    command(
        0x1D, "SEND DIAGNOSTIC",
        """1.7-5 self_test_code, 1.4 pf, 1.2 selftest, 1.1 devoffl, 1.0 unitoffl
        3-4 parameter_list_length""",
        send_diagnostic, Data.OUT, timeout="send_diagnostic",
    ),
)  # fmt: skip
"""The rows of the command table that this module serves."""

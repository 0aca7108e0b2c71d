"""LOG SENSE and LOG SELECT (SPC-4 6.5, 6.6, 7.3).

Nothing of a log is saved: SP is a reserved bit. What the two commands do to a counter is in `log`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.scsi import log
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Rule, command
from target.scsi.log import CUMULATIVE, THRESHOLD, LogPage, Parameter, Reset
from target.scsi.sense import CheckCondition, invalid_parameter

if TYPE_CHECKING:
    from target.scsi.primary import PrimaryUnit


def log_sense(unit: PrimaryUnit, call: Call) -> Completion:
    """LOG SENSE. Subpage FFh lists the pages that there are.

    PPC, for the parameters that have changed since, is obsolete: a reserved bit.
    """
    code, subpage, pointer = call["page_code"], call["subpage_code"], call["parameter_pointer"]
    allocation = call["allocation_length"]
    pages = [page for page in unit.logs if page.code == code]
    if subpage == log.ALL_SUBPAGES and (pages or not code):
        return call.reply(_subpages(unit, code), allocation)
    if not code and not subpage:
        return call.reply(_pages(unit), allocation)
    page = next((page for page in pages if page.subpage == subpage), None)
    if page is None:
        raise call.invalid("subpage_code" if pages or not code else "page_code")
    if pointer and all(row.code < pointer for row in page.parameters):
        raise call.invalid("parameter_pointer")
    control = call["page_control"]
    data = page.encode(unit, call.nexus, unit.log_state, pointer, control)
    # A look at the header alone (tools ask with 4 bytes for the length first) has no effect.
    if page.read and allocation > 4:
        page.read(unit, call.nexus)
    if control == CUMULATIVE and not pointer and allocation >= len(data):
        unit.log_state.reset((page,), unit, Reset.SENSE, call.nexus)
    return call.reply(data, allocation)


def _pages(unit: PrimaryUnit) -> bytes:
    """Page 00h: the codes of the pages without subpage."""
    codes = {0} | {page.code for page in unit.logs if page.listed and not page.subpage}
    return log.header(0, 0, len(codes), saved=False) + bytes(sorted(codes))


def _subpages(unit: PrimaryUnit, code: int) -> bytes:
    """Subpage FFh of a page: its subpages, itself among them; of page 00h: all there are."""
    listed = {page.key for page in unit.logs if page.listed and code in (0, page.code)}
    own = {(code, log.ALL_SUBPAGES)} | ({(0, 0)} if not code else set())
    body = b"".join(bytes(pair) for pair in sorted(listed | own))
    return log.header(code, log.ALL_SUBPAGES, len(body), saved=False) + body


def log_select(unit: PrimaryUnit, call: Call) -> Completion:
    """LOG SELECT: reset counters or thresholds, or set them from a list of log pages.

    Everything in a list is taken, or nothing. Other nexuses hear of what has changed.
    """
    length, control = call["parameter_list_length"], call["page_control"]
    if call["pcr"] and length:
        raise call.invalid("pcr")
    if length:
        changed = _set_from_list(unit, call, length)
    else:
        changed = _reset(unit, call, _named(unit, call), control)
    if changed:
        unit.attention(s.LOG_PARAMETERS_CHANGED, but=call.nexus)
    return GOOD


def _named(unit: PrimaryUnit, call: Call) -> list[LogPage]:
    """The pages of the CDB's codes: one, all subpages of one, or with page 00h all there are."""
    code, subpage = call["page_code"], call["subpage_code"]
    if not code:
        if subpage not in (0, log.ALL_SUBPAGES):
            raise call.invalid("subpage_code")
        return list(unit.logs)
    pages = [page for page in unit.logs if page.code == code]
    if not pages:
        raise call.invalid("page_code")
    if subpage != log.ALL_SUBPAGES:
        pages = [page for page in pages if page.subpage == subpage]
        if not pages:
            raise call.invalid("subpage_code")
    return pages


def _reset(unit: PrimaryUnit, call: Call, pages: list[LogPage], control: int) -> bool:
    """Without a list. PCR resets what PAGE CONTROL names, values (x1b) or thresholds (x0b).

    Without PCR it is so for the defaults (1xb), which the present values are set to; 0xb asks for
    nothing (SPC-4 6.5, table 152).
    """
    if not call["pcr"] and control in (THRESHOLD, CUMULATIVE):
        return False
    if control & 1:
        return unit.log_state.reset(pages, unit, Reset.SELECT, call.nexus)
    return unit.log_state.reset_thresholds(pages)


def _set_from_list(unit: PrimaryUnit, call: Call, length: int) -> bool:
    """5/24/00 for codes in the CDB, which the list has itself, and for thresholds where no page
    has any; 5/1A/00 for a list that ends within a parameter; 5/26/00 for what is in it."""
    for field in ("page_code", "subpage_code"):
        if call[field]:
            raise call.invalid(field)
    control = CUMULATIVE if call["page_control"] & 1 else THRESHOLD
    if control == THRESHOLD and not any(page.thresholds for page in unit.logs):
        raise call.invalid("page_control")
    data = bytes(call.parameters(length, at_least=4))
    found: list[tuple[LogPage, Parameter, int]] = []
    at, last = 0, (-1, -1)
    while at < length:
        if at + 4 > length:
            raise CheckCondition(s.PARAMETER_LIST_LENGTH)
        page, end = _page_at(unit, data, at, last, control)
        last, at = page.key, at + 4
        code = -1
        while at < end:
            row, value, at = _parameter_at(page, data, at, end, code)
            code = row.code
            found.append((page, row, value))
    changed = False
    for page, row, value in found:
        subject = page.values_of(unit, call.nexus)
        changed |= unit.log_state.set(page, row, subject, control, value)
    return changed


def _page_at(
    unit: PrimaryUnit, data: bytes, at: int, last: tuple[int, int], control: int
) -> tuple[LogPage, int]:
    """The page whose header is at ``at``, and where it ends; pages come in ascending order."""
    key = (data[at] & 0x3F, data[at + 1])
    page = next((page for page in unit.logs if page.key == key), None)
    if page is None or key <= last or (control == THRESHOLD and not page.thresholds):
        raise invalid_parameter(at)
    if bool(data[at] & 0x40) != bool(page.subpage):
        raise invalid_parameter(at, 6)
    end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
    if end > len(data):
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    return page, end


def _parameter_at(
    page: LogPage, data: bytes, at: int, end: int, last: int
) -> tuple[Parameter, int, int]:
    """The parameter at ``at``, its value and where it ends; they come in ascending order.

    The control byte must be sent as it is: no bit of it can be changed.
    """
    if at + 4 > end or at + 4 + data[at + 3] > end:
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    code = int.from_bytes(data[at : at + 2], "big")
    row = page.find(code)
    if row is None or code <= last or not (row.counts and row.settable):
        raise invalid_parameter(at)
    if data[at + 2] != row.control:
        raise invalid_parameter(at + 2)
    if data[at + 3] != row.size:
        raise invalid_parameter(at + 3)
    stop = at + 4 + row.size
    return row, int.from_bytes(data[at + 4 : stop], "big"), stop


COMMANDS = (
    command(
        0x4C,
        "LOG SELECT",
        """1.1 pcr, 2.7-6 page_control, 2.5-0 page_code, 3 subpage_code
        7-8 parameter_list_length""",
        log_select,
        Data.OUT,
    ),
    command(
        0x4D,
        "LOG SENSE",
        """2.7-6 page_control, 2.5-0 page_code, 3 subpage_code
        5-6 parameter_pointer, 7-8 allocation_length""",
        log_sense,
        Data.IN,
        Rule.PASSES_RESERVATION,
    ),
)

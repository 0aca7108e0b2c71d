"""MODE SENSE and MODE SELECT, both CDB sizes (SPC-4 6.9 to 6.12, 7.5).

A mode parameter list is a header of 4 or 8 bytes, no block descriptor or one of 8 bytes, and
pages. Header and block descriptor are the unit's own affair; pages are those of its `ModePages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.scsi import mode
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Rule, command
from target.scsi.mode import CHANGEABLE, CURRENT, SAVED, Sent
from target.scsi.sense import CheckCondition, Sense, invalid_parameter

if TYPE_CHECKING:
    from target.scsi.primary import PrimaryUnit

_SHORT = {0x1A, 0x15}
"""The opcodes with 6-byte CDBs, whose lists begin with the short header."""


def mode_sense(unit: PrimaryUnit, call: Call) -> Completion:
    """MODE SENSE. Page 00h: header and block descriptor alone.

    PAGE CONTROL rules over header and block descriptor as over pages. Without any page that can
    be saved, PC 11b is 5/39/00.
    """
    control, code, subpage = call["page_control"], call["page_code"], call["subpage_code"]
    if control == SAVED and not unit.modes.saves:
        where = call.command.layout["page_control"]
        raise CheckCondition(Sense(s.SAVING_NOT_SUPPORTED, pointer=(where.first, where.top_bit)))
    pages = list(unit.modes.select(code, subpage))
    if not pages and (code or subpage):
        known = code in (0, mode.ALL_PAGES) or any(page.code == code for page in unit.modes.pages)
        raise call.invalid("subpage_code" if known else "page_code")
    header = bytes(unit.mode_header())
    header = _controlled(header, unit.header_mask, unit.header_default, control)
    descriptor = b"" if call["dbd"] else unit.block_descriptor()
    descriptor = _controlled(descriptor, unit.descriptor_mask, unit.descriptor_default, control)
    body = descriptor + b"".join(
        unit.modes.sense(page, control, unit, call.nexus) for page in pages
    )
    if call.command.opcode in _SHORT:
        # A list that is too long for its length byte is cut off by the allocation length anyway.
        head = bytes((min(len(body) + 3, 255), *header, len(descriptor)))
    else:
        head = (len(body) + 6).to_bytes(2, "big") + header + bytes((0, 0, 0, len(descriptor)))
    return call.reply(head + body, call["allocation_length"])


def _controlled(current: bytes, mask: bytes, default: bytes, control: int) -> bytes:
    """Header or descriptor under a PAGE CONTROL; what is not in the mask has no other value."""
    if control == CURRENT or not current:
        return current
    if control == CHANGEABLE:
        return mask
    return bytes(
        now & ~bits | usual & bits for now, bits, usual in zip(current, mask, default, strict=True)
    )


def mode_select(unit: PrimaryUnit, call: Call) -> Completion:
    """MODE SELECT: everything in the list is taken, or nothing.

    PF is not looked at: Linux st sends a list again without it. Ends with 1/37/00, everything
    done, if a value was rounded. Other nexuses hear of it if anything that they see has changed.
    """
    length = call["parameter_list_length"]
    if call["sp"] and not unit.modes.saves:
        raise call.invalid("sp")
    if not length:
        return GOOD
    short = call.command.opcode in _SHORT
    start = 4 if short else 8
    data = bytes(call.parameters(length, at_least=start))
    header = data[1:3] if short else data[2:4]
    size_at = 3 if short else 6
    size = int.from_bytes(data[size_at:start], "big")
    if size not in (0, 8):
        raise invalid_parameter(size_at)
    if not short and data[4] & 1:
        raise invalid_parameter(4, 0)
    at = start + size
    if at > length:
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    descriptor, sent = data[start:at], list[Sent]()
    while at < length:
        _require_whole_page(data, at)
        sent.append(unit.modes.check(data, at, unit, call.nexus))
        at = sent[-1].end
    if call["sp"] and not all(one.page.saved for one in sent):
        raise call.invalid("sp")
    before = _seen(unit, call)
    unit.mode_select(call.nexus, header, descriptor, start)
    unit.modes.apply(unit, call.nexus, sent, save=bool(call["sp"]))
    unit.modes_changed()
    if call["sp"]:
        unit.remember(modes=unit.modes.saved)
    if _seen(unit, call) != before:
        unit.attention(s.MODE_PARAMETERS_CHANGED, but=call.nexus)
    if any(one.taken != one.asked for one in sent):
        raise CheckCondition(s.ROUNDED_PARAMETER)
    return GOOD


def _require_whole_page(data: bytes, at: int) -> None:
    """5/1A/00 unless the list goes on for as long as the page at ``at`` says that it is."""
    head = 4 if data[at] & 0x40 else 2
    length = int.from_bytes(data[at + head // 2 : at + head], "big")
    if at + head > len(data) or at + head + length > len(data):
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)


def _seen(unit: PrimaryUnit, call: Call) -> tuple[object, ...]:
    """What MODE SENSE of any nexus would return, but for the pages that each has for itself."""
    pages = [page for page in unit.modes.pages if not page.per_nexus]
    seen = [unit.modes.sense(page, CURRENT, unit, call.nexus) for page in pages]
    return unit.mode_header(), unit.block_descriptor(), seen


_SENSE = "1.3 dbd, 2.7-6 page_control, 2.5-0 page_code, 3 subpage_code"

COMMANDS = (
    command(
        0x15, "MODE SELECT(6)", "1.4 pf, 1.0 sp, 4 parameter_list_length", mode_select, Data.OUT
    ),
    command(
        0x1A,
        "MODE SENSE(6)",
        f"{_SENSE}, 4 allocation_length",
        mode_sense,
        Data.IN,
        Rule.PASSES_WRITE_EXCLUSIVE,
    ),
    command(
        0x55, "MODE SELECT(10)", "1.4 pf, 1.0 sp, 7-8 parameter_list_length", mode_select, Data.OUT
    ),
    command(
        0x5A,
        "MODE SENSE(10)",
        f"1.4 llbaa, {_SENSE}, 7-8 allocation_length",
        mode_sense,
        Data.IN,
        Rule.PASSES_WRITE_EXCLUSIVE,
    ),
)

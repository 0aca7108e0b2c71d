"""What a drive's answers say of a model's pages: mode pages, log pages, INQUIRY and VPD pages,
attributes. What is declared here is named; what is not, is kept as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.capture.draft import Draft, stable
from harness.capture.questions import TAPE_ALERT, Answers, logs, medium, page_key
from target.scsi import inquiry_data
from target.scsi.mode import ModePage
from target.tape import inquiry, log_pages, mode_pages
from target.tape.drive import Drive
from target.tape.mam_table import ATTRIBUTES

Row = dict[str, Any]

# --- mode pages ----------------------------------------------------------------------------------


def fit_modes(draft: Draft) -> None:
    """Each page with its default and changeable values."""
    declared: dict[str, list[ModePage]] = {}
    for page in mode_pages.pages(draft.compression != "off"):
        declared.setdefault(page.name_in_tables, []).append(page)
    known = draft.tables["modes"]
    keys = [name.split(" ")[1] for name in draft.answers if name[:5] + name[-8:] == "mode  default"]
    # What tells the state of a drive asks the drive, which has to have the page for that.
    draft.tables["modes"] = {
        key: known.get(key, {"form": declared[key][0].form}) for key in keys if key in declared
    }
    drive, found = draft.drive(), {}
    for key in keys:
        usual = draft.answers[f"mode {key} default"]
        mask = draft.answers.get(f"mode {key} changeable", b"").ljust(len(usual), b"\0")
        row = known.get(key)
        found[key] = _mode_row(draft, drive, declared.get(key, []), row, key, usual, mask)
    draft.tables["modes"] = found


def _mode_row(
    draft: Draft,
    drive: Drive,
    declared: list[ModePage],
    known: Row | None,
    key: str,
    usual: bytes,
    mask: bytes,
) -> Row:
    """The table of a page: of the form that can say all of it, else its bytes."""
    for page in declared:
        if known is not None and page.form != known.get("form", ""):
            # Tables are merged: one of another form cannot be had over that of the base.
            continue
        row = dict(known or ({"form": page.form} if page.form else {}))
        try:
            _refine(page, drive, row, usual, mask)
        except ValueError:
            continue
        if told(page.of(row), drive, usual) == (usual, mask):
            return row
    head = 4 if "-" in key else 2
    row = {"data": usual[head:].hex(" ").upper()}
    if any(mask[head:]):
        row["mask"] = mask[head:].hex(" ").upper()
    if usual[0] & 0x80:
        row["saved"] = True
    if declared:
        draft.notes.append(f"mode page {key} is not as any model here has it: its bytes do nothing")
    return row


def _values(page: ModePage, drive: Drive, usual: bytes) -> dict[str, int]:
    """A page's values where what tells the state of the drive is as it was."""
    names = page.live(drive) if page.live else ()
    return {**page.defaults, **{name: page.layout[name].get(usual) for name in names}}


def told(page: ModePage, drive: Drive, usual: bytes) -> tuple[bytes, bytes]:
    """Default and changeable values, as MODE SENSE returns them in the state of ``usual``."""
    values = _values(page, drive, usual)
    length = page.sent_length(values)
    return page.with_constant(page.encode(values, length)), page.encode(page.mask(), length)


def _refine(page: ModePage, drive: Drive, row: Row, usual: bytes, mask: bytes) -> None:
    """Let a table say what the base's does not. Raises ValueError where it cannot."""
    held, layout, head = page.of(row), page.layout, page.head
    values = _values(held, drive, usual)
    if held.sent_length(values) != len(usual) - head:
        row["page_length"] = len(usual) - head
    for field in layout:
        there = field.last < len(usual)
        if there and field.get(usual) != values[field.name]:
            row[field.name] = field.get(usual)
    stray = {
        str(at): usual[at] & ~(layout.mask[at] if at < layout.size else 0)
        for at in range(head, len(usual))
    }
    bits = {at: value for at, value in stray.items() if value or at in row.get("bytes", {})}
    if bits:
        row["bytes"] = bits
    seen = {field.name for field in layout if field.last < len(usual)}
    wanted = [field.name for field in layout if field.get(mask)]
    if {*wanted} != {*held.mask()} & seen:
        if {*held.ignored} & seen - {*wanted}:
            raise ValueError
        once = [name for name in held.once if name in wanted]
        if once != list(held.once):
            row["once"] = once
        apart = {*held.ignored, *once}
        unseen = [name for name in held.changeable if name not in seen]
        row["changeable"] = [name for name in wanted if name not in apart] + unseen
    changeable = row.get("changeable", held.changeable)
    if bool(usual[0] & 0x80) != bool(held.saved):
        row["saved"] = (list(changeable) or list(layout.fields)[:1]) if not held.saved else []


def still_alike(draft: Draft, key: str) -> bool:
    """Whether a page differs from the captured one in what tells the state of the drive alone."""
    drive, usual = draft.drive(), draft.answers.get(f"mode {key} default", b"")
    page = next((page for page in drive.modes.pages if page.name_in_tables == key), None)
    mask = draft.answers.get(f"mode {key} changeable", b"")
    return page is not None and told(page, drive, usual) == (usual, mask)


# --- log pages -----------------------------------------------------------------------------------

FORMS: tuple[bool | str, ...] = (True, "ibm", "hp", "stk")


def fit_logs(draft: Draft) -> None:
    """Each page in the form that has the same parameters, else with its parameters as bytes."""
    known: dict[str, set[bool | str]] = {}
    for page in log_pages.PAGES:
        known.setdefault(log_pages.key(page), set()).add(True)
    for maker, pages in log_pages.MAKERS.items():
        for page in pages:
            known.setdefault(log_pages.key(page), set()).add(maker)
    theirs = {name: data for name, data in stable(draft.answers).items() if name[:4] == "log "}
    base = draft.tables["logs"]
    tries = {form: _logs_as(draft, known, base, form) for form in (None, *FORMS)}
    table: dict[str, bool | str] = {log_pages.SUPPORTED: True}
    if _lists(draft.answers.get("log list", b""), TAPE_ALERT):
        table[page_key(TAPE_ALERT, 0)] = True
    # What is not listed was not asked for.
    table |= {
        log_pages.key(p): base[log_pages.key(p)]
        for p in log_pages.PAGES
        if not p.listed and log_pages.key(p) in base
    }
    for name, shape in theirs.items():
        key = name[4:]
        if key == "list":
            continue
        for form, answers in tries.items():
            if answers.get(name) == shape:
                table[key] = base[key] if form is None else form
                break
        else:
            table[key] = draft.answers[name][4:].hex(" ").upper()
            draft.notes.append(f"log page {key} is not as any model here has it: it does not count")
            if not table[key]:
                table.pop(key)
    draft.tables["logs"] = dict(sorted(table.items()))


def _lists(listed: bytes, code: int) -> bool:
    """Whether a list of log pages, with subpages or without, names a page."""
    return code in (listed[4::2] if listed[:1] == b"\x40" or listed[1:2] == b"\xff" else listed[4:])


def _logs_as(
    draft: Draft, known: Mapping[str, set[bool | str]], base: Row, form: bool | str | None
) -> Answers:
    """The shapes of the log pages of a drive that has all of one form; None: as the base."""
    pages = base if form is None else {key: form for key, forms in known.items() if form in forms}
    tables, draft.tables["logs"] = draft.tables["logs"], {log_pages.SUPPORTED: True, **pages}
    try:
        return stable(dict(logs(draft.asker())))
    finally:
        draft.tables["logs"] = tables


# --- INQUIRY and VPD -----------------------------------------------------------------------------


_VENDORS = 0xC0
"""The first of the makers' own VPD pages."""


def fit_inquiry(draft: Draft) -> None:
    """Bytes of the standard data that follow from nothing else."""
    table, theirs = draft.tables["inquiry"], draft.answers.get("inquiry", b"")
    for number in table.get("bytes", {}):
        table["bytes"][number] = 0
    mine = inquiry.standard(draft.model())
    apart = {4, *range(8, 36), *range(58, 74)}
    for at, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        if at not in apart and one != other:
            table.setdefault("bytes", {})[str(at)] = other


def fit_vpd(draft: Draft) -> None:
    """Each page as the base has it, as the standard has it, or as bytes."""
    table = draft.tables["vpd"]
    prefix = _naa_prefix(draft.answers.get("vpd 83", b""))
    if prefix is not None:
        table["naa_prefix"] = prefix
    known, drive = table["pages"], draft.drive()
    revision = draft.tables["inquiry"]["revision"]
    identity = inquiry.Identity(draft.model(), draft.serial, revision, drive.modes.pages)
    words = {"serial": draft.serial, "revision": revision}
    pages: Row = {}
    for name, data in draft.answers.items():
        if name.startswith("vpd "):
            code, body = name[4:], data[4:]
            for value in (known.get(code), True):
                if value is not None and _made(value, int(code, 16), identity, words) == body:
                    pages[code] = value
                    break
            else:
                # In pages of the standards so short a word as the revision is there by chance.
                own = words if int(code, 16) >= _VENDORS else {"serial": draft.serial}
                pages[code] = True if code == "00" else _written(body, own)
    table["pages"] = pages


def _made(
    value: Any, code: int, identity: inquiry.Identity, words: Mapping[str, str]
) -> bytes | None:
    """What a page would be with that value in the table."""
    if value is not True:
        return inquiry_data.own(value, words)
    return inquiry.PAGES[code](identity) if code in inquiry.PAGES else None


def _written(body: bytes, words: Mapping[str, str]) -> Any:
    """A page as text where it is all text, else as hex digits; the drive's own words by name."""
    names = {word.encode(): f"{{{name}}}" for name, word in words.items() if len(word) >= 4}
    pattern = b"|".join(map(re.escape, names)) or b"(?!)"
    parts = [part for part in re.split(b"(" + pattern + b")", body) if part]
    if body and body.isascii() and body.decode().isprintable() and not {*b"{}"} & {*body}:
        return [["".join(names.get(part, part.decode()) for part in parts), len(body)]]
    return " ".join(names.get(part, part.hex(" ").upper()) for part in parts)


def _naa_prefix(page: bytes) -> int | None:
    """NAA 5 and the company of the first such designator of page 83h (SPC-4 7.8.6)."""
    for kind, data in _designators(page):
        if kind & 0x0F == 3 and len(data) == 8 and data[0] >> 4 == 5:
            return int.from_bytes(data[:4], "big") >> 4
    return None


def _designators(page: bytes) -> Iterator[tuple[int, bytes]]:
    at = 4
    while at + 4 <= len(page):
        yield page[at + 1], page[at + 4 : at + 4 + page[at + 3]]
        at += 4 + page[at + 3]


# --- attributes ----------------------------------------------------------------------------------


def fit_attributes(draft: Draft) -> None:
    """Those that the drive supports, or else those that are there, where a volume was."""
    name = next((name for name in ("attributes 05", "attributes 01") if name in draft.answers), "")
    if not name:
        if "8C-00" in draft.tables["commands"]:
            draft.notes.append("attributes: there was no volume")
        return
    theirs, ours = (
        {*_numbers(data.get(name, b""))} for data in (draft.answers, dict(medium(draft.asker())))
    )
    # What hosts wrote is there or not, whatever the drive supports.
    known = {row.id for row in ATTRIBUTES if row.read_only or name == "attributes 05"}
    table = draft.tables.setdefault("attributes", {})
    for number in sorted(theirs ^ ours):
        if number in known:
            table[f"{number:04X}"] = number in theirs
    strange = [f"{number:04X}h" for number in sorted(theirs - {row.id for row in ATTRIBUTES})]
    if strange:
        draft.notes.append(f"it has the attributes {', '.join(strange)}, which no model here has")


def _numbers(data: bytes) -> Iterator[int]:
    for at in range(4, len(data) - 1, 2):
        yield int.from_bytes(data[at : at + 2], "big")

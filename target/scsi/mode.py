"""Mode pages: declared by field, held as current, default and saved values (SPC-4 7.5).

A `ModePage` says what a page looks like, what it starts with and what MODE SELECT may do to its
fields; `ModePages` is one unit's set. The commands around them are in `mode_commands`.

Which pages a model has is data: a table for each, under its key "10", or "10-01" with a subpage.
A page without a table, or with `false` in its place, is absent. A table may hold

    <field> = 5                 the field's default value
    page_length = 0x0E          PAGE LENGTH, where the model's page is shorter than the layout
    changeable = ["dce"]        the fields that MODE SELECT may set, instead of the page's own
    saved = ["oir"]             those of them that MODE SELECT with SP=1 saves
    once = []                   the fields that act when they are sent and are not kept
    form = "fcp"                which page of several of one code: the one of that form
    [.allowed] <field> = [0, 1] the values that a changeable field takes, others are refused
    [.steps] <field> = [5, 255] the values that it can hold, others are rounded down to one
    [.bytes] "3" = 0x80         bits that no field has, by the number of their byte: always so
    data = "00 80", mask = "00 FF", saved = true
                                instead of all of it: a page that is not declared, its default and
                                changeable values behind the header, and whether it can be saved
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from target.scsi.command import Nexus
from target.scsi.layout import Layout
from target.scsi.sense import invalid_parameter

ALL_PAGES = 0x3F
ALL_SUBPAGES = 0xFF

CURRENT, CHANGEABLE, DEFAULT, SAVED = range(4)
"""PAGE CONTROL of MODE SENSE."""

Key = tuple[int, int]
"""Page code and subpage code."""
Values = dict[str, int]
Asked = Mapping[Key, Values]
"""What one MODE SELECT sent, by page."""


@dataclass(frozen=True)
class ModePage:
    """One page. ``layout`` counts bytes from the page's own byte 0; its size includes the header.

    What MODE SELECT may send (IBM LTO SCSI Reference, table 13, has names for the same):
    ``changeable`` fields are set to any value, or any of ``allowed``; ``ignored`` ones may be sent
    with any value and keep their own; ``accepted`` values may be sent for a field that has another
    one and mean nothing; ``once`` fields act when they are sent and are not kept. Any other field
    must be sent as it is.
    """

    code: int
    name: str
    layout: Layout
    subpage: int = 0
    defaults: Mapping[str, int] = field(default_factory=dict)
    changeable: Collection[str] = ()
    saved: Collection[str] = ()
    allowed: Mapping[str, Container[int]] = field(default_factory=dict)
    steps: Mapping[str, Sequence[int]] = field(default_factory=dict)
    ignored: Collection[str] = ()
    accepted: Mapping[str, Container[int]] = field(default_factory=dict)
    once: Collection[str] = ()
    fixed: Collection[str] = ()
    """Not changeable, whatever a model's table says."""
    per_nexus: bool = False
    """Each I_T nexus has its own copy (the mode page policy, SPC-4 5.8); else one is shared."""
    listed: bool = True
    """Whether page 3Fh returns it."""
    form: str = ""
    constant: bytes = b""
    """Bits that no field has, from byte 0 of the page: they are always so."""
    page_length: int | None = None
    length: Callable[[Values], int] | None = None
    """PAGE LENGTH of a page that grows with its values, unless ``page_length`` settles it."""
    lengths: Container[int] = ()
    """Other PAGE LENGTHs that MODE SELECT may send; fields that are not sent count as zero."""
    live: Callable[[Any], Values] | None = None
    """Fields that tell the state of the unit: what they are at this moment, given the unit."""
    check: Callable[[Any, Values, Values], str | None] | None = None
    """(unit, present values, values sent): the name of a field that is wrong, or None."""
    rounds: Callable[[Any, Values], Values] | None = None
    """(unit, values sent): the fields that the unit takes other values for."""
    applied: Callable[[Any, Nexus, Asked], None] | None = None
    """Called once MODE SELECT has set everything: what the page has an effect on."""

    @property
    def key(self) -> Key:
        """Page code and subpage code."""
        return self.code, self.subpage

    @property
    def name_in_tables(self) -> str:
        """The page's name in a personality, and in what is saved."""
        return f"{self.code:02X}" + (f"-{self.subpage:02X}" if self.subpage else "")

    @property
    def head(self) -> int:
        """Bytes before the parameters: 4 in sub-page format, else 2."""
        return 4 if self.subpage else 2

    def of(self, table: Mapping[str, Any]) -> ModePage:
        """The page as a model has it, with a default for every field.

        Raises ValueError for what a table cannot say.
        """
        values = {**dict.fromkeys(self.layout.fields, 0), **self.defaults}
        changes: dict[str, Any] = {}
        for name, value in table.items():
            if name in ("changeable", "saved", "once", "page_length", "form"):
                changes[name] = value
            elif name in ("allowed", "steps"):
                changes[name] = {**getattr(self, name), **value}
            elif name == "bytes":
                changes["constant"] = self._constant(value)
            else:
                values[name] = value
        changeable = changes.get("changeable", self.changeable)
        changes["changeable"] = [name for name in changeable if name not in self.fixed]
        page = replace(self, defaults=values, **changes)
        named = {*page.changeable, *page.saved, *page.once, *page.allowed, *page.steps, *values}
        unknown = named - set(self.layout.fields)
        if unknown:
            raise ValueError(f"mode page {self.name_in_tables} has no {', '.join(sorted(unknown))}")
        return page

    def _constant(self, numbered: Mapping[str, int]) -> bytes:
        """Bits by the number of their byte, none of which a field or the header has."""
        constant = bytearray(max(map(int, numbered), default=-1) + 1)
        for text, bits in numbered.items():
            constant[int(text)] = bits
        taken = bytes((0xFF,)) * self.head + self.layout.mask[self.head :]
        for number, (bits, others) in enumerate(zip(constant, taken, strict=False)):
            if bits & others:
                raise ValueError(f"mode page {self.name_in_tables} has fields in byte {number}")
        return bytes(constant)

    def sent_length(self, values: Values) -> int:
        """PAGE LENGTH with these values."""
        if self.page_length is not None:
            return self.page_length
        return self.length(values) if self.length else self.layout.size - self.head

    def header(self, length: int) -> bytes:
        """PAGE CODE and PAGE LENGTH; PS if some field can be saved."""
        first = bool(self.saved) << 7 | self.code
        if self.subpage:
            return bytes((first | 0x40, self.subpage)) + length.to_bytes(2, "big")
        return bytes((first, length))

    def encode(self, values: Values, length: int) -> bytes:
        """The page with these field values and this PAGE LENGTH."""
        body = bytes(self.layout.encode(values))[self.head :]
        return self.header(length) + body[:length].ljust(length, b"\0")

    def with_constant(self, data: bytes) -> bytes:
        """A page with the other state of those bits that no field has."""
        constant = self.constant.ljust(len(data), b"\0")
        return bytes(one ^ other for one, other in zip(data, constant, strict=False))

    def mask(self) -> Values:
        """The changeable values: ones where MODE SELECT may send another value."""
        names = {*self.changeable, *self.ignored, *self.once}
        return {name: self.layout[name].maximum for name in names}

    def rounded(self, unit: Any, values: Values) -> Values:
        """The values that the unit takes when it is sent ``values``."""
        taken = dict(values)
        for name, steps in self.steps.items():
            if name in self.changeable and name in values:
                taken[name] = max((s for s in steps if s <= values[name]), default=min(steps))
        if self.rounds:
            taken.update(self.rounds(unit, taken))
        return taken


@dataclass(frozen=True)
class Sent:
    """One page of a MODE SELECT list: as it was sent, and what the unit takes instead."""

    page: ModePage
    asked: Values
    taken: Values
    end: int
    """Offset behind it in the list."""


class ModePages:
    """The pages of one unit with their values.

    ``current`` holds the shared values by (page, subpage), and what a new nexus starts with of
    those pages that each nexus has for itself: ask `of` for what is in force. ``saved`` is kept in
    the form that goes into a unit's memory: page by name, field, value.
    """

    def __init__(
        self,
        pages: Sequence[ModePage],
        tables: Mapping[str, Any],
        saved: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """``pages``: all there are; ``tables``: what the model has of them, see the module.

        Raises ValueError for a table that no page goes with.
        """
        self.pages = tuple(sorted(_chosen(pages, tables), key=lambda page: page.key))
        self.saved: dict[str, Values] = {}
        self.current: dict[Key, Values] = {}
        self.selected: set[Key] = set()
        """Pages that MODE SELECT has set and that `forget` has not settled since."""
        self._own: dict[Nexus, dict[Key, Values]] = {}
        self.power_on(saved)

    def __getitem__(self, key: int | Key) -> Values:
        """Current shared values of a page, by code or (code, subpage)."""
        return self.current[(key, 0) if isinstance(key, int) else key]

    def __contains__(self, key: int | Key) -> bool:
        return ((key, 0) if isinstance(key, int) else key) in self.current

    def of(self, nexus: Nexus, code: int, subpage: int = 0) -> Values:
        """What is in force for a nexus."""
        key = (code, subpage)
        return self._own.get(nexus, {}).get(key) or self.current[key]

    def value(self, name: str, code: int, subpage: int = 0) -> int:
        """One shared field of a page; 0 where the unit has no such page."""
        return self.current.get((code, subpage), {}).get(name, 0)

    def find(self, code: int, subpage: int = 0) -> ModePage | None:
        """The page of that code, or None."""
        return next((page for page in self.pages if page.key == (code, subpage)), None)

    @property
    def saves(self) -> bool:
        """Whether anything can be saved."""
        return any(page.saved for page in self.pages)

    # --- MODE SENSE --------------------------------------------------------------------------

    def select(self, code: int, subpage: int) -> Iterator[ModePage]:
        """The pages that MODE SENSE's page and subpage codes ask for, ascending."""
        if code == ALL_PAGES and subpage not in (0, ALL_SUBPAGES):
            return
        for page in self.pages:
            wanted = page.listed if code == ALL_PAGES else page.code == code
            if wanted and subpage in (page.subpage, ALL_SUBPAGES):
                yield page

    def sense(self, page: ModePage, control: int, unit: Any, nexus: Nexus) -> bytes:
        """One page as MODE SENSE returns it to a nexus.

        Fields that cannot be saved have their default values among the saved ones. What tells the
        state of the unit does so whatever values are asked for.
        """
        values = self._values(page, control, unit, nexus)
        length = page.sent_length(values)
        if control == CHANGEABLE:
            return page.encode(page.mask(), length)
        data = page.encode(values, length)
        return page.with_constant(data) if page.constant else data

    def _values(self, page: ModePage, control: int, unit: Any, nexus: Nexus) -> Values:
        values = self.of(nexus, *page.key) if control == CURRENT else page.defaults
        kept = self.saved.get(page.name_in_tables, {}) if control == SAVED else {}
        return {**values, **kept, **(page.live(unit) if page.live else {})}

    # --- MODE SELECT -------------------------------------------------------------------------

    def check(self, data: bytes, at: int, unit: Any, nexus: Nexus) -> Sent:
        """Read one page of a MODE SELECT list at offset ``at``, without applying it.

        PS is ignored, as drives do (IBM LTO SCSI Reference 4.7.2.2): LTFS sends pages back with
        the bit as it got them. Raises CheckCondition 5/26/00 pointing at the byte or bit: unknown
        page, wrong length, be it for what the page asks, a reserved bit, a value out of range, a
        field that cannot be changed.
        """
        sub = bool(data[at] & 0x40)
        page = self.find(data[at] & 0x3F, data[at + 1] if sub else 0)
        if page is None or sub != bool(page.subpage):
            raise invalid_parameter(at)
        present = self._values(page, CURRENT, unit, nexus)
        length_at = at + page.head - (2 if sub else 1)
        length = int.from_bytes(data[length_at : at + page.head], "big")
        if length != page.sent_length(present) and length not in page.lengths:
            raise invalid_parameter(length_at)
        end = at + page.head + length
        body = (bytes(page.head) + data[at + page.head : end]).ljust(page.layout.size, b"\0")
        if page.constant:
            body = page.with_constant(body)
        stray = page.layout.stray_bit(body)
        if stray:
            raise invalid_parameter(at + stray[0], stray[1])
        longest = page.head + max(length, page.sent_length(present))
        asked = {
            name: value
            for name, value in page.layout.decode(body).items()
            if page.layout[name].last < longest
        }
        wrong = self._refused(page, present, asked)
        if wrong is None and page.check:
            wrong = page.check(unit, present, asked)
        if wrong is not None:
            where = page.layout[wrong]
            if where.first >= page.head + length:
                # What should be there was not sent: the page is too short for what it asks.
                raise invalid_parameter(length_at)
            raise invalid_parameter(at + where.first, where.top_bit)
        return Sent(page, asked, page.rounded(unit, asked), end)

    @staticmethod
    def _refused(page: ModePage, present: Values, asked: Values) -> str | None:
        """The first field that may not be sent with this value."""
        for name, value in asked.items():
            if name in page.changeable or name in page.once:
                if name in page.allowed and value not in page.allowed[name]:
                    return name
            elif (
                value != present[name]
                and name not in page.ignored
                and value not in page.accepted.get(name, ())
            ):
                return name
        return None

    def apply(self, unit: Any, nexus: Nexus, sent: Sequence[Sent], save: bool = False) -> None:
        """Set what `check` has let pass.

        With ``save`` the fields that can be saved are, of the pages that were sent: drives do so
        (IBM LTO SCSI Reference 4.7.2.1), where SPC-4 6.9 would have every page saved.
        """
        for one in sent:
            page, held = one.page, self.of(nexus, *one.page.key)
            settable = {name: one.taken[name] for name in page.changeable if name in one.taken}
            if page.per_nexus:
                self._own.setdefault(nexus, {})[page.key] = {**held, **settable}
            else:
                self.current[page.key] = {**held, **settable}
            self.selected.add(page.key)
            if save:
                self.saved[page.name_in_tables] = {
                    name: value for name, value in settable.items() if name in page.saved
                }
        asked = {one.page.key: one.asked for one in sent}
        for one in sent:
            if one.page.applied:
                one.page.applied(unit, nexus, asked)

    # --- state -------------------------------------------------------------------------------

    def forget(self, code: int, subpage: int = 0) -> None:
        """What MODE SELECT set in a page is void: back to saved or default values."""
        self.selected.discard((code, subpage))
        for page in self.pages:
            if page.key == (code, subpage):
                kept = self.saved.get(page.name_in_tables, {})
                self.current[page.key] = {**page.defaults, **kept}
        for values in self._own.values():
            values.pop((code, subpage), None)

    def revert(self, name: str, code: int, subpage: int = 0) -> None:
        """One shared field of a page, if the unit has it, is back to its saved or default value."""
        page = self.find(code, subpage)
        if page is not None:
            kept = self.saved.get(page.name_in_tables, {})
            self.current[page.key][name] = {**page.defaults, **kept}.get(name, 0)

    def reset(self) -> None:
        """Back to saved or default values, as after a reset (SPC-4 5.8)."""
        self._own.clear()
        self.selected.clear()
        for page in self.pages:
            kept = self.saved.get(page.name_in_tables, {})
            self.current[page.key] = {**page.defaults, **kept}

    def power_on(self, saved: Mapping[str, Mapping[str, int]] | None) -> None:
        """Back to what was ``saved``; a field that cannot hold its value has its default."""
        self.saved = {}
        for page in self.pages:
            kept = (saved or {}).get(page.name_in_tables)
            if kept:
                self.saved[page.name_in_tables] = {
                    name: kept[name]
                    for name in page.saved
                    if 0 <= kept.get(name, -1) <= page.layout[name].maximum
                }
        self.reset()

    def lost(self, nexus: Nexus) -> None:
        """A nexus is gone, and its own copies with it."""
        self._own.pop(nexus, None)


def _chosen(pages: Sequence[ModePage], tables: Mapping[str, Any]) -> Iterator[ModePage]:
    known = {(page.name_in_tables, page.form): page for page in pages}
    for name, table in tables.items():
        if table is False:
            continue
        if "data" in table:
            yield undeclared(name, table)
            continue
        form = table.get("form", "")
        if (name, form) not in known:
            raise ValueError(f"there is no mode page {name} {form}".rstrip())
        yield known[name, form].of(table)


def undeclared(name: str, table: Mapping[str, Any]) -> ModePage:
    """A page of which nothing is known but its bytes: fields are what can be changed, and what
    cannot, of each byte. Raises ValueError for a table that is not as the module says."""
    code, _, sub = name.partition("-")
    head = 4 if sub else 2
    try:
        data, mask = (bytes(head) + bytes.fromhex(table.get(key, "")) for key in ("data", "mask"))
    except (TypeError, ValueError):
        raise ValueError(f"mode page {name}: data and mask are hex digits") from None
    mask = mask.ljust(len(data), b"\0")[: len(data)]
    lines, changeable = [], []
    for number in range(head, len(data)):
        top = 7
        for bit in range(7, -1, -1):
            last = not bit or (mask[number] >> bit & 1) != (mask[number] >> bit - 1 & 1)
            if last:
                field = f"byte_{number}_{top}"
                lines.append(
                    f"{number}.{top}-{bit} {field}" if top > bit else f"{number}.{bit} {field}"
                )
                changeable += [field] if mask[number] >> bit & 1 else []
                top = bit - 1
    layout = Layout("\n".join(lines), len(data))
    return ModePage(
        int(code, 16),
        "undeclared",
        layout,
        subpage=int(sub or "0", 16),
        defaults=layout.decode(data),
        changeable=changeable,
        saved=(changeable or list(layout.fields)) if table.get("saved") else (),
    )

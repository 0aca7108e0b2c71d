"""Mode pages: declared by field, held with current and default values (SPC-4 7.5).

A `ModePage` says what a page looks like, what it starts with and which fields MODE SELECT may
change; `ModePages` is one drive's set. The commands around them are in `spc`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from target.scsi.layout import Layout
from target.scsi.sense import invalid_parameter

ALL_PAGES = 0x3F
ALL_SUBPAGES = 0xFF


@dataclass(frozen=True)
class ModePage:
    """One page. ``layout`` counts bytes from the page's own byte 0; ``size`` includes the header.

    ``changeable`` maps each field that MODE SELECT may set to the highest value it takes (None:
    whatever fits). ``defaults`` are field values.
    """

    code: int
    name: str
    layout: Layout
    subpage: int = 0
    defaults: Mapping[str, int] = field(default_factory=dict)
    changeable: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def header(self) -> bytes:
        """PAGE CODE and PAGE LENGTH, sub-page format where there is a subpage."""
        if self.subpage:
            return bytes((0x40 | self.code, self.subpage)) + (self.layout.size - 4).to_bytes(
                2, "big"
            )
        return bytes((self.code, self.layout.size - 2))

    def encode(self, values: Mapping[str, int]) -> bytes:
        """The page with these field values."""
        data = self.layout.encode(dict(values))
        data[: len(self.header)] = self.header
        return bytes(data)

    def mask(self) -> bytes:
        """The changeable-values form: ones where MODE SELECT may write."""
        return self.encode({name: self.layout[name].maximum for name in self.changeable})


class ModePages:
    """The pages of one device with their values; no page can be saved."""

    def __init__(
        self, pages: tuple[ModePage, ...], overrides: Mapping[str, Mapping[str, int]]
    ) -> None:
        """``overrides``: field values of this model by page, key "10" or "10-01" (hex)."""
        self.pages = pages
        self.defaults: dict[tuple[int, int], dict[str, int]] = {}
        for page in pages:
            key = f"{page.code:02X}" + (f"-{page.subpage:02X}" if page.subpage else "")
            self.defaults[page.code, page.subpage] = {**page.defaults, **overrides.get(key, {})}
        self.current = {key: dict(values) for key, values in self.defaults.items()}

    def __getitem__(self, code: int) -> dict[str, int]:
        """Current field values of a page without subpage."""
        return self.current[code, 0]

    def select(self, code: int, subpage: int) -> Iterator[ModePage]:
        """The pages that MODE SENSE's page and subpage codes ask for, ascending."""
        for page in self.pages:
            if code in (page.code, ALL_PAGES) and subpage in (page.subpage, ALL_SUBPAGES):
                yield page

    def sense(self, page: ModePage, control: int) -> bytes:
        """One page as MODE SENSE returns it: page control 0 current, 1 changeable, 2 default."""
        if control == 1:
            return page.mask()
        values = self.current if control == 0 else self.defaults
        return page.encode(values[page.code, page.subpage])

    def check(self, data: bytes, at: int) -> tuple[ModePage, dict[str, int], int]:
        """Read one page of a MODE SELECT list at offset ``at``, without applying it.

        Returns the page, its new field values and the offset behind it. Raises CheckCondition
        5/26/00 pointing at the byte or bit: unknown page, wrong length, a value out of range or
        a field that cannot be changed.
        """
        code, has_subpage = data[at] & 0x3F, bool(data[at] & 0x40)
        subpage = data[at + 1] if has_subpage and at + 1 < len(data) else 0
        page = next((p for p in self.pages if (p.code, p.subpage) == (code, subpage)), None)
        if page is None or data[at] & 0x80 or has_subpage != bool(page.subpage):
            raise invalid_parameter(at)
        body = data[at : at + page.layout.size]
        header = page.header
        if body[: len(header)] != header:
            raise invalid_parameter(at + 1)
        if len(body) < page.layout.size:
            raise invalid_parameter(at)
        stray = Layout.stray_bit(page.layout, bytes(len(header)) + body[len(header) :])
        if stray:
            raise invalid_parameter(at + stray[0], stray[1])
        old, new = self.current[code, subpage], page.layout.decode(body)
        for name, value in new.items():
            where = page.layout[name]
            wrong = value != old.get(name, 0) and name not in page.changeable
            limit = page.changeable.get(name)
            if wrong or (limit is not None and value > limit):
                raise invalid_parameter(at + where.first, where.top_bit)
        return page, new, at + page.layout.size

    def reset(self) -> None:
        """Back to the defaults, as after a power-on."""
        self.current = {key: dict(values) for key, values in self.defaults.items()}

"""HTML from Python: elements whose text is escaped, so that nothing a device says becomes markup.

el("p", "read ", el("b", "5 < 6"), class_="note")  ->  <p class="note">read <b>5 &lt; 6</b></p>
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = frozenset(
    {"br", "hr", "input", "meta", "link", "line", "rect", "path", "circle", "polyline"}
)


class Html(str):
    """Markup; any other text is escaped when it is put into an element."""

    __slots__ = ()


Content = object
"""What an element takes: Html, text, numbers, None for nothing, or an iterable of those."""


def markup(content: Content) -> Html:
    """Content as markup."""
    if isinstance(content, Html):
        return content
    if content is None or content is False:
        return Html()
    if isinstance(content, str):
        return Html(escape(content, quote=False))
    if isinstance(content, Iterable):
        return Html("".join(markup(part) for part in content))
    return Html(escape(str(content), quote=False))


def el(tag: str, *content: Content, **attributes: object) -> Html:
    """An element. ``class_`` is class; other underscores are hyphens; None and False attributes
    are left out, True ones have no value."""
    opening = tag
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        opening += f" {name}" if value is True else f' {name}="{escape(str(value))}"'
    inside = markup(content)
    if tag in VOID and not inside:
        return (
            Html(f"<{opening}>")
            if tag in {"br", "hr", "input", "meta", "link"}
            else Html(f"<{opening}/>")
        )
    return Html(f"<{opening}>{inside}</{tag}>")


def definitions(rows: Iterable[tuple[str, Content]], class_: str = "facts") -> Html:
    """A list of names and what they are; empty values are left out."""
    return el(
        "dl",
        [
            el("div", el("dt", name), el("dd", value))
            for name, value in rows
            if value not in ("", None)
        ],
        class_=class_,
    )


def table(head: Iterable[Content], rows: Iterable[Iterable[Content]], class_: str = "") -> Html:
    """A table; cells that are Html and begin with <td or <th stand as they are."""
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", [_cell("th", cell) for cell in head])),
            el("tbody", [el("tr", [_cell("td", cell) for cell in row]) for row in rows]),
            class_=class_ or None,
        ),
        class_="wide",
    )


def _cell(tag: str, content: Content) -> Html:
    if isinstance(content, Html) and content.startswith(("<td", "<th")):
        return content
    if isinstance(content, int | float):
        return el(tag, content, class_="number")
    return el(tag, content, scope="col" if tag == "th" else None)

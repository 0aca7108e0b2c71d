"""Plots as SVG: lanes over time, lines with axes. Small, labelled, with a <title> where one points.

Numbers are in the user's units; a `Frame` turns them into places in the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, log10
from typing import NamedTuple

from harness.pages.html import Content, Html, el

WIDTH = 960
LEFT, RIGHT, TOP, BOTTOM = 64, 26, 12, 30
LANE = 26
ROW = 18
"""Height of what is drawn in a lane."""
SERIES = 4
"""Colours of series there are."""


class Mark(NamedTuple):
    """Something in a lane: from, to (seconds), whether it is bad, how full (0 to 1), its title."""

    start: float
    end: float
    bad: bool
    full: float
    title: str


class Series(NamedTuple):
    """A line: its name and points, in order of x; None is a gap."""

    name: str
    points: Sequence[tuple[float, float] | None]


class Frame(NamedTuple):
    """Where the axes are, and how far they go."""

    height: int
    x_end: float
    y_end: float = 1.0

    def x(self, value: float) -> float:
        """Pixels from the left."""
        return LEFT + (WIDTH - LEFT - RIGHT) * value / (self.x_end or 1.0)

    def y(self, value: float) -> float:
        """Pixels from above."""
        return self.height - BOTTOM - (self.height - TOP - BOTTOM) * value / (self.y_end or 1.0)


def ticks(end: float, about: int = 6) -> list[float]:
    """Round numbers from 0 to ``end``: steps of 1, 2 or 5 times a power of ten."""
    if end <= 0:
        return [0.0]
    rough = end / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [step * number for number in range(int(end / step * 1.0001) + 1)]


def short(value: float) -> str:
    """A number in few characters: 1500000 as 1.5M."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scale = 1e3 if letter == "k" else limit
            return f"{value / scale:.3g}{letter}"
    return f"{value:.4g}"


def seconds(value: float) -> str:
    """A time in its unit: 12 ms, 3.5 s, 4 min 20 s, 2 h 5 min."""
    if value == 0:
        return "0 s"
    if value < 0.001:
        return f"{value * 1e6:.3g} µs"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    if value < 120:
        return f"{value:.3g} s"
    if value < 7200:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{int(value // 3600)} h {int(value % 3600 // 60)} min"


def lanes(rows: Sequence[tuple[str, Iterable[Mark]]], end: float, label: str) -> Html:
    """A row a lane, each with its name and what happened when."""
    height = TOP + LANE * 2 * len(rows) + BOTTOM
    frame = Frame(height, end)
    parts: list[Html] = [_time_axis(frame)]
    for number, (name, marks) in enumerate(rows):
        top = TOP + LANE * 2 * number + LANE - 4
        parts.append(_text(LEFT, top - 4, name, class_="label"))
        parts.append(_line(LEFT, top + ROW, WIDTH - RIGHT, top + ROW, "grid"))
        parts += [_mark(frame, top, mark) for mark in marks]
    return _svg(height, label, parts)


def _mark(frame: Frame, top: float, mark: Mark) -> Html:
    x = frame.x(mark.start)
    width = max(1.5, frame.x(mark.end) - x)
    tall = ROW * max(0.18, min(1.0, mark.full))
    return el(
        "rect",
        el("title", mark.title),
        x=_number(x),
        y=_number(top + ROW - tall),
        width=_number(width),
        height=_number(tall),
        class_="bad" if mark.bad else "calm",
    )


def lines(
    series: Sequence[Series],
    end: float,
    label: str,
    unit: str,
    *,
    height: int = 220,
    notes: Iterable[tuple[float, str]] = (),
) -> Html:
    """Lines over time from zero up; ``notes`` are vertical lines with words."""
    top = max((point[1] for one in series for point in one.points if point), default=1.0)
    frame = Frame(height, end, top * 1.05 or 1.0)
    parts: list[Html] = [_time_axis(frame)]
    for tick in ticks(frame.y_end, 4):
        y = frame.y(tick)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, "grid"))
        parts.append(_text(LEFT - 8, y + 4, short(tick), anchor="end"))
    parts.append(_text(LEFT + 6, TOP + 4, unit))
    last = -100.0
    for t, words in notes:
        x = frame.x(t)
        parts.append(el("g", el("title", words), _line(x, TOP, x, height - BOTTOM, "axis"),
                        stroke_dasharray="3 3"))  # fmt: skip
        if x - last > 90 and x < WIDTH - 100:
            parts.append(_text(x + 4, TOP + 18, words))
            last = x
    for number, one in enumerate(series):
        parts += _polylines(frame, one, number % SERIES)
    legend = _legend(series) if len(series) > 1 else None
    return Html(_svg(height, label, parts) + (legend or ""))


def _polylines(frame: Frame, series: Series, colour: int) -> list[Html]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in series.points:
        if point is None:
            pieces.append([])
        else:
            pieces[-1].append(point)
    return [
        el(
            "polyline",
            el("title", series.name),
            points=" ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in piece),
            class_=f"s{colour}",
            stroke_width="1.6",
            stroke_linejoin="round",
        )
        for piece in pieces
        if piece
    ]


def _legend(series: Sequence[Series]) -> Html:
    marks = [
        el(
            "span",
            el("svg", el("rect", width=12, height=12, rx=2, class_=f"f{number % SERIES}"),
               width=12, height=12, viewBox="0 0 12 12", aria_hidden="true"),
            one.name,
        )
        for number, one in enumerate(series)
    ]  # fmt: skip
    return el("div", marks, class_="legend")


def _time_axis(frame: Frame) -> Html:
    bottom = frame.height - BOTTOM
    parts = [_line(LEFT, bottom, WIDTH - RIGHT, bottom, "axis")]
    scale, unit = (
        (1e3, "ms") if frame.x_end < 1 else (1 / 60, "min") if frame.x_end > 600 else (1, "s")
    )
    for tick in ticks(frame.x_end * scale, 8):
        x = frame.x(tick / scale)
        parts.append(_line(x, TOP, x, bottom, "grid"))
        parts.append(_text(x, bottom + 18, f"{tick:.4g} {unit}", anchor="middle"))
    return el("g", parts)


def _text(x: float, y: float, words: Content, anchor: str = "", class_: str = "") -> Html:
    return el("text", words, x=_number(x), y=_number(y), text_anchor=anchor or None,
              class_=class_ or None)  # fmt: skip


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Html:
    return el("line", x1=_number(x1), y1=_number(y1), x2=_number(x2), y2=_number(y2), class_=class_)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _svg(height: int, label: str, parts: Sequence[Html]) -> Html:
    return el("div", el("svg", parts, viewBox=f"0 0 {WIDTH} {height}", role="img",
                        aria_label=label), class_="plot")  # fmt: skip

"""The page of a run: what there was, when what happened, how fast, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from harness.counting import many
from harness.pages import plots
from harness.pages.document import document
from harness.pages.html import Content, Html, definitions, el, table
from harness.pages.plots import Mark, Series
from harness.report.bins import Bins, Span
from harness.report.digest import KEPT, Digest, Figures, Lane
from harness.trace import names
from harness.trace.reader import Command, Event
from harness.trace.words import changers, event, place, result

LANES = 16
"""Lanes that are drawn; those with the most commands."""
TITLES = {
    "key": "Keys",
    "fault": "Faults",
    "message": "Messages",
    "alert": "TapeAlerts",
    "medium": "Volumes",
    "power": "Power",
    "reset": "Resets",
    "nexus": "Nexuses",
}
"""Kinds of events, as the page tells of them, in this order."""


def render(run: Digest) -> str:
    """The text of an HTML file."""
    return document(
        f"Run of {run.header.rig}",
        el("p", "A run of the rig", class_="kicker"),
        el("h1", run.header.rig),
        summary(run),
        el("h2", "Units"),
        units(run),
        el("h2", "Timeline"),
        timeline(run),
        positions(run),
        throughput(run),
        errors(run),
        events(run),
        el("h2", "Commands"),
        commands(run),
        el("h2", "Slowest commands"),
        slowest(run),
        el("footer", "Made by keyreel report. Keys are not in traces, and so not here."),
    )


def summary(run: Digest) -> Html:
    """When, how long, how much."""
    when = datetime.fromtimestamp(run.header.start, UTC)
    return definitions(
        [
            ("Began", f"{when:%Y-%m-%d %H:%M} UTC"),
            ("Took", plots.seconds(run.seconds)),
            ("Commands", f"{run.commands:,}"),
            ("Errors", f"{run.errors:,}"),
            ("Written", size(run.written)),
            ("Read", size(run.read)),
            ("Other events", f"{run.event_counts.total():,}"),
            ("Seed", run.header.seed),
        ]
    )


def units(run: Digest) -> Html:
    """A row a drive or changer."""
    head: list[Content] = ["Unit", "Model", "Serial"]
    head += [_right(text) for text in ("commands", "errors", "busy", "written", "read")]
    known = {unit.name: unit for unit in run.header.units}
    rows: list[list[Content]] = []
    for name, figures in run.units.items():
        unit = known.get(name)
        model = unit.model if unit else ""
        rows.append([name, model, unit.serial if unit else "", *_figures(figures)])
    return table(head, rows)


def _figures(figures: Figures) -> list[Content]:
    return [
        el("td", f"{figures.count:,}", class_="number"),
        el("td", f"{figures.errors:,}", class_="number" if figures.errors else "number zero"),
        el("td", plots.seconds(figures.took), class_="number"),
        el("td", size(figures.written), class_="number"),
        el("td", size(figures.read), class_="number"),
    ]


def _right(text: str) -> Html:
    return el("th", text, class_="number", scope="col")


# --- plots ---------------------------------------------------------------------------------------


def timeline(run: Digest) -> Html:
    """What each nexus asked of each unit, errors in red."""
    order = sorted(run.lanes.values(), key=lambda lane: (lane.unit, lane.nexus))
    if len(order) > LANES:
        busiest = sorted(order, key=lambda lane: -sum(one.count for _, one in lane.bins))[:LANES]
        order = [lane for lane in order if lane in busiest]
    shares = [one.took / lane.bins.width for lane in order for _, one in lane.bins]
    top = min(1.0, max(shares, default=1.0)) or 1.0
    rows = [(f"{lane.unit}, {lane.nexus}", list(_marks(run, lane, top))) for lane in order]
    if run.events:
        rows.append(("events", list(_event_marks(run))))
    told = (
        "Each bar is a command, as long as it took"
        if run.drawn_one_by_one
        else f"How much of the time a command ran, by height; the highest are {top:.0%}"
    )
    left = len(run.lanes) - len(order)
    more = f" Left out: {left} with few commands." if left else ""
    return _figure(
        "Commands by unit and nexus",
        f"{told}. Red: errors and faults.{more}",
        plots.lanes(rows, run.seconds, "Timeline of commands"),
    )


def _event_marks(run: Digest) -> Iterator[Mark]:
    # Faults last: they are drawn over the others.
    for kind in sorted(run.events, key=lambda one: one == "fault"):
        for one in run.events[kind]:
            title = f"{plots.seconds(one.t)}: {one.unit}: {event(one)}"
            yield Mark(one.t, one.t, kind == "fault", 1.0, title)


def _marks(run: Digest, lane: Lane, top: float) -> Iterator[Mark]:
    """``top``: the share of the time that is as high as can be."""
    if run.drawn_one_by_one:
        for start, took, wrong, words in lane.commands:
            title = f"{plots.seconds(start)}, {plots.seconds(took)}: {words}"
            yield Mark(start, start + took, wrong, 1.0, title)
        return
    width = lane.bins.width
    for start, one in lane.bins:
        full = min(1.0, one.took / width / top)
        said = f"{many(one.count, 'command')}, {many(one.errors, 'error')}"
        title = f"{plots.seconds(start)}: {said}"
        yield Mark(start, start + width, False, full, title)
        if one.errors:
            yield Mark(start, start + width, True, max(0.3, full * one.errors / one.count), title)


def positions(run: Digest) -> list[Html]:
    """A plot a drive: the object at which the tape was."""
    volumes = run.events.get("medium", [])
    made = []
    for unit, bins in sorted(run.positions.items()):
        notes = [
            (one.t, str(one.details.get("barcode", "")))
            for one in volumes
            if one.unit == unit and one.details.get("what") == "loaded"
        ]
        plot = plots.lines(
            _position_series(bins),
            run.seconds,
            f"Position of the tape in {unit}",
            "object",
            notes=notes,
        )
        told = "The object identifier after each command; dashed lines are loads."
        made.append(_figure(f"Tape position, {unit}", told, plot))
    return made


def _position_series(bins: Bins[Span]) -> list[Series]:
    """A line a partition, with gaps while the tape is in another."""
    points: dict[int, list[tuple[float, float] | None]] = {}
    before = None
    for start, span in bins:
        line = points.setdefault(span.partition, [])
        if before is not None and before != span.partition:
            points[before].append(None)
        before = span.partition
        middle = start + bins.width / 2
        for share, value in (
            (0.1, span.first),
            (0.4, span.low),
            (0.6, span.high),
            (0.9, span.last),
        ):
            point = (middle + (share - 0.5) * bins.width, float(value))
            if not line or line[-1] is None or line[-1][1] != point[1] or share in (0.1, 0.9):
                line.append(point)
    return [Series(f"partition {number}", line) for number, line in sorted(points.items())]


def throughput(run: Digest) -> Html | None:
    """Megabytes a second to and from the drives."""
    if not run.written and not run.read:
        return None
    # Bins for each pixel say nothing of a rate: four of them together do.
    run.moved.widen(max(run.moved.width * 4, run.seconds / 160))
    width = run.moved.width
    end = int(run.seconds / width) + 1
    rates: dict[str, list[float]] = {"written": [0.0] * end, "read": [0.0] * end}
    for start, one in run.moved:
        at = min(round(start / width), end - 1)
        rates["written"][at] = one.written / width / 1e6
        rates["read"][at] = one.read / width / 1e6
    series = [Series(name, _steps(rate, width, run.seconds)) for name, rate in rates.items()]
    return _figure(
        "Throughput",
        f"Data of READ and WRITE of all drives, averaged over {plots.seconds(width)}.",
        plots.lines(series, run.seconds, "Throughput over time", "MB/s"),
    )


def _steps(rates: list[float], width: float, end: float) -> list[tuple[float, float]]:
    points = []
    for number, rate in enumerate(rates):
        start = number * width
        points += [(start, rate), (min(start + width, end), rate)]
    return points


def _figure(title: str, told: str, plot: Html) -> Html:
    return el("figure", el("figcaption", title, el("small", told)), plot)


# --- lists ---------------------------------------------------------------------------------------


def errors(run: Digest) -> Html | None:
    """Errors by kind, then one by one."""
    if not run.errors:
        return None
    special = changers(run.header)
    grouped = [
        [unit, name, how, number]
        for (unit, name, how), number in run.failure_counts.most_common(50)
    ]
    head: list[Content] = ["Unit", "Command", "Ended", _right("times")]
    return el(
        "section",
        el("h2", f"Errors ({run.errors:,})"),
        table(head, grouped),
        el(
            "details",
            el("summary", _first(len(run.failures), run.errors, "error")),
            table(
                [_right("time"), "Unit", "Nexus", "Command", "Ended"],
                [
                    [
                        el("td", plots.seconds(one.t), class_="number"),
                        one.unit,
                        one.nexus,
                        _said(one, one.unit in special),
                        result(one),
                    ]
                    for one in run.failures
                ],
                "listed",
            ),
        ),
    )


def events(run: Digest) -> Iterator[Html]:
    """Keys, faults, messages and the rest: a section a kind."""
    kinds = [*TITLES, *(kind for kind in run.events if kind not in TITLES)]
    for kind in kinds:
        if kind not in run.events:
            continue
        kept, count = run.events[kind], run.event_counts[kind]
        yield el("h2", f"{TITLES.get(kind, kind)} ({count:,})")
        listed = table(
            [_right("time"), "Unit", "What"],
            ([_time(one), one.unit, _told(one)] for one in kept),
            "listed",
        )
        if len(kept) <= 12:
            yield listed
        else:
            yield el("details", el("summary", _first(len(kept), count, "event")), listed)


def _time(one: Event) -> Html:
    return el("td", plots.seconds(one.t), class_="number")


def _told(one: Event) -> str:
    return event(one).removeprefix(one.kind).strip(" :")


def _first(shown: int, count: int, what: str) -> str:
    if shown < count:
        return f"The first {KEPT} of {count:,} {what}s"
    return f"All {count} {what}s" if count > 1 else f"The {what}"


def commands(run: Digest) -> Html:
    """Figures by command."""
    head: list[Content] = ["Command"]
    head += [_right(text) for text in ("count", "errors", "all of them", "mean", "longest")]
    rows: list[list[Content]] = [
        [
            name,
            el("td", f"{one.count:,}", class_="number"),
            el("td", f"{one.errors:,}", class_="number" if one.errors else "number zero"),
            el("td", plots.seconds(one.took), class_="number"),
            el("td", plots.seconds(one.took / one.count), class_="number"),
            el("td", plots.seconds(one.longest), class_="number"),
        ]
        for name, one in sorted(run.by_command.items(), key=lambda row: -row[1].count)
    ]
    return table(head, rows)


def slowest(run: Digest) -> Html:
    """The commands that took longest."""
    special = changers(run.header)
    rows: Iterable[list[Content]] = (
        [
            el("td", plots.seconds(took), class_="number"),
            el("td", plots.seconds(one.t), class_="number"),
            one.unit,
            one.nexus,
            _said(one, one.unit in special),
            result(one),
            place(one),
        ]
        for took, _, one in run.slowest
    )
    return table([_right("took"), _right("began"), "Unit", "Nexus", "Command", "Ended", "At"], rows)


def _said(command: Command, changer: bool) -> Html:
    words = names.words(command.cdb, changer=changer)
    return el("span", words, title=command.cdb.hex(" "))


def size(count: int) -> str:
    """Bytes in a unit that is easy to read."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return many(count, "byte")

"""A run as one page to read: which device, how many checks ended how, every failure in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from harness.conform.check import Outcome
from harness.conform.exchange import Exchange
from harness.conform.results import Identity, Result, Run
from harness.conform.words import Part, how_it_ended, name, parts, sense_parts
from harness.pages.document import document
from harness.pages.html import Content, Html, definitions, el, table

CLASSES = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.WARNING: "warning",
    Outcome.NOT_APPLICABLE: "none",
}
WORDS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.WARNING: "with a warning",
    Outcome.NOT_APPLICABLE: "not applicable",
}
BADGES = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "FAIL",
    Outcome.WARNING: "WARNING",
    Outcome.NOT_APPLICABLE: "n/a",
}
ORDER = (Outcome.PASS, Outcome.WARNING, Outcome.FAIL, Outcome.NOT_APPLICABLE)
BEFORE = 16
"""Exchanges before the last that a failure is shown with."""
DUMPED, DUMPED_BEFORE = 256, 64
"""Bytes of data that are shown, of the last exchange and of those before."""


def render(run: Run) -> str:
    """The text of the HTML file."""
    device = run.identity
    return document(
        f"Conformance of {device.name}",
        el("p", "Conformance of a " + KINDS.get(device.kind, device.kind), class_="kicker"),
        el("h1", device.name or "A device without a name"),
        identity(device, run),
        verdict(run),
        el("h2", "By topic"),
        topics(run),
        findings("Failures", run.having(Outcome.FAIL)),
        findings("Warnings", run.having(Outcome.WARNING)),
        every(run),
        el("footer", "Made by keyreel conform. ", NOTE),
        script="filters.js",
    )


KINDS = {"tape": "tape drive", "changer": "medium changer"}
NOTE = "Key bytes of SET DATA ENCRYPTION are shown as zeros."


def identity(device: Identity, run: Run) -> Html:
    """Who was asked, how, and when."""
    when = datetime.fromtimestamp(run.started, UTC)
    return definitions(
        [
            ("Vendor", device.vendor),
            ("Product", device.product),
            ("Firmware", device.revision),
            ("Serial number", device.serial or "not said"),
            ("Reached by", el("code", device.target)),
            ("Volume", device.volume),
            ("When", f"{when:%Y-%m-%d %H:%M} UTC"),
            ("Took", f"{run.seconds:.1f} s"),
            ("Volume overwritten", "yes (--scratch)" if run.scratch else "no"),
            ("Order of checks", f"shuffled, seed {run.seed}" if run.seed is not None else ""),
        ]
    )


def verdict(run: Run) -> Html:
    """One sentence, one bar, four counts."""
    counts = run.counts
    failed, warned = counts[Outcome.FAIL], counts[Outcome.WARNING]
    worst = "fail" if failed or run.ended_early else "warning" if warned else "pass"
    sentence = "No check failed" if not failed else f"{failed} check{'s' * (failed > 1)} failed"
    held = len(run.results) - counts[Outcome.NOT_APPLICABLE]
    return el(
        "section",
        el("p", f"{sentence} of {held} that apply."),
        el("p", run.ended_early) if run.ended_early else None,
        bar(counts),
        el(
            "div",
            [
                el("span", _key(outcome), el("b", counts[outcome]), " ", WORDS[outcome])
                for outcome in ORDER
            ],
            class_="counts",
        ),
        class_=f"verdict {worst}",
    )


def _key(outcome: Outcome) -> Html:
    return el("i", class_=f"key {CLASSES[outcome]}", aria_hidden="true")


def bar(counts: Counter[Outcome], of: int = 0) -> Html:
    """A stacked bar; as long as its place, or its share of ``of``."""
    total = counts.total()
    label = ", ".join(f"{counts[one]} {WORDS[one]}" for one in ORDER if counts[one])
    width = f"width:{100 * total / of:.1f}%" if of else None
    return el(
        "div",
        [
            el("span", class_=CLASSES[one], style=f"flex:{counts[one]}")
            for one in ORDER
            if counts[one]
        ],
        class_="bar",
        role="img",
        aria_label=label,
        title=label,
        style=width,
    )


def topics(run: Run) -> Html:
    """A row a topic: its bar, as long as it has checks, and its counts."""
    longest = max((counts.total() for counts in run.topics.values()), default=1)
    rows = [
        [topic, bar(counts, longest), *(_number(counts[one]) for one in ORDER)]
        for topic, counts in run.topics.items()
    ]
    head: list[Content] = ["Topic", ""]
    head += [
        Html(el("th", text, class_="number", scope="col"))
        for text in ("pass", "warn", "fail", "n/a")
    ]
    return table(head, rows, "topics")


def _number(count: int) -> Html:
    return el("td", count, class_="number" if count else "number zero")


def findings(title: str, results: list[Result]) -> Html | None:
    """Failures or warnings, one after the other; the commands of each are at its end."""
    if not results:
        return None
    return el("section", el("h2", f"{title} ({len(results)})"), [finding(one) for one in results])


def finding(result: Result) -> Html:
    """One in full."""
    check = result.check
    rows: list[tuple[str, Content]] = [("Rule", check.expected)]
    if result.outcome is Outcome.FAIL:
        rows += [
            ("Looked at", result.what),
            ("Expected", result.expected),
            ("Came", el("span", result.came, class_="came")),
        ]
    rows += [("Warning", warning) for warning in result.warnings]
    return el(
        "article",
        el(
            "header",
            el("h3", check.title),
            badge(result.outcome),
            el("small", f"{check.id} · {check.clause} · {check.topic}"),
        ),
        definitions(rows, "told"),
        shown(result),
        class_=f"finding {CLASSES[result.outcome]}",
        id=check.id,
    )


def badge(outcome: Outcome) -> Html:
    """The outcome in a word."""
    return el("span", BADGES[outcome], class_=f"badge {CLASSES[outcome]}")


def shown(result: Result) -> Iterator[Html]:
    """The last exchange, and those before it to be opened."""
    if not result.exchanges:
        return
    *before, last = result.exchanges
    device = result.check.kind
    yield exchange(last, device)
    if before:
        left = len(before) - BEFORE
        yield el(
            "details",
            el("summary", f"{len(before)} command{'s' * (len(before) > 1)} before it"),
            el("p", f"The first {left} are left out.", class_="soft") if left > 0 else None,
            [exchange(one, device, full=False) for one in before[-BEFORE:]],
        )


def exchange(one: Exchange, device: str, *, full: bool = True) -> Html:
    """A command and its answer; ``full``: with the fields of everything in words."""
    data = one.reply.data if one.reply else b""
    worded = parts(one, device) if full else []
    return el(
        "div",
        el(
            "div",
            el("b", name(one.cdb, device)),
            el("code", one.cdb.hex(" ")),
            el("span", how_it_ended(one)),
            el("small", "second nexus") if one.nexus else None,
            class_="head",
        ),
        _in_words(one, worded) if full else None,
        _bytes("Data-out", one.out, worded[1:] if one.out else [], full),
        _bytes("Data-in", data, worded[1:] if not one.out else [], full),
        class_="exchange",
    )


def _in_words(one: Exchange, worded: list[Part]) -> Html:
    sense = one.reply.sense if one.reply else b""
    said = el(
        "div",
        el("h4", f"Sense data, {len(sense)} bytes"),
        el("pre", dump(sense, DUMPED_BEFORE)),
        [fields(part, named=False) for part in sense_parts(sense)],
    )
    return el(
        "div",
        el("div", [fields(part) for part in worded[:1]]),
        said if sense else None,
        class_="pair",
    )


def _bytes(title: str, data: bytes, worded: list[Part], full: bool) -> Html | None:
    if not data:
        return None
    return el(
        "details",
        el("summary", f"{title}, {len(data)} bytes"),
        el("pre", dump(data, DUMPED if full else DUMPED_BEFORE)),
        [fields(part) for part in worded],
        open=full and len(data) <= 64,
    )


def fields(part: Part, named: bool = True) -> Html:
    """A layer's fields as a table."""
    rows = el(
        "table", [el("tr", el("td", f), el("td", v)) for f, v in part.fields], class_="fields"
    )
    return Html((el("h4", part.name) if named else "") + rows)


def dump(data: bytes, most: int) -> str:
    """Lines of 16 bytes: offset, hexadecimal, text; of ``most`` bytes."""
    rows = []
    for at in range(0, min(len(data), most), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"{at:4x}  {row.hex(' '):<47}  {text}")
    if len(data) > most:
        rows.append(f"      ... {len(data) - most} bytes more")
    return "\n".join(rows)


# --- all checks --------------------------------------------------------------------------------


def every(run: Run) -> Html:
    """All checks in a list that can be opened and filtered."""
    buttons = [
        el("button", WORDS[one], type="button", data_outcome=CLASSES[one], aria_pressed="false")
        for one in ORDER
    ]
    return el(
        "details",
        el("summary", f"All {len(run.results)} checks"),
        el(
            "div",
            buttons,
            el("input", type="search", placeholder="id, clause or words", aria_label="Search"),
            class_="filters",
        ),
        el("table", el("tbody", _rows(run.results)), class_="checks"),
        class_="all",
        id="all",
    )


def _rows(results: Iterable[Result]) -> Iterator[Html]:
    by_topic: dict[str, list[Result]] = {}
    for result in results:
        by_topic.setdefault(result.check.topic, []).append(result)
    for topic, some in by_topic.items():
        yield el("tr", el("th", topic, colspan="2", scope="colgroup"), class_="topic")
        for result in some:
            yield row(result)


def row(result: Result) -> Html:
    """One check in the list of all."""
    check = result.check
    linked = result.outcome in {Outcome.FAIL, Outcome.WARNING}
    title: Content = el("a", check.title, href=f"#{check.id}") if linked else check.title
    note = result.summary
    return el(
        "tr",
        el("td", badge(result.outcome)),
        el(
            "td",
            title,
            el("br"),
            el("small", f"{check.id} · {check.clause}" + (f" · {note}" if note else "")),
        ),
        data_outcome=CLASSES[result.outcome],
    )

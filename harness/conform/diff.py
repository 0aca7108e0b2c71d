"""What differs between two runs: checks that ended otherwise or failed in another way, and answers
that are not the same where they passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from harness.conform.answers import Other, others
from harness.conform.check import Check, Outcome
from harness.conform.page import badge, bar, identity, shown
from harness.conform.results import Result, Run, counted
from harness.conform.terminal import STYLES
from harness.pages.document import document
from harness.pages.html import Content, Html, definitions, el, table

NOT_THERE = "not there"

Answers = dict[str, list[tuple[Other, list[str]]]]


@dataclass(frozen=True)
class Difference:
    """A check and how it ended in each run; None where it was not run."""

    check: Check
    first: Result | None
    second: Result | None

    @property
    def sides(self) -> tuple[Result | None, Result | None]:
        """Both."""
        return self.first, self.second


def differences(first: Run, second: Run) -> list[Difference]:
    """Checks of either run whose outcome, or what came, is not the same in the other."""
    left = {result.check.id: result for result in first.results}
    right = {result.check.id: result for result in second.results}
    found = []
    for id in sorted({**left, **right}):
        a, b = left.get(id), right.get(id)
        if _told(a) != _told(b):
            one = a or b
            assert one is not None
            found.append(Difference(one.check, a, b))
    return found


def _told(result: Result | None) -> object:
    if result is None:
        return None
    return result.outcome, result.summary


def show(first: Run, second: Run, console: Console) -> None:
    """Print what differs."""
    for mark, run in (("A", first), ("B", second)):
        console.print(f"{mark}  {run.identity.name}, {run.identity.target}", highlight=False)
        console.print(f"   {counted(run.counts)}", highlight=False)
    found = differences(first, second)
    for one in found:
        console.print()
        console.print(
            Text(f"{one.check.id} ({one.check.clause}) {one.check.title}"), soft_wrap=True
        )
        for mark, side in zip("AB", one.sides, strict=True):
            style = STYLES[side.outcome] if side else "dim"
            word = side.outcome.value if side else NOT_THERE
            text = f": {side.summary}" if side and side.summary else ""
            console.print(Text.assemble(f"    {mark} ", (word, style), text), soft_wrap=True)
    answers = by_thing(first, second)
    if answers:
        console.print()
        console.print("Answers differ where checks passed with both:", highlight=False)
    for thing, rows in answers.items():
        console.print()
        console.print(Text(thing), soft_wrap=True)
        for row, checks in rows:
            console.print(Text(f"    {row.what or 'whether it is there'} ({seen(checks)})"))
            for mark, text in (("A", row.first), ("B", row.second)):
                console.print(Text(f"        {mark} {text}"), soft_wrap=True)
    console.print()
    console.print(told(found, answers), highlight=False)


def told(found: list[Difference], answers: Answers) -> str:
    """How much differs, in a line."""
    count = sum(len(rows) for rows in answers.values())
    return f"{len(found)} checks differ, {count} answers differ where both passed"


def by_thing(first: Run, second: Run) -> Answers:
    """What is answered otherwise, by what it is of, with the ids of the checks that saw it."""
    found: Answers = {}
    for other, checks in others(first, second).items():
        found.setdefault(other.thing, []).append((other, checks))
    return found


def seen(checks: list[str]) -> str:
    """The checks that saw a difference, in few words."""
    return checks[0] if len(checks) == 1 else f"{checks[0]} and {len(checks) - 1} more"


def render(first: Run, second: Run) -> str:
    """The text of an HTML file."""
    found = differences(first, second)
    answers = by_thing(first, second)
    runs = (first, second)
    return document(
        f"{first.identity.name} and {second.identity.name}: conformance compared",
        el("p", "Conformance compared", class_="kicker"),
        el("h1", "A: ", first.identity.name, el("br"), "B: ", second.identity.name),
        [_side(mark, run) for mark, run in zip("AB", runs, strict=True)],
        el("h2", f"{len(found)} checks differ" if found else "No check differs"),
        table(["Topic", el("th", "differ", class_="number")], _by_topic(found)) if found else None,
        [_one(difference) for difference in found],
        _answers(answers) if answers else None,
        el("footer", "Made by keyreel conform --diff. Checks that are not named ended alike."),
    )


def _side(mark: str, run: Run) -> Html:
    counts = run.counts
    return el(
        "section",
        el("h2", f"{mark}: {run.identity.name}"),
        identity(run.identity, run),
        bar(counts),
        el("p", counted(counts), class_="soft"),
    )


def _by_topic(found: list[Difference]) -> Iterator[list[Content]]:
    topics: dict[str, int] = {}
    for one in found:
        topics[one.check.topic] = topics.get(one.check.topic, 0) + 1
    for topic, count in topics.items():
        yield [topic, count]


def _answers(answers: Answers) -> Html:
    """Answers that differ, with a line over those of each thing."""
    rows: list[list[Content]] = []
    for thing, found in answers.items():
        rows.append([el("th", thing, colspan=4)])
        rows += [
            [breaking(row.what or "there"), row.first, row.second, seen(ids)] for row, ids in found
        ]
    return el(
        "section",
        el("h2", "Answers differ where checks passed with both"),
        table(["Field", "A", "B", "Seen by"], rows),
    )


def breaking(name: str) -> str:
    """A field's name, which a narrow screen may break after each underscore."""
    return name.replace("_", "_\N{ZERO WIDTH SPACE}")


def _one(one: Difference) -> Html:
    check = one.check
    return el(
        "article",
        el(
            "header",
            el("h3", check.title),
            el("small", f"{check.id} · {check.clause} · {check.topic}"),
        ),
        definitions([("Rule", check.expected)], "told"),
        [_ended(mark, side) for mark, side in zip("AB", one.sides, strict=True)],
        class_="finding warning",
        id=check.id,
    )


def _ended(mark: str, side: Result | None) -> Html:
    if side is None:
        return definitions([(mark, el("span", NOT_THERE, class_="soft"))], "told")
    told: list[Content] = [badge(side.outcome), " ", side.summary]
    worded = side.outcome in {Outcome.FAIL, Outcome.WARNING}
    commands = (
        el("details", el("summary", f"Commands of {mark}"), shown(side))
        if worded and side.exchanges
        else None
    )
    return el("div", definitions([(mark, told)], "told"), commands)

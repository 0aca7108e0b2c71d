"""What differs between two runs: checks that ended otherwise, or failed in another way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from harness.conform.check import Check, Outcome
from harness.conform.page import badge, bar, identity, shown
from harness.conform.results import Result, Run, counted
from harness.conform.terminal import STYLES
from harness.pages.document import document
from harness.pages.html import Content, Html, definitions, el, table

NOT_THERE = "not there"


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
    console.print()
    console.print(f"{len(found)} checks differ", highlight=False)


def render(first: Run, second: Run) -> str:
    """The text of an HTML file."""
    found = differences(first, second)
    runs = (first, second)
    return document(
        f"{first.identity.name} and {second.identity.name}: conformance compared",
        el("p", "Conformance compared", class_="kicker"),
        el("h1", "A: ", first.identity.name, el("br"), "B: ", second.identity.name),
        [_side(mark, run) for mark, run in zip("AB", runs, strict=True)],
        el("h2", f"{len(found)} checks differ" if found else "Nothing differs"),
        table(["Topic", el("th", "differ", class_="number")], _by_topic(found)) if found else None,
        [_one(difference) for difference in found],
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
        el("details", el("summary", f"Commands of {mark}"), shown(side.exchanges))
        if worded and side.exchanges
        else None
    )
    return el("div", definitions([(mark, told)], "told"), commands)

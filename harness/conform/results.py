"""What a run of the suite found, as data: the terminal, JUnit, JSON and HTML are made from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from harness.conform.check import Check, Outcome
from harness.conform.exchange import Exchange


@dataclass(frozen=True)
class Identity:
    """Which device was asked, by its own word; "" for what it does not say."""

    target: str
    """How it was reached, as the user wrote it, without secrets."""
    kind: str
    """"tape", "changer" or another device type in words."""
    vendor: str = ""
    product: str = ""
    revision: str = ""
    serial: str = ""
    volume: str = ""
    """Density of the volume that is loaded, or why there is none."""

    @property
    def name(self) -> str:
        """Vendor, product and revision in a line."""
        return " ".join(part for part in (self.vendor, self.product, self.revision) if part)


@dataclass(frozen=True)
class Result:
    """How one check ended."""

    check: Check
    outcome: Outcome
    what: str = ""
    """What was looked at when it failed."""
    expected: str = ""
    came: str = ""
    reason: str = ""
    """Why it is not applicable."""
    warnings: tuple[str, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """One line: what came, or why it did not apply."""
        if self.outcome is Outcome.FAIL:
            return f"{self.what}: expected {self.expected}, came {self.came}"
        return "; ".join(self.warnings) or self.reason


@dataclass
class Run:
    """A run of the suite against one device."""

    identity: Identity
    started: float
    """Seconds since 1970."""
    scratch: bool
    timeout: float | None
    """Of any command, in seconds; None where each had as long as a physical device may need."""
    seed: int | None = None
    """Of the order of the checks; None is the order in which they are declared."""
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    ended_early: str = ""
    """Why not every check was run, as a sentence."""

    @property
    def counts(self) -> Counter[Outcome]:
        """How many checks ended in each way."""
        return Counter(result.outcome for result in self.results)

    @property
    def topics(self) -> dict[str, Counter[Outcome]]:
        """The same by topic, in the order of the checks."""
        topics: dict[str, Counter[Outcome]] = {}
        for result in self.results:
            topics.setdefault(result.check.topic, Counter())[result.outcome] += 1
        return topics

    def having(self, outcome: Outcome) -> list[Result]:
        """Results that ended so."""
        return [result for result in self.results if result.outcome is outcome]


def counted(counts: Counter[Outcome]) -> str:
    """Counts in words: 412 passed, 1 failed, 2 with a warning, 30 not applicable."""
    words = {
        Outcome.PASS: "passed",
        Outcome.FAIL: "failed",
        Outcome.WARNING: "with a warning",
        Outcome.NOT_APPLICABLE: "not applicable",
    }
    return ", ".join(f"{counts[outcome]} {word}" for outcome, word in words.items())
